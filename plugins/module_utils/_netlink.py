# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Dumps of the kernel's tables through netlink(7), and of them the node's own links and addresses.

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import typing as t

# <linux/netlink.h>, <linux/rtnetlink.h>, <linux/if_link.h>, <linux/if_addr.h>
NLMSG_ERROR = 2
NLMSG_DONE = 3
NLM_F_REQUEST = 0x01
NLM_F_DUMP_INTR = 0x10
NLM_F_DUMP = 0x300
RTM_NEWLINK = 16
RTM_GETLINK = 18
RTM_NEWADDR = 20
RTM_GETADDR = 22
RTM_NEWROUTE = 24
RTM_GETROUTE = 26
IFLA_ADDRESS = 1
IFLA_IFNAME = 3
IFLA_MASTER = 10
RTA_DST = 1
RTA_OIF = 4
IFA_ADDRESS = 1
IFA_LOCAL = 2
IFF_UP = 0x1
IFF_LOOPBACK = 0x8
IFF_NOARP = 0x80

SCOPES = {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}

_HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")


_Answer = t.TypeVar("_Answer")


class NetlinkError(Exception):
    """The kernel's answer was an error or incomplete; the message is a sentence for the user."""


class DumpInterrupted(NetlinkError):
    """The kernel's tables changed during the answer: ask again."""


class NotThere(NetlinkError):
    """The kernel has nothing of that name."""


class NotSupported(NetlinkError):
    """The kernel does not know such requests."""


class NoWay(NetlinkError):
    """The kernel knows no route there."""


class Link(t.NamedTuple):
    """One network interface."""

    number: int
    name: str
    mac: str  # "" for a link without a hardware address
    flags: int  # IFF_* of <linux/if.h>
    master: str  # name of the bridge or bond that it belongs to, or ""


class Address(t.NamedTuple):
    """One address of an interface."""

    interface: str
    address: str
    prefix: int
    scope: str


@contextlib.contextmanager
def understood() -> t.Iterator[None]:
    """Let an answer whose parts are not what they should be end as NetlinkError."""
    try:
        yield
    except (struct.error, ValueError, LookupError, OverflowError, OSError) as exc:
        raise NetlinkError(f"a netlink answer was not understood ({exc})") from exc


def parse_attributes(data: bytes, offset: int, end: int) -> dict[int, bytes]:
    """Return the attributes between two offsets by their kind, without its flags; of equal kinds the last."""
    found = {}
    while offset + ATTRIBUTE.size <= end:
        length, kind = ATTRIBUTE.unpack_from(data, offset)
        if length < ATTRIBUTE.size:
            break
        found[kind & 0x3FFF] = data[offset + ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
    return found


def nested(data: bytes) -> dict[int, bytes]:
    """Return the attributes within an attribute."""
    return parse_attributes(data, 0, len(data))


def attribute(kind: int, value: bytes) -> bytes:
    """Return an attribute as it stands in a request."""
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def messages(data: bytes) -> t.Iterator[tuple[int, int, int, int]]:
    """Yield (type, flags, start, end) of each netlink message's payload; raise NetlinkError when one is cut off."""
    offset = 0
    while offset < len(data):
        if offset + _HEADER.size > len(data):
            raise NetlinkError("a netlink answer is truncated")
        length, kind, flags, _dummy, _dummy2 = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size or offset + length > len(data):
            raise NetlinkError("a netlink answer is truncated")
        yield kind, flags, offset + _HEADER.size, offset + length
        offset += (length + 3) & ~3


@understood()
def is_complete(data: bytes) -> bool:
    """Whether the last part of a dump has arrived; raise NetlinkError when the kernel reports a fault."""
    for kind, flags, start, end in messages(data):
        if flags & NLM_F_DUMP_INTR:
            raise DumpInterrupted("the kernel's tables changed while they were read")
        if kind == NLMSG_ERROR:
            raise _refusal(-struct.unpack_from("=i", data, start)[0])
        if kind == NLMSG_DONE:
            # Older kernels tell here what fails at the start of a dump.
            code = struct.unpack_from("=i", data, start)[0] if end - start >= 4 else 0
            if code < 0:
                raise _refusal(-code)
            return True
    return False


def _refusal(code: int) -> NetlinkError:
    if code == errno.ENOENT:
        return NotThere("the kernel has no table of that name")
    if code in (errno.ENETUNREACH, errno.EHOSTUNREACH):
        return NoWay("the kernel knows no route there")
    kind = NotSupported if code in (errno.EINVAL, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT) else NetlinkError
    return kind(f"the kernel refused a netlink request: {os.strerror(code)}")


def _unheard(exc: OSError) -> NetlinkError:
    if exc.errno:
        return _refusal(exc.errno)
    # A timeout has no strerror.
    return NetlinkError(f"the kernel did not answer a netlink request: {exc}")


@understood()
def parse_links(data: bytes) -> list[Link]:
    """Return the links of an RTM_GETLINK dump."""
    rows = []
    for kind, _dummy, start, end in messages(data):
        if kind == RTM_NEWLINK:
            _dummy_family, _dummy_type, index, flags, _dummy_change = _LINK.unpack_from(data, start)
            rows.append((index, flags, parse_attributes(data, start + _LINK.size, end)))
    names = {index: text(attributes.get(IFLA_IFNAME, b"")) for index, dummy, attributes in rows}
    return [
        Link(
            index,
            names[index],
            ":".join(f"{byte:02x}" for byte in attributes.get(IFLA_ADDRESS, b"")),
            flags,
            names.get(struct.unpack("=I", attributes[IFLA_MASTER])[0], "") if IFLA_MASTER in attributes else "",
        )
        for index, flags, attributes in rows
    ]


@understood()
def parse_addresses(data: bytes, links: t.Sequence[Link]) -> list[Address]:
    """Return the addresses of an RTM_GETADDR dump."""
    names = {link.number: link.name for link in links}
    found = []
    for kind, _dummy, start, end in messages(data):
        if kind != RTM_NEWADDR:
            continue
        family, prefix, _dummy_flags, scope, index = _ADDRESS.unpack_from(data, start)
        attributes = parse_attributes(data, start + _ADDRESS.size, end)
        # On a point-to-point link IFA_ADDRESS is the peer's.
        raw = attributes.get(IFA_LOCAL, attributes.get(IFA_ADDRESS, b""))
        if family in (socket.AF_INET, socket.AF_INET6) and raw:
            found.append(
                Address(
                    names.get(index, ""),
                    socket.inet_ntop(socket.AddressFamily(family), raw),
                    prefix,
                    SCOPES.get(scope, str(scope)),
                )
            )
    return found


def text(raw: bytes) -> str:
    """Return an attribute that is a name."""
    return raw.rstrip(b"\0").decode("utf-8", "replace")


def dump(protocol: int, kind: int, body: bytes) -> list[bytes]:
    """Ask the kernel for a whole table; return the parts of its answer, each of whole messages; raise NetlinkError."""
    parts: list[bytes] = []
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as sock:
            sock.settimeout(10)
            sock.bind((0, 0))
            sock.send(_HEADER.pack(_HEADER.size + len(body), kind, NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + body)
            while not (parts and is_complete(parts[-1])):
                parts.append(sock.recv(1 << 18))
                if not parts[-1]:
                    raise NetlinkError("a netlink answer is truncated")
    except OSError as exc:
        raise _unheard(exc) from exc
    return parts


def would_load(module: str, root: str = "") -> bool:
    """Whether a request for what this kernel module has would make the kernel load it; built in, it is there."""
    if os.path.exists(f"{root}/sys/module/{module}"):
        return False
    try:
        with open(f"{root}/lib/modules/{os.uname().release}/modules.dep", encoding="utf-8") as handle:
            return f"/{module}.ko" in handle.read()
    except OSError:
        return False


def get(protocol: int, kind: int, body: bytes) -> bytes:
    """Ask the kernel for one thing; raise NotThere where it has none of that kind."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as sock:
            sock.settimeout(10)
            sock.bind((0, 0))
            sock.send(_HEADER.pack(_HEADER.size + len(body), kind, NLM_F_REQUEST, 1, 0) + body)
            answer = sock.recv(1 << 16)
    except OSError as exc:
        raise _unheard(exc) from exc
    is_complete(answer)  # which raises what the kernel reports
    return answer


def settled(attempt: t.Callable[[], _Answer], attempts: int = 5) -> _Answer:
    """Return an answer during which the kernel's tables did not change; raise DumpInterrupted when they always do."""
    for _attempt in range(attempts - 1):
        with contextlib.suppress(DumpInterrupted):
            return attempt()
    return attempt()


def _dump(kind: int) -> bytes:
    return b"".join(dump(getattr(socket, "NETLINK_ROUTE", 0), kind, bytes(16)))


def _ask_route(body: bytes) -> bytes:
    return get(getattr(socket, "NETLINK_ROUTE", 0), RTM_GETROUTE, body)


def way_out(address: str, links: t.Sequence[Link], ask: t.Callable[[bytes], bytes] = _ask_route) -> str:
    """Return the interface by which this machine answers an address, "" where it knows no way; raise NetlinkError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    value = socket.inet_pton(family, address)
    request = _ROUTE.pack(family, 8 * len(value), 0, 0, 0, 0, 0, 0, 0) + attribute(RTA_DST, value)
    try:
        answer = ask(request)
    except NoWay:
        return ""
    for kind, _dummy, start, end in messages(answer):
        number = parse_attributes(answer, start + _ROUTE.size, end).get(RTA_OIF)
        if kind == RTM_NEWROUTE and number:
            return next((link.name for link in links if link.number == struct.unpack("=I", number)[0]), "")
    return ""


def read_links(ask: t.Callable[[int], bytes] = _dump) -> list[Link]:
    """Return this machine's links."""
    return parse_links(settled(lambda: ask(RTM_GETLINK)))


def read_addresses(links: t.Sequence[Link], ask: t.Callable[[int], bytes] = _dump) -> list[Address]:
    """Return this machine's addresses, of both families."""
    return parse_addresses(settled(lambda: ask(RTM_GETADDR)), links)
