# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The kernel's sets of addresses and ports, asked through nfnetlink: nodes need not have the tool ipset.

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import socket
import struct
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _netlink, _nfnetlink
from ansible_collections.kubeaddons.metallb.plugins.module_utils._nfnetlink import listed

# <linux/netfilter/nfnetlink.h>, <linux/netfilter/ipset/ip_set.h>
NFNL_SUBSYS_IPSET = 6
IPSET_CMD_LIST = 7
IPSET_PROTOCOL_MIN = 6
IPSET_ATTR_PROTOCOL = 1
IPSET_ATTR_SETNAME = 2
IPSET_ATTR_ADT = 8
IPSET_ATTR_IP = 1
IPSET_ATTR_PORT = 4
IPSET_ATTR_PROTO = 7
IPSET_ATTR_IP2 = 20
IPSET_ATTR_CIDR2 = 21

MODULE = "ip_set"

_PROTOCOLS = {number: text.lower() for number, text in _nfnetlink.PROTOCOLS.items()}
# An address is an attribute within an attribute.
_ADDRESS = _netlink.ATTRIBUTE.size


class Sets(t.NamedTuple):
    """The sets that were asked for and are there, each with its members."""

    # A member is written as ipset does, with every prefix: "443", "10.233.0.1", "10.233.0.1,tcp:443",
    # "10.233.64.5,tcp:8080,10.233.64.5" or "192.168.100.240,tcp:80,203.0.113.7/32".
    members: dict[str, set[str]]
    unparsed: list[str]


def ask_kernel(message: int, family: int, attributes: bytes) -> list[bytes]:
    """Ask for one dump of ip_set; raise NotSupported where the kernel has none, or none yet."""
    if _netlink.would_load(MODULE):
        raise _netlink.NotSupported(f"the kernel's module {MODULE} is not loaded")
    return _nfnetlink.dump(NFNL_SUBSYS_IPSET, message, family, attributes)


def read(names: t.Iterable[str], ask: _nfnetlink.Ask = ask_kernel) -> Sets:
    """Return the sets of these names; raise NetlinkError, NotSupported where the kernel has no sets at all."""
    found = Sets({}, [])
    # The kernel compares versions only.
    protocol = _netlink.attribute(IPSET_ATTR_PROTOCOL, bytes([IPSET_PROTOCOL_MIN]))
    for name in names:
        request = protocol + _nfnetlink.named(IPSET_ATTR_SETNAME, name)
        try:
            parts = ask(IPSET_CMD_LIST, socket.AF_INET, request)
        except _netlink.NotThere:
            continue
        found.members[name] = _members(name, parts, found.unparsed)
    return found


def _members(name: str, parts: t.Iterable[bytes], unparsed: list[str]) -> set[str]:
    found = set()
    for part, start, end in _nfnetlink.payloads(parts, NFNL_SUBSYS_IPSET):
        for one in listed(_netlink.parse_attributes(part, start, end).get(IPSET_ATTR_ADT, b"")):
            try:
                found.add(_member(_netlink.nested(one)))
            except (KeyError, ValueError, struct.error):
                unparsed.append(f"{name} {one.hex()}")
    return found


def _member(data: t.Mapping[int, bytes]) -> str:
    if IPSET_ATTR_IP not in data:
        return str(_port(data))
    address = _address(data[IPSET_ATTR_IP])
    if IPSET_ATTR_PORT not in data:
        return address
    text = f"{address},{_PROTOCOLS[data[IPSET_ATTR_PROTO][0]]}:{_port(data)}"
    if IPSET_ATTR_IP2 in data:
        text += "," + _address(data[IPSET_ATTR_IP2])
        if IPSET_ATTR_CIDR2 in data:
            text += f"/{data[IPSET_ATTR_CIDR2][0]}"
    return text


def _port(data: t.Mapping[int, bytes]) -> int:
    return int.from_bytes(data[IPSET_ATTR_PORT], "big")


def _address(raw: bytes) -> str:
    family = socket.AF_INET if len(raw) == _ADDRESS + 4 else socket.AF_INET6
    return socket.inet_ntop(family, raw[_ADDRESS:])
