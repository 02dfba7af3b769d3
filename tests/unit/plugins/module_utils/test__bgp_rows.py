# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _bgp_rows, _verdict
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import FAULT, LAG, NOTE, OK, UNKNOWN, Row
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.proof_looks import (
    BGP,
    SYNC,
    VIP,
    VIP6,
    look,
    of,
    service,
    session,
    session_rows,
    told,
)

Object = dict[str, t.Any]
SHY = {"id": "shy", "text": "is too shy"}
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
        told(expected={}, reasons={"node1": SHY, "node2": {"id": "loud", "text": "is too loud"}, "node3": SHY}),
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
    assert [row[0] for row in of(look({**late, "age": _bgp_rows.BGP_PATIENCE - 1}, {}), "BGP")] == [LAG]
    assert [row[0] for row in of(look({**late, "age": _bgp_rows.BGP_PATIENCE}, {}), "BGP")] == [FAULT]
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
    late = _bgp_rows.BGP_PATIENCE - 1
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
