# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import socket
import struct
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _iptables,
    _ipvs,
    _leftovers,
    _netlink,
    _nftables,
    _rules,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._netlink import nested
from ansible_collections.kubeaddons.metallb.plugins.module_utils._nfnetlink import named
from ansible_collections.kubeaddons.metallb.tests.unit.plugins import rules_corpus

VIP, CLUSTER, CLUSTER6, NODE = "192.168.100.240", "10.233.0.10", "fd85::10", "192.168.100.100"
DONE = struct.pack("=IHHII", 20, _netlink.NLMSG_DONE, 2, 1, 0) + bytes(4)
# A node in ipvs mode: these names are its own.
OWN = [
    ("nat", "KUBE-SERVICES"),
    ("nat", "KUBE-NODE-PORT"),
    ("nat", "KUBE-LOAD-BALANCER"),
    ("nat", "KUBE-MARK-MASQ"),
    ("filter", "KUBE-IPVS-FILTER"),
    ("filter", "KUBE-PROXY-FIREWALL"),
    ("filter", "KUBE-FORWARD"),
]
LEFT = [("nat", "KUBE-SVC-A"), ("nat", "KUBE-SVC-A"), ("nat", "KUBE-SVC-B"), ("filter", "KUBE-EXTERNAL-SERVICES")]
SERVICES = "KUBE-SERVICES and KUBE-EXTERNAL-SERVICES"


def server(endpoint: str, protocol: str = "TCP") -> _ipvs.VirtualServer:
    return _ipvs.VirtualServer(protocol, endpoint, "rr", [], 0, "", {})


def message(kind: int, attributes: bytes) -> bytes:
    body = struct.pack("=BBH", 2, 0, 0) + attributes
    return struct.pack("=IHHII", 16 + len(body), 10 << 8 | kind, 2, 1, 0) + body


class Node:
    """A node whose kernel and tools answer by script."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
        self.tables = {4: ["nat", "filter"], 6: ["nat"]}  # of nf_tables
        self.rules: dict[int, list[tuple[str, str]]] = {4: list(OWN), 6: []}
        self.legacy: dict[int, list[tuple[str, str]]] = {}
        self.servers: list[_ipvs.VirtualServer] = []
        self.bound: list[str] = []
        self.wanted: set[str] = set()
        self.modules = True
        self.asked: list[str] = []
        self._folder = tmp_path
        files = {version: str(tmp_path / f"tables{version}") for version in (4, 6)}
        monkeypatch.setattr(_iptables, "LEGACY_FILES", files)
        monkeypatch.setattr(_netlink, "would_load", lambda _module: not self.modules)
        monkeypatch.setattr(_netlink, "read_links", list)
        monkeypatch.setattr(
            _netlink,
            "read_addresses",
            lambda _links: [_netlink.Address("kube-ipvs0", one, 32, "global") for one in self.bound],
        )
        monkeypatch.setattr(_ipvs, "available", lambda: bool(self.servers))
        monkeypatch.setattr(_ipvs, "read_proc", lambda: _ipvs.Table(self.servers, []))
        monkeypatch.setattr("os.access", lambda path, _mode: path in ("/usr/sbin/iptables-legacy-save",))

    def ask(self, kind: int, family: int, attributes: bytes) -> list[bytes]:
        version = {socket.AF_INET: 4, socket.AF_INET6: 6}[socket.AddressFamily(family)]
        self.asked.append(f"{version} {kind}")
        if kind == 1:
            return [*(message(0, named(1, one)) for one in self.tables[version]), DONE]
        table = nested(attributes)[1][:-1].decode()
        return [
            *(message(6, named(1, table) + named(2, chain)) for of, chain in self.rules[version] if of == table),
            DONE,
        ]

    def run(self, command: list[str]) -> tuple[int, str, str]:
        if command[1] == "--version":
            return 0, "iptables-save v1.8.11 (legacy)\n", ""
        self.asked.append(" ".join(command[1:]))
        table = command[2]
        lines = [f"-A {chain} -j RETURN" for of, chain in self.legacy[4] if of == table]
        return 0, "\n".join([f"*{table}", *lines, "COMMIT", ""]), ""

    def use_legacy(self, *rules: tuple[str, str]) -> None:
        self.legacy = {4: list(rules)}
        (self._folder / "tables4").write_text("".join(f"{one}\n" for one in dict.fromkeys(table for table, _ in rules)))

    def found(self, mode: str) -> list[tuple[str, str]]:
        found = _leftovers.find(mode, self.wanted, self.run, self.ask)
        assert {(one["kind"], one["expected"], one["verdict"], one["age"]) for one in found} <= {
            ("leftover", "absent", "fault", None)
        }
        return [(one["backend"], one["found"]) for one in found]


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Node:
    return Node(monkeypatch, tmp_path)


@pytest.mark.parametrize("mode", ["ipvs", "iptables", "nftables"])
def test_what_is_a_modes_own_is_not_left_over(node: Node, mode: str) -> None:
    if mode == "ipvs":
        node.servers, node.bound = [server(f"{VIP}:80")], [VIP]
        node.use_legacy(*OWN)
    elif mode == "iptables":
        node.rules = {4: LEFT, 6: LEFT}
        node.use_legacy(*LEFT)
    else:
        node.tables[4].append("kube-proxy")
    assert node.found(mode) == []


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
def test_addresses_and_virtual_servers(node: Node, mode: str) -> None:
    node.bound = [VIP, CLUSTER, CLUSTER6]
    node.wanted = {f"TCP {VIP}:80", "TCP 0.0.0.0:30080"}
    node.servers = [
        server(f"{VIP}:80"),
        server(f"{CLUSTER}:443"),
        server(f"[{CLUSTER6}]:53", "UDP"),
        server(f"{NODE}:30080"),
        # Of others.
        server(f"{NODE}:6443"),
        server(f"{NODE}:30080", "UDP"),
        server("7", "FWM"),
    ]
    assert node.found(mode) == [
        ("IPv4 addresses on kube-ipvs0", "2"),
        ("IPv4 virtual servers", "3"),
        ("IPv6 addresses on kube-ipvs0", "1"),
        ("IPv6 virtual servers", "1"),
    ]


def test_virtual_servers_without_their_interface(node: Node) -> None:
    node.wanted = {f"TCP {VIP}:80"}
    node.servers = [server(f"{VIP}:80")]
    assert node.found("nftables") == [("IPv4 virtual servers", "1")]


@pytest.mark.parametrize("mode", ["ipvs", "nftables"])
def test_chains_of_the_nft_kind(node: Node, mode: str) -> None:
    node.rules = {4: OWN + LEFT, 6: LEFT[:1]}
    assert node.found(mode) == [
        ("IPv4 iptables (nft) nat chains KUBE-SVC-*", "2"),
        (f"IPv4 iptables (nft) filter rules of {SERVICES}", "1"),
        ("IPv6 iptables (nft) nat chains KUBE-SVC-*", "1"),
    ]


@pytest.mark.parametrize("mode", ["ipvs", "nftables"])
def test_chains_of_the_legacy_kind(node: Node, mode: str) -> None:
    node.use_legacy(*OWN, *LEFT)
    assert node.found(mode) == [
        ("IPv4 iptables (legacy) nat chains KUBE-SVC-*", "2"),
        (f"IPv4 iptables (legacy) filter rules of {SERVICES}", "1"),
    ]


def test_no_legacy_table_is_made_by_looking_for_it(node: Node) -> None:
    node.use_legacy(("filter", "KUBE-SERVICES"))
    assert node.found("nftables") == [(f"IPv4 iptables (legacy) filter rules of {SERVICES}", "1")]
    assert [one for one in node.asked if "-t" in one] == ["-t filter"]


@pytest.mark.parametrize("mode", ["ipvs", "iptables"])
def test_the_table_of_nftables_mode(node: Node, mode: str) -> None:
    for version in (4, 6):
        node.tables[version].append("kube-proxy")
    assert node.found(mode) == [
        ("IPv4 nftables table kube-proxy", "1"),
        ("IPv6 nftables table kube-proxy", "1"),
    ]


def test_a_module_that_is_not_loaded_stays_so(node: Node) -> None:
    node.modules = False
    node.tables[4].append("kube-proxy")
    assert (node.found("ipvs"), node.asked) == ([], [])


def test_a_kernel_without_nf_tables_has_nothing_of_it(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_words: t.Any) -> list[bytes]:
        raise _netlink.NotSupported("no")

    monkeypatch.setattr(node, "ask", ask)
    assert node.found("ipvs") == []


def test_tables_that_change_meanwhile_are_asked_again(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.tables[6].append("kube-proxy")
    answer, asked = node.ask, []

    def ask(kind: int, family: int, attributes: bytes) -> list[bytes]:
        asked.append(kind)
        if len(asked) == 2:
            raise _netlink.DumpInterrupted("changed")
        return answer(kind, family, attributes)

    monkeypatch.setattr(node, "ask", ask)
    assert node.found("iptables") == [("IPv6 nftables table kube-proxy", "1")]
    assert asked == [1] * 4


def test_recorded_rules_of_another_mode_are_left_over() -> None:
    """The lines of a real node in iptables mode, as they would be found in another."""
    for version in (4, 6):
        lines = rules_corpus.saved("node1")[version]
        pairs = [(table, line.split(" ", 2)[1]) for table, line in _iptables.tabled(version, lines)]
        chains = _leftovers.of_chains(version, "legacy", pairs)[0]
        assert chains.number == len({line.split()[0] for line in lines if line.startswith(":KUBE-SVC-")})
        assert chains.number > 2


def test_recorded_rules_of_nftables_mode_are_no_chains_of_iptables() -> None:
    parts = [rules_corpus.dumps("node1")[f"4 {_nftables.NFT_MSG_GETRULE}"]]
    pairs = [("nat", chain) for chain, _rule in _nftables.rules_of(parts)]
    assert len(pairs) > 100
    assert [trace.number for trace in _leftovers.of_chains(4, "nft", pairs)] == [0, 0]


def test_keys_are_those_of_the_rules() -> None:
    wanted = _rules.plan(rules_corpus.Api("iptables").expected(), "node1")
    port = next(row.node_port for row in rules_corpus.Api("iptables").expected().ports if row.node_port)
    found = _leftovers.of_ipvs(wanted, [server(f"{NODE}:{port}"), server(f"{NODE}:6443")], [])
    assert [trace.number for trace in found] == [0, 1, 0, 0]
