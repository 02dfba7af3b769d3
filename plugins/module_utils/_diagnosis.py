# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What the API says of MetalLB, and what the proof found -> causes, each with its evidence.

A cause hides its symptoms: without a controller every Service is pending, and a node whose kube-proxy stands still fails in
many rows. What no cause explains is said as well. Rows tell by their signs, so that their texts may be worded anew.
"""

from __future__ import annotations

import collections
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _announcers, _causes
from ansible_collections.kubeaddons.metallb.plugins.module_utils._differences import NO_SETS, UNBOUND
from ansible_collections.kubeaddons.metallb.plugins.module_utils._rollout import PULLING
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import (
    ASTRAY,
    BGP,
    CLUSTER_IP,
    DATA_PLANE,
    DNS_NAME,
    EXTERNAL_IP,
    FAULT,
    FROM_POD,
    LED,
    NODES,
    OFF_LINK,
    OUTDATED,
    PROXY_MODE,
    REPLACED,
    ROUTES,
    SESSION,
    SEVERAL,
    SILENT,
    STRANGER,
    STRICT_ARP,
    WAY_BACK,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._text import plain

Object = t.Dict[str, t.Any]

CLUSTER = "cluster"
# Sign of a difference in a node's data plane -> cause, by the first that it has; by none: kube-proxy has not done its work.
_KINDS = {
    UNBOUND: "kube-proxy-stuck",
    NO_SETS: "kernel-feature-missing",
    "weight": "weight-zero",
    "orphan": "stray-entry",
    "bind": "address-left-bound",
    "ipset": "sets-wrong",
    "leftover": "left-overs",
    "rule": "rules-broken",
}
# What a node is hindered by -> cause. The first that hinders some node: the others were not meant to announce.
_HINDRANCES = {
    _announcers.NO_ENDPOINT: "local-without-endpoint",
    _announcers.LABELLED: "nodes-excluded",
    _announcers.NO_SPEAKER: "speaker-down",
    _announcers.NOT_SELECTED: "no-node-selected",
}

# Sign of a Service's row -> cause.
_PATHS = {WAY_BACK: "return-path", REPLACED: "client-address-lost"}

_ROUTES = {BGP: "bgp-not-announced", ROUTES: "routes-not-received"}

# What leaves traffic alone, and so explains no fault of it.
_HARMLESS = (
    "webhook-not-serving",
    "configuration-stale",
    "legacy-configmap",
    "no-pool",
    "pool-overlap",
    "mode-not-applied",
)
_SPEAKERLESS = ("speaker-down", "image-not-pulled")
_SESSIONLESS = ("bgp-session-down", "configuration-stale", "node-not-ready")
# What is no wonder on a node that is not ready.
_OF_NODES_DOWN = ("kube-proxy-down", "kube-proxy-stuck")
# What a kube-proxy leaves behind that has stood still: its sets, and what was of Services that are gone.
_OF_NODES_BEHIND = ("sets-wrong", "stray-entry", "address-left-bound")
_WHOLE = 5  # so many filter rules are not taken away one by one
_MOST_LINES = 5  # of evidence on a terminal


class Finding(t.NamedTuple):
    """One cause, found at one place."""

    cause: str  # an id of _causes
    subject: str  # "namespace/name" of a Service, a Node, or "cluster"
    evidence: list[str]  # what was seen, a line each


class _Found:
    """The findings while they grow."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[str, dict[str, None]]] = {}  # by cause and subject, each line once

    def add(self, cause: str, subject: str, *evidence: str) -> None:
        self._lines.setdefault(cause, {}).setdefault(subject, {}).update(dict.fromkeys(evidence))

    def has(self, *causes: str) -> bool:
        return any(cause in self._lines for cause in causes)

    def about(self, subject: str) -> bool:
        return any(subject in subjects for subjects in self._lines.values())

    def subjects(self, *without: str) -> set[str]:
        return {subject for cause, subjects in self._lines.items() if cause not in without for subject in subjects}

    def listed(self) -> list[Finding]:
        order = list(_causes.CAUSES)
        return [
            Finding(cause, subject, list(lines))
            for cause, subjects in sorted(self._lines.items(), key=lambda item: order.index(item[0]))
            for subject, lines in sorted(subjects.items())
        ]


def _first(causes: t.Mapping[str, str], signs: t.Collection[str]) -> str:
    """Return the first cause that one of the signs has, "" where none does."""
    return next((cause for sign, cause in causes.items() if sign in signs), "")


def findings(facts: Object, state: Object, rows: t.Sequence[Object]) -> list[Finding]:
    """Return the causes, in the order of the catalogue.

    facts: what diagnosis_info returned. state: what expected_state_info returned. rows: those of the proof.
    """
    found = _Found()
    for node, reason in facts["nodes_not_ready"].items():
        found.add("node-not-ready", node, "{0}: {1}".format(node, reason))
    _of_metallb(found, facts)
    _of_addresses(found, facts, state)
    for service in state["services"]:
        if service["addresses"] and not service["reason"]:
            _of_announcement(found, service, state, facts["nodes_not_ready"])
    # Strict ARP first: without it many nodes answer.
    faults = sorted((row for row in rows if row["verdict"] == FAULT), key=lambda row: STRICT_ARP not in row["signs"])
    nodes = _Nodes(_filterless(faults), _behind(faults))
    # An event stays for an hour: it counts while nobody answers.
    failures = {one["service"]: one["text"] for one in facts["announce_failures"]}
    lost = {one["service"] for one in state["services"] if _is_lost(one, facts["nodes_not_ready"])}
    unapplied = {row["node"] for row in faults if PROXY_MODE in row["signs"]}
    for row in faults:
        if PROXY_MODE in row["signs"] or ("leftover" in row["signs"] and row["node"] in unapplied):
            # One change and one restart for all nodes; what is left of a mode is judged once it is known which one that is.
            found.add("mode-not-applied", CLUSTER, _line(row))
        elif not (SILENT in row["signs"] and row["subject"] in lost):
            _of_row(found, row, facts, nodes, failures)
    _of_the_rest(found, faults, rows, {one["service"] for one in facts["pending"]})
    return found.listed()


def _is_lost(service: Object, down: t.Collection[str]) -> bool:
    """Return whether every node that announces a Service by layer2, as far as it is known, is not ready."""
    nodes = service["announcers"]
    if nodes is None:
        nodes = [(service["election"] or {}).get("node") or ""]
    return bool(nodes) and all(node in down for node in nodes)


def _of_metallb(found: _Found, facts: Object) -> None:
    down = facts["nodes_not_ready"].keys()
    for part in facts["workloads"]:
        if part["nodes"] and down >= set(part["nodes"]):
            continue  # nothing is wrong with it
        reasons = part["reasons"] or [part["status"]]
        pulling = [one for one in reasons if any(word in one for word in PULLING)]
        if pulling:
            found.add("image-not-pulled", CLUSTER, *("{0}: {1}".format(part["name"], one) for one in pulling))
        others = [one for one in reasons if one not in pulling]
        if others:
            cause = "controller-down" if _is_controller(part) else "speaker-down"
            found.add(cause, CLUSTER, *("{0}: {1}".format(part["name"], one) for one in others))
    if not _controller_is_away(facts):
        for part in facts["webhooks"]:
            found.add(
                "webhook-not-serving", CLUSTER, *("{0}: {1}".format(part["name"], one) for one in part["reasons"])
            )

    if facts["stale"]:
        found.add("configuration-stale", CLUSTER, *facts["stale"])


def _controller_is_away(facts: Object) -> bool:
    return any(_is_controller(part) for part in facts["workloads"])


def _is_controller(part: Object) -> bool:
    """FRR-K8s has a Deployment as well, which gives no addresses."""
    return part["name"].startswith("Deployment") and "frr-k8s" not in part["name"]


def _of_addresses(found: _Found, facts: Object, state: Object) -> None:
    for one in facts["pending"]:
        if one["cause"] in ("controller-down", "controller-silent") and _controller_is_away(facts):
            continue
        if one["cause"] == "no-pool":
            cause = "legacy-configmap" if facts["legacy_configmap"] else "no-pool"
            lines = ["{0} is pending".format(one["service"])]
            if facts["legacy_configmap"]:
                lines.insert(0, "{0} exists, and no IPAddressPool does".format(facts["legacy_configmap"]))
            found.add(cause, CLUSTER, *lines)
        else:
            found.add(one["cause"], one["service"], one["text"])
    if facts["pool_overlaps"]:
        found.add("pool-overlap", CLUSTER, *facts["pool_overlaps"])
    for service in state["services"]:
        if service["addresses"] and service["reason"]:
            name = service["service"]
            line = "{0} {1}".format(name, service["reason"])
            if name in facts["foreign_addresses"]:
                found.add("other-load-balancer", name, line, facts["foreign_addresses"][name], *facts["competitors"])
            else:
                found.add("pool-gone", name, line)


def _of_announcement(found: _Found, service: Object, state: Object, down: t.Collection[str]) -> None:
    """Add what the API says of who announces. down: Nodes that are not ready, whose word is of before."""
    name = service["service"]
    if not service["backends"]:
        found.add("no-endpoint", name, "{0} has no ready endpoint".format(name))
        return
    announcers = [node for node in service["announcers"] or [] if node not in down]
    if service["layer2"] and len(announcers) > 1:
        found.add("split-brain", name, "announced by {0}".format(" and ".join(announcers)))
    if not service["layer2"] and service["bgp"] is None:
        if state["speakers"]:
            found.add("no-advertisement", name, "pool {0}".format(service["pool"]))
        return
    election = service["election"]
    nobody = election is not None and not election["node"]
    if service["bgp"] is not None:
        nobody = (nobody or not service["layer2"]) and not service["bgp"]["expected"]
    reasons = {**((service["bgp"] or {}).get("reasons") or {}), **((election or {}).get("reasons") or {})}
    if nobody and reasons:
        cause = _first(_HINDRANCES, {reason["id"] for reason in reasons.values()})
        lines = ["{0} {1}".format(node, reason["text"]) for node, reason in reasons.items()]
        # MetalLB's own fault is told already, where the speakers do not run.
        if cause and not (cause == "speaker-down" and found.has(*_SPEAKERLESS)):
            found.add(cause, CLUSTER if cause == "speaker-down" else name, *lines)


def _line(row: Object) -> str:
    return "{0}: {1}, expected {2}, found {3}".format(row["check"], row["where"], row["expected"], row["found"])


def _of_row(found: _Found, row: Object, facts: Object, nodes: _Nodes, failures: t.Mapping[str, str]) -> None:
    """Add what one fault tells. failures: the last event of a Service that could not be announced."""
    signs = row["signs"]
    text = _line(row)
    if STRICT_ARP in signs:
        found.add(
            *(("strict-arp-not-applied", row["node"]) if facts["strict_arp"] else ("strict-arp-off", CLUSTER)), text
        )
    elif DATA_PLANE in signs:
        node = row["node"]
        problem = facts["kube_proxy"].get(node)
        lacking = "rule" in signs and node in nodes.filterless
        cause = "kernel-feature-missing" if lacking else _kind(signs)
        if cause in _OF_NODES_BEHIND and node in nodes.behind:
            cause = "kube-proxy-stuck"
        cause = "kube-proxy-down" if problem else cause
        if not (cause in _OF_NODES_DOWN and node in facts["nodes_not_ready"]):
            found.add(cause, node, *([problem] if problem else []), text)
    elif _first(_PATHS, signs):
        found.add(_first(_PATHS, signs), row["subject"], text)
    elif SESSION in signs and (found.has("configuration-stale") or row["node"] in facts["nodes_not_ready"]):
        pass  # a symptom of it
    elif SESSION in signs:
        found.add("bgp-session-down", row["node"], text)
    elif _first(_ROUTES, signs):
        if not found.about(row["subject"]) and not found.has(*_SESSIONLESS):
            found.add(_first(_ROUTES, signs), row["subject"], text)
    else:
        _of_neighbours(found, row, text, failures)


class _Nodes(t.NamedTuple):
    """Nodes of which several faults together tell more than each of them."""

    filterless: t.Collection[str]  # lack kube-proxy's filter rules as a whole, and none of those that translate
    behind: t.Collection[str]  # kube-proxy has not done its work there


def _kind(signs: t.Collection[str]) -> str:
    """Return the cause that a difference in a node's data plane has by itself."""
    return _first(_KINDS, signs) or "kube-proxy-stuck"


def _behind(faults: t.Sequence[Object]) -> set[str]:
    """See _Nodes."""
    return {one["node"] for one in faults if DATA_PLANE in one["signs"] and _kind(one["signs"]) == "kube-proxy-stuck"}


def _filterless(faults: t.Sequence[Object]) -> set[str]:
    """See _Nodes."""
    rules = [row for row in faults if "rule" in row["signs"]]
    filters = collections.Counter(row["node"] for row in rules if "filter" in row["signs"])
    translating = {row["node"] for row in rules if "nat" in row["signs"]}
    return {node for node, number in filters.items() if number >= _WHOLE and node not in translating}


def _of_neighbours(found: _Found, row: Object, text: str, failures: t.Mapping[str, str]) -> None:
    name, signs = row["subject"], row["signs"]
    if OUTDATED in signs:
        found.add("status-outdated", name, text)
    elif OFF_LINK in signs:
        found.add("pool-off-link", name, text)
    elif STRANGER in signs:
        found.add("duplicate-address", name, text)
    elif SEVERAL in signs and not found.has("strict-arp-off", "strict-arp-not-applied"):
        # ServiceL2Status is of one node at a time, which the speakers take from each other.
        found.add("split-brain", name, text)
    elif SILENT in signs and not found.about(name) and not found.has(*_SPEAKERLESS):
        if name in failures:
            found.add("interface-missing", name, text, failures[name])
        else:
            found.add("announcer-silent", name, text)


def _of_the_rest(
    found: _Found, faults: t.Sequence[Object], rows: t.Sequence[Object], pending: t.AbstractSet[str]
) -> None:
    """Say what nothing explains so far; a fault of a Service is explained by one of its own, of a node or of the cluster.

    pending: Services without an address, which have a cause already.
    """
    subjects = found.subjects(*_HARMLESS) | pending
    # A node that is down explains what fails, and that a machine still sends to it is one more cause.
    if any("/" not in subject for subject in found.subjects(*_HARMLESS, "node-not-ready")):
        return
    down = found.has("node-not-ready")
    # Others do not fail, by the same address or by another one.
    whole = {row["subject"] for row in rows if EXTERNAL_IP in row["signs"] and FROM_POD not in row["signs"]}
    whole -= {row["subject"] for row in faults if not {EXTERNAL_IP, FROM_POD} <= set(row["signs"])}
    by_address = {row["subject"] for row in rows if CLUSTER_IP in row["signs"] and FROM_POD in row["signs"]}
    by_address -= {row["subject"] for row in faults if CLUSTER_IP in row["signs"]}
    for row in faults:
        name = row["subject"]
        if name in subjects or name == NODES or (_first(_ROUTES, row["signs"]) and found.has(*_SESSIONLESS)):
            continue
        if ASTRAY in row["signs"]:
            cause = "path-outdated"
        elif down:
            continue
        elif LED in row["signs"]:
            cause = "backend-silent"  # by name as well: the name was known
        elif DNS_NAME in row["signs"] and name in by_address:
            cause = "cluster-dns"
        elif {EXTERNAL_IP, FROM_POD} <= set(row["signs"]) and name in whole:
            cause = "closed-to-pods"
        else:
            cause = "unexplained"
        found.add(cause, name, _line(row))


def text(found: t.Sequence[Finding]) -> list[str]:
    """Return the findings as lines for a terminal."""
    if not found:
        return ["Diagnosis: no cause for complaint."]
    lines = ["Diagnosis: {0} cause{1}".format(len(found), "s" if len(found) > 1 else "")]
    for one in found:
        cause = _causes.CAUSES[one.cause]
        lines += ["", "{0} ({1})".format(one.cause, plain(one.subject)), "  {0}".format(cause.sentence)]
        lines += ["  - {0}".format(plain(line)) for line in one.evidence[:_MOST_LINES]]
        if len(one.evidence) > _MOST_LINES:
            lines.append("  - and {0} more like these".format(len(one.evidence) - _MOST_LINES))
        lines.append("  Remedy: {0}".format(cause.remedy))
    return lines
