# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Desired objects against live ones: is a change due, which, and how does it read as a diff."""

from __future__ import annotations

import copy
import decimal
import hashlib
import json
import re
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._resources import path, reference

Object = t.Dict[str, t.Any]

MANAGER = "kubeaddons.metallb"
MANAGED_BY = "app.kubernetes.io/managed-by"
# What was last applied: a field that left the settings is noticed although the live object still covers the rest.
APPLIED = "kubeaddons.metallb/applied"
_QUANTITY = re.compile(r"([0-9]+\.?[0-9]*)(m|[kMGTPE]|[KMGTPE]i|)\Z")
_FACTORS = {"": decimal.Decimal(1), "m": decimal.Decimal("0.001"), "k": decimal.Decimal(1000)}
_FACTORS.update({letter: decimal.Decimal(1000) ** power for power, letter in enumerate("MGTPE", 2)})
_FACTORS.update({letter + "i": decimal.Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)})
_SERVER_FIELDS = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink")


class Change(t.NamedTuple):
    """What one object needs."""

    desired: Object | None  # None: it must go
    live: Object | None  # None: it is not there
    adopted: bool = False  # another manager's fields become ours, so that those that are not desired go
    waits: bool = False  # for another change of the set: before that, the server would refuse it

    @property
    def kind(self) -> str:
        """The object's kind."""
        return str((self.desired or self.live or {})["kind"])

    @property
    def path(self) -> str:
        """The object's path in the API."""
        return path(self.desired or self.live or {})

    @property
    def name(self) -> str:
        """Kind and name, for messages."""
        return reference(self.desired or self.live or {})


def stamp(obj: Object) -> Object:
    """Return a copy that carries the owner's label and the digest of what is applied."""
    stamped = copy.deepcopy(obj)
    meta = stamped["metadata"]
    meta.pop("creationTimestamp", None)  # the manifests carry a null, which apply would claim
    meta["labels"] = dict(meta.get("labels") or {}, **{MANAGED_BY: MANAGER})
    digest = hashlib.sha256(json.dumps(stamped, sort_keys=True).encode()).hexdigest()[:16]
    meta["annotations"] = dict(meta.get("annotations") or {}, **{APPLIED: digest})
    return stamped


def covers(live: t.Any, desired: t.Any) -> bool:
    """Return whether everything desired stands in the live value; the API server may have added defaults."""
    if isinstance(desired, dict):
        if not isinstance(live, dict):
            return not desired and live is None
        return all(
            same_quantities(live.get(key), value) if key in ("limits", "requests") else covers(live.get(key), value)
            for key, value in desired.items()
        )
    if isinstance(desired, list):
        if not isinstance(live, list):
            return not desired and live is None
        return len(live) == len(desired) and all(covers(one, other) for one, other in zip(live, desired))
    return bool(live == desired)


def same_quantities(live: t.Any, desired: t.Any) -> bool:
    """Return whether resources are the same; the API server writes 0.1 as 100m and 1024Mi as 1Gi."""
    if not isinstance(live, dict) or not isinstance(desired, dict) or live.keys() != desired.keys():
        return covers(live, desired)
    return all(_quantity(live[key]) == _quantity(value) for key, value in desired.items())


def _quantity(value: t.Any) -> t.Any:
    """Return a Kubernetes quantity as a number, and what is none as it is."""
    match = _QUANTITY.match(str(value))
    return decimal.Decimal(match.group(1)) * _FACTORS[match.group(2)] if match else value


def due(
    desired: t.Sequence[Object],
    absent: t.Sequence[Object],
    live: t.Mapping[str, Object | None],
    others: t.Callable[[Object], bool] = lambda _live: False,
) -> list[Change]:
    """Return the changes that are due, in the order of the desired objects, removals last.

    desired: stamped objects. absent: objects that must not be there. live: path -> object, None where there is none.
    others: whether a live object has fields of others that have to become ours.
    """
    changes = []
    for obj in desired:
        found = live.get(path(obj))
        adopted = found is not None and others(found)
        if found is None or adopted or not covers(found, obj):
            changes.append(Change(obj, found, adopted=adopted))
    changes.extend(Change(None, live[path(obj)]) for obj in absent if live.get(path(obj)) is not None)
    return changes


def predict(change: Change) -> Object | None:
    """Return what the object will be, as far as can be said without the server."""
    if change.desired is None or change.live is None:
        return change.desired
    return t.cast(Object, _merge(change.live, change.desired))


def _merge(live: t.Any, desired: t.Any) -> t.Any:
    if isinstance(live, dict) and isinstance(desired, dict):
        merged = dict(live)
        merged.update({key: _merge(live.get(key), value) for key, value in desired.items()})
        return merged
    return desired


def readable(obj: Object | None) -> Object:
    """Return an object as a person wants to see it: no server bookkeeping, no secrets, no schemas."""
    if obj is None:
        return {}
    shown = copy.deepcopy(obj)
    for field in _SERVER_FIELDS:
        shown["metadata"].pop(field, None)
    shown.pop("status", None)
    for field in ("data", "stringData"):
        if shown.get("kind") == "Secret" and shown.get(field):
            shown[field] = dict.fromkeys(shown[field], "(hidden)")
    if shown.get("kind") == "CustomResourceDefinition":
        for version in shown["spec"].get("versions", []):
            text = json.dumps(version.get("schema"), sort_keys=True).encode()
            version["schema"] = "(sha256 {0})".format(hashlib.sha256(text).hexdigest()[:16])
    return shown


def diff(name: str, before: Object | None, after: Object | None) -> dict[str, t.Any]:
    """Return one entry of a module's diff result."""
    return {
        "before_header": name,
        "after_header": name,
        "before": readable(before),
        "after": readable(after),
    }
