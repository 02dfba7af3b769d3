# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _iptables, _netlink, _rules
from ansible_collections.kubeaddons.metallb.tests.unit.plugins import rules_corpus
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.rules_corpus import Api

Lines = dict[int, t.Sequence[str]]


def without(*texts: str, version: int = 4) -> Lines:
    """Return the recorded lines without those that hold all of these."""
    lines: Lines = dict(rules_corpus.saved("node1"))
    lines[version] = [line for line in lines[version] if not all(text in line for text in texts)]
    assert len(lines[version]) < len(rules_corpus.saved("node1")[version])
    return lines


def judged(lines: Lines) -> list[dict[str, t.Any]]:
    rules = _iptables.parse(lines)
    wanted = _rules.plan(Api("iptables").expected(), "node1")
    return _rules.compare(wanted, rules, 30.0, lambda chain: rules.chains[chain].backends).differences


def chain_of(text: str) -> str:
    """Return where the recorded rule with this text leads."""
    line = next(line for line in rules_corpus.saved("node1")[4] if text in line)
    return line.rpartition(" -j ")[2].split()[0]


def test_a_backend_that_is_not_chosen_is_missing() -> None:
    chain = chain_of('-A KUBE-NODEPORTS -p tcp -m comment --comment "corpus/cluster"').replace("EXT", "SVC")
    found = judged(without(f"-A {chain} ", "10.233.64.4:8080"))
    assert {(one["kind"], one["backend"], one["service"]) for one in found} == {
        ("missing", "10.233.64.4:8080", "corpus/cluster")
    }


def test_a_backend_without_its_translation_serves_nobody() -> None:
    found = judged(without('--comment "corpus/cluster"', "--to-destination 10.233.64.4:8080"))
    assert {(one["kind"], one["backend"]) for one in found} == {("missing", "10.233.64.4:8080")}


def test_an_entry_that_is_gone_is_absent() -> None:
    found = judged(without("-A KUBE-SERVICES -d 192.168.100.240/32"))
    assert [(one["kind"], one["service"], one["address"]) for one in found] == [
        ("absent", "corpus/cluster", "192.168.100.240")
    ]


def test_a_node_port_of_ipv6_is_its_own() -> None:
    found = judged(without("-A KUBE-NODEPORTS", '"corpus/six"', version=6))
    assert [(one["kind"], one["address"], one["port"]) for one in found] == [("absent", "::", 30088)]


def test_a_refusal_that_is_gone_lets_clients_wait() -> None:
    found = judged(without("corpus/none has no endpoints", "-d 192.168.100.244/32"))
    assert [(one["kind"], one["expected"], one["found"]) for one in found] == [("refused", "reject", "not refused")]


def test_a_firewall_that_is_gone_guards_nothing() -> None:
    found = judged(without("-A KUBE-PROXY-FIREWALL"))
    assert [(one["kind"], one["service"]) for one in found] == [("source-ranges", "corpus/ranges")]


@pytest.mark.parametrize(
    ("rule", "table", "named"),
    [
        (
            '-A PREROUTING -m comment --comment "kubernetes service portals"',
            "nat",
            "IPv4 nat PREROUTING -> KUBE-SERVICES",
        ),
        (
            '-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports',
            "nat",
            "IPv4 nat KUBE-SERVICES -> KUBE-NODEPORTS",
        ),
        # The table filter has the same rule, with a condition.
        ('-A OUTPUT -m comment --comment "kubernetes service portals"', "nat", "IPv4 nat OUTPUT -> KUBE-SERVICES"),
        (
            '-A FORWARD -m comment --comment "kubernetes forwarding rules"',
            "filter",
            "IPv4 filter FORWARD -> KUBE-FORWARD",
        ),
        ("-j ACCEPT", "filter", "IPv4 filter KUBE-FORWARD -> ACCEPT"),
    ],
)
def test_a_rule_that_leads_to_the_services_is_missed(rule: str, table: str, named: str) -> None:
    assert [(one["kind"], one["sign"], one["backend"]) for one in judged(without(rule))] == [("rule", table, named)]


@pytest.mark.parametrize(
    "line",
    [
        "-A KUBE-SVC-NPX46M4PTMTKRN6Y -j LOG",
        "-A KUBE-SERVICES -d 10.0.0.1/32 -p tcp -m multiport --dports 80,81 -j KUBE-SVC-NPX46M4PTMTKRN6Y",
        "-A KUBE-EXTERNAL-SERVICES -d 10.0.0.1/32 -p tcp --dport 80 -j SOMETHING",
        "-A KUBE-SEP-A -j DNAT --random",
        "gibberish",
    ],
)
def test_lines_that_are_not_understood_are_told(line: str) -> None:
    table = "*filter" if "EXTERNAL" in line else "*nat"
    assert _iptables.parse({4: [table, line, "COMMIT"]}).unparsed == [line]


def test_a_cut_text_is_refused() -> None:
    with pytest.raises(_rules.RulesError, match="IPv4 are cut off within the table nat"):
        _iptables.parse({4: ["*filter", "COMMIT", "*nat", ":KUBE-SERVICES - [0:0]"]})


class Tools:
    """Programs of a node."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, legacy_in_use: bool, **answers: str) -> None:
        self.answers = {name.replace("_", "-"): text for name, text in answers.items()}
        self.asked: list[str] = []
        monkeypatch.setattr("os.access", lambda path, _mode: path.rpartition("/")[2] in self.answers)
        monkeypatch.setattr("os.path.exists", lambda _path: legacy_in_use)

    def run(self, command: t.Sequence[str]) -> tuple[int, str, str]:
        name = command[0].rpartition("/")[2]
        if command[1] == "--version":
            return 0, f"{name} v1.8.11 ({'legacy' if self.answers[name].startswith('legacy') else 'nf_tables'})\n", ""
        self.asked.append(name)
        if self.answers[name] == "broken":
            return 4, "", "iptables-save: Permission denied\n"
        chains = ":KUBE-SERVICES - [0:0]\n" if "kube" in self.answers[name] else ""
        return 0, f"*nat\n{chains}COMMIT\n", ""


def test_the_tool_that_shows_kube_proxys_chains_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    tools = Tools(monkeypatch, True, iptables_nft_save="", iptables_save="legacy kube")
    assert _iptables.read([4], tools.run).served == {}
    assert tools.asked == ["iptables-nft-save", "iptables-nft-save", "iptables-save", "iptables-save"]


def test_the_legacy_tool_does_not_load_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    tools = Tools(monkeypatch, False, iptables_nft_save="", iptables_save="legacy kube")
    with pytest.raises(_rules.RulesError, match="iptables-nft-save show no rules of kube-proxy"):
        _iptables.read([4], tools.run)
    assert "iptables-save" not in tools.asked


def test_the_other_tool_does_not_either(monkeypatch: pytest.MonkeyPatch) -> None:
    tools = Tools(monkeypatch, False, iptables_nft_save="kube")
    monkeypatch.setattr(_netlink, "would_load", lambda module: module == "nf_tables")
    with pytest.raises(_rules.RulesError, match="or no rules are in use"):
        _iptables.read([4], tools.run)
    assert tools.asked == []


def test_a_node_without_the_tool_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    tools = Tools(monkeypatch, True)
    with pytest.raises(_rules.RulesError, match="ip6tables-save is not installed here"):
        _iptables.read([6], tools.run)


def test_a_tool_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    tools = Tools(monkeypatch, True, iptables_save="broken")
    with pytest.raises(_rules.RulesError, match="iptables-save -t nat failed: iptables-save: Permission denied"):
        _iptables.read([4], tools.run)
