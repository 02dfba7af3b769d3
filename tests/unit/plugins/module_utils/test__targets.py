# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _targets

Object = dict[str, t.Any]
VIP, VIP6 = "192.168.100.240", "2001:db8::240"
NODES = {"node1": ["192.168.100.11", "2001:db8::11"], "node2": ["192.168.100.12"], "node3": []}


def service(**changed: t.Any) -> Object:
    return {
        "service": "default/web",
        "addresses": [VIP],
        "layer2": True,
        "bgp": None,
        "endpoints": 3,
        "cluster_ips": ["10.233.0.17"],
        "local": False,
        "internal_local": False,
        "local_nodes": ["node1", "node3"],
        "source_ranges": [],
        "ports": [{"name": "", "port": 80, "protocol": "TCP", "node_port": 31313, "request": "http"}],
        **changed,
    }


def dual(**changed: t.Any) -> Object:
    return service(addresses=[VIP, VIP6], cluster_ips=["10.233.0.17", "fd00::17"], **changed)


def by_bgp(**changed: t.Any) -> Object:
    return service(layer2=False, bgp={"expected": {}}, **changed)


def asked(targets: list[Object]) -> list[tuple[str, str, int, str, str, str]]:
    return [
        (
            one["check"],
            one["target"]["address"],
            one["target"]["port"],
            one["target"]["protocol"],
            one["target"]["request"],
            one["node"] or ("a pod" if one["target"]["origin"] == "pod" else ""),
        )
        for one in targets
    ]


EXTERNAL = ("EXTERNAL-IP", VIP, 80, "tcp", "http", "")
EXTERNAL6 = ("EXTERNAL-IP", VIP6, 80, "tcp", "http", "")
PORT1 = ("NodePort", "192.168.100.11", 31313, "tcp", "http", "node1")
PORT16 = ("NodePort", "2001:db8::11", 31313, "tcp", "http", "node1")
PORT2 = ("NodePort", "192.168.100.12", 31313, "tcp", "http", "node2")
CLUSTER = ("ClusterIP", "10.233.0.17", 80, "tcp", "http", "")
CLUSTER6 = ("ClusterIP", "fd00::17", 80, "tcp", "http", "")


def inside(*asked: tuple[t.Any, ...]) -> list[tuple[t.Any, ...]]:
    """Return what is asked from a node, and the same from a pod there."""
    name = ("DNS name", "web.default.svc", *asked[0][2:5], "a pod")
    return [name, *(row for one in asked for row in (one, (*one[:5], "a pod")))]


UDP = {"name": "x", "port": 514, "protocol": "UDP", "node_port": 30514, "request": "connect"}
SCTP = {"name": "x", "port": 7777, "protocol": "SCTP", "node_port": 0, "request": "connect"}
DNS = {"name": "dns", "port": 53, "protocol": "UDP", "node_port": 0, "request": "dns"}
TARGETS: list[tuple[Object, list[t.Any], list[t.Any]]] = [
    # Service, what is asked from outside, what is asked from the nodes
    (service(), [EXTERNAL, PORT1, PORT2], inside(CLUSTER)),
    (service(endpoints=0), [], []),
    (service(addresses=[]), [PORT1, PORT2], inside(CLUSTER)),
    # Only nodes with an endpoint of their own must answer.
    (service(local=True), [EXTERNAL, PORT1], inside(CLUSTER)),
    (service(internal_local=True), [EXTERNAL, PORT1, PORT2], []),
    # Silence proves nothing in UDP, but the nodes' connection tracking tells.
    (service(ports=[UDP, SCTP]), [("EXTERNAL-IP", VIP, 514, "udp", "connect", "")], []),
    (
        service(ports=[DNS]),
        [("EXTERNAL-IP", VIP, 53, "udp", "dns", "")],
        inside(("ClusterIP", "10.233.0.17", 53, "udp", "dns", "")),
    ),
    # A node port is there in the families of the Service, on the nodes that have them.
    (dual(), [EXTERNAL, EXTERNAL6, PORT1, PORT16, PORT2], inside(CLUSTER, CLUSTER6)),
    (service(addresses=[VIP6], cluster_ips=["fd00::17"]), [EXTERNAL6, PORT16], inside(CLUSTER6)),
    # What only routers learn of is asked for from the nodes, too.
    (by_bgp(), [EXTERNAL, PORT1, PORT2], [*inside(CLUSTER), EXTERNAL]),
    (by_bgp(local=True), [EXTERNAL, PORT1], inside(CLUSTER)),
    (by_bgp(source_ranges=["198.51.100.0/24"]), [EXTERNAL, PORT1, PORT2], inside(CLUSTER)),
    (by_bgp(internal_local=True), [EXTERNAL, PORT1, PORT2], [EXTERNAL]),
    (service(bgp={"expected": {}}), [EXTERNAL, PORT1, PORT2], inside(CLUSTER)),
]


@pytest.mark.parametrize(("one", "outside", "inside"), TARGETS)
def test_what_is_asked(one: Object, outside: list[t.Any], inside: list[t.Any]) -> None:
    assert asked(_targets.outside([one], NODES, [])) == outside
    assert asked(_targets.inside([one])) == inside
    assert {target["service"] for target in _targets.outside([one], NODES, [])} <= {"default/web"}


@pytest.mark.parametrize(
    ("cidrs", "addresses"),
    [
        (["primary"], ["192.168.100.11", "2001:db8::11"]),
        (["10.0.0.0/8"], ["10.0.0.11", "2001:db8::11"]),
        (["10.0.0.0/8", "192.168.100.0/24"], ["192.168.100.11", "2001:db8::11"]),
        (["203.0.113.0/24", "2001:db8:1::/48"], ["2001:db8:1::11"]),
    ],
)
def test_node_ports_where_kube_proxy_serves_them(cidrs: list[str], addresses: list[str]) -> None:
    nodes = {"node1": ["192.168.100.11", "10.0.0.11", "2001:db8::11", "2001:db8:1::11"]}
    found = asked(_targets.outside([dual()], nodes, cidrs))
    assert [one[1] for one in found if one[0] == "NodePort"] == addresses


def test_who_must_be_found_by_arp_and_ndp() -> None:
    services = [dual(), by_bgp(), dual(endpoints=0), service(addresses=[]), service(bgp={}, addresses=["192.0.2.9"])]
    assert _targets.neighbours(services) == [VIP, VIP6, "192.0.2.9"]


def test_the_peers_that_a_node_may_be_connected_to() -> None:
    def session(node: str, address: str, port: int = 179) -> Object:
        return {"node": node, "address": address, "port": port}

    sessions = [
        session("a", "192.0.2.9"),
        session("b", "192.0.2.9"),
        session("a", "2001:db8::9", 1179),
        session("a", ""),
    ]
    assert _targets.bgp_peers({"sessions": sessions}) == [
        {"address": "192.0.2.9", "port": 179},
        {"address": "2001:db8::9", "port": 1179},
    ]
    assert _targets.bgp_peers({}) == []


def test_prefixes_that_routers_must_have_received() -> None:
    def announced(*prefixes: str, **changed: t.Any) -> Object:
        return service(bgp={"routes": [{"prefix": prefix, "nodes": {}} for prefix in prefixes]}, **changed)

    services = [
        announced("10.0.0.0/28", "10.0.0.1/32"),
        announced("10.0.0.0/28"),
        announced("10.1.0.0/28", endpoints=0),
    ]
    assert _targets.prefixes([*services, service()]) == ["10.0.0.0/28", "10.0.0.1/32"]
