# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""No path of somebody's machine gets into the project."""

from __future__ import annotations

import re
from pathlib import Path

from gates.files import project_files

#: workplaces; /root/.kube and the like are true on every node that people log in to as root
PATTERN = re.compile(
    r"(?<![\w.:/$}~-])/(?:work|farm|root/(?!admin\.conf|\.(?:kube|ssh|bashrc)\b)|tmp/\w+\.\d+)\b/?[\w.]*"
)


def problems(root: Path) -> list[str]:
    """Lines that hold such a path."""
    found = []
    for file in project_files(root):
        try:
            lines = (root / file).read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            if match := PATTERN.search(line):
                found.append(f"{file}:{number}: {match.group()} is a path of one machine")
    return found
