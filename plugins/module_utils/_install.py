# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The edge that reads what is installed and says what a release needs: now, and once it is rolled out."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _converge,
    _former,
    _managed_fields,
    _manifest,
    _metallb,
    _release,
    _resources,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._apply import Change, due, stamp
from ansible_collections.kubeaddons.metallb.plugins.module_utils._kubernetes import Api
from ansible_collections.kubeaddons.metallb.plugins.module_utils._settings import Settings

Object = t.Dict[str, t.Any]


class Plan(t.NamedTuple):
    """What a release needs; nothing may be changed while there are errors."""

    changes: list[Change]
    later: list[Change]  # removals that wait until nobody needs the objects any more
    passing: list[str]  # what is as it shall be only after another run
    errors: list[str]
    warnings: list[str]


EMPTY = Plan([], [], [], [], [])


def plan(api: Api, settings: Settings, params: t.Mapping[str, t.Any]) -> Plan:
    """Compare a release with what is installed; raise BadManifest."""
    data = _manifest.read(settings.version, settings.backend, params)
    release = _release.release(_release.load(data, settings.backend), settings)
    desired = [stamp(obj) for obj in release.present]
    former = _former.candidates(settings.namespace, [*desired, *release.absent])
    live, controllers = api.gather(
        [
            lambda: _converge.read(api, [*desired, *release.absent, *former]),
            lambda: _everywhere(api, "Deployment", "apps/v1", _resources.DEPLOYMENTS, _metallb.CONTROLLER),
        ]
    )
    found = [_former.found_release(one) for one in controllers]
    errors, warnings = _former.takeover(found, settings)
    errors += [
        "{0} is being deleted; wait until it is gone, and run this again.".format(_resources.reference(obj))
        for obj in desired
        if _going(live[_resources.path(obj)])
    ]
    leavings = _leavings(api, settings, [live[_resources.path(obj)] for obj in former])
    changes, passing = [], []
    for change in due(desired, release.absent, live, _declared):
        parts, later = _parts(change)
        changes += parts
        passing += later
    return Plan(
        changes,
        [Change(None, obj) for obj in leavings.gone],
        passing,
        [*errors, *leavings.errors],
        [*warnings, *leavings.warnings],
    )


def _going(live: Object | None) -> bool:
    return live is not None and "deletionTimestamp" in live["metadata"]


def _declared(live: Object) -> bool:
    """Return whether others have written a live object as a whole; a namespace may be theirs."""
    return live["kind"] != "Namespace" and _managed_fields.declared(live)


def _leavings(api: Api, settings: Settings, live: t.Sequence[Object | None]) -> _former.Leavings:
    """Look only at what may be left behind, and only where there is something."""
    there = [obj for obj in live if obj is not None and not _going(obj)]
    names = {obj["metadata"]["name"] for obj in there}
    shared = any(_former.of_frr_k8s(obj) for obj in there)
    calls: list[t.Callable[[], list[Object]]] = [list, list, list]
    if _former.ADDRESS_POOLS in names:
        calls[0] = functools.partial(
            _everywhere, api, "AddressPool", "metallb.io/v1beta1", _resources.ADDRESS_POOLS, [None]
        )
    if shared:
        calls[1] = functools.partial(_frr_configurations, api)
    if shared or settings.backend == "frr-k8s":
        calls[2] = functools.partial(_everywhere, api, "DaemonSet", "apps/v1", _resources.DAEMON_SETS, _metallb.FRR_K8S)
    pools, configurations, daemons = api.gather(calls)
    leavings = _former.leavings(there, pools, configurations, daemons, settings)
    if settings.backend == "frr-k8s":
        leavings.errors.extend(_former.second_frr_k8s(daemons, settings.namespace))
    return leavings


def _frr_configurations(api: Api) -> list[Object]:
    version = "frrk8s.metallb.io/v1beta1"
    return [
        one
        for kind in ("FRRConfiguration", "FRRK8sConfiguration")
        for one in _everywhere(api, kind, version, "/apis/{0}/{1}s".format(version, kind.lower()), [None])
    ]


def _everywhere(api: Api, kind: str, version: str, collection: str, selectors: t.Sequence[str | None]) -> list[Object]:
    """Return the objects in all namespaces that one of the selectors selects."""
    return [
        dict(one, kind=kind, apiVersion=version)  # the items of a list do not carry their kind
        for selector in selectors
        for one in api.get_list(collection, selector) or []
    ]


def of_speakers(change: Change) -> bool:
    """Return whether a change is one of the speakers' DaemonSet, as the official manifests have it."""
    obj = change.desired or change.live or {}
    component = (obj["metadata"].get("labels") or {}).get("component")
    return bool(obj["kind"] == "DaemonSet" and component == "speaker")


def _parts(change: Change) -> tuple[list[Change], list[str]]:
    """Return the changes that one needs, and what will have to be put right by another run."""
    live, desired = change.live, change.desired
    if live is None or desired is None:
        return [change], []
    if _fixed(live) != _fixed(desired):  # nobody can change these
        return [Change(None, live), Change(desired, None, waits=True)], []
    if of_speakers(change):
        speaker = _former.at_once(live, desired)
        if speaker is not None:
            return [change._replace(desired=stamp(speaker))], [change.name]
    return [change], []


def _fixed(obj: Object) -> t.Any:
    """Return what the API server lets nobody change."""
    if obj["kind"] in _release.WORKLOADS:
        return obj["spec"]["selector"]
    return obj.get("roleRef")
