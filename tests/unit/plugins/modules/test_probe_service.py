# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _resources
from ansible_collections.kubeaddons.metallb.plugins.module_utils._kubernetes import Api, ApiError
from ansible_collections.kubeaddons.metallb.plugins.modules import probe_service
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import Server, fixture

Object = dict[str, t.Any]
DNS = fixture("services")[2]
POOLS = _resources.POOLS.format(namespace="metallb-system")
NAME = "kube-system/kubeaddons-metallb-probe"


V4, V6 = "192.0.2.0/28", "2001:db8::/124"


def cluster(
    *objects: Object,
    pools: t.Sequence[tuple[str, bool]] = (("lan", True),),
    ranges: t.Sequence[t.Sequence[str]] = ((V4,), (V4,)),
) -> Server:
    server = Server(*(objects or (DNS,)))
    for (name, auto_assign), addresses in zip(pools, ranges, strict=False):
        spec = {"autoAssign": auto_assign, "addresses": list(addresses)}
        server.put({"metadata": {"name": name}, "spec": spec}, POOLS + "/" + name)
    return server


def ensure(server: Server, check_mode: bool = False, state: str = "present", own_class: str = "") -> Object:
    params = {
        "metallb_namespace": "metallb-system",
        "state": state,
        "loadbalancer_class": own_class,
        "guardian": 4711,
        "lifetime": 60,
    }
    module = types.SimpleNamespace(params=params, check_mode=check_mode)
    return probe_service.ensure(server.api, t.cast(t.Any, module))


@pytest.fixture(autouse=True)
def guards(monkeypatch: pytest.MonkeyPatch) -> list[tuple[t.Any, ...]]:
    """Who would stand guard, instead of processes."""
    found: list[tuple[t.Any, ...]] = []
    monkeypatch.setattr(probe_service._guard, "stand", lambda *args: found.append(args))
    monkeypatch.setattr(Api, "kept", lambda self: self)
    return found


def test_the_guard_removes_what_this_run_has_made_and_nothing_else(guards: list[tuple[t.Any, ...]]) -> None:
    server = cluster()
    ensure(server, check_mode=True)
    assert guards == []
    ensure(server)
    ensure(server)
    ((alive, remove, patience),) = guards
    assert (alive(), patience) == (False, 60)
    remove()
    assert server.bodies[-1] == {"preconditions": {"uid": "u-2"}}
    assert probe_service.PATH not in server.objects
    remove()  # gone already


def test_made_once_and_removed_once() -> None:
    server = cluster()
    assert ensure(server, check_mode=True) == {"changed": True, "service": NAME}
    assert probe_service.PATH not in server.objects
    assert ensure(server) == {"changed": True, "service": NAME}
    assert ensure(server) == {"service": NAME}
    made = server.objects[probe_service.PATH]
    assert made["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "kubeaddons.metallb"}
    assert made["spec"] == {
        "type": "LoadBalancer",
        "selector": {"k8s-app": "kube-dns"},
        "ports": [{"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 5353}],
    }
    assert ensure(server, check_mode=True, state="absent") == {"changed": True}
    assert probe_service.PATH in server.objects
    assert ensure(server, state="absent") == {"changed": True}
    assert ensure(server, state="absent") == {"changed": False}


@pytest.mark.parametrize(
    ("pools", "annotations"),
    [
        ([("a", False), ("b", True)], {}),
        # An old MetalLB knows only the old name.
        ([("a", False)], {"metallb.io/address-pool": "a", "metallb.universe.tf/address-pool": "a"}),
    ],
)
def test_a_pool_that_must_be_asked_for(pools: list[tuple[str, bool]], annotations: Object) -> None:
    server = cluster(pools=pools)
    ensure(server, own_class="x")
    assert server.objects[probe_service.PATH]["metadata"]["annotations"] == annotations
    assert server.objects[probe_service.PATH]["spec"]["loadBalancerClass"] == "x"


PRIMARY6 = {**DNS, "spec": {**DNS["spec"], "clusterIP": "fd00::3"}}
AUTO = [("a", True), ("b", True)]


@pytest.mark.parametrize(
    ("dns", "pools", "ranges", "families"),
    [
        (DNS, AUTO[:1], [[V4]], {}),
        (DNS, AUTO[:1], [[V4, V6]], {"ipFamilyPolicy": "PreferDualStack"}),
        (DNS, AUTO, [[V4], [V6]], {}),
        (DNS, AUTO, [[V6], [V6, V4]], {"ipFamilyPolicy": "PreferDualStack"}),
        (DNS, AUTO, [[V6], [V6]], {"ipFamilies": ["IPv6"]}),
        (PRIMARY6, AUTO[:1], [[V6]], {}),
        (PRIMARY6, AUTO[:1], [[V4]], {"ipFamilies": ["IPv4"]}),
        # The pool that is asked for by name counts, and one that is not given out by itself does not.
        (DNS, [("a", False), ("b", False)], [[V6], [V4]], {"ipFamilies": ["IPv6"]}),
        (DNS, [("a", False), ("b", True)], [[V4, V6], [V4]], {}),
    ],
)
def test_families_that_a_pool_can_serve(
    dns: Object, pools: list[tuple[str, bool]], ranges: list[list[str]], families: Object
) -> None:
    server = cluster(dns, pools=pools, ranges=ranges)
    ensure(server)
    spec = server.objects[probe_service.PATH]["spec"]
    assert {key: spec[key] for key in spec if key.startswith("ipFamil")} == families


def test_a_cluster_without_the_family_of_its_pools() -> None:
    server = cluster(ranges=[[V6]])
    services = _resources.collection("v1", "Service", "kube-system")
    server.fail("post", services, 422, 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster')
    assert ensure(server) == {"reason": "no pool holds addresses of the cluster's address family"}
    server.fail("post", services, 422, "something else")
    with pytest.raises(ApiError, match="something else"):
        ensure(server)


def only_udp() -> Object:
    return {**DNS, "spec": {**DNS["spec"], "ports": DNS["spec"]["ports"][:1]}}


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (cluster(pools=[]), "there is no IPAddressPool"),
        (cluster(only_udp()), "no Service with the label k8s-app=kube-dns offers DNS over TCP"),
        (cluster(fixture("services")[0]), "no Service with the label k8s-app=kube-dns offers DNS over TCP"),
    ],
)
def test_where_there_is_nothing_to_probe(server: Server, reason: str) -> None:
    assert ensure(server) == {"reason": reason}
    assert server.writes == []
