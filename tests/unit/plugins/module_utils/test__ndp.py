# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _ndp

MAC = "02:00:5e:00:53:02"
TARGET = "2001:db8::240"
# Recorded: Linux 6.18 as a router, which sets all three flags.
ROUTER = bytes.fromhex("8800d42be0000000 20010db8000000000000000000000240 0201 02005e005302")
# Recorded: MetalLB 0.16.1, which answers with "solicited" only.
RECORDED = bytes.fromhex("8800416140000000 fd000192016801010000000000000240 0201 525400000103")
# The same for the other address; and as MetalLB announces unasked, with "override" only.
METALLB = bytes.fromhex("8800742c40000000 20010db8000000000000000000000240 0201 02005e005302")
UNASKED = bytes.fromhex("8800942c20000000 20010db8000000000000000000000240 0201 02005e005302")
NONCE = bytes.fromhex("0e01 0102030405 06")


def test_a_solicitation_as_linux_sends_it() -> None:
    assert _ndp.build_solicitation("02:00:5e:00:53:01", TARGET).hex(" ", 8) == (
        "8700000000000000 20010db800000000 0000000000000240 010102005e005301"
    )


def test_the_group_that_is_asked() -> None:
    assert _ndp.solicited_node(TARGET) == "ff02::1:ff00:240"
    assert _ndp.solicited_node("2001:db8::abcd:1234:5678") == "ff02::1:ff34:5678"


@pytest.mark.parametrize("message", [ROUTER, METALLB, UNASKED, METALLB + NONCE, METALLB[:24] + NONCE + METALLB[24:]])
def test_an_advertisement_tells_address_and_mac_whatever_its_flags(message: bytes) -> None:
    assert _ndp.parse_advertisement(message) == (TARGET, MAC)


def test_an_advertisement_of_metallb() -> None:
    assert _ndp.parse_advertisement(RECORDED) == ("fd00:192:168:101::240", "52:54:00:00:01:03")


@pytest.mark.parametrize(
    "message",
    [
        b"",
        METALLB[:23],
        # Without the address of the link: nobody could send anything there.
        METALLB[:24],
        METALLB[:31],
        METALLB[:24] + NONCE,
        # The source's address instead of the target's.
        METALLB[:24] + b"\x01" + METALLB[25:],
        # An option without a length would never end.
        METALLB[:24] + b"\x0e\x00" + bytes(6) + METALLB[24:],
        # A solicitation.
        b"\x87" + METALLB[1:],
        METALLB[:1] + b"\x01" + METALLB[2:],
    ],
)
def test_other_messages_claim_nothing(message: bytes) -> None:
    assert _ndp.parse_advertisement(message) is None


NONE = "0" * 32
ROUTES = f"""\
20010db8000000000000000000000000 40 {NONE} 00 {NONE} 00000100 00000001 00000000 00000001     eth0
20010db8000100000000000000000000 30 {NONE} 00 fe800000000000000000000000000001 00000400 00000002 00000000 00000003     eth0
fe800000000000000000000000000000 40 {NONE} 00 {NONE} 00000100 00000002 00000000 00000001     eth0
{NONE} 00 {NONE} 00 fe800000000000000000000000000002 00000400 00000002 00000000 00000003     eth1
{NONE} 00 {NONE} 00 fe800000000000000000000000000001 00000100 00000002 00000000 00000003     eth0
20010db8000000000000000000000011 80 {NONE} 00 {NONE} 00000000 00000003 00000000 80200001     eth0
20010db8000000000000000000000000 80 {NONE} 00 {NONE} 00000000 00000003 00000000 80300001     eth0
20010db8dead00000000000000000000 30 {NONE} 00 {NONE} 00000400 00000001 00000000 00200201       lo
20010db8beef00000000000000000000 30 {NONE} 00 {NONE} 00000400 00000001 00000000 00000000     eth2
{NONE} 00 {NONE} 00 {NONE} ffffffff 00000001 00000000 00200200       lo
"""


def test_routes_that_lead_out_of_this_machine() -> None:
    assert [tuple(row) for row in _ndp.parse_routes(ROUTES)] == [
        ("eth0", "2001:db8::", 64, "", 0x100),
        ("eth0", "fe80::", 64, "", 0x100),
        ("eth0", "::", 0, "fe80::1", 0x100),
        ("eth0", "2001:db8:1::", 48, "fe80::1", 0x400),
        ("eth1", "::", 0, "fe80::2", 0x400),
    ]
    assert _ndp.parse_routes("") == []
