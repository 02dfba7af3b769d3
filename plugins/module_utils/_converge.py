# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The edge that brings objects of the live cluster to what is desired, or says what it would do."""

from __future__ import annotations

import datetime
import functools
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _configuration, _managed_fields
from ansible_collections.kubeaddons.metallb.plugins.module_utils._apply import (
    MANAGER,
    Change,
    diff,
    due,
    predict,
    readable,
    stamp,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._kubernetes import Api, ApiError
from ansible_collections.kubeaddons.metallb.plugins.module_utils._resources import collection, path
from ansible_collections.kubeaddons.metallb.plugins.module_utils._rollout import not_serving
from ansible_collections.kubeaddons.metallb.plugins.module_utils._wait import Waiter

Object = t.Dict[str, t.Any]


class Converged(t.NamedTuple):
    """What was changed, or would be in check mode."""

    names: list[str]
    diffs: list[dict[str, t.Any]]


def plan(api: Api, desired: t.Sequence[Object], absent: t.Sequence[Object]) -> list[Change]:
    """Return the changes that are due; reads every object once."""
    stamped = [stamp(obj) for obj in desired]
    return due(stamped, absent, read(api, [*stamped, *absent]))


def read(api: Api, objects: t.Sequence[Object]) -> dict[str, Object | None]:
    """Return path -> live object of each of these, None where there is none."""
    paths = [path(obj) for obj in objects]
    return dict(zip(paths, api.gather([functools.partial(api.get, one) for one in paths])))


def converge(api: Api, changes: t.Sequence[Change], check_mode: bool, waiter: Waiter) -> Converged:
    """Carry the changes out in their order; a webhook that is not serving yet is waited for, a denial is not."""
    names, diffs = [], []
    for change in changes:
        after = _one(api, change, check_mode, waiter)
        if readable(change.live) != readable(after):
            names.append(change.name)
            diffs.append(diff(change.name, change.live, after))
    return Converged(names, diffs)


def _one(api: Api, change: Change, check_mode: bool, waiter: Waiter) -> Object | None:
    if check_mode and (change.waits or change.desired is None):
        # What comes before it is not carried out either: the server would judge another state.
        return predict(change)
    while True:
        try:
            if change.desired is None:
                api.delete(change.path)
                return None
            return _applied(api, change, change.desired, check_mode)
        except ApiError as exc:
            # On a virgin cluster namespace and kinds are missing: the server cannot say more than we know.
            if check_mode and (exc.status == 404 or not_serving(exc.text)):
                return predict(change)
            if not not_serving(exc.text) or not waiter.again():
                raise ApiError(exc.status, "{0}: {1}".format(change.name, exc.text)) from exc


def _applied(api: Api, change: Change, desired: Object, check_mode: bool) -> Object:
    """Apply, after what others have declared has become ours where that is wanted."""
    managed = _managed_fields.adopt(change.live, MANAGER) if change.live and change.adopted else None
    if not managed:
        return api.apply(change.path, desired, MANAGER, dry_run=check_mode)
    if not check_mode:
        adopt(api, change.path, change.live)
        return api.apply(change.path, desired, MANAGER)
    try:
        after = _managed_fields.settled(api.apply(change.path, desired, MANAGER, dry_run=True), managed, MANAGER)
        return api.replace(change.path, after, dry_run=True)  # puts defaults where fields have gone
    except ApiError as exc:
        # 422: what only goes with the fields is in the way of what comes, such as two ports of one name.
        if exc.status in (409, 422):
            return predict(change) or desired
        raise


def adopt(api: Api, at: str, live: Object | None) -> None:
    """Make ours what others have declared of a live object, so that the next apply removes what is not desired."""
    while live is not None:
        managed = _managed_fields.adopt(live, MANAGER)
        if managed is None:
            return
        meta = {"managedFields": managed, "resourceVersion": live["metadata"]["resourceVersion"]}
        try:
            api.merge(at, {"metadata": meta}, MANAGER)
            return
        except ApiError as exc:
            if exc.status != 409:  # somebody has written in between, such as a controller its status
                raise
            live = api.get(at)


def read_set(api: Api, namespace: str) -> list[Object]:
    """Return every live object of the kinds that make the configuration; one request for each kind."""
    kinds = list(_configuration.KINDS.items())
    lists = api.gather(
        [functools.partial(api.get_list, collection(version, kind, namespace), whole=True) for kind, version in kinds]
    )
    # The items of a list do not carry their kind.
    return [
        dict(obj, kind=kind, apiVersion=version) for (kind, version), found in zip(kinds, lists) for obj in found or []
    ]


def restart(api: Api, at: str, dry_run: bool = False) -> None:
    """Start the pods of a workload anew, as kubectl rollout restart does: by an annotation of the pod template."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    annotations = {"kubectl.kubernetes.io/restartedAt": now}
    api.merge(at, {"spec": {"template": {"metadata": {"annotations": annotations}}}}, MANAGER, dry_run=dry_run)
