# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _expected,
    _ipset,
    _iptables,
    _ipvs,
    _leftovers,
    _netlink,
    _nftables,
    _proxy_mode,
    _rules,
)
from ansible_collections.kubeaddons.metallb.plugins.modules import data_plane_verify
from ansible_collections.kubeaddons.metallb.tests.unit.plugins import rules_corpus

REAL_READER = _nftables.Reader
Run = t.Callable[..., dict[str, t.Any]]

POD = "10.233.64.5:8080"
VIP = "192.168.100.240"
CLUSTER = "10.233.0.10"
KEYS = {"differences", "differences_total", "faults_total", "checked", "problem", "mode", "mode_assumed", "seconds"}


def expected(services: int = 1, **changes: t.Any) -> str:
    endpoint = _expected.Endpoint("10.233.64.5", 8080, "node1", True, True, False, [], [])
    rows = [
        _expected.ServicePort(
            f"default/myweb-{number}",
            "",
            "TCP",
            80 + number,
            0,
            [CLUSTER],
            [VIP],
            [],
            [],
            0,
            False,
            False,
            0,
            3600.0,
            [endpoint],
        )
        for number in range(services)
    ]
    table = _expected.Expected({"node1": "", "node2": ""}, "ipvs", "rr", [], [], 30.0, rows)
    return _expected.pack(table._replace(**changes))


def table(services: int = 1, backends: t.Sequence[str] = (POD,), unparsed: t.Sequence[str] = ()) -> _ipvs.Table:
    real = {backend: _ipvs.RealServer("Masq", 1, 0, 0) for backend in backends}
    servers = [
        _ipvs.VirtualServer("TCP", f"{address}:{80 + number}", "rr", [], 0, "", real)
        for number in range(services)
        for address in (CLUSTER, VIP)
    ]
    return _ipvs.Table(servers, list(unparsed))


class Node:
    """A node whose kernel answers by script; sleeping takes no time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tables: list[_ipvs.Table | Exception] = [table()]
        self.bound = [CLUSTER, VIP]
        self.reads = 0
        self.slept: list[float] = []
        self.services = 1
        self.sets: dict[str, set[str]] = {}
        self.rules = "\n".join(rules_corpus.saved_ipvs("node1")[4])
        self.left: list[str] = []
        monkeypatch.setattr(_ipvs, "read_proc", self.read)
        monkeypatch.setattr(_ipset, "read", self.read_sets)
        monkeypatch.setattr(_iptables, "save", lambda _version, _run: self.rules.splitlines())
        monkeypatch.setattr(_leftovers, "find", self.find_left)
        monkeypatch.setattr(_netlink, "read_links", list)
        monkeypatch.setattr(_netlink, "read_addresses", self.addresses)
        monkeypatch.setattr("time.sleep", self.slept.append)
        monkeypatch.setattr("time.monotonic", lambda: 100.0 + sum(self.slept))
        # The garbage collector is this process's, not a node's.
        monkeypatch.setattr("gc.disable", lambda: None)

    def read(self) -> _ipvs.Table:
        found = self.tables[min(self.reads, len(self.tables) - 1)]
        self.reads += 1
        if isinstance(found, Exception):
            raise found
        return found

    def read_sets(self, names: t.Iterable[str]) -> _ipset.Sets:
        ports = range(80, 80 + self.services)
        found = {
            "KUBE-LOOP-BACK": {"10.233.64.5,tcp:8080,10.233.64.5"},
            "KUBE-CLUSTER-IP": {f"{CLUSTER},tcp:{port}" for port in ports},
            "KUBE-LOAD-BALANCER": {f"{VIP},tcp:{port}" for port in ports},
            "KUBE-IPVS-IPS": {CLUSTER, VIP},
            **self.sets,
        }
        return _ipset.Sets({name: found.get(name, set()) for name in names}, [])

    def find_left(self, mode: str, wanted: t.Mapping[str, t.Any], _run: t.Any) -> list[dict[str, t.Any]]:
        assert bool(wanted) == (mode != "ipvs")
        return _leftovers.compare(mode, [_leftovers.Trace("another", place, 1) for place in self.left])

    def addresses(self, _links: t.Any) -> list[_netlink.Address]:
        return [
            _netlink.Address("eth0", "192.168.100.100", 24, "global"),
            *(_netlink.Address("kube-ipvs0", address, 32, "global") for address in self.bound),
        ]


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Node:
    return Node(monkeypatch)


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_healthy_node(run_module: Run, node: Node, check_mode: bool) -> None:
    found = run_module(data_plane_verify, check_mode, expected=expected(), node="node1")
    assert (found["failed"], found["changed"], found["problem"]) == (False, False, "")
    assert (found["differences"], found["differences_total"], found["faults_total"]) == ([], 0, 0)
    assert found["checked"] == {"virtual_servers": 2, "real_servers": 2, "draining": 0, "foreign": 0}
    assert (node.reads, node.slept, found["seconds"]) == (1, [], 0.0)


def test_little_travels_back_however_large_the_table_is(run_module: Run, node: Node) -> None:
    node.tables, node.services = [table(3000)], 3000
    packed = expected(3000)
    assert len(packed) > 10000
    found = run_module(data_plane_verify, expected=packed, node="node1")
    assert found["checked"]["virtual_servers"] == 6000
    assert len(json.dumps(found)) < 10000


def test_a_backend_that_is_missing_does_not_fail_the_module(run_module: Run, node: Node) -> None:
    node.tables = [table(backends=())]
    found = run_module(data_plane_verify, expected=expected(), node="node1")
    assert (found["failed"], found["problem"], found["faults_total"]) == (False, "", 2)
    assert [(row["kind"], row["address"], row["backend"]) for row in found["differences"]] == [
        ("missing", CLUSTER, POD),
        ("missing", VIP, POD),
    ]
    assert (node.reads, found["seconds"]) == (3, 2.0)


def test_what_other_services_differ_in_is_left_out(run_module: Run, node: Node) -> None:
    node.tables = [_ipvs.Table([], [])]
    table_of_two = _expected.unpack(expected(2))
    scope = [table_of_two.ports[1].service]
    found = run_module(data_plane_verify, expected=_expected.pack(table_of_two._replace(scope=scope)), node="node1")
    assert {row["service"] for row in found["differences"]} == set(scope)
    assert found["checked"]["virtual_servers"] == 2
    node.tables, node.services = [table(2)], 2
    node.slept.clear()
    found = run_module(data_plane_verify, expected=_expected.pack(table_of_two._replace(scope=scope)), node="node1")
    assert (found["differences"], node.slept) == ([], [])


def test_a_difference_of_one_read_is_none(run_module: Run, node: Node) -> None:
    node.tables = [table(backends=()), table()]
    found = run_module(data_plane_verify, expected=expected(), node="node1")
    assert (found["differences"], node.reads) == ([], 2)


def test_differences_are_bounded(run_module: Run, node: Node) -> None:
    node.tables, node.services = [_ipvs.Table([], [])], 100
    found = run_module(data_plane_verify, expected=expected(100), node="node1")
    assert (len(found["differences"]), found["differences_total"]) == (50, 200)
    found = run_module(data_plane_verify, expected=expected(100), node="node1", limit=3)
    assert (len(found["differences"]), found["faults_total"]) == (3, 200)


def test_an_orphan_is_watched_for_as_long_as_told(run_module: Run, node: Node) -> None:
    node.tables = [table(2)]
    found = run_module(data_plane_verify, expected=expected(), node="node1", settle=6)
    assert [row["kind"] for row in found["differences"]] == ["orphan", "orphan"]
    assert sum(node.slept) == 6


def test_an_address_that_is_not_bound(run_module: Run, node: Node) -> None:
    node.bound = [CLUSTER]
    found = run_module(data_plane_verify, expected=expected(), node="node1")
    assert [(row["kind"], row["address"]) for row in found["differences"]] == [("bind", VIP)]


def test_sets_and_rules_of_ipvs_mode(run_module: Run, node: Node) -> None:
    node.sets["KUBE-LOAD-BALANCER"] = set()
    node.rules = node.rules.replace("KUBE-IPVS-FILTER\n", "ACCEPT\n")
    found = run_module(data_plane_verify, expected=expected(), node="node1")
    assert [(row["kind"], row["service"], row["backend"]) for row in found["differences"]] == [
        ("ipset", "default/myweb-0", f"KUBE-LOAD-BALANCER, {VIP},tcp:80"),
        ("rule", "", "IPv4 filter INPUT -> KUBE-IPVS-FILTER"),
    ]


def test_what_another_mode_has_left(run_module: Run, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.left = ["IPv4 something"]
    tables = [("ipvs", expected())]
    for mode in rules_corpus.MODES:
        recorded(monkeypatch, mode)
        tables.append((mode, _expected.pack(rules_corpus.Api(mode).expected())))
    monkeypatch.setattr(_leftovers, "find", node.find_left)
    monkeypatch.setattr("time.sleep", node.slept.append)
    for mode, packed in tables:
        found = run_module(data_plane_verify, expected=packed, node="node1")
        assert [(row["kind"], row["backend"]) for row in found["differences"]] == [("leftover", "IPv4 something")], mode


class KubeProxy:
    """Says its mode, or why it does not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told = _proxy_mode.Told("ipvs", "")
        self.asked: list[str] = []
        monkeypatch.setattr(_proxy_mode, "ask", self.ask)

    def ask(self, address: str) -> _proxy_mode.Told:
        self.asked.append(address)
        return self.told


@pytest.fixture
def kube_proxy(monkeypatch: pytest.MonkeyPatch) -> KubeProxy:
    return KubeProxy(monkeypatch)


@pytest.mark.parametrize("mode", rules_corpus.MODES)
def test_a_node_is_compared_in_the_mode_that_it_runs_in(
    run_module: Run, node: Node, kube_proxy: KubeProxy, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    # The ConfigMap has changed, kube-proxy has not.
    found = run_module(data_plane_verify, expected=expected(mode=mode, metrics="127.0.0.1:1"), node="node1")
    assert (found["problem"], found["differences"], node.reads) == ("", [], 1)
    assert (found["mode"], found["mode_assumed"], kube_proxy.asked) == ("ipvs", "", ["127.0.0.1:1"])
    assert found["checked"]["virtual_servers"] == 2
    # And the other way round.
    recorded(monkeypatch, mode)
    kube_proxy.told = _proxy_mode.Told(mode, "")
    packed = _expected.pack(rules_corpus.Api(mode).expected()._replace(mode="ipvs"))
    found = run_module(data_plane_verify, expected=packed, node="node1")
    assert (found["problem"], found["differences"], node.reads) == ("", [], 1)
    assert (found["mode"], found["checked"]["virtual_servers"]) == (mode, 45)


def test_left_overs_are_those_of_other_modes_than_the_one_that_runs(
    run_module: Run, node: Node, kube_proxy: KubeProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(_leftovers, "find", lambda mode, *_words: asked.append(mode) or [])
    run_module(data_plane_verify, expected=expected(mode="nftables"), node="node1")
    assert asked == ["ipvs"]


def test_the_mode_of_a_kube_proxy_that_says_nothing_is_assumed(
    run_module: Run, node: Node, kube_proxy: KubeProxy
) -> None:
    kube_proxy.told = _proxy_mode.Told("", "no answer")
    found = run_module(data_plane_verify, expected=expected(), node="node1")
    assert (found["mode"], found["mode_assumed"], found["differences"]) == ("ipvs", "no answer", [])
    node.tables = [_ipvs.IpvsError("/proc/net/ip_vs is truncated")]
    node.reads = 0
    found = run_module(data_plane_verify, expected=expected(), node="node1")
    assert (found["mode"], found["mode_assumed"], bool(found["problem"])) == ("ipvs", "no answer", True)


def test_kube_proxy_is_asked_once_however_often_the_table_is_read(
    run_module: Run, node: Node, kube_proxy: KubeProxy
) -> None:
    node.tables = [table(backends=())]
    run_module(data_plane_verify, expected=expected(), node="node1")
    assert (node.reads, len(kube_proxy.asked)) == (3, 1)


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (_ipvs.NoIpvs("the kernel has no IPVS"), "the kernel has no IPVS"),
        (_ipvs.IpvsError("/proc/net/ip_vs is truncated"), "truncated"),
        (table(unparsed=["XTP  odd"]), "please report"),
    ],
)
def test_a_node_that_cannot_be_judged_is_not_green(
    run_module: Run, node: Node, first: _ipvs.Table | Exception, reason: str
) -> None:
    node.tables = [first]
    found = run_module(data_plane_verify, expected=expected(), node="node1")
    assert not found["failed"]
    assert reason in found["problem"]
    assert found["checked"] == {"virtual_servers": 0, "real_servers": 0, "draining": 0, "foreign": 0}
    assert set(found) >= KEYS


@pytest.mark.parametrize(
    ("changes", "name", "reason"),
    [({}, "node9", "no node named node9"), ({"mode": "winkernel"}, "node1", "mode winkernel is not known")],
)
def test_a_node_that_the_table_is_not_for(
    run_module: Run, node: Node, kube_proxy: KubeProxy, changes: dict[str, t.Any], name: str, reason: str
) -> None:
    found = run_module(data_plane_verify, expected=expected(**changes), node=name)
    assert reason in found["problem"]
    assert (node.reads, kube_proxy.asked, found["mode"]) == (0, [], "")


@pytest.mark.parametrize("packed", ["hello", "aGVsbG8=", ""])
def test_something_else_than_a_table_fails_with_the_same_keys(run_module: Run, node: Node, packed: str) -> None:
    found = run_module(data_plane_verify, expected=packed, node="node1")
    assert found["failed"]
    assert "expected_state_info" in found["msg"]
    assert set(found) >= KEYS


# Rules ----------------------------------------------------------------------------------------------------------------


def recorded(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """Let this node be node1 of the recorded lab."""
    monkeypatch.setattr("gc.disable", lambda: None)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    monkeypatch.setattr(_leftovers, "find", lambda *_words: [])
    if mode == "nftables":
        ask = rules_corpus.kernel(rules_corpus.dumps("node1"))
        monkeypatch.setattr(_nftables, "Reader", lambda: REAL_READER(ask))
    else:
        lines = rules_corpus.saved("node1")
        monkeypatch.setattr(
            _iptables, "read", lambda versions, _run: _iptables.parse({one: lines[one] for one in versions})
        )


@pytest.mark.parametrize("mode", rules_corpus.MODES)
def test_rules_are_compared(run_module: Run, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    recorded(monkeypatch, mode)
    api = rules_corpus.Api(mode)
    found = run_module(data_plane_verify, expected=_expected.pack(api.expected()), node="node1")
    assert (found["problem"], found["differences"]) == ("", [])
    assert found["checked"] == {"virtual_servers": 45, "real_servers": 121, "draining": 0, "foreign": 0}
    api.service("affinity")["spec"]["sessionAffinity"] = "None"
    found = run_module(data_plane_verify, expected=_expected.pack(api.expected()), node="node1")
    assert found["faults_total"] == 6
    assert set(found) >= KEYS


@pytest.mark.parametrize("mode", rules_corpus.MODES)
def test_rules_that_are_not_understood_are_a_problem(
    run_module: Run, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    recorded(monkeypatch, mode)
    monkeypatch.setattr(_rules.Rules, "unparsed", ["a rule", "another"])
    found = run_module(data_plane_verify, expected=_expected.pack(rules_corpus.Api(mode).expected()), node="node1")
    assert found["problem"] == "2 lines of the rules were not understood, please report them: 'a rule'; 'another'."
