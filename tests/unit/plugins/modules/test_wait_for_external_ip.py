# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _kubernetes, _resources
from ansible_collections.kubeaddons.metallb.plugins.modules import wait_for_external_ip
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import Clock, Server

Object = dict[str, t.Any]
POOL = _resources.POOLS.format(namespace="metallb-system") + "/lan"


def service(name: str, *addresses: str, **spec: t.Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"type": "LoadBalancer", **spec},
        "status": {"loadBalancer": {"ingress": [{"ip": one} for one in addresses]}},
    }


def cluster(*services: Object) -> Server:
    controller = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "controller",
            "namespace": "metallb-system",
            "labels": {"app": "metallb", "component": "controller"},
        },
        "spec": {"replicas": 1, "selector": {"matchLabels": {"component": "controller"}}},
        "status": {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
    }
    server = Server(controller, *services)
    server.put({"metadata": {"name": "lan"}, "spec": {"addresses": ["192.0.2.0/28"]}}, POOL)
    return server


def wanted(name: str, *addresses: str, pool: str = "") -> Object:
    return {"namespace": "default", "name": name, "addresses": list(addresses), "pool": pool}


def wait(
    server: Server,
    services: list[Object] | None,
    timeout: int = 0,
    clock: Clock | None = None,
    own_class: str = "",
    scope: t.Sequence[str] = (),
) -> Object:
    params = {
        "metallb_namespace": "metallb-system",
        "services": services,
        "loadbalancer_class": own_class,
        "timeout": timeout,
        "scope": scope,
    }
    return wait_for_external_ip.wait(server.api, params, (clock or Clock()).waiter(timeout))


def test_results_are_one_for_each_service_in_their_order() -> None:
    server = cluster(service("a", "192.0.2.1"), service("b", "192.0.2.2"))
    result = wait(server, [wanted("b"), wanted("a"), wanted("b", "192.0.2.2")])
    assert result["done"]
    assert not result.get("failed")
    assert result["results"] == [
        {
            "namespace": "default",
            "name": name,
            "done": True,
            "addresses": [address],
            "pool": "lan",
            "reason": "",
            "cause": "",
            "check_count": 1,
        }
        for name, address in (("b", "192.0.2.2"), ("a", "192.0.2.1"), ("b", "192.0.2.2"))
    ]


def test_a_timeout_returns_what_there_is_and_says_what_is_late() -> None:
    server, clock = cluster(service("a", "192.0.2.1"), service("b")), Clock()
    result = wait(server, [wanted("missing"), wanted("a"), wanted("b"), wanted("a", "192.0.2.9")], 10, clock)
    assert result["failed"]
    assert not result["done"]
    assert [one["done"] for one in result["results"]] == [False, True, False, False]
    assert result["results"][1]["addresses"] == ["192.0.2.1"]
    assert {one["check_count"] for one in result["results"]} == {len(clock.pauses) + 1}
    assert result["msg"] == (
        "No EXTERNAL-IP as expected after 10 s. default/missing: the Service does not exist. default/b: MetalLB's "
        "controller has not answered yet; pool lan could give an address. default/a: has 192.0.2.1, expected 192.0.2.9."
    )


def test_a_timeout_of_zero_looks_once() -> None:
    clock = Clock()
    result = wait(cluster(service("b")), [wanted("b")], 0, clock)
    assert result["failed"]
    assert result["results"][0]["check_count"] == 1
    assert clock.pauses == []


def test_it_goes_on_until_the_last_one_has_its_address() -> None:
    server, clock = cluster(service("a"), service("b", "192.0.2.2")), Clock()

    def assigned(server: Server, path: str) -> None:
        if len(clock.pauses) == 2:
            server.put(service("a", "192.0.2.1"))

    server.after_get = assigned
    result = wait(server, [wanted("a"), wanted("b")], 60, clock)
    assert result["done"]
    assert [one["addresses"] for one in result["results"]] == [["192.0.2.1"], ["192.0.2.2"]]


def test_without_a_list_all_that_metallb_takes_care_of() -> None:
    server = cluster(service("a", "192.0.2.1"), service("x", loadBalancerClass="x"), service("n", type="NodePort"))
    assert [one["name"] for one in wait(server, None)["results"]] == ["a"]
    server.put(service("x", "192.0.2.3", loadBalancerClass="x"))
    assert [one["name"] for one in wait(server, None, own_class="x")["results"]] == ["x"]
    assert wait(Server(without=["metallb.io"]), None) == {"done": True, "results": []}
    assert wait(server, [])["results"] == []


def test_some_services_only() -> None:
    server = cluster(service("a", "192.0.2.1"), service("b", "192.0.2.2"), service("x", loadBalancerClass="x"))
    assert [one["name"] for one in wait(server, None, scope=["default/b"])["results"]] == ["b"]
    assert [one["name"] for one in wait(server, None, scope=["default"])["results"]] == ["a", "b"]
    named = wait(server, None, scope=["default/x"])
    assert named["failed"]
    assert 'has loadBalancerClass "x"' in named["msg"]
    server.put(service("n", type="ClusterIP", clusterIP="10.233.0.9"))
    assert wait(server, None, scope=["default/n"]) == {"done": True, "results": []}
    assert [one["name"] for one in wait(server, None, scope=["default/n", "default/b"])["results"]] == ["b"]
    assert "there are default/a, default/b, default/x." in wait(server, None, scope=["default/c"])["msg"]


def test_the_controllers_problem_is_the_reason() -> None:
    server = cluster(service("a"))
    server.objects["/apis/apps/v1/namespaces/metallb-system/deployments/controller"]["spec"]["replicas"] = 0
    reason = wait(server, [wanted("a")])["results"][0]["reason"]
    assert reason == "MetalLB's controller is not ready: it is scaled to 0 replicas"


def test_events_are_listed_once_for_all_services_of_a_namespace() -> None:
    server = cluster(service("a"), service("b"), service("c"))
    asked: list[str] = []
    server.after_get = lambda _server, path: asked.append(path)
    wait(server, None)
    assert asked.count("/api/v1/namespaces/default/events") == 1


def test_an_event_is_the_reason() -> None:
    server = cluster(service("a"))
    server.put(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "a.1", "namespace": "default"},
            "involvedObject": {"kind": "Service", "name": "a"},
            "reason": "AllocationFailed",
            "message": "no available IPs",
            "lastTimestamp": "2026-11-23T20:00:00Z",
        }
    )
    assert wait(server, [wanted("a")])["results"][0]["reason"] == "AllocationFailed: no available IPs"


def test_a_pool_that_is_full_is_the_reason_without_an_event() -> None:
    server = cluster(service("a"), *(service("t{0}".format(one), "192.0.2.{0}".format(one)) for one in range(16)))
    # one of another class takes nothing of MetalLB's
    server.put(service("x", "192.0.2.16", loadBalancerClass="x"))
    full = "16 of 16 IPv4 addresses of pool lan are taken"
    for asked in ([wanted("a")], None):
        late = {one["name"]: one for one in wait(server, asked)["results"]}
        assert (late["a"]["cause"], late["a"]["reason"]) == ("pool-exhausted", full)


def test_whom_a_pool_is_for_is_asked_only_where_it_matters() -> None:
    server = cluster(service("a"))
    asked: list[str] = []
    server.after_get = lambda _server, path: asked.append(path)
    assert wait(server, [wanted("a")])["results"][0]["cause"] == "controller-silent"
    assert "/api/v1/namespaces" not in asked
    selectors = [{"matchLabels": {"team": "blue"}}]
    spec = {"addresses": ["192.0.2.0/28"], "serviceAllocation": {"namespaceSelectors": selectors}}
    server.put({"metadata": {"name": "lan"}, "spec": spec}, POOL)
    server.put({"metadata": {"name": "default"}}, "/api/v1/namespaces/default")
    server.put({"metadata": {"name": "other", "labels": {"team": "blue"}}}, "/api/v1/namespaces/other")
    late = wait(server, [wanted("a")])["results"][0]
    assert late["cause"] == "pool-not-for-service"
    assert "/api/v1/namespaces" in asked
    # a kubeconfig that may not read them is no error, and no reason is made up
    server.fail("get", "/api/v1/namespaces", 403, "forbidden")
    late = wait(server, [wanted("a")])["results"][0]
    assert late["cause"] == "controller-silent"
    assert late["reason"].endswith("whether pool lan is for namespace default is not known")
    server.fail("get", "/api/v1/namespaces", 500, "broken", times=9)
    with pytest.raises(_kubernetes.ApiError, match="broken"):
        wait(server, [wanted("a")])


def test_an_api_that_is_away_is_waited_for() -> None:
    server, clock = cluster(service("a", "192.0.2.1")), Clock()
    server.fail("get", "/api/v1/namespaces/default/services/a", 503, "apiserver is shutting down", times=2)
    result = wait(server, [wanted("a")], 60, clock)
    assert result["done"]
    assert len(clock.pauses) == 2
    server.fail("get", "/api/v1/namespaces/default/services/a", 503, "apiserver is shutting down", times=99)
    late = wait(server, [wanted("a")], 5)
    assert late["failed"]
    assert late["results"][0]["reason"] == "the Kubernetes API is away: apiserver is shutting down"
