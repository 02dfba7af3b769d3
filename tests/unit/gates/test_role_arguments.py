# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors

from __future__ import annotations

import pytest
import yaml

from gates import role_arguments
from gates.role_arguments import same


def role(options, defaults, **more):
    main = {"short_description": "Short", "description": "Long", "options": options} | more
    return {
        "roles/r/meta/argument_specs.yml": yaml.safe_dump({"argument_specs": {"main": main}}),
        "roles/r/defaults/main.yml": yaml.safe_dump(defaults),
    }


def option(**more):
    return {"type": "str", "description": "Text"} | more


@pytest.mark.parametrize(
    ("options", "defaults", "complaint"),
    [
        ({"a": option(default="1")}, {"a": "2"}, "a is '1' in"),
        ({"a": option(default="1")}, {"a": 1}, "a is '1' in"),
        ({"a": option(default=True)}, {"a": 1}, "a is True in"),
        ({"a": option(default=[1])}, {"a": [1, 2]}, "a is [1] in"),
        ({"a": option(default={"x": 1})}, {"a": {"x": "1"}}, "a is {'x': 1} in"),
        ({"a": option(default="1")}, {}, "a has a default in meta/argument_specs.yml and none in"),
        ({"a": option()}, {}, "a is neither required nor in"),
        ({"a": option()}, {"a": "1"}, "a lacks its default ('1')"),
        ({"a": option(required=True)}, {"a": "1"}, "a is required and has a default"),
        ({}, {"a": "1"}, "a is in defaults/main.yml and in no entry point"),
        ({"a": {"type": "str", "required": True}}, {}, "a has no description"),
    ],
)
def test_difference_is_found(project, options, defaults, complaint):
    found = role_arguments.problems(project(role(options, defaults)))
    assert len(found) == 1
    assert complaint in found[0]


def test_role_without_specs_is_found(project):
    found = role_arguments.problems(project({"roles/r/tasks/main.yml": "---\n"}))
    assert found == ["roles/r: meta/argument_specs.yml has no entry point main"]


def test_entry_point_without_description_is_found(project):
    assert role_arguments.problems(project(role({}, {}, description=""))) == [
        "roles/r: entry point main has no description"
    ]


def test_agreement_passes(project):
    options = {
        "a": option(default=["x", {"y": None}]),
        "b": option(required=True),
        "c": option(),
        "d": option(default="{{ a }}"),
        "kube_proxy_mode": option(),
    }
    defaults = {"a": ["x", {"y": None}], "c": "{{ a }}", "d": "{{ a }}"}
    assert role_arguments.problems(project(role(options, defaults))) == []


def test_same_looks_at_types_all_the_way_down():
    assert same({"a": [1, True]}, {"a": [1, True]})
    assert not same({"a": [1, True]}, {"a": [1, 1]})
    assert not same(0, False)
