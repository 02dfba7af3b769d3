# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Modules stay thin, and what they are thin around has unit tests."""

from __future__ import annotations

from pathlib import Path

from gates.files import below
from gates.syntax import code_lines

LIMIT = 150


def problems(root: Path) -> list[str]:
    """Modules that are too long, and private utilities that no test file is named after."""
    found = []
    for file in below(root, "plugins/modules/", "plugins/action/", "plugins/filter/"):
        if file.suffix == ".py" and (length := code_lines(root / file)) >= LIMIT:
            found.append(
                f"{file}: {length} lines of code; move logic into module_utils (fewer than {LIMIT} are allowed)"
            )
    tests = {file.name for file in below(root, "tests/unit/")}
    for file in below(root, "plugins/module_utils/", "plugins/plugin_utils/"):
        if file.suffix == ".py" and file.stem != "__init__" and f"test_{file.stem}.py" not in tests:
            found.append(f"{file}: there is no test_{file.stem}.py below tests/unit")
    return found
