# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _expected, _kube_proxy
from ansible_collections.kubeaddons.metallb.plugins.modules import expected_state_info
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import Server, fixture

Object = dict[str, t.Any]
METALLB = "/apis/metallb.io/v1beta1/namespaces/metallb-system/{0}/{1}"


# Kinds that the server of the tests does not find the place of by itself, and where they are.
BGP = {
    "BGPAdvertisement": METALLB.format("bgpadvertisements", "{0}"),
    "BGPPeer": METALLB.format("bgppeers", "{0}").replace("v1beta1", "v1beta2"),
    "ServiceBGPStatus": METALLB.format("servicebgpstatuses", "{0}"),
    "BGPSessionState": "/apis/frrk8s.metallb.io/v1beta1/namespaces/metallb-system/bgpsessionstates/{0}",
    "Node": "/api/v1/nodes/{0}",
}


def dual_stack(without: t.Sequence[str] = ()) -> Server:
    server = cluster(without, "dual_stack")
    for obj in fixture("dual_stack"):
        if obj["kind"] in BGP:
            server.put(obj, BGP[obj["kind"]].format(obj["metadata"]["name"]))
    return server


def cluster(without: t.Sequence[str] = (), name: str = "services") -> Server:
    server = Server(*fixture("kube_proxy")[:1], without=without, date="Mon, 23 Nov 2026 20:01:00 GMT")
    for obj in fixture(name):
        if obj["kind"] == "EndpointSlice":
            server.put(obj, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/" + obj["metadata"]["name"])
        elif obj["kind"] == "ServiceL2Status":
            server.put(obj, METALLB.format("servicel2statuses", obj["metadata"]["name"]))
        elif obj["kind"] not in BGP:
            server.put(obj)
    node = {
        "metadata": {"name": "node1"},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.168.100.11"}]},
    }
    server.put(node, "/api/v1/nodes/node1")
    return server


def derive(server: Server, *scope: str) -> Object:
    params = {"metallb_namespace": "metallb-system", "loadbalancer_class": "", "scope": list(scope)}
    return expected_state_info.derive(server.api, params)


def test_the_seeds_cluster() -> None:
    found = derive(cluster())
    assert found.keys() == expected_state_info.EMPTY.keys()
    table = _expected.unpack(found["expected"])
    assert [port.service for port in table.ports if port.age == 40.0] == ["default/myweb-svc-lb"]
    assert len(table.ports) == 5
    assert (found["mode"], found["sync_period"], found["nodes"]) == ("ipvs", 60.0, {"node1": ["192.168.100.11"]})
    assert [(one["service"], one["announcers"], one["layer2"]) for one in found["services"]] == [
        ("default/myweb-svc-lb", ["node2"], True)
    ]
    asked = [(one["check"], one["target"]["address"], one["target"]["port"]) for one in found["targets"]["outside"]]
    assert asked == [("EXTERNAL-IP", "192.168.100.240", 80), ("NodePort", "192.168.100.11", 31313)]
    assert [(one["target"]["origin"], one["target"]["address"]) for one in found["targets"]["inside"]] == [
        ("pod", "myweb-svc-lb.default.svc"),
        ("node", "10.233.0.17"),
        ("pod", "10.233.0.17"),
        ("pod", "192.168.100.240"),
    ]
    assert found["targets"]["arp"] == ["192.168.100.240"]
    assert (found["bgp"], found["targets"]["tcp"], found["targets"]["prefixes"]) == ({}, [], [])
    assert (found["speakers"], found["strict_arp"]) == ([], True)


def test_a_mode_that_may_still_be_rolled_out() -> None:
    server = cluster()
    assert (derive(server)["mode"], derive(server)["mode_age"]) == ("ipvs", 3660.0)
    daemon_set = copy.deepcopy(fixture("kube_proxy")[1])
    daemon_set["metadata"]["managedFields"] = [{"time": "2026-11-23T20:00:50Z"}]
    server.put(daemon_set)
    assert derive(server)["mode_age"] == 10.0


def test_without_kube_proxy_nothing_more_is_asked() -> None:
    server = cluster()
    del server.objects[_kube_proxy.CONFIG_PATH]
    server.fail("get", _kube_proxy.DAEMONSET_PATH, 500, "asked for it")
    found = derive(server)
    assert (found["mode"], found["mode_age"], found["strict_arp"]) == ("", 0.0, False)
    assert _expected.unpack(found["expected"]).metrics == ""
    assert [len(planned) for planned in server.failures.values()] == [1]


def test_some_services_only() -> None:
    found = derive(cluster(), "default/myweb-svc-lb")
    assert _expected.unpack(found["expected"]).scope == found["scope"] == ["default/myweb-svc-lb"]
    assert [one["service"] for one in found["services"]] == ["default/myweb-svc-lb"]
    server = cluster()
    server.put(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": "shop", "creationTimestamp": "2026-11-23T20:00:00Z"},
            "spec": {"type": "LoadBalancer", "ports": []},
        }
    )
    found = derive(server, "shop")
    assert [one["service"] for one in found["services"]] == ["shop/web"]
    assert (found["targets"]["outside"], found["targets"]["arp"]) == ([], [])
    found = derive(cluster(), "default/kubernetes")
    assert (found.get("failed"), found["services"]) == (None, [])
    assert _expected.unpack(found["expected"]).scope == ["default/kubernetes"]
    refused = derive(server, "nope")
    assert refused["failed"]
    assert refused["msg"].startswith('metallb_verify_services: "nope" is no Service')


def test_a_dual_stack_cluster_with_bgp() -> None:
    found = derive(dual_stack())
    service = found["services"][0]
    assert (service["addresses"], service["layer2"]) == (["192.168.100.240", "fd00:192:168:100::240"], True)
    assert (
        service["bgp"]["expected"]
        == service["bgp"]["announced"]
        == {"node2": ["router1", "router2"], "node3": ["router1"]}
    )
    assert found["speakers"] == ["node1", "node2", "node3"]
    # router2 was changed nine minutes ago.
    assert (found["bgp"]["backend"], found["bgp"]["age"]) == ("frr-k8s", 600.0)
    assert [(one["node"], one["peer"], one["said"], one["said_before"]) for one in found["bgp"]["sessions"]] == [
        ("node1", "router1", "Established", 1840.0),
        ("node2", "router1", "Established", 1840.0),
        ("node2", "router2", "Active", 180.0),
        ("node3", "router1", "", None),
    ]
    targets = found["targets"]
    assert [one["target"]["address"] for one in targets["outside"]] == [
        *service["addresses"],
        *("192.168.100.100", "fd00:192:168:100::100", "192.168.100.101", "fd00:192:168:100::101", "192.168.100.102"),
    ]
    assert [one["target"]["address"] for one in targets["inside"] if one["target"]["origin"] == "node"] == [
        "10.233.0.17",
        "fd00:10:233::17",
    ]
    assert targets["arp"] == service["addresses"]
    assert [one["address"] for one in targets["tcp"]] == ["192.168.100.2", "fd00:192:168:100::2"]
    assert targets["prefixes"] == ["192.168.100.240/32", "fd00:192:168:100::240/128"]
    ports = _expected.unpack(found["expected"]).ports
    assert [endpoint.address for endpoint in ports[0].endpoints] == ["10.233.65.4", "fd00:10:233:65::4"]
    assert ports[0].cluster_addresses == ["10.233.0.17", "fd00:10:233::17"]


def test_a_cluster_whose_frr_k8s_is_gone() -> None:
    found = derive(dual_stack(without=["frrk8s.metallb.io"]))
    assert {one["said"] for one in found["bgp"]["sessions"]} == {None}


def test_a_cluster_without_metallb() -> None:
    found = derive(cluster(without=["metallb.io"]))
    # It has an address all the same, of a MetalLB that is gone or of another load balancer.
    assert found["services"][0]["reason"] == "has 192.168.100.240, which no IPAddressPool holds"
    assert found["services"][0]["announcers"] is None


def test_a_config_map_of_another_kind() -> None:
    server = cluster()
    server.objects["/api/v1/namespaces/kube-system/configmaps/kube-proxy"]["data"] = {}
    found = derive(server)
    assert found["failed"]
    assert found["msg"].startswith("ConfigMap kube-system/kube-proxy has no readable config.conf")
