# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _probe, _verdict
from ansible_collections.kubeaddons.metallb.plugins.module_utils._verdict import FAULT, LAG, NOTE, OK, UNKNOWN, Row

Object = dict[str, t.Any]
VIP = "192.168.100.240"
MACS = {"node1": "02:00:5e:00:53:01", "node2": "02:00:5e:00:53:02", "node3": "02:00:5e:00:53:03"}


def service(**changed: t.Any) -> Object:
    return {
        "service": "default/web",
        "addresses": [VIP],
        "pool": "loadbalanced",
        "reason": "",
        "layer2": True,
        "announcers": ["node2"],
        "assigned": "node2",
        "election": {"node": "node2", "reasons": {}},
        "bgp": None,
        "endpoints": 3,
        "backends": ["10.233.64.4", "10.233.65.4", "10.233.66.4"],
        "age": 400.0,
        "cluster_ips": ["10.233.0.17"],
        "local": False,
        "internal_local": False,
        "local_nodes": ["node1", "node3"],
        "source_ranges": [],
        "ports": [{"name": "", "port": 80, "protocol": "TCP", "node_port": 31313, "request": "http"}],
        **changed,
    }


# Rows of a Service ----------------------------------------------------------------------------------------------------


NODES = {"node1": ["192.168.100.11", "2001:db8::11"], "node2": ["192.168.100.12"], "node3": []}
VIP6 = "2001:db8::240"
SYNC = 30.0


def arp(node: str, *macs: str, on_link: bool = True, strict: bool = True, rp_filter: int = 0) -> Object:
    answers = {"on_link": on_link, "macs": list(macs), "interface": "eth0"}
    return {
        "interfaces": [{"name": "eth0", "mac": MACS[node], "rp_filter": rp_filter}],
        "results": [{"address": one, **answers} for one in (VIP, VIP6)],
        "settings": {"strict_arp": strict, "arp_ignore": int(strict), "arp_announce": 2 * int(strict)},
    }


BGP: Object = {"backend": "frr-k8s", "age": 400.0, "sessions": []}


def answered(
    target: Object,
    ok: bool = True,
    answer: str = "Hello World!",
    error: str = "timed out",
    connections: t.Sequence[str] = (),
    resolved: str = "",
    neighbour: str = "",
) -> Object:
    result: Object = {"ok": ok, "answered": int(ok), "answer": answer, "answers": [answer], "resolved": resolved}
    result["neighbour"] = neighbour
    failed = "" if ok else next(iter(connections), "")
    result.update(error="" if ok else error, failed=failed, seconds=0.004, connections=list(connections))
    return {"targets": [target], "results": [result]}


def look(
    one: Object,
    hosts: t.Mapping[str, Object],
    outside: Object | None = None,
    mode: str = "ipvs",
    strict_arp: bool = False,
    addresses: t.Mapping[str, list[str]] | None = None,
    nodes: t.Sequence[str] = (),
) -> list[Row]:
    addresses = {node: (addresses or {}).get(node, []) for node in nodes or hosts}
    state = {
        "services": [one],
        "nodes": addresses,
        "mode": mode,
        "sync_period": SYNC,
        "speakers": ["node1"],
        "bgp": BGP,
        "scope": [],
    }
    return _verdict.rows(state, hosts, outside or {"targets": [], "results": []}, strict_arp)


def of(rows: list[Row], check: str) -> list[tuple[str, str, str, str]]:
    return [(row.verdict, row.where, row.expected, row.found) for row in rows if row.check == check]


def test_the_address_of_a_service() -> None:
    assert of(look(service(), {}), "EXTERNAL-IP") == [(OK, "API", "an address of pool loadbalanced", VIP)]
    pending = service(reason="there is no IPAddressPool", addresses=[], pool="")
    rows = look(pending, {"node1": {"arp": arp("node1")}})
    assert of(rows, "EXTERNAL-IP") == [(FAULT, "API", "an address of a pool", "there is no IPAddressPool")]
    assert of(rows, "ARP") == []  # nothing else can be said


def test_a_service_without_endpoints_is_no_fault() -> None:
    rows = look(service(endpoints=0), {"node1": {"arp": arp("node1")}})
    assert of(rows, "endpoints") == [(NOTE, "API", "ready endpoints", "none, so nothing is announced")]
    assert of(rows, "ARP") == []


M1, M2, M3 = MACS.values()
ARP: list[tuple[Object, dict[str, Object], str, str]] = [
    # Service, what the nodes saw, verdict, part of what was found
    (
        service(),
        {"node1": arp("node1", M2), "node2": arp("node2"), "node3": arp("node3", M2)},
        OK,
        "node2 (02:00:5e:00:53:02)",
    ),
    (
        service(),
        {"node1": arp("node1", M2, M3), "node2": arp("node2"), "node3": arp("node3", M2)},
        FAULT,
        "node2 (02:00:5e:00:53:02), node3 (02:00:5e:00:53:03)",
    ),
    (service(), {"node1": arp("node1", M3), "node2": arp("node2", M3), "node3": arp("node3")}, FAULT, "node3 ("),
    (
        service(),
        {"node1": arp("node1", "02:00:5e:00:53:ff"), "node2": arp("node2")},
        FAULT,
        "an unknown host (02:00:5e:00:53:ff)",
    ),
    (
        service(),
        {"node1": arp("node1"), "node2": arp("node2"), "node3": arp("node3")},
        FAULT,
        "no answer, asked from node1, node2, node3",
    ),
    (service(announcers=[]), {"node1": arp("node1", M2), "node2": arp("node2")}, FAULT, "no ServiceL2Status names"),
    (
        service(announcers=[]),
        {"node1": arp("node1"), "node2": arp("node2")},
        FAULT,
        "no answer; no ServiceL2Status names",
    ),
    (service(announcers=["node1", "node2"]), {"node1": arp("node1", M2)}, FAULT, "node1 and node2 announce it"),
    # A node does not hear its own answer.
    (service(), {"node2": arp("node2")}, UNKNOWN, "only node2 itself could ask"),
    (
        service(),
        {"node1": arp("node1", on_link=False), "node2": arp("node2", on_link=False)},
        UNKNOWN,
        "is on its segment",
    ),
    (service(), {"node1": {"arp": None}}, UNKNOWN, "is on its segment"),
    # With --limit the announcing node's MAC address is not known.
    (service(), {"node1": arp("node1", M2)}, UNKNOWN, "02:00:5e:00:53:02, and node2 is not in this run"),
    (
        service(),
        {"node1": arp("node1", M2), "node2": {"arp": {}, "problem": "no connection"}},
        UNKNOWN,
        "02:00:5e:00:53:02, and node2 could not be looked at",
    ),
    (
        service(),
        {"node1": arp("node1", M2, M3)},
        FAULT,
        "an unknown host (02:00:5e:00:53:02), an unknown host (02:00:5e:00:53:03)",
    ),
    # MetalLB before 0.14.4 has no ServiceL2Status: one node has to answer, whichever it is.
    (service(announcers=None), {"node1": arp("node1", M2), "node2": arp("node2")}, OK, "node2 (02:00:5e:00:53:02)"),
    (
        service(announcers=None),
        {"node1": arp("node1", M2, M3), "node2": arp("node2"), "node3": arp("node3")},
        FAULT,
        "node3",
    ),
    (
        service(announcers=None),
        {"node1": arp("node1"), "node2": arp("node2")},
        FAULT,
        "no answer, asked from node1, node2",
    ),
]


@pytest.mark.parametrize(("one", "nodes", "verdict", "found"), ARP)
@pytest.mark.parametrize(("address", "check"), [(VIP, "ARP"), (VIP6, "NDP")])
def test_who_answers_arp_and_ndp(
    address: str, check: str, one: Object, nodes: dict[str, Object], verdict: str, found: str
) -> None:
    hosts = {node: {"arp": seen.get("arp", seen)} for node, seen in nodes.items()}
    rows = of(look({**one, "addresses": [address]}, hosts), check)
    assert len(rows) == 1
    assert rows[0][:2] == (verdict, "segment, " + address)
    assert found in rows[0][3]


REASONS = {"node1": "carries a label", "node2": "has no running speaker", "node3": "has no running speaker"}
NOBODY = {"node": "", "reasons": REASONS}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        ({"assigned": ""}, []),
        ({"announcers": None, "assigned": "node1"}, []),
        ({"announcers": [], "assigned": "node1"}, []),
        ({"assigned": "node1"}, [(NOTE, "API", "nodeAssigned names node2", "node1")]),
    ],
)
def test_the_event_names_the_one_that_announces(changed: Object, found: list[t.Any]) -> None:
    assert of(look(service(**changed), {}), "event") == found


def test_an_address_of_no_segment_that_nobody_answers() -> None:
    hosts = {"node1": {"arp": arp("node1", on_link=False)}}
    silent = answered(target("EXTERNAL-IP", VIP, 80), ok=False)
    assert of(look(service(), hosts, silent), "ARP")[0][::3] == (FAULT, "no node of this run is on its segment")
    # Something routes it to a node; not asked; not all nodes were asked.
    routed = answered(target("EXTERNAL-IP", VIP, 80))
    assert of(look(service(), hosts, routed), "ARP")[0][0] == UNKNOWN
    assert of(look(service(), hosts), "ARP")[0][0] == UNKNOWN
    assert of(look(service(), hosts, silent, nodes=["node1", "node2"]), "ARP")[0][0] == UNKNOWN


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"election": None}, []),
        ({"announcers": None}, []),  # an old MetalLB does not say
        ({"announcers": []}, []),  # that is for the ARP row
        ({"announcers": ["node1", "node2"]}, []),
        ({"announcers": ["node3"]}, ["node2"]),
        ({"election": NOBODY}, ["nobody: node1 carries a label; node2, node3 has no running speaker"]),
        ({"election": NOBODY, "layer2": False}, []),
    ],
)
def test_the_elected_node_is_the_one_that_announces(changed: Object, expected: list[str]) -> None:
    rows = of(look(service(**changed), {}), "election")
    assert [(row[0], row[2]) for row in rows] == [(NOTE, wanted) for wanted in expected]


def test_why_nobody_answers() -> None:
    """An address that no node may announce."""
    rows = of(look(service(announcers=[], election=NOBODY), {"node1": {"arp": arp("node1")}}), "ARP")
    assert rows[0][0] == FAULT
    assert rows[0][3].endswith("; no node may: node1 carries a label; node2, node3 has no running speaker")


def test_one_node_announces_both_addresses_of_a_service() -> None:
    rows = look(service(addresses=[VIP, VIP6]), {"node1": {"arp": arp("node1", M2)}, "node2": {"arp": arp("node2")}})
    for check, address in (("ARP", VIP), ("NDP", VIP6)):
        assert of(rows, check) == [(OK, "segment, " + address, "one answer, from node2", "node2 (02:00:5e:00:53:02)")]


def test_what_is_not_announced_by_layer2_is_not_asked_by_arp() -> None:
    rows = look(service(layer2=False, addresses=[VIP, VIP6]), {"node1": {"arp": arp("node1")}})
    assert of(rows, "ARP") + of(rows, "NDP") == []


@pytest.mark.parametrize(
    ("speakers", "verdict", "end"), [(["node1"], FAULT, "loadbalanced"), ([], NOTE, "no speaker runs")]
)
def test_an_address_that_nothing_announces(speakers: list[str], verdict: str, end: str) -> None:
    """Without speakers something else is meant to announce, Calico for one."""
    state = {
        "services": [service(layer2=False)],
        "nodes": {},
        "mode": "",
        "sync_period": 0.0,
        "speakers": speakers,
        "bgp": {},
        "scope": [],
    }
    rows = of(_verdict.rows(state, {}, {}, False), "announcement")
    assert [(row[0], row[2]) for row in rows] == [(verdict, "an L2Advertisement or a BGPAdvertisement")]
    assert rows[0][3].startswith("none takes the Service and its pool loadbalanced")
    assert rows[0][3].endswith(end)
    assert of(look(service(layer2=False, bgp=told()), {}), "announcement") == []
    assert of(look(service(), {}), "announcement") == []


def test_a_service_with_an_address_of_one_family_only() -> None:
    rows = look(service(cluster_ips=["10.233.0.17", "fd00::17"]), {})
    assert of(rows, "EXTERNAL-IP")[1:] == [(NOTE, "API", "an address for each ClusterIP's family", "none of IPv6")]
    both = service(cluster_ips=["10.233.0.17", "fd00::17"], addresses=[VIP, VIP6])
    assert len(of(look(both, {}), "EXTERNAL-IP")) == 1


# Rows of BGP ----------------------------------------------------------------------------------------------------------


def told(**changed: t.Any) -> Object:
    """What is known of a Service that two of three nodes announce to one router."""
    routes = {"node2": ["router1"], "node3": ["router1"]}
    return {"expected": routes, "reasons": {"node1": "is too shy"}, "announced": routes, "uncarried": [], **changed}


BY_BGP: list[tuple[Object, str, str, str]] = [
    # what is known, verdict, expected, found
    (told(), OK, "announced by node2, node3 to router1", "by node2, node3 to router1"),
    (
        told(announced={"node2": ["router1"]}),
        FAULT,
        "announced by node2, node3 to router1",
        "not by node3",
    ),
    (
        told(announced={"node1": ["router1"], "node2": ["router1"], "node3": []}),
        FAULT,
        "announced by node2, node3 to router1",
        "also by node1; by node3 not to router1",
    ),
    (told(announced={}), FAULT, "announced by node2, node3 to router1", "not by node2, node3"),
    # A Service with the same prefix is announced to another router as well.
    (
        told(announced={"node2": ["router1", "router2"], "node3": ["router1"]}),
        OK,
        "announced by node2, node3 to router1",
        "by node2 to router1, router2; by node3 to router1",
    ),
    (told(announced=None), NOTE, "announced by node2, node3 to router1", "MetalLB does not say before 0.15.0"),
    (
        told(expected={}, reasons={"node1": "is too shy", "node2": "is too loud", "node3": "is too shy"}),
        FAULT,
        "announced",
        "no node may: node1, node3 is too shy; node2 is too loud",
    ),
    (told(expected={}, reasons={}), FAULT, "announced", "no node may: there is none"),
    (
        told(uncarried=[VIP6]),
        FAULT,
        "announced by node2, node3 to router1",
        VIP6 + " to no peer: without dualStackAddressFamily a session carries its own address family only",
    ),
]


@pytest.mark.parametrize(("known", "verdict", "expected", "found"), BY_BGP)
def test_who_announces_by_bgp(known: Object, verdict: str, expected: str, found: str) -> None:
    rows = of(look(service(layer2=False, bgp=known), {}), "BGP")
    assert rows == [(verdict, "API", expected, found)]


def test_bgp_is_given_time_after_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    late = service(layer2=False, bgp=told(announced={}))
    assert [row[0] for row in of(look({**late, "age": _verdict.BGP_PATIENCE - 1}, {}), "BGP")] == [LAG]
    assert [row[0] for row in of(look({**late, "age": _verdict.BGP_PATIENCE}, {}), "BGP")] == [FAULT]
    monkeypatch.setitem(BGP, "age", 3.0)
    assert [row[0] for row in of(look(late, {}), "BGP")] == [LAG]


def test_native_bgp_carries_no_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BGP, "backend", "native")
    rows = of(look(service(layer2=False, bgp=told(uncarried=[VIP6])), {}), "BGP")
    assert rows[0][3] == VIP6 + " to no peer: native BGP carries no IPv6"


def test_an_advertisement_without_a_peer_is_no_fault_where_layer2_announces() -> None:
    assert of(look(service(bgp=told(expected={})), {}), "BGP")[0][0] == NOTE
    # A peer that lacks the Service is one.
    assert of(look(service(bgp=told(announced={})), {}), "BGP")[0][0] == FAULT


def test_many_nodes_are_few_words() -> None:
    routes = {"node{0}".format(number): ["router1"] for number in range(1, 41)}
    rows = of(look(service(layer2=False, bgp=told(expected=routes, announced={})), {}), "BGP")
    assert rows[0][2] == "announced by node1, node10, node11, node12, node13 and 35 more to router1"


def session(node: str = "node1", said: str | None = None, before: float | None = None, **changed: t.Any) -> Object:
    return {
        "node": node,
        "peer": "router1",
        "address": "192.168.100.2",
        "port": 179,
        "said": said,
        "bfd": "",
        "said_before": before,
        **changed,
    }


UNREACHED = "no connection (the router is out of reach, refuses, or has another password{0})"
SESSIONS: list[tuple[Object, bool | None, str, str]] = [
    # session, whether the node is connected to the peer, verdict, found
    # Native mode says nothing.
    (session(), True, OK, "connected"),
    (session(), False, FAULT, UNREACHED.format("")),
    (session(), None, UNKNOWN, "MetalLB does not say, and no connection could be looked for"),
    (session(said="Established", before=900), True, OK, "Established"),
    (session(said="Established", before=900), None, OK, "Established"),
    # FRR-K8s has not looked since.
    (session(said="Established", before=900), False, FAULT, UNREACHED.format("; Established when FRR-K8s looked")),
    (session(said="Active", before=12), True, OK, "connected, Active when FRR-K8s looked 12 s ago"),
    (
        session(said="Active", before=12),
        None,
        UNKNOWN,
        "Active when FRR-K8s looked 12 s ago; it looks every two minutes",
    ),
    # It has looked since: the connection is there and BGP is not.
    (session(said="OpenSent", before=900), True, FAULT, "OpenSent"),
    (session(said="Active", before=900), None, FAULT, "Active"),
    (session(said="Active", before=900), False, FAULT, UNREACHED.format("; Active when FRR-K8s looked")),
    (session(said=""), True, OK, "connected"),
    (session(said=""), None, FAULT, "FRR-K8s knows of none"),
    (session(said=""), False, FAULT, UNREACHED.format("")),
    (session(said="Established", before=900, bfd="up"), True, OK, "Established, BFD up"),
    (session(said="Established", before=900, bfd="down"), True, FAULT, "Established, but BFD down"),
    (
        session(said="Established", before=12, bfd="N/A"),
        True,
        UNKNOWN,
        "Established, but BFD N/A when FRR-K8s looked 12 s ago; it looks every two minutes",
    ),
]


def session_rows(sessions: list[Object], connected: bool | None, **bgp: t.Any) -> list[Row]:
    state = {
        "services": [],
        "nodes": {},
        "mode": "",
        "sync_period": SYNC,
        "speakers": [],
        "bgp": {**BGP, **bgp},
        "scope": [],
    }
    state["bgp"]["sessions"] = sessions
    results = [
        {"address": "192.168.100.3", "port": 179, "connected": connected is not True},
        {"address": "192.168.100.2", "port": 179, "connected": connected},
    ]
    tcp = {node: {"tcp": results} for node in MACS} if connected is not None else {}
    return _verdict.rows(state, tcp, {}, False)


@pytest.mark.parametrize(("one", "connected", "verdict", "found"), SESSIONS)
def test_sessions(one: Object, connected: bool | None, verdict: str, found: str) -> None:
    rows = session_rows([one], connected)
    assert of(rows, "BGP session") == [(verdict, "node1 -> router1 (192.168.100.2)", "Established", found)]


def test_a_session_is_given_time_after_a_change() -> None:
    assert [row.verdict for row in session_rows([session()], False, age=3.0)] == [LAG]


def routes(*nodes: str, used: bool = True, **changed: t.Any) -> dict[str, Object]:
    """Return what a router has received of the Service's address, from these nodes."""
    own = {"node2": "192.168.100.12", "node3": "192.168.100.13"}
    paths = [{"peer": own[node], "next_hops": [own[node]], "valid": True, "used": used} for node in nodes]
    one = {"addresses": ["192.168.100.2"], "sessions": [], "problem": ""}
    return {"tor": {**one, "results": [{"prefix": VIP + "/32", "paths": paths}], **changed}}


def route_rows(routers: t.Mapping[str, Object], age: float = 400.0, bgp_age: float = 400.0) -> list[Row]:
    peers = {"node2": ["router1"], "node3": ["router1"]}
    known = told(routes=[{"prefix": VIP + "/32", "nodes": peers}])
    state = {"services": [service(layer2=False, bgp=known, age=age)], "mode": "", "sync_period": SYNC, "speakers": []}
    state["nodes"] = {"node2": ["192.168.100.12"], "node3": ["192.168.100.13"]}
    state["bgp"] = {**BGP, "age": bgp_age, "sessions": [session()]}
    return [row for row in _verdict.rows(state, {}, {}, False, routers) if row.check == "BGP routes"]


ROUTES: list[tuple[dict[str, Object], str, str]] = [
    # what a router tells, verdict, found
    (routes("node2", "node3"), OK, "next hops node2, node3"),
    (routes("node2", "node3", used=False), OK, "next hops node2, node3; used: none"),
    (routes("node3"), FAULT, "lacks node2 (node2: no session)"),
    (routes(), FAULT, "not received (node2, node3: no session)"),
]


@pytest.mark.parametrize(("routers", "verdict", "found"), ROUTES)
def test_what_routers_have_received(routers: dict[str, Object], verdict: str, found: str) -> None:
    rows = route_rows(routers)
    where = "tor, " + VIP + "/32"
    assert [row[:6] for row in rows] == [(verdict, "default/web", "BGP routes", where, "next hops node2, node3", found)]


def test_routers_are_given_time_after_a_change() -> None:
    late = _verdict.BGP_PATIENCE - 1
    assert [row.verdict for row in route_rows(routes(), age=late)] == [LAG]
    assert [row.verdict for row in route_rows(routes(), bgp_age=late)] == [LAG]
    assert [row.verdict for row in route_rows(routes("node2", "node3"), age=late)] == [OK]


def test_a_router_that_cannot_be_asked() -> None:
    rows = route_rows(routes(problem="vtysh does not run: No such file or directory."))
    assert [row[:7] for row in rows] == [
        (
            UNKNOWN,
            "nodes",
            "BGP routes",
            "tor",
            "what nodes announce to it",
            "vtysh does not run: No such file or directory.",
            "nodes/routes/tor",
        )
    ]


def test_the_key_of_a_route_stays() -> None:
    assert {row.key for known in (routes(), routes("node2")) for row in route_rows(known)} == {
        "default/web/routes/tor, " + VIP + "/32"
    }


def test_sessions_that_are_alike_are_one_line() -> None:
    sessions = [
        session("node1"),
        session("node2"),
        session("node3", address="", peer="router2", said="Idle", before=900),
    ]
    rows = session_rows(sessions, True)
    assert len({row.key for row in rows}) == 3
    assert [(row.verdict, row.where, row.found) for row in _verdict.folded(rows)] == [
        (OK, "node1, node2 -> router1 (192.168.100.2)", "connected"),
        (FAULT, "node3 -> router2", "Idle"),
    ]


# Rows of requests -----------------------------------------------------------------------------------------------------


def target(
    check: str,
    address: str,
    port: int,
    node: str = "",
    protocol: str = "tcp",
    name: str = "default/web",
    origin: str = "node",
    request: str = "http",
) -> Object:
    parts = {"address": address, "port": port, "protocol": protocol, "request": request, "origin": origin}
    return {"target": parts, "service": name, "check": check, "node": node}


REQUESTS: list[tuple[Object, tuple[str, str, str, str]]] = [
    (
        answered(target("EXTERNAL-IP", VIP, 80)),
        (OK, "Ansible controller -> " + VIP + ":80", "an answer", "Hello World!"),
    ),
    (
        answered(target("EXTERNAL-IP", VIP, 80), answer=""),
        (OK, "Ansible controller -> " + VIP + ":80", "an answer", "connected"),
    ),
    (
        answered(target("EXTERNAL-IP", VIP, 80), ok=False),
        (FAULT, "Ansible controller -> " + VIP + ":80", "an answer", "timed out"),
    ),
    (
        answered(target("EXTERNAL-IP", "2001:db8::1", 53, protocol="udp")),
        (OK, "Ansible controller -> [2001:db8::1]:53/udp", "an answer", "Hello World!"),
    ),
]


@pytest.mark.parametrize(("outside", "row"), REQUESTS)
def test_requests_from_outside(outside: Object, row: tuple[str, str, str, str]) -> None:
    assert of(look(service(), {}, outside), "EXTERNAL-IP")[1:] == [row]


CLIENT = "192.168.100.1"
CONNECTIONS = [f"tcp {CLIENT}:{port} {VIP}:80" for port in (40001, 40002, 40003)]


def followed(**ways: tuple[str, str]) -> dict[str, Object]:
    """Return hosts that saw the connections, by node: backend and the address that it answers."""
    return {
        node: {"inside": {"targets": [], "results": [], "seen": {CONNECTIONS[index]: list(way)}}}
        for index, (node, way) in enumerate(ways.items())
    }


FROM_OUTSIDE = answered(target("EXTERNAL-IP", VIP, 80), connections=CONNECTIONS)
KEPT = ("10.233.64.4:8080", CLIENT)
REPLACED = ("10.233.65.4:8080", "192.168.100.12")


def test_which_backends_the_requests_were_led_to() -> None:
    hosts = {"node2": {"inside": {"seen": {CONNECTIONS[0]: list(REPLACED), CONNECTIONS[2]: list(KEPT)}}}}
    assert of(look(service(), hosts, FROM_OUTSIDE), "backends") == [
        (
            OK,
            "nodes' connection tracking",
            "3 endpoints",
            "2 requests led to 2 of them: 10.233.64.4:8080, 10.233.65.4:8080",
        )
    ]
    assert of(look(service(), {"node2": {"inside": {}}}, FROM_OUTSIDE), "backends") == []


def test_a_backend_that_is_none_of_the_services() -> None:
    stray = followed(node2=("10.233.70.9:8080", CLIENT))
    ((verdict, _where, _expected, found),) = of(look(service(), stray, FROM_OUTSIDE), "backends")
    assert (verdict, found) == (
        FAULT,
        "10.233.70.9 is none of them; 1 request led to 0 of them: 10.233.70.9:8080",
    )
    assert of(look(service(age=1.0), stray, FROM_OUTSIDE), "backends")[0][0] == LAG


PATH_WHERE = "Ansible controller -> " + VIP


@pytest.mark.parametrize(
    ("one", "hosts", "rows"),
    [
        (service(), followed(node2=REPLACED), [(OK, PATH_WHERE, "in by node2", "in by node2")]),
        # A neighbour cache that has the node that announced before.
        (service(), followed(node1=REPLACED), [(FAULT, PATH_WHERE, "in by node2", "in by node1")]),
        (service(), followed(node1=KEPT, node2=KEPT), [(FAULT, PATH_WHERE, "in by node2", "in by node1, node2")]),
        (service(announcers=None), followed(node1=REPLACED), []),
        (service(announcers=[]), followed(node1=REPLACED), []),
        (
            service(layer2=False, bgp={**told(), "expected": {"node1": ["r"], "node3": ["r"]}}),
            followed(node1=KEPT, node3=KEPT),
            [(OK, PATH_WHERE, "in by node1, node3", "in by node1, node3")],
        ),
        (
            service(layer2=False, bgp={**told(), "expected": {"node1": ["r"]}}),
            followed(node2=KEPT),
            [(FAULT, PATH_WHERE, "in by node1", "in by node2")],
        ),
        (service(), {}, []),
    ],
)
def test_where_requests_from_outside_come_in(one: Object, hosts: dict[str, Object], rows: list[t.Any]) -> None:
    assert of(look(one, hosts, FROM_OUTSIDE), "path") == rows


def test_a_controller_that_is_a_node_proves_no_path() -> None:
    own = [f"tcp 192.168.100.11:40001 {VIP}:80"]
    state_hosts = {"node1": {"inside": {"seen": {own[0]: ["10.233.64.4:8080", "192.168.100.11"]}}}}
    outside = answered(target("EXTERNAL-IP", VIP, 80), connections=own)
    rows = look(service(local=True), state_hosts, outside, addresses=NODES)
    assert of(rows, "path") + of(rows, "client address") == []
    assert len(of(rows, "backends")) == 1


def test_the_host_outside_has_a_name() -> None:
    rows = look(service(), followed(node2=REPLACED), {**FROM_OUTSIDE, "host": "edge1"})
    assert of(rows, "path")[0][1] == "edge1 -> " + VIP
    assert of(rows, "EXTERNAL-IP")[1][1] == f"edge1 -> {VIP}:80"


@pytest.mark.parametrize(
    ("announcers", "rp_filter", "ways_back", "found"),
    [
        (["node2"], 1, {CLIENT: "eth1"}, [(FAULT, "node2 -> 192.168.100.1", "out by eth0, where requests come in")]),
        (["node2"], 1, {CLIENT: ""}, [(FAULT, "node2 -> 192.168.100.1", "out by eth0, where requests come in")]),
        (["node2"], 1, {CLIENT: "eth0"}, []),
        (["node2"], 2, {CLIENT: "eth1"}, []),
        (["node2"], 0, {CLIENT: "eth1"}, []),
        (["node2"], 1, {"2001:db8::1": "eth1"}, []),
        (["node1"], 1, {CLIENT: "eth1"}, []),
        (None, 1, {CLIENT: "eth1"}, []),
    ],
)
def test_an_answer_that_would_leave_by_another_interface(
    announcers: list[str] | None, rp_filter: int, ways_back: dict[str, str], found: list[t.Any]
) -> None:
    inside = {"targets": [], "results": [], "seen": {}, "ways_back": ways_back}
    hosts = {"node2": {"arp": arp("node2", rp_filter=rp_filter), "inside": inside}}
    assert [row[:3] for row in of(look(service(announcers=announcers), hosts), "way back")] == found


def test_whether_the_backend_sees_the_client() -> None:
    local = service(local=True)
    assert of(look(local, followed(node2=KEPT), FROM_OUTSIDE), "client address") == [
        (OK, PATH_WHERE, CLIENT, "192.168.100.1, kept")
    ]
    assert of(look(local, followed(node2=REPLACED), FROM_OUTSIDE), "client address") == [
        (FAULT, PATH_WHERE, CLIENT, "replaced by 192.168.100.12 by node2")
    ]
    assert of(look(service(), followed(node2=REPLACED), FROM_OUTSIDE), "client address") == []


def test_a_request_without_an_answer_says_how_far_it_came() -> None:
    failed = answered(target("EXTERNAL-IP", VIP, 80), ok=False, connections=CONNECTIONS[:1])
    found = of(look(service(), followed(node2=REPLACED), failed), "EXTERNAL-IP")[1]
    assert found[3] == "timed out; node2 led it to 10.233.65.4:8080"
    other = {"node2": {"inside": {"seen": {CONNECTIONS[2]: list(KEPT)}}}}
    assert of(look(service(), other, failed), "EXTERNAL-IP")[1][3] == "timed out; it came in at no node of this run"
    assert of(look(service(), {}, failed), "EXTERNAL-IP")[1][3] == "timed out"


@pytest.mark.parametrize(
    ("mac", "end"),
    [
        (MACS["node2"], "it came in at no node of this run"),
        (MACS["node1"], "it came in at no node of this run; the neighbour cache there has 02:00:5e:00:53:01 (node1)"),
        ("02:00:5e:00:53:99", "the neighbour cache there has 02:00:5e:00:53:99 (an unknown host)"),
    ],
)
def test_a_neighbour_cache_that_leads_to_a_dead_address(mac: str, end: str) -> None:
    failed = answered(target("EXTERNAL-IP", VIP, 80), ok=False, connections=CONNECTIONS[:1], neighbour=mac)
    hosts = {
        "node1": {"arp": arp("node1")},
        "node2": {"arp": arp("node2"), "inside": {"seen": {CONNECTIONS[2]: list(KEPT)}}},
    }
    assert of(look(service(), hosts, failed), "EXTERNAL-IP")[1][3].endswith(end)


def test_silence_in_udp() -> None:
    silent = answered(
        target("EXTERNAL-IP", VIP, 514, protocol="udp", request="connect"), ok=False, connections=CONNECTIONS[:1]
    )
    assert of(look(service(), followed(node2=KEPT), silent), "EXTERNAL-IP")[1] == (
        OK,
        "Ansible controller -> 192.168.100.240:514/udp",
        "an answer",
        "node2 led it to 10.233.64.4:8080; no answer, as is usual in UDP",
    )
    assert of(look(service(), {}, silent), "EXTERNAL-IP")[1][::3] == (
        UNKNOWN,
        "no answer, which proves nothing in UDP",
    )
    refused = answered(target("EXTERNAL-IP", VIP, 514, protocol="udp", request="connect"), ok=False, error="refused")
    assert of(look(service(), {}, refused), "EXTERNAL-IP")[1][::3] == (FAULT, "refused")


def in_a_pod(check: str, address: str, **result: t.Any) -> dict[str, Object]:
    return {"node1": {"inside": answered(target(check, address, 80, origin="pod"), **result)}}


def test_requests_from_a_pod() -> None:
    assert of(look(service(), in_a_pod("ClusterIP", "10.233.0.17")), "ClusterIP") == [
        (OK, "node1, in a pod -> 10.233.0.17:80", "an answer", "Hello World!")
    ]
    named = in_a_pod("DNS name", "web.default.svc", resolved="10.233.0.17")
    assert of(look(service(), named), "DNS name") == [
        (OK, "node1, in a pod -> web.default.svc:80", "an answer", "Hello World!")
    ]
    other = in_a_pod("DNS name", "web.default.svc", resolved="10.233.0.99")
    assert of(look(service(), other), "DNS name")[0][::3] == (FAULT, "the name is 10.233.0.99 there")
    failed = in_a_pod("ClusterIP", "10.233.0.17", ok=False, error="refused")
    assert of(look(service(), failed), "ClusterIP")[0][::3] == (FAULT, "refused")


def test_a_node_without_a_pod_is_noted_once() -> None:
    rows = look(service(), in_a_pod("ClusterIP", "10.233.0.17", ok=False, error=_probe.NO_POD))
    assert of(rows, "ClusterIP") == []
    assert of(rows, "requests from a pod") == [(NOTE, "node1", "asked", "there is no pod here to ask from")]


BGP_ONLY = service(layer2=False, bgp=told(), addresses=[VIP, VIP6])
SILENCE: list[tuple[Object, Object, str, str, str, str]] = [
    # Service, what was asked, from where, how it failed, verdict, found
    (BGP_ONLY, target("EXTERNAL-IP", VIP, 80), "outside", "timed out", UNKNOWN, "timed out: no route learned here"),
    (BGP_ONLY, target("EXTERNAL-IP", VIP6, 80), "outside", "no route", UNKNOWN, "no route learned here"),
    (
        BGP_ONLY,
        target("EXTERNAL-IP", VIP, 80),
        "outside",
        "host unreachable",
        UNKNOWN,
        "host unreachable: no route learned here",
    ),
    # Somebody did answer.
    (BGP_ONLY, target("EXTERNAL-IP", VIP, 80), "outside", "refused", FAULT, "refused"),
    (BGP_ONLY, target("NodePort", "192.168.100.11", 31313), "outside", "timed out", FAULT, "timed out"),
    (service(bgp=told()), target("EXTERNAL-IP", VIP, 80), "outside", "timed out", FAULT, "timed out"),
    (service(), target("EXTERNAL-IP", VIP, 80), "outside", "host unreachable", FAULT, "host unreachable"),
    # A controller without IPv6.
    (service(), target("EXTERNAL-IP", VIP6, 80), "outside", "no route", UNKNOWN, "no route learned here"),
    (service(), target("NodePort", "2001:db8::11", 31313), "outside", "no route", UNKNOWN, "no route learned here"),
    (service(), target("ClusterIP", "fd00::17", 80), "inside", "no route", FAULT, "no route"),
]


@pytest.mark.parametrize(("one", "asked", "where", "error", "verdict", "found"), SILENCE)
def test_silence_that_says_nothing_about_the_service(
    one: Object, asked: Object, where: str, error: str, verdict: str, found: str
) -> None:
    failed = answered(asked, ok=False, error=error)
    rows = look(one, {}, failed) if where == "outside" else look(one, {"node1": {"inside": failed}})
    assert [(row.verdict, row.found) for row in rows if "/request/" in row.key] == [(verdict, found)]


def test_a_route_that_works_at_times_is_a_fault() -> None:
    failed = answered(target("EXTERNAL-IP", VIP, 80), ok=False)
    failed["results"][0]["answered"] = 2
    assert of(look(BGP_ONLY, {}, failed), "EXTERNAL-IP")[-1][0] == FAULT


def test_a_request_may_fail_while_endpoints_come_and_go() -> None:
    refused = answered(target("EXTERNAL-IP", VIP, 80), ok=False)
    assert of(look(service(age=2.0), {}, refused), "EXTERNAL-IP")[1][0] == LAG
    assert of(look(service(age=SYNC), {}, refused), "EXTERNAL-IP")[1][0] == FAULT


def test_requests_of_another_service_are_another_services() -> None:
    assert (
        len(of(look(service(), {}, answered(target("EXTERNAL-IP", VIP, 80, name="default/other"))), "EXTERNAL-IP")) == 1
    )


def test_many_answers_are_one_line_and_a_fault_is_not_hidden_in_it() -> None:
    def outside(*oks: bool) -> Object:
        parts = [
            answered(target("NodePort", NODES[node][0], 31313, node), ok)
            for node, ok in zip(("node1", "node2"), oks, strict=True)
        ]
        return {key: [one[key][0] for one in parts] for key in ("targets", "results")}

    assert of(_verdict.folded(look(service(), {}, outside(True, True))), "NodePort") == [
        (OK, "2 paths, to 2 nodes, port 31313", "an answer each", "Hello World!")
    ]
    assert [row[0] for row in of(_verdict.folded(look(service(), {}, outside(True, False))), "NodePort")] == [OK, FAULT]


def test_cluster_addresses_are_asked_from_every_node() -> None:
    def inside(*oks: bool) -> dict[str, Object]:
        one = target("ClusterIP", "10.233.0.17", 80)
        return {"node{0}".format(number): {"inside": answered(one, ok)} for number, ok in enumerate(oks, 1)}

    assert of(_verdict.folded(look(service(), inside(True, True))), "ClusterIP") == [
        (OK, "2 paths, from every node to 10.233.0.17:80", "an answer each", "Hello World!")
    ]
    assert of(_verdict.folded(look(service(), inside(True, False))), "ClusterIP")[1] == (
        FAULT,
        "node2 -> 10.233.0.17:80",
        "an answer",
        "timed out",
    )


def test_paths_of_both_families_are_one_line() -> None:
    def together(*targets: Object) -> Object:
        parts = [answered(one) for one in targets]
        return {key: [one[key][0] for one in parts] for key in ("targets", "results")}

    outside = together(
        target("EXTERNAL-IP", VIP, 80),
        target("NodePort", "192.168.100.11", 31313, "node1"),
        target("NodePort", "2001:db8::11", 31313, "node1"),
        target("NodePort", "192.168.100.11", 31443, "node1"),
    )
    inside = together(
        target("ClusterIP", "10.233.0.17", 80), target("ClusterIP", "fd00::17", 80), target("EXTERNAL-IP", VIP, 80)
    )
    rows = _verdict.folded(look(service(), {"node1": {"inside": inside}, "node2": {"inside": inside}}, outside))
    assert [row.where for row in rows if "/request/" in row.key] == [
        "Ansible controller -> 192.168.100.240:80",
        "3 paths, to 1 node, ports 31313, 31443",
        "4 paths, from every node to 10.233.0.17:80, [fd00::17]:80",
        "2 paths, from every node to 192.168.100.240:80",
    ]


# Rows of a node -------------------------------------------------------------------------------------------------------


def tables(*differences: Object, more: t.Sequence[str] = (), problem: str = "", draining: int = 0) -> Object:
    """Return what a node found; ``more`` are the verdicts of the differences that it left out."""
    verdicts = [*(one["verdict"] for one in differences), *more]
    return {
        "problem": problem,
        "differences": list(differences),
        "differences_total": len(verdicts),
        "faults_total": verdicts.count("fault"),
        "seconds": 0.02,
        "checked": {"virtual_servers": 5, "real_servers": 12, "draining": draining},
    }


def difference(
    verdict: str = "fault",
    kind: str = "missing",
    backend: str = "10.233.65.4:8080",
    name: str = "default/web",
    address: str = VIP,
    port: int = 80,
) -> Object:
    return {
        "verdict": verdict,
        "kind": kind,
        "service": name,
        "protocol": "TCP",
        "address": address,
        "port": port,
        "backend": backend,
        "expected": "weight 1",
        "found": "absent",
    }


def around(kind: str, backend: str, name: str = "") -> Object:
    """Return a difference of what is not at an address and port."""
    return {**difference(kind=kind, backend=backend, name=name, address="", port=0), "protocol": ""}


MISSING = (FAULT, "IPVS missing", "node1: default/web, TCP 192.168.100.240:80, 10.233.65.4:8080", "weight 1", "absent")
NODE_ROWS: list[tuple[Object, str, bool, list[tuple[str, str, str, str, str]]]] = [
    # what the node returned, kube-proxy's mode, whether strict ARP is needed, rows
    (
        {"data_plane": tables()},
        "ipvs",
        False,
        [(OK, "IPVS", "node1", "5 virtual servers, 12 real servers", "all as expected")],
    ),
    (
        {"data_plane": tables(draining=2)},
        "ipvs",
        False,
        [(OK, "IPVS", "node1", "5 virtual servers, 12 real servers", "all as expected, 2 draining")],
    ),
    (
        {"data_plane": tables(difference())},
        "ipvs",
        False,
        [MISSING],
    ),
    (
        {"data_plane": tables(difference(verdict="lag", name="", backend="", address="2001:db8::1"))},
        "ipvs",
        False,
        [(LAG, "IPVS missing", "node1: no Service, TCP [2001:db8::1]:80", "weight 1", "absent")],
    ),
    (
        {"data_plane": tables(difference(), more=["lag"] * 6)},
        "ipvs",
        False,
        [
            MISSING,
            (LAG, "IPVS", "node1", "no difference", "6 more differences"),
        ],
    ),
    (
        {"data_plane": tables(difference(), more=["fault", *["lag"] * 5])},
        "ipvs",
        False,
        [
            MISSING,
            (FAULT, "IPVS", "node1", "no difference", "6 more differences"),
        ],
    ),
    (
        {"data_plane": tables(problem="no /proc/net/ip_vs")},
        "ipvs",
        False,
        [(UNKNOWN, "IPVS", "node1", "a readable table", "no /proc/net/ip_vs")],
    ),
    ({"data_plane": None}, "ipvs", False, []),
    ({"data_plane": {}}, "ipvs", False, []),
    (
        {"data_plane": None},
        "",
        False,
        [
            (
                NOTE,
                "data plane",
                "node1",
                "checked",
                "there is no kube-proxy, and what is there instead is not read; the requests above went through it",
            )
        ],
    ),
    (
        {"data_plane": tables()},
        "nftables",
        False,
        [(OK, "nftables", "node1", "5 Service addresses, 12 backends", "all as expected")],
    ),
    (
        {
            "data_plane": tables(
                difference(kind="rule", name="", backend="IPv4 services -> service-ips", address="", port=0)
            )
        },
        "nftables",
        False,
        [(FAULT, "nftables rule", "node1: TCP, IPv4 services -> service-ips", "weight 1", "absent")],
    ),
    (
        {
            "data_plane": tables(
                around("ipset", "KUBE-LOAD-BALANCER, 192.168.100.240,tcp:80", "default/web"),
                around("ipset", "KUBE-CLUSTER-IP, 10.233.0.9,tcp:80"),
                around("rule", "IPv4 nat KUBE-SERVICES match-set KUBE-CLUSTER-IP -> ACCEPT"),
                around("leftover", "IPv4 nftables table kube-proxy"),
            )
        },
        "ipvs",
        False,
        [
            (
                FAULT,
                "IPVS ipset",
                "node1: default/web, KUBE-LOAD-BALANCER, 192.168.100.240,tcp:80",
                "weight 1",
                "absent",
            ),
            (FAULT, "IPVS ipset", "node1: KUBE-CLUSTER-IP, 10.233.0.9,tcp:80", "weight 1", "absent"),
            (
                FAULT,
                "IPVS rule",
                "node1: IPv4 nat KUBE-SERVICES match-set KUBE-CLUSTER-IP -> ACCEPT",
                "weight 1",
                "absent",
            ),
            (FAULT, "IPVS leftover", "node1: IPv4 nftables table kube-proxy", "weight 1", "absent"),
        ],
    ),
    (
        {"data_plane": None, "arp": arp("node1")},
        "ipvs",
        True,
        [(OK, "strict ARP", "node1", "arp_ignore 1, arp_announce 2", "arp_ignore 1, arp_announce 2")],
    ),
    (
        {"data_plane": None, "arp": arp("node1", strict=False)},
        "ipvs",
        True,
        [(FAULT, "strict ARP", "node1", "arp_ignore 1, arp_announce 2", "arp_ignore 0, arp_announce 0")],
    ),
    ({"data_plane": None, "arp": arp("node1", strict=False)}, "ipvs", False, []),
    (
        {"problem": "not a Node of the cluster", "ipvs": tables(difference())},
        "ipvs",
        True,
        [(UNKNOWN, "data plane", "node1", "checked", "not a Node of the cluster")],
    ),
]


@pytest.mark.parametrize(("host", "mode", "strict", "expected"), NODE_ROWS)
def test_rows_of_a_node(host: Object, mode: str, strict: bool, expected: list[tuple[str, str, str, str, str]]) -> None:
    rows = look(service(reason="pending"), {"node1": host}, mode=mode, strict_arp=strict)[1:]
    assert [(row.verdict, row.check, row.where, row.expected, row.found) for row in rows] == expected
    assert {row.subject for row in rows} <= {"nodes"}


LOST = {"unreachable": True, "msg": "no route to host\n"}
BROKEN = {"failed": True, "msg": "MODULE FAILURE"}
SKIPPED = {"skipped": True, "skip_reason": "Conditional result was False"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [(OK, "IPVS", "node1", "5 virtual servers, 12 real servers", "all as expected")]),
        # What came before or after does not count.
        ({"arp": LOST}, [(UNKNOWN, "data plane", "node1", "checked", "no connection to it: no route to host")]),
        ({"data_plane": BROKEN}, [(UNKNOWN, "data plane", "node1", "checked", "MODULE FAILURE")]),
        (
            {"arp": {"failed": True}, "inside": {**BROKEN, "targets": []}, "tcp": BROKEN},
            [
                (UNKNOWN, "ARP, NDP", "node1", "checked", "no reason was given"),
                (UNKNOWN, "requests", "node1", "checked", "MODULE FAILURE"),
                (UNKNOWN, "BGP connections", "node1", "checked", "MODULE FAILURE"),
                (OK, "IPVS", "node1", "5 virtual servers, 12 real servers", "all as expected"),
            ],
        ),
        ({"data_plane": SKIPPED}, []),
    ],
)
def test_what_became_of_the_tasks_on_a_node(changes: Object, expected: list[tuple[str, str, str, str, str]]) -> None:
    inside = {"results": [], "targets": []}
    results = {"data_plane": tables(), "arp": arp("node1"), "inside": inside, "tcp": SKIPPED, **changes}
    host = _verdict.found_on(results)
    rows = look(service(reason="pending"), {"node1": host}, strict_arp=False)[1:]
    assert [(row.verdict, row.check, row.where, row.expected, row.found) for row in rows] == expected
    assert len({row.key for row in rows}) == len(rows)
    assert len(_verdict.unseen(rows)) == sum(row.verdict == UNKNOWN for row in rows)


def test_connections_are_taken_from_their_task() -> None:
    peers = [{"address": "192.0.2.1", "port": 179, "connected": True}]
    assert _verdict.found_on({"tcp": {"results": peers}})["tcp"] == peers


def test_without_the_api_there_is_one_row() -> None:
    state = {"failed": True, "msg": "Kubernetes API: no answer (timed out)."}
    (row,) = _verdict.rows(state, {"node1": {"data_plane": tables()}}, {}, False)
    assert (row.verdict, row.check, row.found) == (UNKNOWN, "API", state["msg"])
    assert _verdict.unseen([row]) == ["Kubernetes API, API: Kubernetes API: no answer (timed out)."]


def test_a_namespace_may_be_called_unseen() -> None:
    rows = look(service(service="unseen/web"), {})
    assert rows[0].key.startswith("unseen/")
    assert _verdict.unseen(rows) == []


def test_a_node_that_is_not_in_this_run() -> None:
    state = {
        "services": [],
        "nodes": {"node1": [], "node2": []},
        "mode": "ipvs",
        "sync_period": SYNC,
        "bgp": {},
        "scope": [],
    }
    rows = _verdict.rows(state, {"node1": {"data_plane": tables()}}, {}, False)
    assert [(row.verdict, row.where, row.found) for row in rows] == [
        (OK, "node1", "all as expected"),
        (NOTE, "node2", "not in this run"),
    ]


def test_a_namespace_may_be_called_like_a_kind_of_row() -> None:
    rows = look(
        service(service="ipvs/web"), {}, answered(target("NodePort", "192.168.100.11", 31313, "node1", name="ipvs/web"))
    )
    assert _verdict.folded(rows) == rows


def test_what_is_not_asked_is_said() -> None:
    state = {"services": [], "nodes": {}, "mode": "ipvs", "bgp": {}, "scope": [], "targets": {"left_out": 990}}
    (row,) = _verdict.rows(state, {}, {}, False)
    assert (row.verdict, row.check, row.where) == (NOTE, "NodePort", "Ansible controller")
    assert row.found == "each on 10 nodes or more, in turn, 990 requests fewer; the tables of all nodes are compared"
    assert _verdict.rows({**state, "targets": {"left_out": 0}}, {}, {}, False) == []


def test_keys_tell_rows_apart() -> None:
    hosts = {
        node: {
            "arp": arp(node, M2),
            "data_plane": tables(
                difference(), difference(kind="weight"), difference(backend="10.233.66.7:8080"), more=["fault"] * 2
            ),
            "inside": answered(target("ClusterIP", "10.233.0.17", 80), ok=False),
        }
        for node in MACS
    }
    rows = look(service(), hosts, answered(target("EXTERNAL-IP", VIP, 80), ok=False), strict_arp=True)
    keys = [row.key for row in rows]
    assert len(keys) > 15
    assert len(set(keys)) == len(keys)


# Decisions over several looks -----------------------------------------------------------------------------------------

SYNC, TIMEOUT = 30.0, 90.0


def row(verdict: str, key: str = "a") -> Row:
    return Row(verdict, "nodes", "IPVS", "node1", "x", "y", key)


def run(looks: t.Sequence[tuple[float, list[Row]]], timeout: float = TIMEOUT) -> tuple[int, list[str]]:
    """Take the looks, each at its time, until one is enough; return its number and the verdicts of its rows."""
    first_seen: dict[str, float] = {}
    for number, (now, rows) in enumerate(looks, 1):
        decision = _verdict.decide(rows, first_seen, now, number, SYNC, looks[0][0] + timeout)
        if not decision.again:
            return number, [one.verdict for one in decision.rows]
        first_seen = decision.first_seen
    raise AssertionError("another look is wanted")


Looks = list[tuple[float, list[Row]]]
every_5_s = [5.0 * number for number in range(40)]
SEQUENCES: list[tuple[str, Looks, int, list[str]]] = [
    ("all is well", [(0, [row(OK), row(NOTE, "b"), row(UNKNOWN, "c")])], 1, [OK, NOTE, UNKNOWN]),
    ("nothing to see", [(0, [])], 1, []),
    ("a steady fault", [(0, [row(FAULT)]), (5, [row(FAULT)])], 2, [FAULT]),
    ("a fault that heals", [(0, [row(FAULT)]), (5, [row(OK)])], 2, [OK]),
    ("a fault that comes and goes", [(0, [row(FAULT)]), (5, [row(FAULT, "b")]), (10, [row(OK)])], 3, [OK]),
    (
        "a fault that comes back",
        [(0, [row(FAULT)]), (5, [row(OK), row(LAG, "b")]), (10, [row(OK), row(OK, "b")])],
        2,
        [OK, LAG],
    ),
    ("a steady fault beside a fresh one", [(0, [row(FAULT)]), (5, [row(FAULT), row(FAULT, "b")])], 2, [FAULT, LAG]),
    ("a lag that heals", [(0, [row(LAG)]), (5, [row(LAG)]), (10, [row(OK)])], 3, [OK]),
    ("a lag that stays for the sync period", [(now, [row(LAG)]) for now in every_5_s], 7, [FAULT]),
    ("a lag that becomes a fault", [(0, [row(LAG)]), (5, [row(FAULT)])], 2, [FAULT]),
    ("a fresh lag after the first look", [(0, [row(LAG)]), (5, [row(LAG, "b")])], 2, [LAG]),
    ("a rolling deployment: other lags at each look", [(now, [row(LAG, str(now))]) for now in every_5_s], 2, [LAG]),
    ("other faults at each look until the deadline", [(now, [row(FAULT, str(now))]) for now in every_5_s], 19, [FAULT]),
    (
        "a look that outlives the deadline",
        [(0, [row(FAULT)]), (500, [row(FAULT, "b"), row(LAG, "c")])],
        2,
        [FAULT, LAG],
    ),
]


@pytest.mark.parametrize(
    ("looks", "number", "verdicts"), [one[1:] for one in SEQUENCES], ids=[one[0] for one in SEQUENCES]
)
def test_looks(looks: Looks, number: int, verdicts: list[str]) -> None:
    assert run(looks) == (number, verdicts)


@pytest.mark.parametrize(
    ("verdict", "judged"),
    # Nothing is left to wait for: a fault counts, and what the node itself calls a lag is given its time.
    [(FAULT, FAULT), (LAG, LAG), (OK, OK)],
)
def test_one_look_only(verdict: str, judged: str) -> None:
    assert run([(0, [row(verdict)])], timeout=0) == (1, [judged])


def test_a_lag_that_is_there_from_look_to_look_at_the_deadline() -> None:
    assert run([(0, [row(LAG)]), (8, [row(LAG)]), (11, [row(LAG)])], timeout=10) == (3, [FAULT])


def test_the_first_sight_of_a_difference_is_remembered_only_while_it_lasts() -> None:
    first = _verdict.decide([row(LAG), row(FAULT, "b")], {}, 5.0, 1, SYNC, 95.0)
    assert first.first_seen == {"a": 5.0, "b": 5.0}
    second = _verdict.decide([row(LAG), row(OK, "b")], first.first_seen, 10.0, 2, SYNC, 95.0)
    assert second.first_seen == {"a": 5.0}
    third = _verdict.decide([row(LAG), row(FAULT, "b")], second.first_seen, 15.0, 3, SYNC, 95.0)
    assert third.first_seen == {"a": 5.0, "b": 15.0}


def test_members_of_one_set_that_nobody_asks_for_are_one_line() -> None:
    differences = [around("ipset", f"KUBE-CLUSTER-IP, 10.233.0.{number},tcp:80") for number in range(3)]
    rows = _verdict._data_plane_rows("node1", tables(*differences), "ipvs", [])
    assert len({one.key for one in rows}) == 3
    assert [one.where for one in _verdict.folded(rows)] == ["node1: KUBE-CLUSTER-IP, 10.233.0.0,tcp:80 and 2 more"]
