# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.action import proof
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.actions import Screen, action

Object = dict[str, t.Any]
STATE: Object = {
    "services": [
        {
            "service": "default/web",
            "addresses": ["192.168.100.240"],
            "pool": "loadbalanced",
            "reason": "",
            "layer2": False,
            "announcers": [],
            "statuses": [],
            "assigned": "",
            "election": None,
            "bgp": None,
            "backends": ["10.233.64.5"],
            "age": 400.0,
            "cluster_ips": [],
            "local": False,
            "internal_local": False,
            "local_nodes": [],
            "source_ranges": [],
            "ports": [],
        }
    ],
    "nodes": {"node1": ["192.168.100.11"]},
    "mode": "ipvs",
    "sync_period": 30.0,
    "speakers": [],
    "bgp": {},
    "scope": [],
}


def hosts(strict: bool) -> Object:
    settings = {"strict_arp": strict, "arp_ignore": int(strict), "arp_announce": 2 * int(strict)}
    return {"node1": {"data_plane": None, "arp": {"interfaces": [], "results": [], "settings": settings}}}


class Clock:
    now = 1790000000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(proof.time, "time", found.time)
    return found


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    found = Screen()
    monkeypatch.setattr(proof, "Display", lambda: found)
    return found


def run(strict: bool, **args: t.Any) -> Object:
    given = {
        "state": STATE,
        "hosts": hosts(strict),
        "outside": {"targets": [], "results": []},
        "strict_arp": True,
        **args,
    }
    return t.cast(Object, action(proof.ActionModule, given, lambda **_args: None).run(task_vars={}))


def test_all_is_well(clock: Clock, screen: Screen) -> None:
    result = run(True)
    assert (result["faults"], result["again"], result["changed"]) == ([], False, False)
    assert [row["verdict"] for row in result["rows"]] == ["ok", "note", "ok"]
    assert screen.lines[0] == "Proof: 1 of 1 nodes, 1 Service with an EXTERNAL-IP, kube-proxy in ipvs mode"
    assert screen.lines[-1] == "3 checks: 2 ok, 1 note"


def test_the_first_line_has_the_mode_that_runs(clock: Clock, screen: Screen) -> None:
    table = {"problem": "unreadable", "mode": "nftables", "mode_assumed": ""}
    seen = {"node1": {"data_plane": table}}
    first = run(True, state={**STATE, "mode_age": 400.0}, hosts=seen)
    clock.now += 5
    second = run(True, state={**STATE, "mode_age": 400.0}, hosts=seen, look=2, earlier=first)
    assert second["faults"] == ["nodes: kube-proxy mode, node1: expected ipvs, found nftables."]
    assert screen.lines[0] == "Proof: 1 of 1 nodes, 1 Service with an EXTERNAL-IP, kube-proxy in nftables mode"


def test_a_node_that_could_not_be_looked_at_is_not_counted(clock: Clock, screen: Screen) -> None:
    nodes = {**STATE, "nodes": {"node1": ["192.168.100.11"], "node2": []}}
    seen = {**hosts(True), "node2": {"problem": "no connection to it: \x1b[2Jtimed out"}}
    result = run(True, state=nodes, hosts=seen)
    assert (result["faults"], result["again"]) == ([], False)
    assert result["unseen"] == [r"node2, data plane: no connection to it: \x1b[2Jtimed out"]
    assert screen.lines[0].startswith("Proof: 1 of 2 nodes")
    assert result["looked_at"] == ["node1"]


def test_a_fault_is_looked_at_twice_and_then_said(clock: Clock, screen: Screen) -> None:
    first = run(False)
    assert first["again"]
    assert first["faults"] == []
    assert screen.lines == []
    clock.now += 5
    second = run(False, look=2, earlier=first)
    assert not second["again"]
    assert second["began"] == first["began"]
    assert second["faults"] == [
        "nodes: strict ARP, node1: expected arp_ignore 1, arp_announce 2, found arp_ignore 0, arp_announce 0."
    ]
    fault = next(number for number, line in enumerate(screen.lines) if "FAULT" in line)
    assert screen.colours[fault] == proof.COLOURS["fault"]


def test_what_has_healed_is_not_held_against_anybody(clock: Clock, screen: Screen) -> None:
    first = run(False)
    clock.now += 5
    second = run(True, look=2, earlier=first)
    assert second["faults"] == []
    assert second["first_seen"] == {}


def test_the_timeout_counts_from_the_first_look(clock: Clock, screen: Screen) -> None:
    first = run(False, timeout=60)
    clock.now += 61
    elsewhere = {**hosts(False), "node2": hosts(False)["node1"]}
    nodes = {**STATE, "nodes": {"node1": [], "node2": []}}
    second = run(False, look=2, earlier={**first, "first_seen": {}}, timeout=60, hosts=elsewhere, state=nodes)
    assert not second["again"]
    assert len(second["faults"]) == 2


def test_bgp_is_given_a_minute_whatever_kube_proxy_needs(clock: Clock, screen: Screen) -> None:
    session = {"node": "node1", "peer": "router1", "address": "192.0.2.2", "port": 179, "said": None, "bfd": ""}
    bgp = {"backend": "native", "age": 3.0, "sessions": [{**session, "said_before": None}]}
    tcp = [{"address": "192.0.2.2", "port": 179, "connected": False}]
    given = {
        "state": {**STATE, "sync_period": 0.0, "bgp": bgp},
        "hosts": {"node1": {**hosts(True)["node1"], "tcp": tcp}},
    }
    result: Object = {}
    for look, seconds in enumerate((0, 40, 19), 1):
        clock.now += seconds
        result = run(True, look=look, earlier=result, **given)
        assert result["again"]
    clock.now += 2
    result = run(True, look=4, earlier=result, **given)
    assert result["faults"] == [
        "nodes: BGP session, node1 -> router1 (192.0.2.2): expected Established, found no connection (the router is out of "
        "reach, refuses, or has another password)."
    ]


def test_routers_are_judged_too(clock: Clock, screen: Screen) -> None:
    bgp = {"backend": "native", "age": 300.0, "sessions": []}
    told = {"addresses": [], "sessions": [], "results": [], "problem": "vtysh does not run."}
    routers = {"router1": told, "router2": {"skipped": True}}
    result = run(True, state={**STATE, "bgp": bgp}, routers=routers)
    rows = [row for row in result["rows"] if row["check"] == "BGP routes"]
    assert [(row["verdict"], row["where"], row["found"]) for row in rows] == [
        ("unknown", "router1", "vtysh does not run.")
    ]
    assert (result["again"], result["faults"]) == (False, [])


def test_a_pending_service_is_not_counted_as_one_with_an_address(clock: Clock, screen: Screen) -> None:
    pending = {**STATE["services"][0], "service": "default/pending", "addresses": [], "reason": "pending"}
    run(True, state={**STATE, "services": [*STATE["services"], pending]}, look=2, earlier={"began": clock.now - 500})
    assert screen.lines[0] == "Proof: 1 of 1 nodes, 1 Service with an EXTERNAL-IP, 1 without, kube-proxy in ipvs mode"


def test_time_counts_from_before_the_first_look(clock: Clock, screen: Screen) -> None:
    first = run(False, earlier={"started": str(clock.now - 7.5)})
    assert (first["started"], first["began"]) == (clock.now - 7.5, clock.now)
    clock.now += 5
    second = run(True, look=2, earlier=first)
    assert second["ended"] - second["started"] == 12.5
    assert run(True)["started"] == clock.now


def test_a_long_table_is_short_but_for_v(clock: Clock, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    services = [{**STATE["services"][0], "service": "default/web-{0}".format(number)} for number in range(100)]
    run(True, state={**STATE, "services": services}, report_dir="somewhere")
    short = list(screen.lines)
    assert len(short) <= 60
    assert "see the report" in " ".join(short)
    monkeypatch.setattr(Screen, "verbosity", 1)
    screen.lines.clear()
    run(True, state={**STATE, "services": services}, report_dir="somewhere")
    assert all(any(line == one["service"] for line in screen.lines) for one in services)


def test_the_gateways_of_the_nodes(clock: Clock, screen: Screen) -> None:
    seen = {name: hosts(True)["node1"] for name in ("node1", "node2", "node3")}
    for name, gateways in (("node1", ["192.0.2.1"]), ("node2", ["192.0.2.1", "fe80::1", "none", 7])):
        seen[name] = {**seen[name], "arp": {**seen[name]["arp"], "gateways": gateways}}
    seen["node3"] = {"problem": "no connection"}
    assert run(True, hosts=seen)["gateways"] == {"192.0.2.1": "node1", "fe80::1": "node2"}
