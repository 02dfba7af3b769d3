# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What the kernel's packet filters have in common when they are asked through netlink: nfnetlink.

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import socket
import struct
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _netlink

# <linux/netlink.h>
NETLINK_NETFILTER = 12

FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
PROTOCOLS = {socket.IPPROTO_TCP: "TCP", socket.IPPROTO_UDP: "UDP", 132: "SCTP"}

_GENERIC = struct.Struct("=BBH")  # struct nfgenmsg

Ask = t.Callable[[int, int, bytes], t.List[bytes]]  # message, address family, attributes -> parts of the answer


def named(kind: int, text: str) -> bytes:
    """Return an attribute that is a name."""
    return _netlink.attribute(kind, text.encode() + b"\0")


def dump(subsystem: int, message: int, family: int, attributes: bytes) -> list[bytes]:
    """Ask one subsystem for a dump; needs CAP_NET_ADMIN. A subsystem that is a module is loaded by this."""
    body = _GENERIC.pack(family, 0, 0) + attributes
    return _netlink.dump(NETLINK_NETFILTER, subsystem << 8 | message, body)


def get(subsystem: int, message: int, family: int, attributes: bytes) -> bytes:
    """Ask one subsystem for one thing; raise NotThere where it has none. Otherwise as dump()."""
    return _netlink.get(NETLINK_NETFILTER, subsystem << 8 | message, _GENERIC.pack(family, 0, 0) + attributes)


def payloads(parts: t.Iterable[bytes], subsystem: int) -> t.Iterator[tuple[bytes, int, int]]:
    """Yield where the attributes of each message are."""
    for part in parts:
        for kind, _dummy, start, end in _netlink.messages(part):
            if kind >> 8 == subsystem:
                yield part, start + _GENERIC.size, end


def listed(data: bytes) -> t.Iterator[bytes]:
    """Yield the elements of a list attribute."""
    offset = 0
    while offset + _netlink.ATTRIBUTE.size <= len(data):
        length = _netlink.ATTRIBUTE.unpack_from(data, offset)[0]
        yield data[offset + _netlink.ATTRIBUTE.size : offset + length]
        offset += max(_netlink.ATTRIBUTE.size, (length + 3) & ~3)
