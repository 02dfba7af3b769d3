# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""A node's TCP connections, from /proc/net/tcp and tcp6: has a BGP session been made, whoever speaks BGP there."""

from __future__ import annotations

import ipaddress
import struct
import typing as t

FILES = ("/proc/net/tcp", "/proc/net/tcp6")
ESTABLISHED, CONNECTING, NONE = "established", "connecting", "none"
# The kernel's numbers (include/net/tcp_states.h).
_STATES = {1: ESTABLISHED, 2: CONNECTING}


class Connection(t.NamedTuple):
    """One connection as the kernel has it."""

    local: str
    local_port: int
    remote: str
    remote_port: int
    state: str  # ESTABLISHED, CONNECTING or NONE for all others


def parse(text: str) -> list[Connection]:
    """Return the connections of one of the files; lines that are none are left out."""
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        try:
            local, remote, state = _end(fields[1]), _end(fields[2]), int(fields[3], 16)
        except (IndexError, ValueError, struct.error):
            continue  # the kernel was writing, or this is no such file: then there is no connection to be seen
        found.append(Connection(*local, *remote, _STATES.get(state, NONE)))
    return found


def _end(text: str) -> tuple[str, int]:
    """Return address and port; the kernel writes each 32 bits of an address in the machine's own order."""
    address, _colon, port = text.partition(":")
    words = [int(address[start : start + 8], 16) for start in range(0, len(address), 8)]
    packed = struct.pack("={0}I".format(len(words)), *words)
    one = ipaddress.ip_address(packed)
    mapped = one.ipv4_mapped if isinstance(one, ipaddress.IPv6Address) else None
    return str(mapped or one), int(port, 16)


def session(connections: t.Sequence[Connection], address: str, port: int) -> tuple[str, str]:
    """Return the state of the session with a peer and our own end of it ("" where there is none).

    Either side may have dialled: the peer's port is at its own end then.
    """
    wanted = str(ipaddress.ip_address(address))
    own = [
        one
        for one in connections
        if one.remote == wanted and port in (one.remote_port, one.local_port) and one.state != NONE
    ]
    for state in (ESTABLISHED, CONNECTING):
        for one in own:
            if one.state == state:
                return state, one.local
    return NONE, ""


def read() -> list[Connection]:
    """Return the node's connections; a kernel without IPv6 has one file only."""
    found = []
    for name in FILES:
        try:
            with open(name, encoding="ascii") as file:
                found.extend(parse(file.read()))
        except FileNotFoundError:
            continue
    return found
