# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Broken on purpose: the proof must fail, name the place and the difference, and pass again when healed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import VIP, Cluster, eventually


@contextmanager
def stuck_kube_proxy(cluster: Cluster, node: str) -> Iterator[None]:
    """kube-proxy that does not repair its tables: faults of the data plane last only while it is stuck."""
    cluster.ssh(node, "kill -STOP $(pidof kube-proxy)")
    try:
        yield
    finally:
        cluster.ssh(node, "kill -CONT $(pidof kube-proxy)")


def backend(cluster: Cluster) -> str:
    """Return one of the Service's endpoints."""
    slices = cluster.objects("endpointslices", "-l", "kubernetes.io/service-name=myweb-svc-lb")["items"]
    return f"{slices[0]['endpoints'][0]['addresses'][0]}:8080"


@pytest.fixture(autouse=True)
def passes_again(cluster: Cluster) -> Iterator[None]:
    """Every fault is healed by its test; then the proof holds."""
    yield

    def holds() -> bool:
        return cluster.proof().status == 0

    eventually("the proof holds again", holds, 120)


def test_weight_zero(cluster: Cluster) -> None:
    """A backend that gets no connections on one node."""
    server = backend(cluster)
    edit = f"ipvsadm -e -t {VIP}:80 -r {server} -m -w {{}}"
    cluster.ssh("node2", edit.format(0))
    try:
        played = cluster.proof()
    finally:
        cluster.ssh("node2", edit.format(1))
    played.assert_named("node2", "default/myweb-svc-lb", f"{VIP}:80", server, "IPVS weight")


def test_missing_backend(cluster: Cluster) -> None:
    """A backend that one node does not have."""
    server = backend(cluster)
    with stuck_kube_proxy(cluster, "node3"):
        cluster.ssh("node3", f"ipvsadm -d -t {VIP}:80 -r {server}")
        played = cluster.proof()
        cluster.ssh("node3", f"ipvsadm -a -t {VIP}:80 -r {server} -m -w 1")
    played.assert_named("node3", "default/myweb-svc-lb", f"{VIP}:80", server, "IPVS missing")


def test_stray_virtual_server(cluster: Cluster) -> None:
    """A virtual server that no Service asks for."""
    with stuck_kube_proxy(cluster, "node1"):
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
    route = json.loads(cluster.run("ip", "-json", "route", "get", "192.168.100.100").stdout)[0]
    # A namespace of its own, held by a process of this test and gone with it.
    with subprocess.Popen(["unshare", "--net", "sleep", "600"]) as holder:
        enter = ["nsenter", "--net", "--target", str(holder.pid)]
        try:
            for words in (
                ["ip", "link", "add", "thief", "type", "veth", "peer", "name", "thief0"],
                ["ip", "link", "set", "thief", "master", route["dev"], "up"],
                ["ip", "link", "set", "thief0", "netns", str(holder.pid)],
                [*enter, "ip", "address", "add", f"{VIP}/24", "dev", "thief0"],
                [*enter, "ip", "link", "set", "thief0", "up"],
            ):
                done = cluster.run(*words)
                assert done.returncode == 0, done.stderr
            mac = json.loads(cluster.run(*enter, "ip", "-json", "link", "show", "thief0").stdout)[0]["address"]
            played = cluster.proof()
        finally:
            holder.terminate()
    cluster.run("ip", "neigh", "flush", "all")
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
