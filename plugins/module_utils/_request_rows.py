# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Rows of requests: their answers, the backends and the ways that they took, and what was not asked."""

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _ipvs
from ansible_collections.kubeaddons.metallb.plugins.module_utils._bgp_rows import BGP_PATIENCE
from ansible_collections.kubeaddons.metallb.plugins.module_utils._look import NOT_ASKED, Look, Way, client_of, opened_by
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import (
    ASTRAY,
    CLUSTER_IP,
    DNS_NAME,
    EXTERNAL_IP,
    FAULT,
    FROM_POD,
    IN_POD,
    LAG,
    LED,
    NODES,
    NOTE,
    OK,
    OUTSIDE,
    REPLACED,
    UNKNOWN,
    UNKNOWN_HOST,
    WAY_BACK,
    Row,
    names,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._source_ranges import admitted
from ansible_collections.kubeaddons.metallb.plugins.module_utils._targets import MOST_NODES, by_bgp_only

Object = t.Dict[str, t.Any]

STRICT = 1  # rp_filter
RANGES = "loadBalancerSourceRanges"
# What a client hears that is kept out, by kube-proxy or by a firewall.
_REFUSALS = ("timed out", "refused")
_PROVES_NOTHING = "no answer, which proves nothing in UDP"
_SIGNS = {"ClusterIP": CLUSTER_IP, "DNS name": DNS_NAME, "EXTERNAL-IP": EXTERNAL_IP}  # of checks


def left_out_row(left_out: int, host: str) -> Row:
    """Return a note: a limit that nobody hears of would be a lie."""
    return Row(
        NOTE,
        NODES,
        "NodePort",
        host,
        "every node port asked on every node",
        "each on {0} nodes or more, in turn, {1} requests fewer; the tables of all nodes are compared".format(
            MOST_NODES, left_out
        ),
        "node-ports",
    )


def request_rows(service: Object, node: str, failure: str, look: Look) -> list[Row]:
    """Return what a node's requests tell; those from outside, with node "", tell of the node whose port was asked."""
    found = []
    for asked, result in look.asked.get((service["service"], node), []):
        if result["error"] in NOT_ASKED:
            continue
        target = asked["target"]
        place = "{0}{1}".format(
            _ipvs.join_endpoint(target["address"], target["port"]), "/udp" if target["protocol"] == "udp" else ""
        )
        origin = "{0}, {1}".format(node, IN_POD) if target["origin"] == "pod" else node or look.host
        judged = _by_source_range(service, asked, result, failure, look)
        if judged is None:
            judged = _request_verdict(service, asked, result, failure, look)
        verdict, wanted, text, signs = judged
        if asked["check"] in _SIGNS:
            signs += (_SIGNS[asked["check"]],)
        if target["origin"] == "pod":
            signs += (FROM_POD,)
        found.append(
            Row(
                verdict,
                service["service"],
                asked["check"],
                "{0} -> {1}".format(origin, place),
                wanted,
                text,
                "{0}/request/{1} -> {2}".format(service["service"], origin if node else OUTSIDE, place),
                node or asked["node"],
                seconds=result["seconds"],
                signs=signs,
            )
        )
    return found


class _Judged(t.NamedTuple):
    """What a request tells."""

    verdict: str
    expected: str
    found: str
    signs: tuple[str, ...] = ()  # of how far it came where it got no answer


def _by_source_range(service: Object, asked: Object, result: Object, failure: str, look: Look) -> _Judged | None:
    """Judge a request that loadBalancerSourceRanges may keep out; None for any other."""
    address, client = asked["target"]["address"], client_of(result)
    unknown = _why_unknown(client, address, look)
    admits = admitted(service, asked["check"], address, "" if unknown else client)
    if admits:
        return None
    found = _answer(result) if result["answered"] else str(result["error"])
    if admits is None:
        return _Judged(UNKNOWN, "an answer or none, by " + RANGES, "{0}; {1}".format(found, unknown))
    wanted = "no answer, by " + RANGES
    let_in = next((look.ways[one] for one in result["connections"] if one in look.ways), None)
    if let_in and not result["answered"]:
        found = "{0}; {1} led it to {2}".format(found, let_in.node, let_in.backend)
    if let_in or result["answered"]:
        return _Judged(failure, wanted, "{0}, although {1} is in none of the ranges".format(found, client))
    if _silent_anyway(asked, result):
        return _Judged(UNKNOWN, wanted, _PROVES_NOTHING)
    excuse = _excuse(service, asked["check"], result)
    if excuse or result["error"] not in _REFUSALS:
        return _Judged(UNKNOWN, wanted, excuse or "{0}, which is not the ranges' doing".format(found))
    return _Judged(OK, wanted, "{0}, as {1} asks: {2} is in none of the ranges".format(found, RANGES, client))


def _why_unknown(client: str, address: str, look: Look) -> str:
    """Return why it is not known by which address kube-proxy judges a client, "" when it is."""
    if not client:
        return "no connection was opened, so the client's address is not known"
    if client in look.replaced:
        return "no node sees requests come from {0}: something on the way replaces it".format(client)
    # A node that has the address itself asks by it, and kube-proxy makes exceptions for that.
    return "the request came from {0} itself".format(client) if client == address else ""


def _silent_anyway(asked: Object, result: Object) -> bool:
    """Return whether few servers would have answered: an empty datagram."""
    target = asked["target"]
    return (target["protocol"], target["request"], result["error"]) == ("udp", "connect", "timed out")


def _request_verdict(service: Object, asked: Object, result: Object, failure: str, look: Look) -> _Judged:
    """Judge a request that must be answered."""
    wanted = "an answer"
    if result["ok"]:
        if result["resolved"] and result["resolved"] not in service["cluster_ips"]:
            return _Judged(failure, wanted, "the name is {0} there".format(result["resolved"]))
        return _Judged(OK, wanted, _answer(result))
    way = look.ways.get(result["failed"])
    target = asked["target"]
    if _silent_anyway(asked, result):
        if not way:
            return _Judged(UNKNOWN, wanted, _PROVES_NOTHING)
        text = "{0} led it to {1}; no answer, as is usual in UDP".format(way.node, way.backend)
        return _Judged(OK, wanted, text)
    excuse = _excuse(service, asked["check"], result)
    text = excuse or result["error"]
    signs: tuple[str, ...] = ()
    if way:
        text = "{0}; {1} led it to {2}".format(text, way.node, way.backend)
        signs = (LED,)
    elif asked["check"] == "EXTERNAL-IP" and target["origin"] == "node" and result["failed"] and not excuse:
        if look.ways:
            text += "; it came in at no node of this run"
        owner = look.owners.get(result["neighbour"], UNKNOWN_HOST)
        if result["neighbour"] and service["announcers"] and owner not in service["announcers"]:
            text = "{0}; the neighbour cache there has {1} ({2})".format(text, result["neighbour"], owner)
            signs = (ASTRAY,)
    return _Judged(UNKNOWN if excuse else failure, wanted, text, signs)


def backend_rows(service: Object, failure: str, look: Look) -> list[Row]:
    """Return which backends the requests were led to; nothing where no node tells."""
    used = [
        look.ways[one].backend
        for node in ("", *look.hosts)
        for _asked, result in look.asked.get((service["service"], node), [])
        for one in result["connections"]
        if one in look.ways
    ]
    if not used:
        return []
    addresses = {one.rpartition(":")[0].strip("[]") for one in used}
    strangers = sorted(addresses - set(service["backends"]))
    text = "{0} request{1} led to {2} of them: {3}".format(
        len(used), "s" if len(used) > 1 else "", len(addresses) - len(strangers), names(sorted(set(used)))
    )
    number = len(service["backends"])
    wanted = "{0} endpoint{1}".format(number, "s" if number != 1 else "")
    name, where = service["service"], "nodes' connection tracking"
    # Each by itself: while pods are replaced, every look meets another that is new.
    return [
        Row(
            failure,
            name,
            "backends",
            where,
            wanted,
            "{0} is none of them; {1}".format(one, text),
            "{0}/backends/{1}".format(name, one),
        )
        for one in strangers
    ] or [Row(OK, name, "backends", where, wanted, text, name + "/backends")]


def entrance_rows(service: Object, failure: str, look: Look) -> list[Row]:
    """Return where requests from outside came in, and whether the backend sees who sent them."""
    seen: dict[str, list[tuple[str, Way]]] = {}
    for asked, result in look.asked.get((service["service"], ""), []):
        for one in result["connections"] if asked["check"] == "EXTERNAL-IP" else []:
            client = opened_by(one)
            # What a node asks itself never leaves it.
            if one in look.ways and client not in look.nodes:
                seen.setdefault(asked["target"]["address"], []).append((client, look.ways[one]))
    if service["bgp"] is not None and look.state["bgp"]["age"] < BGP_PATIENCE:
        failure = LAG  # routers go by what they were told before
    found = []
    name = service["service"]
    for address, several in seen.items():
        where = "{0} -> {1}".format(look.host, address)
        entrances = sorted({way.node for _client, way in several})
        allowed = _entrances(service)
        if allowed:
            astray = not set(entrances) <= set(allowed)
            # A machine that has missed the word of another node goes by what it knew, until its kernel asks again.
            late = LAG if service["layer2"] else failure
            verdict = late if astray else OK
            wanted = "in by {0}".format(names(allowed))
            text = "in by {0}".format(names(entrances))
            key = "{0}/path/{1}".format(name, address)
            signs = (ASTRAY,) if astray else ()
            found.append(Row(verdict, name, "path", where, wanted, text, key, signs=signs))
        if service["local"]:
            replaced = sorted(
                {"{0} by {1}".format(way.reply_to, way.node) for client, way in several if way.reply_to != client}
            )
            client = several[0][0]
            text = "replaced by {0}".format(", ".join(replaced)) if replaced else "{0}, kept".format(client)
            key = "{0}/client/{1}".format(name, address)
            verdict = failure if replaced else OK
            signs = (REPLACED,) if replaced else ()
            found.append(Row(verdict, name, "client address", where, client, text, key, signs=signs))
    return found


def way_back_rows(service: Object, look: Look) -> list[Row]:
    """Return the announcing nodes that drop what comes in, because their answer would leave by another interface."""
    found = []
    for node in service["announcers"] or [] if service["layer2"] else []:
        host = look.hosts.get(node) or {}
        arp, inside = host.get("arp") or {}, host.get("inside") or {}
        filters = {one["name"]: one["rp_filter"] for one in arp.get("interfaces") or []}
        segments = {
            look.links[node, address]
            for address in service["addresses"]
            if (node, address) in look.links and ":" not in address
        }
        # And those by which others found it.
        segments |= {
            one["name"]
            for address in service["addresses"]
            for _asker, macs in look.heard.get(address, [])
            if ":" not in address
            for one in arp.get("interfaces") or []
            if one["mac"] in macs
        }
        for client, interface in (inside.get("ways_back") or {}).items():
            for segment in sorted(segments - {interface}):
                if filters.get(segment) == STRICT and ":" not in client:
                    found.append(
                        Row(
                            FAULT,
                            service["service"],
                            "way back",
                            "{0} -> {1}".format(node, client),
                            "out by {0}, where requests come in".format(segment),
                            "out by {0}, and {1} drops what comes in on other ways (rp_filter 1)".format(
                                interface or "none", segment
                            ),
                            "{0}/way-back/{1}/{2}".format(service["service"], node, client),
                            node,
                            signs=(WAY_BACK,),
                        )
                    )
    return found


def _entrances(service: Object) -> list[str]:
    """Return the nodes that requests from outside may come in by; none where that is not known."""
    found = set(service["announcers"] or []) if service["layer2"] else set()
    if service["layer2"] and not found:
        return []
    if service["bgp"] is not None:
        found |= set(service["bgp"]["expected"])
    return sorted(found)


def _excuse(service: Object, check: str, result: Object) -> str:
    """Return why it says nothing about the Service that a host got no answer, "" when it does say something."""
    if check == "ClusterIP":
        return ""
    if result["error"] == "no route":
        # The host itself knows no way there: a controller without IPv6, or one that learns no routes.
        return "no route learned here"
    silent = not result["answered"] and result["error"] in ("timed out", "host unreachable")
    if check == "EXTERNAL-IP" and silent and by_bgp_only(service):
        return "{0}: no route learned here".format(result["error"])
    return ""


def _answer(result: Object) -> str:
    others = len(result["answers"]) - 1
    text = result["answer"] or "connected"
    return "{0} and {1} other{2}".format(text, others, "s" if others > 1 else "") if others > 0 else text
