# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What was checked: one line per step on the terminal, and the sum at the end."""

from __future__ import annotations

import re
import textwrap
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Count:
    """Tests by outcome."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        text = f"{self.passed} passed, {self.failed} failed"
        return f"{text}, {self.skipped} skipped" if self.skipped else text


def junit_count(path: Path) -> Count:
    """Outcomes in a report that pytest wrote; nothing if it wrote none."""
    try:
        suites = list(ElementTree.parse(path).iter("testsuite"))
    except (OSError, ElementTree.ParseError):
        return Count()
    total = Count()
    for suite in suites:
        tests, failures, errors, skipped = (
            int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")
        )
        total += Count(max(0, tests - failures - errors - skipped), failures + errors, skipped)
    return total


def step_count(status: int, junit: Path | None) -> Count:
    """What a step counts for: its tests, or one check when it is no pytest run.

    A step that failed counts as a failure even when no test of it did, and a pytest run without tests has failed.
    """
    if junit is None:
        return Count(passed=1) if status == 0 else Count(failed=1)
    count = junit_count(junit)
    if (status != 0 and count.failed == 0) or count.passed + count.failed == 0:
        return count + Count(failed=1)
    return count


#: characters of a failure that the run's last lines repeat, and how many failures of a step
WORDS, FAILURES = 600, 3


def why(text: str) -> str:
    """What Ansible and pytest say in a log of why: the run's end is read first, and is sometimes all that there is."""
    found = re.findall(r"(?m)^fatal: (?:.+\n?)+", text) + re.findall(r"(?m)^(?:FAILED|ERROR) .*", text)
    return "\n".join(textwrap.shorten(one, WORDS, placeholder=" ...") for one in dict.fromkeys(found[:FAILURES]))


@dataclass
class Report:
    """The sum so far."""

    total: Count = field(default_factory=Count)
    #: names, each with why
    failed_steps: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, count: Count, reason: str = "") -> None:
        """Take a step's outcome in."""
        self.total += count
        if count.failed:
            self.failed_steps.append((name, reason))

    def status(self) -> int:
        """Exit status: a run in which nothing passed is no success."""
        return 0 if self.total.failed == 0 and self.total.passed > 0 else 1

    def closing(self) -> str:
        """Last lines of the run."""
        lines = []
        for name, reason in self.failed_steps:
            lines += [f"failed: {name}", *(f"  {line}" for line in reason.splitlines())]
        if not self.failed_steps and self.total.passed == 0:
            lines.append("failed: no test was run")
        return "\n".join([*lines, str(self.total)])
