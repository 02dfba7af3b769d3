# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The BGP routers: FRR's daemons, each router in its own namespaces."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

from kubelab import frr, net
from kubelab.errors import LabError
from kubelab.plan import NODES_ASN, Plan, Router
from kubelab.proc import daemon, run
from kubelab.state import Lab

#: in the order of starting; without mgmtd, zebra looks for it a hundred times a second
DAEMONS = ("mgmtd", "zebra", "bgpd", "bfdd")
CONFIG = "etc/frr/frr.conf"


def configuration(plan: Plan, router: Router) -> str:
    """What a router starts with: every node is a named neighbour, so that each can be changed alone."""
    lines = [
        "frr defaults traditional",
        f"hostname {router.name}",
        "log stdout informational",
        "bfd",
        " profile lab",
        "  detect-multiplier 3",
        "  receive-interval 300",
        "  transmit-interval 300",
        " exit",
        "exit",
        f"router bgp {router.asn}",
        f" bgp router-id {router.ip4}",
        " no bgp ebgp-requires-policy",
        " no bgp default ipv4-unicast",
    ]
    for group, neighbours in router.neighbours.items():
        # nodes dial, for most of MetalLB's backends do not listen
        lines += [f" neighbor {group} peer-group", f" neighbor {group} remote-as {NODES_ASN}"]
        lines.append(f" neighbor {group} passive")
        if group == "multihop":
            lines.append(f" neighbor {group} ebgp-multihop 4")
        for address, name in neighbours:
            lines += [f" neighbor {address} peer-group {group}", f" neighbor {address} description {name}"]
    for family in ("ipv4", "ipv6") if plan.dual_stack else ("ipv4",):
        lines.append(f" address-family {family} unicast")
        for group in router.neighbours:
            # what was received can be looked at even where a policy refuses it
            lines += [f"  neighbor {group} activate", f"  neighbor {group} soft-reconfiguration inbound"]
        lines += ["  maximum-paths 8", " exit-address-family"]
    return "\n".join([*lines, "exit", ""])


def named(lab: Lab, name: str) -> Router:
    """A router of a lab."""
    routers = lab.plan.bgp_routers()
    for router in routers:
        if router.name == name:
            return router
    if not routers:
        raise LabError(f"Lab {lab.plan.name} has no routers.", "Start it with --routers.")
    raise LabError(f"Lab {lab.plan.name} has no router '{name}'.", f"It has {' and '.join(r.name for r in routers)}.")


def own(lab: Lab, router: Router, name: str = "") -> Path:
    """A directory or file which only this router has, as seen from outside its file system."""
    return lab.directory / router.name / name


def inside(lab: Lab, router: Router) -> list[str]:
    """Words before a command which make it run in a router's own file system."""
    return [*net.enter(lab, router.name), "chroot", lab.artefacts["router"]]


def start(lab: Lab, router: Router) -> None:
    """Give a router its file system, and start it with the lab's configuration."""
    tree = lab.artefacts["router"]
    mount = [*net.enter(lab, router.name), "mount"]
    for name in frr.WRITABLE:
        own(lab, router, name).mkdir(parents=True)
        shutil.chown(own(lab, router, name), frr.USER, frr.GROUP)
        run([*mount, "--bind", own(lab, router, name), f"{tree}/{name}"])
    run([*mount, "--rbind", "/dev", f"{tree}/dev"])
    run([*mount, "-t", "proc", "proc", f"{tree}/proc"])
    own(lab, router, "etc/frr/vtysh.conf").write_text("service integrated-vtysh-config\n", encoding="utf-8")
    start_daemons(lab, router)
    load(lab, router, configuration(lab.plan, router))


def start_daemons(lab: Lab, router: Router) -> None:
    """Start FRR without a configuration and wait until it takes one."""
    sockets = [own(lab, router, f"run/frr/{name}.vty") for name in DAEMONS]
    for socket in sockets:
        socket.unlink(missing_ok=True)
    for name in DAEMONS:
        command = [*inside(lab, router), f"/usr/lib/frr/{name}", "-A", "127.0.0.1", "--limit-fds", "10000"]
        log = lab.directory / f"{router.name}-{name}.log"
        lab.record(f"{router.name}-{name}", daemon([*command, "--log", "stdout"], log))
    deadline = time.monotonic() + 60
    while not all(socket.exists() for socket in sockets):
        dead = [name for name in DAEMONS if not lab.processes[f"{router.name}-{name}"].alive()]
        if dead or time.monotonic() > deadline:
            what = dead[0] if dead else "FRR"
            raise LabError(
                f"{what} of {router.name} does not run.",
                f"Log: {lab.directory / f'{router.name}-{dead[0] if dead else DAEMONS[0]}.log'}",
            )
        time.sleep(0.05)


def stop_daemons(lab: Lab, router: Router) -> None:
    """End FRR as an operator would: neighbours are told, its routes are taken back."""
    running = [lab.processes.get(f"{router.name}-{name}") for name in reversed(DAEMONS)]
    for process in filter(None, running):  # a start that failed half-way leaves some out
        process.kill(signal.SIGTERM)
        if not process.wait_gone(15):
            process.kill()
            process.wait_gone(15)


def load(lab: Lab, router: Router, text: str) -> None:
    """Hand a configuration to daemons that have none."""
    file = own(lab, router, CONFIG)
    file.write_text(text, encoding="utf-8")
    shutil.chown(file, frr.USER, frr.GROUP)
    file.chmod(0o640)  # it may have passwords
    result = run([*inside(lab, router), "vtysh", "-b"], check=False)
    if result.returncode != 0:
        raise LabError(
            f"{router.name} does not take its whole configuration: {complaints(result.stdout + result.stderr)}.",
            f"It runs with the rest; 'lab router {router.name} reset' gives it the lab's own.",
        )


def restart(lab: Lab, router: Router, text: str) -> None:
    """Start a router anew with another configuration; a wrong one is refused before anything is touched."""
    draft = own(lab, router, "etc/frr/draft.conf")
    draft.write_text(text, encoding="utf-8")
    try:
        result = run([*inside(lab, router), "vtysh", "--dryrun", "--inputfile", "/etc/frr/draft.conf"], check=False)
    finally:
        draft.unlink()
    if result.returncode != 0:
        raise LabError(
            f"FRR does not understand the configuration: {complaints(result.stdout + result.stderr)}.",
            f"{router.name} was left as it is.",
        )
    stop_daemons(lab, router)
    start_daemons(lab, router)
    load(lab, router, text)


def complaints(said: str) -> str:
    """Of what vtysh said, the lines that name a fault; all of it when none does."""
    lines = [" ".join(line.split()) for line in said.splitlines() if line.strip()]
    faults = [line for line in lines if line.startswith(("%", "line "))]
    return "; ".join(faults or lines)


def loaded(lab: Lab, router: Router) -> str:
    """The configuration that a router was last started with."""
    return own(lab, router, CONFIG).read_text(encoding="utf-8")
