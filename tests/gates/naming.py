# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Variables are named so that nothing of the user's is hit: documented ones by prefix, the roles' own by `__`.

The prefixes are Kubespray's: its users keep their group_vars, hence not every name starts with the role's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from gates.files import below
from gates.roles import read_roles

PREFIXES = ("metallb_", "kube_proxy_", "kubeaddons_metallb_")
SET_FACT = ("ansible.builtin.set_fact", "set_fact")


def tasks(content: Any) -> Iterator[dict[str, Any]]:
    """Every task of a task file, blocks included."""
    for task in content if isinstance(content, list) else []:
        if isinstance(task, dict):
            yield task
            for part in ("block", "rescue", "always"):
                yield from tasks(task.get(part))


def private_names(task: dict[str, Any]) -> Iterator[str]:
    """Variables that a task makes."""
    if isinstance(register := task.get("register"), str):
        yield register
    for module in SET_FACT:
        if isinstance(facts := task.get(module), dict):
            yield from (name for name in facts if name != "cacheable")
    if isinstance(loop_control := task.get("loop_control"), dict):
        yield from (loop_control[key] for key in ("loop_var", "index_var") if key in loop_control)


def problems(root: Path) -> list[str]:
    """Variables that are named otherwise."""
    found = []
    for role in read_roles(root):
        allowed = (*PREFIXES, f"{role.name}_")
        public = {name for point in role.entry_points for name in role.options(point)} | set(role.defaults)
        found += [
            f"roles/{role.name}: {name} starts with none of {', '.join(allowed)}"
            for name in sorted(public)
            if not name.startswith(allowed)
        ]
    for file in below(root, "roles/"):
        if file.suffix not in (".yml", ".yaml") or len(file.parts) < 4 or file.parts[2] not in ("tasks", "handlers"):
            continue
        for task in tasks(yaml.safe_load((root / file).read_text(encoding="utf-8"))):
            found += [
                f"{file}: {name} is a role's own variable and does not start with __"
                for name in private_names(task)
                if not name.startswith("__")
            ]
    return found
