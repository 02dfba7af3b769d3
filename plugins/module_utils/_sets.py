# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""kube-proxy in ipvs mode: the sets and the few rules around its virtual servers, and how a node's own differ.

They decide what is masqueraded, who may connect (loadBalancerSourceRanges), and which ports of a bound address are open. The
decisions are kube-proxy's own (pkg/proxy/ipvs of Kubernetes 1.34).

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _ipset,
    _ipvs,
    _netlink,
    _rules,
    _virtual_servers,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._differences import (
    NO_SETS,
    Problem,
    difference,
    report_request,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._expected import Expected, ServicePort
from ansible_collections.kubeaddons.metallb.plugins.module_utils._iptables import Jump
from ansible_collections.kubeaddons.metallb.plugins.module_utils._netlink import Address

_LONGEST = 31  # of a set's name: IPSET_MAXNAMELEN less its end

LOOP_BACK = "KUBE-LOOP-BACK"
CLUSTER_IP = "KUBE-CLUSTER-IP"
EXTERNAL_IP = "KUBE-EXTERNAL-IP"
EXTERNAL_IP_LOCAL = "KUBE-EXTERNAL-IP-LOCAL"
LOAD_BALANCER = "KUBE-LOAD-BALANCER"
LOAD_BALANCER_LOCAL = "KUBE-LOAD-BALANCER-LOCAL"
FIREWALL = "KUBE-LOAD-BALANCER-FW"
SOURCE_CIDR = "KUBE-LOAD-BALANCER-SOURCE-CIDR"
SOURCE_IP = "KUBE-LOAD-BALANCER-SOURCE-IP"
NODE_PORT = {
    protocol: f"KUBE-NODE-PORT-{text}" for protocol, text in (("TCP", "TCP"), ("UDP", "UDP"), ("SCTP", "SCTP-HASH"))
}
NODE_PORT_LOCAL = {protocol: name.replace("PORT-", "PORT-LOCAL-") for protocol, name in NODE_PORT.items()}
HEALTH_PORT = "KUBE-HEALTH-CHECK-NODE-PORT"
BOUND = "KUBE-IPVS-IPS"
NAMES = (
    LOOP_BACK,
    CLUSTER_IP,
    EXTERNAL_IP,
    EXTERNAL_IP_LOCAL,
    LOAD_BALANCER,
    LOAD_BALANCER_LOCAL,
    FIREWALL,
    SOURCE_CIDR,
    SOURCE_IP,
    *NODE_PORT.values(),
    *NODE_PORT_LOCAL.values(),
    HEALTH_PORT,
    BOUND,
)

# What a pod sends to itself is masqueraded: without the pod, there is nobody who would.
_HARMLESS = (LOOP_BACK, "KUBE-6-LOOP-BACK")

# Rules that are always there: table, chain, set, target. Those of KUBE-IPVS-OUT-FILTER only refuse what a node itself sends to
# addresses whose source ranges leave it out, and older releases have none.
_ALWAYS = (
    ("nat", "PREROUTING", "", "KUBE-SERVICES"),
    ("nat", "OUTPUT", "", "KUBE-SERVICES"),
    ("nat", "POSTROUTING", "", "KUBE-POSTROUTING"),
    ("nat", "KUBE-SERVICES", "", "KUBE-NODE-PORT"),
    ("nat", "KUBE-LOAD-BALANCER", "", "KUBE-MARK-MASQ"),
    ("nat", "KUBE-MARK-MASQ", "", "MARK"),
    ("nat", "KUBE-POSTROUTING", "", "MASQUERADE"),
    ("filter", "INPUT", "", "KUBE-NODE-PORT"),
    ("filter", "INPUT", "", "KUBE-PROXY-FIREWALL"),
    ("filter", "FORWARD", "", "KUBE-PROXY-FIREWALL"),
    ("filter", "INPUT", "", "KUBE-IPVS-FILTER"),
    ("filter", "FORWARD", "", "KUBE-FORWARD"),
    ("filter", "KUBE-FORWARD", "", "ACCEPT"),
    ("filter", "KUBE-SOURCE-RANGES-FIREWALL", "", "DROP"),
    ("filter", "KUBE-NODE-PORT", HEALTH_PORT, "ACCEPT"),
    ("filter", "KUBE-IPVS-FILTER", LOAD_BALANCER, "RETURN"),
    ("filter", "KUBE-IPVS-FILTER", CLUSTER_IP, "RETURN"),
    ("filter", "KUBE-IPVS-FILTER", EXTERNAL_IP, "RETURN"),
    ("filter", "KUBE-IPVS-FILTER", BOUND, "REJECT"),
)
# Rules that are there when their set has members.
_FILLED = (
    ("nat", "KUBE-POSTROUTING", LOOP_BACK, "MASQUERADE"),
    ("nat", "KUBE-SERVICES", LOAD_BALANCER, "KUBE-LOAD-BALANCER"),
    ("nat", "KUBE-SERVICES", LOAD_BALANCER, "ACCEPT"),
    ("nat", "KUBE-SERVICES", CLUSTER_IP, "KUBE-MARK-MASQ"),
    ("nat", "KUBE-SERVICES", CLUSTER_IP, "ACCEPT"),
    ("nat", "KUBE-SERVICES", EXTERNAL_IP, "KUBE-MARK-MASQ"),
    ("nat", "KUBE-SERVICES", EXTERNAL_IP, "ACCEPT"),
    ("nat", "KUBE-SERVICES", EXTERNAL_IP_LOCAL, "ACCEPT"),
    ("nat", "KUBE-LOAD-BALANCER", LOAD_BALANCER_LOCAL, "RETURN"),
    *(("nat", "KUBE-NODE-PORT", name, "KUBE-MARK-MASQ") for name in NODE_PORT.values()),
    *(("nat", "KUBE-NODE-PORT", name, "RETURN") for name in NODE_PORT_LOCAL.values()),
    ("filter", "KUBE-PROXY-FIREWALL", FIREWALL, "KUBE-SOURCE-RANGES-FIREWALL"),
    ("filter", "KUBE-SOURCE-RANGES-FIREWALL", SOURCE_CIDR, "RETURN"),
    ("filter", "KUBE-SOURCE-RANGES-FIREWALL", SOURCE_IP, "RETURN"),
    ("filter", "KUBE-IPVS-FILTER", EXTERNAL_IP_LOCAL, "RETURN"),
)


class Wanted(t.NamedTuple):
    """What one set must hold."""

    must: dict[str, ServicePort]  # member -> a Service that it is for
    may: set[str]


class Plan(t.NamedTuple):
    """All of kube-proxy's sets on one node."""

    versions: list[int]
    sets: dict[str, Wanted]  # by the name that the kernel knows
    sync_period: float


def set_name(name: str, version: int) -> str:
    """Return the name of a set in one address family."""
    return name if version == 4 else name.replace("KUBE-", "KUBE-6-", 1)[:_LONGEST]


# Expected: what this node must hold


class _Family:
    """The sets of one family while they grow."""

    def __init__(self, version: int, node: str, ports: tuple[t.Sequence[str], t.Sequence[str]], own: list[str]) -> None:
        self._ipv6 = version == 6
        self._node = node
        # The addresses that node ports must and may be served on, and the node's own.
        self._must, self._may = ([one for one in some if (":" in one) == self._ipv6] for some in ports)
        self._own = [ipaddress.ip_address(one) for one in own if (":" in one) == self._ipv6]
        self.sets = {name: Wanted({}, set()) for name in NAMES}

    def add(self, name: str, member: str, row: ServicePort, certain: bool = True) -> None:
        if certain:
            self.sets[name].must.setdefault(member, row)
        else:
            self.sets[name].may.add(member)

    def add_port(self, row: ServicePort, cluster_address: str) -> None:
        """Add what a Service port has in this family."""
        end = f",{row.protocol.lower()}:"
        for one in row.endpoints:
            # In whatever state: kube-proxy asks only whether it is here.
            if one.node == self._node and (":" in one.address) == self._ipv6:
                address = _ipvs.canonical_address(one.address)
                self.add(LOOP_BACK, f"{address}{end}{one.port},{address}", row)
        self.add(CLUSTER_IP, f"{_ipvs.canonical_address(cluster_address)}{end}{row.port}", row)
        for text in row.external_ips:
            if (":" in text) == self._ipv6:
                name = EXTERNAL_IP_LOCAL if row.external_local else EXTERNAL_IP
                self.add(name, f"{_ipvs.canonical_address(text)}{end}{row.port}", row)
        for text in row.balancer_addresses:
            if (":" in text) == self._ipv6:
                self._add_balanced(row, text, f"{_ipvs.canonical_address(text)}{end}{row.port}")
        if row.node_port and not self._add_node_port(row, end):
            return
        if row.health_port:
            self.add(HEALTH_PORT, str(row.health_port), row, not row.node_port or bool(self._must))

    def _add_balanced(self, row: ServicePort, text: str, member: str) -> None:
        self.add(LOAD_BALANCER, member, row)
        if row.external_local:
            self.add(LOAD_BALANCER_LOCAL, member, row)
        guarded = row.guarded(text)
        if guarded is False:
            return
        self.add(FIREWALL, member, row, bool(guarded))
        networks = [ipaddress.ip_network(one) for one in row.ranges(self._ipv6)]
        for network in networks:
            self.add(SOURCE_CIDR, f"{member},{network}", row, bool(guarded))
        # Which of several is the node's, only kube-proxy knows; where they disagree, either may be.
        within = {any(own in network for network in networks) for own in self._own}
        if True in within or not within:
            certain = bool(guarded) and within == {True}
            self.add(SOURCE_IP, f"{member},{_ipvs.canonical_address(text)}", row, certain)

    def _add_node_port(self, row: ServicePort, end: str) -> bool:
        """Add a node port; without an address for node ports kube-proxy leaves out what comes after it, too."""
        names = [NODE_PORT[row.protocol]] + ([NODE_PORT_LOCAL[row.protocol]] if row.external_local else [])
        for certain, addresses in ((True, self._must), (False, self._may)):
            sctp = row.protocol == "SCTP"
            for address in addresses if sctp else addresses[:1]:
                member = f"{address}{end}{row.node_port}" if sctp else str(row.node_port)
                for name in names:
                    self.add(name, member, row, certain)
        return bool(self._must or self._may)


def plan(
    expected: Expected, node: str, local_addresses: t.Sequence[Address], binds: t.Mapping[str, ServicePort]
) -> Plan:
    """Return the sets that this node must hold. binds: the addresses that must be on kube-ipvs0."""
    versions = _rules.versions(expected)
    ports = _virtual_servers.node_port_addresses(expected.node_port_cidrs, local_addresses)
    own = list(expected.own.get(node) or sorted(_virtual_servers.own_addresses(local_addresses)))
    families = {version: _Family(version, node, ports, own) for version in versions}
    for row in expected.ports:
        for cluster_address in row.cluster_addresses:
            if cluster_address not in ("", "None"):
                families[6 if ":" in cluster_address else 4].add_port(row, cluster_address)
    for address, row in binds.items():
        families[6 if ":" in address else 4].add(BOUND, address, row)
    sets = {set_name(name, version): one for version in versions for name, one in families[version].sets.items()}
    return Plan(versions, sets, expected.sync_period)


def jumps(wanted: Plan) -> t.Iterator[tuple[int, Jump, t.Optional[ServicePort]]]:
    """Yield the rules that must be there by address family, and a Service where all that need the rule are as new."""
    for version in wanted.versions:
        for table, chain, name, target in _ALWAYS:
            yield version, Jump(table, chain, set_name(name, version), target), None
        for table, chain, name, target in _FILLED:
            name = set_name(name, version)
            owners = wanted.sets[name].must.values()
            if owners:
                oldest = max(owners, key=lambda row: row.age)
                young = oldest if oldest.age < wanted.sync_period else None
                yield version, Jump(table, chain, name, target), young


# Compare


def compare(wanted: Plan, read: t.Callable[[t.Iterable[str]], _ipset.Sets]) -> list[dict[str, t.Any]]:
    """Return how this node's sets differ; raise RulesError. read: of _ipset."""
    try:
        sets = read(wanted.sets)
    except _netlink.NotSupported:
        # No set, no synchronisation: kube-proxy gives up before it comes to the virtual servers.
        text = "not there: kube-proxy cannot work in this mode"
        problem = Problem("ipset", _ipset.MODULE, "in the kernel", text, NO_SETS)
        return [difference(problem, "", "", 0, None, 0)]
    if sets.unparsed:
        raise _rules.RulesError(report_request("sets", sets.unparsed))
    found = []
    for name, one in wanted.sets.items():
        members = sets.members.get(name)
        if members is None:
            found.append(difference(Problem("ipset", name, "present", "absent"), "", "", 0, None, 0))
            continue
        for member in sorted(one.must.keys() - members):
            problem = Problem("ipset", f"{name}, {member}", "present", "absent")
            found.append(difference(problem, "", "", 0, one.must[member], wanted.sync_period))
        if name in _HARMLESS:
            continue
        for member in sorted(members - one.must.keys() - one.may):
            problem = Problem("ipset", f"{name}, {member}", "absent", "present")
            found.append(difference(problem, "", "", 0, _owner(wanted, name, member), wanted.sync_period))
    return found


def _owner(wanted: Plan, name: str, member: str) -> t.Optional[ServicePort]:
    """Return whose address and port a member that nobody asks for begins with, or whose node port it is."""
    if "," not in member:
        return wanted.sets[name.replace("-LOCAL", "")].must.get(member)
    start = ",".join(member.split(",")[:2])
    return next((one.must[start] for one in wanted.sets.values() if start in one.must), None)


def compare_rules(wanted: Plan, found: t.Mapping[int, t.AbstractSet[Jump]]) -> list[dict[str, t.Any]]:
    """Return which rules are not there. found: a node's rules by address family."""
    differences = []
    for version, jump, row in jumps(wanted):
        if jump not in found[version]:
            match = f" match-set {jump.set}" if jump.set else ""
            place = f"IPv{version} {jump.table} {jump.chain}{match} -> {jump.target}"
            problem = Problem("rule", place, "present", "absent", jump.table)
            differences.append(difference(problem, "", "", 0, row, wanted.sync_period))
    return differences
