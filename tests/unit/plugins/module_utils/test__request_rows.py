# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _probe, _verdict
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import FAULT, LAG, NOTE, OK, UNKNOWN
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.proof_looks import (
    BGP,
    MACS,
    NODES,
    SYNC,
    VIP,
    VIP6,
    answered,
    arp,
    look,
    of,
    service,
    target,
    told,
)

Object = dict[str, t.Any]
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


def test_while_pods_are_replaced_every_look_meets_another_new_one() -> None:
    """Which is no fault however long that takes; one that stays is."""
    verdicts = []
    for backends in (["10.233.70.1", "10.233.70.2", "10.233.70.3"], ["10.233.70.1"] * 3):
        seen: dict[str, float] = {}
        for number, backend in enumerate(backends, 1):
            stray = followed(node2=(backend + ":8080", CLIENT))
            rows = look(service(age=1.0), stray, FROM_OUTSIDE)
            decision = _verdict.decide(rows, seen, 40.0 * number, number, 60.0, 400.0)
            seen = decision.first_seen
        verdicts.append((of(decision.rows, "backends")[0][0], decision.again))
    assert verdicts == [(LAG, False), (FAULT, False)]


PATH_WHERE = "Ansible controller -> " + VIP


@pytest.mark.parametrize(
    ("one", "hosts", "rows"),
    [
        (service(), followed(node2=REPLACED), [(OK, PATH_WHERE, "in by node2", "in by node2")]),
        # A neighbour cache that has the node that announced before; it has time, see decide for how long.
        (service(), followed(node1=REPLACED), [(LAG, PATH_WHERE, "in by node2", "in by node1")]),
        (service(), followed(node1=KEPT, node2=KEPT), [(LAG, PATH_WHERE, "in by node2", "in by node1, node2")]),
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


def test_routers_that_have_just_been_told_go_by_what_they_knew(monkeypatch: pytest.MonkeyPatch) -> None:
    one = service(layer2=False, bgp={**told(), "expected": {"node1": ["r"]}})
    assert of(look(one, followed(node2=KEPT), FROM_OUTSIDE), "path")[0][0] == FAULT
    monkeypatch.setitem(BGP, "age", 10.0)
    assert of(look(one, followed(node2=KEPT), FROM_OUTSIDE), "path")[0][0] == LAG


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


def test_a_second_interface_on_the_segment_may_drop_what_comes_in() -> None:
    """An announcing node answers ARP by both, and leaves by the first."""
    seen = arp("node2")
    seen["interfaces"].append({"name": "eth1", "mac": "02:00:5e:00:53:20", "rp_filter": 1})
    inside = {"targets": [], "results": [], "seen": {}, "ways_back": {CLIENT: "eth0"}}
    hosts = {"node1": {"arp": arp("node1", MACS["node2"])}, "node2": {"arp": seen, "inside": inside}}
    assert of(look(service(), hosts), "way back") == []
    hosts["node1"] = {"arp": arp("node1", MACS["node2"], "02:00:5e:00:53:20")}
    ((verdict, where, _wanted, found),) = of(look(service(), hosts), "way back")
    assert (verdict, where) == (FAULT, "node2 -> 192.168.100.1")
    assert found == "out by eth0, and eth1 drops what comes in on other ways (rp_filter 1)"
    assert of(look(service(addresses=[VIP6]), hosts), "way back") == []


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


KEPT_OUT = service(source_ranges=["203.0.113.0/24", "2001:db8:ff::/48"])
LET_IN = service(source_ranges=[" 192.168.0.0/16", "10.0.0.1/32"])
NO_ANSWER = "no answer, by loadBalancerSourceRanges"
OUT, NONE = "192.168.100.1 is in none of the ranges", "as loadBalancerSourceRanges asks"
DNS6 = f"udp [2001:db8::1]:4000 [{VIP6}]:53"


def asked_by(connection: str, error: str = "", check: str = "EXTERNAL-IP", **asked: t.Any) -> Object:
    """Return a request that was sent by this connection, answered unless there is an error."""
    address = VIP6 if VIP6 in connection else VIP
    return answered(target(check, address, 80, **asked), not error, error=error, connections=[connection] * 3)


@pytest.mark.parametrize(
    ("one", "outside", "expected"),
    [
        (KEPT_OUT, asked_by(CONNECTIONS[0], "timed out"), (OK, NO_ANSWER, f"timed out, {NONE}: {OUT}")),
        (KEPT_OUT, asked_by(CONNECTIONS[0], "refused"), (OK, NO_ANSWER, f"refused, {NONE}: {OUT}")),
        (KEPT_OUT, asked_by(CONNECTIONS[0]), (FAULT, NO_ANSWER, f"Hello World!, although {OUT}")),
        (
            {**KEPT_OUT, "age": 1.0},
            asked_by(CONNECTIONS[0]),
            (LAG, NO_ANSWER, f"Hello World!, although {OUT}"),
        ),
        (
            KEPT_OUT,
            asked_by(CONNECTIONS[0], "host unreachable"),
            (UNKNOWN, NO_ANSWER, "host unreachable, which is not the ranges' doing"),
        ),
        (
            KEPT_OUT,
            asked_by(CONNECTIONS[0], "timed out", protocol="udp", request="connect"),
            (UNKNOWN, NO_ANSWER, "no answer, which proves nothing in UDP"),
        ),
        (
            {**KEPT_OUT, "layer2": False, "bgp": told()},
            asked_by(CONNECTIONS[0], "timed out"),
            (UNKNOWN, NO_ANSWER, "timed out: no route learned here"),
        ),
        (
            KEPT_OUT,
            asked_by("", "no route"),
            (
                UNKNOWN,
                "an answer or none, by loadBalancerSourceRanges",
                "no route; no connection was opened, so the client's address is not known",
            ),
        ),
        (
            KEPT_OUT,
            asked_by(f"tcp {VIP}:40001 {VIP}:80"),
            (
                UNKNOWN,
                "an answer or none, by loadBalancerSourceRanges",
                f"Hello World!; the request came from {VIP} itself",
            ),
        ),
        (LET_IN, asked_by(CONNECTIONS[0]), (OK, "an answer", "Hello World!")),
        (LET_IN, asked_by(CONNECTIONS[0], "timed out"), (FAULT, "an answer", "timed out")),
        # Each family has its own; without any it is open.
        (LET_IN, asked_by(DNS6, "timed out", protocol="udp", request="dns"), (FAULT, "an answer", "timed out")),
        (
            KEPT_OUT,
            asked_by(DNS6, "timed out", protocol="udp", request="dns"),
            (OK, NO_ANSWER, f"timed out, {NONE}: 2001:db8::1 is in none of the ranges"),
        ),
        # kube-proxy passes over what is no range.
        (service(source_ranges=["everybody"]), asked_by(CONNECTIONS[0], "refused"), (FAULT, "an answer", "refused")),
        (
            KEPT_OUT,
            asked_by(CONNECTIONS[0], "timed out", check="NodePort", node="node1"),
            (FAULT, "an answer", "timed out"),
        ),
    ],
)
def test_who_is_kept_out_by_source_ranges_gets_no_answer(
    one: Object, outside: Object, expected: tuple[str, str, str]
) -> None:
    rows = [row for row in look(one, {}, outside) if "/request/" in row.key]
    assert [(row.verdict, row.expected, row.found) for row in rows] == [expected]


def test_source_ranges_that_are_not_in_force_show_on_the_nodes() -> None:
    """A node that led a connection on has let it in, whether an answer came or not."""
    ((verdict, _where, wanted, found),) = of(
        look(KEPT_OUT, followed(node2=KEPT), asked_by(CONNECTIONS[0], "timed out")), "EXTERNAL-IP"
    )[1:]
    assert (verdict, wanted) == (FAULT, NO_ANSWER)
    assert found == f"timed out; node2 led it to 10.233.64.4:8080, although {OUT}"


def test_a_client_whose_address_is_replaced_on_the_way() -> None:
    """Then the nodes know the requests that were answered by another one."""
    other = {"node2": {"inside": {"seen": {f"tcp 203.0.113.7:1 {VIP}:80": list(KEPT)}}}}
    for one in (KEPT_OUT, LET_IN):
        ((verdict, _where, wanted, found),) = of(look(one, other, asked_by(CONNECTIONS[0])), "EXTERNAL-IP")[1:]
        assert (verdict, wanted) == (UNKNOWN, "an answer or none, by loadBalancerSourceRanges")
        assert found.endswith("no node sees requests come from 192.168.100.1: something on the way replaces it")
    seen = followed(node2=KEPT)
    assert of(look(LET_IN, seen, asked_by(CONNECTIONS[0])), "EXTERNAL-IP")[1][0] == OK
    assert of(look(KEPT_OUT, seen, asked_by(CONNECTIONS[0])), "EXTERNAL-IP")[1][0] == FAULT


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


def test_what_is_not_asked_is_said() -> None:
    state = {"services": [], "nodes": {}, "mode": "ipvs", "bgp": {}, "scope": [], "targets": {"left_out": 990}}
    (row,) = _verdict.rows(state, {}, {}, False)
    assert (row.verdict, row.check, row.where) == (NOTE, "NodePort", "Ansible controller")
    assert row.found == "each on 10 nodes or more, in turn, 990 requests fewer; the tables of all nodes are compared"
    assert _verdict.rows({**state, "targets": {"left_out": 0}}, {}, {}, False) == []
