# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.kubeaddons.metallb.plugins.action import frr_info
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.actions import action

Object = dict[str, t.Any]
ARGS = {"prefixes": ["192.168.100.240/32"], "vtysh": ["vtysh"]}


def run(execute: t.Callable[..., Object], args: Object | None = None) -> Object:
    made = action(frr_info.ActionModule, ARGS if args is None else args, execute)
    return t.cast(Object, made.run(task_vars={}))


def test_what_the_module_says_is_handed_on() -> None:
    asked: list[Object] = []

    def execute(**words: t.Any) -> Object:
        asked.append(words)
        return {"changed": False, "problem": "vtysh does not run."}

    assert run(execute) == {"changed": False, "problem": "vtysh does not run."}
    assert (asked[0]["module_name"], asked[0]["module_args"]) == ("kubeaddons.metallb.frr_info", ARGS)


def test_a_router_out_of_reach_is_a_problem() -> None:
    def execute(**_words: t.Any) -> Object:
        raise AnsibleConnectionFailure("No route\n to host.")

    assert run(execute) == {
        "changed": False,
        "version": "",
        "addresses": [],
        "sessions": [],
        "results": [{"prefix": "192.168.100.240/32", "paths": []}],
        "problem": "No route to host.",
    }
    assert run(execute, {})["results"] == []


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"module_stderr": "sudo: a password is required\n", "msg": "MODULE FAILURE"}, "sudo: a password is required."),
        ({"module_stderr": "", "msg": "no Python."}, "no Python."),
        ({}, "the module says nothing."),
    ],
)
def test_a_router_that_the_module_does_not_run_on_is_a_problem(said: Object, problem: str) -> None:
    found = run(lambda **_words: {"failed": True, **said})
    assert found["problem"] == problem
    assert "failed" not in found


def test_wrong_arguments_are_a_failure() -> None:
    said = {"failed": True, "msg": "vtysh: no command.", "problem": ""}
    assert run(lambda **_words: said) == said
