# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Rows of a node: its strict ARP, its pods, and its data plane, kube-proxy's tables."""

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._look import NOT_ASKED
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import (
    DATA_PLANE,
    FAULT,
    LAG,
    NODES,
    NOTE,
    OK,
    PROXY_MODE,
    STRICT_ARP,
    UNKNOWN,
    Row,
    names,
)

Object = t.Dict[str, t.Any]

# Parts of what is found on a node, as checks of the proof.
_LOOKS = {
    "data_plane": "data plane",
    "arp": "ARP, NDP",
    "asked": "ARP, NDP",
    "inside": "requests",
    "tcp": "BGP connections",
}
MODE_KEY = "proxy-mode"
_PROXIES = {"ipvs": "IPVS"}  # how a mode of kube-proxy is called where it is not by its own name


def node_rows(node: str, host: Object, state: Object, strict_arp: bool) -> list[Row]:
    """Return what there is to say of a node of this run."""
    if host.get("problem"):
        return [Row(UNKNOWN, NODES, "data plane", node, "looked at", host["problem"], "unseen/" + node, node)]
    found = [
        Row(UNKNOWN, NODES, _LOOKS[part], node, "looked at", reason, "unseen/{0}/{1}".format(node, part), node)
        for part, reason in (host.get("failures") or {}).items()
    ]
    mode = mode_of(host, state)
    if mode != state["mode"]:
        found.append(_mode_row(node, mode, state))
        # What is announced by layer2 needs strict ARP where the mode is ipvs, whatever the ConfigMap says.
        strict_arp = mode == "ipvs" and any(one["layer2"] for one in state["services"])
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
                signs=(STRICT_ARP,),
            )
        )
    found.extend(_pod_rows(node, host.get("inside")))
    found.extend(data_plane_rows(node, host.get("data_plane"), mode, state["scope"]))
    return found


def mode_of(host: Object, state: Object) -> str:
    """Return the mode that a node's kube-proxy runs in; that of the ConfigMap where nobody says."""
    return str((host.get("data_plane") or {}).get("mode") or state["mode"])


def modes_text(hosts: t.Mapping[str, Object], state: Object) -> str:
    """Return the modes that kube-proxy runs in on these nodes, with the number of nodes where they differ."""
    counts: dict[str, int] = {}
    for node, host in hosts.items():
        if node in state["nodes"] and host.get("data_plane"):
            mode = mode_of(host, state)
            counts[mode] = counts.get(mode, 0) + 1
    if len(counts) < 2:
        return "{0} mode".format(next(iter(counts), state["mode"]) or "no")
    return ", ".join(
        "{0} mode on {1} node{2}".format(mode, number, "s" if number > 1 else "")
        for mode, number in sorted(counts.items())
    )


def _mode_row(node: str, mode: str, state: Object) -> Row:
    """Return that a node's kube-proxy runs in another mode than its ConfigMap says."""
    verdict = FAULT if state["mode_age"] >= state["sync_period"] else LAG
    key = "{0}/{1}".format(MODE_KEY, node)
    return Row(verdict, NODES, "kube-proxy mode", node, state["mode"], mode, key, node, signs=(PROXY_MODE,))


def _pod_rows(node: str, answers: Object | None) -> list[Row]:
    """Return a note where no pod of a node could be used."""
    reasons = {one["error"] for one in (answers or {}).get("results") or [] if one["error"] in NOT_ASKED}
    return [
        Row(NOTE, NODES, "requests from a pod", node, "asked", reason, "pods/{0}".format(node), node)
        for reason in sorted(reasons)[:1]
    ]


def data_plane_rows(node: str, told: Object | None, mode: str, scope: t.Sequence[str]) -> list[Row]:
    """Return how a node's tables differ from what is expected, or that they do not."""
    if not told:
        if mode:
            return []
        text = "there is no kube-proxy, and what is there instead is not read; the requests above went through it"
        return [Row(NOTE, NODES, "data plane", node, "looked at", text, "mode/" + node, node)]
    check, key = _PROXIES.get(mode, mode), "data-plane/" + node
    if told["problem"]:
        return [Row(UNKNOWN, NODES, check, node, "a readable table", told["problem"], key, node)]
    found = [_difference_row(node, check, one) for one in told["differences"]]
    silence = told.get("mode_assumed")
    if silence and told["differences"]:
        text = "not said ({0}), compared as {1}".format(silence, mode)
        key_of_mode = "{0}/{1}".format(MODE_KEY, node)
        found.append(Row(NOTE, NODES, "kube-proxy mode", node, "said by kube-proxy", text, key_of_mode, node))
    more = told["differences_total"] - len(told["differences"])
    if more > 0:
        listed = sum(one["verdict"] == "fault" for one in told["differences"])
        verdict = FAULT if told["faults_total"] > listed else LAG
        text = "{0} more differences".format(more)
        # Another number is another lot, which has not stayed from look to look.
        key = "data-plane-more/{0}/{1}".format(node, more)
        found.append(Row(verdict, NODES, check, node, "no difference", text, key, node, signs=(DATA_PLANE,)))
    if not told["differences"]:
        checked = told["checked"]
        words = ("virtual servers", "real servers") if mode == "ipvs" else ("Service addresses", "backends")
        expected = "{0} {1}, {2} {3}".format(checked["virtual_servers"], words[0], checked["real_servers"], words[1])
        expected += " of {0}".format(names(scope)) if scope else ""
        text = "all as expected" + (", {0} draining".format(checked["draining"]) if checked["draining"] else "")
        text += "; kube-proxy did not say its mode ({0})".format(silence) if silence else ""
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
        signs=(DATA_PLANE, one["kind"], one["sign"]),
    )
