# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The rows of the proof -> fewer rows, for a terminal."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import (
    FAULT,
    IN_POD,
    LAG,
    NODES,
    NOTE,
    OK,
    OUTSIDE,
    UNKNOWN,
    Row,
    names,
)

# What comes first where not everything is shown.
_FIRST = (FAULT, UNKNOWN, LAG, NOTE)
_OTHERS = re.compile(r" and \d+ others?\Z")


class Alike(t.NamedTuple):
    """Rows that are not ok and of one kind."""

    shown: list[Row]
    left_out: int


class Fine(t.NamedTuple):
    """A Service or a node of which all is in order."""

    name: str
    addresses: str
    checks: int


class Short(t.NamedTuple):
    """The rows in short: what is not ok is there in full, up to a number of each kind; the rest is counted."""

    alike: list[Alike]
    services: list[Fine]
    nodes: list[Fine]
    others: int  # checks that are ok, of Services and nodes of which not all is


def shortened(rows: t.Sequence[Row], each: int) -> Short:
    """Return rows in short. each: so many of a kind are shown; what is left out is counted."""
    groups: dict[tuple[str, str, bool], list[Row]] = {}
    subjects: dict[tuple[bool, str], list[Row]] = {}
    for row in rows:
        of_node = row.subject == NODES
        subjects.setdefault((of_node, row.node if of_node else row.subject), []).append(row)
        if row.verdict != OK:
            groups.setdefault((row.verdict, row.check, of_node), []).append(row)
    alike = [
        Alike(some[:each], max(0, len(some) - each))
        for _kind, some in sorted(groups.items(), key=lambda item: _FIRST.index(item[0][0]))
    ]
    fine: dict[bool, list[Fine]] = {False: [], True: []}
    others = 0
    for (of_node, name), own in subjects.items():
        good = [row for row in own if row.verdict == OK]
        if len(good) < len(own):
            others += len(good)
            continue
        addresses = [row.found for row in good if row.check == "EXTERNAL-IP" and row.where == "API"]
        fine[of_node].append(Fine(name or "several nodes", ", ".join(addresses), len(good)))
    return Short(alike, fine[False], fine[True], others)


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
        if kind in ("pods", "proxy-mode"):
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
        # How many others each path had says nothing of all of them.
        text = answers[0] if len(answers) == 1 else _OTHERS.sub("", answers[0]) + " and others"
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
