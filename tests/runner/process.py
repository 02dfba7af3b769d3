# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""One child process, its output in a file, and nothing of it left behind when the run is interrupted."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

#: seconds that an interrupted child has for its own clean-up
GRACE = 60


def run(command: Sequence[str], log: Path, env: Mapping[str, str], cwd: Path) -> int:
    """Run a command in a process group of its own; returns its exit status."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as output:
        output.write(f"$ {shlex.join(command)}\n".encode())
        output.flush()
        try:
            child = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        except FileNotFoundError as error:
            output.write(f"{error}\n".encode())
            return 127
        try:
            return child.wait()
        except BaseException:
            stop(child)
            raise


def stop(child: subprocess.Popen[bytes]) -> None:
    """Interrupt a child's process group as Ctrl-C would, and leave nothing of it behind."""
    for number, patience in ((signal.SIGINT, GRACE), (signal.SIGTERM, 10), (signal.SIGKILL, None)):
        signal_group(child.pid, number)
        try:
            child.wait(patience)
            break
        except subprocess.TimeoutExpired:
            continue
    # Background jobs of a shell ignore the interruption and survive their shell.
    signal_group(child.pid, signal.SIGKILL)


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group, if there still is one."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def read(log: Path) -> str:
    """Text of a log."""
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
