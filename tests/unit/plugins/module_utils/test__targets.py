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
        "backends": ["10.233.64.4", "10.233.65.4", "10.233.66.4"],
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


BY_POD, BY_POD6 = ((*one[:5], "a pod") for one in (EXTERNAL, EXTERNAL6))


def inside(*asked: tuple[t.Any, ...]) -> list[tuple[t.Any, ...]]:
    """Return what is asked from a node, and the same from a pod there."""
    name = ("DNS name", "web.default.svc", *asked[0][2:5], "a pod")
    return [name, *(row for one in asked for row in (one, (*one[:5], "a pod")))]


UDP = {"name": "x", "port": 514, "protocol": "UDP", "node_port": 30514, "request": "connect"}
SCTP = {"name": "x", "port": 7777, "protocol": "SCTP", "node_port": 0, "request": "connect"}
DNS = {"name": "dns", "port": 53, "protocol": "UDP", "node_port": 0, "request": "dns"}
TARGETS: list[tuple[Object, list[t.Any], list[t.Any]]] = [
    # Service, what is asked from outside, what is asked from the nodes
    (service(), [EXTERNAL, PORT1, PORT2], [*inside(CLUSTER), BY_POD]),
    (service(backends=[]), [], []),
    (service(addresses=[]), [PORT1, PORT2], inside(CLUSTER)),
    # Only nodes with an endpoint of their own must answer.
    (service(local=True), [EXTERNAL, PORT1], inside(CLUSTER)),
    (service(internal_local=True), [EXTERNAL, PORT1, PORT2], [BY_POD]),
    # Silence proves nothing in UDP, but the nodes' connection tracking tells.
    (service(ports=[UDP, SCTP]), [("EXTERNAL-IP", VIP, 514, "udp", "connect", "")], []),
    (
        service(ports=[DNS]),
        [("EXTERNAL-IP", VIP, 53, "udp", "dns", "")],
        [
            *inside(("ClusterIP", "10.233.0.17", 53, "udp", "dns", "")),
            ("EXTERNAL-IP", VIP, 53, "udp", "dns", "a pod"),
        ],
    ),
    # A node port is there in the families of the Service, on the nodes that have them.
    (dual(), [EXTERNAL, EXTERNAL6, PORT1, PORT16, PORT2], [*inside(CLUSTER, CLUSTER6), BY_POD, BY_POD6]),
    (service(addresses=[VIP6], cluster_ips=["fd00::17"]), [EXTERNAL6, PORT16], [*inside(CLUSTER6), BY_POD6]),
    # What only routers learn of is asked for from the nodes, too.
    (by_bgp(), [EXTERNAL, PORT1, PORT2], [*inside(CLUSTER), EXTERNAL, BY_POD]),
    (by_bgp(local=True), [EXTERNAL, PORT1], inside(CLUSTER)),
    (by_bgp(source_ranges=["198.51.100.0/24"]), [EXTERNAL, PORT1, PORT2], inside(CLUSTER)),
    # They are for one family.
    (
        dual(layer2=False, bgp={"expected": {}}, source_ranges=["198.51.100.0/24"]),
        [EXTERNAL, EXTERNAL6, PORT1, PORT16, PORT2],
        [*inside(CLUSTER, CLUSTER6), EXTERNAL6, BY_POD6],
    ),
    (by_bgp(internal_local=True), [EXTERNAL, PORT1, PORT2], [EXTERNAL, BY_POD]),
    (service(bgp={"expected": {}}), [EXTERNAL, PORT1, PORT2], [*inside(CLUSTER), BY_POD]),
    (service(source_ranges=["198.51.100.0/24"]), [EXTERNAL, PORT1, PORT2], inside(CLUSTER)),
]


@pytest.mark.parametrize(("one", "outside", "inside"), TARGETS)
def test_what_is_asked(one: Object, outside: list[t.Any], inside: list[t.Any]) -> None:
    assert asked(_targets.outside([one], NODES, []).targets) == outside
    assert asked(_targets.inside([one])) == inside
    assert {target["service"] for target in _targets.outside([one], NODES, []).targets} <= {"default/web"}


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
    found = asked(_targets.outside([dual()], nodes, cidrs).targets)
    assert [one[1] for one in found if one[0] == "NodePort"] == addresses


def test_who_must_be_found_by_arp_and_ndp() -> None:
    services = [dual(), by_bgp(), dual(backends=[]), service(addresses=[]), service(bgp={}, addresses=["192.0.2.9"])]
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
        announced("10.1.0.0/28", backends=[]),
    ]
    assert _targets.prefixes([*services, service()]) == ["10.0.0.0/28", "10.0.0.1/32"]


# Many nodes -----------------------------------------------------------------------------------------------------------


def many(number: int) -> dict[str, list[str]]:
    return {f"node{index}": [f"10.{index // 250}.{index % 250}.1"] for index in range(number)}


def node_ports(services: list[Object], nodes: dict[str, list[str]]) -> tuple[dict[str, list[str]], int]:
    """Return by Service the nodes whose port is asked, and how many are left out."""
    outside = _targets.outside(services, nodes, [])
    found: dict[str, list[str]] = {}
    for one in outside.targets:
        if one["check"] == "NodePort":
            found.setdefault(one["service"], []).append(one["node"])
    return found, outside.left_out


@pytest.mark.parametrize("nodes", [1, 3, 10])
def test_on_few_nodes_every_port_is_asked_everywhere(nodes: int) -> None:
    found, left_out = node_ports([service(service=f"a/{number}") for number in range(30)], many(nodes))
    assert left_out == 0
    assert {len(asked) for asked in found.values()} == {nodes}


@pytest.mark.parametrize(
    ("services", "nodes", "each"), [(100, 1000, 10), (100, 11, 10), (1, 1000, 1000), (7, 1000, 143), (30, 1000, 34)]
)
def test_on_many_nodes_every_node_and_every_port_is_asked_all_the_same(services: int, nodes: int, each: int) -> None:
    found, left_out = node_ports([service(service=f"a/{number}") for number in range(services)], many(nodes))
    assert {len(set(asked)) for asked in found.values()} == {each}
    assert len(found) == services
    assert {node for asked in found.values() for node in asked} == set(many(nodes))
    assert left_out == services * (nodes - each)


def test_local_services_do_not_upset_the_turn() -> None:
    """Where they are served on few nodes only, they cover no others."""
    local = [service(service=f"local/{number}", local=True, local_nodes=["node3", "node5"]) for number in range(50)]
    everywhere = [service(service=f"a/{number}") for number in range(4)]
    mixed = [local[0], everywhere[0], *local[1:40], *everywhere[1:3], *local[40:], everywhere[3]]
    found, left_out = node_ports(mixed, many(100))
    assert {tuple(asked) for name, asked in found.items() if name.startswith("local")} == {("node3", "node5")}
    assert {node for name, asked in found.items() if name.startswith("a/") for node in asked} == set(many(100))
    assert left_out == 4 * (100 - 25)


def test_a_local_service_on_many_nodes_is_asked_on_some() -> None:
    found, left_out = node_ports([service(local=True, local_nodes=list(many(40)))] + [dual()] * 9, many(90))
    assert len(found["default/web"]) >= 10
    assert left_out == 40 + 9 * 90 - len(found["default/web"])
