# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Expected and observed -> the rows of the proof, and whether another look is needed before judging.

A look is one round over the API, the nodes and the network. While things move, two looks differ although nothing is wrong;
a fault is what stays.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _conntrack, _ipvs, _probe, _routers
from ansible_collections.kubeaddons.metallb.plugins.module_utils._announcers import ESTABLISHED
from ansible_collections.kubeaddons.metallb.plugins.module_utils._routers import names
from ansible_collections.kubeaddons.metallb.plugins.module_utils._targets import MOST_NODES, by_bgp_only

Object = t.Dict[str, t.Any]

OK, FAULT, LAG, UNKNOWN, NOTE = "ok", "fault", "lag", "unknown", "note"
NODES = "nodes"  # the subject of what is not of one Service
OUTSIDE = "outside"
CONTROLLER = "Ansible controller"
STRANGER = "an unknown host"
# Seconds that BGP is given after a change: MetalLB's native mode was seen to take 13 for its sessions.
BGP_PATIENCE = 60.0
# FRR-K8s looks at its sessions every two minutes.
_SAID_LATELY = 130.0
_UNREACHED = "the router is out of reach, refuses, or has another password"
IN_POD = "in a pod"
LED = "led it to"
NEIGHBOUR_CACHE = "the neighbour cache there"
STRICT = 1  # rp_filter
OFF_LINK = "no node of this run is on its segment"
_NOT_ASKED = (_probe.NO_POD, _probe.NO_DNS)
# Parts of what is found on a node, as checks of the proof.
_LOOKS = {"data_plane": "data plane", "arp": "ARP, NDP", "inside": "requests", "tcp": "BGP connections"}
_PROXIES = {"ipvs": "IPVS"}  # how a mode of kube-proxy is called where it is not by its own name


class Row(t.NamedTuple):
    """One line of the proof."""

    verdict: str
    subject: str  # "namespace/name" of a Service, or "nodes"
    check: str
    where: str
    expected: str
    found: str
    key: str  # what stays the same from look to look
    node: str = ""  # the Node that it tells of, "" for none or several
    service: str = ""  # the Service that it tells of where the subject is "nodes"
    seconds: float | None = None  # how long the look at it took, where that was measured


class Way(t.NamedTuple):
    """Where a connection came in and where it was led."""

    node: str
    backend: str  # "address:port"
    reply_to: str  # the address that the backend answers


class Look(t.NamedTuple):
    """What one look found, with indexes: no row must cost a walk over all nodes and all requests."""

    state: Object
    hosts: t.Mapping[str, Object]
    host: str  # what the host outside is called
    asked: t.Mapping[tuple[str, str], t.Sequence[tuple[Object, Object]]]  # Service and Node, or "": targets, results
    ways: t.Mapping[str, Way]  # by connection
    owners: t.Mapping[str, str]  # hardware address -> Node
    heard: t.Mapping[str, t.Sequence[tuple[str, t.Sequence[str]]]]  # address -> Nodes that asked, what answered each
    nodes: t.AbstractSet[str]  # addresses of all nodes


class Decision(t.NamedTuple):
    """What to make of a look."""

    again: bool
    rows: list[Row]
    first_seen: dict[str, float]  # key of a fault or lag -> when it was first seen without a break, seconds


# Rows ----------------------------------------------------------------------------------------------------------------


def rows(
    state: Object,
    hosts: t.Mapping[str, Object],
    outside: Object,
    strict_arp: bool,
    routers: t.Mapping[str, Object] | None = None,
) -> list[Row]:
    """Return the rows of one look.

    state: what expected_state_info returned. hosts: Node name -> {data_plane, arp, inside, tcp}, what data_plane_verify,
    arp_probe and request_probe returned there, the last with its targets, and tcp_info's results; an empty part was not
    asked for, see found_on. outside: what request_probe returned on a host outside, with targets and the name of the
    "host". strict_arp: whether the nodes need it. routers: name -> what frr_info returned there.
    """
    if state.get("failed"):
        return [Row(UNKNOWN, NODES, "API", "Kubernetes API", "readable", state["msg"], "unseen/api")]
    found: list[Row] = []
    look = _look(state, hosts, outside)
    for service in state["services"]:
        found.extend(_service_rows(service, look))
    left_out = (state.get("targets") or {}).get("left_out")
    if left_out:
        found.append(_left_out_row(left_out, look.host))
    if state["bgp"]:
        found.extend(_session_row(one, hosts, state["bgp"]) for one in state["bgp"]["sessions"])
        found.extend(_route_row(one, state) for one in _routers.findings(state, hosts, routers or {}))
    for node in state["nodes"]:
        host = hosts.get(node)
        if host is None:
            found.append(Row(NOTE, NODES, "data plane", node, "checked", "not in this run", "node/" + node, node))
            continue
        found.extend(_node_rows(node, host, state, strict_arp))
    return found


def _look(state: Object, hosts: t.Mapping[str, Object], outside: Object) -> Look:
    host = outside.get("host") or "localhost"
    asked: dict[tuple[str, str], list[tuple[Object, Object]]] = {}
    ways: dict[str, Way] = {}
    owners: dict[str, str] = {}
    heard: dict[str, list[tuple[str, t.Sequence[str]]]] = {}
    answers = {"": outside, **{node: found.get("inside") or {} for node, found in hosts.items()}}
    for node, some in answers.items():
        for target, result in zip(some.get("targets") or [], some.get("results") or []):
            asked.setdefault((target["service"], node), []).append((target, result))
        for connection, way in (some.get("seen") or {}).items():
            ways.setdefault(connection, Way(node, *way))
    for node, found in hosts.items():
        arp = found.get("arp") or {}
        owners.update({one["mac"]: node for one in arp.get("interfaces") or []})
        for one in arp.get("results") or []:
            if one["on_link"]:
                heard.setdefault(one["address"], []).append((node, one["macs"]))
    return Look(
        state,
        hosts,
        CONTROLLER if host == "localhost" else str(host),
        asked,
        ways,
        owners,
        heard,
        {address for addresses in state["nodes"].values() for address in addresses},
    )


def _service_rows(service: Object, look: Look) -> list[Row]:
    state = look.state
    name = service["service"]
    wanted = "an address of pool {0}".format(service["pool"]) if service["pool"] else "an address of a pool"
    if service["reason"]:
        return [Row(FAULT, name, "EXTERNAL-IP", "API", wanted, service["reason"], name + "/address")]
    found = [Row(OK, name, "EXTERNAL-IP", "API", wanted, ", ".join(service["addresses"]), name + "/address")]
    found.extend(_family_rows(service))
    if not service["endpoints"]:
        found.append(
            Row(NOTE, name, "endpoints", "API", "ready endpoints", "none, so nothing is announced", name + "/endpoints")
        )
        return found
    if service["layer2"]:
        found.extend(_neighbour_row(service, address, look) for address in service["addresses"])
        found.extend(_election_rows(service))
        found.extend(_event_rows(service))
    elif service["bgp"] is None:
        found.append(_unannounced_row(service, state["speakers"]))
    if service["bgp"] is not None:
        found.append(_bgp_row(service, state["bgp"]))
    # While endpoints come and go, a request may meet one that has just gone.
    failure = FAULT if service["age"] >= state["sync_period"] else LAG
    for node in ("", *look.hosts):
        found.extend(_request_rows(service, node, failure, look))
    found.extend(_backend_rows(service, failure, look))
    found.extend(_entrance_rows(service, failure, look))
    found.extend(_way_back_rows(service, look.hosts))
    return found


def _versions(addresses: t.Sequence[str]) -> set[int]:
    return {ipaddress.ip_address(one).version for one in addresses}


def _family_rows(service: Object) -> list[Row]:
    """Return a note where a Service of two families has an address of one; MetalLB allows that for PreferDualStack."""
    return [
        Row(
            NOTE,
            service["service"],
            "EXTERNAL-IP",
            "API",
            "an address for each ClusterIP's family",
            "none of IPv{0}".format(version),
            "{0}/family/{1}".format(service["service"], version),
        )
        for version in sorted(_versions(service["cluster_ips"]) - _versions(service["addresses"]))
    ]


def _unannounced_row(service: Object, speakers: t.Sequence[str]) -> Row:
    """Without a speaker, something else announces what MetalLB hands out: that is for the requests to tell."""
    return Row(
        FAULT if speakers else NOTE,
        service["service"],
        "announcement",
        "API",
        "an L2Advertisement or a BGPAdvertisement",
        "none takes the Service and its pool {0}{1}".format(
            service["pool"], "" if speakers else ", and no speaker runs"
        ),
        service["service"] + "/announcement",
    )


def _election_rows(service: Object) -> list[Row]:
    """Return a note where another node announces than all nodes should agree on; none before it has come to one."""
    announcers, election = service["announcers"], service["election"]
    if not election or announcers is None or len(announcers) != 1 or announcers == [election["node"]]:
        return []
    wanted = election["node"] or "nobody: {0}".format(_reasons_text(election["reasons"]))
    found = "{0}: the speakers do not agree on which of them run (memberlist)".format(announcers[0])
    return [Row(NOTE, service["service"], "election", "API", wanted, found, service["service"] + "/election")]


def _event_rows(service: Object) -> list[Row]:
    """Return a note where the last event names another node; it lasts an hour and speakers send it as they please."""
    announcers, assigned = service["announcers"], service["assigned"]
    if not announcers or not assigned or assigned in announcers:
        return []
    wanted = "nodeAssigned names {0}".format(names(announcers))
    return [Row(NOTE, service["service"], "event", "API", wanted, assigned, service["service"] + "/assigned")]


def _reasons_text(reasons: t.Mapping[str, str]) -> str:
    """Return "node1, node2 carries ...; node3 ..."; nodes with the same reason go together."""
    groups: dict[str, list[str]] = {}
    for node, reason in reasons.items():
        groups.setdefault(reason, []).append(node)
    return "; ".join("{0} {1}".format(names(nodes), reason) for reason, nodes in groups.items()) or "there is none"


def _lost(service: Object, address: str, look: Look) -> bool:
    """Return whether an address was asked from outside and gave no answer, and every node was looked at."""
    counts = [
        result["answered"]
        for asked, result in look.asked.get((service["service"], ""), [])
        if asked["check"] == "EXTERNAL-IP" and asked["target"]["address"] == address
    ]
    return bool(counts) and not any(counts) and look.state["nodes"].keys() <= look.hosts.keys()


def _neighbour_row(service: Object, address: str, look: Look) -> Row:
    heard = look.heard.get(address, [])
    askers = [node for node, _macs in heard]
    answers = {mac: look.owners.get(mac, STRANGER) for _node, macs in heard for mac in macs}
    announcers = service["announcers"]
    verdict, found = _arp_verdict(announcers, askers, answers, look.hosts)
    if found == OFF_LINK and _lost(service, address, look):
        # It might have been routed to a node.
        verdict = FAULT
    if announcers == [] and (service["election"] or {}).get("reasons"):
        found = "{0}; no node may: {1}".format(found, _reasons_text(service["election"]["reasons"]))
    if announcers is None:
        wanted = "one answer, from a node"
    elif len(announcers) > 1:
        wanted = "one announcing node"
    else:
        wanted = "one answer, from {0}".format(announcers[0] if announcers else "the announcing node")
    return Row(
        verdict,
        service["service"],
        "NDP" if ":" in address else "ARP",
        "segment, {0}".format(address),
        wanted,
        found,
        "{0}/arp/{1}".format(service["service"], address),
    )


def _arp_verdict(
    announcers: t.Sequence[str] | None, askers: list[str], answers: dict[str, str], hosts: t.Mapping[str, Object]
) -> tuple[str, str]:
    """Return verdict and finding. announcers: None where MetalLB does not say. answers: MAC address -> node."""
    found = ", ".join("{0} ({1})".format(node, mac) for mac, node in sorted(answers.items(), key=lambda item: item[1]))
    if announcers is not None and len(announcers) != 1:
        return FAULT, "{0} announce it".format(" and ".join(announcers)) if announcers else (
            "{0}; no ServiceL2Status names an announcing node".format(found or "no answer")
        )
    if not askers:
        return UNKNOWN, OFF_LINK
    if not answers:
        if askers == announcers or (announcers is None and len(askers) == 1):
            return UNKNOWN, "only {0} itself could ask".format(askers[0])
        return FAULT, "no answer, asked from {0}".format(", ".join(askers))
    nodes = list(answers.values())
    if announcers is None:
        return (FAULT if len(nodes) > 1 else UNKNOWN if nodes == [STRANGER] else OK), found
    if nodes == [STRANGER] and not (hosts.get(announcers[0]) or {}).get("arp"):
        why = "could not be looked at" if announcers[0] in hosts else "is not in this run"
        return UNKNOWN, "{0}, and {1} {2}".format(next(iter(answers)), announcers[0], why)
    return (OK if nodes == announcers else FAULT), found


def _left_out_row(left_out: int, host: str) -> Row:
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


def _request_rows(service: Object, node: str, failure: str, look: Look) -> list[Row]:
    """Return what a node's requests tell; those from outside, with node "", tell of the node whose port was asked."""
    found = []
    for asked, result in look.asked.get((service["service"], node), []):
        if result["error"] in _NOT_ASKED:
            continue
        target = asked["target"]
        place = "{0}{1}".format(
            _ipvs.join_endpoint(target["address"], target["port"]), "/udp" if target["protocol"] == "udp" else ""
        )
        origin = "{0}, {1}".format(node, IN_POD) if target["origin"] == "pod" else node or look.host
        verdict, text = _request_verdict(service, asked, result, failure, look)
        found.append(
            Row(
                verdict,
                service["service"],
                asked["check"],
                "{0} -> {1}".format(origin, place),
                "an answer",
                text,
                "{0}/request/{1} -> {2}".format(service["service"], origin if node else OUTSIDE, place),
                node or asked["node"],
                seconds=result["seconds"],
            )
        )
    return found


def _request_verdict(service: Object, asked: Object, result: Object, failure: str, look: Look) -> tuple[str, str]:
    if result["ok"]:
        if result["resolved"] and result["resolved"] not in service["cluster_ips"]:
            return failure, "the name is {0} there".format(result["resolved"])
        return OK, _answer(result)
    way = look.ways.get(result["failed"])
    target = asked["target"]
    if target["protocol"] == "udp" and target["request"] == "connect" and result["error"] == "timed out":
        # Few servers answer an empty datagram.
        if way:
            return OK, "{0} {1} {2}; no answer, as is usual in UDP".format(way.node, LED, way.backend)
        return UNKNOWN, "no answer, which proves nothing in UDP"
    excuse = _excuse(service, asked["check"], result)
    text = excuse or result["error"]
    if way:
        text = "{0}; {1} {2} {3}".format(text, way.node, LED, way.backend)
    elif asked["check"] == "EXTERNAL-IP" and target["origin"] == "node" and result["failed"] and not excuse:
        text = "; ".join([text, *_lost_where(service, result, look)])
    return (UNKNOWN if excuse else failure), text


def _lost_where(service: Object, result: Object, look: Look) -> list[str]:
    """Say of a request from outside that no node knows how far it came."""
    found = ["it came in at no node of this run"] if look.ways else []
    owner = look.owners.get(result["neighbour"], STRANGER)
    if result["neighbour"] and service["announcers"] and owner not in service["announcers"]:
        found.append("{0} has {1} ({2})".format(NEIGHBOUR_CACHE, result["neighbour"], owner))
    return found


def _backend_rows(service: Object, failure: str, look: Look) -> list[Row]:
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
    if strangers:
        text = "{0} is none of them; {1}".format(names(strangers), text)
    wanted = "{0} endpoint{1}".format(service["endpoints"], "s" if service["endpoints"] != 1 else "")
    verdict = failure if strangers else OK
    name = service["service"]
    return [Row(verdict, name, "backends", "nodes' connection tracking", wanted, text, name + "/backends")]


def _entrance_rows(service: Object, failure: str, look: Look) -> list[Row]:
    """Return where requests from outside came in, and whether the backend sees who sent them."""
    seen: dict[str, list[tuple[str, Way]]] = {}
    for asked, result in look.asked.get((service["service"], ""), []):
        for one in result["connections"] if asked["check"] == "EXTERNAL-IP" else []:
            client = _conntrack.client(one) if one else ""
            # What a node asks itself never leaves it.
            if one in look.ways and client not in look.nodes:
                seen.setdefault(asked["target"]["address"], []).append((client, look.ways[one]))
    found = []
    name = service["service"]
    for address, several in seen.items():
        where = "{0} -> {1}".format(look.host, address)
        entrances = sorted({way.node for _client, way in several})
        allowed = _entrances(service)
        if allowed:
            verdict = OK if set(entrances) <= set(allowed) else failure
            wanted = "in by {0}".format(names(allowed))
            text = "in by {0}".format(names(entrances))
            found.append(Row(verdict, name, "path", where, wanted, text, "{0}/path/{1}".format(name, address)))
        if service["local"]:
            replaced = sorted(
                {"{0} by {1}".format(way.reply_to, way.node) for client, way in several if way.reply_to != client}
            )
            client = several[0][0]
            text = "replaced by {0}".format(", ".join(replaced)) if replaced else "{0}, kept".format(client)
            key = "{0}/client/{1}".format(name, address)
            found.append(Row(failure if replaced else OK, name, "client address", where, client, text, key))
    return found


def _way_back_rows(service: Object, hosts: t.Mapping[str, Object]) -> list[Row]:
    """Return the announcing nodes that drop what comes in, because their answer would leave by another interface."""
    found = []
    for node in service["announcers"] or [] if service["layer2"] else []:
        arp, inside = (hosts.get(node) or {}).get("arp") or {}, (hosts.get(node) or {}).get("inside") or {}
        filters = {one["name"]: one["rp_filter"] for one in arp.get("interfaces") or []}
        segments = {
            one["interface"]
            for one in arp.get("results") or []
            if one["on_link"] and one["address"] in service["addresses"] and ":" not in one["address"]
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


# BGP -----------------------------------------------------------------------------------------------------------------


def _bgp_row(service: Object, bgp: Object) -> Row:
    told = service["bgp"]
    wanted = "announced {0}".format(_routes_text(told["expected"])) if told["expected"] else "announced"
    failure = FAULT if min(service["age"], bgp["age"]) >= BGP_PATIENCE else LAG
    verdict, found = _bgp_verdict(told, bgp["backend"], failure)
    if verdict == FAULT and service["layer2"] and not told["expected"]:
        verdict = NOTE  # the Service is announced all the same
    return Row(verdict, service["service"], "BGP", "API", wanted, found, service["service"] + "/bgp")


def _bgp_verdict(told: Object, backend: str, failure: str) -> tuple[str, str]:
    expected, announced = told["expected"], told["announced"]
    if not expected:
        return FAULT, "no node may: {0}".format(_reasons_text(told["reasons"]))
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


def _route_row(finding: _routers.Finding, state: Object) -> Row:
    """Return what a router has received, with the same patience as for what the API says of it."""
    where = "{0}, {1}".format(finding.router, finding.prefix) if finding.prefix else finding.router
    wanted = "next hops {0}".format(names(finding.expected)) if finding.expected else "what nodes announce to it"
    if finding.unknown:
        verdict, found = UNKNOWN, finding.unknown
    elif finding.wrong:
        ages = [one["age"] for one in state["services"] if one["service"] == finding.service]
        verdict = FAULT if min([*ages, state["bgp"]["age"]]) >= BGP_PATIENCE else LAG
        found = finding.wrong
    else:
        verdict, found = OK, "next hops {0}".format(names(finding.received))
        found += "; {0}".format(finding.remark) if finding.remark else ""
    key = "{0}/routes/{1}".format(finding.service or NODES, where)
    return Row(verdict, finding.service or NODES, "BGP routes", where, wanted, found, key)


def _session_row(session: Object, hosts: t.Mapping[str, Object], bgp: Object) -> Row:
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


# What could not be looked at -----------------------------------------------------------------------------------------


def found_on(results: t.Mapping[str, Object]) -> Object:
    """Return what was found on a host as rows() wants it: without what was skipped or failed, and with why it did.

    results: the results of the tasks there, of data_plane, arp, inside (with its targets) and tcp, whatever became of them.
    """
    found: Object = {part: _whole(result) for part, result in results.items()}
    found["tcp"] = (found.get("tcp") or {}).get("results") or []
    lost = [result for result in results.values() if result.get("unreachable")]
    found["problem"] = "no connection to it: {0}".format(_reason(lost[0])) if lost else ""
    found["failures"] = {part: _reason(result) for part, result in results.items() if result.get("failed")}
    return found


def _whole(result: Object) -> Object:
    return {} if any(result.get(mark) for mark in ("failed", "skipped", "unreachable")) else result


def _reason(result: Object) -> str:
    return str(result.get("msg") or "no reason was given").strip()


def unseen(found: t.Sequence[Row]) -> list[str]:
    """Return a sentence for each part of the look that could not be taken: what it would have shown is not proven."""
    return [
        "{0}, {1}: {2}".format(row.where, row.check, row.found)
        for row in found
        if row.subject == NODES and row.key.startswith("unseen/")
    ]


# Nodes ---------------------------------------------------------------------------------------------------------------


def _node_rows(node: str, host: Object, state: Object, strict_arp: bool) -> list[Row]:
    if host.get("problem"):
        return [Row(UNKNOWN, NODES, "data plane", node, "checked", host["problem"], "unseen/" + node, node)]
    found = [
        Row(UNKNOWN, NODES, _LOOKS[part], node, "checked", reason, "unseen/{0}/{1}".format(node, part), node)
        for part, reason in (host.get("failures") or {}).items()
    ]
    if strict_arp and host.get("arp"):
        settings = host["arp"]["settings"]
        found.append(
            Row(
                OK if settings["strict_arp"] else FAULT,
                NODES,
                "strict ARP",
                node,
                "arp_ignore 1, arp_announce 2",
                "arp_ignore {arp_ignore}, arp_announce {arp_announce}".format(**settings),
                "strict_arp/" + node,
                node,
            )
        )
    found.extend(_pod_rows(node, host.get("inside")))
    found.extend(_data_plane_rows(node, host.get("data_plane"), state["mode"], state["scope"]))
    return found


def _pod_rows(node: str, answers: Object | None) -> list[Row]:
    """Return a note where no pod of a node could be used."""
    reasons = {one["error"] for one in (answers or {}).get("results") or [] if one["error"] in _NOT_ASKED}
    return [
        Row(NOTE, NODES, "requests from a pod", node, "asked", reason, "pods/{0}".format(node), node)
        for reason in sorted(reasons)[:1]
    ]


def _data_plane_rows(node: str, told: Object | None, mode: str, scope: t.Sequence[str]) -> list[Row]:
    if not told:
        if mode:
            return []
        text = "there is no kube-proxy, and what is there instead is not read; the requests above went through it"
        return [Row(NOTE, NODES, "data plane", node, "checked", text, "mode/" + node, node)]
    check, key = _PROXIES.get(mode, mode), "data-plane/" + node
    if told["problem"]:
        return [Row(UNKNOWN, NODES, check, node, "a readable table", told["problem"], key, node)]
    found = [_difference_row(node, check, one) for one in told["differences"]]
    more = told["differences_total"] - len(told["differences"])
    if more > 0:
        listed = sum(one["verdict"] == "fault" for one in told["differences"])
        verdict = FAULT if told["faults_total"] > listed else LAG
        text = "{0} more differences".format(more)
        # Another number is another lot, which has not stayed from look to look.
        key = "data-plane-more/{0}/{1}".format(node, more)
        found.append(Row(verdict, NODES, check, node, "no difference", text, key, node))
    if not told["differences"]:
        checked = told["checked"]
        words = ("virtual servers", "real servers") if mode == "ipvs" else ("Service addresses", "backends")
        expected = "{0} {1}, {2} {3}".format(checked["virtual_servers"], words[0], checked["real_servers"], words[1])
        expected += " of {0}".format(names(scope)) if scope else ""
        text = "all as expected" + (", {0} draining".format(checked["draining"]) if checked["draining"] else "")
        found.append(Row(OK, NODES, check, node, expected, text, key, node, seconds=told["seconds"]))
    return found


def _difference_row(node: str, check: str, one: Object) -> Row:
    place = "[{0}]:{1}" if ":" in one["address"] else "{0}:{1}"
    where = place.format(one["address"], one["port"]) if one["port"] else one["address"]
    parts = [
        part
        for part in (
            one["service"] or ("no Service" if where else ""),
            "{0} {1}".format(one["protocol"], where).strip(),
            one["backend"],
        )
        if part
    ]
    return Row(
        FAULT if one["verdict"] == "fault" else LAG,
        NODES,
        "{0} {1}".format(check, one["kind"]),
        "{0}: {1}".format(node, ", ".join(parts)),
        one["expected"],
        one["found"],
        "data-plane/{0}/{1}/{2}/{3}/{4}".format(node, one["kind"], one["protocol"], where, one["backend"]),
        node,
        one["service"],
    )


def folded(found: t.Sequence[Row]) -> list[Row]:
    """Fold alike rows into one for a terminal.

    Forty nodes that answer need one line, a kube-proxy that stands still differs everywhere, and a router has sessions with
    all nodes.
    """
    failed = {_request(row) for row in found if row.verdict != OK}
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in found:
        groups.setdefault(_alike(row, failed), []).append(row)
    return [_folded(rows) for rows in groups.values()]


def _request(row: Row) -> tuple[str, ...]:
    origin = row.key.partition("/request/")[2].partition(" -> ")[0]
    return (row.subject, row.check, origin if origin == OUTSIDE else IN_POD if IN_POD in origin else "from nodes")


def _alike(row: Row, failed: t.AbstractSet[tuple[str, ...]]) -> tuple[str, ...]:
    """Return what rows that may be folded have in common. failed: the requests of which one got no answer."""
    if row.subject == NODES:
        kind = row.key.partition("/")[0]
        if kind == "data-plane":
            return (row.verdict, row.check, row.where.partition(", ")[0], row.expected, row.found)
        if kind == "pods":
            return (row.verdict, row.check, row.found)
        if kind == "session":
            return (row.verdict, row.check, row.where.partition(" -> ")[2], row.found)
    elif row.node and "/request/" in row.key and _request(row) not in failed:
        return _request(row)
    return (row.key,)


def _folded(same: list[Row]) -> Row:
    first = same[0]
    if len(same) == 1:
        return first
    if "/request/" in first.key:
        answers = sorted({one.found for one in same})
        text = answers[0] if len(answers) == 1 else "{0} and {1} more".format(answers[0], len(answers) - 1)
        return first._replace(
            where="{0} paths, {1}".format(len(same), _span(same)), expected="an answer each", found=text, node=""
        )
    if first.check == "BGP session":
        nodes = [row.where.partition(" -> ")[0] for row in same]
        return first._replace(where="{0} -> {1}".format(names(nodes), first.where.partition(" -> ")[2]), node="")
    return first._replace(where="{0} and {1} more".format(first.where, len(same) - 1))


def _span(same: list[Row]) -> str:
    if same[0].check == "NodePort":
        ports = list(dict.fromkeys(row.where.rpartition(":")[2] for row in same))
        nodes = len({row.node for row in same})
        return "to {0} node{1}, port{2} {3}".format(
            nodes, "s" if nodes > 1 else "", "s" if len(ports) > 1 else "", ", ".join(ports)
        )
    origin = "a pod on every node" if IN_POD in same[0].where else "every node"
    places = dict.fromkeys(row.where.partition(" -> ")[2] for row in same)
    return "from {0} to {1}".format(origin, ", ".join(places))


# Judgement over several looks ----------------------------------------------------------------------------------------


def decide(
    found: list[Row], first_seen: t.Mapping[str, float], now: float, look: int, sync_period: float, deadline: float
) -> Decision:
    """Return whether to look again, and the rows with the verdicts that hold by now.

    first_seen: of the look before. now, deadline: seconds of one clock. look: 1 for the first. sync_period: seconds.
    A fault counts when the look before saw it too; a lag when it stayed for the whole sync period. What the looks before
    saw and this one does not is gone; what only this look saw moves. At the deadline, with no further look to come, a
    fault counts at once.
    """
    open_rows = [row for row in found if row.verdict in (FAULT, LAG)]
    seen = {row.key: first_seen.get(row.key, now) for row in open_rows}
    confirmed = {
        row.key
        for row in open_rows
        if row.key in first_seen and (row.verdict == FAULT or now - first_seen[row.key] >= sync_period)
    }
    stayed = {row.key for row in open_rows if row.key in first_seen} - confirmed
    fresh_faults = {row.key for row in open_rows if row.verdict == FAULT and row.key not in first_seen}
    # On the first look everything is fresh; later a fresh lag means that kube-proxy is at work, as it should be.
    unsettled = bool(stayed or fresh_faults or (look == 1 and open_rows))
    again = unsettled and not confirmed and now < deadline
    judged = [
        row
        if row.verdict not in (FAULT, LAG) or row.key in confirmed
        else row._replace(verdict=FAULT)
        if now >= deadline and (row.key in stayed or row.verdict == FAULT)
        else row._replace(verdict=LAG)
        for row in found
    ]
    judged = [row._replace(verdict=FAULT) if row.key in confirmed else row for row in judged]
    return Decision(again, judged, seen)
