# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The edge that looks at a running MetalLB: its workloads by label (manifests and charts name them differently)."""

from __future__ import annotations

import datetime
import functools
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _allocation_events,
    _resources,
    _rollout,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._derive import SERVICE_LABEL
from ansible_collections.kubeaddons.metallb.plugins.module_utils._kubernetes import Api, ApiError

Object = t.Dict[str, t.Any]

_GRACE = 60.0  # seconds in which a pod starts

CONTROLLER = (
    "app=metallb,component=controller",
    "app.kubernetes.io/name=metallb,app.kubernetes.io/component=controller",
)
SPEAKER = ("app=metallb,component=speaker", "app.kubernetes.io/name=metallb,app.kubernetes.io/component=speaker")
FRR_K8S = ("app.kubernetes.io/name=frr-k8s",)
_METADATA = {"generateName": "kubeaddons-webhook-probe-"}
# The status of a webhook that is in place, of which nobody knows whether it answers.
NOT_ASKED = "not asked"
# Webhook configuration -> the collection to create something in, and what: whatever the webhook says of it, it has answered.
_PROBES: dict[str, tuple[str, Object]] = {
    _resources.WEBHOOKS: (
        _resources.POOLS,
        {
            "apiVersion": "metallb.io/v1beta1",
            "kind": "IPAddressPool",
            "metadata": _METADATA,
            "spec": {"addresses": ["192.0.2.1/32"], "autoAssign": False},  # from a documentation range
        },
    ),
    _resources.FRR_WEBHOOKS: (
        _resources.FRR_CONFIGURATIONS,
        {"apiVersion": "frrk8s.metallb.io/v1beta1", "kind": "FRRConfiguration", "metadata": _METADATA, "spec": {}},
    ),
}


def live_pools(api: Api, namespace: str) -> list[Object]:
    """Return the IPAddressPools; none where MetalLB is not installed."""
    return api.get_list(_resources.POOLS.format(namespace=namespace)) or []


def namespace_labels(api: Api, pools: t.Sequence[Object]) -> dict[str, dict[str, str]] | None:
    """Return Namespace -> labels where pools select by them; None: that may not be read, or nobody needs it."""
    if not any((pool["spec"].get("serviceAllocation") or {}).get("namespaceSelectors") for pool in pools):
        return None
    try:
        namespaces = api.get_list("/api/v1/namespaces") or []
    except ApiError as exc:
        if exc.status != 403:
            raise
        return None
    return {one["metadata"]["name"]: one["metadata"].get("labels") or {} for one in namespaces}


def _labelled(api: Api, collection: str, selectors: t.Sequence[str]) -> list[Object]:
    for selector in selectors:
        found = api.get_list(collection, selector)
        if found:
            return found
    return []


def controllers(api: Api, namespace: str) -> list[Object]:
    """Return the Deployments of the controller: one, where MetalLB is installed as it should be."""
    found = _labelled(api, _resources.collection("apps/v1", "Deployment", namespace), CONTROLLER)
    return [dict(one, kind="Deployment", apiVersion="apps/v1") for one in found]


def speakers(api: Api, namespace: str) -> list[Object]:
    """Return the speakers' pods."""
    return _labelled(api, _resources.collection("v1", "Pod", namespace), SPEAKER)


def on_the_move(parts: t.Sequence[_rollout.Progress], now: datetime.datetime | None) -> set[str]:
    """Return what is not done since its pods have been moved, a short while ago. now: the API server's time."""
    parse = _allocation_events.parse_time
    moved = [one for one in parts if not one.done and one.since]
    return {one.name for one in moved if now and (now - parse(one.since)).total_seconds() < _GRACE}


def _workloads(api: Api, namespace: str, speaker: bool, backend: str) -> list[tuple[str, str, list[Object]]]:
    """Return kind, usual name and live objects of each workload that is expected; of one and the same there may be two."""
    wanted: list[tuple[str, str, t.Sequence[str]]] = [("Deployment", "controller", CONTROLLER)]
    if speaker:
        wanted.append(("DaemonSet", "speaker", SPEAKER))
    if backend == "frr-k8s":
        wanted.append(("Deployment", "frr-k8s-statuscleaner", FRR_K8S))
    if backend == "frr-k8s" and speaker:
        wanted.append(("DaemonSet", "frr-k8s-daemon", FRR_K8S))
    found = api.gather(
        [
            functools.partial(_labelled, api, _resources.collection("apps/v1", kind, namespace), selectors)
            for kind, _name, selectors in wanted
        ]
    )
    return [(kind, name, objects) for (kind, name, _selectors), objects in zip(wanted, found)]


def progress(api: Api, namespace: str, speaker: bool, backend: str = "native") -> list[_rollout.Progress]:
    """Return how far the workloads have come; reasons are looked up only where something lacks."""
    results = []
    for kind, name, objects in _workloads(api, namespace, speaker, backend):
        if not objects:
            results.append(
                _rollout.Progress("{0}/{1}/{2}".format(kind, namespace, name), False, "missing", ["it does not exist"])
            )
        for obj in objects:
            obj["kind"] = kind  # items of a list do not carry it
            state = _rollout.workload(obj, [], [])
            if not state.done:
                own = ",".join("=".join(one) for one in obj["spec"]["selector"]["matchLabels"].items())
                pods = api.get_list(_resources.collection("v1", "Pod", namespace), own) or []
                state = _rollout.workload(obj, pods, events(api, namespace, "Pod"))
            results.append(state)
    return results


def webhooks(api: Api, namespace: str, backend: str = "native", ask: bool = False) -> list[_rollout.Progress]:
    """Return whether each webhook has its certificate and an endpoint; ask: and whether it answers."""
    expected = [_resources.WEBHOOKS] + ([_resources.FRR_WEBHOOKS] if backend == "frr-k8s" else [])
    results = []
    for at in expected:
        state = _webhook(api, namespace, at)
        results.append(_asked(api, namespace, at, state) if ask and state.done else state)
    return results


def _webhook(api: Api, namespace: str, at: str) -> _rollout.Progress:
    config = api.get(at)
    services = {hook["clientConfig"]["service"]["name"] for hook in (config or {}).get("webhooks") or []}
    slices: list[Object] = []
    for service in services:
        slices.extend(
            api.get_list(
                "/apis/discovery.k8s.io/v1/namespaces/{0}/endpointslices".format(namespace),
                "{0}={1}".format(SERVICE_LABEL, service),
            )
            or []
        )
    return _rollout.webhook("ValidatingWebhookConfiguration/" + at.rpartition("/")[2], config, slices)


def _asked(api: Api, namespace: str, at: str, state: _rollout.Progress) -> _rollout.Progress:
    """Ask a webhook by a dry run; NOT_ASKED where the account may not do that."""
    collection, probe = _PROBES[at]
    try:
        api.create(collection.format(namespace=namespace), probe, dry_run=True)
    except ApiError as exc:
        # 404: the API server has not taken up the new kinds yet. A denial is an answer.
        if exc.status == 404 or _rollout.not_serving(exc.text):
            return state._replace(done=False, status="not serving", reasons=[exc.text])
        if exc.status == 403 and "admission webhook" not in exc.text:
            return state._replace(status=NOT_ASKED, reasons=[exc.text])
        if exc.status not in (400, 403, 409, 422):
            raise
    return state


def is_ready(api: Api, namespace: str, speaker: bool, backend: str = "native") -> bool:
    """Return whether everything is rolled out, without asking the webhooks."""
    parts = [*progress(api, namespace, speaker, backend), *webhooks(api, namespace, backend)]
    return all(one.done for one in parts)


def controller_problem(api: Api, namespace: str) -> str:
    """Return why the controller cannot answer, "" when it is ready."""
    return problem(progress(api, namespace, False)[0])


def problem(state: _rollout.Progress) -> str:
    """Return why something is not ready, "" when it is."""
    return "" if state.done else "; ".join(state.reasons) or state.status


def events(api: Api, namespace: str, kind: str) -> list[Object]:
    """Return the events about objects of a kind, newest last."""
    events = api.get_list(_resources.collection("v1", "Event", namespace)) or []
    own = [event for event in events if (event.get("involvedObject") or {}).get("kind") == kind]
    return sorted(own, key=_allocation_events.said_at)


def assigned(api: Api) -> list[Object]:
    """Return the events by which speakers say that they announce a Service."""
    return api.get_list("/api/v1/events", field_selector="reason=nodeAssigned,involvedObject.kind=Service") or []
