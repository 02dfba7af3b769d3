# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Expected and observed -> the rows of the proof, and whether another look is needed before judging.

While things move, two looks differ although nothing is wrong; a fault is what stays.
"""

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _routers
from ansible_collections.kubeaddons.metallb.plugins.module_utils._announcement_rows import (
    election_rows,
    event_rows,
    family_rows,
    neighbour_row,
    unannounced_row,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._bgp_rows import bgp_row, route_row, session_row
from ansible_collections.kubeaddons.metallb.plugins.module_utils._look import Look, indexed, lost
from ansible_collections.kubeaddons.metallb.plugins.module_utils._node_rows import node_rows
from ansible_collections.kubeaddons.metallb.plugins.module_utils._request_rows import (
    backend_rows,
    entrance_rows,
    left_out_row,
    request_rows,
    way_back_rows,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import FAULT, LAG, NODES, NOTE, OK, UNKNOWN, Row

Object = t.Dict[str, t.Any]


class Decision(t.NamedTuple):
    """What to make of a look."""

    again: bool
    rows: list[Row]
    first_seen: dict[str, float]  # key of a fault or lag -> when it was first seen without a break, seconds


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
    asked for, see _look.found_on. outside: what request_probe returned on a host outside, whatever became of it, with targets
    and the name of the "host". strict_arp: whether the nodes need it. routers: name -> what frr_info returned there.
    """
    if state.get("failed"):
        return [Row(UNKNOWN, NODES, "API", "Kubernetes API", "readable", state["msg"], "unseen/api")]
    found: list[Row] = []
    look = indexed(state, hosts, outside)
    for service in state["services"]:
        found.extend(_service_rows(service, look))
    left_out = (state.get("targets") or {}).get("left_out")
    if left_out:
        found.append(left_out_row(left_out, look.host))
    if state["bgp"]:
        found.extend(session_row(one, hosts, state["bgp"]) for one in state["bgp"]["sessions"])
        ages = {service["service"]: service["age"] for service in state["services"]}
        found.extend(
            route_row(one, ages, state["bgp"]["age"]) for one in _routers.findings(state, hosts, routers or {})
        )
    if lost(outside):
        found.append(Row(UNKNOWN, NODES, "requests", look.host, "sent", lost(outside), "unseen/outside"))
    for node in state["nodes"]:
        host = hosts.get(node)
        if host is None:
            found.append(Row(NOTE, NODES, "data plane", node, "looked at", "not in this run", "node/" + node, node))
            continue
        found.extend(node_rows(node, host, state, strict_arp))
    return found


def _service_rows(service: Object, look: Look) -> list[Row]:
    state = look.state
    name = service["service"]
    wanted = "an address of pool {0}".format(service["pool"]) if service["pool"] else "an address of a pool"
    if service["reason"]:
        return [Row(FAULT, name, "EXTERNAL-IP", "API", wanted, service["reason"], name + "/address")]
    found = [Row(OK, name, "EXTERNAL-IP", "API", wanted, ", ".join(service["addresses"]), name + "/address")]
    found.extend(family_rows(service))
    if not service["backends"]:
        found.append(
            Row(NOTE, name, "endpoints", "API", "ready endpoints", "none, so nothing is announced", name + "/endpoints")
        )
        return found
    # While endpoints come and go, a request may meet one that has just gone, and another node may begin to announce.
    failure = FAULT if service["age"] >= state["sync_period"] else LAG
    if service["layer2"]:
        said = [neighbour_row(service, address, look) for address in service["addresses"]]
        said += [*election_rows(service, look), *event_rows(service, look)]
        found.extend(row._replace(verdict=failure) if row.verdict == FAULT else row for row in said)
    elif service["bgp"] is None:
        found.append(unannounced_row(service, state["speakers"]))
    if service["bgp"] is not None:
        found.append(bgp_row(service, state["bgp"]))
    for node in ("", *look.hosts):
        found.extend(request_rows(service, node, failure, look))
    found.extend(backend_rows(service, failure, look))
    found.extend(entrance_rows(service, failure, look))
    found.extend(way_back_rows(service, look))
    return found


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
