# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _endpoints
from ansible_collections.kubeaddons.metallb.plugins.module_utils._expected import Endpoint, ServicePort

LEAVING = {"ready": False, "terminating": True}


def endpoint(number: int, **changes: t.Any) -> Endpoint:
    return Endpoint(f"10.233.64.{number}", 8080, f"node{number}", True, True, False, [], [])._replace(**changes)


def keyed(*endpoints: Endpoint) -> _endpoints.Endpoints:
    row = ServicePort("a/b", "", "TCP", 80, 0, ["10.233.0.10"], [], [], [], 0, False, False, 0, 3600.0, endpoints)
    return _endpoints.of_family(row, False, "node1")


def last_numbers(chosen: t.AbstractSet[str]) -> set[int]:
    return {int(one.partition(":")[0].rpartition(".")[2]) for one in chosen}


def test_families_are_apart() -> None:
    row = ServicePort(
        "a/b",
        "",
        "TCP",
        80,
        0,
        [],
        [],
        [],
        [],
        0,
        False,
        False,
        0,
        0.0,
        [endpoint(1), endpoint(2, address="FD00::0:1")],
    )
    assert list(_endpoints.of_family(row, False, "node1")) == ["10.233.64.1:8080"]
    assert list(_endpoints.of_family(row, True, "node1")) == ["[fd00::1]:8080"]


@pytest.mark.parametrize(
    ("first", "second", "used", "leaving"),
    [
        ({}, {}, {1, 2}, set()),
        ({}, {"ready": False, "serving": False}, {1}, set()),
        ({}, LEAVING, {1}, {2}),
        (LEAVING, LEAVING, {1, 2}, {1, 2}),
        ({"ready": False, "serving": False}, {"ready": False, "serving": False}, set(), set()),
    ],
)
def test_ready_endpoints_are_used_or_else_those_that_still_serve(
    first: dict[str, bool], second: dict[str, bool], used: set[int], leaving: set[int]
) -> None:
    chosen = _endpoints.of_cluster(keyed(endpoint(1, **first), endpoint(2, **second)), "node1", "")
    assert (last_numbers(chosen[0]), last_numbers(chosen[1])) == (used, leaving)


def test_local_endpoints_are_the_nodes_own() -> None:
    endpoints = keyed(endpoint(1), endpoint(2), endpoint(3, node=""))
    assert last_numbers(_endpoints.of_node(endpoints, "node2")[0]) == {2}
    assert _endpoints.of_node(endpoints, "node9") == (set(), set())
    assert _endpoints.of_node(endpoints, "") == (set(), set())


def test_hints_count_when_all_have_them_and_one_is_for_here() -> None:
    hinted = keyed(endpoint(1, zone_hints=["a"]), endpoint(2, zone_hints=["b"]))
    assert last_numbers(_endpoints.of_cluster(hinted, "node1", "a")[0]) == {1}
    assert last_numbers(_endpoints.of_cluster(hinted, "node1", "c")[0]) == {1, 2}
    half = keyed(endpoint(1, zone_hints=["a"]), endpoint(2))
    assert last_numbers(_endpoints.of_cluster(half, "node1", "a")[0]) == {1, 2}
