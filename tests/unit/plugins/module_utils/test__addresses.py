# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import re

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _addresses

READ: list[tuple[str, str, str, str]] = [
    # what is written, first address, last address, how MetalLB gets it
    ("192.0.2.10-192.0.2.20", "192.0.2.10", "192.0.2.20", "192.0.2.10-192.0.2.20"),
    ("192.0.2.10 - 192.0.2.20", "192.0.2.10", "192.0.2.20", "192.0.2.10-192.0.2.20"),
    (" 192.0.2.10-192.0.2.20\n", "192.0.2.10", "192.0.2.20", "192.0.2.10-192.0.2.20"),
    ("192.0.2.10-192.0.2.10", "192.0.2.10", "192.0.2.10", "192.0.2.10-192.0.2.10"),
    ("192.0.2.0/28", "192.0.2.0", "192.0.2.15", "192.0.2.0/28"),
    # MetalLB itself does not take blanks around a network.
    (" 192.0.2.0/28 ", "192.0.2.0", "192.0.2.15", "192.0.2.0/28"),
    ("192.0.2.5/32", "192.0.2.5", "192.0.2.5", "192.0.2.5/32"),
    ("2001:DB8::/120", "2001:db8::", "2001:db8::ff", "2001:db8::/120"),
    ("2001:db8::1-2001:db8::f", "2001:db8::1", "2001:db8::f", "2001:db8::1-2001:db8::f"),
]


@pytest.mark.parametrize(("written", "first", "last", "text"), READ)
def test_ranges(written: str, first: str, last: str, text: str) -> None:
    found = _addresses.parse_range(written)
    assert (str(found.first), str(found.last), found.text) == (first, last, text)


REFUSED: list[tuple[object, str, str]] = [
    # what is written, reason, remedy
    (None, "is not text", 'write the range in quotes, such as "192.0.2.10-192.0.2.20"'),
    (192, "is not text", "in quotes"),
    (["192.0.2.0/28"], "is not text", "in quotes"),
    ("192.0.2.5", "is neither a range nor a network", 'write "192.0.2.5/32"'),
    ("2001:db8::5", "is neither a range nor a network", 'write "2001:db8::5/128"'),
    ("192.168.100.240/24", "MetalLB would hand out the whole network 192.168.100.0/24", 'write "192.168.100.240/32"'),
    ("2001:db8::5/64", "MetalLB would hand out the whole network 2001:db8::/64", 'write "2001:db8::5/128"'),
    ("192.0.2.0/33", "is not a network", 'write it as "192.0.2.0/28"'),
    ("192.0.2/28", "is not a network", 'write it as "192.0.2.0/28"'),
    ("192.0.2.10-20", "is not a range", "write both ends in full"),
    ("192.0.2.10-", "is not a range", "write both ends in full"),
    ("192.0.2.1-192.0.2.5-192.0.2.9", "is not a range", "write both ends in full"),
    ("010.000.000.001-010.000.000.009", "is not a range", "write both ends in full"),
    ("::ffff:192.0.2.0/120", "an IPv4 address in the form of IPv6", 'write it as "192.0.2.0"'),
    ("::ffff:192.0.2.1-::ffff:192.0.2.9", "an IPv4 address in the form of IPv6", 'write it as "192.0.2.1"'),
    ("fe80::1%eth0/128", 'names an interface ("%eth0")', "leave it out"),
    ("192.0.2.1-2001:db8::5", "mixes IPv4 and IPv6", "write one range for each family"),
    ("::1-192.0.2.5", "mixes IPv4 and IPv6", "write one range for each family"),
    ("192.0.2.20-192.0.2.10", "starts after its end", 'write "192.0.2.10-192.0.2.20"'),
]


@pytest.mark.parametrize(("written", "reason", "remedy"), REFUSED)
def test_what_metallb_misreads_is_refused_with_reason_and_remedy(written: object, reason: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)) as caught:
        _addresses.parse_range(written)
    assert remedy in str(caught.value)


OVERLAPS: list[tuple[str, str, bool]] = [
    ("192.0.2.10-192.0.2.20", "192.0.2.20-192.0.2.30", True),
    ("192.0.2.10-192.0.2.20", "192.0.2.21-192.0.2.30", False),
    ("192.0.2.10-192.0.2.20", "192.0.2.0/24", True),
    ("192.0.2.0/25", "192.0.2.128/25", False),
    # The same numbers in the other family are other addresses.
    ("1.0.0.1-1.0.0.9", "1::1-1::9", False),
]


@pytest.mark.parametrize(("one", "other", "overlaps"), OVERLAPS)
def test_overlaps(one: str, other: str, overlaps: bool) -> None:
    first, second = _addresses.parse_range(one), _addresses.parse_range(other)
    assert first.overlaps(second) is overlaps
    assert second.overlaps(first) is overlaps


@pytest.mark.parametrize(
    ("address", "held"),
    [("192.0.2.9", False), ("192.0.2.10", True), ("192.0.2.20", True), ("192.0.2.21", False), ("::c000:20a", False)],
)
def test_holds(address: str, held: bool) -> None:
    assert _addresses.parse_range("192.0.2.10-192.0.2.20").holds(ipaddress.ip_address(address)) is held


@pytest.mark.parametrize(
    ("network", "inside"), [("192.0.2.0/24", True), ("192.0.2.16/28", False), ("192.0.2.0/28", False), ("::/0", False)]
)
def test_within(network: str, inside: bool) -> None:
    assert _addresses.parse_range("192.0.2.10-192.0.2.20").within(ipaddress.ip_network(network)) is inside


def test_addresses_stop_at_the_end_and_at_the_limit() -> None:
    assert _addresses.parse_range("192.0.2.254/31").addresses(10) == ["192.0.2.254", "192.0.2.255"]
    assert _addresses.parse_range("2001:db8::/64").addresses(2) == ["2001:db8::", "2001:db8::1"]


def test_single_and_network() -> None:
    assert _addresses.single("192.0.2.7").overlaps(_addresses.of_network("192.0.2.9/28"))
    assert _addresses.of_network("192.0.2.9/28").text == "192.0.2.0/28"


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("127.0.0.8/30", "127.0.0.0/8"),
        ("224.0.0.1-224.0.0.9", "224.0.0.0/4"),
        ("169.254.1.0/24", "169.254.0.0/16"),
        ("0.0.0.0/0", "0.0.0.0/8"),
        ("fe80::1/128", "fe80::/10"),
        ("ff02::1-ff02::5", "ff00::/8"),
        ("::1/128", "::/127"),
    ],
)
def test_addresses_that_nobody_reaches(text: str, network: str) -> None:
    with pytest.raises(ValueError, match="^holds addresses of {0} ".format(network)):
        _addresses.parse_range(text)
    assert _addresses.live_range(text) is not None  # MetalLB takes it
