# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import struct

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _conntrack, _netlink

CONNECTION = "tcp 10.233.0.1:60260 10.233.0.1:443"
# What the lab's kernel (6.12) answered for it: kube-proxy in ipvs mode led it to the API server's own address.
ANSWER = bytes.fromhex(
    "d40000000001020001000000031b0000020000003400018014000180080001000ae90001080002000ae900011c0002800500010006000000"
    "06000200eb6400000600030001bb0000340002801400018008000100c0a8646408000200c0a864641c000280050001000600000006000200"
    "192b000006000300ac2d0000080003000000019e080008000000000008000c00cc0118e108000b0000000002080007000000007830000480"
    "2c00018005000100040000000500020009000000050003000900000006000400370000000600050023000000"
)


def test_where_a_connection_was_led() -> None:
    asked: list[tuple[int, bytes]] = []

    def ask(family: int, attributes: bytes) -> bytes:
        asked.append((family, attributes))
        return ANSWER

    assert _conntrack.look_up(CONNECTION, ask) == ("192.168.100.100:6443", "192.168.100.100")
    # The kernel repeats what it was asked for, but for how it flags and fills.
    assert asked == [(2, ANSWER[20:72])]


def test_of_ipv6() -> None:
    asked: list[tuple[int, bytes]] = []

    def ask(family: int, attributes: bytes) -> bytes:
        asked.append((family, attributes))
        raise _netlink.NotThere("no")

    assert _conntrack.look_up("udp [fd00::1]:5353 [fd00::240]:53", ask) is None
    assert asked[0][0] == 10
    assert bytes.fromhex("fd00" + "00" * 13 + "01") in asked[0][1]
    assert bytes.fromhex("fd00" + "00" * 12 + "0240") in asked[0][1]
    assert b"\x05\x00\x01\x00\x11" in asked[0][1]
    assert struct.pack(">H", 5353) in asked[0][1]


def loaded(_module: str) -> bool:
    """Nothing would be loaded."""
    return False


def test_only_those_that_the_node_knows_are_returned() -> None:
    def ask(_family: int, attributes: bytes) -> bytes:
        if struct.pack(">H", 60260) not in attributes:
            raise _netlink.NotThere("no")
        return ANSWER

    other = "tcp 10.233.0.1:60261 10.233.0.1:443"
    assert _conntrack.look_up_all([other, CONNECTION], ask, loaded) == {
        CONNECTION: ["192.168.100.100:6443", "192.168.100.100"]
    }


def test_what_the_kernel_refuses_is_not_swallowed() -> None:
    def ask(_family: int, _attributes: bytes) -> bytes:
        raise _netlink.NetlinkError("the kernel refused a netlink request: Operation not permitted")

    with pytest.raises(_netlink.NetlinkError, match="not permitted"):
        _conntrack.look_up_all([CONNECTION], ask, loaded)


def test_the_text_of_a_connection() -> None:
    assert _conntrack.connection("tcp", ("192.0.2.1", 40312), ("192.0.2.240", 80)) == (
        "tcp 192.0.2.1:40312 192.0.2.240:80"
    )
    assert _conntrack.connection("udp", ("fd00::1", 1), ("fd00::2", 2)) == "udp [fd00::1]:1 [fd00::2]:2"


def test_no_module_is_loaded_for_it() -> None:
    asked: list[bytes] = []

    def ask(_family: int, attributes: bytes) -> bytes:
        asked.append(attributes)
        return ANSWER

    assert _conntrack.look_up_all([CONNECTION], ask, lambda module: module == "nf_conntrack_netlink") == {}
    assert asked == []
