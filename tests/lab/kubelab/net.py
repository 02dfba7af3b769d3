# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The lab's network: one namespace with a bridge, which is the outside host; taps of the nodes hang on the bridge.

The namespaces have no name and no mount: a holder process keeps them, and they end with the lab's last process.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from kubelab import paths
from kubelab.errors import LabError
from kubelab.paths import HERE
from kubelab.plan import Node, Plan
from kubelab.proc import Process, daemon, identify, run
from kubelab.state import HOLDER, Lab

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_SLAVE, MS_BIND = 0x4000, 1 << 19, 0x1000
BRIDGE, BRIDGE2 = "br0", "br1"
CLIENT2 = "holder2"


def hold(directory: Path, role: str, hosts: str) -> None:
    """Body of the holder process: make namespaces, say so, sleep. Never returns.

    It writes its own identity before it makes anything, so that no kill can leave an unknown holder behind.
    """
    me = identify(os.getpid())
    (directory / f"{role}.json").write_text(json.dumps([me.pid, me.started]), encoding="utf-8")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    libc.mount(b"none", b"/", None, MS_REC | MS_SLAVE, None)
    # Look-ups on the outside host know the lab's names and fail at once for all others.
    for name, text in (("hosts", hosts), ("resolv.conf", "options timeout:1 attempts:1\n")):
        file = directory / f"{role}.{name}"
        file.write_text(text, encoding="utf-8")
        target = Path("/etc", name).resolve()
        if target.exists() and libc.mount(str(file).encode(), str(target).encode(), None, MS_BIND, None) != 0:
            raise OSError(ctypes.get_errno(), f"bind {target}")
    (directory / f"{role}.ready").touch()
    os.execvp("sleep", ["sleep", "infinity"])


def start_holder(lab: Lab, role: str = HOLDER) -> None:
    """Start a holder and wait until its namespaces are there."""
    ready = lab.directory / f"{role}.ready"
    ready.unlink(missing_ok=True)
    process = daemon(
        [sys.executable, HERE / "lab", "_hold", lab.directory, role, hosts_text(lab.plan)],
        lab.directory / f"{role}.log",
    )
    lab.record(role, process)
    deadline = time.monotonic() + 20
    while not ready.exists():
        if not process.alive() or time.monotonic() > deadline:
            raise LabError(
                "The lab's network namespace could not be made.",
                f"Log: {lab.directory / f'{role}.log'}; in a container, give it CAP_SYS_ADMIN.",
            )
        time.sleep(0.02)


def recorded_holders(directory: Path) -> list[Process]:
    """Holders by their own word, for a run which was killed before it recorded them."""
    found = []
    for role in (HOLDER, CLIENT2):
        try:
            pid, started = json.loads((directory / f"{role}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        found.append(Process(pid, started))
    return found


def hosts_text(plan: Plan) -> str:
    """Content of /etc/hosts."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost"]
    return "\n".join([*lines, *(f"{address} {name}" for name, address in plan.hosts().items()), ""])


def enter(lab: Lab, role: str = HOLDER, *, cwd: str = "") -> list[str]:
    """Words before a command which make it run as the outside host."""
    if role == HOLDER:
        pid = lab.holder().pid
    else:
        process = lab.processes.get(role)
        if process is None or not process.alive():
            raise LabError(f"Lab {lab.plan.name} has no second segment.", "Start it with --second-segment.")
        pid = process.pid
    return ["nsenter", f"--net=/proc/{pid}/ns/net", f"--mount=/proc/{pid}/ns/mnt", f"--wdns={cwd or '/'}", "--"]


def ip_batch(lab: Lab, lines: Sequence[str], role: str = HOLDER) -> None:
    """Several ip commands in one go."""
    run([*enter(lab, role), "ip", "-batch", "-"], stdin="\n".join(lines) + "\n")


def tap_lines(name: str, bridge: str) -> list[str]:
    """A tap on a bridge. Its packets are cut to size here: the guests' driver loses most of what is larger."""
    return [
        f"tuntap add {name} mode tap",
        f"link set {name} gso_max_segs 1 gso_max_size 1500",
        f"link set {name} master {bridge} up",
    ]


def tap(node: Node, second: bool = False) -> str:
    """Name of a node's tap device."""
    return f"{node.name}-b" if second else node.name


def build(lab: Lab) -> None:
    """Bridges, addresses and taps."""
    plan = lab.plan
    prefix = plan.network().prefixlen
    lines = ["link set lo up", f"link add {BRIDGE} type bridge forward_delay 0 mcast_snooping 0"]
    lines += [f"link set {BRIDGE} address 52:54:00:00:00:01", f"address add {plan.gateway()}/{prefix} dev {BRIDGE}"]
    if plan.dual_stack:
        lines.append(f"address add {plan.gateway6()}/64 dev {BRIDGE} nodad")
    lines.append(f"link set {BRIDGE} up")
    for node in plan.machines():
        lines += tap_lines(tap(node), BRIDGE)
    if plan.second_segment:
        segment = plan.segment()
        lines += [
            f"link add {BRIDGE2} type bridge forward_delay 0 mcast_snooping 0",
            f"link set {BRIDGE2} address 52:54:00:00:00:02",
        ]
        lines += [f"address add {segment[1]}/{segment.prefixlen} dev {BRIDGE2}", f"link set {BRIDGE2} up"]
        for node in plan.machines():
            lines += tap_lines(tap(node, True), BRIDGE2)
        client = lab.processes[CLIENT2].pid
        lines += [f"link add client2 type veth peer name eth0 netns {client}", f"link set client2 master {BRIDGE2} up"]
    ip_batch(lab, lines)
    run([*enter(lab), "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"])
    if plan.second_segment:
        mine = [
            f"address add {plan.segment()[2]}/{plan.segment().prefixlen} dev eth0",
            "link set lo up",
            "link set eth0 up",
        ]
        ip_batch(lab, [*mine, f"route add default via {plan.segment()[1]}"], CLIENT2)


def cut(lab: Lab, node: Node, second: bool = False) -> None:
    """Pull a node's cable: its tap leaves the bridge (a tap that is set down would never work again)."""
    ip_batch(lab, [f"link set {tap(node, second)} nomaster"])


def heal(lab: Lab, node: Node, second: bool = False) -> None:
    """Plug the cable in again."""
    ip_batch(lab, [f"link set {tap(node, second)} master {BRIDGE2 if second else BRIDGE}"])


def links(lab: Lab) -> dict[str, bool]:
    """For each node, whether its cable is in."""
    result = run([*enter(lab), "ip", "-json", "link", "show"])
    masters = {link["ifname"]: link.get("master", "") for link in json.loads(result.stdout)}
    return {node.name: masters.get(tap(node)) == BRIDGE for node in lab.plan.machines()}


def subnets_in_use(but: str) -> list[str]:
    """Subnets of the other labs."""
    from kubelab.state import every

    return [lab.plan.subnet for lab in every() if lab.plan.name != but and paths.lab_dir(lab.plan.name).exists()]
