# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _askers

Object = dict[str, t.Any]
VIP, VIP6 = "192.0.2.240", "2001:db8::240"
LAN = {"networks": ["192.0.2.0/24", "2001:db8::/64"]}
POD_NETWORK = {"networks": ["10.233.64.0/24"]}
LOST = {"unreachable": True}
FAILED = {"failed": True, "networks": []}


def seen(**some: Object) -> dict[str, Object]:
    """Twelve hosts that are on another segment, but for some."""
    return {**{f"host{number}": POD_NETWORK for number in range(1, 13)}, **some}


def pick(hosts: dict[str, Object], *announcers: str, most: int = 8) -> tuple[Object, Object]:
    services = [{"addresses": [VIP, VIP6], "announcers": list(announcers)}, {"addresses": ["x"], "announcers": None}]
    found = _askers.pick({"targets": {"arp": [VIP, VIP6]}, "services": services}, hosts, most)
    return found["hosts"], found["nodes"]


def names(*numbers: int) -> list[str]:
    return [f"host{number}" for number in numbers]


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        # The last of many hosts are the ones on the segment.
        (seen(host9=LAN, host11=LAN), names(9, 11)),
        # So many ask, the first of the play, whatever other networks they are on.
        (seen(**dict.fromkeys(names(*range(2, 12)), LAN)), names(*range(2, 10))),
        (seen(host12=LAN, host3={"networks": ["192.0.2.128/25", "2001:db8::/48", "10.0.0.0/8"]}), names(3, 12)),
        # A host that told nothing asks where it would without this choice, and takes nobody's place.
        (seen(host2=FAILED, host12=LAN), names(12, 2)),
        (seen(host10=FAILED, host11=LOST, host12=LAN), names(12)),
        # Nobody is near, as far as is known.
        (seen(), names(*range(1, 9))),
        (dict.fromkeys(names(*range(1, 13)), LOST), names(*range(1, 9))),
    ],
)
def test_who_asks(hosts: dict[str, Object], expected: list[str]) -> None:
    asking, nodes = pick(hosts)
    assert asking == {host: [VIP, VIP6] for host in expected}
    assert list(asking) == expected
    assert nodes == {}


def test_each_address_has_its_own_askers() -> None:
    ipv6 = {"networks": ["2001:db8::/64"]}
    assert pick(seen(host4=ipv6, host12=LAN), most=1)[0] == {"host12": [VIP], "host4": [VIP6]}


def test_who_announces_asks_in_any_case() -> None:
    asking, nodes = pick(seen(host1=LAN, host12=LAN), "node7", most=1)
    assert asking == {"host1": [VIP, VIP6]}
    assert nodes == {"node7": [VIP, VIP6]}


def test_what_nobody_asks_for() -> None:
    services = [{"addresses": ["192.0.2.9"], "announcers": ["node1"]}]
    assert _askers.pick({"targets": {"arp": []}, "services": services}, seen(), 8) == {
        "hosts": {},
        "nodes": {"node1": []},
    }
