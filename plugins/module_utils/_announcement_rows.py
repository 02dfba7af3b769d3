# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Rows of a Service's addresses: which it has, and who announces them by ARP and NDP; for BGP see _bgp_rows."""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._look import Look, client_of
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import (
    FAULT,
    NOTE,
    OFF_LINK,
    OK,
    OUTDATED,
    SEVERAL,
    SILENT,
    STRANGER,
    UNKNOWN,
    UNKNOWN_HOST,
    Row,
    names,
    reasons_text,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._source_ranges import admitted

Object = t.Dict[str, t.Any]


def _versions(addresses: t.Sequence[str]) -> set[int]:
    return {ipaddress.ip_address(one).version for one in addresses}


def family_rows(service: Object) -> list[Row]:
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


def unannounced_row(service: Object, speakers: t.Sequence[str]) -> Row:
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


def _answering(service: Object, look: Look) -> str:
    """Return the only node that was heard to answer for a Service's addresses, "" where it is not one or not known."""
    heard = {
        look.owners.get(mac, "")
        for address in service["addresses"]
        for _asker, macs in look.heard.get(address, [])
        for mac in macs
    }
    return heard.pop() if len(heard) == 1 else ""


def _agreed(service: Object) -> str:
    """Return the node that MetalLB's rule and its last event name, "" where neither does or they differ."""
    said = {(service["election"] or {}).get("node") or "", service["assigned"]} - {""}
    return said.pop() if len(said) == 1 else ""


def _is_outdated(service: Object, look: Look) -> bool:
    """Return whether the ServiceL2Status names one node, and all else the one that answers.

    MetalLB 0.14.8 to 0.15.3 could not give it to another node (metallb/metallb#2930).
    """
    node = _answering(service, look)
    return bool(node) and len(service["announcers"] or []) == 1 and node == _agreed(service) != service["announcers"][0]


def _announcing(service: Object, look: Look) -> list[str]:
    """Return the nodes that announce a Service: as MetalLB says, or where no release of it does, as the segment tells."""
    if service["announcers"] is None:
        node = _answering(service, look)
        return [node] if node else []
    return list(service["announcers"])


def election_rows(service: Object, look: Look) -> list[Row]:
    """Return a note where another node announces than all nodes should agree on; none before it has come to one."""
    announcing, election = _announcing(service, look), service["election"]
    if not election or len(announcing) != 1 or announcing == [election["node"]] or _is_outdated(service, look):
        return []
    wanted = election["node"] or "nobody: {0}".format(reasons_text(election["reasons"]))
    found = "{0}: the speakers do not agree on which of them run (memberlist)".format(announcing[0])
    return [Row(NOTE, service["service"], "election", "API", wanted, found, service["service"] + "/election")]


def event_rows(service: Object, look: Look) -> list[Row]:
    """Return a note where the last event names another node; it lasts an hour and speakers send it as they please."""
    announcing, assigned = _announcing(service, look), service["assigned"]
    if not announcing or not assigned or assigned in announcing or _is_outdated(service, look):
        return []
    wanted = "nodeAssigned names {0}".format(names(announcing))
    return [Row(NOTE, service["service"], "event", "API", wanted, assigned, service["service"] + "/assigned")]


def _lost(service: Object, address: str, look: Look) -> bool:
    """Return whether an address was asked from outside and gave no answer, though it should, and every node was looked at."""
    counts = [
        result["answered"]
        for asked, result in look.asked.get((service["service"], ""), [])
        if asked["check"] == "EXTERNAL-IP"
        and asked["target"]["address"] == address
        and admitted(service, asked["check"], address, client_of(result))
    ]
    return bool(counts) and not any(counts) and all(_asked(look.hosts.get(node) or {}) for node in look.state["nodes"])


def neighbour_row(service: Object, address: str, look: Look) -> Row:
    """Return who answers ARP or NDP for an address of a Service."""
    heard = look.heard.get(address, [])
    askers = [node for node, _macs in heard]
    answers = {mac: look.owners.get(mac, UNKNOWN_HOST) for _node, macs in heard for mac in macs}
    announcers = service["announcers"]
    verdict, found, signs = _arp_verdict(announcers, askers, answers, look)
    if OFF_LINK in signs and _lost(service, address, look):
        # It might have been routed to a node.
        verdict = FAULT
    # Without a status, the two together are MetalLB's word.
    meant = _agreed(service) if announcers is None and service["assigned"] and service["election"] else ""
    if _is_outdated(service, look) and set(answers.values()) == {_agreed(service)}:
        signs = (*signs, OUTDATED)
        found = "{0}; ServiceL2Status {1}, which names {2}, is outdated: MetalLB elects {3}".format(
            found, names(service["statuses"]), announcers[0], _agreed(service)
        )
    elif meant and verdict == OK and _answering(service, look) != meant:
        verdict = FAULT
    if announcers == [] and (service["election"] or {}).get("reasons"):
        found = "{0}; no node may: {1}".format(found, reasons_text(service["election"]["reasons"]))
    if announcers is None:
        wanted = "one answer, from {0}".format(meant or "a node")
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
        signs=signs,
    )


def _arp_verdict(
    announcers: t.Sequence[str] | None, askers: list[str], answers: dict[str, str], look: Look
) -> tuple[str, str, tuple[str, ...]]:
    """Return verdict, finding and signs. announcers: None where MetalLB does not say. answers: MAC address -> node."""
    found = _answers_text(answers)
    nodes = sorted(set(answers.values()))
    marks = ((STRANGER, UNKNOWN_HOST in nodes), (SEVERAL, len(nodes) > 1), (SILENT, not nodes))
    signs = tuple(sign for sign, there in marks if there)
    if announcers is not None and len(announcers) > 1:
        return FAULT, "{0} announce it".format(" and ".join(announcers)), ()
    if announcers == []:
        return FAULT, "{0}; no ServiceL2Status names an announcing node".format(found or "no answer"), signs
    if not askers:
        some = "of this run" if all(_asked(host) for host in look.hosts.values()) else "that could be looked at"
        return UNKNOWN, "no node {0} is on its segment".format(some), (OFF_LINK,)
    if not answers:
        if askers == announcers or (announcers is None and len(askers) == 1):
            return UNKNOWN, "only {0} itself could ask".format(askers[0]), ()
        return FAULT, "no answer, asked from {0}".format(", ".join(askers)), signs
    if nodes == [UNKNOWN_HOST]:
        # Any of them may be of a node that was not looked at, and all of the same one.
        if announcers is not None and not _arp_of(announcers[0], look):
            why = "could not be looked at" if announcers[0] in look.hosts else "is not in this run"
            return UNKNOWN, "{0}, and {1} {2}".format(", ".join(sorted(answers)), announcers[0], why), ()
        if announcers is None and (len(answers) == 1 or not all(_arp_of(node, look) for node in look.state["nodes"])):
            return UNKNOWN, found, signs
        return FAULT, found, signs
    return (OK if nodes == announcers or (announcers is None and len(nodes) == 1) else FAULT), found, signs


def _asked(host: Object) -> bool:
    """Return whether a node asked for the addresses that it was to ask for."""
    return bool(host.get("arp")) and not {"arp", "asked"} & (host.get("failures") or {}).keys()


def _arp_of(node: str, look: Look) -> Object:
    """Return what was found of ARP on a node; empty where it was not looked at."""
    return (look.hosts.get(node) or {}).get("arp") or {}


def _answers_text(answers: t.Mapping[str, str]) -> str:
    """Return "node1 (MAC), node2 (MAC, MAC)": who answered; unknown hosts are not known to be the same one."""
    hosts: dict[tuple[str, str], list[str]] = {}
    for mac, node in sorted(answers.items()):
        hosts.setdefault((node, mac if node == UNKNOWN_HOST else ""), []).append(mac)
    found = ", ".join("{0} ({1})".format(node, ", ".join(macs)) for (node, _mac), macs in sorted(hosts.items()))
    # MetalLB's speaker answers on every interface that hears the question (internal/layer2/announcer.go).
    several = [node for (node, _mac), macs in sorted(hosts.items()) if len(macs) > 1]
    if several:
        found += "; {0} by each interface there, unless an L2Advertisement names some".format(names(several))
    return found
