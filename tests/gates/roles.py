# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The roles' variables as their files declare them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gates.files import below

SPECS = "meta/argument_specs.yml"
DEFAULTS = "defaults/main.yml"
MAIN = "main"


def load(path: Path) -> dict[str, Any]:
    """A YAML mapping; empty when the file is not there."""
    if not path.exists():
        return {}
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content if isinstance(content, dict) else {}


@dataclass(frozen=True)
class Role:
    """One role."""

    name: str
    path: Path
    entry_points: dict[str, dict[str, Any]]
    defaults: dict[str, Any]

    def options(self, entry_point: str) -> dict[str, dict[str, Any]]:
        """Variables that an entry point takes."""
        return self.entry_points.get(entry_point, {}).get("options") or {}


def read_roles(root: Path) -> Iterator[Role]:
    """Every role of the project."""
    for name in sorted({file.parts[1] for file in below(root, "roles/") if len(file.parts) > 2}):
        path = root / "roles" / name
        specs = load(path / SPECS).get("argument_specs") or {}
        yield Role(name, path, specs, load(path / DEFAULTS))
