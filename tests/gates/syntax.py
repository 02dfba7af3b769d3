# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Python sources as trees, and what of them is code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

DOCUMENTATION = ("DOCUMENTATION", "EXAMPLES", "RETURN", "READ_ONLY")


def parse(path: Path, feature_version: tuple[int, int] | None = None) -> ast.Module:
    """Tree of a file, optionally by an older version's grammar."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path), feature_version=feature_version)


def is_documentation(node: ast.stmt) -> bool:
    """A docstring, or one of Ansible's documentation variables."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return isinstance(node.value.value, str)
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id in DOCUMENTATION for target in node.targets)
    return False


def code_lines(path: Path) -> int:
    """Lines that hold code: no blank lines, comments, docstrings or documentation."""
    lines = path.read_text(encoding="utf-8").splitlines()
    tree = ast.parse("\n".join(lines))
    prose = {
        number
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and is_documentation(node)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    return sum(
        1
        for number, line in enumerate(lines, 1)
        if number not in prose and line.strip() and not line.lstrip().startswith("#")
    )


def imported(tree: ast.Module) -> Iterator[str]:
    """Modules that a source imports, wherever in it, as dotted names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)
