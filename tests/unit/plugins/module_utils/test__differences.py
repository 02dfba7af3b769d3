# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _differences
from ansible_collections.kubeaddons.metallb.plugins.module_utils._expected import Expected, ServicePort


class World:
    """Reads that are scripted, and time that passes by sleeping only."""

    def __init__(self, *reads: list[dict[str, t.Any]]) -> None:
        self.reads = list(reads)
        self.taken = 0
        self.now = 100.0

    def observe(self) -> _differences.Comparison:
        found = self.reads[min(self.taken, len(self.reads) - 1)]
        self.taken += 1
        return _differences.Comparison(found, 1, 1, self.taken, 0)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def clock(self) -> float:
        return self.now

    def confirm(self, settle: float = 3.0) -> list[dict[str, t.Any]]:
        self.result = _differences.confirm(self.observe, settle, self.sleep, self.clock)
        return self.result.differences


def stray(**changes: t.Any) -> dict[str, t.Any]:
    row = ServicePort("default/web", "", "TCP", 80, 0, ["10.233.0.10"], [], [], [], 0, False, False, 0, 3600.0, [])
    problem = _differences.Problem("missing", "10.233.64.5:8080", "present", "absent")
    return dict(_differences.difference(problem, "TCP", "10.233.0.10", 80, row, 30.0), **changes)


ORPHAN = stray(kind="orphan", service="", backend="", age=None)


def test_a_healthy_table_is_read_once() -> None:
    world = World([])
    assert world.confirm() == []
    assert (world.taken, world.now) == (1, 100.0)


def test_a_difference_that_goes_away_is_none() -> None:
    world = World([stray()], [])
    assert world.confirm() == []
    assert (world.taken, world.now) == (2, 101.0)


def test_only_what_every_read_shows_is_reported() -> None:
    world = World([stray(), stray(port=1)], [stray(port=2), stray()], [stray(port=1), stray()])
    assert world.confirm() == [stray()]
    assert (world.taken, world.now) == (3, 102.0)


def test_a_difference_that_changes_its_looks_is_the_same() -> None:
    world = World([stray(found="weight 2")], [stray(found="weight 3")])
    assert world.confirm() == [stray(found="weight 3")]


def test_another_kind_is_another_difference() -> None:
    world = World([stray()], [stray(kind="weight")], [stray()])
    assert world.confirm() == []


@pytest.mark.parametrize(("settle", "taken", "passed"), [(0, 3, 0), (1, 3, 1.0), (3, 4, 3.0), (10, 11, 10.0)])
def test_what_no_service_asks_for_must_stay(settle: float, taken: int, passed: float) -> None:
    world = World([ORPHAN])
    assert world.confirm(settle) == [ORPHAN]
    assert (world.taken, world.now - 100.0) == (taken, passed)


def test_an_orphan_that_goes_away_is_none() -> None:
    world = World([ORPHAN], [ORPHAN], [ORPHAN], [])
    assert world.confirm() == []
    assert world.taken == 4


def test_the_numbers_are_those_of_the_last_read() -> None:
    world = World([stray()])
    world.confirm()
    assert world.result.draining == 3


def test_a_summary_shows_faults_first_and_is_bounded() -> None:
    rows = [stray(port=1, verdict="lag"), stray(port=2), stray(port=3)]
    found = _differences.summary(_differences.Comparison(rows, 4, 5, 6, 7), 2)
    assert [row["port"] for row in found["differences"]] == [2, 3]
    assert (found["differences_total"], found["faults_total"]) == (3, 2)
    assert found["checked"] == {"virtual_servers": 4, "real_servers": 5, "draining": 6, "foreign": 7}


@pytest.mark.parametrize(
    ("changes", "node", "reason"),
    [
        ({}, "node1", ""),
        ({}, "node9", "no node named node9"),
        ({"mode": "nftables"}, "node1", ""),
        ({"mode": "winkernel"}, "node1", "mode winkernel is not known"),
        ({"mode": ""}, "node1", "no kube-proxy"),
    ],
)
def test_a_node_that_cannot_be_judged(changes: dict[str, t.Any], node: str, reason: str) -> None:
    found = _differences.unfit(Expected({"node1": ""}, "ipvs", "rr", [], [], 30.0, [])._replace(**changes), node)
    assert reason in found
    assert bool(found) == bool(reason)
