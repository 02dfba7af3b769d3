# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Running other programs: contained build steps, recorded daemons, and who is who in /proc."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kubelab import paths
from kubelab.errors import LabError

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """For preexec_fn: the kernel kills this process when the tool dies, however it dies."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


#: Its own mount and pid namespaces: whatever a step starts or mounts ends with the step.
CONTAIN = ("unshare", "--mount", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc", "--")


def run(
    argv: Sequence[str | os.PathLike[str]],
    *,
    log: Path | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    contained: bool = False,
    check: bool = True,
    stdin: str | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. Output goes to the log file, or is returned when there is none."""
    command = [*CONTAIN, *map(str, argv)] if contained else [*map(str, argv)]
    environment = {**os.environ, **(env or {})}
    if contained:
        environment["TMPDIR"] = str(scratch())
    if log is None:
        result = subprocess.run(
            command, cwd=cwd, env=environment, input=stdin, text=True, capture_output=True, timeout=timeout,
            preexec_fn=die_with_parent, check=False, stdin=None if stdin is not None else subprocess.DEVNULL,
        )  # fmt: skip
        tail = (result.stderr or result.stdout).strip()[-600:]
    else:
        with open(log, "a", encoding="utf-8", errors="replace") as file:
            file.write(f"+ {shlex.join(map(str, argv))}\n")
            file.flush()
            result = subprocess.run(
                command, cwd=cwd, env=environment, input=stdin, text=True, stdout=file, stderr=subprocess.STDOUT,
                timeout=timeout, preexec_fn=die_with_parent, check=False,
                stdin=None if stdin is not None else subprocess.DEVNULL,
            )  # fmt: skip
        tail = f"its log: {log}"
    if check and result.returncode != 0:
        raise LabError(f"'{shlex.join(map(str, argv))[:300]}' ended with {result.returncode}: {tail}")
    return result


def scratch() -> Path:
    """This run's directory for temporary files of build steps; those of runs which are gone are removed."""
    base = paths.root() / "tmp"
    mine = base / f"{os.getpid()}-{start_time(os.getpid())}"
    if not mine.is_dir():
        mine.mkdir(parents=True)
        atexit.register(shutil.rmtree, mine, ignore_errors=True)
        for other in base.iterdir():
            pid, _, started = other.name.partition("-")
            if start_time(int(pid)) != int(started):
                shutil.rmtree(other, ignore_errors=True)
    return mine


@dataclass(frozen=True)
class Process:
    """A process which the lab started; the start time tells it from a later one with the same id."""

    pid: int
    started: int

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return start_time(self.pid) == self.started

    def kill(self, sig: int = signal.SIGKILL) -> None:
        """Send a signal to this process, never to another one."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def wait_gone(self, timeout: float) -> bool:
        """Wait until the process is gone; reaps it when it is a child of ours."""
        deadline = time.monotonic() + timeout
        while self.alive():
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, os.WNOHANG)
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


def parse_stat(text: str) -> tuple[str, int, int]:
    """State letter, session and start time from the text of /proc/PID/stat (names may hold blanks and brackets)."""
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[3]), int(fields[19])


def start_time(pid: int) -> int:
    """Start time in clock ticks since boot; 0 when there is no such process (or only its corpse)."""
    try:
        state, _session, started = parse_stat(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace"))
    except (OSError, IndexError, ValueError):
        return 0
    return 0 if state in "ZX" else started


def identify(pid: int) -> Process:
    """The identity of a process that runs now."""
    return Process(pid, start_time(pid))


def in_session(session: int) -> list[Process]:
    """Every process of a session (a daemon of ours leads its own session)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, its, started = parse_stat((entry / "stat").read_text(encoding="utf-8", errors="replace"))
            except (OSError, IndexError, ValueError):
                continue
            if its == session and state not in "ZX":
                found.append(Process(int(entry.name), started))
    return found


def in_namespace(inode: int, kind: str = "net") -> list[Process]:
    """Every process in a namespace, given by its inode."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and namespace(int(entry.name), kind) == inode:
            process = identify(int(entry.name))
            if process.started:
                found.append(process)
    return found


def namespace(pid: int, kind: str = "net") -> int:
    """Inode of a namespace of a process; 0 when there is no such process."""
    try:
        return os.stat(f"/proc/{pid}/ns/{kind}").st_ino
    except OSError:
        return 0


def daemon(
    argv: Sequence[str | os.PathLike[str]],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Process:
    """Start a process that outlives the tool, in its own session; the caller records it."""
    with open(log, "ab") as file:
        child = subprocess.Popen(
            [*map(str, argv)], stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, cwd=cwd,
            env={**os.environ, **env} if env else None, start_new_session=True,
        )  # fmt: skip
    return identify(child.pid)
