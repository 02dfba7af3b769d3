# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _differences,
    _ipvs,
    _virtual_servers,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._expected import Endpoint, Expected, ServicePort
from ansible_collections.kubeaddons.metallb.plugins.module_utils._netlink import Address
from ansible_collections.kubeaddons.metallb.tests.unit.plugins import rules_corpus

ZONES = {"node1": "east", "node2": "east", "node3": "west"}
CLUSTER = "10.233.0.10"
VIP = "192.168.100.240"
NODE = "192.168.100.100"
PODS = {"node1": "10.233.64.5", "node2": "10.233.65.5", "node3": "10.233.66.5"}
ADDRESSES = [
    Address("lo", "127.0.0.1", 8, "host"),
    Address("lo", "::1", 128, "host"),
    Address("eth0", NODE, 24, "global"),
    Address("eth0", "fe80::1", 64, "link"),
]


def endpoint(node: str, **changes: t.Any) -> Endpoint:
    return Endpoint(PODS.get(node, "10.233.70.5"), 8080, node, True, True, False, [], [])._replace(**changes)


LEAVING: dict[str, t.Any] = {"ready": False, "serving": True, "terminating": True}
NOT_READY: dict[str, t.Any] = {"ready": False, "serving": False}


def service(**changes: t.Any) -> ServicePort:
    row = ServicePort(
        service="default/myweb-svc-lb",
        port_name="",
        protocol="TCP",
        port=80,
        node_port=0,
        cluster_addresses=[CLUSTER],
        balancer_addresses=[],
        external_ips=[],
        source_ranges=[],
        health_port=0,
        internal_local=False,
        external_local=False,
        persistence=0,
        age=3600.0,
        endpoints=[endpoint("node1"), endpoint("node2"), endpoint("node3")],
    )
    return row._replace(**changes)


def expected(*rows: ServicePort, **changes: t.Any) -> Expected:
    return Expected(ZONES, "ipvs", "rr", [], [], 30.0, list(rows))._replace(**changes)


def plan(
    *rows: ServicePort, node: str = "node1", addresses: list[Address] | None = None, **changes: t.Any
) -> _virtual_servers.Plan:
    return _virtual_servers.virtual_servers(
        expected(*rows, **changes), node, ADDRESSES if addresses is None else addresses
    )


def test_a_scope_leaves_the_other_services_out() -> None:
    other = service(service="shop/api", cluster_addresses=["10.233.0.11"])
    made = plan(service(), other, scope=["shop"])
    assert list(made.servers) == ["TCP 10.233.0.11:80"]
    assert list(made.binds) == ["10.233.0.11"]


def names(made: _virtual_servers.Plan, key: str) -> list[str]:
    """The nodes whose pods are backends of a virtual server."""
    pods = {f"{address}:8080": node for node, address in PODS.items()}
    return sorted(pods[backend] for backend in made.servers[key].must)


# What a node must hold


def test_the_users_scenario() -> None:
    """The seed's table: EXTERNAL-IP, ClusterIP, and the node port on every local address that is not kube-ipvs0's."""
    addresses = [
        *ADDRESSES,
        Address("nodelocaldns", "169.254.25.10", 32, "global"),
        Address("cni0", "10.233.64.1", 24, "global"),
        Address("kube-ipvs0", VIP, 32, "global"),
        Address("kube-ipvs0", CLUSTER, 32, "global"),
    ]
    made = plan(service(node_port=31313, balancer_addresses=[VIP]), addresses=addresses)
    assert sorted(made.servers) == [
        "TCP 10.233.0.10:80",
        "TCP 10.233.64.1:31313",
        "TCP 169.254.25.10:31313",
        "TCP 192.168.100.100:31313",
        "TCP 192.168.100.240:80",
    ]
    assert all(names(made, key) == ["node1", "node2", "node3"] for key in made.servers)
    assert sorted(made.binds) == [CLUSTER, VIP]
    assert made.scheduler == "rr"
    assert not any(wanted.optional for wanted in made.servers.values())


@pytest.mark.parametrize(
    ("endpoints", "nodes"),
    [
        ([], []),
        ([endpoint("node1"), endpoint("node2", **NOT_READY)], ["node1"]),
        ([endpoint("node1"), endpoint("node2", **LEAVING)], ["node1"]),
        # Nobody is ready: those that still serve while they terminate.
        ([endpoint("node1", **NOT_READY), endpoint("node2", **LEAVING)], ["node2"]),
        ([endpoint("node1", ready=False, serving=False, terminating=True)], []),
        ([endpoint("node1", ready=False, serving=True)], []),
        # publishNotReadyAddresses: ready whatever the pod says.
        ([endpoint("node1", ready=True, serving=False, terminating=True)], ["node1"]),
    ],
)
def test_which_endpoints_are_used(endpoints: list[Endpoint], nodes: list[str]) -> None:
    assert names(plan(service(endpoints=endpoints)), "TCP 10.233.0.10:80") == nodes


@pytest.mark.parametrize(
    ("node", "internal_local", "external_local", "inside", "outside"),
    [
        ("node1", False, False, ["node1", "node2"], ["node1", "node2"]),
        ("node1", False, True, ["node1", "node2"], ["node1"]),
        ("node1", True, False, ["node1"], ["node1", "node2"]),
        ("node1", True, True, ["node1"], ["node1"]),
        # Without an endpoint of its own the node falls back to those of the cluster.
        ("node3", False, True, ["node1", "node2"], ["node1", "node2"]),
        ("node3", True, True, ["node1", "node2"], ["node1", "node2"]),
    ],
)
def test_traffic_policies(
    node: str, internal_local: bool, external_local: bool, inside: list[str], outside: list[str]
) -> None:
    made = plan(
        service(
            internal_local=internal_local,
            external_local=external_local,
            node_port=31313,
            balancer_addresses=[VIP],
            endpoints=[endpoint("node1"), endpoint("node2")],
        ),
        node=node,
    )
    assert names(made, "TCP 10.233.0.10:80") == inside
    assert names(made, "TCP 192.168.100.240:80") == outside
    assert names(made, "TCP 192.168.100.100:31313") == outside


def test_local_only_without_any_way_from_outside_has_no_fallback() -> None:
    row = service(internal_local=True, endpoints=[endpoint("node1")])
    assert names(plan(row, node="node1"), "TCP 10.233.0.10:80") == ["node1"]
    assert names(plan(row, node="node3"), "TCP 10.233.0.10:80") == []


def test_a_local_endpoint_that_terminates_is_used_before_ready_ones_elsewhere() -> None:
    row = service(
        external_local=True,
        balancer_addresses=[VIP],
        endpoints=[endpoint("node1", **LEAVING), endpoint("node2")],
    )
    made = plan(row)
    assert names(made, "TCP 192.168.100.240:80") == ["node1"]
    assert names(made, "TCP 10.233.0.10:80") == ["node2"]


HINTED = [
    endpoint("node1", zone_hints=["east"], node_hints=["node1"]),
    endpoint("node2", zone_hints=["east"], node_hints=["node2"]),
    endpoint("node3", zone_hints=["west"], node_hints=["node2"]),
]


def without(hints: str, *changed: int) -> list[Endpoint]:
    none: dict[str, t.Any] = {hints: []}
    return [row._replace(**none) if index in changed else row for index, row in enumerate(HINTED)]


@pytest.mark.parametrize(
    ("node", "endpoints", "nodes"),
    [
        ("node1", HINTED, ["node1"]),
        ("node2", HINTED, ["node2", "node3"]),
        # No hint for this node: its zone's.
        ("node3", HINTED, ["node3"]),
        # One ready endpoint without node hints: all node hints are off.
        ("node1", without("node_hints", 2), ["node1", "node2"]),
        ("node1", without("node_hints", 0, 1, 2), ["node1", "node2"]),
        # One ready endpoint without zone hints: all of them are off.
        ("node3", without("zone_hints", 0), ["node1", "node2", "node3"]),
        # One that is not ready does not count.
        (
            "node3",
            [HINTED[0], HINTED[2], endpoint("node2", **NOT_READY)],
            ["node3"],
        ),
        # Hints of endpoints that are not ready do not count either.
        (
            "node3",
            [HINTED[0], HINTED[2]._replace(ready=False, serving=False)],
            ["node1"],
        ),
    ],
)
def test_topology_hints(node: str, endpoints: list[Endpoint], nodes: list[str]) -> None:
    assert names(plan(service(endpoints=endpoints), node=node), "TCP 10.233.0.10:80") == nodes


def test_a_zone_nobody_hints_at_uses_all() -> None:
    zones = dict(ZONES, node1="north", node2="")
    rows = without("node_hints", 0, 1, 2)
    for node in ("node1", "node2"):
        made = plan(service(endpoints=rows), node=node, zones=zones)
        assert names(made, "TCP 10.233.0.10:80") == ["node1", "node2", "node3"]


def test_hints_do_not_bind_local_policy() -> None:
    row = service(
        external_local=True,
        balancer_addresses=[VIP],
        endpoints=[endpoint("node1", zone_hints=["west"]), endpoint("node3", zone_hints=["east"])],
    )
    made = plan(row)
    assert names(made, "TCP 192.168.100.240:80") == ["node1"]
    assert names(made, "TCP 10.233.0.10:80") == ["node3"]


def test_an_endpoint_in_two_slices_counts_once_and_the_local_one_wins() -> None:
    old = endpoint("node2", address=PODS["node1"], ready=False, serving=False)
    for rows in ([old, endpoint("node1")], [endpoint("node1"), old]):
        assert names(plan(service(endpoints=rows)), "TCP 10.233.0.10:80") == ["node1"]


DUAL = [
    *ADDRESSES,
    Address("eth0", "2001:db8::100", 64, "global"),
]
POD6 = "2001:db8:64::5"


def test_each_family_has_its_own_virtual_servers_and_backends() -> None:
    row = service(
        cluster_addresses=[CLUSTER, "2001:DB8:233::10"],
        balancer_addresses=[VIP, "2001:db8::240"],
        node_port=31313,
        endpoints=[endpoint("node1"), endpoint("node1", address=POD6)],
    )
    made = plan(row, addresses=DUAL)
    assert {key: sorted(wanted.must) for key, wanted in made.servers.items()} == {
        "TCP 10.233.0.10:80": ["10.233.64.5:8080"],
        "TCP 192.168.100.240:80": ["10.233.64.5:8080"],
        "TCP 192.168.100.100:31313": ["10.233.64.5:8080"],
        "TCP [2001:db8:233::10]:80": ["[2001:db8:64::5]:8080"],
        "TCP [2001:db8::240]:80": ["[2001:db8:64::5]:8080"],
        "TCP [2001:db8::100]:31313": ["[2001:db8:64::5]:8080"],
    }
    assert sorted(made.binds) == [CLUSTER, VIP, "2001:db8:233::10", "2001:db8::240"]


def test_a_family_without_a_cluster_address_gets_nothing() -> None:
    made = plan(service(balancer_addresses=["2001:db8::240"], node_port=31313), addresses=DUAL)
    assert sorted(made.servers) == ["TCP 10.233.0.10:80", "TCP 192.168.100.100:31313"]


@pytest.mark.parametrize("cluster", [[], [""], ["None"]])
def test_headless_services_have_no_virtual_server(cluster: list[str]) -> None:
    assert plan(service(cluster_addresses=cluster)).servers == {}


@pytest.mark.parametrize("protocol", ["TCP", "UDP", "SCTP"])
def test_protocols_have_their_own_virtual_servers(protocol: str) -> None:
    assert list(plan(service(protocol=protocol)).servers) == [f"{protocol} 10.233.0.10:80"]


def test_an_external_address_of_the_node_itself_is_served_but_not_bound() -> None:
    made = plan(service(balancer_addresses=[NODE]))
    assert "TCP 192.168.100.100:80" in made.servers
    assert list(made.binds) == [CLUSTER]


@pytest.mark.parametrize(
    ("cidrs", "must", "may"),
    [
        ([], ["192.168.100.100", "2001:db8::100"], []),
        (["0.0.0.0/0"], ["192.168.100.100", "2001:db8::100"], []),
        (["192.168.100.0/24", "0.0.0.0/0"], ["192.168.100.100", "2001:db8::100"], []),
        # Another family's CIDRs do not count.
        (["2001:db8::/64"], ["192.168.100.100", "2001:db8::100"], []),
        (["203.0.113.0/24"], ["2001:db8::100"], []),
        (["127.0.0.0/8"], ["2001:db8::100"], []),
        # With CIDRs kube-proxy does not leave out its own interface.
        (["192.168.100.0/24"], ["192.168.100.100", "2001:db8::100"], [VIP]),
        (["192.168.100.100/32"], ["192.168.100.100", "2001:db8::100"], []),
        (["primary"], [], ["192.168.100.100", "2001:db8::100"]),
    ],
)
def test_node_port_addresses(cidrs: list[str], must: list[str], may: list[str]) -> None:
    addresses = [*DUAL, Address("kube-ipvs0", VIP, 32, "global")]
    assert _virtual_servers.node_port_addresses(cidrs, addresses) == (must, may)


def test_an_optional_virtual_server_may_be_absent_but_must_be_right() -> None:
    addresses = [*ADDRESSES, *bound(CLUSTER, VIP)]
    made = plan(
        service(node_port=31313, balancer_addresses=[VIP]), addresses=addresses, node_port_cidrs=["192.168.100.0/24"]
    )
    key = f"TCP {VIP}:31313"
    assert made.servers[key].optional
    table = healthy(made)
    assert kinds(made, table) == []
    assert kinds(made, replace(table, f"{VIP}:31313")) == []
    assert kinds(made, replace(table, f"{VIP}:31313", scheduler="wrr")) == ["scheduler"]


def test_two_services_that_claim_one_virtual_server_are_not_held_against_each_other() -> None:
    one = service(balancer_addresses=[VIP], endpoints=[endpoint("node1"), endpoint("node2")], persistence=60)
    other = service(
        service="default/other",
        cluster_addresses=["10.233.0.11"],
        balancer_addresses=[VIP],
        endpoints=[endpoint("node2"), endpoint("node3")],
    )
    made = plan(one, other)
    for chosen in (one, other):
        alone = plan(chosen).servers[f"TCP {VIP}:80"]
        table = replace(healthy(made), f"{VIP}:80", server_for(alone, "rr"))
        assert kinds(made, table) == []
    assert kinds(made, replace(healthy(made), f"{VIP}:80", real_servers={})) == ["missing"]


# How a table differs


def bound(*addresses: str) -> list[Address]:
    return [Address("kube-ipvs0", address, 32, "global") for address in addresses]


def real(weight: int = 1, forward: str = "Masq") -> _ipvs.RealServer:
    return _ipvs.RealServer(forward, weight, 0, 0)


def server_for(wanted: _virtual_servers.Wanted, scheduler: str) -> _ipvs.VirtualServer:
    backends = {backend: real() for backend in sorted(wanted.must)}
    return _ipvs.VirtualServer(
        wanted.owner.protocol, wanted.endpoint, scheduler, [], max(0, wanted.persistence), "", backends
    )


def healthy(made: _virtual_servers.Plan) -> _ipvs.Table:
    """The table of a node on which kube-proxy has done all its work."""
    return _ipvs.Table([server_for(wanted, made.scheduler) for wanted in made.servers.values()], [])


def replace(
    table: _ipvs.Table, address: str, server: _ipvs.VirtualServer | None = None, **changes: t.Any
) -> _ipvs.Table:
    """The table with one virtual server changed, replaced, or without it."""
    rows = []
    for row in table.virtual_servers:
        if row.endpoint != address:
            rows.append(row)
        elif server is not None:
            rows.append(server)
        elif changes:
            rows.append(row._replace(**changes))
    return table._replace(virtual_servers=rows)


def differences(
    made: _virtual_servers.Plan, table: _ipvs.Table, binds: set[str] | None = None
) -> list[dict[str, t.Any]]:
    return _virtual_servers.compare(made, table, set(made.binds) if binds is None else binds).differences


def kinds(made: _virtual_servers.Plan, table: _ipvs.Table) -> list[str]:
    return [difference["kind"] for difference in differences(made, table)]


WEB = f"{CLUSTER}:80"


def backends(*weights: int | None) -> dict[str, _ipvs.RealServer]:
    """Real servers of node1, node2, node3 with these weights; None: not there."""
    return {
        f"{address}:8080": real(weight)
        for address, weight in zip(PODS.values(), weights, strict=False)
        if weight is not None
    }


def test_a_healthy_node_has_no_differences() -> None:
    made = plan(service(node_port=31313, balancer_addresses=[VIP], persistence=10800))
    assert _virtual_servers.compare(made, healthy(made), set(made.binds)) == _differences.Comparison([], 3, 9, 0, 0)


VERDICTS: list[tuple[str, list[Endpoint], list[int | None], list[str], int]] = [
    ("weight above 0, ready", [endpoint("node1")], [1], [], 0),
    ("another weight above 0, ready", [endpoint("node1")], [7], [], 0),
    ("weight above 0, serving", [endpoint("node1", **LEAVING), endpoint("node2")], [1, 1], [], 0),
    ("weight 0, ready", [endpoint("node1")], [0], ["weight"], 0),
    ("weight 0, gone", [endpoint("node1")], [1, 0], [], 1),
    ("weight 0, terminating", [endpoint("node1"), endpoint("node2", **LEAVING)], [1, 0], [], 1),
    ("weight 0, the last one, terminating", [endpoint("node1", **LEAVING)], [0], [], 1),
    ("weight 0, not ready", [endpoint("node1"), endpoint("node2", **NOT_READY)], [1, 0], [], 1),
    ("weight above 0, gone", [endpoint("node1")], [1, 1], ["stale"], 0),
    ("weight above 0, not ready", [endpoint("node1"), endpoint("node2", **NOT_READY)], [1, 1], ["stale"], 0),
    (
        "weight above 0, terminating and no longer serving",
        [endpoint("node1"), endpoint("node2", ready=False, serving=False, terminating=True)],
        [1, 1],
        ["stale"],
        0,
    ),
    ("absent, ready", [endpoint("node1"), endpoint("node2")], [1], ["missing"], 0),
    ("absent, gone", [endpoint("node1")], [1], [], 0),
    ("absent, terminating", [endpoint("node1"), endpoint("node2", **LEAVING)], [1], [], 0),
    ("absent, the last one, terminating", [endpoint("node1", **LEAVING)], [], ["missing"], 0),
    ("all absent", [endpoint("node1"), endpoint("node2")], [], ["missing", "missing"], 0),
]


@pytest.mark.parametrize(
    ("endpoints", "weights", "expect", "draining"), [pytest.param(*row[1:], id=row[0]) for row in VERDICTS]
)
@pytest.mark.parametrize(("age", "verdict"), [(29.9, "lag"), (30.0, "fault")])
def test_the_verdict_table(
    endpoints: list[Endpoint],
    weights: list[int | None],
    expect: list[str],
    draining: int,
    age: float,
    verdict: str,
) -> None:
    made = plan(service(endpoints=endpoints, age=age))
    table = replace(healthy(made), WEB, real_servers=backends(*weights))
    found = _virtual_servers.compare(made, table, set(made.binds))
    assert [(row["kind"], row["verdict"]) for row in found.differences] == [(kind, verdict) for kind in expect]
    assert found.draining == draining


def test_a_ready_endpoint_beyond_the_nodes_own_is_stale_under_local_policy() -> None:
    made = plan(service(external_local=True, balancer_addresses=[VIP]))
    table = replace(healthy(made), f"{VIP}:80", real_servers=backends(1, 1, None))
    (difference,) = differences(made, table)
    assert (difference["kind"], difference["backend"]) == ("stale", f"{PODS['node2']}:8080")
    draining = replace(healthy(made), f"{VIP}:80", real_servers=backends(1, 0, None))
    assert kinds(made, draining) == []


def test_a_terminating_endpoint_elsewhere_is_stale_under_local_policy() -> None:
    made = plan(
        service(
            external_local=True, balancer_addresses=[VIP], endpoints=[endpoint("node1"), endpoint("node2", **LEAVING)]
        )
    )
    assert kinds(made, replace(healthy(made), f"{VIP}:80", real_servers=backends(1, 1))) == ["stale"]


@pytest.mark.parametrize(
    ("changes", "kind", "backend", "want", "have"),
    [
        ({"scheduler": "wrr"}, "scheduler", "", "rr", "wrr"),
        ({"persistence": 0}, "persistence", "", "10800", "0"),
        ({"persistence": 60}, "persistence", "", "10800", "60"),
        (
            {"real_servers": {"10.233.64.5:8080": real(forward="Route")}},
            "forward",
            "10.233.64.5:8080",
            "Masq",
            "Route",
        ),
        ({"real_servers": {"10.233.64.5:8080": real(0)}}, "weight", "10.233.64.5:8080", "1", "0"),
        ({"real_servers": {}}, "missing", "10.233.64.5:8080", "present", "absent"),
        (
            {"real_servers": {"10.233.64.5:8080": real(), "203.0.113.9:1": real(3)}},
            "stale",
            "203.0.113.9:1",
            "absent",
            "weight 3",
        ),
    ],
)
def test_what_a_difference_tells(changes: dict[str, t.Any], kind: str, backend: str, want: str, have: str) -> None:
    made = plan(service(port_name="http", persistence=10800, endpoints=[endpoint("node1")]))
    assert differences(made, replace(healthy(made), WEB, **changes)) == [
        {
            "kind": kind,
            "sign": "",
            "service": "default/myweb-svc-lb",
            "port_name": "http",
            "protocol": "TCP",
            "address": CLUSTER,
            "port": 80,
            "backend": backend,
            "expected": want,
            "found": have,
            "age": 3600.0,
            "verdict": "fault",
        }
    ]


@pytest.mark.parametrize(("age", "verdict"), [(1.0, "lag"), (31.0, "fault")])
def test_an_absent_virtual_server_is_one_difference(age: float, verdict: str) -> None:
    made = plan(service(balancer_addresses=[VIP], age=age))
    (difference,) = differences(made, replace(healthy(made), f"{VIP}:80"))
    assert (difference["kind"], difference["address"], difference["port"], difference["backend"]) == (
        "absent",
        VIP,
        80,
        "",
    )
    assert difference["verdict"] == verdict


def test_an_absent_node_port() -> None:
    made = plan(service(node_port=31313))
    (difference,) = differences(made, replace(healthy(made), f"{NODE}:31313"))
    assert (difference["kind"], difference["address"], difference["port"]) == ("absent", NODE, 31313)


def test_the_same_port_of_another_protocol_is_another_virtual_server() -> None:
    made = plan(service(protocol="UDP"))
    table = _ipvs.Table([row._replace(protocol="TCP") for row in healthy(made).virtual_servers], [])
    assert sorted(kinds(made, table)) == ["absent", "orphan"]


STRAY = _ipvs.VirtualServer("TCP", "203.0.113.9:80", "rr", [], 0, "", {"10.233.64.5:8080": real()})


def test_a_virtual_server_without_a_service_is_an_orphan() -> None:
    made = plan(service())
    table = healthy(made)
    table.virtual_servers.append(STRAY)
    (difference,) = differences(made, table)
    assert difference == {
        "kind": "orphan",
        "sign": "",
        "service": "",
        "port_name": "",
        "protocol": "TCP",
        "address": "203.0.113.9",
        "port": 80,
        "backend": "",
        "expected": "absent",
        "found": "present",
        "age": None,
        "verdict": "fault",
    }


@pytest.mark.parametrize(
    ("cidrs", "address", "foreign"),
    [
        (["203.0.113.0/24"], "203.0.113.9:80", 1),
        (["203.0.113.0/24"], "203.0.114.9:80", 0),
        (["2001:db8::/32"], "[2001:db8::9]:80", 1),
        (["2001:db8::/32"], "203.0.113.9:80", 0),
    ],
)
def test_excluded_cidrs_are_left_alone(cidrs: list[str], address: str, foreign: int) -> None:
    made = plan(service(), exclude_cidrs=cidrs)
    table = healthy(made)
    table.virtual_servers.append(STRAY._replace(endpoint=address))
    found = _virtual_servers.compare(made, table, set(made.binds))
    assert (found.foreign, len(found.differences)) == (foreign, 1 - foreign)


def test_an_excluded_cidr_does_not_excuse_a_service() -> None:
    made = plan(service(balancer_addresses=[VIP]), exclude_cidrs=["192.168.100.0/24"])
    assert kinds(made, replace(healthy(made), f"{VIP}:80")) == ["absent"]


def test_firewall_marks_are_foreign() -> None:
    made = plan(service())
    table = healthy(made)
    table.virtual_servers.append(STRAY._replace(protocol="FWM", endpoint="10"))
    assert _virtual_servers.compare(made, table, set(made.binds)) == _differences.Comparison([], 1, 3, 0, 1)


@pytest.mark.parametrize(("age", "verdict"), [(1.0, "lag"), (31.0, "fault")])
def test_an_address_that_is_not_bound(age: float, verdict: str) -> None:
    made = plan(service(balancer_addresses=[VIP], age=age))
    (difference,) = differences(made, healthy(made), {CLUSTER})
    assert {
        name: difference[name] for name in ("kind", "sign", "service", "address", "expected", "found", "verdict")
    } == {
        "kind": "bind",
        "sign": _differences.UNBOUND,
        "service": "default/myweb-svc-lb",
        "address": VIP,
        "expected": "kube-ipvs0",
        "found": "absent",
        "verdict": verdict,
    }


def test_an_address_that_is_bound_without_a_service() -> None:
    made = plan(service())
    (difference,) = differences(made, healthy(made), {CLUSTER, VIP})
    assert (
        difference["kind"],
        difference["sign"],
        difference["address"],
        difference["service"],
        difference["found"],
    ) == (
        "bind",
        "",
        VIP,
        "",
        "kube-ipvs0",
    )
    assert (difference["age"], difference["verdict"]) == (None, "fault")


def test_bound_addresses_are_those_of_kube_ipvs0_only() -> None:
    addresses = [*DUAL, *bound(VIP), Address("kube-ipvs0", "fe80::2", 64, "link")]
    assert _virtual_servers.bound_addresses(addresses) == {VIP}


def test_a_scheduler_that_nobody_set_is_round_robin() -> None:
    assert plan(service(), scheduler="").scheduler == "rr"
    assert plan(service(), scheduler="mh").scheduler == "mh"


# What kube-proxy really makes -----------------------------------------------------------------------------------------


def recorded(node: str) -> tuple[_virtual_servers.Plan, _ipvs.Table, set[str]]:
    addresses = rules_corpus.addresses(node)
    made = _virtual_servers.virtual_servers(rules_corpus.Api("ipvs").expected(), node, addresses)
    table = _ipvs.parse_proc(rules_corpus.ip_vs(node), hz=100)
    assert table.unparsed == []
    return made, table, _virtual_servers.bound_addresses(addresses)


@pytest.mark.parametrize("node", rules_corpus.NODES)
def test_a_recorded_node_has_no_differences(node: str) -> None:
    made, table, bound_there = recorded(node)
    found = _virtual_servers.compare(made, table, bound_there)
    assert found.differences == []
    counted = (found.virtual_servers, found.real_servers, len(bound_there), found.foreign)
    assert counted == (66, {"node1": 184, "node2": 185}[node], 29, 0)


@pytest.mark.parametrize("node", rules_corpus.NODES)
def test_every_part_of_a_recorded_table_is_missed_when_it_is_gone(node: str) -> None:
    made, table, bound_there = recorded(node)

    def problems(servers: t.Sequence[_ipvs.VirtualServer], there: set[str]) -> list[tuple[str, str]]:
        found = _virtual_servers.compare(made, _ipvs.Table(servers, []), there).differences
        assert all(one["service"] for one in found)
        return [(one["kind"], one["backend"]) for one in found]

    optional = {key for key, one in made.servers.items() if one.optional}
    for number, server in enumerate(table.virtual_servers):
        others = [one for one in table.virtual_servers if one is not server]
        if f"{server.protocol} {server.endpoint}" not in optional:
            assert problems(others, bound_there) == [("absent", "")]
        for backend, real in server.real_servers.items():
            rest = {key: one for key, one in server.real_servers.items() if key != backend}
            others[number:number] = [server._replace(real_servers=rest)]
            assert problems(others, bound_there) == [("missing", backend)]
            others[number] = server._replace(real_servers={**rest, backend: real._replace(weight=0)})
            assert problems(others, bound_there) == [("weight", backend)]
            del others[number]
    for address in bound_there:
        assert problems(table.virtual_servers, bound_there - {address}) == [("bind", "")]
