# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The pods that run on this node, to send requests from within their networks: no image and no object is needed for it.

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import ctypes
import os
import typing as t

CLONE_NEWNET = 0x40000000  # <linux/sched.h>


class Pod(t.NamedTuple):
    """One pod with a network of its own."""

    namespace: str  # the file of its network namespace
    name: str
    nameserver: str  # "" where it does not use the cluster's DNS
    domain: str  # of the cluster, for example "cluster.local"; "" as above


def _read(path: str) -> str:
    """Return a process's file, "" where the process has gone."""
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return ""


def _network(proc: str, process: str) -> int:
    """Return the number of a process's network namespace, 0 where the process has gone."""
    try:
        return os.stat("{0}/{1}/ns/net".format(proc, process)).st_ino
    except OSError:
        return 0


def parse_resolver(text: str) -> tuple[str, str]:
    """Return the first name server of a resolv.conf and the cluster's domain; "" twice when it is not for the cluster."""
    nameserver = domain = ""
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["nameserver"] and len(words) > 1:
            nameserver = nameserver or words[1]
        elif words[:1] == ["search"]:
            domain = next((word[4:] for word in words[1:] if word.startswith("svc.")), "")
    return (nameserver, domain) if nameserver and domain else ("", "")


def find(proc: str = "/proc") -> list[Pod]:
    """Return a pod for each network of a pod, those that use the cluster's DNS first; needs root."""
    seen = {_network(proc, "self"), 0}
    found = []
    for process in sorted((one for one in os.listdir(proc) if one.isdigit()), key=int):
        network = _network(proc, process)
        if network in seen or "kubepods" not in _read("{0}/{1}/cgroup".format(proc, process)):
            continue
        variables = dict(
            one.split("=", 1) for one in _read("{0}/{1}/environ".format(proc, process)).split("\0") if "=" in one
        )
        # What holds the network itself, the pause container, has no name.
        if variables.get("HOSTNAME"):
            seen.add(network)
            resolver = parse_resolver(_read("{0}/{1}/root/etc/resolv.conf".format(proc, process)))
            found.append(Pod("{0}/{1}/ns/net".format(proc, process), variables["HOSTNAME"], *resolver))
    return sorted(found, key=lambda pod: not pod.domain)


def enter(namespace: str) -> None:
    """Move the calling thread, and no other, into a network namespace; raise OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(namespace, os.O_RDONLY)
    try:
        if libc.setns(descriptor, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    finally:
        os.close(descriptor)
