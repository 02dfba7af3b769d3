# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors

from __future__ import annotations

import pytest
import yaml

from gates import variables

OPTIONS = {
    "metallb_pools": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "description": ["Address pools.", "See O(metallb_mode)."],
        "options": {"name": {"type": "str", "required": True, "description": "Its C(name)."}},
    },
    "metallb_mode": {"default": "layer2", "choices": ["layer2", "bgp"], "description": "V(bgp) needs B(peers)."},
}
FILES = {
    "roles/r/meta/argument_specs.yml": yaml.safe_dump(
        {"argument_specs": {"main": {"description": "Does things.", "options": OPTIONS}}}, sort_keys=False
    ),
    "roles/r/defaults/main.yml": "metallb_pools: []\nmetallb_mode: layer2\n",
}


def test_page_tells_everything(project):
    page = variables.render(project(FILES))
    for line in (
        "## r",
        "Does things.",
        "### `metallb_pools`",
        "list of dict, default `[]`",
        "Address pools. See `metallb_mode`.",
        "- `name` (str, required): Its `name`.",
        "str, default `layer2`, one of `layer2`, `bgp`",
        "`bgp` needs **peers**.",
    ):
        assert line in page.splitlines()


def test_stale_page_is_found(project):
    root = project(FILES)
    assert variables.problems(root)
    variables.write(root)
    assert variables.problems(root) == []
    (root / "roles/r/defaults/main.yml").write_text("metallb_pools: []\nmetallb_mode: bgp\n", encoding="utf-8")
    assert variables.problems(root) == [
        "docs/variables.md is not what the roles declare; write it anew with 'tests/run docs'"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("O(a) and V(b) and RV(c[].d)", "`a` and `b` and `c[].d`"),
        ("M(kubeaddons.metallb.proof)", "`kubeaddons.metallb.proof`"),
        ("L(Docs, https://example.org/x)", "[Docs](https://example.org/x)"),
        ("U(https://example.org/)", "<https://example.org/>"),
        ("B(strong) I(weak)", "**strong** *weak*"),
        ("C(f(x)) stays", "`f(x)` stays"),
        ("IPVS(4) is left alone", "IPVS(4) is left alone"),
    ],
)
def test_markup(text, expected):
    assert variables.markdown(text) == expected
