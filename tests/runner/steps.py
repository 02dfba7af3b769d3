# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Runs the steps of a level one after the other, each with its log."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner import process
from runner.places import OUTPUT, ROOT
from runner.report import Count, Report, step_count, why

TAIL_LINES = 60


def slug(text: str) -> str:
    """A step's name as a file name."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")


@dataclass
class Steps:
    """Runs commands and reports on them."""

    report: Report = field(default_factory=Report)
    output: Path = OUTPUT

    def run(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str] = os.environ,
        cwd: Path = ROOT,
        junit: Path | None = None,
        counts: bool = True,
        proofs: Sequence[str] = (),
        faults: str = "",
    ) -> bool:
        """Run one step. A step that only prepares (counts=False) is reported when it fails.

        Some tools are content when they have done nothing: with proofs, the log must hold each of these texts.
        Others bury their faults: with a pattern for the lines that tell, a failure shows these, not the log's end.
        """
        log = self.output / f"{slug(name)}.log"
        log.unlink(missing_ok=True)
        if junit:
            junit.unlink(missing_ok=True)
        print(f"{name} ... ", end="", flush=True)
        started = time.monotonic()
        status = process.run(command, log, env, cwd)
        seconds = time.monotonic() - started
        text = process.read(log)
        missing = [proof for proof in proofs if proof not in text]
        status = status or int(bool(missing))
        count = step_count(status, junit)
        self.report.add(name, count if counts or count.failed else Count(), why(text) if count.failed else "")
        tests = f" ({count})" if junit else ""
        if not count.failed:
            print(f"ok, {seconds:.1f} s{tests}", flush=True)
            return True
        reason = f" for lack of {missing[0]!r} in its output" if missing else ""
        print(f"FAILED{reason}, {seconds:.1f} s{tests}; from {log}:", flush=True)
        lines = text.splitlines()
        telling = [line for line in lines if faults and re.search(faults, line)]
        print("\n".join((telling or lines)[-TAIL_LINES:]), flush=True)
        return False

    def refuse(self, name: str, reason: str) -> None:
        """Note a level that could not start."""
        print(f"{name} ... FAILED: {reason}", flush=True)
        self.report.add(name, Count(failed=1), reason)
