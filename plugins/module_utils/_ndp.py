# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What IPv6 has for ARP: the messages of neighbour discovery (RFC 4861), their socket, and the kernel's routes.

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import typing as t

SOLICITATION = 135
ADVERTISEMENT = 136

_SOURCE_LINK_ADDRESS = 1
_TARGET_LINK_ADDRESS = 2
_MESSAGE = struct.Struct("!BBHI16s")
# <linux/icmpv6.h>: a set bit keeps a type out.
_ICMPV6_FILTER = 1
_ONLY_ADVERTISEMENTS = struct.pack(
    "=8I",
    *(0xFFFFFFFF & ~(1 << ADVERTISEMENT % 32) if word == ADVERTISEMENT // 32 else 0xFFFFFFFF for word in range(8)),
)
# <linux/ipv6_route.h>, <linux/route.h>
_RTF_UP, _RTF_GATEWAY, _RTF_REJECT, _RTF_ANYCAST, _RTF_LOCAL = 0x1, 0x2, 0x200, 0x100000, 0x80000000


class RouteLine(t.NamedTuple):
    """One line of /proc/net/ipv6_route."""

    interface: str
    destination: str
    prefix: int
    gateway: str  # "" for a route to neighbours
    metric: int


def solicited_node(address: str) -> str:
    """Return the multicast group that the owner of an address listens to."""
    return socket.inet_ntop(
        socket.AF_INET6,
        bytes.fromhex("ff0200000000000000000001ff") + socket.inet_pton(socket.AF_INET6, address)[13:],
    )


def build_solicitation(mac: str, target: str) -> bytes:
    """Return the ICMPv6 message that asks for an address; the kernel fills in the checksum."""
    head = _MESSAGE.pack(SOLICITATION, 0, 0, 0, socket.inet_pton(socket.AF_INET6, target))
    # Without it MetalLB does not answer.
    return head + bytes([_SOURCE_LINK_ADDRESS, 1]) + bytes.fromhex(mac.replace(":", ""))


def parse_advertisement(message: bytes) -> t.Optional[tuple[str, str]]:
    """Return the (address, MAC) that an advertisement claims, whatever its flags, or None for any other message."""
    if len(message) < _MESSAGE.size:
        return None
    kind, code, _dummy, _dummy2, target = _MESSAGE.unpack_from(message)
    if (kind, code) != (ADVERTISEMENT, 0):
        return None
    offset = _MESSAGE.size
    while offset + 8 <= len(message):
        option, length = message[offset], 8 * message[offset + 1]
        if length == 0:
            return None
        if (option, length) == (_TARGET_LINK_ADDRESS, 8):
            mac = ":".join(f"{byte:02x}" for byte in message[offset + 2 : offset + 8])
            return socket.inet_ntop(socket.AF_INET6, target), mac
        offset += length
    return None


def parse_routes(text: str) -> list[RouteLine]:
    """Return the routes of /proc/net/ipv6_route that lead out of this machine, best first."""
    routes = []
    for line in text.splitlines():
        words = line.split()
        if len(words) != 10:
            continue
        # What is garbled is no route.
        with contextlib.suppress(ValueError):
            flags = int(words[8], 16)
            if not flags & _RTF_UP or flags & (_RTF_REJECT | _RTF_ANYCAST | _RTF_LOCAL):
                continue
            destination, gateway = (socket.inet_ntop(socket.AF_INET6, bytes.fromhex(words[index])) for index in (0, 4))
            prefix = ipaddress.IPv6Network((destination, int(words[1], 16))).prefixlen
            via = gateway if flags & _RTF_GATEWAY else ""
            routes.append(RouteLine(words[9], destination, prefix, via, int(words[5], 16)))
    return sorted(routes, key=lambda route: route.metric)


def open_socket(number: int, link_local: str) -> socket.socket:
    """Return a socket that sends solicitations on one interface and receives advertisements there."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    try:
        sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMPV6_FILTER, _ONLY_ADVERTISEMENTS)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        # As with ARP, a machine does not answer its own question: its answer would not come over the wire.
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
        # No router forwards what is sent to such an address, so every answer is a neighbour's.
        sock.bind((link_local, 0, 0, number))
    except OSError:
        sock.close()
        raise
    return sock
