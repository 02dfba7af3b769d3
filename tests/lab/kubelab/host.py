# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What this machine must have."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from kubelab import apt, paths, pins
from kubelab.errors import LabError

#: Debian packages that building needs
BUILD_PACKAGES = (
    "bc", "bison", "flex", "gcc", "libc6-dev", "libelf-dev", "libssl-dev", "make", "xz-utils", "perl",
    "ca-certificates", "containerd", "debian-archive-keyring", "e2fsprogs", "kmod", "mmdebstrap", "openssh-client",
    "util-linux",
)  # fmt: skip
#: Debian packages that a running lab needs; the person on the outside host uses curl, arping and ssh
RUN_PACKAGES = (
    "curl",
    "docker-registry",
    "iproute2",
    "iputils-arping",
    "iputils-ping",
    "libeatmydata1",
    "openssh-client",
    "skopeo",
    "util-linux",
)

GIB = 1 << 30
BUILD_DISK = 14 * GIB
NODE_DISK = 2 * GIB
#: Each page of a process in a guest may be a mapping of its own here, and an API server comes to more than the usual limit
#: of 65530. It then stands still for ever, in a page fault that is never mended.
MAPPINGS = 1 << 20


def require_root() -> None:
    """Namespaces, taps and mmdebstrap need it."""
    if os.geteuid() != 0:
        raise LabError("The lab must run as root (it makes network namespaces and tap devices).", "Run it with sudo.")


def require_tun(device: Path = Path("/dev/net/tun")) -> None:
    """Taps come from /dev/net/tun."""
    if not device.exists():
        raise LabError(
            f"There is no {device}, so no tap device can be made.",
            "Load the module (modprobe tun), or give the container the device (--device /dev/net/tun).",
        )


def meminfo_available(text: str) -> int:
    """Bytes of MemAvailable in the text of /proc/meminfo."""
    match = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    return int(match[1]) * 1024 if match else 0


def require_memory(needed: int, available: int | None = None) -> None:
    """Guests' memory is the host's."""
    if available is None:
        available = meminfo_available(Path("/proc/meminfo").read_text(encoding="utf-8"))
    if available < needed:
        raise LabError(
            f"The lab needs about {needed / GIB:.1f} GiB of memory and {available / GIB:.1f} GiB are available.",
            "Use fewer nodes (--nodes), less memory for each (--memory), or stop something.",
        )


def allow_mappings(setting: Path = Path("/proc/sys/vm/max_map_count")) -> str:
    """Raise the machine's limit of mappings until its next start; return a warning where it cannot be raised."""
    found = int(setting.read_text(encoding="ascii"))
    if found >= MAPPINGS:
        return ""
    try:
        setting.write_text(str(MAPPINGS), encoding="ascii")
    except OSError as exc:
        return (
            f"vm.max_map_count is {found} and cannot be raised here ({exc.strerror}): an API server may hang after a while. "
            f"On the machine itself: sysctl vm.max_map_count={MAPPINGS}"
        )
    return ""


def require_disk(needed: int, where: Path, available: int | None = None) -> None:
    """Space for the cache, or for the nodes' disks."""
    if available is None:
        place = where
        while not place.exists():
            place = place.parent
        available = shutil.disk_usage(place).free
    if available < needed:
        raise LabError(
            f"The lab needs {needed / GIB:.0f} GiB below {where} and {available / GIB:.1f} GiB are free.",
            "Free some, run 'lab prune', or set KUBEADDONS_CACHE to a larger disk.",
        )


def require_debian() -> None:
    """Nodes are made of Debian packages by Debian's tools."""
    for tool in ("apt-get", "dpkg-query"):
        if shutil.which(tool) is None:
            raise LabError(f"There is no {tool}.", "The lab runs on Debian (12 or later).")


def ready_to_build() -> None:
    """Everything that a build step may need."""
    require_root()
    require_debian()
    apt.install(BUILD_PACKAGES)
    if shutil.which("go") is None:
        apt.install(["golang-go"])
    require_disk(BUILD_DISK // 3 if (paths.root() / "cache" / "kernel").exists() else BUILD_DISK, paths.root())


def parse_go_version(text: str) -> tuple[int, int]:
    """(1, 26) from 'go version go1.26.8 linux/amd64'."""
    match = re.search(r"go(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def go_environment() -> dict[str, str]:
    """Environment of every Go build: static; a newer toolchain comes as a Go module when the machine's is too old."""
    env = {"CGO_ENABLED": "0", "GOOS": "linux", "GOWORK": "off"}
    result = subprocess.run(["go", "version"], text=True, capture_output=True, check=False, cwd="/")
    if parse_go_version(result.stdout) < parse_go_version("go" + pins.get("go", "minimum")):
        env["GOTOOLCHAIN"] = "auto"
    return env
