# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""A real Kubernetes API server with its etcd on loopback: no nodes, no controllers, everything else as in a cluster."""

from __future__ import annotations

import base64
import functools
import http.client
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integration import certificates

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "tests" / "lab" / "lab"

#: tries of a start: between finding a free port and listening on it, another process may take it
TRIES = 3
#: seconds for a start, which takes three: one that hangs is tried again, and ends with its log
PATIENCE = 60.0

#: what answers once a server has come to rest; it makes these objects after it has said that it is ready
READY = (
    "/readyz",
    *(f"/api/v1/namespaces/{name}" for name in ("default", "kube-system", "kube-public", "kube-node-lease")),
    "/api/v1/namespaces/default/services/kubernetes",
)


@dataclass(frozen=True)
class Server:
    """An API server that runs."""

    directory: Path
    port: int

    @property
    def kubeconfig(self) -> Path:
        """An administrator's kubeconfig."""
        return self.directory / "admin.conf"


@functools.cache
def built(part: str, *options: str) -> Path:
    """Path of something that the lab builds; it is built if it is missing. Asking takes a process, so it is done once."""
    for words in (["path", *options, part], ["build", "etcd", "kube", "releases"], ["path", *options, part]):
        answer = subprocess.run([str(LAB), *words], capture_output=True, text=True, check=False)
        if words[0] == "path" and answer.returncode == 0:
            return Path(answer.stdout.strip())
    raise RuntimeError(f"The lab cannot build {part}: {answer.stderr.strip()}")


def official(version: str, backend: str = "native") -> bytes:
    """A manifest of a MetalLB version as it was released."""
    return (built("manifests", "--metallb", version) / f"metallb-{backend}.yaml").read_bytes()


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def etcd_command(directory: Path, client: int, peer: int) -> list[str]:
    """How etcd is started."""
    here, there = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    return [
        str(built("etcd")),
        f"--data-dir={directory / 'etcd'}",
        f"--listen-client-urls={here}",
        f"--advertise-client-urls={here}",
        f"--listen-peer-urls={there}",
        f"--initial-advertise-peer-urls={there}",
        f"--initial-cluster=default={there}",
        "--unsafe-no-fsync",
    ]


def apiserver_command(directory: Path, port: int, etcd: int) -> list[str]:
    """How the API server is started."""
    return [
        str(built("kube-apiserver")),
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={directory}",
        f"--tls-cert-file={directory / 'server.crt'}",
        f"--tls-private-key-file={directory / 'server.key'}",
        f"--client-ca-file={directory / 'ca.crt'}",
        f"--service-account-key-file={directory / 'service-account.key'}",
        f"--service-account-signing-key-file={directory / 'service-account.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.96.0.0/16,fd00:96::/108",
        "--authorization-mode=RBAC",
        # Nobody makes service accounts here, and Pods would wait for theirs.
        "--disable-admission-plugins=ServiceAccount",
    ]


def write_kubeconfig(directory: Path, port: int) -> None:
    """An administrator's kubeconfig, its certificates inside."""

    def data(name: str) -> str:
        return base64.b64encode((directory / name).read_bytes()).decode()

    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [
            {
                "name": "test",
                "cluster": {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": data("ca.crt")},
            }
        ],
        "users": [
            {
                "name": "admin",
                "user": {"client-certificate-data": data("admin.crt"), "client-key-data": data("admin.key")},
            }
        ],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
    }
    path = directory / "admin.conf"
    path.touch(mode=0o600)
    path.write_text(json.dumps(config), encoding="utf-8")


def found(connection: http.client.HTTPSConnection, path: str) -> bool:
    """Whether the server answers a path with success."""
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()  # the next request takes the same connection
    return answer.status == 200


def ready(directory: Path, port: int) -> bool:
    """Whether the API server says that it is ready, and has made what it makes by itself."""
    context = ssl.create_default_context(cafile=str(directory / "ca.crt"))
    context.load_cert_chain(directory / "admin.crt", directory / "admin.key")
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=5)
    try:
        return all(found(connection, path) for path in READY)
    except ssl.SSLCertVerificationError:
        raise  # waiting would not mend it
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_ready(directory: Path, port: int, processes: list[subprocess.Popen[bytes]]) -> bool:
    """Wait for the API server; false when one of the two has ended instead, or it does not get ready."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and all(process.poll() is None for process in processes):
        if ready(directory, port):
            return True
        time.sleep(0.1)
    return False


def start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a server, its output in a file."""
    with open(log, "ab") as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server; nobody wants its data any more."""
    process.kill()
    process.wait()


@contextmanager
def serving(directory: Path) -> Iterator[Server]:
    """Run etcd and the API server as long as the context lasts."""
    certificates.write_all(directory)
    for _ in range(TRIES):
        client, peer, port = free_ports(3)
        processes: list[subprocess.Popen[bytes]] = []
        try:
            processes.append(start(etcd_command(directory, client, peer), directory / "etcd.log"))
            processes.append(start(apiserver_command(directory, port, client), directory / "apiserver.log"))
            if wait_ready(directory, port, processes):
                write_kubeconfig(directory, port)
                yield Server(directory, port)
                return
        finally:
            for process in processes:
                stop(process)
    logs = [(directory / name).read_text(errors="replace")[-2000:] for name in ("etcd.log", "apiserver.log")]
    raise RuntimeError("The API server did not start:\n" + "\n".join(logs))
