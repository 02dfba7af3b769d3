# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _resources
from ansible_collections.kubeaddons.metallb.plugins.module_utils._kubernetes import ApiError
from ansible_collections.kubeaddons.metallb.plugins.modules import wait_for_metallb
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import Clock, Server

Object = dict[str, t.Any]
NAMESPACE = "metallb-system"
POOLS = _resources.POOLS.format(namespace=NAMESPACE)
SPEAKER = "/apis/apps/v1/namespaces/metallb-system/daemonsets/speaker"
NOT_SERVING = 'Internal error occurred: failed calling webhook "x": connection refused'


def workload(kind: str, name: str, status: Object) -> Object:
    labels = {"app": "metallb", "component": name}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {"selector": {"matchLabels": labels}},
        "status": status,
    }


def cluster() -> Server:
    server = Server(
        workload("Deployment", "controller", {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}),
        workload(
            "DaemonSet", "speaker", {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}
        ),
    )
    hook = {"name": "x", "clientConfig": {"caBundle": "Y2E=", "service": {"name": "webhook"}}}
    server.put({"webhooks": [hook], "metadata": {"name": "metallb-webhook-configuration"}}, _resources.WEBHOOKS)
    endpoints = {"metadata": {"labels": {"kubernetes.io/service-name": "webhook"}}, "endpoints": [{}]}
    server.put(endpoints, "/apis/discovery.k8s.io/v1/namespaces/metallb-system/endpointslices/webhook-x")
    return server


def wait(
    server: Server, timeout: int = 0, clock: Clock | None = None, speaker: bool = True, backend: str = "native"
) -> Object:
    params = {"metallb_namespace": NAMESPACE, "speaker": speaker, "backend": backend, "timeout": timeout}
    return wait_for_metallb.wait(server.api, params, (clock or Clock()).waiter(timeout))


def test_all_is_ready() -> None:
    server = cluster()
    result = wait(server)
    assert result["done"]
    assert result["check_count"] == 1
    assert [part["name"].partition("/")[0] for part in result["parts"]] == [
        "Deployment",
        "DaemonSet",
        "ValidatingWebhookConfiguration",
    ]
    assert server.writes == ["post {0} (dry run)".format(POOLS)]


def test_nothing_is_installed() -> None:
    result = wait(Server(without=["metallb.io"]))
    assert result["failed"]
    assert result["msg"] == (
        "MetalLB was not ready after 0 s. Deployment/metallb-system/controller (missing): it does not exist "
        "DaemonSet/metallb-system/speaker (missing): it does not exist "
        "ValidatingWebhookConfiguration/metallb-webhook-configuration (missing): the object does not exist"
    )


def test_frr_k8s_is_waited_for_only_where_it_speaks_bgp() -> None:
    assert wait(cluster(), backend="frr")["done"]
    missing = [part["name"] for part in wait(cluster(), backend="frr-k8s")["parts"] if not part["done"]]
    assert missing == [
        "Deployment/metallb-system/frr-k8s-statuscleaner",
        "DaemonSet/metallb-system/frr-k8s-daemon",
        "ValidatingWebhookConfiguration/frr-k8s-validating-webhook-configuration",
    ]


def test_a_timeout_names_each_part_that_is_late() -> None:
    server, clock = cluster(), Clock()
    server.objects[SPEAKER]["status"]["numberAvailable"] = 1
    result = wait(server, 20, clock)
    assert result["failed"]
    assert result["msg"] == (
        "MetalLB was not ready after 20 s. DaemonSet/metallb-system/speaker (1 of 2 ready): 0 of 2 pods exist so far"
    )
    assert [part["done"] for part in result["parts"]] == [True, False, True]
    assert result["check_count"] == len(clock.pauses) + 1
    assert sum(clock.pauses) == 20


def test_a_speaker_that_is_not_wanted() -> None:
    server = cluster()
    del server.objects[SPEAKER]
    assert wait(server, speaker=False)["done"]
    assert not wait(server)["done"]


def test_a_ready_controller_whose_webhook_does_not_answer() -> None:
    server, clock = cluster(), Clock()
    server.fail("post", POOLS, 500, NOT_SERVING, times=3)
    result = wait(server, 60, clock)
    assert result["done"]
    assert result["check_count"] == 4
    server.fail("post", POOLS, 500, NOT_SERVING, times=99)
    late = wait(server, 5)
    assert late["msg"] == (
        "MetalLB was not ready after 5 s. ValidatingWebhookConfiguration/metallb-webhook-configuration (not serving): "
        + NOT_SERVING
    )


def test_the_webhook_is_not_asked_before_it_can_answer() -> None:
    server = cluster()
    del server.objects[_resources.WEBHOOKS]
    assert wait(server)["failed"]
    assert server.writes == []


def test_an_api_that_is_away_is_waited_for_and_a_denial_is_not() -> None:
    server, clock = cluster(), Clock()
    server.fail("get", _resources.WEBHOOKS, 503, "apiserver is shutting down", times=2)
    assert wait(server, 60, clock)["done"]
    assert len(clock.pauses) == 2
    server.fail("get", _resources.WEBHOOKS, 503, "apiserver is shutting down", times=99)
    assert (
        wait(server, 5)["msg"] == "MetalLB was not ready after 5 s. Kubernetes API (away): apiserver is shutting down"
    )
    starting = cluster()
    starting.fail("get", _resources.WEBHOOKS, 403, "forbidden")
    assert wait(starting, 60)["done"]
    denied = cluster()
    denied.fail("get", _resources.WEBHOOKS, 401, "Unauthorized")
    with pytest.raises(ApiError, match="Unauthorized"):
        wait(denied, 60)
