# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Broken on purpose: the proof must fail, name the place and the difference, and pass again when healed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import VIP, Cluster, eventually


@pytest.fixture(autouse=True)
def passes_again(cluster: Cluster) -> Iterator[None]:
    """Every fault is healed by its test; then the proof holds."""
    yield

    def holds() -> bool:
        return cluster.proof().status == 0

    eventually("the proof holds again", holds, 120)


def test_weight_zero(cluster: Cluster) -> None:
    """A backend that gets no connections on one node."""
    server = cluster.backend()
    edit = f"ipvsadm -e -t {VIP}:80 -r {server} -m -w {{}}"
    cluster.ssh("node2", edit.format(0))
    try:
        played = cluster.proof()
    finally:
        cluster.ssh("node2", edit.format(1))
    played.assert_named("node2", "default/myweb-svc-lb", f"{VIP}:80", server, "IPVS weight")


def test_missing_backend(cluster: Cluster) -> None:
    """A backend that one node does not have."""
    server = cluster.backend()
    with cluster.stuck_kube_proxy("node3"):
        cluster.ssh("node3", f"ipvsadm -d -t {VIP}:80 -r {server}")
        played = cluster.proof()
        cluster.ssh("node3", f"ipvsadm -a -t {VIP}:80 -r {server} -m -w 1")
    played.assert_named("node3", "default/myweb-svc-lb", f"{VIP}:80", server, "IPVS missing")


def test_stray_virtual_server(cluster: Cluster) -> None:
    """A virtual server that no Service asks for."""
    with cluster.stuck_kube_proxy("node1"):
        cluster.ssh("node1", "ipvsadm -A -t 192.168.100.99:8000 -s rr")
        played = cluster.proof()
        cluster.ssh("node1", "ipvsadm -D -t 192.168.100.99:8000")
    played.assert_named("node1", "192.168.100.99:8000", "IPVS orphan")


def test_strict_arp_off_on_one_node(cluster: Cluster) -> None:
    """The kernel of one node is not as configured; cluster.yml repairs it."""
    cluster.ssh("node2", "sysctl -w net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.all.arp_announce=0")
    cluster.proof().assert_named("node2", "strict ARP", "arp_ignore 1, arp_announce 2", "arp_ignore 0, arp_announce 0")
    healed = cluster.playbook("cluster.yml", "-e", "metallb_verify=false")
    assert healed.status == 0, healed.output
    assert cluster.ssh("node2", "sysctl -n net.ipv4.conf.all.arp_ignore").strip() == "1"


def test_second_machine_answers_arp(cluster: Cluster) -> None:
    """Another host on the segment has the same address."""
    with cluster.twin(VIP) as mac:
        played = cluster.proof()
    played.assert_named("default/myweb-svc-lb", "ARP", VIP, f"an unknown host ({mac})")


def test_service_without_endpoints_is_no_fault(cluster: Cluster) -> None:
    """Scaled to nothing on purpose: said, not complained of."""
    cluster.kubectl("scale", "replicaset", "myweb-rs", "--replicas=0")
    try:
        cluster.kubectl("wait", "--for=jsonpath={.status.replicas}=0", "replicaset/myweb-rs", "--timeout=60s")
        played = cluster.proof()
        assert played.status == 0, played.output
        assert "none, so nothing is announced" in played.text
    finally:
        cluster.kubectl("scale", "replicaset", "myweb-rs", "--replicas=3")
        cluster.kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "replicaset/myweb-rs", "--timeout=120s")
