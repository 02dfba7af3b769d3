# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What the router has learned, and what the selected nodes announce. Judged by the router itself."""

from __future__ import annotations

import pytest

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import Cluster, eventually

SPEAKING = {"192.168.100.101", "192.168.100.102"}


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    """The lab that the scenario runs on."""
    return Cluster()


def test_sessions_from_the_selected_nodes_only(cluster: Cluster) -> None:
    """node1 is not selected."""

    def up() -> set[str]:
        peers = cluster.vtysh("show bgp summary")["ipv4Unicast"]["peers"]
        return {address for address, peer in peers.items() if peer["state"] == "Established"}

    eventually("the sessions", lambda: len(up()) == len(SPEAKING), 120)
    assert up() == SPEAKING


def test_address_is_learned_from_both(cluster: Cluster) -> None:
    """Two next hops."""
    address = cluster.kubectl("get", "service", "myweb-svc-lb", "--no-headers").split()[3]

    def hops() -> set[str]:
        paths = cluster.vtysh(f"show bgp ipv4 unicast {address}/32").get("paths", [])
        return {hop["ip"] for path in paths for hop in path["nexthops"]}

    eventually("both next hops", lambda: hops() == SPEAKING, 120)
    assert cluster.from_client(address).startswith("Hello World!")
