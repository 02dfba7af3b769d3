# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Both addresses are routes with every announcing node as next hop. Judged by the router and from behind it."""

from __future__ import annotations

import pytest

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import Cluster, eventually

# node1 is a control plane, whose label keeps it from announcing.
HOPS = {
    "ipv4": {"192.168.100.101", "192.168.100.102"},
    "ipv6": {"fd00:192:168:100::101", "fd00:192:168:100::102"},
}
LENGTHS = {"ipv4": 32, "ipv6": 128}


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    """The lab that the scenario runs on."""
    return Cluster()


def address(cluster: Cluster, family: str) -> str:
    """Return the Service's EXTERNAL-IP of a family."""
    ingress = cluster.objects("service", "both")["status"]["loadBalancer"]["ingress"]
    return next(one["ip"] for one in ingress if (":" in one["ip"]) is (family == "ipv6"))


def hops(cluster: Cluster, family: str, prefix: str) -> set[str]:
    """Return the nodes that the router would send packets to."""
    told = cluster.vtysh(f"show bgp {family} unicast {prefix}")
    return {
        hop["ip"]
        for path in told.get("paths", [])
        for hop in path["nexthops"]
        if hop.get("scope", "global") == "global"
    }


@pytest.mark.parametrize("family", HOPS)
def test_the_router_learns_the_address_from_both_nodes(cluster: Cluster, family: str) -> None:
    """A /32 and a /128."""
    prefix = f"{address(cluster, family)}/{LENGTHS[family]}"
    eventually(f"the next hops of {prefix}", lambda: len(hops(cluster, family, prefix)) >= len(HOPS[family]), 180)
    assert hops(cluster, family, prefix) == HOPS[family]


@pytest.mark.parametrize("family", HOPS)
def test_requests_from_behind_the_router_reach_all_pods(cluster: Cluster, family: str) -> None:
    """By both families."""
    at = address(cluster, family)
    target = f"http://[{at}]/" if family == "ipv6" else at
    answers = {cluster.from_client(target) for _ in range(12)}
    assert len(answers) == 3, answers
    assert all(answer.startswith("Hello World!") for answer in answers)


def test_nothing_of_layer2_is_left(cluster: Cluster) -> None:
    """The addresses of the segment are nobody's."""
    assert cluster.objects("l2advertisements", "-n", "metallb-system")["items"] == []
