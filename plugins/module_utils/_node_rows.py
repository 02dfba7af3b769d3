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
_PROXIES = {"ipvs": "IPVS"}  # how a mode of kube-proxy is called where it is not by its own name


def node_rows(node: str, host: Object, state: Object, strict_arp: bool) -> list[Row]:
    """Return what there is to say of a node of this run."""
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
                signs=(STRICT_ARP,),
            )
        )
    found.extend(_pod_rows(node, host.get("inside")))
    found.extend(data_plane_rows(node, host.get("data_plane"), state["mode"], state["scope"]))
    return found


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
        found.append(Row(verdict, NODES, check, node, "no difference", text, key, node, signs=(DATA_PLANE,)))
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
        signs=(DATA_PLANE, one["kind"], one["sign"]),
    )
