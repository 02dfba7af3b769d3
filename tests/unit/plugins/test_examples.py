# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every variable that the users' documentation shows is understood as it stands there."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml

from ansible_collections.kubeaddons.metallb.plugins.module_utils._settings import normalise

ROOT = pathlib.Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^( *)```yaml\n(.*?)^ *```$", re.M | re.S)
ENABLED = {"metallb_enabled": True}


def examples() -> t.Iterator[t.Any]:
    for page in PAGES:
        for number, (_indent, text) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), 1):
            yield pytest.param(yaml.safe_load(text), id="{0} {1}".format(page.name, number))


@pytest.mark.parametrize("variables", list(examples()))
def test_examples_of_the_documentation(variables: dict[str, t.Any]) -> None:
    pool = {} if "pool" in str(variables) or "ip_range" in str(variables) else {"metallb_ip_range": "192.0.2.0/28"}
    outcome = normalise({**ENABLED, **pool, **variables})
    assert outcome.errors == []
    assert [warning for warning in outcome.warnings if "is read as" not in warning] == []


def test_pages_have_examples() -> None:
    assert len(list(examples())) >= 8


def test_sample_with_all_its_lines() -> None:
    """What is commented out in the sample inventory is understood, too: each of its two ways to give pools."""
    text = (ROOT / "inventory/sample/group_vars/k8s_cluster/addons.yml").read_text(encoding="utf-8")
    lines = [re.sub(r"^# (?=[ a-z_-]+[:\"0-9]|  )", "", line) for line in text.splitlines()]
    settings = [line for line in lines if not line.startswith("#")]
    variables = yaml.safe_load("\n".join(settings))
    assert {"metallb_ip_range", "metallb_config", "metallb_version"} <= variables.keys()
    for left_out in ("metallb_ip_range", "metallb_config"):
        kept = {name: value for name, value in variables.items() if name != left_out}
        outcome = normalise({**kept, **ENABLED})
        assert outcome.errors == []
        assert outcome.warnings == []
