# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Address ranges as MetalLB takes them, with what MetalLB silently misreads refused."""

from __future__ import annotations

import functools
import ipaddress
import socket
import typing as t

Address = t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


class AddressRange(t.NamedTuple):
    """An inclusive range of addresses of one family; text is how MetalLB gets it."""

    first: Address
    last: Address
    text: str

    def overlaps(self, other: AddressRange) -> bool:
        """Return whether the two share an address."""
        return (
            self.first.version == other.first.version
            and int(self.first) <= int(other.last)
            and int(other.first) <= int(self.last)
        )

    def holds(self, address: Address) -> bool:
        """Return whether the address lies in the range."""
        return address.version == self.first.version and int(self.first) <= int(address) <= int(self.last)

    def within(self, network: Network) -> bool:
        """Return whether the whole range lies in the network."""
        return network.version == self.first.version and self.first in network and self.last in network

    def addresses(self, most: int) -> list[str]:
        """Return the first addresses of the range, as text."""
        end = min(int(self.last), int(self.first) + most - 1)
        return [str(type(self.first)(number)) for number in range(int(self.first), end + 1)]


# Addresses that no host can be reached by from another one.
UNUSABLE = {
    "0.0.0.0/8": "this network",
    "127.0.0.0/8": "the loopback network",
    "169.254.0.0/16": "the link-local network",
    "224.0.0.0/4": "the multicast network",
    "255.255.255.255/32": "broadcast",
    "::/127": "the host itself",
    "fe80::/10": "the link-local network",
    "ff00::/8": "the multicast network",
}


def parse_range(value: object) -> AddressRange:
    """Return the range that MetalLB would read from a text such as "192.0.2.10-192.0.2.20" or "192.0.2.0/28".

    Raise ValueError with reason and remedy, as the second half of a sentence.
    """
    found = _parse(value)
    for network, what in UNUSABLE.items():
        if found.overlaps(of_network(network)):
            raise ValueError(
                "holds addresses of {0} ({1}), by which no client reaches a Service; choose addresses of the nodes' own "
                "network or of one that is routed to them".format(network, what)
            )
    return found


def _parse(value: object) -> AddressRange:
    if not isinstance(value, str):
        raise ValueError('is not text; write the range in quotes, such as "192.0.2.10-192.0.2.20"')
    text = value.strip()
    if "-" in text:
        return _parse_from_to(text)
    if "/" not in text:
        raise ValueError(
            'is neither a range nor a network; for one address write "{0}/{1}"'.format(text, 128 if ":" in text else 32)
        )
    try:
        interface = ipaddress.ip_interface(text)
    except ValueError as exc:
        raise ValueError('is not a network ({0}); write it as "192.0.2.0/28"'.format(exc)) from exc
    _refuse_special(interface)
    network = interface.network
    if interface.ip != network.network_address:
        raise ValueError(
            'has host bits set and MetalLB would hand out the whole network {0}; write "{1}/{2}" for the one address '
            'or "{0}" for the network'.format(network, interface.ip, interface.max_prefixlen)
        )
    return AddressRange(network.network_address, network.broadcast_address, str(network))


def _parse_from_to(text: str) -> AddressRange:
    first_text, last_text = (part.strip() for part in text.split("-", 1))
    try:
        first, last = ipaddress.ip_address(first_text), ipaddress.ip_address(last_text)
    except ValueError as exc:
        raise ValueError(
            'is not a range ({0}); write both ends in full, such as "192.0.2.10-192.0.2.20"'.format(exc)
        ) from exc
    _refuse_special(first)
    _refuse_special(last)
    if first.version != last.version:
        raise ValueError("mixes IPv4 and IPv6, of which MetalLB makes an empty pool; write one range for each family")
    if int(first) > int(last):
        raise ValueError('starts after its end; write "{0}-{1}"'.format(last, first))
    return AddressRange(first, last, "{0}-{1}".format(first, last))


def parse_address(value: object) -> Address:
    """Return the address of something to talk to; ValueError as in parse_range."""
    if not isinstance(value, str):
        raise ValueError('is not text; write the address in quotes, such as "192.0.2.1"')
    try:
        address = ipaddress.ip_address(value.strip())
    except ValueError as exc:
        raise ValueError('is not an address; write it as "192.0.2.1" or "2001:db8::1", without anything else') from exc
    _refuse_special(address)
    if address.is_multicast or address.is_unspecified:
        raise ValueError("is the address of nobody in particular; write that of one host")
    return address


def _refuse_special(address: Address) -> None:
    """Raise ValueError for forms that Python takes and MetalLB reads as something else or not at all."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            raise ValueError('is an IPv4 address in the form of IPv6; write it as "{0}"'.format(address.ipv4_mapped))
        if getattr(address, "scope_id", None):
            raise ValueError(
                'names an interface ("%{0}"), which MetalLB does not take; leave it out'.format(address.scope_id)
            )


@functools.lru_cache(maxsize=None)  # every Service asks it of every pool
def live_range(text: str) -> AddressRange | None:
    """Return what MetalLB makes of a range of a live pool, which may be of other making; None when it is nothing."""
    try:
        return _parse(text)
    except ValueError:
        pass
    try:
        return of_network(text)  # MetalLB drops the host bits
    except ValueError:
        return None


def is_address(text: str) -> bool:
    """Whether a text is an address, without a mask and without an interface."""
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except OSError:
        return False
    return True


def canonical(address: str) -> str:
    """Return the one way to write an address; what is none stays as it is."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address


def single(address: str) -> AddressRange:
    """Return the range that holds one address."""
    one = ipaddress.ip_address(address)
    return AddressRange(one, one, str(one))


def of_network(network: str) -> AddressRange:
    """Return the range that a network covers; host bits are ignored."""
    net = ipaddress.ip_network(network, strict=False)
    return AddressRange(net.network_address, net.broadcast_address, str(net))
