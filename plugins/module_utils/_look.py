# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""One look: what was found, with indexes, and what could not be looked at.

A look is one round over the API, the nodes and the network.
"""

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _addresses, _conntrack, _probe
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import CONTROLLER, NODES, Row

Object = t.Dict[str, t.Any]

# Errors of requests that were not made at all.
NOT_ASKED = (_probe.NO_POD, _probe.NO_DNS)


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
    links: t.Mapping[tuple[str, str], str]  # Node, address -> the Node's interface to its segment
    nodes: t.AbstractSet[str]  # addresses of all nodes
    replaced: t.AbstractSet[str]  # clients outside whose address something on the way to the nodes replaces


def indexed(state: Object, hosts: t.Mapping[str, Object], outside: Object) -> Look:
    """Return a look with its indexes; for what it is made of see _verdict.rows."""
    host = outside.get("host") or "localhost"
    asked: dict[tuple[str, str], list[tuple[Object, Object]]] = {}
    ways: dict[str, Way] = {}
    owners: dict[str, str] = {}
    heard: dict[str, list[tuple[str, t.Sequence[str]]]] = {}
    links: dict[tuple[str, str], str] = {}
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
                links[node, one["address"]] = one["interface"]
    return Look(
        state,
        hosts,
        CONTROLLER if host == "localhost" else str(host),
        asked,
        ways,
        owners,
        heard,
        links,
        {address for addresses in state["nodes"].values() for address in addresses},
        _replaced(outside, ways),
    )


def client_of(result: Object) -> str:
    """Return the address that a request was sent from, "" where no connection was opened."""
    return next((opened_by(one) for one in result["connections"] if one), "")


def opened_by(connection: str) -> str:
    """Return the address that opened a connection, "" where a host's word is no connection."""
    try:
        client = _conntrack.client(connection)
    except (LookupError, ValueError):
        return ""
    return client if _addresses.is_address(client) else ""


def _replaced(outside: Object, ways: t.Mapping[str, Way]) -> set[str]:
    """Return the clients whose requests were answered, although no node knows any by that address."""
    answered = {client_of(one) for one in outside.get("results") or [] if one["answered"]} if ways else set()
    return answered - {opened_by(one) for one in ways}


def found_on(results: t.Mapping[str, Object]) -> Object:
    """Return what was found on a host as _verdict.rows() wants it: without what was skipped or failed, and with why it did.

    results: the results of the tasks there, of data_plane, arp, asked (arp once more), inside (with its targets) and tcp,
    whatever became of them.
    """
    found: Object = {part: _whole(result) for part, result in results.items()}
    # Of many nodes some were asked for addresses, after all had told of themselves.
    found["arp"] = {**(found.get("arp") or {}), **found.pop("asked", {})}
    found["tcp"] = (found.get("tcp") or {}).get("results") or []
    found["problem"] = next((lost(result) for result in results.values() if result.get("unreachable")), "")
    found["failures"] = {part: _reason(result) for part, result in results.items() if result.get("failed")}
    return found


def lost(result: Object) -> str:
    """Return why a task found nothing where it was to run, "" when it did."""
    if result.get("unreachable"):
        return "no connection to it: {0}".format(_reason(result))
    return _reason(result) if result.get("failed") else ""


def _whole(result: Object) -> Object:
    return {} if any(result.get(mark) for mark in ("failed", "skipped", "unreachable")) else result


def _reason(result: Object) -> str:
    return str(result.get("msg") or "no reason was given").strip()


def is_unseen(subject: str, key: str) -> bool:
    """Return whether the row with this subject and key is of a part of the look that could not be taken."""
    return subject == NODES and key.startswith("unseen/")


def unseen(found: t.Sequence[Row]) -> list[str]:
    """Return a sentence for each part of the look that could not be taken: what it would have shown is not proven."""
    return ["{0}, {1}: {2}".format(row.where, row.check, row.found) for row in found if is_unseen(row.subject, row.key)]
