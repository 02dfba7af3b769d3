# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""A process that takes something back when a run of Ansible ends, also by Ctrl-C, after which Ansible runs no task."""

from __future__ import annotations

import os
import time
import typing as t

PAUSE = 1.0  # seconds between two looks


def is_alive(process: int) -> bool:
    """Return whether a process of this host runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's
    return True


def watch(
    alive: t.Callable[[], bool],
    undo: t.Callable[[], None],
    patience: float,
    sleep: t.Callable[[float], None] = time.sleep,
    clock: t.Callable[[], float] = time.monotonic,
) -> None:
    """Call undo once nobody is alive any more, or after so many seconds."""
    deadline = clock() + patience
    while alive() and clock() < deadline:
        sleep(PAUSE)
    undo()


def stand(alive: t.Callable[[], bool], undo: t.Callable[[], None], patience: float) -> None:
    """Do the same in a process of its own, which nothing that ends the caller reaches; returns at once."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork() == 0:
            nowhere = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nowhere, descriptor)
            watch(alive, undo, patience)
    finally:
        os._exit(0)
