# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _metallb, _resources
from ansible_collections.kubeaddons.metallb.plugins.module_utils._kubernetes import ApiError
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import Server

Object = dict[str, t.Any]
NAMESPACE = "metallb-system"
POOLS = _resources.POOLS.format(namespace=NAMESPACE)
NAMES = {  # the labels of the manifests and of the Helm chart
    "manifest": lambda component: {"app": "metallb", "component": component},
    "helm": lambda component: {"app.kubernetes.io/name": "metallb", "app.kubernetes.io/component": component},
}


def workload(kind: str, name: str, labels: t.Mapping[str, str], ready: bool = True) -> Object:
    count = int(ready)
    status = (
        {"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": count}
        if kind == "DaemonSet"
        else {"replicas": 1, "updatedReplicas": 1, "availableReplicas": count}
    )
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": dict(labels), "generation": 1},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"pod": name}}},
        "status": {"observedGeneration": 1, **status},
    }


def pod(name: str, labels: t.Mapping[str, str], **status: t.Any) -> Object:
    meta = {"name": name, "namespace": NAMESPACE, "labels": dict(labels), "uid": "uid-" + name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"nodeName": "node1"}, "status": status}


def event(name: str, kind: str, of: str, reason: str, last: str, namespace: str = NAMESPACE) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {"kind": kind, "name": of, "uid": "uid-" + of},
        "type": "Warning",
        "reason": reason,
        "message": "as told",
        "lastTimestamp": last or None,
        "eventTime": "2026-11-23T20:00:30.000000Z",
    }


WEBHOOKS: Object = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "metallb-webhook-configuration"},
    "webhooks": [
        {"name": name, "clientConfig": {"caBundle": "Y2E=", "service": {"name": "webhook-service"}}}
        for name in ("a", "b")
    ],
}


FRR_WEBHOOKS: Object = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "frr-k8s-validating-webhook-configuration"},
    "webhooks": [{"name": "a", "clientConfig": {"caBundle": "Y2E=", "service": {"name": "frr-k8s-webhook-service"}}}],
}
FRR_LABELS = {"app.kubernetes.io/name": "frr-k8s"}


def serving(server: Server, ready: bool = True, hooks: Object = WEBHOOKS) -> Server:
    """Add a webhook and the slice of its Service, which 0.13.9 calls differently from 0.16.1."""
    server.put(hooks)
    service = hooks["webhooks"][0]["clientConfig"]["service"]["name"]
    server.put(
        {
            "metadata": {"labels": {"kubernetes.io/service-name": service}},
            "endpoints": [{"conditions": {"ready": ready}}],
        },
        "/apis/discovery.k8s.io/v1/namespaces/{0}/endpointslices/{1}-x7k2p".format(NAMESPACE, service),
    )
    return server


@pytest.mark.parametrize("made_by", NAMES)
def test_metallb_is_found_by_its_labels(made_by: str) -> None:
    labels = NAMES[made_by]
    server = serving(
        Server(
            workload("Deployment", "metallb-controller", labels("controller")),
            workload("DaemonSet", "metallb-speaker", labels("speaker")),
            workload("DaemonSet", "something-else", {"app": "other"}, ready=False),
        )
    )
    parts = [*_metallb.progress(server.api, NAMESPACE, True), *_metallb.webhooks(server.api, NAMESPACE)]
    assert [(part.name, part.done) for part in parts] == [
        ("Deployment/metallb-system/metallb-controller", True),
        ("DaemonSet/metallb-system/metallb-speaker", True),
        ("ValidatingWebhookConfiguration/metallb-webhook-configuration", True),
    ]
    assert _metallb.is_ready(server.api, NAMESPACE, True)
    assert _metallb.controller_problem(server.api, NAMESPACE) == ""


def test_nothing_is_installed() -> None:
    server = Server(without=["metallb.io"])
    parts = [*_metallb.progress(server.api, NAMESPACE, True), *_metallb.webhooks(server.api, NAMESPACE)]
    assert [(part.done, part.status) for part in parts] == [(False, "missing")] * 3
    assert not _metallb.is_ready(server.api, NAMESPACE, True)
    assert _metallb.controller_problem(server.api, NAMESPACE) == "it does not exist"
    assert _metallb.live_pools(server.api, NAMESPACE) == []


def test_a_speaker_that_is_not_wanted_is_not_missed() -> None:
    server = serving(Server(workload("Deployment", "controller", NAMES["manifest"]("controller"))))
    assert _metallb.is_ready(server.api, NAMESPACE, False)
    assert not _metallb.is_ready(server.api, NAMESPACE, True)


def frr_k8s() -> Server:
    """MetalLB with FRR-K8s, all of it ready."""
    labels = NAMES["manifest"]
    server = Server(
        workload("Deployment", "controller", labels("controller")),
        workload("DaemonSet", "speaker", labels("speaker")),
        workload("Deployment", "frr-k8s-statuscleaner", FRR_LABELS),
        workload("DaemonSet", "frr-k8s-daemon", FRR_LABELS),
    )
    return serving(serving(server), hooks=FRR_WEBHOOKS)


def test_frr_k8s_is_waited_for_where_it_speaks_bgp() -> None:
    server = frr_k8s()
    assert _metallb.is_ready(server.api, NAMESPACE, True, "frr-k8s")
    for at in [path for path in server.objects if "frr-k8s" in path]:
        obj = server.objects.pop(at)
        assert not _metallb.is_ready(server.api, NAMESPACE, True, "frr-k8s"), at
        assert _metallb.is_ready(server.api, NAMESPACE, True, "native"), at
        server.objects[at] = obj
    del server.objects["/apis/apps/v1/namespaces/metallb-system/daemonsets/frr-k8s-daemon"]
    del server.objects["/apis/apps/v1/namespaces/metallb-system/daemonsets/speaker"]
    assert _metallb.is_ready(server.api, NAMESPACE, False, "frr-k8s")


def test_frr_k8s_that_cannot_be_pulled_is_explained() -> None:
    server = frr_k8s()
    server.put(workload("DaemonSet", "frr-k8s-daemon", FRR_LABELS, ready=False))
    waiting = {"state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}
    init = {"name": "cp-frr-files", "image": "192.0.2.1/frrouting/frr:10.4.3", **waiting}
    server.put(pod("frr-k8s-daemon-x7k2p", {"pod": "frr-k8s-daemon"}, initContainerStatuses=[init]))
    server.put(pod("speaker-x7k2p", {"pod": "speaker"}, initContainerStatuses=[init]))
    daemon = _metallb.progress(server.api, NAMESPACE, True, "frr-k8s")[3]
    assert daemon.name == "DaemonSet/metallb-system/frr-k8s-daemon"
    assert daemon.reasons == [
        "pod frr-k8s-daemon-x7k2p on node1: ImagePullBackOff for image 192.0.2.1/frrouting/frr:10.4.3 (not found)"
    ]


def test_the_webhook_of_frr_k8s_is_asked_about_what_is_its_own() -> None:
    server = frr_k8s()
    assert all(one.done for one in _metallb.webhooks(server.api, NAMESPACE, "frr-k8s", ask=True))
    configurations = _resources.FRR_CONFIGURATIONS.format(namespace=NAMESPACE)
    assert server.writes == ["post {0} (dry run)".format(at) for at in (POOLS, configurations)]
    server.fail("post", configurations, 500, NOT_SERVING)
    metallb, frr = _metallb.webhooks(server.api, NAMESPACE, "frr-k8s", ask=True)
    assert metallb.done
    assert (frr.name, frr.done, frr.reasons) == (
        "ValidatingWebhookConfiguration/frr-k8s-validating-webhook-configuration",
        False,
        [NOT_SERVING],
    )


def test_reasons_come_from_the_pods_and_their_events() -> None:
    labels = NAMES["manifest"]("speaker")
    server = serving(
        Server(
            workload("Deployment", "controller", NAMES["manifest"]("controller")),
            workload("DaemonSet", "speaker", labels, ready=False),
            pod("speaker-x7k2p", {"pod": "speaker"}),
            pod("controller-k2p7x", {"pod": "controller"}, conditions=[]),
            event("1", "Pod", "speaker-x7k2p", "FailedMount", "2026-11-23T20:00:20Z"),
            event("2", "Pod", "speaker-x7k2p", "Older", "2026-11-23T20:00:10Z"),
            event("3", "Service", "speaker-x7k2p", "Other", "2026-11-23T20:00:40Z"),
        )
    )
    speaker = _metallb.progress(server.api, NAMESPACE, True)[1]
    assert speaker.reasons == ["pod speaker-x7k2p on node1: FailedMount: as told"]


def test_the_webhook_needs_an_endpoint() -> None:
    assert _metallb.webhooks(serving(Server()).api, NAMESPACE)[0].done
    assert _metallb.webhooks(serving(Server(), ready=False).api, NAMESPACE)[0].reasons == [
        "its Service has no ready endpoint"
    ]


NOT_SERVING = 'failed calling webhook "x": connection refused'
ANSWERS: list[tuple[int, str, str]] = [
    # status, message, why it has not answered
    (403, 'admission webhook "x" denied the request: resource must be created in metallb-system namespace', ""),
    (422, "IPAddressPool is invalid", ""),
    (500, "Internal error occurred: " + NOT_SERVING, "Internal error occurred: " + NOT_SERVING),
    (404, "the server could not find the requested resource", "the server could not find the requested resource"),
]


@pytest.mark.parametrize(("status", "message", "why"), ANSWERS)
def test_whatever_the_webhook_says_it_has_answered(status: int, message: str, why: str) -> None:
    server = serving(Server())
    server.fail("post", POOLS, status, message)
    (state,) = _metallb.webhooks(server.api, NAMESPACE, ask=True)
    assert (state.done, state.reasons) == (not why, [why] if why else [])
    assert server.writes == ["post {0} (dry run)".format(POOLS)]


def test_an_account_that_may_not_ask_has_no_answer() -> None:
    server = serving(Server())
    denied = 'ipaddresspools.metallb.io is forbidden: User "looker" cannot create resource "ipaddresspools"'
    server.fail("post", POOLS, 403, denied)
    (state,) = _metallb.webhooks(server.api, NAMESPACE, ask=True)
    assert (state.done, state.status, state.reasons) == (True, _metallb.NOT_ASKED, [denied])


def test_asking_leaves_nothing_behind() -> None:
    server = serving(Server())
    before = set(server.objects)
    assert _metallb.webhooks(server.api, NAMESPACE, ask=True)[0].done
    assert set(server.objects) == before
    server.fail("post", POOLS, 401, "Unauthorized")
    with pytest.raises(ApiError, match="Unauthorized"):
        _metallb.webhooks(server.api, NAMESPACE, ask=True)


def test_events_of_a_namespace_newest_last() -> None:
    server = Server(
        event("1", "Service", "web", "second", "2026-11-23T20:00:40Z", "default"),
        event("2", "Service", "web", "first", "", "default"),  # has only the newer field
        event("3", "Service", "other", "x", "2026-11-23T20:00:50Z", "default"),
        event("4", "Pod", "web", "x", "2026-11-23T20:00:50Z", "default"),
        event("5", "Service", "web", "x", "2026-11-23T20:00:50Z", "elsewhere"),
    )
    found = _metallb.events(server.api, "default", "Service")
    assert [(one["involvedObject"]["name"], one["reason"]) for one in found] == [
        ("web", "first"),
        ("web", "second"),
        ("other", "x"),
    ]
