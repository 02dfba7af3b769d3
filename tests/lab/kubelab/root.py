# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The nodes' file system: a Debian tree, the cluster's binaries and images, made into one ext4 image."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from kubelab import apt, binaries, kernel, pins
from kubelab.cache import Recipe, ensure
from kubelab.paths import HERE
from kubelab.proc import run

#: Debian packages of a node
PACKAGES = (
    "systemd-sysv", "dbus", "openssh-server", "sudo", "procps", "kmod", "less",
    "containerd", "runc", "containernetworking-plugins", "python3",
    "iproute2", "iptables", "nftables", "ipset", "ipvsadm", "conntrack", "ethtool", "socat",
    "iputils-ping", "iputils-arping", "curl", "tcpdump", "util-linux", "mount", "ca-certificates",
)  # fmt: skip
FILES = HERE / "guest"
DISK = "base.img"
DISK_SIZE = "12G"


def debian_tree(name: str, packages: Sequence[str], variant: str = "extract") -> Recipe:
    """A tar of Debian packages; 'extract' only unpacks them, 'minbase' makes a system that boots."""
    suite = pins.get("debian", "guest_suite")

    def build(to: Path, log: Path) -> None:
        debootstrap(variant, packages, suite, to / "tree.tar", log)

    inputs = {"packages": packages, "suite": suite, "variant": variant}
    return Recipe(name, build, inputs, code=(debootstrap,), title=f"Debian {suite} packages for {name}")


def debootstrap(variant: str, packages: Sequence[str], suite: str, target: Path, log: Path) -> None:
    """Run mmdebstrap with the machine's own mirror."""
    source = f"deb [signed-by={apt.KEYRING}] {apt.mirror()} {suite} main"
    keep_small = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"]
    options = [f"--dpkgopt=path-exclude={path}" for path in keep_small]
    command: list[str | Path] = [
        "mmdebstrap", "--mode=root", f"--variant={variant}", "--architectures=amd64", f"--include={','.join(packages)}",
        "--aptopt=Acquire::Languages \"none\"", *options, suite, target, source,
    ]  # fmt: skip
    run(command, log=log, contained=True)


def unpack(source: Path, tree: Path, log: Path) -> None:
    """Unpack a Debian tree; device nodes are the kernel's business."""
    tar: list[str | Path] = [
        "tar",
        "-xpf",
        source / "tree.tar",
        "-C",
        tree,
        "--xattrs",
        "--xattrs-include=*",
        "--exclude=./dev/*",
    ]
    run(tar, log=log)
    (tree / "dev").mkdir(exist_ok=True)


def ssh_key() -> Recipe:
    """The key for root's login on nodes, one per cache."""

    def build(to: Path, log: Path) -> None:
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", to / "id_ed25519"], log=log)

    return Recipe("ssh-key", build, title="ssh key")


def disk(kubernetes: str, images: Sequence[Recipe], pause: str) -> Recipe:
    """The ext4 image that every node's copy-on-write file stands on."""
    system = debian_tree("node-tree", PACKAGES, "minbase")
    kube, core, key = binaries.kube(kubernetes), kernel.kernel(), ssh_key()
    needs = (system, kube, core, key, *images)
    files = tuple(sorted(path for path in FILES.rglob("*") if path.is_file()))

    def build(to: Path, log: Path) -> None:
        tree = to / "tree"
        tree.mkdir()
        unpack(ensure(system), tree, log)
        for name in ("kubelet", "kubeadm", "kubectl"):
            shutil.copy2(ensure(kube) / name, tree / "usr/bin" / name)
        shutil.copytree(ensure(core) / "modules", tree / "usr/lib/modules", dirs_exist_ok=True)
        configure(tree, ensure(key) / "id_ed25519.pub", pause, log)
        preload(tree, [ensure(image) / "image.tar" for image in images], log)
        image = to / DISK
        make: list[str | Path] = [
            "mke2fs",
            "-q",
            "-t",
            "ext4",
            "-m",
            "0",
            "-E",
            "lazy_itable_init=0,lazy_journal_init=0",
            "-d",
            tree,
        ]
        run([*make, image, DISK_SIZE], log=log)
        run(["rm", "-rf", "--one-file-system", tree], log=log)

    inputs = {"pause": pause, "size": DISK_SIZE, "names": [str(file.relative_to(FILES)) for file in files]}
    return Recipe(
        "disk",
        build,
        inputs,
        files=files,
        code=(configure, preload, unpack, disk),
        needs=needs,
        title="nodes' disk image",
    )


def configure(tree: Path, public_key: Path, pause: str, log: Path) -> None:
    """Our own files and what a package's script or an installer would have set."""
    for source in sorted(FILES.rglob("*")):
        if source.is_file():
            target = tree / source.relative_to(FILES)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source.read_text(encoding="utf-8").replace("@PAUSE@", pause), encoding="utf-8")
            target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)
    wants = tree / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    for unit, where in (
        ("lab-node.service", "/etc/systemd/system"), ("kubelet.service", "/etc/systemd/system"),
        ("containerd.service", "/usr/lib/systemd/system"), ("ssh.service", "/usr/lib/systemd/system"),
    ):  # fmt: skip
        link = wants / unit
        link.unlink(missing_ok=True)
        link.symlink_to(f"{where}/{unit}")
    for unit in (
        "getty.target", "getty@tty1.service", "systemd-timesyncd.service", "apt-daily.timer", "apt-daily-upgrade.timer",
        "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer", "ssh.socket",
        "nftables.service", "ipvsadm.service", "systemd-networkd.service", "systemd-networkd-wait-online.service",
    ):  # fmt: skip
        mask = tree / "etc/systemd/system" / unit
        mask.unlink(missing_ok=True)
        mask.symlink_to("/dev/null")
    for name in ("iptables", "ip6tables"):
        alternative = tree / "etc/alternatives" / name
        alternative.unlink(missing_ok=True)
        alternative.symlink_to(f"/usr/sbin/{name}-legacy")
        for suffix in ("-save", "-restore"):
            alternative = tree / "etc/alternatives" / f"{name}{suffix}"
            alternative.unlink(missing_ok=True)
            alternative.symlink_to(f"/usr/sbin/{name}-legacy{suffix}")
    ssh = tree / "root/.ssh"
    ssh.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copy(public_key, ssh / "authorized_keys")
    (ssh / "authorized_keys").chmod(0o600)
    for key in (tree / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tree / "etc/ssh/ssh_host_ed25519_key"], log=log)
    (tree / "etc/machine-id").write_text("", encoding="utf-8")
    (tree / "etc/fstab").write_text("", encoding="utf-8")
    for name in ("etc/hostname", "etc/resolv.conf"):
        (tree / name).unlink(missing_ok=True)
    for release in (tree / "usr/lib/modules").iterdir():
        run(["depmod", "-a", "-b", tree, release.name], log=log)


def preload(tree: Path, archives: Sequence[Path], log: Path) -> None:
    """Import images with a containerd whose root is inside the tree, so that nodes have them at their first boot."""
    run(["sh", HERE / "preload.sh", tree / "var/lib/containerd", *archives], log=log, contained=True)
