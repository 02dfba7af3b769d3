# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib
import struct
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _ipset, _netlink
from ansible_collections.kubeaddons.metallb.plugins.module_utils._nfnetlink import attribute, listed, named, nested

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures" / "netlink"
# What Linux 6.18 answered about sets that ipset 7.17 had made in a network namespace.
RECORDED = {name: bytes.fromhex(raw) for name, raw in json.loads((FIXTURES / "sets.json").read_text()).items()}
DONE = struct.pack("=IHHII", 20, _netlink.NLMSG_DONE, 2, 1, 0) + bytes(4)


def kernel(message: int, family: int, attributes: bytes) -> list[bytes]:
    """Answer as the recorded kernel, and be as strict."""
    asked = nested(attributes)
    assert (message, family, asked[1]) == (7, 2, b"\6")
    answer = RECORDED[asked[2][:-1].decode()]
    assert _netlink.is_complete(answer)
    return [answer]


def message(*members: bytes) -> bytes:
    """Return a part of an answer with these members."""
    body = struct.pack("=BBH", 2, 0, 0) + attribute(1, b"\6") + named(2, "KUBE-X") + attribute(8, b"".join(members))
    return struct.pack("=IHHII", 16 + len(body), 6 << 8 | 7, 2, 1, 0) + body


def member(address: bytes, port: int, protocol: int) -> bytes:
    inner = (
        attribute(1, attribute(1, address)) + attribute(4, struct.pack(">H", port)) + attribute(7, bytes([protocol]))
    )
    return attribute(7, inner)


def read(*parts: bytes) -> _ipset.Sets:
    return _ipset.read(["KUBE-X"], lambda *_request: list(parts))


def test_recorded_sets() -> None:
    found = _ipset.read(RECORDED, kernel)
    assert found.unparsed == []
    assert found.members == {
        "KUBE-LOOP-BACK": {"10.233.64.5,tcp:8080,10.233.64.5"},
        "KUBE-CLUSTER-IP": {"10.233.0.1,tcp:443", "10.233.0.3,udp:53", "10.233.0.3,sctp:9"},
        # Where ipset leaves out the prefix of one address.
        "KUBE-LOAD-BALANCER-SOURCE-CIDR": {
            "192.168.100.243,tcp:80,192.168.100.0/24",
            "192.168.100.243,tcp:80,203.0.113.7/32",
            "192.168.100.243,tcp:80,128.0.0.0/1",
        },
        "KUBE-IPVS-IPS": {"10.233.0.1", "192.168.100.240"},
        "KUBE-NODE-PORT-TCP": {"30080", "30081"},
        "KUBE-NODE-PORT-UDP": set(),
        "KUBE-6-LOOP-BACK": {"fd85::5,tcp:8080,fd85::5"},
        "KUBE-6-CLUSTER-IP": {"fd85:ee78:d8a6:8607::1,udp:53"},
        "KUBE-6-LOAD-BALANCER-SOURCE-CID": {
            "fd00:192:168:100::243,tcp:80,2001:db8::/32",
            "fd00:192:168:100::243,tcp:80,2001:db8::1/128",
        },
        "KUBE-6-IPVS-IPS": {"fd85:ee78:d8a6:8607::1"},
    }
    # The set that is not there.
    assert RECORDED.keys() - found.members.keys() == {"ABSENT"}


def test_a_large_set_comes_in_parts() -> None:
    parts = [message(member(bytes([10, 0, 0, one]), 80, 6), member(bytes([10, 0, 1, one]), 80, 6)) for one in range(3)]
    assert len(read(*parts, DONE).members["KUBE-X"]) == 6


@pytest.mark.parametrize(
    "odd",
    [
        member(bytes(4), 80, 47),  # GRE
        member(bytes(5), 80, 6),
        attribute(7, attribute(10, bytes(4))),  # a mark
        attribute(7, attribute(1, attribute(1, bytes(4))) + attribute(4, b"\0\x50")),  # no protocol
    ],
)
def test_a_member_that_is_not_understood_is_told(odd: bytes) -> None:
    found = read(message(member(bytes([10, 0, 0, 1]), 80, 6), odd), DONE)
    assert found.members == {"KUBE-X": {"10.0.0.1,tcp:80"}}
    assert found.unparsed == [f"KUBE-X {next(listed(odd)).hex()}"]


def test_a_kernel_that_would_load_the_module_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def dump(*_words: t.Any) -> list[bytes]:
        raise AssertionError

    monkeypatch.setattr(_netlink, "dump", dump)
    monkeypatch.setattr(_netlink, "would_load", lambda module: module == "ip_set")
    with pytest.raises(_netlink.NotSupported, match="ip_set is not loaded"):
        _ipset.read(["KUBE-X"])


def test_the_kernel_is_asked_for_one_set(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int, bytes]] = []

    def dump(protocol: int, kind: int, body: bytes) -> list[bytes]:
        asked.append((protocol, kind, body))
        return [message(), DONE]

    monkeypatch.setattr(_netlink, "dump", dump)
    monkeypatch.setattr(_netlink, "would_load", lambda _module: False)
    assert _ipset.read(["KUBE-X"]).members == {"KUBE-X": set()}
    assert asked == [(12, 0x607, b"\2\0\0\0\5\0\1\0\6\0\0\0\x0b\0\2\0KUBE-X\0\0")]
