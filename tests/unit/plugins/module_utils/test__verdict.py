# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _verdict
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
        "endpoints": 3,
        "age": 400.0,
        "cluster_ips": ["10.233.0.17"],
        "local": False,
        "internal_local": False,
        "local_nodes": ["node1", "node3"],
        "ports": [{"name": "", "port": 80, "protocol": "TCP", "node_port": 31313, "request": "http"}],
        **changed,
    }


# Targets --------------------------------------------------------------------------------------------------------------

NODES = {"node1": ["192.168.100.11", "2001:db8::11"], "node2": ["192.168.100.12"], "node3": []}


def asked(targets: list[Object]) -> list[tuple[str, str, int, str, str, str]]:
    return [
        (
            one["check"],
            one["target"]["address"],
            one["target"]["port"],
            one["target"]["protocol"],
            one["target"]["request"],
            one["node"],
        )
        for one in targets
    ]


EXTERNAL = ("EXTERNAL-IP", VIP, 80, "tcp", "http", "")
PORT1 = ("NodePort", "192.168.100.11", 31313, "tcp", "http", "node1")
PORT2 = ("NodePort", "192.168.100.12", 31313, "tcp", "http", "node2")
CLUSTER = ("ClusterIP", "10.233.0.17", 80, "tcp", "http", "")
UDP = {"name": "x", "port": 514, "protocol": "UDP", "node_port": 30514, "request": "connect"}
SCTP = {"name": "x", "port": 7777, "protocol": "SCTP", "node_port": 0, "request": "connect"}
DNS = {"name": "dns", "port": 53, "protocol": "UDP", "node_port": 0, "request": "dns"}
TARGETS: list[tuple[Object, list[t.Any], list[t.Any]]] = [
    # Service, what is asked from outside, what is asked from the nodes
    (service(), [EXTERNAL, PORT1, PORT2], [CLUSTER]),
    (service(endpoints=0), [], []),
    (service(addresses=[]), [PORT1, PORT2], [CLUSTER]),
    # Only nodes with an endpoint of their own must answer.
    (service(local=True), [EXTERNAL, PORT1], [CLUSTER]),
    (service(internal_local=True), [EXTERNAL, PORT1, PORT2], []),
    (service(ports=[UDP, SCTP]), [], []),
    (
        service(ports=[DNS]),
        [("EXTERNAL-IP", VIP, 53, "udp", "dns", "")],
        [("ClusterIP", "10.233.0.17", 53, "udp", "dns", "")],
    ),
]


@pytest.mark.parametrize(("one", "outside", "inside"), TARGETS)
def test_what_is_asked(one: Object, outside: list[t.Any], inside: list[t.Any]) -> None:
    assert asked(_verdict.outside_targets([one], NODES)) == outside
    assert asked(_verdict.inside_targets([one])) == inside
    assert {target["service"] for target in _verdict.outside_targets([one], NODES)} <= {"default/web"}


def test_who_must_be_found_by_arp() -> None:
    both = service(addresses=[VIP, "2001:db8::240"])
    assert _verdict.arp_addresses([both, service(layer2=False), service(endpoints=0), service(addresses=[])]) == [VIP]


# Rows of a Service ----------------------------------------------------------------------------------------------------


SYNC = 30.0


def arp(node: str, *macs: str, on_link: bool = True, strict: bool = True) -> Object:
    return {
        "interfaces": [{"mac": MACS[node]}],
        "results": [{"address": VIP, "on_link": on_link, "macs": list(macs)}],
        "settings": {"strict_arp": strict, "arp_ignore": int(strict), "arp_announce": 2 * int(strict)},
    }


def answered(target: Object, ok: bool = True, answer: str = "Hello World!", error: str = "timed out") -> Object:
    result = {"ok": ok, "answer": answer, "answers": [answer], "error": ""} if ok else {"ok": ok, "error": error}
    return {"targets": [target], "results": [result]}


def look(
    one: Object,
    hosts: t.Mapping[str, Object],
    outside: Object | None = None,
    mode: str = "ipvs",
    strict_arp: bool = False,
) -> list[Row]:
    nodes: dict[str, list[str]] = {node: [] for node in hosts}
    state = {"services": [one], "nodes": nodes, "mode": mode, "sync_period": SYNC}
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
def test_who_answers_arp(one: Object, nodes: dict[str, Object], verdict: str, found: str) -> None:
    hosts = {node: {"arp": seen.get("arp", seen)} for node, seen in nodes.items()}
    rows = of(look(one, hosts), "ARP")
    assert len(rows) == 1
    assert rows[0][:2] == (verdict, "segment, " + VIP)
    assert found in rows[0][3]


def test_ipv6_and_other_ways_of_announcing_are_not_asked_by_arp() -> None:
    hosts = {"node1": {"arp": arp("node1")}}
    assert of(look(service(addresses=["2001:db8::240"]), hosts), "ARP") == []
    assert of(look(service(layer2=False), hosts), "ARP") == []


def target(
    check: str, address: str, port: int, node: str = "", protocol: str = "tcp", name: str = "default/web"
) -> Object:
    parts = {"address": address, "port": port, "protocol": protocol, "request": "http"}
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

    assert of(look(service(), {}, outside(True, True)), "NodePort") == [
        (OK, "2 paths, to every node, port 31313", "an answer each", "Hello World!")
    ]
    assert [row[0] for row in of(look(service(), {}, outside(True, False)), "NodePort")] == [OK, FAULT]


def test_cluster_addresses_are_asked_from_every_node() -> None:
    def inside(*oks: bool) -> dict[str, Object]:
        one = target("ClusterIP", "10.233.0.17", 80)
        return {"node{0}".format(number): {"inside": answered(one, ok)} for number, ok in enumerate(oks, 1)}

    assert of(look(service(layer2=False), inside(True, True)), "ClusterIP") == [
        (OK, "2 paths, from every node to 10.233.0.17:80", "an answer each", "Hello World!")
    ]
    assert of(look(service(layer2=False), inside(True, False)), "ClusterIP")[1] == (
        FAULT,
        "node2 -> 10.233.0.17:80",
        "an answer",
        "timed out",
    )


# Rows of a node -------------------------------------------------------------------------------------------------------


def ipvs(*differences: Object, total: int | None = None, problem: str = "", draining: int = 0) -> Object:
    return {
        "problem": problem,
        "differences": list(differences),
        "differences_total": len(differences) if total is None else total,
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


NODE_ROWS: list[tuple[Object, str, bool, list[tuple[str, str, str, str, str]]]] = [
    # what the node returned, kube-proxy's mode, whether strict ARP is needed, rows
    ({"ipvs": ipvs()}, "ipvs", False, [(OK, "IPVS", "node1", "5 virtual servers, 12 real servers", "all as expected")]),
    (
        {"ipvs": ipvs(draining=2)},
        "ipvs",
        False,
        [(OK, "IPVS", "node1", "5 virtual servers, 12 real servers", "all as expected, 2 draining")],
    ),
    (
        {"ipvs": ipvs(difference())},
        "ipvs",
        False,
        [(FAULT, "IPVS missing", "node1: default/web, TCP 192.168.100.240:80, 10.233.65.4:8080", "weight 1", "absent")],
    ),
    (
        {"ipvs": ipvs(difference(verdict="lag", name="", backend="", address="2001:db8::1"))},
        "ipvs",
        False,
        [(LAG, "IPVS missing", "node1: no Service, TCP [2001:db8::1]:80", "weight 1", "absent")],
    ),
    (
        {"ipvs": ipvs(difference(), total=7)},
        "ipvs",
        False,
        [
            (
                FAULT,
                "IPVS missing",
                "node1: default/web, TCP 192.168.100.240:80, 10.233.65.4:8080",
                "weight 1",
                "absent",
            ),
            (FAULT, "IPVS", "node1", "no difference", "6 more differences"),
        ],
    ),
    (
        {"ipvs": ipvs(problem="no /proc/net/ip_vs")},
        "ipvs",
        False,
        [(UNKNOWN, "IPVS", "node1", "a readable table", "no /proc/net/ip_vs")],
    ),
    ({"ipvs": None}, "ipvs", False, []),
    (
        {"ipvs": None},
        "",
        False,
        [
            (
                NOTE,
                "data plane",
                "node1",
                "checked",
                "kube-proxy runs in no mode, which is not read yet; the requests above went through it",
            )
        ],
    ),
    (
        {"ipvs": None},
        "nftables",
        False,
        [
            (
                NOTE,
                "data plane",
                "node1",
                "checked",
                "kube-proxy runs in nftables mode, which is not read yet; the requests above went through it",
            )
        ],
    ),
    (
        {"ipvs": None, "arp": arp("node1")},
        "ipvs",
        True,
        [(OK, "strict ARP", "node1", "arp_ignore 1, arp_announce 2", "arp_ignore 1, arp_announce 2")],
    ),
    (
        {"ipvs": None, "arp": arp("node1", strict=False)},
        "ipvs",
        True,
        [(FAULT, "strict ARP", "node1", "arp_ignore 1, arp_announce 2", "arp_ignore 0, arp_announce 0")],
    ),
    ({"ipvs": None, "arp": arp("node1", strict=False)}, "ipvs", False, []),
    (
        {"problem": "not a Node of the cluster", "ipvs": ipvs(difference())},
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


def test_a_node_that_is_not_in_this_run() -> None:
    state = {"services": [], "nodes": {"node1": [], "node2": []}, "mode": "ipvs", "sync_period": SYNC}
    rows = _verdict.rows(state, {"node1": {"ipvs": ipvs()}}, {}, False)
    assert [(row.verdict, row.where, row.found) for row in rows] == [
        (OK, "node1", "all as expected"),
        (NOTE, "node2", "not in this run"),
    ]


def test_keys_tell_rows_apart() -> None:
    hosts = {
        node: {
            "arp": arp(node, M2),
            "ipvs": ipvs(difference(), difference(kind="weight"), difference(backend="10.233.66.7:8080"), total=5),
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
