# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The User Mode Linux kernel of the nodes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from kubelab import apt, pins
from kubelab.cache import Recipe, ensure
from kubelab.errors import LabError
from kubelab.paths import HERE
from kubelab.proc import run

FRAGMENT = HERE / "kernel.config"


def source() -> Recipe:
    """Debian's kernel source, as the tarball it is packaged in."""
    package = pins.get("debian", "kernel_source")
    suite = pins.get("debian", "kernel_suite")

    def build(to: Path, log: Path) -> None:
        deb = apt.download(package, suite, to, log)
        run(["dpkg-deb", "-x", deb, to / "x"], log=log)
        tarball = next((to / "x/usr/src").glob("linux-source-*.tar.xz"))
        os.replace(tarball, to / "source.tar.xz")
        shutil.rmtree(to / "x")
        deb.unlink()

    return Recipe("kernel-source", build, {"package": package, "suite": suite}, title=f"kernel source {package}")


def kernel() -> Recipe:
    """The kernel with everything built in: linux, its release and the lists of what is built in."""
    src = source()
    return Recipe(
        "kernel", lambda to, log: build_kernel(ensure(src), to, log), files=(FRAGMENT,), code=(build_kernel,),
        needs=(src,), resumable=True, title="kernel (4 to 10 minutes)",
    )  # fmt: skip


def build_kernel(src: Path, to: Path, log: Path) -> None:
    """Configure and compile; what an interrupted run has compiled is used."""
    tree = to / "tree"
    if not (to / "unpacked").exists():
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir()
        run(["tar", "-xf", src / "source.tar.xz", "-C", tree, "--strip-components=1"], log=log, contained=True)
        (to / "unpacked").touch()
    make = ["make", "ARCH=um", f"-j{os.cpu_count() or 1}"]
    env = {"KBUILD_BUILD_USER": "lab", "KBUILD_BUILD_HOST": "lab"}
    run([*make, "defconfig"], cwd=tree, log=log, env=env, contained=True)
    merge: list[str | Path] = ["scripts/kconfig/merge_config.sh", "-m", ".config", FRAGMENT]
    run(merge, cwd=tree, log=log, env={**env, "ARCH": "um"}, contained=True)
    run([*make, "olddefconfig"], cwd=tree, log=log, env=env, contained=True)
    run([*make, "linux"], cwd=tree, log=log, env=env, contained=True)
    release = (tree / "include/config/kernel.release").read_text(encoding="utf-8").strip()
    run(["strip", "-o", to / "linux", tree / "linux"], log=log)
    lists = to / "modules" / release
    lists.mkdir(parents=True, exist_ok=True)
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        if (tree / name).exists():
            shutil.copy(tree / name, lists / name)
    (lists / "modules.order").touch()
    if not (lists / "modules.builtin").exists():
        raise LabError("The kernel build left no modules.builtin.")
    shutil.copy(tree / ".config", to / "config")
    (to / "release").write_text(release, encoding="utf-8")
    shutil.rmtree(tree)
    (to / "unpacked").unlink()
