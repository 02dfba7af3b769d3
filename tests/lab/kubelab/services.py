# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What the outside host serves: a container registry, the MetalLB manifests, and the API of several control planes."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

from kubelab import binaries, images, net, paths
from kubelab.cache import Recipe, ensure
from kubelab.errors import LabError
from kubelab.paths import HERE
from kubelab.plan import API_PORT, REGISTRY_PORT, WEB_PORT
from kubelab.proc import daemon, run
from kubelab.state import Lab


def registry_address(lab: Lab) -> str:
    """Where nodes pull from."""
    return f"{lab.plan.gateway()}:{REGISTRY_PORT}"


def manifests_dir() -> Path:
    """Directory with v<version>/metallb-*.yaml, served while a lab runs."""
    return paths.root() / "manifests"


def publish_manifests(version: str = "") -> Path:
    """Fetch the manifests of a MetalLB version and put them where they are served."""
    recipe = binaries.manifests(version)
    built = ensure(recipe)
    link = manifests_dir() / f"v{recipe.inputs['version']}"
    link.parent.mkdir(parents=True, exist_ok=True)
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.symlink_to(built)
    os.replace(fresh, link)
    return link


def start(lab: Lab) -> None:
    """Start the outside host's daemons."""
    storage = lab.directory / "registry"
    storage.mkdir(exist_ok=True)
    config = lab.directory / "registry.yml"
    config.write_text(
        f"version: 0.1\nlog: {{level: warn}}\n"
        f"storage:\n  filesystem: {{rootdirectory: {storage}}}\n  delete: {{enabled: true}}\n"
        f"http: {{addr: '{registry_address(lab)}'}}\n",
        encoding="utf-8",
    )
    enter = net.enter(lab)
    env = {"OTEL_TRACES_EXPORTER": "none"}
    lab.record(
        "registry", daemon([*enter, "docker-registry", "serve", config], lab.directory / "registry.log", env=env)
    )
    web: list[str | Path] = [
        sys.executable,
        "-m",
        "http.server",
        "--bind",
        lab.plan.gateway(),
        "--directory",
        manifests_dir(),
        str(WEB_PORT),
    ]
    lab.record("web", daemon([*enter, *web], lab.directory / "web.log"))
    if lab.plan.control_planes > 1:
        backends = [f"{node.ip4}:{API_PORT}" for node in lab.plan.machines() if node.control_plane]
        balance: list[str | Path] = [sys.executable, HERE / "lab", "_balance", lab.plan.endpoint(), *backends]
        lab.record("balancer", daemon([*enter, *balance], lab.directory / "balancer.log"))


def wait_registry(lab: Lab) -> None:
    """Wait until the registry answers."""
    deadline = time.monotonic() + 20
    probe = [*net.enter(lab), "curl", "-sf", "-m", "2", "-o", "/dev/null", f"http://{registry_address(lab)}/v2/"]
    while run(probe, check=False).returncode != 0:
        if time.monotonic() > deadline or not lab.processes["registry"].alive():
            raise LabError("The registry does not answer.", f"Log: {lab.directory / 'registry.log'}")
        time.sleep(0.1)


def repository(lab: Lab, reference: str) -> str:
    """How skopeo calls an image in this lab's registry; the registry stands for all registries, so their host goes."""
    return f"docker://{registry_address(lab)}/{reference.split('/', 1)[1]}"


def push(lab: Lab, recipe: Recipe) -> str:
    """Put an image into the registry; its reference."""
    built = ensure(recipe)
    reference = (built / "reference").read_text(encoding="utf-8")
    skopeo = ["skopeo", "--insecure-policy", "--tmpdir", "/var/tmp", "copy", "-q", "--dest-tls-verify=false"]
    run([*net.enter(lab), *skopeo, f"oci-archive:{built / images.ARCHIVE}", repository(lab, reference)])
    return reference


def remove(lab: Lab, reference: str) -> bool:
    """Take an image out of the registry; whether it was there."""
    skopeo = ["skopeo", "--insecure-policy", "delete", "--tls-verify=false", repository(lab, reference)]
    result = run([*net.enter(lab), *skopeo], check=False)
    if result.returncode == 0:
        return True
    if any(words in result.stderr for words in ("may not exist", "not found", "unknown")):
        return False
    raise LabError(f"The registry does not delete {reference}: {result.stderr.strip()[-300:]}")


def listing(lab: Lab) -> list[str]:
    """Repositories and tags which the registry holds."""
    base = lab.directory / "registry/docker/registry/v2/repositories"
    found = []
    for link in sorted(base.rglob("_manifests/tags/*/current/link")):
        tag = link.parent.parent
        found.append(f"{tag.parent.parent.parent.relative_to(base)}:{tag.name}")
    return found


def balance(listen: str, backends: list[str]) -> None:
    """Body of the balancer process: hand each connection to the first control plane that accepts one."""
    import asyncio

    host, _, port = listen.rpartition(":")
    turn = 0

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal turn
        turn += 1
        for offset in range(len(backends)):
            there, _, its_port = backends[(turn + offset) % len(backends)].rpartition(":")
            try:
                upstream = await asyncio.wait_for(asyncio.open_connection(there, int(its_port)), 1)
            except (OSError, TimeoutError):
                continue
            await asyncio.gather(pipe(reader, upstream[1]), pipe(upstream[0], writer))
            return
        writer.close()

    async def run_server() -> None:
        server = await asyncio.start_server(serve, host, int(port), family=socket.AF_INET)
        async with server:
            await server.serve_forever()

    asyncio.run(run_server())
