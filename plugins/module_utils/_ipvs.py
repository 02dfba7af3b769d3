# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The node's IPVS table: one data model, read from /proc/net/ip_vs or from ``ipvsadm -Ln``.

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import os
import re
import socket
import time
import typing as t

PROC_FILE = "/proc/net/ip_vs"

# clockid_t of <linux/time.h>; Python has no name for it. Its resolution is the kernel's tick.
CLOCK_MONOTONIC_COARSE = 6


class IpvsError(Exception):
    """The table could not be read as a whole; the message is a sentence for the user."""


class NoIpvs(IpvsError):
    """The kernel has no IPVS: a state of the node, not a failure to read."""


class RealServer(t.NamedTuple):
    """How one backend is served, without its address (the key of VirtualServer.real_servers)."""

    forward: str  # "Masq", "Route", "Tunnel" or "Local"
    weight: int
    active: int
    inactive: int


class VirtualServer(t.NamedTuple):
    """One virtual server with its real servers, keyed by "address:port" or "[address]:port"."""

    protocol: str  # "TCP", "UDP", "SCTP", or "FWM" for a firewall mark
    endpoint: str  # "address:port" or "[address]:port"; the mark in decimals for "FWM"
    scheduler: str
    flags: t.Sequence[str]  # "ops" and the scheduler's own flags; the latter are shown by ipvsadm only
    persistence: int  # seconds; 0: none
    netmask: str  # granularity of the persistence, "" without it: dotted for IPv4, a length for IPv6
    real_servers: dict[str, RealServer]


class Table(t.NamedTuple):
    """What was read: the servers and the lines that nobody understood."""

    virtual_servers: list[VirtualServer]
    unparsed: list[str]


def split_endpoint(endpoint: str) -> tuple[str, int]:
    """Split "address:port" or "[address]:port"."""
    address, _dummy, port = endpoint.rpartition(":")
    return address.strip("[]"), int(port)


def join_endpoint(address: str, port: int) -> str:
    """Join an address of either family with a port, as Go's net.JoinHostPort does."""
    if ":" in address:
        return f"[{address}]:{port}"
    return f"{address}:{port}"


def canonical_address(text: str) -> str:
    """Return the one spelling of an address that all tables of this collection are keyed by."""
    if ":" in text:
        return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, text))
    if ".0" in text or text.startswith("0"):
        # Old API objects may carry leading zeros; kube-proxy reads them as decimals.
        return ".".join(str(int(part)) for part in text.split("."))
    return text


def _proc_port(text: str) -> int:
    # int() would take signs and underscores as well.
    return int.from_bytes(bytes.fromhex(text), "big")


def _proc_endpoint(token: str) -> str:
    """Return the endpoint of "C0A864F0:0050" or "[fd00:0000:...:0001]:0050"."""
    if len(token) == 13 and token[8] == ":":
        return f"{socket.inet_ntoa(bytes.fromhex(token[:8]))}:{_proc_port(token[9:])}"
    address, _dummy, port = token.rpartition(":")
    if not (address.startswith("[") and address.endswith("]")):
        raise ValueError(token)
    return f"[{canonical_address(address[1:-1])}]:{_proc_port(port)}"


def _proc_netmask(text: str, ipv6: bool) -> str:
    """Return the netmask of a persistent service: for IPv6 the kernel prints the prefix length byte-swapped."""
    raw = bytes.fromhex(text)
    return str(int.from_bytes(raw, "little")) if ipv6 else socket.inet_ntoa(raw)


def _proc_virtual_server(words: list[str], hz: int) -> VirtualServer:
    """Parse "TCP 0A600001:01BB rr persistent 2700000 FFFFFFFF" and its kin, split into words."""
    protocol, token, scheduler = words[:3]
    if protocol == "FWM":
        endpoint = str(int(token, 16))
    elif protocol in ("TCP", "UDP", "SCTP"):
        endpoint = _proc_endpoint(token)
    else:
        raise ValueError(protocol)
    flags: list[str] = []
    persistence, netmask = 0, ""
    rest = words[3:]
    while rest:
        word = rest.pop(0)
        if word == "persistent":
            # In ticks of the kernel, not in seconds.
            persistence = round(int(rest.pop(0)) / hz)
            netmask = _proc_netmask(rest.pop(0), token.startswith("["))
        else:
            flags.append(word)
    return VirtualServer(protocol, endpoint, scheduler, flags, persistence, netmask, {})


def _real_server(tail: str) -> RealServer:
    """Parse "Masq    1      0          0", which both sources share."""
    forward, weight, active, inactive = tail.split()
    if forward not in ("Masq", "Route", "Tunnel", "Local"):
        raise ValueError(forward)
    return RealServer(forward, int(weight), int(active), int(inactive))


def _parse(
    text: str,
    source: str,
    virtual_server: t.Callable[[list[str]], VirtualServer],
    endpoint: t.Callable[[str], str],
) -> Table:
    lines = text.split("\n")
    if lines.pop() != "":
        raise IpvsError("{} is truncated: its last line {!r} has no end".format(source, text[-80:].split("\n")[-1]))
    if len(lines) < 3 or not (
        lines[0].startswith("IP Virtual Server version ")
        and lines[1].startswith("Prot LocalAddress:Port")
        and lines[2].startswith("  -> RemoteAddress:Port")
    ):
        raise IpvsError(f"{source} does not begin with the header of an IPVS table")
    servers: list[VirtualServer] = []
    unparsed: list[str] = []
    # A large table repeats the same few endings and, on every address of a node port, the same backends.
    endpoints: dict[str, str] = {}
    tails: dict[str, RealServer] = {}
    current: t.Optional[dict[str, RealServer]] = None
    for line in lines[3:]:
        try:
            if line.startswith("  -> "):
                if current is None:
                    raise ValueError(line)
                token, tail = line[5:].split(None, 1)
                key = endpoints.get(token)
                if key is None:
                    key = endpoints[token] = endpoint(token)
                real_server = tails.get(tail)
                if real_server is None:
                    real_server = tails[tail] = _real_server(tail)
                current[key] = real_server
            else:
                # Set first: the real servers of a line that is not understood must not go to its predecessor.
                current = None
                servers.append(virtual_server(line.split()))
                current = servers[-1].real_servers
        except (ValueError, IndexError, OSError, OverflowError):
            unparsed.append(line)
    return Table(servers, unparsed)


def parse_proc(text: str, hz: int, source: str = PROC_FILE) -> Table:
    """Parse the text of /proc/net/ip_vs of a kernel with HZ ticks a second; raise IpvsError when it is cut off."""
    return _parse(text, source, lambda words: _proc_virtual_server(words, hz), _proc_endpoint)


def _ipvsadm_endpoint(token: str) -> str:
    address, port = split_endpoint(token)
    return join_endpoint(canonical_address(address), port)


_SCHEDULER_FLAGS = re.compile(r"^\(([^()]+)\)$")


def _ipvsadm_virtual_server(words: list[str]) -> VirtualServer:
    """Parse "TCP 192.0.2.1:80 mh (mh-port) persistent 10800 mask 255.255.255.0 pe sip ops", split into words."""
    protocol, token = words[:2]
    rest = words[2:]
    ipv6 = token.startswith("[")
    if protocol == "FWM":
        endpoint = str(int(token))
        if rest[0] == "IPv6":
            ipv6 = True
            rest.pop(0)
    elif protocol in ("TCP", "UDP", "SCTP"):
        endpoint = _ipvsadm_endpoint(token)
    else:
        raise ValueError(protocol)
    scheduler = rest.pop(0)
    flags: list[str] = []
    persistence, netmask = 0, ""
    while rest:
        word = rest.pop(0)
        match = _SCHEDULER_FLAGS.match(word)
        if match:
            flags.extend(match.group(1).split(","))
        elif word == "persistent":
            persistence = int(rest.pop(0))
            netmask = "128" if ipv6 else "255.255.255.255"
        elif word == "mask":
            netmask = rest.pop(0)
        elif word == "pe":
            flags.append("pe " + rest.pop(0))
        else:
            flags.append(word)
    return VirtualServer(protocol, endpoint, scheduler, flags, persistence, netmask, {})


def parse_ipvsadm(text: str, source: str = "ipvsadm -Ln") -> Table:
    """Parse the output of ``ipvsadm -Ln``; raise IpvsError when it is cut off."""
    return _parse(text, source, _ipvsadm_virtual_server, _ipvsadm_endpoint)


def tick_rate(clock_resolution: t.Callable[[int], float] = time.clock_getres) -> int:
    """Return the kernel's HZ: a coarse clock advances once a tick."""
    return round(1 / clock_resolution(CLOCK_MONOTONIC_COARSE))


def available(path: str = PROC_FILE) -> bool:
    """Whether the kernel has IPVS. Asked before ipvsadm is run, which would load the kernel's module."""
    return os.path.exists(path)


def read_proc(path: str = PROC_FILE, hz: t.Optional[int] = None) -> Table:
    """Read the table from the kernel; raise NoIpvs when the kernel has none."""
    chunks = []
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError as exc:
        raise NoIpvs(f"the kernel has no IPVS ({path} does not exist)") from exc
    except OSError as exc:
        raise IpvsError(f"cannot read {path}: {exc.strerror}") from exc
    try:
        while True:
            chunk = os.read(descriptor, 1 << 20)
            if not chunk:
                break
            chunks.append(chunk)
    except OSError as exc:
        raise IpvsError(f"cannot read {path}: {exc.strerror}") from exc
    finally:
        os.close(descriptor)
    return parse_proc(b"".join(chunks).decode("ascii", "replace"), hz or tick_rate(), path)


def server_dict(server: VirtualServer) -> dict[str, t.Any]:
    """Return a virtual server as a module returns it."""
    address, port, mark = "", 0, 0
    if server.protocol == "FWM":
        mark = int(server.endpoint)
    else:
        address, port = split_endpoint(server.endpoint)
    real_servers = []
    for endpoint, real in server.real_servers.items():
        real_address, real_port = split_endpoint(endpoint)
        real_servers.append(
            {
                "address": real_address,
                "port": real_port,
                "forward": real.forward,
                "weight": real.weight,
                "active_connections": real.active,
                "inactive_connections": real.inactive,
            }
        )
    return {
        "protocol": server.protocol,
        "address": address,
        "port": port,
        "firewall_mark": mark,
        "scheduler": server.scheduler,
        "flags": list(server.flags),
        "persistence": server.persistence,
        "persistence_netmask": server.netmask,
        "real_servers": real_servers,
    }
