# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What runs on nodes is Python 3.8 and needs nothing but the standard library."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from gates.files import below
from gates.syntax import imported, parse

OLDEST = (3, 8)
#: a module that runs on nodes says so by this fragment
FRAGMENT = "kubeaddons.metallb._attributes.node"
OWN = "ansible_collections.kubeaddons.metallb.plugins.module_utils."
#: came after 3.8, or went before 3.13
UNSAFE = {"tomllib", "zoneinfo", "graphlib", "distutils", "imp", "asyncore", "telnetlib", "crypt"}
ALLOWED = set(sys.stdlib_module_names) - UNSAFE | {"ansible", "__future__"}


def utility(name: str) -> str:
    """Name of the own utility that an import means, or nothing."""
    return name.removeprefix(OWN).split(".")[0] if name.startswith(OWN) else ""


def closure(root: Path, start: list[Path]) -> list[Path]:
    """Files that reach a node: the modules and the utilities that they import, in turn."""
    reached: list[Path] = []
    waiting = list(start)
    while waiting:
        file = waiting.pop()
        if file in reached or not (root / file).exists():
            continue
        reached.append(file)
        names = map(utility, imported(parse(root / file)))
        waiting += [Path("plugins/module_utils", f"{name}.py") for name in names if name]
    return sorted(reached)


def node_files(root: Path) -> list[Path]:
    """Every file that reaches a node."""
    modules = [file for file in below(root, "plugins/modules/") if file.suffix == ".py"]
    return closure(root, [file for file in modules if FRAGMENT in (root / file).read_text(encoding="utf-8").lower()])


def check(path: Path, name: Path) -> list[str]:
    """Problems of one file."""
    try:
        tree = parse(path, OLDEST)
    except SyntaxError as error:
        return [f"{name}:{error.lineno}: not Python {OLDEST[0]}.{OLDEST[1]}: {error.msg}"]
    found = []
    futures = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    if not any(alias.name == "annotations" for node in futures for alias in node.names):
        found.append(f"{name}: lacks 'from __future__ import annotations', new annotations would fail on old Python")
    for module in dict.fromkeys(imported(tree)):
        if not module.startswith("ansible_collections.kubeaddons.") and module.split(".")[0] not in ALLOWED:
            found.append(f"{name}: imports {module}, which nodes need not have")
    return found


def problems(root: Path) -> list[str]:
    """Problems of every file that reaches a node."""
    return [problem for file in node_files(root) for problem in check(root / file, file)]
