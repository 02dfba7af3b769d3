# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""A connection to a Service -> the backend that it was led to, as this node's connection tracking has it.

kube-proxy has IPVS keep connections there as well. Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _ipvs, _netlink, _nfnetlink

# <linux/netfilter/nfnetlink.h>, <linux/netfilter/nfnetlink_conntrack.h>
MODULE = "nf_conntrack_netlink"
NFNL_SUBSYS_CTNETLINK = 1
IPCTNL_MSG_CT_GET = 1
CTA_TUPLE_ORIG = 1
CTA_TUPLE_REPLY = 2
CTA_TUPLE_IP = 1
CTA_TUPLE_PROTO = 2
CTA_IP_SRC = {4: 1, 6: 3}
CTA_IP_DST = {4: 2, 6: 4}
CTA_PROTO_NUM = 1
CTA_PROTO_SRC_PORT = 2
CTA_PROTO_DST_PORT = 3
NLA_F_NESTED = 0x8000

PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}

Ask = t.Callable[[int, bytes], bytes]  # address family, attributes -> answer


class Way(t.NamedTuple):
    """Where a connection was led."""

    backend: str  # "address:port" or "[address]:port"
    reply_to: str  # the address that the backend answers: the client's own, unless it was replaced


def connection(protocol: str, source: tuple[str, int], destination: tuple[str, int]) -> str:
    """Return the one text that a connection goes by, "tcp 192.0.2.1:40312 192.0.2.240:80"."""
    return "{0} {1} {2}".format(protocol, _ipvs.join_endpoint(*source), _ipvs.join_endpoint(*destination))


def client(text: str) -> str:
    """Return the address that opened a connection."""
    return _ipvs.split_endpoint(text.split(" ")[1])[0]


def ask_kernel(family: int, attributes: bytes) -> bytes:
    """Ask for one connection; needs CAP_NET_ADMIN."""
    return _nfnetlink.get(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, family, attributes)


def _nested(kind: int, *parts: bytes) -> bytes:
    return _netlink.attribute(kind | NLA_F_NESTED, b"".join(parts))


def _query(text: str) -> tuple[int, bytes]:
    """Return address family and attributes that ask for a connection."""
    protocol, source, destination = text.split(" ")
    source_address, source_port = _ipvs.split_endpoint(source)
    address, port = _ipvs.split_endpoint(destination)
    version = ipaddress.ip_address(address).version
    family = _nfnetlink.FAMILIES[version]
    return family, _nested(
        CTA_TUPLE_ORIG,
        _nested(
            CTA_TUPLE_IP,
            _netlink.attribute(CTA_IP_SRC[version], socket.inet_pton(family, source_address)),
            _netlink.attribute(CTA_IP_DST[version], socket.inet_pton(family, address)),
        ),
        _nested(
            CTA_TUPLE_PROTO,
            _netlink.attribute(CTA_PROTO_NUM, bytes([PROTOCOLS[protocol]])),
            _netlink.attribute(CTA_PROTO_SRC_PORT, struct.pack(">H", source_port)),
            _netlink.attribute(CTA_PROTO_DST_PORT, struct.pack(">H", port)),
        ),
    )


def look_up(text: str, ask: Ask = ask_kernel) -> t.Optional[Way]:
    """Return where a connection was led, None where this node does not know it; raise NetlinkError."""
    family, attributes = _query(text)
    try:
        answer = ask(family, attributes)
    except _netlink.NotThere:
        return None
    for _dummy, start, end in _nfnetlink.payloads([answer], NFNL_SUBSYS_CTNETLINK):
        return _way(family, _netlink.parse_attributes(answer, start, end)[CTA_TUPLE_REPLY])
    return None


def _way(family: int, reply: bytes) -> Way:
    version = 6 if family == socket.AF_INET6 else 4
    parts = _netlink.nested(reply)
    addresses, numbers = _netlink.nested(parts[CTA_TUPLE_IP]), _netlink.nested(parts[CTA_TUPLE_PROTO])
    backend = socket.inet_ntop(family, addresses[CTA_IP_SRC[version]])
    port = struct.unpack(">H", numbers[CTA_PROTO_SRC_PORT])[0]
    reply_to = socket.inet_ntop(family, addresses[CTA_IP_DST[version]])
    return Way(_ipvs.join_endpoint(backend, port), reply_to)


def look_up_all(
    texts: t.Iterable[str], ask: Ask = ask_kernel, would_load: t.Callable[[str], bool] = _netlink.would_load
) -> dict[str, list[str]]:
    """Return backend and the address that it answers, for each connection that this node knows; raise NetlinkError.

    Empty where the kernel would load a module in order to answer.
    """
    found: dict[str, list[str]] = {}
    if would_load(MODULE):
        return found
    for text in texts:
        way = look_up(text, ask)
        if way:
            found[text] = list(way)
    return found
