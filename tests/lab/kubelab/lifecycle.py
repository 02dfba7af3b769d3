# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Bringing a lab up, taking it down, and what happens to it in between."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kubelab import apt, artefacts, cache, cluster, frr, host, images, net, node, paths, router, services, state
from kubelab.cache import Recipe, ensure
from kubelab.errors import LabError
from kubelab.plan import Node, Plan
from kubelab.proc import Process, in_namespace, namespace
from kubelab.progress import say, step
from kubelab.state import Lab


def up(plan: Plan) -> Lab:
    """Build what is missing, then make the lab, or find it already there."""
    host.require_root()
    host.require_debian()
    host.require_tun()
    with state.exclusive(plan.name):
        old = state.load(plan.name)
        if old is not None and old.ready and healthy(old):
            if old.plan != plan:
                raise LabError(
                    f"Lab {plan.name} runs with other options.", f"Take it down first: lab --name {plan.name} down"
                )
            say(f"lab {plan.name} is up already")
            return old
        if paths.lab_dir(plan.name).exists():
            say(f"clearing the remains of lab {plan.name}")
            clear(plan.name)
        host.require_memory(plan.nodes * plan.memory * (1 << 20) * 6 // 10)
        host.require_disk(plan.nodes * host.NODE_DISK, paths.root())
        warning = host.allow_mappings()
        if warning:
            say(warning)
        apt.install(host.RUN_PACKAGES)
        lab = Lab(plan, artefacts={name: str(path) for name, path in build(plan).items()})
        lab.save()
        try:
            start(lab)
        except BaseException:
            say(f"up did not finish; the lab is left for a look, 'lab --name {plan.name} down' clears it")
            raise
    return lab


def build(plan: Plan) -> dict[str, Path]:
    """Every artefact that the lab needs."""
    disk = artefacts.disk(plan.kubernetes)
    recipes: list[Recipe] = [disk, *images.registry_default(), *([frr.system()] if plan.routers else [])]
    if not all(recipe.path().is_dir() for recipe in recipes):
        host.ready_to_build()
    for recipe in recipes:
        ensure(recipe)
    services.publish_manifests()
    return {
        "disk": ensure(disk) / "base.img",
        "kube": artefacts.build("kube", plan.kubernetes)[0],
        "linux": artefacts.build("kernel")[0] / "linux",
        "key": artefacts.build("ssh-key")[0] / "id_ed25519",
        **({"router": ensure(frr.system()) / frr.TREE} if plan.routers else {}),
    }


def start(lab: Lab) -> None:
    """From nothing to a Ready cluster."""
    log = lab.directory / "kubeadm.log"
    with step("network, registry, nodes boot"):
        net.start_holder(lab)
        for role in net.roles(lab.plan):
            net.start_holder(lab, role)
        net.build(lab)
        services.start(lab)
        for each in lab.plan.bgp_routers():
            router.start(lab, each)
        for machine in lab.plan.machines():
            node.power_on(lab, machine)
        services.wait_registry(lab)
        with ThreadPoolExecutor(max_workers=5) as pool:
            list(pool.map(lambda machine: node.wait_ssh(lab, machine), lab.plan.machines()))
    with ThreadPoolExecutor(max_workers=1) as pool:
        pushes = pool.submit(push_defaults, lab)
        cluster.create(lab, log)
        pushes.result()
    lab.ready = True
    lab.save()


def push_defaults(lab: Lab) -> None:
    """Fill the registry while kubeadm works."""
    for recipe in images.registry_default():
        services.push(lab, recipe)


def healthy(lab: Lab) -> bool:
    """Whether the lab's own daemons all run; nodes may be without power on purpose."""
    machines = {machine.name for machine in lab.plan.machines()}
    return all(process.alive() for name, process in lab.processes.items() if name not in machines)


def down(name: str) -> bool:
    """End everything of a lab and remove its state; whether there was anything."""
    with state.exclusive(name):
        if not paths.lab_dir(name).exists():
            return False
        with step(f"taking lab {name} down"):
            clear(name)
    return True


def clear(name: str) -> None:
    """End the lab's processes, by their recorded identity and by the network namespace which only this lab has."""
    directory = paths.lab_dir(name)
    lab = state.load(name)
    known: list[Process] = list(lab.processes.values()) if lab else []
    known += net.recorded_holders(directory)
    spaces = {namespace(process.pid) for process in known if process.alive()} - {0, namespace(os.getpid())}
    for process in known:
        node.end_session(process, spaces)
    # what 'lab run' left behind, such as an ssh that keeps its connection
    for inode in spaces:
        for process in in_namespace(inode):
            process.kill()
            process.wait_gone(10)
    shutil.rmtree(directory)


def power_on(lab: Lab, machine: Node) -> None:
    """Give a node its power back and wait until it answers."""
    node.power_on(lab, machine)
    node.wait_ssh(lab, machine)


def router_restart(lab: Lab, name: str, text: str | None) -> None:
    """Start a router anew with a configuration (None: the lab's own)."""
    each = router.named(lab, name)
    router.restart(lab, each, router.configuration(lab.plan, each) if text is None else text)


def image_add(lab: Lab, reference: str) -> str:
    """Build an image when needed and put it into the registry."""
    reference = images.normalise(reference)
    recipe = images.by_reference(reference, lab.plan.kubernetes)
    if not recipe.path().is_dir():
        host.ready_to_build()
    services.push(lab, recipe)
    if reference.startswith(("quay.io/metallb/controller:", "quay.io/metallb/speaker:")):
        services.publish_manifests(reference.rpartition(":v")[2])
    return reference


def image_remove(lab: Lab, reference: str, only: str = "") -> str:
    """Take an image out of the registry and out of the nodes' own stores."""
    reference = images.normalise(reference)
    there = False if only else services.remove(lab, reference)
    machines = [lab.plan.node(only)] if only else [m for m in lab.plan.machines() if node.process(lab, m)]
    for machine in machines:
        node.ssh(
            lab,
            machine,
            f"ctr -n k8s.io images ls -q | grep -E '^{reference}(@|$)' | xargs -r ctr -n k8s.io images rm --sync\n",
        )
    registry = "registry untouched" if only else "removed from the registry" if there else "was not in the registry"
    return f"{reference}: {registry}, removed from {', '.join(m.name for m in machines)}"


def prune() -> list[Path]:
    """Remove what neither the present pins nor a lab on disk uses."""
    keep: set[Path] = set()

    def add(recipe: Recipe) -> None:
        keep.add(recipe.path())
        for need in recipe.needs:
            add(need)

    for name in artefacts.RECIPES:
        add(artefacts.recipe(name))
    for group in artefacts.GROUPS.values():
        for recipe in group("", ""):
            add(recipe)
    for lab in state.every():
        for artefact in lab.artefacts.values():
            path = Path(artefact)
            keep |= {path, path.parent}
    keep |= {link.resolve() for link in services.manifests_dir().glob("v*")}
    return cache.prune(keep)
