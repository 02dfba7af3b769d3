# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What BGP routers must have received, by the API, against what they say they have (frr_info).

Judged is what was received, not how many of the paths a router uses: that is its maximum-paths.
"""

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._addresses import canonical
from ansible_collections.kubeaddons.metallb.plugins.module_utils._announcers import ESTABLISHED
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import names

Object = t.Dict[str, t.Any]


class Finding(t.NamedTuple):
    """One prefix of a Service at one router, or a router that nothing can be said of."""

    router: str
    service: str  # "namespace/name"; "" for the router itself
    prefix: str
    expected: list[str]  # nodes
    received: list[str]  # nodes, where nothing is wrong
    wrong: str  # "" for nothing
    unknown: str  # why nothing can be said, "" when something can
    remark: str  # "" for none


class _Router(t.NamedTuple):
    """A router that answered, with what is known of it."""

    name: str
    told: Object
    peers: set[str]  # BGPPeers that are this router
    nameless: set[str]  # BGPPeers that may be any router, for they have no address
    routers: set[str]  # addresses of all routers
    nodes: t.Mapping[str, str]  # address -> node
    sessions: t.Mapping[str, t.Sequence[Object]]  # node -> its own
    looked_at: t.Collection[str]  # nodes whose own ends of the sessions are known


def findings(state: Object, hosts: t.Mapping[str, Object], routers: t.Mapping[str, Object]) -> list[Finding]:
    """Return what there is to say of each router.

    state, hosts: as in _verdict.rows. routers: name -> what frr_info returned there; one without "problem" was not asked.
    """
    asked = {name: told for name, told in routers.items() if "problem" in told}
    nodes = _nodes(state, hosts)
    ends = {peer: canonical(address) for peer, address in _peers(state).items()}
    everywhere = {address for told in asked.values() for address in told["addresses"]}
    nameless = {peer for peer, address in ends.items() if not address}
    found = []
    for name, told in asked.items():
        if told["problem"]:
            found.append(_unknown(name, told["problem"]))
            continue
        peers = {peer for peer, address in ends.items() if address in told["addresses"]}
        if not peers and not nameless:
            own = ", ".join(told["addresses"]) or "none"
            found.append(_unknown(name, "no BGPPeer has one of its addresses ({0})".format(own)))
            continue
        looked_at = {node for node, host in hosts.items() if host.get("tcp")}
        sessions: dict[str, list[Object]] = {}
        for one in told["sessions"]:
            sessions.setdefault(nodes.get(one["remote"], ""), []).append(one)
        router = _Router(name, told, peers, nameless, everywhere, nodes, sessions, looked_at)
        found.extend(_of_router(router, state["services"]))
    return found


def _unknown(router: str, why: str) -> Finding:
    return Finding(router, "", "", [], [], "", why, "")


def _peers(state: Object) -> dict[str, str]:
    """Return BGPPeer -> its address, of all that a speaker has a session with."""
    return {one["peer"]: one["address"] for one in (state["bgp"] or {}).get("sessions") or []}


def _nodes(state: Object, hosts: t.Mapping[str, Object]) -> dict[str, str]:
    """Return address -> node: those of the API, and the nodes' own ends of their sessions, which may be others."""
    found = {canonical(address): node for node, addresses in state["nodes"].items() for address in addresses}
    for node, host in hosts.items():
        found.update({canonical(one["local"]): node for one in host.get("tcp") or [] if one.get("local")})
    return found


def _of_router(router: _Router, services: t.Sequence[Object]) -> list[Finding]:
    routes = [
        (service["service"], route)
        for service in services
        if service["backends"] and service["bgp"] is not None
        for route in service["bgp"]["routes"]
    ]
    # Services may have a prefix in common; each may add nodes to it.
    here: dict[str, set[str]] = {}
    anywhere: dict[str, set[str]] = {}
    own = router.peers.union(router.nameless)
    for _service, route in routes:
        anywhere.setdefault(route["prefix"], set()).update(route["nodes"])
        here.setdefault(route["prefix"], set()).update(
            node for node, peers in route["nodes"].items() if own.intersection(peers)
        )
    received = {one["prefix"]: one["paths"] for one in router.told["results"]}
    found = []
    for service, route in routes:
        expected = sorted(node for node, peers in route["nodes"].items() if router.peers.intersection(peers))
        if expected:
            prefix = route["prefix"]
            paths = received.get(prefix) or []
            found.append(_compared(router, service, prefix, expected, here[prefix], anywhere[prefix], paths))
            continue
        unsure = sorted({peer for peers in route["nodes"].values() for peer in peers if peer in router.nameless})
        if unsure:
            why = "{0} has no address that would tell which router it is".format(", ".join(unsure))
            found.append(Finding(router.name, service, route["prefix"], [], [], "", why, ""))
    return found


def _compared(
    router: _Router,
    service: str,
    prefix: str,
    expected: list[str],
    here: t.AbstractSet[str],
    anywhere: t.AbstractSet[str],
    paths: t.Sequence[Object],
) -> Finding:
    """Compare a prefix. here, anywhere: nodes that announce it to this router and to any, for all Services together."""
    received: dict[str, list[Object]] = {}
    others: dict[str, None] = {}
    strangers: dict[str, None] = {}
    for path in paths:
        direct = router.nodes.get(path["peer"], "")
        node = next((router.nodes[hop] for hop in path["next_hops"] if hop in router.nodes), direct)
        if (direct and direct not in here) or (node and node not in anywhere):
            others[direct or node] = None
        elif node:
            received.setdefault(node, []).append(path)
        elif path["used"] and path["peer"] and path["peer"] not in router.routers:
            # A path by another router, of the router's own making, or that no packet takes, does no harm.
            strangers[(path["next_hops"] or [path["peer"]])[0]] = None
    lacking = [node for node in expected if node not in received]
    wrong = []
    if lacking:
        wrong.append(_lacking_text(router, lacking, nothing=not received))
    elif not any(path["valid"] for node in expected for path in received[node]):
        wrong.append("received, but no path is valid: the router cannot reach the next hops")
    wrong.extend("also {0}".format(node) for node in others)
    wrong.extend("also {0} (an unknown host)".format(address) for address in strangers)
    unknown = ""
    blind = [node for node in lacking if node not in router.looked_at]
    if strangers and blind:
        unknown = "{0} may be {1}, which is not in this run".format(", ".join(strangers), ", ".join(blind))
    remark = "" if wrong or unknown else _remark(expected, received)
    return Finding(
        router.name,
        service,
        prefix,
        expected,
        sorted(received),
        "" if unknown else "; ".join(wrong),
        unknown,
        remark,
    )


def _lacking_text(router: _Router, lacking: t.Sequence[str], nothing: bool) -> str:
    """Return which next hops are not there, and why where the router's sessions tell."""
    text = "not received" if nothing else "lacks {0}".format(names(lacking))
    reasons: dict[str, list[str]] = {}
    for node in lacking:
        reasons.setdefault(_session_text(router, node), []).append(node)
    told = ["{0}: {1}".format(names(nodes), reason) for reason, nodes in reasons.items() if reason]
    return "{0} ({1})".format(text, "; ".join(told)) if told else text


def _session_text(router: _Router, node: str) -> str:
    """Return what is wrong with a router's sessions with a node, "" for nothing."""
    own = router.sessions.get(node, [])
    if any(one["state"] == ESTABLISHED for one in own):
        return ""
    if not own:
        return "no session"
    return "session {0}{1}".format(own[0]["state"], ", shut down there" if own[0]["shut_down"] else "")


def _remark(expected: t.Sequence[str], received: t.Mapping[str, t.Sequence[Object]]) -> str:
    """Return what a reader should know although nothing is wrong."""
    invalid = [node for node in expected if not any(path["valid"] for path in received[node])]
    used = [node for node in expected if any(path["used"] for path in received[node])]
    parts = ["not valid from {0}".format(names(invalid))] if invalid else []
    if len(used) < len(expected):
        parts.append("used: {0}".format(names(used) or "none"))
    return "; ".join(parts)
