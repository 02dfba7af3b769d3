# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The lab as the tests see it: a host outside of the cluster that can log in to the nodes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import typing as t
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "tests" / "lab" / "lab"
SEED = Path(__file__).resolve().parent / "seed"
INVENTORY = SEED / "inventory" / "mycluster" / "inventory.ini"
VIP = "192.168.100.240"
SYSTEM = ("--namespace", "kube-system")
NODES = {"node1": "192.168.100.100", "node2": "192.168.100.101", "node3": "192.168.100.102"}

#: what each backend needs besides what a lab has from the start
IMAGES: dict[str, list[str]] = {
    "native": [],
    "frr-k8s": ["quay.io/metallb/frr-k8s:v0.0.25", "quay.io/frrouting/frr:10.4.3"],
    "frr": ["quay.io/frrouting/frr:10.5.3"],
}


class Playbook(t.NamedTuple):
    """How a run of a playbook ended."""

    status: int
    output: str

    @property
    def text(self) -> str:
        """The output without line breaks and YAML's doubled quotes."""
        return " ".join(self.output.split()).replace("''", "'")

    def causes(self) -> set[tuple[str, str]]:
        """Return the causes that the diagnosis names, each with where."""
        return set(re.findall(r"^([a-z-]+) \((\S+)\)$", self.output, re.MULTILINE))

    def assert_named(self, *words: str) -> None:
        """The proof failed, and its sentence names these things."""
        assert self.status != 0, self.output
        sentence = self.text.partition("Traffic does not arrive as it should.")[2]
        assert not [word for word in words if word not in sentence], self.output

    def changed(self) -> dict[str, int]:
        """Return what the recap says of each host."""
        return {host: int(number) for host, number in re.findall(r"^(\S+)\s+: ok=.*changed=(\d+)", self.output, re.M)}


class Cluster:
    """Commands of a person at the outside host."""

    def __init__(self) -> None:
        self.env = dict(os.environ)
        self.name = self.env["LAB_NAME"]
        self.manifests = self.env["LAB_MANIFESTS"]
        self.lab_command = LAB
        #: what the last run of a playbook printed
        self.last_output = ""

    def lab(self, *words: str) -> str:
        """Return what the lab's own command prints."""
        command = [str(LAB), "--name", self.name, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def run(self, *words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command here; the caller looks at the status."""
        return subprocess.run(words, capture_output=True, text=True, env=self.env, timeout=timeout, check=False)

    def run_with_input(self, text: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command that reads a text; the caller looks at the status."""
        return subprocess.run(words, input=text, capture_output=True, text=True, env=self.env, check=False)

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """Return what kubectl prints; fail with its error."""
        done = self.run_with_input(stdin or "", self.env["LAB_KUBECTL"], *words)
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
        return done.stdout

    def objects(self, *words: str) -> t.Any:
        """Return what kubectl get prints as data."""
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def ssh(self, node: str, command: str) -> str:
        """Return what a shell command prints on a node; fail with its error."""
        done = self.run(str(LAB), "--name", self.name, "ssh", node, command)
        assert done.returncode == 0, f"{node}: {command}: {done.stdout}{done.stderr}"
        return done.stdout

    def playbook_command(self, playbook: str, *words: str) -> list[str]:
        """Return the words of the README's command."""
        return [
            "ansible-playbook", "-i", str(INVENTORY), str(ROOT / playbook), "-b",
            "-e", f"metallb_manifest_url={self.manifests}/v{{version}}/{{file}}", *words,
        ]  # fmt: skip

    def playbook(self, playbook: str, *words: str) -> Playbook:
        """Run a playbook to its end."""
        done = subprocess.run(
            self.playbook_command(playbook, *words),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.env, cwd=ROOT, check=False,
        )  # fmt: skip
        self.last_output = done.stdout
        return Playbook(done.returncode, done.stdout)

    def address(self, service: str) -> str:
        """Return the EXTERNAL-IP of a Service in the namespace default."""
        return self.kubectl("get", "service", service, "--no-headers").split()[3]

    def add_images(self, backend: str) -> None:
        """Put what a backend needs into the registry."""
        for image in IMAGES[backend]:
            self.lab("image", "add", image)

    def proof(self) -> Playbook:
        """Run the proof alone."""
        return self.playbook("playbooks/verify.yml")

    def macs(self, address: str) -> set[str]:
        """Return the hardware addresses that answer ARP for an address, asked from here."""
        interface = json.loads(self.run("ip", "-json", "route", "get", address).stdout)[0]["dev"]
        # A neighbour that is known would be asked by unicast, and another that answers would not be heard.
        output = self.run("arping", "-c", "3", "-b", "-w", "4", "-I", interface, address).stdout
        return {mac.lower() for mac in re.findall(r"\[([0-9A-Fa-f:]{17})\]", output)}

    def backend(self) -> str:
        """Return one of the user's Service's endpoints."""
        slices = self.objects("endpointslices", "-l", "kubernetes.io/service-name=myweb-svc-lb")["items"]
        return f"{slices[0]['endpoints'][0]['addresses'][0]}:8080"

    @contextmanager
    def stuck_kube_proxy(self, *nodes: str) -> Iterator[None]:
        """kube-proxy that does not repair its tables: faults of the data plane last only while it is stuck."""
        for node in nodes:
            self.ssh(node, "kill -STOP $(pidof kube-proxy)")
        try:
            yield
        finally:
            for node in nodes:
                self.ssh(node, "kill -CONT $(pidof kube-proxy)")

    @contextmanager
    def cut_off_from_the_api(self, node: str, hook: str, match: str = "") -> Iterator[None]:
        """Drop what goes to the API server's ClusterIP: from a pod (hook prerouting, and its address) or a node (output).

        kube-proxy and kubelet ask the API server by its own address.
        """
        api = self.objects("service", "kubernetes")["spec"]["clusterIP"]
        self.ssh(
            node,
            f"nft 'table ip cut {{ chain cut {{ type filter hook {hook} priority raw; {match} ip daddr {api} drop; }}; }}'",
        )
        try:
            yield
        finally:
            self.ssh(node, "nft delete table ip cut")

    @contextmanager
    def twin(self, address: str) -> Iterator[str]:
        """Another machine on the segment that has an address; its hardware address."""
        route = json.loads(self.run("ip", "-json", "route", "get", NODES["node1"]).stdout)[0]
        # A namespace of its own, held by a process of this test and gone with it.
        with subprocess.Popen(["unshare", "--net", "sleep", "600"]) as holder:
            enter = ["nsenter", "--net", "--target", str(holder.pid)]
            try:
                for words in (
                    ["ip", "link", "add", "twin", "type", "veth", "peer", "name", "twin0"],
                    ["ip", "link", "set", "twin", "master", route["dev"], "up"],
                    ["ip", "link", "set", "twin0", "netns", str(holder.pid)],
                    [*enter, "ip", "address", "add", f"{address}/24", "dev", "twin0"],
                    [*enter, "ip", "link", "set", "twin0", "up"],
                ):
                    done = self.run(*words)
                    assert done.returncode == 0, done.stderr
                link = json.loads(self.run(*enter, "ip", "-json", "link", "show", "twin0").stdout)[0]
                yield str(link["address"])
            finally:
                holder.terminate()
        self.run("ip", "neigh", "flush", "all")

    def curl(self, target: str) -> str:
        """Return what an HTTP server answers, "" when it does not."""
        return self.run("curl", "--silent", "--max-time", "5", target).stdout

    def vtysh(self, command: str, router: str = "router1") -> t.Any:
        """Return what a BGP router says, as data."""
        return json.loads(self.lab("router", router, "vtysh", "-c", f"{command} json"))

    def from_client(self, target: str) -> str:
        """Return what an HTTP server answers to the host behind the routers, "" when it does not."""
        lab = [str(self.lab_command), "--name", self.name, "run", "--client", "--"]
        return self.run(*lab, "curl", "--silent", "--max-time", "5", target).stdout.strip()

    def evidence(self) -> str:
        """Return what one would look at first when something is wrong."""
        parts = []
        for words in (
            ("get", "nodes,services,pods", "--all-namespaces", "-o", "wide"),
            ("get", "events", "--all-namespaces", "--sort-by=.lastTimestamp"),
            ("get", "ipaddresspools,l2advertisements,servicel2statuses", "--all-namespaces"),
            ("logs", "--namespace=metallb-system", "--selector=app=metallb", "--tail=30", "--prefix"),
        ):
            done = self.run(self.env["LAB_KUBECTL"], *words)
            parts.append(f"$ kubectl {' '.join(words)}\n{done.stdout[-6000:]}{done.stderr[-1000:]}")
        for node in NODES:
            for command in ("ipvsadm -Ln", "journalctl -u kubelet -n 20 --no-pager --grep=error"):
                done = self.run(str(LAB), "--name", self.name, "ssh", node, command)
                parts.append(f"{node}$ {command}\n{done.stdout[-4000:]}")
        return "\n\n".join(parts)


def eventually(what: str, check: Callable[[], object], seconds: float = 60) -> None:
    """Wait until a check holds; fail saying what did not come."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"did not come within {seconds:.0f} s: {what}"
        time.sleep(1)
