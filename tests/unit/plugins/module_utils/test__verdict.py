# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _look, _verdict
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import FAULT, LAG, NOTE, OK, UNKNOWN, Row
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import Walked
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.proof_looks import (
    BGP,
    M2,
    MACS,
    SYNC,
    VIP,
    answered,
    arp,
    difference,
    look,
    of,
    service,
    tables,
    target,
    told,
)

TIMEOUT = 90.0


def test_the_address_of_a_service() -> None:
    assert of(look(service(), {}), "EXTERNAL-IP") == [(OK, "API", "an address of pool loadbalanced", VIP)]
    pending = service(reason="there is no IPAddressPool", addresses=[], pool="")
    rows = look(pending, {"node1": {"arp": arp("node1")}})
    assert of(rows, "EXTERNAL-IP") == [(FAULT, "API", "an address of a pool", "there is no IPAddressPool")]
    assert of(rows, "ARP") == []  # nothing else can be said


def test_a_service_without_endpoints_is_no_fault() -> None:
    rows = look(service(backends=[]), {"node1": {"arp": arp("node1")}})
    assert of(rows, "endpoints") == [(NOTE, "API", "ready endpoints", "none, so nothing is announced")]
    assert of(rows, "ARP") == []


def test_without_the_api_there_is_one_row() -> None:
    state = {"failed": True, "msg": "Kubernetes API: no answer (timed out)."}
    (row,) = _verdict.rows(state, {"node1": {"data_plane": tables()}}, {}, False)
    assert (row.verdict, row.check, row.found) == (UNKNOWN, "API", state["msg"])
    assert _look.unseen([row]) == ["Kubernetes API, API: Kubernetes API: no answer (timed out)."]


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


def walks(number: int) -> list[int]:
    """Return how often so many Services, all at fault, walk over what there is of others."""
    names = [f"default/web-{at}" for at in range(number)]
    peers = {"node2": ["router1"], "node3": ["router1"]}
    bgp = told(routes=[{"prefix": "192.168.100.0/24", "nodes": peers}])
    services = Walked([service(service=name, bgp=bgp) for name in names])
    sessions = [{"node": node, "peer": "router1", "address": "192.168.100.2", "port": 179} for node in peers]
    state = {"services": services, "mode": "", "sync_period": SYNC, "speakers": [], "scope": [], "nodes": {"node2": []}}
    state["bgp"] = {**BGP, "sessions": [{**one, "said": None, "bfd": "", "said_before": None} for one in sessions]}
    node = arp("node2")
    heard = node["results"] = Walked(node["results"])
    ends = Walked([{"remote": "192.168.100.12", "state": "Active", "shut_down": False}])
    tor = {"addresses": ["192.168.100.2"], "sessions": ends, "problem": "", "results": [{"prefix": VIP, "paths": []}]}
    hosts = {"node2": {"arp": node, "inside": {"ways_back": {"192.168.100.1": "eth1"}}}}
    rows = _verdict.rows(state, hosts, {}, True, {"tor": tor})
    assert sum(row.check == "BGP routes" and row.verdict == FAULT for row in rows) == number
    return [services.walks, heard.walks, ends.walks]


def test_no_row_costs_a_walk_over_what_there_is_of_other_services() -> None:
    few = walks(1)
    assert all(few)
    assert walks(20) == few
