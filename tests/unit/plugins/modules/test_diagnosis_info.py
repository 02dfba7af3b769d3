# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _resources
from ansible_collections.kubeaddons.metallb.plugins.modules import diagnosis_info
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import Server, fixture
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.modules.test_wait_for_metallb import cluster as metallb

Object = dict[str, t.Any]
SPEAKER = "/apis/apps/v1/namespaces/metallb-system/daemonsets/speaker"
READY = [{"type": "Ready", "status": "True"}]


def cluster() -> Server:
    """MetalLB, two nodes with kube-proxy, a Service with an address."""
    server = metallb()
    server.put(fixture("kube_proxy")[0])
    for name in ("node1", "node2"):
        server.put({"metadata": {"name": name}, "spec": {}}, "/api/v1/nodes/" + name)
        pod(server, name, {"conditions": READY})
    service(server, "web", "192.0.2.240")
    pool = {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "IPAddressPool",
        "spec": {"addresses": ["192.0.2.240-192.0.2.249"]},
    }
    server.put({**pool, "metadata": {"name": "main", "namespace": "metallb-system"}})
    return server


def pod(server: Server, node: str, status: Object) -> None:
    meta = {"name": "kube-proxy-" + node, "namespace": "kube-system", "labels": {"k8s-app": "kube-proxy"}}
    server.put({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"nodeName": node}, "status": status})


def service(server: Server, name: str, *addresses: str, **spec: t.Any) -> None:
    ingress = [{"ip": one} for one in addresses]
    server.put(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"type": "LoadBalancer", **spec},
            "status": {"loadBalancer": {"ingress": ingress}},
        }
    )


def event(server: Server, name: str, reason: str, message: str, at: str | None = None) -> None:
    server.put(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{name}.{reason.lower()}", "namespace": "default"},
            "involvedObject": {"kind": "Service", "name": name},
            "reason": reason,
            "message": message,
            "lastTimestamp": at,
        }
    )


def read(server: Server, *scope: str, gateways: dict[str, str] | None = None) -> Object:
    params = {"metallb_namespace": "metallb-system", "loadbalancer_class": "", "speaker": True, "scope": scope}
    params["gateways"] = gateways or {}
    found = diagnosis_info.read(server.api, params)
    assert found.keys() == diagnosis_info.EMPTY.keys()
    return found


def test_a_healthy_cluster() -> None:
    assert read(cluster()) == {**diagnosis_info.EMPTY, "strict_arp": read(cluster())["strict_arp"]}
    assert isinstance(read(cluster())["strict_arp"], bool)


def test_services_without_an_address_have_their_cause() -> None:
    server = cluster()
    service(server, "late")
    service(server, "foreign", loadBalancerClass="x")
    service(server, "inside", type="ClusterIP")
    event(server, "late", "AllocationFailed", 'Failed to allocate IP for "default/late": no available IPs')
    assert {(one["service"], one["cause"]) for one in read(server)["pending"]} == {
        ("default/late", "pool-exhausted"),
        ("default/foreign", "foreign-class"),
    }


def test_some_services_only() -> None:
    server = cluster()
    service(server, "late")
    service(server, "foreign", loadBalancerClass="x")
    event(server, "late", "announceFailed", "no")
    assert [one["service"] for one in read(server, "default/foreign")["pending"]] == ["default/foreign"]
    assert read(server, "default/foreign")["announce_failures"] == []
    assert len(read(server, "default")["pending"]) == 2


def test_a_service_without_an_event_has_its_cause() -> None:
    server = cluster()
    for last in range(241, 250):
        service(server, "t{0}".format(last), "192.0.2.{0}".format(last))
    service(server, "late")
    text = "10 of 10 IPv4 addresses of pool main are taken"
    late = {"service": "default/late", "cause": "pool-exhausted", "text": text}
    # those outside of the scope take their addresses as well
    assert read(server)["pending"] == read(server, "default/late")["pending"] == [late]


def test_a_controller_that_is_missing_is_the_reason() -> None:
    server = cluster()
    server.objects.pop("/apis/apps/v1/namespaces/metallb-system/deployments/controller")
    service(server, "late")
    found = read(server)
    assert [(one["name"], one["reasons"]) for one in found["workloads"]] == [
        ("Deployment/metallb-system/controller", ["it does not exist"])
    ]
    assert [one["cause"] for one in found["pending"]] == ["controller-down"]


@pytest.mark.parametrize(
    ("second", "late", "status", "named"),
    [
        ("50", False, {}, False),
        ("50", True, {}, True),
        ("00", False, {}, True),  # of the minute after
        ("50", False, {"containerStatuses": [{"name": "controller", "restartCount": 1}]}, True),
        ("50", False, {"conditions": [{"type": "PodScheduled", "status": "False"}]}, True),
    ],
)
def test_a_controller_that_a_drain_has_moved_is_no_cause_while_nobody_misses_it(
    second: str, late: bool, status: Object, named: bool
) -> None:
    server = cluster()
    server.date = "Thu, 26 Nov 2026 12:0{0}:{1} GMT".format(2 if second == "00" else 0, second)
    server.objects["/apis/apps/v1/namespaces/metallb-system/deployments/controller"]["status"]["availableReplicas"] = 0
    meta = {"name": "controller-x", "namespace": "metallb-system", "creationTimestamp": "2026-11-26T12:00:10Z"}
    meta["labels"] = {"app": "metallb", "component": "controller"}
    gone = {**meta, "name": "controller-y", "deletionTimestamp": "2026-11-26T12:00:09Z"}
    for one in (meta, gone):
        server.put({"apiVersion": "v1", "kind": "Pod", "metadata": one, "spec": {}, "status": status})
    server.objects["/apis/discovery.k8s.io/v1/namespaces/metallb-system/endpointslices/webhook-x"]["endpoints"] = []
    if late:
        service(server, "late")
    found = read(server)
    assert (bool(found["workloads"]), bool(found["webhooks"])) == (named, named)


def test_an_account_that_may_not_ask_the_webhook_is_told_so() -> None:
    server = cluster()
    server.fail("post", _resources.POOLS.format(namespace="metallb-system"), 403, "no right to create")
    found = read(server)
    assert found["webhooks"] == []
    assert found["unasked"] == [
        "ValidatingWebhookConfiguration/metallb-webhook-configuration was not asked whether it answers: no right to create"
    ]


@pytest.mark.parametrize(
    ("changed", "late", "named"),
    [("12:00:10", False, False), ("12:00:10", True, True), ("11:59:10", False, True), ("", False, True)],
)
def test_a_webhook_that_nodes_do_not_find_yet_is_no_cause(changed: str, late: bool, named: bool) -> None:
    """Its pod has been moved, for the API: the API server's node may learn of that a little later."""
    server = cluster()
    server.date = "Thu, 26 Nov 2026 12:00:50 GMT"
    slices = server.objects["/apis/discovery.k8s.io/v1/namespaces/metallb-system/endpointslices/webhook-x"]
    if changed:
        slices["metadata"]["annotations"] = {
            "endpoints.kubernetes.io/last-change-trigger-time": "2026-11-26T{0}Z".format(changed)
        }
    refused = 'Internal error occurred: failed calling webhook "a.metallb.io": connection refused'
    server.fail("post", _resources.POOLS.format(namespace="metallb-system"), 500, refused)
    if late:  # and nobody serves it
        service(server, "late")
        server.objects.pop("/apis/apps/v1/namespaces/metallb-system/deployments/controller")
    assert bool(read(server)["webhooks"]) is named


def test_a_webhook_without_an_endpoint() -> None:
    server = cluster()
    server.objects.pop("/apis/discovery.k8s.io/v1/namespaces/metallb-system/endpointslices/webhook-x")
    assert [one["reasons"] for one in read(server)["webhooks"]] == [["its Service has no ready endpoint"]]


def test_the_configuration_of_old() -> None:
    server = cluster()
    server.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "config", "namespace": "metallb-system"}})
    assert read(server)["legacy_configmap"] == "ConfigMap/metallb-system/config"


def test_nodes_where_kube_proxy_does_not_run() -> None:
    server = cluster()
    server.put({"metadata": {"name": "node3"}, "spec": {}}, "/api/v1/nodes/node3")
    waiting = {"name": "kube-proxy", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    pod(server, "node2", {"containerStatuses": [waiting]})
    assert read(server)["kube_proxy"] == {
        "node2": "pod kube-proxy-node2: CrashLoopBackOff in container kube-proxy",
        "node3": "there is no pod of kube-proxy on it",
    }


def test_without_kube_proxy_nothing_is_missing() -> None:
    server = metallb()
    found = read(server)
    assert (found["strict_arp"], found["kube_proxy"]) == (None, {})


def test_a_configuration_that_was_not_taken_up() -> None:
    server = cluster()
    place = "/apis/metallb.io/v1beta1/namespaces/metallb-system/configurationstates/{0}"
    for name, result in (("controller", "Valid"), ("speaker-node1", "Invalid"), ("speaker-node2", "Unknown")):
        status = {"result": result, "errorSummary": "peer router1 refers to \n missing BFD profile"}
        server.put({"metadata": {"name": name, "namespace": "metallb-system"}, "status": status}, place.format(name))
    assert read(server)["stale"] == ["speaker-node1: peer router1 refers to missing BFD profile"]


def test_a_speaker_that_could_not_announce() -> None:
    server = cluster()
    event(server, "web", "announceFailed", "the interfaces specified by LB IP doesn't exist")
    event(server, "web", "nodeAssigned", "announcing from node")
    assert read(server)["announce_failures"] == [
        {"service": "default/web", "text": "the interfaces specified by LB IP doesn't exist"}
    ]


@pytest.mark.parametrize(
    ("second", "protocol", "counts"),
    [
        # It says both at once, also where it could not.
        (0, "layer2", True),
        (1, "layer2", True),
        (9, "layer2", False),
        (9, "bgp", True),
    ],
)
def test_a_failure_is_over_when_the_service_was_announced_since(second: int, protocol: str, counts: bool) -> None:
    server = cluster()
    event(server, "web", "announceFailed", "no such interface", at="2026-11-26T12:00:00Z")
    text = f'announcing from node "node1" with protocol "{protocol}"'
    event(server, "web", "nodeAssigned", text, at=f"2026-11-26T12:00:0{second}Z")
    event(server, "other", "nodeAssigned", text, at="2026-11-26T12:30:00Z")
    assert bool(read(server)["announce_failures"]) is counts


def test_an_address_that_something_else_gave() -> None:
    server = cluster()
    meta = {"name": "svclb-x", "labels": {"svccontroller.k3s.cattle.io/svcname": "foreign"}}
    parts = {"spec": {"template": {"spec": {"containers": []}}}, "status": {}}
    server.put({**parts, "metadata": meta}, "/apis/apps/v1/namespaces/kube-system/daemonsets/svclb-x")
    server.objects[SPEAKER]["spec"]["template"] = parts["spec"]["template"]
    assert read(server)["competitors"] == []
    service(server, "foreign", "203.0.113.7")
    service(server, "other-class", "203.0.113.8", loadBalancerClass="x")
    service(server, "gone", "203.0.113.9")
    own = server.objects["/api/v1/namespaces/default/services/gone"]["metadata"]
    own["annotations"] = {"metallb.universe.tf/ip-allocated-from-pool": "former"}
    found = read(server)
    assert list(found["foreign_addresses"]) == ["default/foreign"]
    assert "ip-allocated-from-pool" in found["foreign_addresses"]["default/foreign"]
    (competitor,) = found["competitors"]
    assert competitor.startswith("K3s' own load balancer serves foreign")


def test_pools_that_hold_what_something_else_uses() -> None:
    server = cluster()
    node = server.objects["/api/v1/nodes/node1"]
    node["spec"] = {"podCIDR": "10.244.1.0/24"}
    node["status"] = {"addresses": [{"type": "InternalIP", "address": "192.0.2.11"}]}
    text = "networking: {podSubnet: 10.244.0.0/16, serviceSubnet: 10.96.0.0/12}"
    meta = {"name": "kubeadm-config", "namespace": "kube-system"}
    server.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"ClusterConfiguration": text}})
    assert read(server, gateways={"192.0.2.1": "node1"})["pool_overlaps"] == []
    ranges = ["192.0.2.8/29", "10.96.7.0/28", "198.51.100.1-198.51.100.9", "no range", "203.0.113.0/28"]
    parts = {"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "spec": {"addresses": ranges}}
    server.put({**parts, "metadata": {"name": "by-hand", "namespace": "metallb-system"}})
    assert read(server, gateways={"198.51.100.1": "node1", "none": "x"})["pool_overlaps"] == [
        'IPAddressPool by-hand: "192.0.2.8/29" overlaps with 192.0.2.11, the address of node node1',
        'IPAddressPool by-hand: "10.96.7.0/28" overlaps with 10.96.0.0/12, the Service network',
        'IPAddressPool by-hand: "198.51.100.1-198.51.100.9" overlaps with 198.51.100.1, the default gateway of node1',
    ]


def test_a_node_that_is_down() -> None:
    server = cluster()
    condition = {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped"}
    server.objects["/api/v1/nodes/node2"]["status"] = {"conditions": [condition]}
    assert read(server)["nodes_not_ready"] == {"node2": "NodeStatusUnknown: Kubelet stopped"}
