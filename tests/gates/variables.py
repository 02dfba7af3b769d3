# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""docs/variables.md: every variable of every role, written from what the roles declare.

`python -m gates variables --write` (or `tests/run docs`) writes it; the gate compares.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gates.roles import MAIN, Role, read_roles

PAGE = Path("docs/variables.md")
HEAD = """\
<!-- Written from roles/*/meta/argument_specs.yml by `tests/run docs`; do not edit. -->

# Variables

Every variable of every role. Set them in `group_vars/k8s_cluster/addons.yml`, or wherever your inventory
keeps such things.
"""
#: Ansible's markup: O(x), V(x), C(x) ... are code, B(x) and I(x) emphasis
CODE = re.compile(r"\b(?:RV|O|V|C|E|M|P)\(((?:[^()]|\([^()]*\))*)\)")
LINK = re.compile(r"\bL\(([^,()]+),\s*([^()]+)\)")
ADDRESS = re.compile(r"\bU\(([^()]+)\)")
STRONG = re.compile(r"\bB\(([^()]+)\)")
EMPHASIS = re.compile(r"\bI\(([^()]+)\)")


def markdown(text: str) -> str:
    """A sentence in Ansible's markup, as Markdown."""
    text = CODE.sub(lambda match: f"`{match[1]}`", text)
    text = LINK.sub(r"[\1](\2)", text)
    text = ADDRESS.sub(r"<\1>", text)
    return EMPHASIS.sub(r"*\1*", STRONG.sub(r"**\1**", text)).strip()


def sentences(description: Any) -> str:
    """A description, which may be one string or a list of paragraphs."""
    parts = description if isinstance(description, list) else [description or ""]
    return " ".join(markdown(str(part)) for part in parts)


def literal(value: Any) -> str:
    """A value as one writes it in YAML."""
    return f"`{json.dumps(value, ensure_ascii=False)}`" if not isinstance(value, str) or not value else f"`{value}`"


def kind(option: dict[str, Any]) -> str:
    """Type of an option."""
    name = option.get("type", "str")
    return f"list of {option['elements']}" if name == "list" and "elements" in option else str(name)


def facts(option: dict[str, Any], default: Any) -> str:
    """Type, default and choices in one line."""
    parts = [kind(option)]
    if option.get("required"):
        parts.append("required")
    elif default is not None:
        parts.append(f"default {literal(default)}")
    if choices := option.get("choices"):
        parts.append("one of " + ", ".join(map(literal, choices)))
    return ", ".join(parts)


def nested(option: dict[str, Any], depth: int) -> Iterator[str]:
    """The keys inside a dictionary option, as an indented list."""
    for name, inner in (option.get("options") or {}).items():
        text = sentences(inner.get("description"))
        yield f"{'  ' * depth}- `{name}` ({facts(inner, inner.get('default'))}): {text}"
        yield from nested(inner, depth + 1)


def section(role: Role) -> Iterator[str]:
    """One role."""
    main = role.entry_points.get(MAIN, {})
    yield from ("", f"## {role.name}", "", sentences(main.get("description") or main.get("short_description")))
    seen: dict[str, dict[str, Any]] = {}
    for entry_point in role.entry_points:
        for name, option in role.options(entry_point).items():
            seen.setdefault(name, option)
    for name, option in seen.items():
        default = role.defaults.get(name, option.get("default"))
        yield from ("", f"### `{name}`", "", f"{facts(option, default)}", "", sentences(option.get("description")))
        if inner := list(nested(option, 0)):
            yield from ("", *inner)


def render(root: Path) -> str:
    """The whole page."""
    lines = [line for role in read_roles(root) if any(map(role.options, role.entry_points)) for line in section(role)]
    return HEAD + "\n".join(lines) + "\n"


def write(root: Path) -> None:
    """Write the page."""
    (root / PAGE).parent.mkdir(parents=True, exist_ok=True)
    (root / PAGE).write_text(render(root), encoding="utf-8")


def problems(root: Path) -> list[str]:
    """Whether the page is current."""
    current = (root / PAGE).read_text(encoding="utf-8") if (root / PAGE).exists() else ""
    return (
        []
        if current == render(root)
        else [f"{PAGE} is not what the roles declare; write it anew with 'tests/run docs'"]
    )
