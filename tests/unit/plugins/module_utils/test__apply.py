# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _apply
from ansible_collections.kubeaddons.metallb.plugins.module_utils._resources import path

Object = dict[str, t.Any]


def thing(name: str = "controller", kind: str = "ConfigMap", **rest: t.Any) -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "metallb-system"}, **rest}


COVERS: list[tuple[t.Any, t.Any, bool]] = [
    # live, desired, whether everything desired stands there
    ({"a": 1, "b": 2}, {"a": 1}, True),
    ({"a": 1}, {"a": 1, "b": 2}, False),
    ({"a": 1}, {"a": "1"}, False),
    ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 2]}}, True),
    ({"a": {"b": [1, 2, 3]}}, {"a": {"b": [1, 2]}}, False),
    ([{"name": "x", "protocol": "TCP"}], [{"name": "x"}], True),
    ([{"name": "x"}], [{"name": "y"}], False),
    # The API server leaves out what is empty ...
    ({}, {"a": []}, True),
    ({}, {"a": {}}, True),
    ({}, {"a": None}, True),
    # ... but a value where none was asked for is not empty.
    ({"a": [1]}, {"a": []}, False),
    ({}, {"a": [1]}, False),
    ({}, {"a": {"b": 1}}, False),
    ("text", {"a": 1}, False),
    ("text", [1], False),
]


@pytest.mark.parametrize(("live", "desired", "covered"), COVERS)
def test_covers(live: t.Any, desired: t.Any, covered: bool) -> None:
    assert _apply.covers(live, desired) is covered


QUANTITIES: list[tuple[t.Any, t.Any, bool]] = [
    ({"cpu": "100m"}, {"cpu": "0.1"}, True),
    ({"cpu": "1"}, {"cpu": "1000m"}, True),
    ({"cpu": "1"}, {"cpu": 1}, True),
    ({"memory": "1Gi"}, {"memory": "1024Mi"}, True),
    ({"memory": "1Gi"}, {"memory": "1G"}, False),
    ({"memory": "100M"}, {"memory": "100000k"}, True),
    ({"memory": "128974848"}, {"memory": "123Mi"}, True),
    ({"cpu": "100m"}, {"cpu": "10m"}, False),
    ({"cpu": "100m"}, {"memory": "100m"}, False),
    ({"cpu": "100m"}, {"cpu": "much"}, False),
    (None, {"cpu": "100m"}, False),
]


@pytest.mark.parametrize(("live", "desired", "same"), QUANTITIES)
def test_quantities_are_numbers_with_many_spellings(live: t.Any, desired: t.Any, same: bool) -> None:
    assert _apply.covers({"limits": live}, {"limits": desired}) is same
    assert _apply.covers({"other": {"cpu": "100m"}}, {"other": {"cpu": "0.1"}}) is False


def test_a_stamp_names_the_owner_and_leaves_the_original_alone() -> None:
    original = thing(data={"a": "1"})
    original["metadata"].update(labels={"app": "metallb"}, creationTimestamp=None)
    stamped = _apply.stamp(original)
    assert stamped["metadata"]["labels"] == {"app": "metallb", _apply.MANAGED_BY: "kubeaddons.metallb"}
    assert "creationTimestamp" not in stamped["metadata"]
    assert original["metadata"]["labels"] == {"app": "metallb"}
    assert _apply.APPLIED not in original["metadata"].get("annotations", {})


def test_the_digest_tells_what_was_applied() -> None:
    def digest(obj: Object) -> str:
        return str(_apply.stamp(obj)["metadata"]["annotations"][_apply.APPLIED])

    assert digest(thing(data={"a": "1", "b": "2"})) == digest(thing(data={"b": "2", "a": "1"}))
    assert digest(thing(data={"a": "1"})) != digest(thing(data={"a": "2"}))


def test_due_in_the_order_of_the_desired_objects_removals_last() -> None:
    desired = [_apply.stamp(thing(name, data={"a": "1"})) for name in ("new", "same", "other")]
    gone, never = thing("gone"), thing("never")
    live = {
        path(thing("new")): None,
        path(thing("same")): dict(desired[1], extra="of the server's"),
        path(thing("other")): dict(desired[2], data={"a": "2"}),
        path(gone): gone,
        path(never): None,
    }
    changes = _apply.due(desired, [never, gone], live)
    assert [(change.name, change.live is None, change.desired is None) for change in changes] == [
        ("ConfigMap/metallb-system/new", True, False),
        ("ConfigMap/metallb-system/other", False, False),
        ("ConfigMap/metallb-system/gone", False, True),
    ]
    assert changes[2].path == path(gone)


def test_a_setting_that_went_away_is_due_although_the_live_object_covers_the_rest() -> None:
    with_limits, without = thing(data={"a": "1", "limits": "1"}), thing(data={"a": "1"})
    live = _apply.stamp(with_limits)
    assert _apply.covers(live, without)
    assert _apply.due([_apply.stamp(without)], [], {path(live): live}) != []


def test_prediction_keeps_what_the_server_added() -> None:
    live = thing(data={"a": "1", "b": "2"}, status={"x": 1})
    desired = thing(data={"a": "3"})
    assert _apply.predict(_apply.Change(desired, live)) == thing(data={"a": "3", "b": "2"}, status={"x": 1})
    assert _apply.predict(_apply.Change(desired, None)) == desired
    assert _apply.predict(_apply.Change(None, live)) is None


def test_nobody_is_shown_bookkeeping_secrets_or_schemas() -> None:
    secret = thing(kind="Secret", data={"password": "aHVudGVyMg=="}, stringData={"other": "hunter2"}, status={"x": 1})
    secret["metadata"].update(managedFields=[{}], resourceVersion="7", uid="u", generation=2, creationTimestamp="now")
    assert _apply.readable(secret) == thing(
        kind="Secret", data={"password": "(hidden)"}, stringData={"other": "(hidden)"}
    )
    crd: Object = {
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "x"},
        "spec": {"versions": [{"name": "v1", "schema": {"long": "text"}}]},
    }
    other = {**crd, "spec": {"versions": [{"name": "v1", "schema": {"long": "other text"}}]}}
    shown, other_shown = _apply.readable(crd), _apply.readable(other)
    assert shown["spec"]["versions"][0]["schema"].startswith("(sha256 ")
    assert shown != other_shown
    assert crd["spec"]["versions"][0]["schema"] == {"long": "text"}
    assert _apply.readable(None) == {}


def test_a_diff_has_both_sides_and_their_name() -> None:
    assert _apply.diff("ConfigMap/a/b", None, thing(data={"a": "1"})) == {
        "before_header": "ConfigMap/a/b",
        "after_header": "ConfigMap/a/b",
        "before": {},
        "after": thing(data={"a": "1"}),
    }
