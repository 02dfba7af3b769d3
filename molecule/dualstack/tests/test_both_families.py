# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Addresses of both families, answers by both, one announcer for both. Judged by kubectl, curl and the neighbour table."""

from __future__ import annotations

import json

import pytest

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import NODES, Cluster


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    """The lab that the scenario runs on."""
    return Cluster()


def addresses(cluster: Cluster) -> list[str]:
    """Return the Service's EXTERNAL-IPs."""
    return [one["ip"] for one in cluster.objects("service", "both")["status"]["loadBalancer"]["ingress"]]


def test_an_address_of_each_family(cluster: Cluster) -> None:
    """From the one pool."""
    four, six = sorted(addresses(cluster), key=lambda address: ":" in address)
    assert four.startswith("192.168.100.24")
    assert six.startswith("fd00:192:168:100::24")


def test_both_answer(cluster: Cluster) -> None:
    """From outside, all pods in the end."""
    for address in addresses(cluster):
        target = f"http://[{address}]/" if ":" in address else address
        answers = {cluster.curl(target).strip() for _ in range(12)}
        assert len(answers) == 3, answers
        assert all(answer.startswith("Hello World!") for answer in answers)


def test_node_ports_and_pods_of_both_families(cluster: Cluster) -> None:
    """The tables of every node have IPv6 rows."""
    six = next(address for address in addresses(cluster) if ":" in address)
    for node in NODES:
        table = cluster.ssh(node, "ipvsadm -Ln")
        block = table.partition(f"TCP  [{six}]:80 rr\n")[2]
        assert block.count("->", 0, block.find("TCP")) == 3, table


def test_one_node_answers_for_both(cluster: Cluster) -> None:
    """The neighbours that the outside host has found, and MetalLB's own word."""
    cluster.run("ip", "neigh", "flush", "all")
    for address in addresses(cluster):
        cluster.curl(f"http://[{address}]/" if ":" in address else address)
    neighbours = {
        one["dst"]: one.get("lladdr") for one in json.loads(cluster.run("ip", "-json", "neigh", "show").stdout)
    }
    found = {neighbours[address] for address in addresses(cluster)}
    statuses = [one["status"] for one in cluster.objects("servicel2statuses", "-n", "metallb-system")["items"]]
    announcers = {one["node"] for one in statuses if one["serviceName"] == "both"}
    assert len(announcers) == 1
    assert found == {cluster.ssh(announcers.pop(), "cat /sys/class/net/eth0/address").strip()}
