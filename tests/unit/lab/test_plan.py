# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Shapes and addresses of a lab, and what is refused."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest

from kubelab.errors import LabError
from kubelab.node import choose_cpu
from kubelab.plan import Plan, check, choose_subnet


def test_default_addresses_are_the_seeds() -> None:
    plan = check(Plan("lab0"))
    assert [(node.name, node.ip4) for node in plan.machines()] == [
        ("node1", "192.168.100.100"), ("node2", "192.168.100.101"), ("node3", "192.168.100.102"),
    ]  # fmt: skip
    assert plan.gateway() == "192.168.100.1"
    assert [node.control_plane for node in plan.machines()] == [True, False, False]
    assert plan.endpoint() == "192.168.100.100:6443"


def test_several_control_planes_are_reached_through_the_outside_host() -> None:
    plan = check(Plan("lab0", control_planes=3))
    assert plan.endpoint() == "192.168.100.1:6443"
    assert all(node.control_plane for node in plan.machines())


def test_second_segment_is_the_next_network() -> None:
    plan = Plan("lab0", subnet="192.168.110.0/24", second_segment=True)
    assert [node.segment4 for node in plan.machines()] == ["192.168.111.100", "192.168.111.101", "192.168.111.102"]


def test_dual_stack_addresses_lie_in_their_network() -> None:
    plan = Plan("lab0", nodes=5, dual_stack=True)
    for node in plan.machines():
        assert ipaddress.IPv6Address(node.ip6) in plan.network6()
    assert not Plan("lab0").machines()[0].ip6


def test_addresses_and_macs_are_unique() -> None:
    machines = Plan("lab0", nodes=5, second_segment=True).machines()
    for field in ("ip4", "segment4", "mac", "segment_mac"):
        assert len({getattr(node, field) for node in machines}) == 5
    assert not {node.mac for node in machines} & {node.segment_mac for node in machines}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"nodes": 0}, "1 to 5 nodes"),
        ({"nodes": 6}, "1 to 5 nodes"),
        ({"control_planes": 2}, "1 or 3 control planes"),
        ({"control_planes": 3, "nodes": 2}, "do not fit"),
        ({"proxy_mode": "userspace"}, "no mode 'userspace'"),
        ({"name": "Lab_0"}, "no name for a lab"),
        ({"name": "../x"}, "no name for a lab"),
        ({"subnet": "192.168.100.0/25"}, "no private network"),
        ({"subnet": "8.8.8.0/24"}, "no private network"),
        ({"subnet": "192.168.100.1/24"}, "not an IPv4 network"),
        ({"subnet": "10.233.64.0/24"}, "overlaps"),
        ({"memory": 512}, "cannot run Kubernetes"),
    ],
)
def test_refusals_say_why(change: dict[str, object], reason: str) -> None:
    with pytest.raises(LabError, match=reason) as caught:
        check(dataclasses.replace(Plan("lab0"), **change))  # type: ignore[arg-type]
    assert caught.value.remedy


def test_first_subnet_is_the_seeds() -> None:
    assert choose_subnet([]) == "192.168.100.0/24"


def test_next_lab_gets_a_free_subnet() -> None:
    assert choose_subnet(["192.168.100.0/24"]) == "192.168.110.0/24"
    assert choose_subnet(["192.168.100.0/24", "192.168.110.0/24"]) == "192.168.120.0/24"
    assert choose_subnet(["192.168.0.0/17"]) == "192.168.130.0/24"


def test_no_subnet_left() -> None:
    with pytest.raises(LabError, match="taken"):
        choose_subnet(["192.168.0.0/16"])


def test_node_by_name_or_address() -> None:
    plan = Plan("lab0")
    assert plan.node("node2") == plan.node("192.168.100.101")
    with pytest.raises(LabError, match="no node 'node9'"):
        plan.node("node9")


def test_control_planes_of_two_labs_get_different_cpus() -> None:
    weights: dict[int, int] = {}
    chosen = []
    for weight in (3, 1, 1, 3):  # control plane and two workers, then another lab's control plane
        cpu = choose_cpu([0, 1], weights)
        weights[cpu] = weights.get(cpu, 0) + weight
        chosen.append(cpu)
    assert chosen == [0, 1, 1, 1]
