# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Every file of code names its licence and its authors in its first lines."""

from __future__ import annotations

from pathlib import Path

from gates.files import is_python, is_shell, project_files

# Joined here, so that this file's own text is no header.
LICENCE = "SPDX-License-Identifier" + ": GPL-3.0-or-later"
AUTHORS = "The kubeaddons.metallb authors"
LINES = 8


def problems(root: Path) -> list[str]:
    """Files of code without the two lines."""
    found = []
    for file in project_files(root):
        if not (is_python(root / file) or is_shell(root / file)):
            continue
        text = (root / file).read_text(encoding="utf-8")
        head = "\n".join(text.splitlines()[:LINES])
        missing = [wanted for wanted in (LICENCE, AUTHORS) if wanted not in head]
        if text.strip() and missing:
            found.append(f"{file}: its first {LINES} lines lack {' and '.join(map(repr, missing))}")
    return found
