# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""tests/run pins: resolves tests/pins/*.in anew and freezes the result."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from runner import pythons
from runner.places import PINS
from runner.steps import Steps
from runner.venvs import CORES

HEADER = "# Made by 'tests/run pins' from {source}; do not edit.\n"
INSTALL = '"$1" -m venv "$2" && "$2/bin/python" -m pip install --no-compile --requirement "$3"'


def refresh(steps: Steps, core: str) -> None:
    """Write the frozen requirements of one core version."""
    python, _version = pythons.find(CORES[core])
    source = PINS / f"core-{core}.in"
    with tempfile.TemporaryDirectory(prefix="pins-") as scratch:
        target = Path(scratch, "venv")
        if not steps.run(f"pins, {source.name}", ["sh", "-c", INSTALL, "sh", python, str(target), str(source)]):
            return
        frozen = subprocess.run(
            [str(target / "bin" / "python"), "-m", "pip", "freeze"], check=True, capture_output=True, text=True
        )
    source.with_suffix(".txt").write_text(HEADER.format(source=source.name) + frozen.stdout, encoding="utf-8")
