# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Waits that show how they go on: a module that waits, run in slices by the Ansible controller."""

from __future__ import annotations

import time
import typing as t

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _text

# Short enough to be told of a change while it is news, long enough to cost little.
SLICE = 8


class Checks:
    """Counts how often a module has looked, over all slices: as a whole and at each of its results."""

    def __init__(self) -> None:
        self._counts: dict[object, int] = {}

    def add(self, result: dict[str, t.Any]) -> None:
        """Count what a slice says and put the sum so far in its place."""
        entries: list[t.Any] = [(None, result), *enumerate(result.get("results") or [])]
        for key, entry in entries:
            if "check_count" in entry:
                entry["check_count"] = self._counts[key] = self._counts.get(key, 0) + entry["check_count"]


class ProgressAction(ActionBase):  # type: ignore[misc]
    """Runs the module of the same name until it is done or its own timeout has passed."""

    DEFAULT_TIMEOUT: int
    SUBJECT: str

    def lines(self, result: t.Mapping[str, t.Any]) -> list[str]:
        """Return what is not done yet, a line each."""
        raise NotImplementedError

    def run(self, tmp: object = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module in slices; its last result is the result, with the checks of all slices counted."""
        super().run(tmp, task_vars)
        timeout = int(self._task.args.get("timeout", self.DEFAULT_TIMEOUT))
        start = time.monotonic()
        shown: list[str] = []
        checks = Checks()
        while True:
            elapsed = time.monotonic() - start
            part = max(0, min(SLICE, int(timeout - elapsed)))
            result: dict[str, t.Any] = self._execute_module(
                module_args=dict(self._task.args, timeout=part), task_vars=task_vars
            )
            checks.add(result)
            lacking = [_text.plain(line) for line in self.lines(result)]
            elapsed = time.monotonic() - start
            if not result.get("failed") or not lacking or elapsed >= timeout:
                if result.get("failed") and lacking:
                    result["msg"] = result["msg"].replace("after {0} s".format(part), "after {0} s".format(timeout), 1)
                return result
            if lacking != shown:
                shown = lacking
                head = "{0}, {1:.0f} s of {2} s:".format(self.SUBJECT, elapsed, timeout)
                Display().display("\n".join([head] + ["  " + line for line in lacking]), color=C.COLOR_VERBOSE)
