# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Services, as _derive has them -> what to ask, from where, in order to prove them."""

from __future__ import annotations

import ipaddress
import typing as t

Object = t.Dict[str, t.Any]


def outside(
    services: t.Sequence[Object], nodes: t.Mapping[str, t.Sequence[str]], node_port_cidrs: t.Sequence[str]
) -> list[Object]:
    """Return what to ask from outside: every EXTERNAL-IP, and every node port on every node that must answer.

    Each is {target, service, check, node}; target is one of the request_probe module's. nodes: their addresses.
    node_port_cidrs: kube-proxy's nodePortAddresses.
    """
    targets = []
    for service in services:
        if not service["endpoints"]:
            continue
        # kube-proxy serves a node port in the families of the Service's ClusterIPs only.
        versions = list(dict.fromkeys(ipaddress.ip_address(one).version for one in service["cluster_ips"]))
        for port in service["ports"]:
            if port["protocol"] == "SCTP":
                continue  # which needs a client of its own
            for address in service["addresses"]:
                targets.append(_target(service, "EXTERNAL-IP", "", address, port["port"], port))
            if not port["node_port"] or not _tells(port):
                continue
            for node, addresses in nodes.items():
                if service["local"] and node not in service["local_nodes"]:
                    continue
                for address in _node_port_addresses(addresses, versions, node_port_cidrs):
                    targets.append(_target(service, "NodePort", node, address, port["node_port"], port))
    return targets


def _node_port_addresses(
    addresses: t.Sequence[str], versions: t.Sequence[int], node_port_cidrs: t.Sequence[str]
) -> list[str]:
    """Return a node's first address of each family that kube-proxy serves node ports on."""
    networks = [ipaddress.ip_network(cidr, strict=False) for cidr in node_port_cidrs if cidr != "primary"]
    found = []
    for version in versions:
        allowed = [network for network in networks if network.version == version]
        own = [ipaddress.ip_address(one) for one in addresses]
        usable = [
            one for one in own if one.version == version and (not allowed or any(one in network for network in allowed))
        ]
        found += [str(one) for one in usable[:1]]
    return found


def inside(services: t.Sequence[Object]) -> list[Object]:
    """Return what to ask from a node: every ClusterIP, also from a pod there and by name, and what others may not reach.

    That is an EXTERNAL-IP which only routers learn of.
    """
    targets = []
    for service in services:
        if not service["endpoints"]:
            continue
        asked = [port for port in service["ports"] if _tells(port)]
        if asked and not service["internal_local"]:
            name = "{1}.{0}.svc".format(*service["service"].split("/"))
            targets.append(_target(service, "DNS name", "", name, asked[0]["port"], asked[0], "pod"))
        for port in asked:
            if not service["internal_local"]:
                for address in service["cluster_ips"]:
                    for origin in ("node", "pod"):
                        targets.append(_target(service, "ClusterIP", "", address, port["port"], port, origin))
            if by_bgp_only(service) and not service["local"] and not service["source_ranges"]:
                for address in service["addresses"]:
                    targets.append(_target(service, "EXTERNAL-IP", "", address, port["port"], port))
    return targets


def by_bgp_only(service: Object) -> bool:
    """Return whether hosts on the nodes' own segment need not find a Service."""
    return service["bgp"] is not None and not service["layer2"]


def _tells(port: Object) -> bool:
    """Return whether silence means something: not in UDP."""
    return bool(port["protocol"] == "TCP" or port["request"] == "dns")


def _target(
    service: Object, check: str, node: str, address: str, number: int, port: Object, origin: str = "node"
) -> Object:
    target = {
        "address": address,
        "port": number,
        "protocol": port["protocol"].lower(),
        "request": port["request"],
        "origin": origin,
    }
    return {"target": target, "service": service["service"], "check": check, "node": node}


def neighbours(services: t.Sequence[Object]) -> list[str]:
    """Return the addresses that somebody must answer ARP or NDP for."""
    return [
        address
        for service in services
        if service["layer2"] and service["endpoints"]
        for address in service["addresses"]
    ]


def bgp_peers(bgp: Object) -> list[Object]:
    """Return the address and port of every BGP peer that a node could hold a connection to."""
    peers = {(one["address"], one["port"]) for one in bgp.get("sessions") or [] if one["address"]}
    return [{"address": address, "port": port} for address, port in sorted(peers)]


def prefixes(services: t.Sequence[Object]) -> list[str]:
    """Return the prefixes that BGP routers must have received."""
    found = [
        route["prefix"]
        for service in services
        if service["bgp"] is not None and service["endpoints"]
        for route in service["bgp"]["routes"]
    ]
    return list(dict.fromkeys(found))
