# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Who answers ARP (RFC 826) or NDP (see _ndp) for an address, and from which hardware addresses.

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import select
import socket
import struct
import time
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _ndp
from ansible_collections.kubeaddons.metallb.plugins.module_utils._addresses import Network, canonical
from ansible_collections.kubeaddons.metallb.plugins.module_utils._netlink import (
    IFF_LOOPBACK,
    IFF_NOARP,
    IFF_UP,
    Address,
    Link,
)

ETH_P_ARP = 0x0806
REQUEST = 1
REPLY = 2
BROADCAST = b"\xff" * 6
# Its addresses are those that kube-proxy makes every node accept; they say nothing about who owns one.
DUMMY_INTERFACE = "kube-ipvs0"

_FRAME = struct.Struct("!6s6sHHHBBH6s4s6s4s")


class ArpError(Exception):
    """The probe could not be made; the message is a sentence for the user."""


class Route(t.NamedTuple):
    """One route without a gateway: its destinations are neighbours on the link."""

    interface: str
    network: Network
    metric: int


class Near(t.NamedTuple):
    """A network whose addresses are neighbours, and how they are asked for."""

    network: Network
    metric: int  # the higher of two for the same network wins
    link: Link
    sender: str


class Way(t.NamedTuple):
    """How an address is asked for."""

    link: Link
    sender: str  # this machine's own address there; IPv4: "0.0.0.0" when it has none, IPv6: the link-local one
    on_link: bool


class Frame(t.NamedTuple):
    """What came in by an interface: an Ethernet frame with ARP, or an ICMPv6 message."""

    interface: str
    ipv6: bool
    data: bytes


def format_mac(raw: bytes) -> str:
    """Return "02:00:5e:00:53:01"."""
    return ":".join(f"{byte:02x}" for byte in raw)


def parse_mac(text: str) -> bytes:
    """Return the bytes of "02:00:5e:00:53:01"."""
    return bytes.fromhex(text.replace(":", ""))


def build_request(mac: str, sender: str, target: str) -> bytes:
    """Return the Ethernet frame that asks for an address.

    The sender is the machine's own address: every receiver may put it into its ARP table.
    """
    return _FRAME.pack(
        BROADCAST,
        parse_mac(mac),
        ETH_P_ARP,
        1,  # Ethernet
        0x0800,  # IPv4
        6,
        4,
        REQUEST,
        parse_mac(mac),
        socket.inet_aton(sender),
        bytes(6),
        socket.inet_aton(target),
    )


def parse_reply(frame: bytes) -> t.Optional[tuple[str, str]]:
    """Return the (address, MAC) that an ARP reply claims, or None for any other frame."""
    if len(frame) < _FRAME.size:
        return None
    fields = _FRAME.unpack_from(frame)
    if fields[2:8] != (ETH_P_ARP, 1, 0x0800, 6, 4, REPLY):
        return None
    return socket.inet_ntoa(fields[9]), format_mac(fields[8])


def parse_routes(text: str, text6: str = "") -> list[Route]:
    """Return the routes of /proc/net/route and /proc/net/ipv6_route that need no gateway."""
    routes = [
        Route(row.interface, ipaddress.IPv6Network((row.destination, row.prefix)), row.metric)
        for row in _ndp.parse_routes(text6)
        if not row.gateway and not ipaddress.IPv6Address(row.destination).is_link_local
    ]
    for line in text.splitlines()[1:]:
        words = line.split()
        # What is cut off or garbled is no route.
        with contextlib.suppress(ValueError, IndexError, struct.error):
            if int(words[2], 16) != 0 or not int(words[3], 16) & 0x1 or int(words[3], 16) & 0x200:
                continue
            destination, mask = (socket.inet_ntoa(struct.pack("=I", int(word, 16))) for word in (words[1], words[7]))
            network = ipaddress.IPv4Network(f"{destination}/{mask}", strict=False)
            routes.append(Route(words[0], network, int(words[6])))
    return routes


def parse_gateways(text: str, text6: str = "") -> list[str]:
    """Return the gateways of the default routes in /proc/net/route and /proc/net/ipv6_route, best first."""
    found = []
    for line in text.splitlines()[1:]:
        words = line.split()
        with contextlib.suppress(ValueError, IndexError, struct.error):
            if int(words[1], 16) == 0 and int(words[7], 16) == 0 and int(words[2], 16) != 0:
                found.append((int(words[6]), socket.inet_ntoa(struct.pack("=I", int(words[2], 16)))))
    found6 = [row.gateway for row in _ndp.parse_routes(text6) if row.gateway and row.prefix == 0]
    return [gateway for _metric, gateway in sorted(found)] + found6


def _link_local(row: Address) -> bool:
    return ":" in row.address and row.scope == "link"


def _speaks_arp(link: Link) -> bool:
    return bool(link.flags & IFF_UP) and not link.flags & (IFF_NOARP | IFF_LOOPBACK) and len(link.mac) == 17


def _own(version: int, addresses: t.Sequence[Address]) -> dict[str, str]:
    """Return the address that each interface asks by."""
    own: dict[str, str] = {}
    for row in addresses:
        # Neighbour discovery speaks between link-local addresses, and so does MetalLB.
        if (":" in row.address) == (version == 6) and (version == 4 or _link_local(row)):
            own.setdefault(row.interface, row.address)
    return own


def _usable(version: int, links: t.Sequence[Link], own: t.Mapping[str, str]) -> dict[str, Link]:
    """Return the interfaces that can be asked on."""
    return {
        link.name: link
        for link in links
        if _speaks_arp(link) and link.name != DUMMY_INTERFACE and (version == 4 or link.name in own)
    }


def near(
    version: int, links: t.Sequence[Link], addresses: t.Sequence[Address], routes: t.Sequence[Route]
) -> list[Near]:
    """Return the networks of one family whose addresses are neighbours, by own addresses and by routes."""
    own = _own(version, addresses)
    usable = _usable(version, links, own)
    found = []
    for row in addresses:
        if row.interface in usable and (":" in row.address) == (version == 6) and not _link_local(row):
            network = ipaddress.ip_network(f"{row.address}/{row.prefix}", strict=False)
            found.append(Near(network, 0, usable[row.interface], row.address if version == 4 else own[row.interface]))
    for route in routes:
        if route.interface in usable and route.network.version == version:
            sender = own.get(route.interface, "0.0.0.0")
            found.append(Near(route.network, -1 - route.metric, usable[route.interface], sender))
    return found


def networks(links: t.Sequence[Link], addresses: t.Sequence[Address], routes: t.Sequence[Route]) -> list[str]:
    """Return those of both families together, without those of one address, of which each pod has one."""
    found: list[str] = []
    for version in (4, 6):
        wide = [one.network for one in near(version, links, addresses, routes) if one.network.num_addresses > 1]
        found.extend(str(one) for one in ipaddress.collapse_addresses(t.cast("t.Any", wide)))
    return found


def choose_way(
    target: str,
    links: t.Sequence[Link],
    addresses: t.Sequence[Address],
    routes: t.Sequence[Route],
    interface: str = "",
) -> t.Optional[Way]:
    """Return the interface that an address is a neighbour on, or None. A named interface is used in any case."""
    wanted = ipaddress.ip_address(target)
    some = [link for link in links if interface in ("", link.name)]
    candidates = [one for one in near(wanted.version, some, addresses, routes) if wanted in one.network]
    if candidates:
        # The most specific wins, as in the kernel's routing.
        best = max(candidates, key=lambda one: (one.network.prefixlen, one.metric))
        return Way(best.link, best.sender, True)
    own = _own(wanted.version, addresses)
    usable = _usable(wanted.version, some, own)
    if interface and interface in usable:
        return Way(usable[interface], own.get(interface, "0.0.0.0"), False)
    return None


def own_addresses(addresses: t.Sequence[Address]) -> set[str]:
    """Return the addresses that are configured on this machine, not counting kube-proxy's own interface."""
    return {row.address for row in addresses if row.interface != DUMMY_INTERFACE}


def describe_interfaces(
    links: t.Sequence[Link], addresses: t.Sequence[Address], read: t.Callable[[str], str]
) -> list[dict[str, t.Any]]:
    """Return the interfaces that could answer, so that a MAC can be told to be this machine's."""
    general = _setting(read, "rp_filter") or 0
    found = []
    for link in links:
        # A link-local address is what every pod's interface has.
        here = [row.address for row in addresses if row.interface == link.name and not _link_local(row)]
        if here and link.name != DUMMY_INTERFACE and not link.flags & IFF_LOOPBACK and len(link.mac) == 17:
            # The kernel goes by the higher of the two (Documentation/networking/ip-sysctl.rst).
            own = _setting(read, "rp_filter", link.name) or 0
            found.append({"name": link.name, "mac": link.mac, "addresses": here, "rp_filter": max(general, own)})
    return found


def _setting(read: t.Callable[[str], str], name: str, interface: str = "all") -> t.Optional[int]:
    try:
        return int(read("/proc/sys/net/ipv4/conf/{0}/{1}".format(interface, name)))
    except (OSError, ValueError):
        return None


def arp_settings(read: t.Callable[[str], str]) -> dict[str, t.Any]:
    """Return the sysctls that kube-proxy's strict ARP sets; None where they cannot be read."""
    ignore, announce = _setting(read, "arp_ignore"), _setting(read, "arp_announce")
    return {
        "arp_ignore": ignore,
        "arp_announce": announce,
        "strict_arp": ignore is not None and ignore >= 1 and announce == 2,
    }


class Wire(t.Protocol):
    """The link layer of one or more interfaces."""

    def ask(self, target: str, way: Way) -> None:
        """Ask for an address once."""

    def receive(self, seconds: float) -> list[Frame]:
        """Wait for frames at most this long."""


def probe(
    ways: t.Mapping[str, Way],
    wire: Wire,
    timeout: float,
    attempts: int,
    clock: t.Callable[[], float],
) -> dict[str, set[str]]:
    """Ask for all addresses at once, ``attempts`` times during ``timeout`` seconds; return every MAC that answered."""
    answers: dict[str, set[str]] = {target: set() for target in ways}
    if not ways:
        return answers
    began = clock()
    sent = 0
    while True:
        now = clock() - began
        if sent and now >= timeout:
            return answers
        if sent < attempts and now >= sent * timeout / attempts:
            for target, way in ways.items():
                wire.ask(target, way)
            sent += 1
            continue
        until = sent * timeout / attempts if sent < attempts else timeout
        for interface, ipv6, data in wire.receive(max(0.0, until - now)):
            reply = _ndp.parse_advertisement(data) if ipv6 else parse_reply(data)
            if reply and reply[0] in ways and ways[reply[0]].link.name == interface:
                answers[reply[0]].add(reply[1])


class _Channel(t.NamedTuple):
    """One socket."""

    interface: str
    ipv6: bool
    sock: socket.socket


class RawWire:
    """Raw sockets, one for each interface and address family that is asked on."""

    def __init__(self, ways: t.Mapping[str, Way]) -> None:
        self._channels: dict[int, _Channel] = {}
        self._poll = select.poll()
        try:
            for ipv6, link, sender in sorted({(":" in target, way.link, way.sender) for target, way in ways.items()}):
                if not any(row.interface == link.name and row.ipv6 == ipv6 for row in self._channels.values()):
                    self._open(ipv6, link, sender)
        except PermissionError as exc:
            self.close()
            raise ArpError("asking for hardware addresses needs raw sockets: run this task with become: true") from exc
        except OSError as exc:
            self.close()
            raise ArpError(f"cannot open a raw socket: {exc.strerror}") from exc

    def _open(self, ipv6: bool, link: Link, sender: str) -> None:
        if ipv6:
            try:
                sock = _ndp.open_socket(link.number, sender)
            except OSError as exc:
                if exc.errno != errno.EADDRNOTAVAIL:
                    raise
                # The kernel still looks whether the link-local address is free: nothing can be sent from it yet.
                return
        else:
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
        self._channels[sock.fileno()] = _Channel(link.name, ipv6, sock)
        if not ipv6:
            sock.bind((link.name, ETH_P_ARP))
        sock.setblocking(False)
        self._poll.register(sock, select.POLLIN)

    def close(self) -> None:
        """Close the sockets."""
        for channel in self._channels.values():
            channel.sock.close()
        self._channels.clear()

    def ask(self, target: str, way: Way) -> None:
        """Ask for an address; a full queue or a link that went down is a lost request, not a fault."""
        ipv6 = ":" in target
        for channel in self._channels.values():
            if (channel.interface, channel.ipv6) != (way.link.name, ipv6):
                continue
            with contextlib.suppress(OSError):
                if ipv6:
                    question = _ndp.build_solicitation(way.link.mac, target)
                    channel.sock.sendto(question, (_ndp.solicited_node(target), 0, 0, way.link.number))
                else:
                    channel.sock.send(build_request(way.link.mac, way.sender, target))

    def receive(self, seconds: float) -> list[Frame]:
        """Wait for frames at most this long."""
        frames = []
        for descriptor, _dummy in self._poll.poll(int(seconds * 1000) + 1):
            interface, ipv6, sock = self._channels[descriptor]
            try:
                while True:
                    frames.append(Frame(interface, ipv6, sock.recv(2048)))
            except OSError:
                # Nothing left, or the link went down.
                pass
        return frames


def probe_addresses(
    targets: t.Sequence[str],
    links: t.Sequence[Link],
    addresses: t.Sequence[Address],
    routes: t.Sequence[Route],
    interface: str,
    timeout: float,
    attempts: int,
    open_wire: t.Callable[[t.Mapping[str, Way]], RawWire] = RawWire,
    clock: t.Callable[[], float] = time.monotonic,
) -> list[dict[str, t.Any]]:
    """Return one result for each target, in order."""
    if interface and interface not in {link.name for link in links}:
        raise ArpError(f"there is no interface {interface} here")
    chosen = {target: choose_way(target, links, addresses, routes, interface) for target in map(canonical, targets)}
    ways = {target: way for target, way in chosen.items() if way is not None}
    answers: dict[str, set[str]] = {}
    if ways:
        wire = open_wire(ways)
        try:
            answers = probe(ways, wire, timeout, attempts, clock)
        finally:
            wire.close()
    own = own_addresses(addresses)
    results = []
    for target in targets:
        way = chosen[canonical(target)]
        results.append(
            {
                "address": target,
                "interface": way.link.name if way else "",
                "on_link": way.on_link if way else False,
                "macs": sorted(answers.get(canonical(target), ())),
                "own": canonical(target) in own,
            }
        )
    return results
