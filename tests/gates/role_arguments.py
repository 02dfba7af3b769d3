# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What a role says of its variables is what its defaults are: the same keys, and the same values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gates.roles import DEFAULTS, MAIN, SPECS, Role, read_roles

NOTHING = object()
#: Kubespray's own, not this collection's: whether they are set is a fact that a role may want to see
FOREIGN = "kube_proxy_"


def is_template(value: Any) -> bool:
    """A default that other variables decide; its description tells, a literal could not."""
    return isinstance(value, str) and "{{" in value


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same types all the way down: 1 is not true, and not "1"."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def option_problem(name: str, option: dict[str, Any], defaults: dict[str, Any]) -> str:
    """What is wrong between an option and its default, if anything."""
    declared, actual = option.get("default", NOTHING), defaults.get(name, NOTHING)
    if actual is NOTHING:
        if declared is not NOTHING:
            return f"{name} has a default in {SPECS} and none in {DEFAULTS}"
        return (
            ""
            if option.get("required") or name.startswith(FOREIGN)
            else f"{name} is neither required nor in {DEFAULTS}"
        )
    if option.get("required"):
        return f"{name} is required and has a default in {DEFAULTS}"
    if declared is NOTHING:
        return "" if is_template(actual) else f"{name} lacks its default ({actual!r}) in {SPECS}"
    if not same(declared, actual):
        return f"{name} is {declared!r} in {SPECS} and {actual!r} in {DEFAULTS}"
    return ""


def role_problems(role: Role) -> Iterator[str]:
    """Problems of one role."""
    if MAIN not in role.entry_points:
        yield f"{SPECS} has no entry point {MAIN}"
    for entry_point, spec in role.entry_points.items():
        for word in ("short_description", "description"):
            if not spec.get(word):
                yield f"entry point {entry_point} has no {word}"
        for name, option in role.options(entry_point).items():
            if problem := option_problem(name, option, role.defaults):
                yield f"{entry_point}: {problem}"
            if not option.get("description"):
                yield f"{entry_point}: {name} has no description"
    declared = {name for entry_point in role.entry_points for name in role.options(entry_point)}
    for name in role.defaults:
        if name not in declared:
            yield f"{name} is in {DEFAULTS} and in no entry point of {SPECS}"


def problems(root: Path) -> list[str]:
    """Problems of every role."""
    return [f"roles/{role.name}: {problem}" for role in read_roles(root) for problem in role_problems(role)]
