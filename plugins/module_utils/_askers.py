# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Many nodes -> which of them ask by ARP and NDP for which address. All of them would only flood the segment."""

from __future__ import annotations

import ipaddress
import typing as t

Object = t.Dict[str, t.Any]


def pick(state: Object, seen: t.Mapping[str, Object], most: int) -> Object:
    """Return {hosts: host -> addresses that it asks for, nodes: Node -> those that it announces, and asks for as well}.

    state: what expected_state_info returned. seen: host -> what the arp_probe module returned there when it was asked for no
    address, whatever became of it; in the order of the play. most: so many hosts ask for an address, of those on its link.
    """
    first = list(seen)[:most]
    unknown = [host for host in first if "networks" not in seen[host] or seen[host].get("failed")]
    by_networks: dict[tuple[str, ...], list[str]] = {}
    for host, found in seen.items():
        if host not in unknown:
            by_networks.setdefault(tuple(found.get("networks") or []), []).append(host)
    order = {host: number for number, host in enumerate(seen)}
    parsed = [([ipaddress.ip_network(one) for one in some], hosts) for some, hosts in by_networks.items()]
    hosts: dict[str, list[str]] = {}
    for address in state["targets"]["arp"]:
        one = ipaddress.ip_address(address)
        near = [host for some, group in parsed if any(one in network for network in some) for host in group[:most]]
        near = sorted(near, key=order.__getitem__)[:most]
        # It may be on the link of a route that nobody told of, or of a host that told nothing.
        for host in dict.fromkeys([*near, *unknown] if near else first):
            hosts.setdefault(host, []).append(address)
    nodes: dict[str, list[str]] = {}
    wanted = set(state["targets"]["arp"])
    for service in state["services"]:
        for node in service["announcers"] or []:
            nodes.setdefault(node, []).extend(one for one in service["addresses"] if one in wanted)
    return {"hosts": hosts, "nodes": nodes}
