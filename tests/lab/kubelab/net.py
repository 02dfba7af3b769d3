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
from kubelab.plan import CLIENT, ROUTED4, ROUTED6, Node, Plan
from kubelab.proc import Process, daemon, identify, run
from kubelab.state import HOLDER, Lab

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_SLAVE, MS_BIND = 0x4000, 1 << 19, 0x1000
BRIDGE, BRIDGE2 = "br0", "br1"
CLIENT2 = "holder2"
#: who may have a namespace of its own besides the outside host, and the option of 'up' that makes it
ROLES = {CLIENT2: "--second-segment", "router1": "--routers", "router2": "--routers", CLIENT: "--routers"}


def roles(plan: Plan) -> list[str]:
    """Who has a namespace of its own in a lab, besides the outside host."""
    options = {"--second-segment": plan.second_segment, "--routers": plan.routers}
    return [role for role, option in ROLES.items() if options[option]]


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
    for role in (HOLDER, *ROLES):
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
            raise LabError(f"Lab {lab.plan.name} has no {role}.", f"Start it with {ROLES[role]}.")
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


def bridge_lines(name: str, mac: str, address: str) -> list[str]:
    """A bridge on which the outside host has an address."""
    return [
        f"link add {name} type bridge forward_delay 0 mcast_snooping 0",
        f"link set {name} address {mac}",
        f"address add {address} dev {name}",
        f"link set {name} up",
    ]


def build(lab: Lab) -> None:
    """Bridges, addresses and taps; then what else has a namespace."""
    plan = lab.plan
    lines = [
        "link set lo up",
        *bridge_lines(BRIDGE, "52:54:00:00:00:01", f"{plan.gateway()}/{plan.network().prefixlen}"),
    ]
    if plan.dual_stack:
        lines.append(f"address add {plan.gateway6()}/64 dev {BRIDGE} nodad")
    for node in plan.machines():
        lines += tap_lines(tap(node), BRIDGE)
    if plan.second_segment:
        segment = plan.segment()
        lines += bridge_lines(BRIDGE2, "52:54:00:00:00:02", f"{segment[1]}/{segment.prefixlen}")
        for node in plan.machines():
            lines += tap_lines(tap(node, True), BRIDGE2)
    ip_batch(lab, lines)
    run([*enter(lab), "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"])
    if plan.second_segment:
        build_client2(lab)
    if plan.routers:
        build_routers(lab)


def cable(lab: Lab, role: str, peer: str, bridge: str, name: str) -> None:
    """A cable between a bridge of the outside host and an interface in another namespace."""
    pid = lab.processes[role].pid
    ip_batch(lab, [f"link add {peer} type veth peer name {name} netns {pid}", f"link set {peer} master {bridge} up"])


def build_client2(lab: Lab) -> None:
    """The second segment's client."""
    segment = lab.plan.segment()
    cable(lab, CLIENT2, "client2", BRIDGE2, "eth0")
    lines = [f"address add {segment[2]}/{segment.prefixlen} dev eth0", "link set lo up", "link set eth0 up"]
    ip_batch(lab, [*lines, f"route add default via {segment[1]}"], CLIENT2)


def build_routers(lab: Lab) -> None:
    """Two routers and the client behind the first: their cables, addresses and fixed routes.

    No router has a default route: what BGP does not teach it stays unreachable.
    """
    plan = lab.plan
    first, second = plan.bgp_routers()
    for router in (first, second):
        settings = ["net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"]
        # by connection, as routers do it, so that several nodes get work
        settings += ["net.ipv4.fib_multipath_hash_policy=1", "net.ipv6.fib_multipath_hash_policy=1"]
        run([*enter(lab, router.name), "sysctl", "-qw", *settings, "net.ipv6.conf.all.forwarding=1"])
    cable(lab, first.name, first.name, BRIDGE, "eth0")
    for role, name in ((CLIENT, "eth1"), (second.name, "eth2")):
        pid = lab.processes[role].pid
        ip_batch(lab, [f"link add {name} type veth peer name eth0 netns {pid}"], first.name)
    if second.segment4:
        cable(lab, second.name, second.name, BRIDGE2, "eth1")
    for role, lines in router_lines(plan).items():
        ip_batch(lab, lines, role)


def router_lines(plan: Plan) -> dict[str, list[str]]:
    """Addresses and fixed routes of the routers, of the client, and of the outside host towards them."""
    first, second = plan.bgp_routers()
    client4, client6 = plan.client()
    (to_client4, to_client6), (between4, between6) = plan.behind(0), plan.behind(1)
    four: dict[str, list[str]] = {
        HOLDER: [f"route add {ROUTED4} via {first.ip4}"],
        first.name: [
            *interface("eth0", f"{first.ip4}/{plan.network().prefixlen}"),
            *interface("eth1", f"{to_client4[1]}/24"),
            *interface("eth2", f"{between4[1]}/24"),
        ],
        CLIENT: [*interface("eth0", f"{client4}/24"), f"route add default via {to_client4[1]}"],
        second.name: [
            *interface("eth0", f"{second.ip4}/24"),
            f"route add {plan.network()} via {between4[1]}",
            f"route add {to_client4} via {between4[1]}",
        ],
    }
    if second.segment4:
        four[second.name] += interface("eth1", f"{second.segment4}/{plan.segment().prefixlen}")
    six: dict[str, list[str]] = {
        HOLDER: [f"route add {ROUTED6} via {first.ip6}"],
        first.name: [
            f"address add {first.ip6}/64 dev eth0 nodad",
            f"address add {to_client6[1]}/64 dev eth1 nodad",
            f"address add {between6[1]}/64 dev eth2 nodad",
        ],
        CLIENT: [f"address add {client6}/64 dev eth0 nodad", f"route add ::/0 via {to_client6[1]}"],
        second.name: [
            f"address add {second.ip6}/64 dev eth0 nodad",
            f"route add {plan.network6()} via {between6[1]}",
            f"route add {to_client6} via {between6[1]}",
        ],
    }
    return {role: lines + (six[role] if plan.dual_stack else []) for role, lines in four.items()}


def interface(name: str, address: str) -> list[str]:
    """An interface that is up and has an address."""
    return ["link set lo up", f"link set {name} up", f"address add {address} dev {name}"]


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
