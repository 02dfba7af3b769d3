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

import typing as t

Object = t.Dict[str, t.Any]

OK, FAULT, LAG, UNKNOWN, NOTE = "ok", "fault", "lag", "unknown", "note"
_STRANGER = "an unknown host"


class Row(t.NamedTuple):
    """One line of the proof."""

    verdict: str
    subject: str  # "namespace/name" of a Service, or "nodes"
    check: str
    where: str
    expected: str
    found: str
    key: str  # what stays the same from look to look


class Decision(t.NamedTuple):
    """What to make of a look."""

    again: bool
    rows: list[Row]
    first_seen: dict[str, float]  # key of a fault or lag -> when it was first seen without a break, seconds


# Targets of requests -------------------------------------------------------------------------------------------------


def outside_targets(services: t.Sequence[Object], nodes: t.Mapping[str, t.Sequence[str]]) -> list[Object]:
    """Return what to ask from outside: every EXTERNAL-IP, and every node port on every node that must answer.

    Each is {target, service, check, node}; target is one of the request_probe module's.
    """
    targets = []
    for service in services:
        if not service["endpoints"]:
            continue
        for port in _askable(service):
            for address in service["addresses"]:
                targets.append(_target(service, "EXTERNAL-IP", "", address, port["port"], port))
            if not port["node_port"]:
                continue
            for node, addresses in nodes.items():
                if addresses and (not service["local"] or node in service["local_nodes"]):
                    targets.append(_target(service, "NodePort", node, addresses[0], port["node_port"], port))
    return targets


def inside_targets(services: t.Sequence[Object]) -> list[Object]:
    """Return what to ask from a node: every ClusterIP."""
    return [
        _target(service, "ClusterIP", "", address, port["port"], port)
        for service in services
        if service["endpoints"] and not service["internal_local"]
        for port in _askable(service)
        for address in service["cluster_ips"]
    ]


def _askable(service: Object) -> list[Object]:
    # Silence proves nothing in UDP, and SCTP needs a client of its own.
    return [port for port in service["ports"] if port["protocol"] == "TCP" or port["request"] == "dns"]


def _target(service: Object, check: str, node: str, address: str, number: int, port: Object) -> Object:
    target = {"address": address, "port": number, "protocol": port["protocol"].lower(), "request": port["request"]}
    return {"target": target, "service": service["service"], "check": check, "node": node}


def arp_addresses(services: t.Sequence[Object]) -> list[str]:
    """Return the IPv4 addresses that somebody must answer ARP for."""
    return [
        address
        for service in services
        if service["layer2"] and service["endpoints"]
        for address in service["addresses"]
        if ":" not in address
    ]


# Rows ----------------------------------------------------------------------------------------------------------------


def rows(state: Object, hosts: t.Mapping[str, Object], outside: Object, strict_arp: bool) -> list[Row]:
    """Return the rows of one look.

    state: what expected_state_info returned. hosts: Node name -> {ipvs, arp, inside}, what ipvs_verify, arp_probe and
    request_probe returned there, each with its targets; a part that is None was not asked for. outside: what request_probe
    returned on the Ansible controller, with targets. strict_arp: whether the nodes need it.
    """
    found: list[Row] = []
    for service in state["services"]:
        found.extend(_service_rows(service, hosts, outside, state["sync_period"]))
    for node in state["nodes"]:
        host = hosts.get(node)
        if host is None:
            found.append(Row(NOTE, "nodes", "data plane", node, "checked", "not in this run", "node/" + node))
            continue
        found.extend(_node_rows(node, host, state["mode"], strict_arp))
    return found


def _service_rows(service: Object, hosts: t.Mapping[str, Object], outside: Object, sync_period: float) -> list[Row]:
    name = service["service"]
    wanted = "an address of pool {0}".format(service["pool"]) if service["pool"] else "an address of a pool"
    if service["reason"]:
        return [Row(FAULT, name, "EXTERNAL-IP", "API", wanted, service["reason"], name + "/address")]
    found = [Row(OK, name, "EXTERNAL-IP", "API", wanted, ", ".join(service["addresses"]), name + "/address")]
    if not service["endpoints"]:
        found.append(
            Row(NOTE, name, "endpoints", "API", "ready endpoints", "none, so nothing is announced", name + "/endpoints")
        )
        return found
    if service["layer2"]:
        for address in service["addresses"]:
            if ":" not in address:
                found.append(_arp_row(service, address, hosts))
    # While endpoints come and go, a request may meet one that has just gone.
    failure = FAULT if service["age"] >= sync_period else LAG
    found.extend(_request_rows(name, "Ansible controller", outside, failure))
    inside: list[tuple[str, Object]] = [(node, host["inside"]) for node, host in hosts.items() if host.get("inside")]
    for node, answers in inside:
        found.extend(_request_rows(name, node, answers, failure))
    return _grouped(found)


def _arp_row(service: Object, address: str, hosts: t.Mapping[str, Object]) -> Row:
    owners = {
        interface["mac"]: node
        for node, host in hosts.items()
        if host.get("arp")
        for interface in host["arp"]["interfaces"]
    }
    answers: dict[str, str] = {}
    askers = []
    for node, host in hosts.items():
        for one in (host.get("arp") or {}).get("results") or []:
            if one["address"] == address and one["on_link"]:
                askers.append(node)
                answers.update({mac: owners.get(mac, _STRANGER) for mac in one["macs"]})
    announcers = service["announcers"]
    verdict, found = _arp_verdict(announcers, askers, answers, hosts)
    if announcers is None:
        wanted = "one answer, from a node"
    elif len(announcers) > 1:
        wanted = "one announcing node"
    else:
        wanted = "one answer, from {0}".format(announcers[0] if announcers else "the announcing node")
    return Row(
        verdict,
        service["service"],
        "ARP",
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
        return UNKNOWN, "no node of this run is on its segment"
    if not answers:
        if askers == announcers or (announcers is None and len(askers) == 1):
            return UNKNOWN, "only {0} itself could ask".format(askers[0])
        return FAULT, "no answer, asked from {0}".format(", ".join(askers))
    nodes = list(answers.values())
    if announcers is None:
        return (FAULT if len(nodes) > 1 else UNKNOWN if nodes == [_STRANGER] else OK), found
    if nodes == [_STRANGER] and announcers[0] not in hosts:
        return UNKNOWN, "{0}, and {1} is not in this run".format(next(iter(answers)), announcers[0])
    return (OK if nodes == announcers else FAULT), found


def _request_rows(service: str, origin: str, answers: Object | None, failure: str) -> list[Row]:
    found = []
    for asked, result in zip((answers or {}).get("targets") or [], (answers or {}).get("results") or []):
        if asked["service"] != service:
            continue
        target = asked["target"]
        place = "[{0}]:{1}" if ":" in target["address"] else "{0}:{1}"
        where = "{0} -> {1}{2}".format(
            origin, place.format(target["address"], target["port"]), "/udp" if target["protocol"] == "udp" else ""
        )
        found.append(
            Row(
                OK if result["ok"] else failure,
                service,
                asked["check"],
                where,
                "an answer",
                _answer(result) if result["ok"] else result["error"],
                "{0}/request/{1}".format(service, where),
            )
        )
    return found


def _answer(result: Object) -> str:
    others = len(result["answers"]) - 1
    text = result["answer"] or "connected"
    return "{0} and {1} other{2}".format(text, others, "s" if others > 1 else "") if others > 0 else text


def _grouped(found: list[Row]) -> list[Row]:
    """Fold the rows of one check that are all in order into one: forty nodes that answer need one line."""
    folded: list[Row] = []
    for row in found:
        same = [one for one in found if one.check == row.check]
        if row.check not in ("NodePort", "ClusterIP") or len(same) == 1 or any(one.verdict != OK for one in same):
            folded.append(row)
        elif row is same[0]:
            answers = sorted({one.found for one in same})
            text = answers[0] if len(answers) == 1 else "{0} and {1} more".format(answers[0], len(answers) - 1)
            folded.append(
                row._replace(
                    where="{0} paths, {1}".format(len(same), _span(same)), expected="an answer each", found=text
                )
            )
    return folded


def _span(same: list[Row]) -> str:
    first, last = same[0].where, same[-1].where
    if same[0].check == "NodePort":
        return "to every node, port {0}".format(first.rpartition(":")[2])
    return "from every node to {0}".format(last.rpartition(" -> ")[2])


def _node_rows(node: str, host: Object, mode: str, strict_arp: bool) -> list[Row]:
    found = []
    if host.get("problem"):
        return [Row(UNKNOWN, "nodes", "data plane", node, "checked", host["problem"], "node/" + node)]
    if strict_arp and host.get("arp"):
        settings = host["arp"]["settings"]
        found.append(
            Row(
                OK if settings["strict_arp"] else FAULT,
                "nodes",
                "strict ARP",
                node,
                "arp_ignore 1, arp_announce 2",
                "arp_ignore {arp_ignore}, arp_announce {arp_announce}".format(**settings),
                "strict_arp/" + node,
            )
        )
    ipvs = host.get("ipvs")
    if ipvs is None:
        if mode != "ipvs":
            found.append(
                Row(
                    NOTE,
                    "nodes",
                    "data plane",
                    node,
                    "checked",
                    "kube-proxy runs in {0} mode, which is not read yet; the requests above went through it".format(
                        mode or "no"
                    ),
                    "mode/" + node,
                )
            )
        return found
    if ipvs["problem"]:
        found.append(Row(UNKNOWN, "nodes", "IPVS", node, "a readable table", ipvs["problem"], "ipvs/" + node))
        return found
    for one in ipvs["differences"]:
        found.append(_difference_row(node, one))
    checked = ipvs["checked"]
    more = ipvs["differences_total"] - len(ipvs["differences"])
    if more > 0:
        found.append(
            Row(FAULT, "nodes", "IPVS", node, "no difference", "{0} more differences".format(more), "ipvs-more/" + node)
        )
    if not ipvs["differences"]:
        found.append(
            Row(
                OK,
                "nodes",
                "IPVS",
                node,
                "{virtual_servers} virtual servers, {real_servers} real servers".format(**checked),
                "all as expected" + (", {0} draining".format(checked["draining"]) if checked["draining"] else ""),
                "ipvs/" + node,
            )
        )
    return found


def _difference_row(node: str, one: Object) -> Row:
    place = "[{0}]:{1}" if ":" in one["address"] else "{0}:{1}"
    where = place.format(one["address"], one["port"]) if one["port"] else one["address"]
    parts = [
        part
        for part in (one["service"] or "no Service", "{0} {1}".format(one["protocol"], where).strip(), one["backend"])
        if part
    ]
    return Row(
        FAULT if one["verdict"] == "fault" else LAG,
        "nodes",
        "IPVS " + one["kind"],
        "{0}: {1}".format(node, ", ".join(parts)),
        one["expected"],
        one["found"],
        "ipvs/{0}/{1}/{2}/{3}/{4}".format(node, one["kind"], one["protocol"], where, one["backend"]),
    )


def folded(found: t.Sequence[Row]) -> list[Row]:
    """Fold differences of one kind, node and Service into one row: a kube-proxy that stands still differs everywhere."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in found:
        alike = (row.verdict, row.check, row.where.partition(", ")[0], row.expected, row.found)
        groups.setdefault(alike if row.key.startswith("ipvs/") else (row.key,), []).append(row)
    return [
        rows[0]._replace(where="{0} and {1} more".format(rows[0].where, len(rows) - 1)) if len(rows) > 1 else rows[0]
        for rows in groups.values()
    ]


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
