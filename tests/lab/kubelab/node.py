# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Nodes: User Mode Linux processes with a copy-on-write disk each."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from kubelab import net
from kubelab.errors import LabError
from kubelab.plan import Node
from kubelab.proc import Process, daemon, die_with_parent, in_session, namespace, run
from kubelab.state import Lab, every


def process(lab: Lab, node: Node) -> Process | None:
    """The node's kernel, when it runs."""
    found = lab.processes.get(node.name)
    return found if found is not None and found.alive() else None


def command_line(lab: Lab, node: Node) -> list[str]:
    """Words of the node's kernel."""
    plan = lab.plan
    words = [
        f"umid={node.name}", f"uml_dir={lab.directory / 'uml'}/", f"ubd0={cow(lab, node)},{lab.artefacts['disk']}",
        "root=/dev/ubda", "rw", f"mem={plan.memory}M", "con=null", "con0=null,fd:1", "seccomp=on", "quiet",
        f"vec0:transport=tap,ifname={net.tap(node)},depth=128,mac={node.mac}",
        f"lab.name={node.name}", f"lab.ip4={node.ip4}/{plan.network().prefixlen}", f"lab.gateway={plan.gateway()}",
        "lab.hosts=" + ",".join(f"{address}={name}" for name, address in plan.hosts().items()),
    ]  # fmt: skip
    if node.ip6:
        words.append(f"lab.ip6={node.ip6}/64")
    if node.segment4:
        words.append(f"vec1:transport=tap,ifname={net.tap(node, True)},depth=128,mac={node.segment_mac}")
        words.append(f"lab.segment={node.segment4}/{plan.segment().prefixlen}")
    return words


def cow(lab: Lab, node: Node) -> Path:
    """The node's own disk blocks; they survive a power cut."""
    return lab.directory / f"{node.name}.cow"


def power_on(lab: Lab, node: Node) -> None:
    """Start a node's kernel on its tap and disk."""
    if process(lab, node) is not None:
        raise LabError(f"{node.name} runs already.")
    old = lab.processes.get(node.name)
    if old is not None:
        end_session(old, {namespace(lab.holder().pid)})  # two kernels on one disk would destroy it
    (lab.directory / "uml").mkdir(exist_ok=True)
    shutil.rmtree(lab.directory / "uml" / node.name, ignore_errors=True)
    # Without SMP a node has one CPU; pinned, a system call costs a third. Ahead of others, because a starved
    # control plane restarts its own parts.
    pin = [
        "nice",
        "-n",
        "-10",
        "taskset",
        "-c",
        str(choose_cpu(sorted(os.sched_getaffinity(0)), running_cpus(every()))),
    ]
    # A guest's fsync must reach the host's page cache (it outlives a power cut), not the host's disk (5 ms each).
    env = {"LD_PRELOAD": "libeatmydata.so"}
    if Path("/dev/shm").is_dir():
        env["TMPDIR"] = "/dev/shm"
    started = daemon(
        [*net.enter(lab), *pin, lab.artefacts["linux"], *command_line(lab, node)],
        lab.directory / f"{node.name}.console",
        env=env,
    )
    lab.record(node.name, started)


def running_cpus(labs: Iterable[Lab]) -> dict[int, int]:
    """Weight of the nodes that run on each CPU, of all labs; a control plane works for three."""
    weights: dict[int, int] = {}
    for lab in labs:
        for node in lab.plan.machines():
            running = process(lab, node)
            if running is not None:
                for cpu in os.sched_getaffinity(running.pid):
                    weights[cpu] = weights.get(cpu, 0) + (3 if node.control_plane else 1)
    return weights


def choose_cpu(cpus: Sequence[int], weights: Mapping[int, int]) -> int:
    """The least used CPU, the first of several."""
    return min(cpus, key=lambda cpu: weights.get(cpu, 0))


def power_cut(lab: Lab, node: Node) -> None:
    """Take the power: SIGKILL, nothing is written any more."""
    running = process(lab, node)
    if running is None:
        raise LabError(f"{node.name} has no power already.")
    end_session(running, {namespace(lab.holder().pid)})


def end_session(leader: Process, spaces: set[int]) -> None:
    """Kill a daemon and everything it started; returns when all of it is gone.

    A session whose leader is gone may be somebody else's by now: then only processes in the lab's own network
    namespaces count.
    """
    certain = leader.alive()
    leader.kill()
    deadline = time.monotonic() + 30
    while True:
        leader.wait_gone(5)
        left = [each for each in in_session(leader.pid) if certain or namespace(each.pid) in spaces]
        if not left:
            return
        if time.monotonic() > deadline:
            raise LabError(f"Process {leader.pid} does not end.", "Look at it with ps.")
        for each in left:
            each.kill()
        time.sleep(0.05)


def ssh_options(lab: Lab) -> list[str]:
    """Options of every ssh into a node: the lab's key, no questions, nothing remembered."""
    return [
        "-F", "none", "-i", lab.artefacts["key"], "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no",
        "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=5",
        "-o", "ServerAliveInterval=15",
    ]  # fmt: skip


def ssh_command(lab: Lab, node: Node, words: Sequence[str] = (), *, cwd: str = "") -> list[str]:
    """A command which runs words on a node (a login shell without words)."""
    return [*net.enter(lab, cwd=cwd), "ssh", *ssh_options(lab), f"root@{node.ip4}", *words]


def ssh(lab: Lab, node: Node, script: str, *, timeout: float = 300, log: Path | None = None) -> str:
    """Run a shell script on a node; its output."""
    try:
        result = run(ssh_command(lab, node, ["sh", "-eu", "-s"]), stdin=script, timeout=timeout, log=log, check=False)
    except subprocess.TimeoutExpired as error:
        raise LabError(
            f"A command on {node.name} did not end within {timeout:.0f}s.", f"Console: {console(lab, node)}"
        ) from error
    if result.returncode != 0:
        tail = f"log: {log}" if log else (result.stderr or result.stdout or "").strip()[-800:]
        raise LabError(
            f"A command on {node.name} ended with {result.returncode}: {tail}", f"Console: {console(lab, node)}"
        )
    return result.stdout or ""


def console(lab: Lab, node: Node) -> Path:
    """Where the node's console output goes."""
    return lab.directory / f"{node.name}.console"


def wait_ssh(lab: Lab, node: Node, timeout: float = 90) -> None:
    """Wait until a node answers."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            probe = subprocess.run(
                ssh_command(lab, node, ["true"]),
                capture_output=True,
                check=False,
                timeout=15,
                preexec_fn=die_with_parent,
            )
            if probe.returncode == 0:
                return
        except subprocess.TimeoutExpired:
            pass
        if process(lab, node) is None:
            raise LabError(f"The kernel of {node.name} ended.", f"Its console: {console(lab, node)}")
        if time.monotonic() > deadline:
            raise LabError(f"{node.name} does not answer to ssh.", f"Its console: {console(lab, node)}")
        time.sleep(0.2)
