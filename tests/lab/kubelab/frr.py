# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""FRR from Debian: the file system that the routers run in, and that stands in for FRR's own images."""

from __future__ import annotations

import shutil
from pathlib import Path

from kubelab import root
from kubelab.cache import Recipe, ensure
from kubelab.paths import HERE
from kubelab.proc import run

PACKAGES = (
    "frr", "frr-pythontools", "tini", "bash", "coreutils", "sed", "grep", "util-linux", "procps", "iproute2",
    "findutils", "base-files",
)  # fmt: skip
#: as in FRR's own images, because MetalLB's manifests name them by number
USER, GROUP, VTY_GROUP = 100, 101, 102
#: what a router's daemons write to; each router has its own
WRITABLE = ("etc/frr", "run/frr", "var/lib/frr", "var/tmp/frr")
#: daemons of FRR that BGP needs; nodes pull and unpack an image with one slow processor
DAEMONS = ("mgmtd", "zebra", "bgpd", "bfdd", "staticd", "watchfrr")
UNUSED = (
    "usr/lib/systemd", "usr/lib/x86_64-linux-gnu/systemd", "usr/lib/x86_64-linux-gnu/gconv", "usr/lib/python3.*/test",
    "usr/share/zoneinfo", "usr/share/bash-completion",
)  # fmt: skip
START = HERE / "images/frr-docker-start"
TREE = "tree"


def debian() -> Recipe:
    """FRR's packages."""
    return root.debian_tree("frr-tree", PACKAGES)


def slim(tree: Path) -> None:
    """Take out what neither a router nor MetalLB's pods use."""
    for pattern in UNUSED:
        for path in tree.glob(pattern):
            shutil.rmtree(path)
    for path in (tree / "usr/lib/frr").iterdir():
        if path.name.endswith("d") and path.name not in (*DAEMONS, "frr-reload"):
            path.unlink()


def prepare(tree: Path, log: Path) -> None:
    """What the packages' scripts would have done, and what FRR's own images have."""
    slim(tree)
    files = {
        "etc/passwd": f"root:x:0:0:root:/root:/bin/bash\nfrr:x:{USER}:{GROUP}:frr:/run/frr:/usr/sbin/nologin\n",
        "etc/group": f"root:x:0:\nfrr:x:{GROUP}:frr\nfrrvty:x:{VTY_GROUP}:frr\n",
        "etc/pam.d/frr": "auth sufficient pam_permit.so\naccount sufficient pam_permit.so\n",
        "etc/pam.d/other": "auth sufficient pam_permit.so\naccount sufficient pam_permit.so\n",
    }
    for name, text in files.items():
        (tree / name).write_text(text, encoding="utf-8")
    for name, target in (("usr/bin/sh", "bash"), ("usr/bin/pager", "more"), ("usr/sbin/tini", "../bin/tini")):
        (tree / name).unlink(missing_ok=True)
        (tree / name).symlink_to(target)
    shutil.rmtree(tree / "var/run", ignore_errors=True)
    (tree / "var/run").symlink_to("/run")
    for name in WRITABLE:
        (tree / name).mkdir(parents=True, exist_ok=True)
        shutil.chown(tree / name, USER, GROUP)
    shutil.copy(START, tree / "usr/lib/frr/docker-start")
    (tree / "usr/lib/frr/docker-start").chmod(0o755)
    # frr-reload.py runs twice for every change; times of files do not survive in an image, so they do not count
    run(
        ["chroot", tree, "python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "/usr/lib"],
        log=log,
    )


#: what the result depends on besides the packages
INPUTS = {"daemons": DAEMONS, "unused": UNUSED, "writable": WRITABLE, "ids": (USER, GROUP, VTY_GROUP)}
CODE = (prepare, slim, root.unpack)


def system() -> Recipe:
    """The file system as a directory."""
    packages = debian()

    def build(to: Path, log: Path) -> None:
        tree = to / TREE
        tree.mkdir()
        root.unpack(ensure(packages), tree, log)
        prepare(tree, log)

    return Recipe("router", build, INPUTS, files=(START,), code=CODE, needs=(packages,), title="file system of routers")
