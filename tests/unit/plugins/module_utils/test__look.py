# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _look
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import OK, UNKNOWN
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.proof_looks import (
    answered,
    arp,
    look,
    service,
    tables,
    target,
)

Object = dict[str, t.Any]
LOST = {"unreachable": True, "msg": "no route to host\n"}
BROKEN = {"failed": True, "msg": "MODULE FAILURE"}
SKIPPED = {"skipped": True, "skip_reason": "Conditional result was False"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [(OK, "IPVS", "node1", "5 virtual servers, 12 real servers", "all as expected")]),
        # What came before or after does not count.
        ({"arp": LOST}, [(UNKNOWN, "data plane", "node1", "looked at", "no connection to it: no route to host")]),
        ({"data_plane": BROKEN}, [(UNKNOWN, "data plane", "node1", "looked at", "MODULE FAILURE")]),
        (
            {"arp": {"failed": True}, "inside": {**BROKEN, "targets": []}, "tcp": BROKEN},
            [
                (UNKNOWN, "ARP, NDP", "node1", "looked at", "no reason was given"),
                (UNKNOWN, "requests", "node1", "looked at", "MODULE FAILURE"),
                (UNKNOWN, "BGP connections", "node1", "looked at", "MODULE FAILURE"),
                (OK, "IPVS", "node1", "5 virtual servers, 12 real servers", "all as expected"),
            ],
        ),
        ({"data_plane": SKIPPED}, []),
    ],
)
def test_what_became_of_the_tasks_on_a_node(changes: Object, expected: list[tuple[str, str, str, str, str]]) -> None:
    inside = {"results": [], "targets": []}
    results = {"data_plane": tables(), "arp": arp("node1"), "inside": inside, "tcp": SKIPPED, **changes}
    host = _look.found_on(results)
    rows = look(service(reason="pending"), {"node1": host}, strict_arp=False)[1:]
    assert [(row.verdict, row.check, row.where, row.expected, row.found) for row in rows] == expected
    assert len({row.key for row in rows}) == len(rows)
    assert len(_look.unseen(rows)) == sum(row.verdict == UNKNOWN for row in rows)


@pytest.mark.parametrize(
    ("outcome", "host", "where", "found"),
    [
        (LOST, "edge1", "edge1", "no connection to it: no route to host"),
        ({**BROKEN, "results": []}, "localhost", "Ansible controller", "MODULE FAILURE"),
        (SKIPPED, "localhost", "", ""),
        ({"results": []}, "localhost", "", ""),
    ],
)
def test_what_became_of_the_requests_from_outside(outcome: Object, host: str, where: str, found: str) -> None:
    """Without them nothing of them is proven, and everything else is."""
    rows = look(
        service(), {"node1": {}}, {**outcome, "host": host, "targets": [target("EXTERNAL-IP", "192.0.2.1", 80)]}
    )
    unseen = [row for row in rows if row.key.startswith("unseen/")]
    assert [(row.verdict, row.check, row.where, row.found) for row in unseen] == (
        [(UNKNOWN, "requests", where, found)] if found else []
    )
    assert _look.unseen(rows) == ([f"{where}, requests: {found}"] if found else [])


@pytest.mark.parametrize(
    ("asked", "macs", "verdict", "found"),
    [
        ({}, ["02:00:5e:00:53:02"], UNKNOWN, "02:00:5e:00:53:02, and node2 is not in this run"),
        (SKIPPED, [], UNKNOWN, "no node of this run is on its segment"),
        # What it did not ask for may be there.
        (BROKEN, [], UNKNOWN, "no node that could be looked at is on its segment"),
    ],
)
def test_of_many_nodes_some_are_asked_for_addresses_later(
    asked: Object, macs: list[str], verdict: str, found: str
) -> None:
    first = {**arp("node1"), "results": []}
    later = {**arp("node1", *macs), **asked} if "skipped" not in asked else asked
    host = _look.found_on({"data_plane": SKIPPED, "arp": first, "asked": later, "inside": {}, "tcp": SKIPPED})
    assert host["arp"]["settings"] == first["settings"]
    silent = answered(target("EXTERNAL-IP", "192.168.100.240", 80), ok=False)
    rows = look(service(), {"node1": host}, silent if asked == BROKEN else None)
    assert [(row.verdict, row.found) for row in rows if row.check == "ARP"] == [(verdict, found)]
    assert len(_look.unseen(rows)) == (asked == BROKEN)


def test_connections_are_taken_from_their_task() -> None:
    peers = [{"address": "192.0.2.1", "port": 179, "connected": True}]
    assert _look.found_on({"tcp": {"results": peers}})["tcp"] == peers


def test_a_namespace_may_be_called_unseen() -> None:
    rows = look(service(service="unseen/web"), {})
    assert rows[0].key.startswith("unseen/")
    assert _look.unseen(rows) == []
