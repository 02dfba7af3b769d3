# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Whose the fields of a live object are (metadata.managedFields), and whose they must be for an apply to be the whole truth.

Server-side apply removes a field that is not wanted any more only where its manager owned it before, and nobody else does.
"""

from __future__ import annotations

import copy
import functools
import json
import typing as t

Object = t.Dict[str, t.Any]
# A set of fields as the API server writes it (FieldsV1): "f:name" is a field, "k:{...}" and "v:..." an item of a list, "."
# the thing itself; {} is everything below.
Fields = t.Dict[str, t.Any]

# Managers that write whole objects, as apply does. All others (kubectl edit, controllers, ...) write single fields.
DECLARERS = frozenset(("kubectl-client-side-apply", "kubectl-create", "kubectl-replace", "helm"))
# Who writes this has applied the whole object, whatever its name is.
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def declared(obj: Object) -> bool:
    """Return whether somebody else has written the object as a whole."""
    return any(_declares(entry) for entry in _entries(obj))


def adopt(live: Object, manager: str) -> list[Object] | None:
    """Return managedFields by which what others have declared is the manager's; None when nobody has.

    Of MetalLB's custom resources it is all that others have written: no controller writes more than their status.
    """
    custom = str(live.get("apiVersion", "")).startswith("metallb.io/")
    own: list[Object] = []
    rest: list[Object] = []
    for entry in _entries(live):
        taken = _declares(entry) or (custom and not entry.get("subresource"))
        (own if taken or _is_own(entry, manager) else rest).append(entry)
    if all(_is_own(entry, manager) for entry in own):
        return None
    fields = functools.reduce(_union, (entry["fieldsV1"] for entry in own))
    first = next((entry for entry in own if _is_own(entry, manager)), own[0])
    return [dict(first, manager=manager, operation="Apply", fieldsV1=fields), *rest]


def settled(after: Object, managed: t.Sequence[Object], manager: str) -> Object:
    """Return what a dry run of apply would have answered, had the fields been managed like that before.

    after: what it answered. managed: from adopt().
    """
    before = functools.reduce(_union, (entry["fieldsV1"] for entry in managed if _is_own(entry, manager)))
    owners = [entry["fieldsV1"] for entry in _entries(after) if _is_own(entry, manager)]
    owners += [entry["fieldsV1"] for entry in managed if not _is_own(entry, manager)]
    result = copy.deepcopy(after)
    _drop(result, _orphans(before, owners))
    return result


def _entries(obj: Object) -> list[Object]:
    return obj["metadata"].get("managedFields") or []


def _is_own(entry: Object, manager: str) -> bool:
    return entry["manager"] == manager and entry["operation"] == "Apply" and not entry.get("subresource")


def _declares(entry: Object) -> bool:
    if entry.get("subresource"):
        return False
    annotations = entry["fieldsV1"].get("f:metadata", {}).get("f:annotations", {})
    applied = (entry["manager"], entry["operation"]) == ("kubectl", "Apply") or "f:" + LAST_APPLIED in annotations
    return applied or entry["manager"] in DECLARERS


def _union(one: Fields, other: Fields) -> Fields:
    return {key: _union(one.get(key, {}), other.get(key, {})) for key in {**one, **other}}


def _orphans(fields: Fields, owners: t.Sequence[Fields]) -> Fields:
    """Return those of the fields that the server takes away because none of the owners has them."""
    left = {}
    for key, inner in fields.items():
        if key == ".":
            continue  # somebody owns something in here
        others = [owner[key] for owner in owners if key in owner]
        # An item of a list goes with what others have written into it.
        if not others or (key.startswith("k:") and "." in inner and not any("." in one for one in others)):
            left[key] = inner
        elif inner and all(others):
            below = _orphans(inner, others)
            if below:
                left[key] = below
    return left


def _drop(value: t.Any, fields: Fields) -> None:
    """Take the fields out of the value."""
    for key, inner in fields.items():
        whole = not inner or "." in inner
        kind, name = key[:2], key[2:]
        if kind == "f:" and isinstance(value, dict) and name in value:
            if whole:
                del value[name]
            else:
                _drop(value[name], inner)
        elif kind == "k:":
            item = _item(value, json.loads(name))
            if item is not None and whole:
                value[:] = [one for one in value if one is not item]
            else:
                _drop(item, inner)
        elif kind == "v:" and isinstance(value, list):
            value[:] = [one for one in value if one != json.loads(name)]


def _item(items: t.Any, keys: Object) -> t.Any:
    """Return the item of a list that has these keys, None where there is none."""
    candidates = [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []
    return next((one for one in candidates if all(one.get(key) == value for key, value in keys.items())), None)
