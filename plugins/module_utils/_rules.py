# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""kube-proxy in nftables or iptables mode: the rules that a node must hold, and how those that it holds differ.

Both modes lead a packet from an address and port to a chain, and from there to one of its backends. The decisions are
kube-proxy's own (pkg/proxy/nftables and pkg/proxy/iptables of Kubernetes 1.34).

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _endpoints, _ipvs, _scope
from ansible_collections.kubeaddons.metallb.plugins.module_utils._differences import Comparison, Problem, difference
from ansible_collections.kubeaddons.metallb.plugins.module_utils._expected import Expected, ServicePort

REJECT, DROP = "reject", "drop"
# A node port is served on more than one address.
ANY4, ANY6 = "0.0.0.0", "::"


class RulesError(Exception):
    """The rules could not be read as a whole; the message is a sentence for the user."""


class Chain(t.NamedTuple):
    """What chooses among backends."""

    backends: t.AbstractSet[str]  # "address:port" or "[address]:port"
    ways: int  # how many backends it chooses among; another number than there are backends: look closer
    persistence: int  # seconds of ClientIP affinity; 0: none


class Rules(t.NamedTuple):
    """What was read of one node, both address families together; keys are "PROTOCOL address:port"."""

    served: dict[str, str]  # key -> chain that chooses the backend of a packet from outside, "" for none
    chains: dict[str, Chain]
    refused: dict[str, str]  # key -> REJECT or DROP
    guarded: set[str]  # keys that are open to loadBalancerSourceRanges only
    broken: list[Problem]  # rules that lead to all that, and are not there
    unparsed: list[str]


def key_of(protocol: str, address: str, port: int) -> str:
    """Return the key of an address and port."""
    return f"{protocol.upper()} {_ipvs.join_endpoint(address, port)}"


# Expected: what this node must hold


def versions(expected: Expected) -> list[int]:
    """Return the address families in which kube-proxy has rules to make."""
    addresses = {":" in address for row in expected.ports for address in row.cluster_addresses}
    return [version for version, ipv6 in ((4, False), (6, True)) if ipv6 in addresses]


class Wanted(t.NamedTuple):
    """What a packet to one address and port must meet."""

    owner: ServicePort
    must: t.AbstractSet[str]  # backends that must be there
    leaving: t.AbstractSet[str]  # terminating endpoints that still serve: may be there
    refusal: str  # REJECT or DROP where there are no backends, "" otherwise
    persistence: int  # seconds
    guarded: t.Optional[bool]  # None: not judged
    contested: bool  # two Services claim it: kube-proxy builds whichever it comes to last


def _family(row: ServicePort, cluster_address: str, node: str, zone: str) -> t.Iterator[tuple[str, Wanted]]:
    """Yield what kube-proxy builds for a Service port in the family of one of its ClusterIPs."""
    ipv6 = ":" in cluster_address
    endpoints = _endpoints.of_family(row, ipv6, node)
    cluster = _endpoints.of_cluster(endpoints, node, zone)
    local = _endpoints.of_node(endpoints, node)
    # Without any endpoint the client is told so; without one for this node, the packet is dropped.
    anywhere = any(one.ready or (one.serving and one.terminating) for one in endpoints.values())

    def wanted(chosen: _endpoints.Chosen, guarded: t.Optional[bool]) -> Wanted:
        refusal = "" if chosen[0] else DROP if anywhere else REJECT
        return Wanted(row, chosen[0], chosen[1], refusal, row.persistence, guarded, False)

    inside = wanted(local if row.internal_local else cluster, False)
    yield key_of(row.protocol, _ipvs.canonical_address(cluster_address), row.port), inside
    outside = local if row.external_local else cluster
    for address in row.external_addresses:
        if (":" in address) == ipv6:
            key = key_of(row.protocol, _ipvs.canonical_address(address), row.port)
            yield key, wanted(outside, row.guarded(address))
    if row.node_port:
        yield key_of(row.protocol, ANY6 if ipv6 else ANY4, row.node_port), wanted(outside, False)


def plan(expected: Expected, node: str) -> dict[str, Wanted]:
    """Return what kube-proxy must have built on this node, by key."""
    found: dict[str, Wanted] = {}
    for row in expected.ports:
        for cluster_address in row.cluster_addresses:
            if cluster_address in ("", "None"):
                continue
            for key, wanted in _family(row, cluster_address, node, expected.zones.get(node, "")):
                found[key] = wanted._replace(contested=key in found)
    return {key: one for key, one in found.items() if _scope.holds(expected.scope, one.owner.service)}


# Compare


def _problems(
    wanted: Wanted, key: str, rules: Rules, exact: t.Callable[[str], t.AbstractSet[str]]
) -> t.Iterator[Problem]:
    refused = rules.refused.get(key, "")
    chain = rules.chains.get(rules.served.get(key, ""))
    if wanted.must and chain is None:
        yield Problem("absent", "", "present", refused or "absent")
    elif refused != wanted.refusal:
        yield Problem("refused", "", wanted.refusal or "served", refused or "not refused")
    if chain is not None:
        backends = chain.backends
        if chain.ways != len(wanted.must) or not wanted.must <= backends:
            backends = exact(rules.served[key])
            for backend in sorted(wanted.must - backends):
                yield Problem("missing", backend, "present", "absent")
            for backend in sorted(backends - wanted.must - wanted.leaving):
                yield Problem("stale", backend, "absent", "present")
        if chain.persistence != wanted.persistence:
            yield Problem("persistence", "", str(wanted.persistence), str(chain.persistence))
    guarded = key in rules.guarded
    if wanted.guarded is not None and guarded != wanted.guarded:
        words = ("open to all", "for loadBalancerSourceRanges only")
        yield Problem("source-ranges", "", words[wanted.guarded], words[guarded])


def compare(
    wanted: t.Mapping[str, Wanted], rules: Rules, sync_period: float, exact: t.Callable[[str], t.AbstractSet[str]]
) -> Comparison:
    """Return how a node's rules differ. exact: what a chain really chooses among, where its own numbers leave doubt."""
    differences = []
    backends = 0
    for key, one in wanted.items():
        backends += len(one.must)
        if one.contested:
            continue
        for problem in _problems(one, key, rules, exact):
            differences.append(_at(key, problem, one.owner, sync_period))
    for key in sorted((rules.served.keys() | rules.refused.keys()) - wanted.keys()):
        problem = Problem("orphan", "", "absent", "present" if key in rules.served else rules.refused[key])
        differences.append(_at(key, problem, None, sync_period))
    for problem in rules.broken:
        differences.append(difference(problem, "", "", 0, None, sync_period))
    return Comparison(differences, len(wanted), backends, 0, 0)


def _at(key: str, problem: Problem, row: t.Optional[ServicePort], sync_period: float) -> dict[str, t.Any]:
    protocol, _dummy, endpoint = key.partition(" ")
    address, port = _ipvs.split_endpoint(endpoint)
    return difference(problem, protocol, address, port, row, sync_period)
