# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The command line: which levels, which versions."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from runner import pins, venvs
from runner.errors import SetupError
from runner.lab import lab, long
from runner.lint import fix, lint, write_docs
from runner.places import OUTPUT, ROOT
from runner.sanity import sanity
from runner.steps import Steps
from runner.tests import browser, integration, unit
from runner.venvs import CORES, MAIN_CORE

LEVELS = {
    "unit": f"unit tests on ansible-core {MAIN_CORE}, with coverage",
    "lint": "linters, types, documentation, and the gates of this project",
    "sanity": "ansible-test sanity on every ansible-core version",
    "integration": "modules against a real API server",
    "browser": "the report in Chromium",
    "cores": "unit and integration tests on the other ansible-core versions",
    "lab": "acceptance tests and molecule on a real cluster that is booted for it",
}
ON_REQUEST = {
    "long": "acceptance tests that take too long for every run: other releases and FRR, on a lab of their own",
    "fix": "let ruff repair and format the Python files",
    "docs": "write docs/variables.md and docs/causes.md anew",
    "pins": "resolve and freeze the versions in tests/pins anew",
    "exec": "run the command that follows in the environment of the tests",
}


def parser() -> argparse.ArgumentParser:
    """What can be said."""
    levels = "\n".join(f"  {name:12} {text}" for name, text in LEVELS.items())
    others = "\n".join(f"  {name:12} {text}" for name, text in ON_REQUEST.items())
    result = argparse.ArgumentParser(
        prog="tests/run",
        description="Runs the checks of this collection, after setting up all that they need.",
        epilog=f"Levels, from cheap to dear; without one, all of them:\n{levels}\n\nOn request only:\n{others}\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("levels", nargs="*", metavar="LEVEL", choices=[[], *LEVELS, *ON_REQUEST])
    result.add_argument(
        "--skip-core", action="append", default=[], choices=list(CORES), help="leave out an ansible-core version"
    )
    return result


def run_level(level: str, steps: Steps, skipped: Sequence[str]) -> None:
    """Run one level; a missing environment fails it, and only it."""
    cores = [core for core in CORES if core not in skipped]
    try:
        if level == "docs":
            write_docs(steps, venvs.ensure(MAIN_CORE, steps))
        elif level == "fix":
            fix(steps, venvs.ensure(MAIN_CORE, steps))
        elif level == "pins":
            for core in cores:
                pins.refresh(steps, core)
        elif level == "sanity":
            each(level, steps, cores)
        elif level == "cores":
            each("unit", steps, [core for core in cores if core != MAIN_CORE])
            each("integration", steps, [core for core in cores if core != MAIN_CORE])
        elif level == "lab":
            lab(steps, [venvs.ensure(core, steps) for core in cores])
        elif level == "long":
            long(steps, venvs.ensure(MAIN_CORE, steps))
        else:
            each(level, steps, [MAIN_CORE])
    except SetupError as error:
        steps.refuse(level, str(error))


def each(work: str, steps: Steps, cores: Sequence[str]) -> None:
    """Do the same work on several core versions; one that cannot be set up does not keep the others from it."""
    function = {"unit": unit, "lint": lint, "sanity": sanity, "integration": integration, "browser": browser}[work]
    for core in cores:
        try:
            venv = venvs.ensure(core, steps)
        except SetupError as error:
            steps.refuse(f"{work}, ansible-core {core}", str(error))
        else:
            function(steps, venv)


def execute(command: Sequence[str]) -> NoReturn:
    """Become a command in the environment of the tests."""
    environ = venvs.ensure(MAIN_CORE, Steps()).environ()
    os.chdir(ROOT)
    os.execvpe(command[0], list(command), environ)


def interrupted(_number: int, _frame: FrameType | None) -> NoReturn:
    """Being told to stop is like Ctrl-C: the lab is taken down."""
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; the exit status tells whether all of it passed."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["exec"] and len(words) > 1:
        execute(words[1:])
    options = parser().parse_args(words)
    signal.signal(signal.SIGTERM, interrupted)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    steps = Steps()
    wanted = options.levels or list(LEVELS)
    try:
        for level in (*LEVELS, *ON_REQUEST):
            if level in wanted:
                run_level(level, steps, options.skip_core)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    print(steps.report.closing())
    return steps.report.status()
