# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors

from __future__ import annotations

import pytest

from gates import naming


@pytest.mark.parametrize(
    "task",
    [
        "register: result",
        "ansible.builtin.set_fact: {result: 1}",
        "loop_control: {loop_var: result}",
        "block: [{register: result}]",
        "rescue: [{block: [{register: result}]}]",
    ],
)
def test_unprotected_variable_is_found(project, task):
    found = naming.problems(project({"roles/r/tasks/main.yml": f"- name: Do\n  {task}\n"}))
    assert found == ["roles/r/tasks/main.yml: result is a role's own variable and does not start with __"]


def test_public_variable_with_a_foreign_prefix_is_found(project):
    found = naming.problems(project({"roles/r/defaults/main.yml": "other: 1\nmetallb_x: 1\nkube_proxy_y: 1\nr_z: 1\n"}))
    assert len(found) == 1
    assert found[0].startswith("roles/r: other starts with none of")


def test_protected_variables_pass(project):
    text = "- name: Do\n  register: __r_result\n  loop_control: {loop_var: __r_item, index_var: __r_index}\n"
    assert naming.problems(project({"roles/r/tasks/main.yml": text})) == []
