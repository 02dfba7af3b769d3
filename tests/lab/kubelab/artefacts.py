# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What 'lab build' and 'lab path' know by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kubelab import binaries, frr, images, kernel, root
from kubelab.cache import Recipe, ensure
from kubelab.errors import LabError

#: name, how to get its recipe from the Kubernetes and MetalLB versions ("" = pinned)
RECIPES: dict[str, Callable[[str, str], Recipe]] = {
    "kube": lambda kube, _: binaries.kube(kube),
    "etcd": lambda *_: binaries.etcd(),
    "kernel": lambda *_: kernel.kernel(),
    "coredns": lambda *_: binaries.coredns(),
    "metallb": lambda _, metallb: binaries.metallb(metallb),
    "manifests": lambda _, metallb: binaries.manifests(metallb),
    "ssh-key": lambda *_: root.ssh_key(),
    "root": lambda kube, _: disk(kube),
}
#: what is not one recipe but several
GROUPS: dict[str, Callable[[str, str], list[Recipe]]] = {
    "images": lambda kube, metallb: [*images.system(kube), *images.registry_default(metallb)],
    "bgp": lambda *_: [frr.system(), *images.bgp()],
    "oldest": lambda *_: images.oldest(),
    "releases": lambda *_: [binaries.manifests(version) for version in binaries.releases()],
}


def disk(kube: str = "") -> Recipe:
    """The nodes' disk with the cluster's own images."""
    return root.disk(kube, images.system(kube), images.pause_reference())


#: single files inside an artefact
FILES: dict[str, tuple[str, str]] = {
    **{name: ("kube", name) for name in binaries.KUBE_COMMANDS},
    "etcd": ("etcd", "etcd"),
    "coredns": ("coredns", "coredns"),
    "linux": ("kernel", "linux"),
    "base.img": ("root", root.DISK),
    "id_ed25519": ("ssh-key", "id_ed25519"),
}


def recipe(name: str, kube: str = "", metallb: str = "") -> Recipe:
    """The recipe of a name given on the command line."""
    if name not in RECIPES:
        raise LabError(f"The lab knows nothing to build called '{name}'.", f"Known: {', '.join([*RECIPES, *GROUPS])}.")
    return RECIPES[name](kube, metallb)


def build(name: str, kube: str = "", metallb: str = "") -> list[Path]:
    """Build an artefact, or take it from the cache."""
    if name in GROUPS:
        return [ensure(each) for each in GROUPS[name](kube, metallb)]
    return [ensure(recipe(name, kube, metallb))]


def path(name: str, kube: str = "", metallb: str = "") -> Path:
    """Path of a built artefact or of a file in it; nothing is built."""
    artefact, file = FILES.get(name, (name, ""))
    found = recipe(artefact, kube, metallb).path() / file
    if not found.exists():
        raise LabError(f"'{name}' is not built.", f"Run 'lab build {artefact}'.")
    return found
