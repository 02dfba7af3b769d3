# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""docs/causes.md: the catalogue of causes, written from plugins/module_utils/_causes.py.

`python -m gates causes --write` (or `tests/run docs`) writes it; the gate compares.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SOURCE = Path("plugins/module_utils/_causes.py")
PAGE = Path("docs/causes.md")
HEAD = """\
<!-- Written from plugins/module_utils/_causes.py by `tests/run docs`; do not edit. -->

# Causes

What `playbooks/diagnose.yml` can name, in the order in which it does. How to run it: [Diagnose](diagnose.md).
"""


def catalogue(root: Path) -> dict[str, list[dict[str, Any]]]:
    """The groups with their causes, read without running anything."""
    module = ast.parse((root / SOURCE).read_text(encoding="utf-8"))
    names = [
        field.target.id
        for node in module.body
        if isinstance(node, ast.ClassDef)
        for field in node.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    ]
    for node in module.body:
        if (
            isinstance(node, ast.AnnAssign)
            and getattr(node.target, "id", "") == "GROUPS"
            and isinstance(node.value, ast.Dict)
        ):
            return {
                ast.literal_eval(key): [
                    dict(zip(names, (ast.literal_eval(part) for part in call.args), strict=True))
                    for call in value.elts
                    if isinstance(call, ast.Call)
                ]
                for key, value in zip(node.value.keys, node.value.values, strict=True)
                if key is not None and isinstance(value, ast.List)
            }
    return {}


def lines(root: Path) -> Iterator[str]:
    """The page below its head."""
    for group, causes in catalogue(root).items():
        yield from ("", f"## {group}")
        for cause in causes:
            yield from ("", f"### `{cause['id']}`", "", cause["sentence"], "", f"**Remedy.** {cause['remedy']}")


def render(root: Path) -> str:
    """The whole page."""
    return HEAD + "\n".join(lines(root)) + "\n"


def write(root: Path) -> None:
    """Write the page."""
    (root / PAGE).write_text(render(root), encoding="utf-8")


def problems(root: Path) -> list[str]:
    """Whether the page is current."""
    if not (root / SOURCE).exists():
        return []
    current = (root / PAGE).read_text(encoding="utf-8") if (root / PAGE).exists() else ""
    return [] if current == render(root) else [f"{PAGE} is not what {SOURCE} says; write it anew with 'tests/run docs'"]
