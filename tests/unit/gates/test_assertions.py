# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors

from __future__ import annotations

import pytest

from gates import assertions

SCENARIO = "molecule/s/molecule.yml"


def test_hollow_function_is_found(project):
    found = assertions.problems(project({"tests/unit/test_a.py": "def test_x():\n    print(1)\n"}))
    assert found == ["tests/unit/test_a.py:1: test_x asserts nothing"]


def test_hollow_method_is_found(project):
    text = "class TestA:\n    def test_x(self):\n        run()\n"
    assert assertions.problems(project({"tests/unit/test_a.py": text}))


def test_file_without_tests_is_found(project):
    assert assertions.problems(project({"tests/unit/test_a.py": "X = 1\n"})) == ["tests/unit/test_a.py: holds no test"]


@pytest.mark.parametrize(
    "body",
    [
        "assert run()",
        "with pytest.raises(ValueError):\n        run()",
        "assert_green(run())",
        "helpers.check_table(run())",
        "_assert_same(1, 2)",
        "mock.assert_called_once()",
    ],
)
def test_function_that_can_fail_passes(project, body):
    assert assertions.problems(project({"tests/unit/test_a.py": f"def test_x():\n    {body}\n"})) == []


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"molecule/s/verify.yml": "- hosts: all\n  tasks: [{ansible.builtin.debug: {}}]\n"},
        {"molecule/s/verify.yml": "- hosts: all\n  tasks: [{command: x, failed_when: false}]\n"},
        {"molecule/s/verify.yml": "---\n"},
        {"molecule/s/tests/conftest.py": "def test_x():\n    assert False\n"},
    ],
)
def test_scenario_that_verifies_nothing_is_found(project, files):
    found = assertions.problems(project({SCENARIO: "---\n", **files}))
    assert len(found) == 1
    assert found[0].startswith("molecule/s: verifies nothing")


@pytest.mark.parametrize(
    "files",
    [
        {"molecule/s/verify.yml": "- hosts: all\n  tasks: [{ansible.builtin.assert: {that: true}}]\n"},
        {"molecule/s/verify.yml": "- hosts: all\n  tasks: [{block: [{command: x, failed_when: x is y}]}]\n"},
        {"molecule/s/tests/test_x.py": "def test_x(host):\n    assert host\n"},
    ],
)
def test_scenario_that_verifies_passes(project, files):
    assert assertions.problems(project({SCENARIO: "---\n", **files})) == []
