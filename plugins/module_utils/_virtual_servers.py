# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""kube-proxy in ipvs mode: the virtual servers that a node must hold, and how those that it holds differ.

The decisions are kube-proxy's own (pkg/proxy/ipvs of Kubernetes 1.34).

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _endpoints, _ipvs, _scope
from ansible_collections.kubeaddons.metallb.plugins.module_utils._differences import (
    UNBOUND,
    Comparison,
    Problem,
    difference,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._expected import Expected, ServicePort
from ansible_collections.kubeaddons.metallb.plugins.module_utils._netlink import Address

DUMMY_INTERFACE = "kube-ipvs0"
FORWARD = "Masq"
DEFAULT_SCHEDULER = "rr"

_Chosen = _endpoints.Chosen
_Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


class Wanted(t.NamedTuple):
    """One virtual server that kube-proxy must have built on this node."""

    owner: ServicePort
    endpoint: str  # "address:port" or "[address]:port"
    must: t.AbstractSet[str]  # real servers that must be there
    leaving: t.AbstractSet[str]  # terminating endpoints that still serve: may be there, with any weight
    persistence: int  # seconds; UNJUDGED when two Services claim the same virtual server
    optional: bool  # may be absent


UNJUDGED = -1


class Plan(t.NamedTuple):
    """Everything that kube-proxy must have built on this node."""

    scheduler: str
    servers: dict[str, Wanted]  # by "PROTOCOL endpoint"
    binds: dict[str, ServicePort]  # addresses on kube-ipvs0
    exclude: t.Sequence[_Network]
    sync_period: float


# Expected: what this node must hold


def backends(endpoints: _endpoints.Endpoints, only_local: bool, node: str, zone: str, uses_cluster: bool) -> _Chosen:
    """Return the real servers of a virtual server, and those terminating ones that may still be there."""
    if only_local:
        chosen = _endpoints.of_node(endpoints, node)
        if chosen[0]:
            return chosen
        if not uses_cluster:
            return set(), set()
        # Without local endpoints kube-proxy lets the node's own pods through to those of the cluster.
    return _endpoints.of_cluster(endpoints, node, zone)


def _local_sets(local_addresses: t.Iterable[Address]) -> tuple[set[str], set[str]]:
    """Return the addresses on kube-ipvs0 and those on all other interfaces."""
    dummy: set[str] = set()
    others: set[str] = set()
    for row in local_addresses:
        address = ipaddress.ip_address(row.address)
        if address.is_loopback or (address.version == 6 and address.is_link_local):
            continue
        (dummy if row.interface == DUMMY_INTERFACE else others).add(_ipvs.canonical_address(row.address))
    return dummy, others


def bound_addresses(local_addresses: t.Iterable[Address]) -> set[str]:
    """Return the addresses that kube-proxy has bound."""
    return _local_sets(local_addresses)[0]


def own_addresses(local_addresses: t.Iterable[Address]) -> set[str]:
    """Return the node's addresses that kube-proxy has not bound, without those of the loopback and of one link."""
    return _local_sets(local_addresses)[1]


def node_port_addresses(cidrs: t.Sequence[str], local_addresses: t.Sequence[Address]) -> tuple[list[str], list[str]]:
    """Return the addresses that node ports must be served on and those where they may be."""
    _dummy, others = _local_sets(local_addresses)
    if "primary" in cidrs:
        # The node's own choice, which the table does not carry.
        return [], sorted(others)
    must: set[str] = set()
    may: set[str] = set()
    for version in (4, 6):
        networks = [network for network in _networks(cidrs) if network.version == version]
        if not networks or any(network.prefixlen == 0 for network in networks):
            must.update(address for address in others if (":" in address) == (version == 6))
            continue
        for row in local_addresses:
            address = ipaddress.ip_address(row.address)
            if address.is_loopback or not any(address in network for network in networks):
                continue
            # With CIDRs kube-proxy does not leave out kube-ipvs0: what was bound there when it last synchronised.
            (may if row.interface == DUMMY_INTERFACE else must).add(_ipvs.canonical_address(row.address))
    return sorted(must), sorted(may - must)


def _networks(cidrs: t.Iterable[str]) -> list[_Network]:
    return [ipaddress.ip_network(cidr, strict=False) for cidr in cidrs]


def _merge(one: Wanted, other: Wanted) -> Wanted:
    """Two Services claim the same virtual server: kube-proxy builds whichever it comes to last."""
    return one._replace(
        must=one.must & other.must,
        leaving=one.leaving | other.leaving | one.must | other.must,
        persistence=one.persistence if one.persistence == other.persistence else UNJUDGED,
        optional=one.optional and other.optional,
    )


class _Builder:
    """The plan of one node while it grows."""

    def __init__(self, expected: Expected, node: str, local_addresses: t.Sequence[Address]) -> None:
        self._node = node
        self._zone = expected.zones.get(node, "")
        self._others = _local_sets(local_addresses)[1]
        self._node_ports = node_port_addresses(expected.node_port_cidrs, local_addresses)
        self.servers: dict[str, Wanted] = {}
        self.binds: dict[str, ServicePort] = {}

    def _add(self, row: ServicePort, address: str, port: int, chosen: _Chosen, optional: bool = False) -> None:
        endpoint = _ipvs.join_endpoint(address, port)
        key = f"{row.protocol} {endpoint}"
        wanted = Wanted(row, endpoint, chosen[0], chosen[1], row.persistence, optional)
        self.servers[key] = _merge(self.servers[key], wanted) if key in self.servers else wanted

    def add_family(self, row: ServicePort, cluster_address: str) -> None:
        """Add what kube-proxy builds for a Service port in the family of one of its ClusterIPs."""
        ipv6 = ":" in cluster_address
        endpoints = _endpoints.of_family(row, ipv6, self._node)
        external = [_ipvs.canonical_address(address) for address in row.external_addresses if (":" in address) == ipv6]
        accessible = bool(external) or row.node_port != 0
        address = _ipvs.canonical_address(cluster_address)
        inside = backends(endpoints, row.internal_local, self._node, self._zone, accessible or not row.internal_local)
        self.binds.setdefault(address, row)
        self._add(row, address, row.port, inside)
        if not accessible:
            return
        outside = inside
        if row.external_local != row.internal_local:
            outside = backends(endpoints, row.external_local, self._node, self._zone, True)
        for address in external:
            # An address of the node itself is not kube-proxy's to bind.
            if address not in self._others:
                self.binds.setdefault(address, row)
            self._add(row, address, row.port, outside)
        if row.node_port:
            for optional, addresses in enumerate(self._node_ports):
                for address in addresses:
                    if (":" in address) == ipv6:
                        self._add(row, address, row.node_port, outside, bool(optional))


def virtual_servers(expected: Expected, node: str, local_addresses: t.Sequence[Address]) -> Plan:
    """Return what kube-proxy must have built on this node."""
    builder = _Builder(expected, node, local_addresses)
    for row in expected.ports:
        # A family without a ClusterIP is none of kube-proxy's business: no node port, no external address.
        for cluster_address in row.cluster_addresses:
            if cluster_address not in ("", "None"):
                builder.add_family(row, cluster_address)
    return Plan(
        expected.scheduler or DEFAULT_SCHEDULER,
        {key: one for key, one in builder.servers.items() if _scope.holds(expected.scope, one.owner.service)},
        {key: row for key, row in builder.binds.items() if _scope.holds(expected.scope, row.service)},
        _networks(expected.exclude_cidrs),
        expected.sync_period,
    )


# Compare


def _real_server_problem(wanted: Wanted, backend: str, weight: int) -> t.Optional[Problem]:
    """Judge the weight of a real server that is there."""
    if weight > 0:
        if backend in wanted.must or backend in wanted.leaving:
            return None
        return Problem("stale", backend, "absent", f"weight {weight}")
    if backend in wanted.must and backend not in wanted.leaving:
        return Problem("weight", backend, "1", str(weight))
    return None


def _server_problems(scheduler: str, wanted: Wanted, found: _ipvs.VirtualServer) -> tuple[list[Problem], int]:
    """Return how a virtual server differs and how many of its real servers are draining."""
    problems = []
    draining = 0
    if found.scheduler != scheduler:
        problems.append(Problem("scheduler", "", scheduler, found.scheduler))
    if wanted.persistence not in (UNJUDGED, found.persistence):
        problems.append(Problem("persistence", "", str(wanted.persistence), str(found.persistence)))
    must = wanted.must
    for backend, real in found.real_servers.items():
        if real.forward != FORWARD:
            problems.append(Problem("forward", backend, FORWARD, real.forward))
        if real.weight > 0 and backend in must:
            continue
        problem = _real_server_problem(wanted, backend, real.weight)
        if problem:
            problems.append(problem)
        elif real.weight <= 0:
            draining += 1
    if not must <= found.real_servers.keys():
        for backend in sorted(must - found.real_servers.keys()):
            problems.append(Problem("missing", backend, "present", "absent"))
    return problems, draining


def _bind_differences(plan: Plan, bound: t.AbstractSet[str]) -> list[dict[str, t.Any]]:
    missing = Problem("bind", "", DUMMY_INTERFACE, "absent", UNBOUND)
    unasked = Problem("bind", "", "absent", DUMMY_INTERFACE)
    return [
        difference(missing, "", address, 0, row, plan.sync_period)
        for address, row in plan.binds.items()
        if address not in bound
    ] + [difference(unasked, "", address, 0, None, 0) for address in sorted(bound - plan.binds.keys())]


def compare(plan: Plan, table: _ipvs.Table, bound: t.AbstractSet[str]) -> Comparison:
    """Return how this node's IPVS table and the addresses on kube-ipvs0 differ from the plan."""
    differences = []
    checked = backends_checked = draining = 0
    # kube-proxy neither makes nor deletes what goes by a firewall mark.
    rest = {f"{row.protocol} {row.endpoint}": row for row in table.virtual_servers if row.protocol != "FWM"}
    foreign = sum(row.protocol == "FWM" for row in table.virtual_servers)
    for key, wanted in plan.servers.items():
        found = rest.pop(key, None)
        if found is None:
            if wanted.optional:
                continue
            problems = [Problem("absent", "", "present", "absent")]
        else:
            backends_checked += len(wanted.must)
            problems, drains = _server_problems(plan.scheduler, wanted, found)
            draining += drains
        checked += 1
        if problems:
            address, port = _ipvs.split_endpoint(wanted.endpoint)
            for problem in problems:
                row = wanted.owner
                differences.append(difference(problem, row.protocol, address, port, row, plan.sync_period))
    for found in rest.values():
        address, port = _ipvs.split_endpoint(found.endpoint)
        if plan.exclude and any(ipaddress.ip_address(address) in network for network in plan.exclude):
            foreign += 1
        else:
            problem = Problem("orphan", "", "absent", "present")
            differences.append(difference(problem, found.protocol, address, port, None, 0))
    differences += _bind_differences(plan, bound)
    return Comparison(differences, checked, backends_checked, draining, foreign)
