# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils._reader import Reader
from ansible_collections.kubeaddons.metallb.plugins.module_utils._selectors import selector_matches, selectors

RACK = {"matchLabels": {"rack": "a1"}}
EDGE = "node-role.kubernetes.io/edge"

GOOD: list[tuple[t.Any, list[t.Any]]] = [
    (None, []),
    ([], []),
    ([{"rack": "a1"}], [RACK]),
    ([{"edge": True}], [{"matchLabels": {"edge": "true"}}]),
    ([{EDGE: ""}], [{"matchLabels": {EDGE: ""}}]),
    ([{"edge": None}], [{"matchLabels": {"edge": ""}}]),
    ([RACK, {"rack": "a2"}], [RACK, {"matchLabels": {"rack": "a2"}}]),
    ([{"match-labels": {"rack": "a1"}}], [RACK]),
    ([{"match_labels": {"rack": "a1"}}], [RACK]),
    (
        [{"match-expressions": [{"key": EDGE, "operator": "In", "values": ["a1", 2]}]}],
        [{"matchExpressions": [{"key": EDGE, "operator": "In", "values": ["a1", "2"]}]}],
    ),
    (
        [{**RACK, "matchExpressions": [{"key": "x", "operator": "Exists"}]}],
        [{**RACK, "matchExpressions": [{"key": "x", "operator": "Exists"}]}],
    ),
]


@pytest.mark.parametrize(("given", "found"), GOOD)
def test_selectors(given: t.Any, found: list[t.Any]) -> None:
    read = Reader({})
    assert selectors(read, "x", given) == found
    assert (read.errors, read.warnings) == ([], [])


BAD: list[tuple[t.Any, str]] = [
    ("rack=a1", 'x: "rack=a1" is not a list'),
    (["rack=a1"], 'x[0]: "rack=a1" is not a mapping'),
    ([{}], "x[0]: {} selects nothing in particular"),
    ([{"rack": "a1"}, RACK], "x[1]: {'matchLabels': {'rack': 'a1'}} stands there twice"),
    ([{"rack": ["a1"]}], "x[0].rack: ['a1'] is not the value of a label"),
    ([{"rack": "a 1"}], 'x[0].rack: "a 1" is not the value of a label'),
    ([{"rack": "a" * 64}], 'x[0].rack: "aaa'),
    ([{"-rack": "a1"}], 'x[0]: "-rack" is not the name of a label'),
    ([{"matchLabels": "a"}], 'x[0].matchLabels: "a" is not a mapping'),
    ([{"matchExpressions": {"key": "a"}}], "x[0].matchExpressions: {'key': 'a'} is not a list"),
    ([{"matchExpressions": ["a"]}], 'x[0].matchExpressions[0]: "a" is not a mapping'),
    ([{"matchExpressions": [{"operator": "Exists"}]}], "x[0].matchExpressions[0]: {'operator': 'Exists'} has no key"),
    ([{"matchExpressions": [{"key": "a b", "operator": "Exists"}]}], 'x[0].matchExpressions[0].key: "a b" is not the'),
    ([{"matchExpressions": [{"key": "a", "operator": "is"}]}], 'x[0].matchExpressions[0].operator: "is" is not known'),
    ([{"matchExpressions": [{"key": "a", "operator": "In"}]}], "x[0].matchExpressions[0].values: [] does not go with"),
    (
        [{"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}],
        "x[0].matchExpressions[0].values: ['b'] does not go with Exists",
    ),
]


@pytest.mark.parametrize(("given", "start"), BAD)
def test_what_is_no_selector(given: t.Any, start: str) -> None:
    read = Reader({})
    selectors(read, "x", given)
    assert read.errors
    assert read.errors[0].startswith(start)


def test_keys_beside_labels_are_said() -> None:
    read = Reader({})
    selectors(read, "x", [{"matchLabels": {"a": "b"}, "rack": "a1"}])
    assert read.warnings == ["x[0].rack is not known and has no effect."]


def expression(operator: str, *values: str) -> dict[str, t.Any]:
    return {"matchExpressions": [{"key": "rack", "operator": operator, **({"values": [*values]} if values else {})}]}


@pytest.mark.parametrize(
    ("selector", "matched"),
    [
        (RACK, [True, False, False]),
        (expression("In", "a1", "a2"), [True, True, False]),
        (expression("NotIn", "a1"), [False, True, True]),
        (expression("Exists"), [True, True, False]),
        (expression("DoesNotExist"), [False, False, True]),
        ({**RACK, **expression("NotIn", "a1")}, [False, False, False]),
        ({"matchExpressions": [{"key": "rack", "operator": "is"}]}, [False, False, False]),
    ],
)
def test_what_a_selector_matches(selector: dict[str, t.Any], matched: list[bool]) -> None:
    assert [selector_matches(selector, own) for own in ({"rack": "a1"}, {"rack": "a2", "x": "y"}, {})] == matched
