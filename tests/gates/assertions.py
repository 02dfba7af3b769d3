# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""No test is hollow: every test function can fail, and every molecule scenario verifies something."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from gates.files import project_files
from gates.naming import tasks
from gates.syntax import parse

#: calls that judge: pytest's own, and helpers that say so by their name
JUDGES = ("raises", "fail", "warns")
HELPERS = ("assert_", "check_")
ASSERT_MODULES = ("ansible.builtin.assert", "assert")


def called(node: ast.Call) -> str:
    """Last part of the name that is called."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def judges(function: ast.AST) -> bool:
    """Whether something in a function can fail it on purpose."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call) and (called(node) in JUDGES or called(node).lstrip("_").startswith(HELPERS)):
            return True
    return False


def test_functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions that pytest would run."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node


def is_test_file(file: Path) -> bool:
    """A file that pytest would collect."""
    return file.suffix == ".py" and file.name.startswith("test_") and file.parts[0] in ("tests", "molecule")


def hollow_functions(root: Path) -> Iterator[str]:
    """Test functions that cannot fail."""
    for file in filter(is_test_file, project_files(root)):
        functions = list(test_functions(parse(root / file)))
        if not functions:
            yield f"{file}: holds no test"
        for function in functions:
            if not judges(function):
                yield f"{file}:{function.lineno}: {function.name} asserts nothing"


def asserts(content: Any) -> bool:
    """Whether a playbook's plays assert something themselves."""
    for play in content if isinstance(content, list) else []:
        for part in ("pre_tasks", "tasks", "post_tasks"):
            for task in tasks(play.get(part)) if isinstance(play, dict) else ():
                if any(module in task for module in ASSERT_MODULES) or task.get("failed_when", False) is not False:
                    return True
    return False


def hollow_scenarios(root: Path) -> Iterator[str]:
    """Molecule scenarios that verify nothing: molecule itself calls them successful."""
    files = project_files(root)
    for scenario in sorted({file.parent for file in files if file.match("molecule/*/molecule.yml")}):
        inside = [file for file in files if scenario in file.parents]
        functions = [
            function
            for file in filter(is_test_file, inside)
            for function in test_functions(parse(root / file))
            if judges(function)
        ]
        verify = scenario / "verify.yml"
        plays = yaml.safe_load((root / verify).read_text(encoding="utf-8")) if verify in inside else None
        if not functions and not asserts(plays):
            yield f"{scenario}: verifies nothing (no test_*.py with assertions, no verify.yml with assert tasks)"


def problems(root: Path) -> list[str]:
    """Every hollow test and scenario."""
    return [*hollow_functions(root), *hollow_scenarios(root)]
