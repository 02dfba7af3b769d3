# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The shape of a lab: options from the command line and the addresses that follow from them. No side effects."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from kubelab.errors import LabError

PROXY_MODES = ("ipvs", "nftables", "iptables")
MAX_NODES = 5
PODS4, SERVICES4 = "10.233.64.0/18", "10.233.0.0/18"
# Kubespray's own IPv6 ranges
PODS6, SERVICES6 = "fd85:ee78:d8a6:8607::1:0/112", "fd85:ee78:d8a6:8607::1000/116"
REGISTRY_PORT, WEB_PORT, API_PORT = 5000, 8080, 6443
#: behind the routers: the client's network, and the one between the routers
ROUTED4, ROUTED6 = "10.99.0.0/16", "fd00:10:99::/48"
NODES_ASN = 64512
CLIENT = "client"
DEFAULT_SUBNET = "192.168.100.0/24"


@dataclass(frozen=True)
class Node:
    """One machine of the lab."""

    name: str
    index: int
    ip4: str
    ip6: str
    segment4: str
    control_plane: bool
    mac: str
    segment_mac: str


@dataclass(frozen=True)
class Router:
    """A BGP router outside the cluster: where nodes find it, and the nodes' addresses it knows them by."""

    name: str
    asn: int
    ip4: str
    ip6: str
    segment4: str
    neighbours: dict[str, list[tuple[str, str]]]  # peer group: (address, node's name)


@dataclass(frozen=True)
class Plan:
    """What 'up' was asked for."""

    name: str
    nodes: int = 3
    control_planes: int = 1
    kubernetes: str = ""
    proxy_mode: str = "ipvs"
    subnet: str = DEFAULT_SUBNET
    second_segment: bool = False
    dual_stack: bool = False
    memory: int = 3072
    routers: bool = False

    def network(self) -> ipaddress.IPv4Network:
        """The segment of the nodes."""
        return ipaddress.IPv4Network(self.subnet)

    def segment(self) -> ipaddress.IPv4Network:
        """The second segment: the next network of the same size."""
        network = self.network()
        return ipaddress.IPv4Network((int(network.network_address) + network.num_addresses, network.prefixlen))

    def network6(self) -> ipaddress.IPv6Network:
        """IPv6 segment, with the IPv4 subnet's numbers in its name: fd00:192:168:100::/64."""
        octets = str(self.network().network_address).split(".")
        return ipaddress.IPv6Network(f"fd00:{octets[0]}:{octets[1]}:{octets[2]}::/64")

    def gateway(self) -> str:
        """The outside host."""
        return str(self.network()[1])

    def gateway6(self) -> str:
        """The outside host's IPv6 address."""
        return str(self.network6()[1])

    def machines(self) -> list[Node]:
        """node1 is .100, as in the seed's inventory."""
        return [
            Node(
                name=f"node{index}",
                index=index,
                ip4=str(self.network()[99 + index]),
                ip6=f"{self.network6().network_address}{99 + index}" if self.dual_stack else "",
                segment4=str(self.segment()[99 + index]) if self.second_segment else "",
                control_plane=index <= self.control_planes,
                mac=f"52:54:00:00:01:{index:02x}",
                segment_mac=f"52:54:00:00:02:{index:02x}",
            )
            for index in range(1, self.nodes + 1)
        ]

    def bgp_routers(self) -> list[Router]:
        """router1 is on the nodes' segment; router2 is behind it, so that nodes reach it through a hop."""
        if not self.routers:
            return []
        behind4, behind6 = self.behind(1)
        nodes = [(m.ip4, m.name) for m in self.machines()] + [(m.ip6, m.name) for m in self.machines() if m.ip6]
        segment = [(m.segment4, m.name) for m in self.machines() if m.segment4]
        return [
            Router(
                name="router1",
                asn=NODES_ASN + 1,
                ip4=str(self.network()[2]),
                ip6=str(self.network6()[2]) if self.dual_stack else "",
                segment4="",
                neighbours={"nodes": nodes},
            ),
            Router(
                name="router2",
                asn=NODES_ASN + 2,
                ip4=str(behind4[2]),
                ip6=str(behind6[2]) if self.dual_stack else "",
                segment4=str(self.segment()[3]) if segment else "",
                neighbours={"multihop": nodes, **({"nodes": segment} if segment else {})},
            ),
        ]

    def behind(self, number: int) -> tuple[ipaddress.IPv4Network, ipaddress.IPv6Network]:
        """Networks behind router1: 0 is the client's, 1 leads to router2. Router1 has the first address in each."""
        return ipaddress.IPv4Network(f"10.99.{number}.0/24"), ipaddress.IPv6Network(f"fd00:10:99:{number}::/64")

    def client(self) -> tuple[str, str]:
        """Addresses of the client behind router1."""
        four, six = self.behind(0)
        return str(four[2]), str(six[2]) if self.dual_stack else ""

    def node(self, name: str) -> Node:
        """One machine by name."""
        for machine in self.machines():
            if name in (machine.name, machine.ip4):
                return machine
        raise LabError(
            f"Lab {self.name} has no node '{name}'.", f"It has {', '.join(m.name for m in self.machines())}."
        )

    def endpoint(self) -> str:
        """Where the API is: the one control plane, or the outside host's balancer in front of several."""
        host = self.gateway() if self.control_planes > 1 else self.machines()[0].ip4
        return f"{host}:{API_PORT}"

    def hosts(self) -> dict[str, str]:
        """Names that every machine of the lab knows."""
        return (
            {"outside": self.gateway(), "registry.lab": self.gateway()}
            | {machine.name: machine.ip4 for machine in self.machines()}
            | {router.name: router.ip4 for router in self.bgp_routers()}
        )

    def to_json(self) -> dict[str, Any]:
        """For the state file."""
        return asdict(self)


def check(plan: Plan) -> Plan:
    """Refuse what cannot be built."""
    check_shape(plan)
    check_subnet(plan)
    return plan


def check_shape(plan: Plan) -> None:
    """Name, counts, mode, memory."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,14}", plan.name):
        raise LabError(f"'{plan.name}' is no name for a lab.", "Use up to 15 of a-z, 0-9 and '-', a letter first.")
    if not 1 <= plan.nodes <= MAX_NODES:
        raise LabError(f"A lab has 1 to {MAX_NODES} nodes, not {plan.nodes}.", "Change --nodes.")
    if plan.control_planes not in (1, 3):
        raise LabError(f"A lab has 1 or 3 control planes, not {plan.control_planes}.", "Change --control-planes.")
    if plan.control_planes > plan.nodes:
        raise LabError(
            f"{plan.control_planes} control planes do not fit on {plan.nodes} node(s).", "Give more --nodes."
        )
    if plan.proxy_mode not in PROXY_MODES:
        raise LabError(f"kube-proxy has no mode '{plan.proxy_mode}'.", f"Choose one of {', '.join(PROXY_MODES)}.")
    if plan.memory < 1024:
        raise LabError(f"A node with {plan.memory} MiB cannot run Kubernetes.", "Give --memory 1024 or more.")


def check_subnet(plan: Plan) -> None:
    """The nodes' network."""
    try:
        network = plan.network()
    except ValueError as error:
        raise LabError(
            f"'{plan.subnet}' is not an IPv4 network ({error}).", f"Give one such as {DEFAULT_SUBNET}."
        ) from error
    if network.prefixlen > 24 or not network.is_private:
        raise LabError(
            f"{network} is no private network with room for .100 and up.", f"Give a /24 such as {DEFAULT_SUBNET}."
        )
    for taken, what in ((PODS4, "the pods"), (SERVICES4, "the Services"), (ROUTED4, "the networks behind the routers")):
        if network.overlaps(ipaddress.IPv4Network(taken)):
            raise LabError(f"{network} overlaps {taken}, where {what} are.", "Give another --subnet.")


def choose_subnet(taken: Iterable[str]) -> str:
    """The seed's subnet, or the first one after it which no other lab has."""
    used = [ipaddress.IPv4Network(subnet) for subnet in taken]
    for third in range(100, 250, 10):
        candidate = ipaddress.IPv4Network(f"192.168.{third}.0/24")
        if not any(candidate.overlaps(other) for other in used):
            return str(candidate)
    raise LabError("Every subnet that the lab would choose is taken by another lab.", "Give one with --subnet.")
