# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a node's kernel and tools answer: one of the readers' own errors, and never the verdict of a healthy node.

Recorded answers are cut, flipped and thinned out, and go through what data_plane_verify itself calls.
"""

from __future__ import annotations

import functools
import ipaddress
import pathlib
import re
import socket
import struct
import typing as t

import hypothesis
import pytest
from hypothesis import strategies as st

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _arp,
    _differences,
    _expected,
    _ipset,
    _iptables,
    _ipvs,
    _netlink,
    _rules,
    _sets,
    _tcp,
)
from ansible_collections.kubeaddons.metallb.plugins.modules import data_plane_verify
from ansible_collections.kubeaddons.metallb.tests.unit.plugins import rules_corpus

OWN = (_ipvs.IpvsError, _netlink.NetlinkError, _rules.RulesError)  # what the module makes a problem of
FIXTURES = pathlib.Path(__file__).parent / "fixtures"
NODES = ("node1", "node2")
#: where something happens, as a share of the whole
PLACES = st.floats(0, 1, exclude_max=True)
#: places, and what they are exclusive-ored with
FLIPS = st.lists(st.tuples(PLACES, st.integers(1, 255)), min_size=1, max_size=4)
settings = functools.partial(hypothesis.settings, derandomize=True, deadline=None, database=None)


def flipped(data: bytes, flips: t.Sequence[tuple[float, int]]) -> bytes:
    changed = bytearray(data)
    for place, bits in flips:
        changed[int(place * len(data))] ^= bits
    return bytes(changed)


class Kernel:
    """A netlink socket that answers with recorded bytes, and then no more."""

    def __init__(self, answer: t.Callable[[int, bytes], list[bytes]]) -> None:
        self.answer = answer
        self.parts: list[bytes] = []

    def __call__(self, *_kind: int) -> Kernel:
        return self

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def settimeout(self, _seconds: float) -> None:
        pass

    def bind(self, _address: object) -> None:
        pass

    def send(self, request: bytes) -> None:
        self.parts = list(self.answer(struct.unpack_from("=H", request, 4)[0], request[16:]))

    def recv(self, _size: int) -> bytes:
        if not self.parts:
            raise TimeoutError("timed out")
        return self.parts.pop(0)


def differences(observe: t.Callable[[], _differences.Comparison]) -> list[dict[str, t.Any]] | None:
    """What a node is told to differ in; None for a problem."""
    try:
        return observe().differences
    except OWN:
        return None


def told(found: list[dict[str, t.Any]] | None) -> bool:
    """Whether there is a problem, or differences that can be told."""
    return found is None or all(one["verdict"] in ("fault", "lag") and one["kind"] for one in found)


# IPVS -----------------------------------------------------------------------------------------------------------------


@functools.lru_cache
def proc_file(node: str) -> bytes:
    (found,) = FIXTURES.glob(f"ip_vs/*-kube-proxy-*-{node}.proc")
    return found.read_bytes()


@functools.lru_cache
def expected_of(node: str) -> tuple[_expected.Expected, list[_netlink.Address]]:
    """The Services that make kube-proxy build the recorded table, and the addresses that they are bound to."""
    ports = []
    for server in _ipvs.parse_proc(proc_file(node).decode(), 100).virtual_servers:
        address, port = _ipvs.split_endpoint(server.endpoint)
        ends = [
            _expected.Endpoint(*_ipvs.split_endpoint(backend), node, True, True, False, [], [])
            for backend in server.real_servers
        ]
        head = (f"default/{address}-{port}", "", server.protocol, port, 0, [address], [], [], [], 0)
        ports.append(_expected.ServicePort(*head, False, False, server.persistence, 3600.0, ends))
    bound = {row.cluster_addresses[0] for row in ports}
    addresses = [_netlink.Address("kube-ipvs0", one, 32, "global") for one in sorted(bound)]
    return _expected.Expected({node: ""}, "ipvs", "rr", [], [], 30.0, ports), addresses


def judged_ipvs(node: str, data: bytes) -> list[dict[str, t.Any]] | None:
    expected, addresses = expected_of(node)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_netlink, "read_links", list)
        patched.setattr(_netlink, "read_addresses", lambda _links: addresses)
        parts = [data, b""]
        patched.setattr(_ipvs.os, "open", lambda _path, _flags: 0)
        patched.setattr(_ipvs.os, "close", lambda _descriptor: None)
        patched.setattr(_ipvs.os, "read", lambda _descriptor, _size: parts.pop(0))
        patched.setattr(_ipvs, "tick_rate", lambda: 100)
        # The sets and rules around it are read in another way.
        patched.setattr(_sets, "plan", lambda *_args: _sets.Plan([], {}, 30.0))
        patched.setattr(_ipset, "read", lambda _names: _ipset.Sets({}, []))
        return differences(data_plane_verify.observe_virtual_servers(expected, node, lambda *_args: (0, "", "")))


def said(data: bytes) -> set[tuple[str, ...]]:
    """What the lines of a table say, in their own words, but for the counters and flags that nobody judges."""
    found = set()
    server = ""
    for line in data.decode("ascii", "replace").upper().split("\n")[3:]:
        words = line.split()
        if words[:1] == ["->"]:
            found.add((server, *words[1:3], str(words[3:4] != ["0"])))
        elif words:
            server = " ".join(words[:3] + (words[3:] if "PERSISTENT" in words else []))
            found.add((server,))
    return found


@pytest.mark.parametrize("node", NODES)
def test_the_recorded_table_is_as_expected(node: str) -> None:
    assert judged_ipvs(node, proc_file(node)) == []


@settings(max_examples=150)
@hypothesis.given(st.sampled_from(NODES), PLACES)
def test_a_table_that_ends_early_is_not_as_expected(node: str, place: float) -> None:
    data = proc_file(node)
    assert judged_ipvs(node, data[: int(place * len(data))]) != []


@settings(max_examples=150)
@hypothesis.given(st.sampled_from(NODES), st.data())
def test_a_table_that_lacks_lines_is_not_as_expected(node: str, data: st.DataObject) -> None:
    lines = proc_file(node).split(b"\n")
    gone = data.draw(st.sets(st.integers(0, len(lines) - 2), min_size=1, max_size=5))
    assert judged_ipvs(node, b"\n".join(line for number, line in enumerate(lines) if number not in gone)) != []


@settings(max_examples=400)
@hypothesis.given(st.sampled_from(NODES), FLIPS)
def test_a_table_with_wrong_bytes_is_as_expected_only_where_it_says_the_same(
    node: str, flips: list[tuple[float, int]]
) -> None:
    data = flipped(proc_file(node), flips)
    if judged_ipvs(node, data) == []:
        assert said(data) == said(proc_file(node))


@settings(max_examples=200)
@hypothesis.given(st.binary(max_size=300), st.booleans())
def test_garbage_is_no_table(garbage: bytes, after_the_head: bool) -> None:
    head = b"\n".join(proc_file("node1").split(b"\n")[:3]) + b"\n" if after_the_head else b""
    assert judged_ipvs("node1", head + garbage) != []


@pytest.mark.parametrize(
    "line",
    [
        b"TCP  0AE90001:01BB rr  persistent " + b"9" * 400 + b" FFFFFFFF",
        b"TCP  0AE90001:01BB rr  persistent " + b"9" * 5000 + b" FFFFFFFF",
        b"FWM  " + b"F" * 400 + b" rr",
    ],
)
def test_numbers_without_measure_are_not_understood(line: bytes) -> None:
    data = proc_file("node1")
    assert judged_ipvs("node1", data + line + b"\n") in (None, [])
    assert judged_ipvs("node1", data[: data.index(b"\nTCP")] + b"\n" + line + b"\n") != []


# Rules ----------------------------------------------------------------------------------------------------------------


@functools.lru_cache
def plan_of(mode: str) -> _expected.Expected:
    return rules_corpus.Api(mode).expected()


def observed(mode: str, node: str, run: t.Any) -> t.Callable[[], _differences.Comparison]:
    expected = plan_of(mode)
    return data_plane_verify.observe_rules(expected, _rules.plan(expected, node), run)


def judged_nftables(node: str, answers: t.Mapping[str, bytes]) -> list[dict[str, t.Any]] | None:
    ask = rules_corpus.kernel(answers)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket, "socket", Kernel(lambda kind, body: ask(kind & 0xFF, body[0], body[4:])))
        return differences(observed("nftables", node, lambda _command: (1, "", "")))


#: each node's answers but for the maps of single Services, which are asked for only where there is doubt
ANSWERS = st.tuples(
    st.sampled_from(NODES), st.sampled_from([one for one in rules_corpus.dumps("node1") if "__map" not in one])
)


@pytest.mark.parametrize("node", NODES)
def test_the_recorded_rules_of_nftables_are_as_expected(node: str) -> None:
    assert judged_nftables(node, rules_corpus.dumps(node)) == []


@settings(max_examples=60)
@hypothesis.given(ANSWERS, PLACES)
def test_an_answer_of_nftables_that_ends_early_is_a_problem(where: tuple[str, str], place: float) -> None:
    node, key = where
    data = rules_corpus.dumps(node)[key]
    cut = data[: int(place * len(data))]
    assert judged_nftables(node, {**rules_corpus.dumps(node), key: cut}) is None


@settings(max_examples=150)
@hypothesis.given(ANSWERS, FLIPS)
def test_an_answer_of_nftables_with_wrong_bytes_is_no_other_error(
    where: tuple[str, str], flips: list[tuple[float, int]]
) -> None:
    node, key = where
    found = judged_nftables(node, {**rules_corpus.dumps(node), key: flipped(rules_corpus.dumps(node)[key], flips)})
    assert told(found)


@functools.lru_cache
def sections(node: str, version: int) -> dict[str, bytes]:
    """What each call of the tool printed."""
    text = "\n".join(rules_corpus.saved(node)[version]) + "\n"
    return {
        table: text[text.index(f"*{table}\n") :].partition("COMMIT\n")[0].encode() + b"COMMIT\n"
        for table in ("nat", "filter")
    }


PRINTED = st.tuples(st.sampled_from(NODES), st.sampled_from([4, 6]), st.sampled_from(["nat", "filter"]))


def judged_iptables(node: str, version: int, table: str, change: t.Callable[[bytes], bytes]) -> t.Any:
    def run(command: t.Sequence[str]) -> tuple[int, str, str]:
        if command[1] == "--version":
            return 0, "v1.8.11 (nf_tables)", ""
        asked = 6 if "ip6" in command[0] else 4
        printed = sections(node, asked)[command[2]]
        if (asked, command[2]) == (version, table):
            printed = change(printed)
        # As AnsibleModule.run_command decodes it.
        return 0, printed.decode("utf-8", "surrogateescape"), ""

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_iptables.os, "access", lambda _path, _mode: True)
        return differences(observed("iptables", node, run))


@pytest.mark.parametrize("node", NODES)
def test_the_recorded_rules_of_iptables_are_as_expected(node: str) -> None:
    assert judged_iptables(node, 4, "nat", bytes) == []


@settings(max_examples=150)
@hypothesis.given(PRINTED, PLACES)
def test_what_iptables_save_has_not_printed_to_its_end_is_a_problem(where: tuple[str, int, str], place: float) -> None:
    def cut(printed: bytes) -> bytes:
        return printed[: 1 + int(place * (len(printed) - 2))]

    assert judged_iptables(*where, cut) is None


@pytest.mark.parametrize("table", ["nat", "filter"])
def test_a_table_that_iptables_save_does_not_print_is_empty(table: str) -> None:
    assert judged_iptables("node1", 4, table, lambda _printed: b"")


#: rules without which traffic goes another way; the rest marks packets, counts them, or is there more than once
#: a Service without an endpoint on one of the nodes, which refuses before any of these rules
OTHER = b'"corpus/local'
MATTERS = re.compile(
    rb"-j (KUBE-SEP-|DNAT|REJECT|KUBE-FW-)|-A KUBE-POSTROUTING .*-j MASQ"
    rb"|-A (KUBE-SERVICES|KUBE-NODEPORTS) .*-j (KUBE-(SVC|SVL|EXT)-|DROP)"
)


@settings(max_examples=60)
@hypothesis.given(PRINTED, st.data())
def test_iptables_without_some_of_its_rules_is_not_as_expected(
    where: tuple[str, int, str], data: st.DataObject
) -> None:
    lines = sections(*where[:2])[where[2]].split(b"\n")
    numbers = [
        number
        for number, line in enumerate(lines)
        if MATTERS.search(line)
        and b"--seconds" not in line
        and b"KUBE-NODEPORTS -d 127" not in line
        and OTHER not in line
    ]
    hypothesis.assume(numbers)
    gone = data.draw(st.sets(st.sampled_from(numbers), min_size=1, max_size=5))

    def thinned(_printed: bytes) -> bytes:
        return b"\n".join(line for number, line in enumerate(lines) if number not in gone)

    assert judged_iptables(*where, thinned) != [], [lines[number] for number in gone]


@settings(max_examples=150)
@hypothesis.given(PRINTED, FLIPS)
def test_iptables_with_wrong_bytes_is_no_other_error(
    where: tuple[str, int, str], flips: list[tuple[float, int]]
) -> None:
    assert told(judged_iptables(*where, lambda printed: flipped(printed, flips)))


def test_chains_that_lead_to_themselves_lead_nowhere() -> None:
    entry = "-A KUBE-SERVICES -d 10.0.0.1/32 -p tcp -m tcp --dport 80 -j KUBE-EXT-A"
    lines = ["*nat", entry, "-A KUBE-EXT-A -j KUBE-EXT-B", "-A KUBE-EXT-B -j KUBE-EXT-A", "COMMIT"]
    rules = _iptables.parse({4: lines})
    assert rules.served["TCP 10.0.0.1:80"] not in rules.chains


# Links, addresses, routes, connections --------------------------------------------------------------------------------


def recorded(name: str) -> bytes:
    return bytes.fromhex((FIXTURES / "netlink" / f"{name}.hex").read_text().replace("\n", ""))


KINDS = st.sampled_from(["links", "addresses"])


def read_addresses(answers: t.Mapping[str, bytes]) -> list[_netlink.Address] | None:
    def answer(kind: int, _body: bytes) -> list[bytes]:
        return [answers["links" if kind == _netlink.RTM_GETLINK else "addresses"]]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket, "socket", Kernel(answer))
        try:
            return _netlink.read_addresses(_netlink.read_links())
        except _netlink.NetlinkError:
            return None


def are_addresses(found: list[_netlink.Address] | None) -> bool:
    return found is None or all(ipaddress.ip_address(one.address) for one in found)


ANSWERED = {one: recorded(one) for one in ("links", "addresses")}


@settings(max_examples=100)
@hypothesis.given(KINDS, PLACES)
def test_links_and_addresses_that_end_early_are_a_problem(kind: str, place: float) -> None:
    assert read_addresses(ANSWERED) == _netlink.parse_addresses(
        ANSWERED["addresses"], _netlink.parse_links(ANSWERED["links"])
    )
    cut = ANSWERED[kind][: int(place * len(ANSWERED[kind]))]
    assert read_addresses({**ANSWERED, kind: cut}) is None


@settings(max_examples=400)
@hypothesis.given(KINDS, FLIPS)
def test_links_and_addresses_with_wrong_bytes_are_no_other_error(kind: str, flips: list[tuple[float, int]]) -> None:
    assert are_addresses(read_addresses({**ANSWERED, kind: flipped(ANSWERED[kind], flips)}))


@settings(max_examples=400)
@hypothesis.given(st.binary(max_size=120), st.integers(0, 40))
def test_a_garbled_message_is_no_other_error(body: bytes, kind: int) -> None:
    message = struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body
    assert are_addresses(read_addresses({"links": message, "addresses": message}))


ROUTE = (
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    "eth0\t00000000\t0164A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    "eth0\t0064A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
)
ROUTE6 = f"{'20010db8' + '0' * 24} 40 {'0' * 32} 00 {'0' * 32} 00000100 00000001 00000000 00000001     eth0\n"


@settings(max_examples=300)
@hypothesis.given(st.booleans(), FLIPS, PLACES)
def test_routes_with_wrong_bytes_are_no_routes(ipv6: bool, flips: list[tuple[float, int]], end: float) -> None:
    text = ROUTE6 if ipv6 else ROUTE
    wrong = flipped(text.encode(), flips).decode("ascii", "replace")[: len(text) - int(end * 40)]
    texts = ("", wrong) if ipv6 else (wrong, "")
    assert {one.network.version for one in _arp.parse_routes(*texts)} <= {6 if ipv6 else 4}
    assert all(ipaddress.ip_address(one) for one in _arp.parse_gateways(*texts))


@settings(max_examples=50)
@hypothesis.given(st.text(max_size=100))
def test_connections_that_are_none(text: str) -> None:
    assert _tcp.connected([("192.0.2.1", 179)], text.splitlines()) == [""]
