# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Whom a Service's loadBalancerSourceRanges leave out, as kube-proxy goes by them.

It guards the addresses of status.loadBalancer only, neither ClusterIPs nor node ports, and those of each family by the
ranges of that family: without any of it they are open (pkg/proxy/serviceport.go, newBaseServiceInfo).
"""

from __future__ import annotations

import contextlib
import ipaddress
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _ipvs

Object = t.Dict[str, t.Any]
Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
GUARDED = "EXTERNAL-IP"  # the check of the proof whose requests they concern


def networks(texts: t.Iterable[str]) -> list[Network]:
    """Return the ranges as kube-proxy reads them: it passes over what is none, and the API admits blanks around them."""
    found = []
    for text in texts:
        address, _dummy, prefix = text.strip().partition("/")
        with contextlib.suppress(ValueError, OSError):
            found.append(ipaddress.ip_network((_ipvs.canonical_address(address), int(prefix)), strict=False))
    return list(dict.fromkeys(found))


def of_family(service: Object, ipv6: bool) -> list[Network]:
    """Return the ranges that hold for the addresses of one family."""
    return [one for one in networks(service["source_ranges"]) if (one.version == 6) == ipv6]


def admitted(service: Object, check: str, address: str, client: str) -> bool | None:
    """Return whether a request is let in; None where that depends on the client's address, and it is "", not known."""
    ranges = of_family(service, ":" in address) if check == GUARDED else []
    if not ranges:
        return True
    return any(ipaddress.ip_address(client) in one for one in ranges) if client else None
