# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The TCP connections that this machine holds, from /proc/net/tcp and /proc/net/tcp6.

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import typing as t

FILES = ("/proc/net/tcp", "/proc/net/tcp6")

_ESTABLISHED = "01"


def remote_end(address: str, port: int) -> str:
    """Return an address and port as the kernel writes the remote end of a connection."""
    raw = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    # Network order, printed as numbers of this machine's byte order.
    words = struct.unpack("={0}I".format(len(raw) // 4), raw)
    return "".join("{0:08X}".format(word) for word in words) + ":{0:04X}".format(port)


def own_address(end: str) -> str:
    """Return the address of an end that the kernel has written, see remote_end."""
    digits = end.partition(":")[0]
    words = [int(digits[start : start + 8], 16) for start in range(0, len(digits), 8)]
    raw = struct.pack("={0}I".format(len(words)), *words)
    return socket.inet_ntop(socket.AF_INET6 if len(raw) > 4 else socket.AF_INET, raw)


def connected(peers: t.Sequence[tuple[str, int]], lines: t.Iterable[str]) -> list[str]:
    """Return for each address and port this machine's own address of a connection, "" where there is none.

    The connection is one to it, or one from its address to our same port.
    """
    wanted = {remote_end(address, port) for address, port in peers}
    found: dict[str, str] = {}
    for line in lines:
        words = line.split(None, 4)
        if len(words) > 3 and words[3] == _ESTABLISHED:
            own_port = words[1][-5:]
            for end in wanted.intersection((words[2], words[2][:-5] + own_port)):
                found[end] = own_address(words[1])
    return [found.get(remote_end(address, port), "") for address, port in peers]


def read_lines() -> t.Iterator[str]:
    """Return the connections of this machine as the kernel lists them."""
    for path in FILES:
        # A kernel without IPv6 has one of them only.
        with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii", errors="replace") as handle:
            yield from handle
