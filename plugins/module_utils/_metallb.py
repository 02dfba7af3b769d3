# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The edge that looks at a running MetalLB: its workloads by label (manifests and charts name them differently)."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _resources, _rollout
from ansible_collections.kubeaddons.metallb.plugins.module_utils._addresses import AddressRange, parse_range
from ansible_collections.kubeaddons.metallb.plugins.module_utils._derive import SERVICE_LABEL
from ansible_collections.kubeaddons.metallb.plugins.module_utils._kubernetes import Api, ApiError

Object = t.Dict[str, t.Any]

CONTROLLER = (
    "app=metallb,component=controller",
    "app.kubernetes.io/name=metallb,app.kubernetes.io/component=controller",
)
SPEAKER = ("app=metallb,component=speaker", "app.kubernetes.io/name=metallb,app.kubernetes.io/component=speaker")
# An address from a documentation range: whatever the webhook says of it, it has answered.
_PROBE = {
    "apiVersion": "metallb.io/v1beta1",
    "kind": "IPAddressPool",
    "metadata": {"generateName": "kubeaddons-webhook-probe-"},
    "spec": {"addresses": ["192.0.2.1/32"], "autoAssign": False},
}


def live_pools(api: Api, namespace: str) -> list[Object]:
    """Return the IPAddressPools; none where MetalLB is not installed."""
    return api.get_list(_resources.POOLS.format(namespace=namespace)) or []


def live_ranges(api: Api, namespace: str) -> list[AddressRange]:
    """Return the ranges of all live pools."""
    ranges = []
    for pool in live_pools(api, namespace):
        for text in pool["spec"].get("addresses") or []:
            try:
                ranges.append(parse_range(text))
            except ValueError:
                continue  # made by other means than ours; it protects no address from being probed
    return ranges


def _labelled(api: Api, collection: str, selectors: t.Sequence[str]) -> list[Object]:
    for selector in selectors:
        found = api.get_list(collection, selector)
        if found:
            return found
    return []


def speakers(api: Api, namespace: str) -> list[Object]:
    """Return the speakers' pods."""
    return _labelled(api, _resources.collection("v1", "Pod", namespace), SPEAKER)


def _workloads(api: Api, namespace: str, speaker: bool) -> list[tuple[str, str, tuple[str, str], list[Object]]]:
    wanted = [("Deployment", "controller", CONTROLLER)] + ([("DaemonSet", "speaker", SPEAKER)] if speaker else [])
    found = api.gather(
        [
            functools.partial(_labelled, api, _resources.collection("apps/v1", kind, namespace), selectors)
            for kind, _name, selectors in wanted
        ]
    )
    return [(kind, name, selectors, objects) for (kind, name, selectors), objects in zip(wanted, found)]


def progress(api: Api, namespace: str, speaker: bool) -> list[_rollout.Progress]:
    """Return how far controller, speaker and webhook have come; reasons are looked up only where something lacks."""
    results = []
    for kind, name, selectors, objects in _workloads(api, namespace, speaker):
        if not objects:
            results.append(
                _rollout.Progress("{0}/{1}/{2}".format(kind, namespace, name), False, "missing", ["it does not exist"])
            )
        for obj in objects:
            obj["kind"] = kind  # items of a list do not carry it
            state = _rollout.workload(obj, [], [])
            if not state.done:
                state = _rollout.workload(
                    obj,
                    _labelled(api, _resources.collection("v1", "Pod", namespace), selectors),
                    _events(api, namespace, "Pod"),
                )
            results.append(state)
    results.append(webhook(api, namespace))
    return results


def webhook(api: Api, namespace: str) -> _rollout.Progress:
    """Return whether the webhook has its certificate and an endpoint."""
    config = api.get(_resources.WEBHOOKS)
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
    return _rollout.webhook(config, slices)


def webhook_answer(api: Api, namespace: str) -> str:
    """Ask the webhook about a pool by a dry run; return why it did not answer, "" when it did."""
    try:
        api.create(_resources.POOLS.format(namespace=namespace), dict(_PROBE), dry_run=True)
    except ApiError as exc:
        # 404: the API server has not taken up the new kinds yet. A denial is an answer.
        if exc.status == 404 or _rollout.not_serving(exc.text):
            return exc.text
        if exc.status in (400, 403, 409, 422):
            return ""
        raise
    return ""


def is_ready(api: Api, namespace: str, speaker: bool) -> bool:
    """Return whether everything is rolled out, without asking the webhook."""
    return all(one.done for one in progress(api, namespace, speaker))


def controller_problem(api: Api, namespace: str) -> str:
    """Return why the controller cannot answer, "" when it is ready."""
    state = progress(api, namespace, False)[0]
    return "" if state.done else "; ".join(state.reasons) or state.status


def _events(api: Api, namespace: str, kind: str) -> list[Object]:
    """Return the events about objects of a kind, newest last."""
    events = api.get_list(_resources.collection("v1", "Event", namespace)) or []
    own = [event for event in events if (event.get("involvedObject") or {}).get("kind") == kind]
    return sorted(own, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))


def service_events(api: Api, namespace: str, name: str) -> list[Object]:
    """Return the events about one Service, newest last."""
    return [event for event in _events(api, namespace, "Service") if event["involvedObject"].get("name") == name]
