# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import struct
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _netlink, _nftables, _rules
from ansible_collections.kubeaddons.metallb.tests.unit.plugins import rules_corpus
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.rules_corpus import Api

Answers = dict[str, bytes]
RULES4, RULES6, IPS4 = "4 7", "6 7", "4 13 service-ips"


def without(answer: bytes, *texts: bytes) -> bytes:
    """Return an answer without the messages that hold all of these."""
    kept, offset = b"", 0
    while offset < len(answer):
        length = (struct.unpack_from("=I", answer, offset)[0] + 3) & ~3
        message = answer[offset : offset + length]
        if not all(text in message for text in texts):
            kept += message
        offset += length
    return kept


def changed(**changes: bytes) -> Answers:
    answers = dict(rules_corpus.dumps("node1"))
    answers.update({{"rules4": RULES4, "rules6": RULES6, "ips4": IPS4}[name]: value for name, value in changes.items()})
    return answers


def judged(answers: Answers) -> tuple[_rules.Rules, list[dict[str, t.Any]]]:
    reader = _nftables.Reader(rules_corpus.kernel(answers))
    rules = reader.read()
    expected = Api("nftables").expected()
    return rules, _rules.compare(_rules.plan(expected, "node1"), rules, 30.0, reader.exact).differences


def original(key: str) -> bytes:
    return rules_corpus.dumps("node1")[key]


def test_a_backend_without_its_translation_serves_nobody() -> None:
    name = b"corpus/cluster/tcp/__10.233.64.4/8080\0"
    found = judged(changed(rules4=without(original(RULES4), b"endpoint-", name, b"\0nat\0")))[1]
    assert {(one["kind"], one["backend"]) for one in found} == {("missing", "10.233.64.4:8080")}
    assert {one["address"] for one in found} >= {"192.168.100.240", "0.0.0.0"}


def test_a_service_chain_that_was_flushed_is_absent() -> None:
    found = judged(changed(rules4=without(original(RULES4), b"service-", b"corpus/cluster/tcp/\0", b"numgen\0")))[1]
    assert {(one["kind"], one["service"], one["backend"]) for one in found} == {("absent", "corpus/cluster", "")}


def test_an_external_chain_that_was_flushed_leads_nowhere() -> None:
    found = judged(changed(rules4=without(original(RULES4), b"external-", b"corpus/cluster/tcp/\0")))[1]
    assert {(one["kind"], one["address"]) for one in found} == {("absent", "192.168.100.240"), ("absent", "0.0.0.0")}


@pytest.mark.parametrize(
    ("chain", "text", "named"),
    [
        (b"services\0", b"service-ips\0", "IPv4 services -> service-ips"),
        (b"nat-prerouting\0", b"services\0", "IPv4 nat-prerouting -> services"),
        (b"masquerading\0", b"masq\0", "IPv4 masquerading -> masq"),
        (b"firewall-check\0", b"firewall-ips\0", "IPv4 -> firewall-ips"),
    ],
)
def test_a_rule_that_leads_to_the_services_is_missed(chain: bytes, text: bytes, named: str) -> None:
    found = judged(changed(rules4=without(original(RULES4), chain, text)))[1]
    assert [(one["kind"], one["backend"], one["service"]) for one in found] == [("rule", named, "")]


def test_a_firewall_that_drops_nothing_guards_nothing() -> None:
    found = judged(changed(rules4=without(original(RULES4), b"firewall-", b"corpus/ranges")))[1]
    assert [(one["kind"], one["service"]) for one in found] == [("source-ranges", "corpus/ranges")]


def test_a_table_that_is_gone_has_all_missing() -> None:
    nothing = struct.pack("=IHHII", 20, 3, 2, 1, 0) + bytes(4)
    found = judged(dict.fromkeys(rules_corpus.dumps("node1"), nothing))[1]
    assert {one["kind"] for one in found} == {"absent", "refused", "source-ranges"}


def test_a_rule_of_another_shape_is_told() -> None:
    raw = original(RULES4).replace(b"numgen\0", b"numgun\0", 1)
    rules = judged(changed(rules4=raw))[0]
    assert len(rules.unparsed) == 1
    assert rules.unparsed[0].startswith("service-")
    assert "numgun" in rules.unparsed[0]


def test_a_map_that_kube_proxy_has_replaced_since_means_another_read() -> None:
    reader = _nftables.Reader(rules_corpus.kernel(rules_corpus.dumps("node1")))
    chain = next(iter(reader.read().chains))

    def gone(_message: int, _family: int, _attributes: bytes) -> list[bytes]:
        raise _netlink.NotThere("gone")

    reader._ask = gone
    with pytest.raises(_netlink.DumpInterrupted):
        reader.exact(chain)


def test_a_cut_answer_is_refused() -> None:
    with pytest.raises(_netlink.NetlinkError, match="truncated"):
        judged(changed(rules4=original(RULES4)[:5000]))


def test_an_error_of_the_kernel_is_told() -> None:
    refused = struct.pack("=IHHIIi", 36, 2, 0, 1, 0, -1) + bytes(16)
    with pytest.raises(_netlink.NetlinkError, match="Operation not permitted"):
        _netlink.is_complete(refused)
    with pytest.raises(_netlink.NotThere):
        _netlink.is_complete(struct.pack("=IHHIIi", 36, 2, 0, 1, 0, -2) + bytes(16))


@pytest.mark.parametrize(
    ("name", "endpoint"),
    [
        ("endpoint-ABCDEFGH-a/b/tcp/p__10.1.2.3/80", "10.1.2.3:80"),
        ("endpoint-ABCDEFGH-a/b/tcp/__2001..1.5/80", "[2001::1:5]:80"),
        ("endpoint-ABCDEFGH-a/b/tcp/p__fd85.ee78.d8a6.8607.0.1.2.3/80", "[fd85:ee78:d8a6:8607:0:1:2:3]:80"),
        ("endpoint-ABCDEFGH-a/b/tcp/p__..1/80", "[::1]:80"),
    ],
)
def test_the_name_of_an_endpoint_tells_its_address(name: str, endpoint: str) -> None:
    assert _nftables._endpoint(name)[1] == endpoint
