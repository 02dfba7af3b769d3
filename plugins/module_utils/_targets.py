# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Services, as _derive has them -> what to ask, from where, in order to prove them."""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._source_ranges import admitted

Object = t.Dict[str, t.Any]

# Nodes on which a node port is asked where there are more. Whether kube-proxy serves it on the others, their tables tell.
MOST_NODES = 10


class Outside(t.NamedTuple):
    """What to ask from outside."""

    targets: list[Object]  # each {target, service, check, node}; target is one of the request_probe module's
    left_out: int  # requests to node ports that are not made, because of MOST_NODES


def outside(
    services: t.Sequence[Object], nodes: t.Mapping[str, t.Sequence[str]], node_port_cidrs: t.Sequence[str]
) -> Outside:
    """Return every EXTERNAL-IP, and every node port on nodes that must answer; on which, see _in_turn.

    nodes: their addresses. node_port_cidrs: kube-proxy's nodePortAddresses.
    """
    served = [
        (service, port)
        for service in services
        if service["backends"]
        for port in service["ports"]
        if port["protocol"] != "SCTP"  # which needs a client of its own
    ]
    # What every node serves goes round among them; each port takes as many as it needs to come round once.
    everywhere = sum(1 for service, port in served if port["node_port"] and _tells(port) and not service["local"])
    most = max(MOST_NODES, -(-len(nodes) // max(1, everywhere)))
    families = _families(nodes, node_port_cidrs)
    targets: list[Object] = []
    turn = left_out = 0
    for service, port in served:
        for address in service["addresses"]:
            targets.append(_target(service, "EXTERNAL-IP", "", address, port["port"], port))
        if port["node_port"] and _tells(port):
            usable = _node_ports(service, nodes, families)
            chosen = _in_turn(list(usable), turn, most)
            turn += 0 if service["local"] else most
            left_out += sum(len(usable[node]) for node in usable.keys() - set(chosen))
            for node in chosen:
                for address in usable[node]:
                    targets.append(_target(service, "NodePort", node, address, port["node_port"], port))
    return Outside(targets, left_out)


def _in_turn(nodes: t.Sequence[str], turn: int, most: int) -> t.Sequence[str]:
    """Return at most so many nodes, from the one on that is next."""
    if len(nodes) <= most:
        return nodes
    return [nodes[(turn + step) % len(nodes)] for step in range(most)]


def _node_ports(
    service: Object, nodes: t.Iterable[str], families: t.Mapping[int, t.Mapping[str, str]]
) -> dict[str, list[str]]:
    """Return by node the addresses at which the node ports of a Service must answer. families: see _families."""
    # kube-proxy serves a node port in the families of the Service's ClusterIPs only.
    versions = list(dict.fromkeys(ipaddress.ip_address(one).version for one in service["cluster_ips"]))
    local = set(service["local_nodes"])
    found = {
        node: [families[version][node] for version in versions if node in families[version]]
        for node in nodes
        if not service["local"] or node in local
    }
    return {node: addresses for node, addresses in found.items() if addresses}


def _families(nodes: t.Mapping[str, t.Sequence[str]], node_port_cidrs: t.Sequence[str]) -> dict[int, dict[str, str]]:
    """Return by version of IP each node's first address that kube-proxy serves node ports on."""
    networks = [ipaddress.ip_network(cidr, strict=False) for cidr in node_port_cidrs if cidr != "primary"]
    found: dict[int, dict[str, str]] = {}
    for version in (4, 6):
        allowed = [network for network in networks if network.version == version]
        found[version] = {}
        for node, addresses in nodes.items():
            for one in map(ipaddress.ip_address, addresses):
                if one.version == version and (not allowed or any(one in network for network in allowed)):
                    found[version].setdefault(node, str(one))
    return found


def inside(services: t.Sequence[Object]) -> list[Object]:
    """Return what to ask from a node: every ClusterIP, also from a pod there and by name, and every EXTERNAL-IP from the pod.

    From the node itself one that only routers learn of, since others may not reach it.
    """
    targets = []
    for service in services:
        if not service["backends"]:
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
            targets.extend(_external_inside(service, port))
    return targets


def _external_inside(service: Object, port: Object) -> list[Object]:
    """Return a port of every EXTERNAL-IP that each node, or a pod there, must reach."""
    if service["local"]:
        return []  # it depends on kube-proxy's mode and release who is served inside
    return [
        _target(service, "EXTERNAL-IP", "", address, port["port"], port, origin)
        for address in service["addresses"]
        # Where it depends on the address of who asks, requests from outside tell.
        if admitted(service, "EXTERNAL-IP", address, "")
        for origin in (("node", "pod") if by_bgp_only(service) else ("pod",))
    ]


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
        address for service in services if service["layer2"] and service["backends"] for address in service["addresses"]
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
        if service["bgp"] is not None and service["backends"]
        for route in service["bgp"]["routes"]
    ]
    return list(dict.fromkeys(found))
