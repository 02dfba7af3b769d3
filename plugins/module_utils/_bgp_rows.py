# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Rows of BGP: what speakers announce of a Service, their sessions, and what routers have received."""

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _routers
from ansible_collections.kubeaddons.metallb.plugins.module_utils._announcers import ESTABLISHED
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import (
    BGP,
    FAULT,
    LAG,
    NODES,
    NOTE,
    OK,
    ROUTES,
    SESSION,
    UNKNOWN,
    Row,
    names,
    reasons_text,
)

Object = t.Dict[str, t.Any]

# Seconds that BGP is given after a change: MetalLB's native mode was seen to take 13 for its sessions.
BGP_PATIENCE = 60.0
# FRR-K8s looks at its sessions every two minutes.
_SAID_LATELY = 130.0
_UNREACHED = "the router is out of reach, refuses, or has another password"


def bgp_row(service: Object, bgp: Object) -> Row:
    """Return who announces a Service by BGP, and who should."""
    told = service["bgp"]
    wanted = "announced {0}".format(_routes_text(told["expected"])) if told["expected"] else "announced"
    failure = FAULT if min(service["age"], bgp["age"]) >= BGP_PATIENCE else LAG
    verdict, found = _bgp_verdict(told, bgp["backend"], failure)
    if verdict == FAULT and service["layer2"] and not told["expected"]:
        verdict = NOTE  # the Service is announced all the same
    return Row(verdict, service["service"], "BGP", "API", wanted, found, service["service"] + "/bgp", signs=(BGP,))


def _bgp_verdict(told: Object, backend: str, failure: str) -> tuple[str, str]:
    expected, announced = told["expected"], told["announced"]
    if not expected:
        return FAULT, "no node may: {0}".format(reasons_text(told["reasons"]))
    if announced is None:
        return NOTE, "MetalLB does not say before 0.15.0"
    if told["uncarried"]:
        why = (
            "native BGP carries no IPv6"
            if backend == "native"
            else "without dualStackAddressFamily a session carries its own address family only"
        )
        return FAULT, "{0} to no peer: {1}".format(", ".join(told["uncarried"]), why)
    problems = []
    if set(expected) - set(announced):
        problems.append("not by {0}".format(names(sorted(set(expected) - set(announced)))))
    if set(announced) - set(expected):
        problems.append("also by {0}".format(names(sorted(set(announced) - set(expected)))))
    for node in sorted(set(expected) & set(announced)):
        # More peers than these are right where another Service has the same prefix.
        lacking = sorted(set(expected[node]) - set(announced[node]))
        if lacking:
            problems.append("by {0} not to {1}".format(node, names(lacking)))
    return (failure, "; ".join(problems)) if problems else (OK, _routes_text(announced))


def _routes_text(routes: t.Mapping[str, t.Sequence[str]]) -> str:
    """Return "by node1, node2 to router1"; nodes with the same peers go together."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for node, peers in sorted(routes.items()):
        groups.setdefault(tuple(peers), []).append(node)
    return "; ".join("by {0} to {1}".format(names(nodes), names(peers)) for peers, nodes in groups.items())


def route_row(finding: _routers.Finding, ages: t.Mapping[str, float], bgp_age: float) -> Row:
    """Return what a router has received, with the same patience as for what the API says of it. ages: of Services."""
    where = "{0}, {1}".format(finding.router, finding.prefix) if finding.prefix else finding.router
    wanted = "next hops {0}".format(names(finding.expected)) if finding.expected else "what nodes announce to it"
    if finding.unknown:
        verdict, found = UNKNOWN, finding.unknown
    elif finding.wrong:
        verdict = FAULT if min(ages.get(finding.service, bgp_age), bgp_age) >= BGP_PATIENCE else LAG
        found = finding.wrong
    else:
        verdict, found = OK, "next hops {0}".format(names(finding.received))
        found += "; {0}".format(finding.remark) if finding.remark else ""
    key = "{0}/routes/{1}".format(finding.service or NODES, where)
    return Row(verdict, finding.service or NODES, "BGP routes", where, wanted, found, key, signs=(ROUTES,))


def session_row(session: Object, hosts: t.Mapping[str, Object], bgp: Object) -> Row:
    """Return how a node's session with a peer stands."""
    connected = None
    for one in (hosts.get(session["node"]) or {}).get("tcp") or []:
        if (one["address"], one["port"]) == (session["address"], session["port"]):
            connected = one["connected"]
    failure = FAULT if bgp["age"] >= BGP_PATIENCE else LAG
    verdict, found = _session_verdict(session, connected, failure)
    peer = "{0} ({1})".format(session["peer"], session["address"]) if session["address"] else session["peer"]
    return Row(
        verdict,
        NODES,
        "BGP session",
        "{0} -> {1}".format(session["node"], peer),
        ESTABLISHED,
        found,
        "session/{0}/{1}".format(session["node"], session["peer"]),
        session["node"],
        signs=(SESSION,),
    )


def _session_verdict(session: Object, connected: bool | None, failure: str) -> tuple[str, str]:
    """Return verdict and finding from what FRR-K8s said of a session and from whether the node holds a connection.

    FRR-K8s says how things were when it last looked; a connection is there or not, but its existence does not prove BGP.
    """
    said, before = session["said"], session["said_before"]
    lately = before is not None and before < _SAID_LATELY
    if connected is False:
        # The kernel drops what is signed with another password, so all of these look alike from here.
        looked = "; {0} when FRR-K8s looked".format(said) if said else ""
        return failure, "no connection ({0}{1})".format(_UNREACHED, looked)
    if said == ESTABLISHED:
        if session["bfd"] in ("", "up"):
            return OK, ESTABLISHED + (", BFD up" if session["bfd"] else "")
        said = "{0}, but BFD {1}".format(ESTABLISHED, session["bfd"])
    elif connected and (lately or not said):
        return OK, "connected" + (", {0} when FRR-K8s looked {1:.0f} s ago".format(said, before) if said else "")
    if said is None:
        return UNKNOWN, "MetalLB does not say, and no connection could be looked for"
    if lately:
        return UNKNOWN, "{0} when FRR-K8s looked {1:.0f} s ago; it looks every two minutes".format(said, before)
    return failure, said or "FRR-K8s knows of none"
