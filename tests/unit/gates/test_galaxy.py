# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors

from __future__ import annotations

import pytest

from gates import galaxy

GOOD = [wanted + ("x" if wanted.endswith("/") else "") for wanted in galaxy.NEEDED]
MANIFEST = """\
namespace: kubeaddons
name: metallb
version: 0.1.0
readme: README.md
authors: [somebody]
"""


def test_complete_artefact_passes():
    assert galaxy.judge(GOOD) == []


@pytest.mark.parametrize("wanted", galaxy.NEEDED)
def test_missing_part_is_found(wanted):
    names = [name for name in GOOD if not name.startswith(wanted)]
    assert galaxy.judge(names) == [f"the built collection lacks {wanted}"]


@pytest.mark.parametrize("name", ["tests/run", ".ci/run", "collections/x", ".gitignore", "plugins/__pycache__/x.pyc"])
def test_part_of_the_workshop_is_found(name):
    found = galaxy.judge([*GOOD, name])
    assert len(found) == 1
    assert f"holds {name};" in found[0]


def test_what_is_built_is_judged(project):
    files = dict.fromkeys(GOOD, "x\n") | {"galaxy.yml": MANIFEST, "tests/run": "x\n", "meta/runtime.yml": "---\n"}
    assert galaxy.problems(project(files)) == [
        "the built collection holds tests/run; add it to build_ignore in galaxy.yml"
    ]


def test_failure_to_build_is_a_problem(project):
    found = galaxy.problems(project({"galaxy.yml": "namespace: kubeaddons\n"}))
    assert len(found) == 1
    assert found[0].startswith("ansible-galaxy collection build failed")
