# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _managed_fields

Object = dict[str, t.Any]
US = "kubeaddons.metallb"
KUBECTL = "kubectl-client-side-apply"


def entry(manager: str, fields: Object, operation: str = "Update", **more: str) -> Object:
    return {"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsV1": fields, **more}


def item(name: str, **fields: t.Any) -> Object:
    """Return the fields of an item of a list that goes by its name."""
    return {'k:{"name":"%s"}' % name: {".": {}, "f:name": {}, **{"f:" + key: value for key, value in fields.items()}}}


def live(*entries: Object, **rest: t.Any) -> Object:
    return {"metadata": {"name": "speaker", "managedFields": list(entries)}, **rest}


def adopt(obj: Object) -> dict[tuple[str, str], Object] | None:
    """Return the new fields by manager and operation."""
    before = copy.deepcopy(obj)
    managed = _managed_fields.adopt(obj, US)
    assert obj == before
    return managed and {(one["manager"], one["operation"]): one["fieldsV1"] for one in managed}


def test_what_others_declared_becomes_ours_and_their_single_fields_stay_theirs() -> None:
    obj = live(
        entry(KUBECTL, {"f:spec": {"f:a": {}, "f:env": item("ONE", value={})}}),
        entry("kubectl-edit", {"f:spec": {"f:b": {}}}),
        entry("kubectl", {"f:status": {"f:x": {}}}, subresource="status"),
        entry("helm", {"f:spec": {"f:c": {}}}),
        entry("kubectl", {"f:spec": {"f:d": {}}}, "Apply"),
    )
    assert _managed_fields.declared(obj)
    assert adopt(obj) == {
        (US, "Apply"): {"f:spec": {"f:a": {}, "f:env": item("ONE", value={}), "f:c": {}, "f:d": {}}},
        ("kubectl-edit", "Update"): {"f:spec": {"f:b": {}}},
        ("kubectl", "Update"): {"f:status": {"f:x": {}}},
    }


LAST_APPLIED = {"f:metadata": {"f:annotations": {"f:" + _managed_fields.LAST_APPLIED: {}}}}
DECLARERS: list[tuple[Object, bool]] = [
    (entry("kubectl-client-side-apply", {"f:a": {}}), True),
    (entry("kubectl-create", {"f:a": {}}), True),
    (entry("helm", {"f:a": {}}), True),
    (entry("kubectl", {"f:a": {}}, "Apply"), True),
    (entry("kubectl", {"f:a": {}}), False),  # before kubectl 1.20, of whatever it did
    (entry("kubectl", LAST_APPLIED), True),
    (entry("OpenAPI-Generator", {"f:a": {}}), False),
    (entry("OpenAPI-Generator", LAST_APPLIED), True),  # the module kubernetes.core.k8s, told to apply
    (entry("kubectl-edit", {"f:a": {}}), False),
    (entry("controller", {"f:a": {}}), False),
    (entry("helm", {"f:status": {}}, subresource="status"), False),
]


@pytest.mark.parametrize(("one", "whole"), DECLARERS)
def test_who_writes_whole_objects(one: Object, whole: bool) -> None:
    assert _managed_fields.declared(live(one)) is whole


def test_what_was_ours_already_is_joined_and_its_version_counts() -> None:
    obj = live(
        entry(KUBECTL, {"f:a": {}, "f:list": {}}), entry(US, {"f:b": {}, "f:list": {"v:1": {}}}, "Apply", time="then")
    )
    (managed,) = _managed_fields.adopt(obj, US) or []
    assert managed == entry(US, {"f:a": {}, "f:b": {}, "f:list": {"v:1": {}}}, "Apply", time="then")


NOTHING: list[Object] = [
    live(),
    {"metadata": {"name": "without"}},
    live(entry("kubectl-edit", {"f:a": {}})),
    live(entry(US, {"f:a": {}}, "Apply")),
    live(entry(US, {"f:a": {}}, "Apply"), entry("kubectl-edit", {"f:b": {}})),
    live(entry(US, {"f:a": {}}, "Apply"), entry("kubectl", {"f:status": {}}, subresource="status")),
    live(entry(US, {"f:env": item("ONE")}, "Apply"), entry("kubectl-edit", {"f:env": item("ONE", value={})})),
]


@pytest.mark.parametrize("obj", NOTHING)
def test_nothing_to_adopt(obj: Object) -> None:
    assert not _managed_fields.declared(obj)
    assert adopt(obj) is None


def test_what_a_dry_run_could_not_see() -> None:
    """The server's answer still has what was kubectl's; after the fields have changed hands it would not have it."""
    fields = {
        "f:metadata": {"f:annotations": {".": {}, "f:last-applied": {}}, "f:labels": {".": {}, "f:team": {}}},
        "f:spec": {
            "f:env": {".": {}, **item("ONE", value={}), **item("TWO", valueFrom={".": {}, "f:key": {}})},
            "f:finalizers": {'v:"x"': {}, 'v:"y"': {}},
            "f:old": {},
            "f:selector": {},
        },
        "f:webhooks": {**item("a", clientConfig={"f:service": {}}), **item("b", clientConfig={"f:service": {}})},
    }
    ours = {
        "f:metadata": {"f:annotations": {".": {}, "f:applied": {}}},
        "f:spec": {
            "f:env": {".": {}, **item("ONE", value={})},
            "f:finalizers": {'v:"y"': {}},
            "f:selector": {"f:a": {}},
        },
    }
    ours["f:webhooks"] = item("a", clientConfig={"f:service": {}})
    edited = {"f:metadata": {"f:labels": {"f:team": {}}}}
    bundles = {'k:{"name":"%s"}' % name: {"f:clientConfig": {"f:caBundle": {}}} for name in ("a", "b")}
    after = {
        "metadata": {
            "annotations": {"last-applied": "{}", "applied": "1"},
            "labels": {"team": "a"},
            "managedFields": [
                entry(KUBECTL, fields),
                entry("kubectl-edit", edited),
                entry("controller", {"f:webhooks": bundles}),
                entry(US, ours, "Apply"),
            ],
        },
        "webhooks": [{"name": name, "clientConfig": {"service": 1, "caBundle": 2}} for name in ("a", "b")],
        "spec": {
            "env": [{"name": "ONE", "value": "1"}, {"name": "TWO", "valueFrom": {"key": "k"}, "default": "unowned"}],
            "finalizers": ["x", "y"],
            "old": 1,
            "selector": {"a": "b"},
            "other": 2,
        },
    }
    before = copy.deepcopy(after)
    managed = _managed_fields.adopt(after, US) or []
    result = _managed_fields.settled(after, managed, US)
    assert after == before
    assert result["metadata"]["annotations"] == {"applied": "1"}
    assert result["metadata"]["labels"] == {"team": "a"}
    assert result["webhooks"] == [{"name": "a", "clientConfig": {"service": 1, "caBundle": 2}}]
    assert result["spec"] == {
        "env": [{"name": "ONE", "value": "1"}],
        "finalizers": ["y"],
        "selector": {"a": "b"},
        "other": 2,
    }


def test_a_field_that_is_gone_already_is_no_problem() -> None:
    fields = {
        "f:spec": {
            "f:x": {"f:y": {}},
            "f:env": item("ONE"),
            "f:list": {"v:1": {}},
            "f:deep": {"f:env": item("X", a={})},
        }
    }
    after: Object = live(entry(KUBECTL, fields), spec={"deep": {}})
    managed = _managed_fields.adopt(after, US) or []
    assert _managed_fields.settled(after, managed, US)["spec"] == {"deep": {}}
