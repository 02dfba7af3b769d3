# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Who gets an address from which pool, and who announces it. Judged by kubectl, arping and curl."""

from __future__ import annotations

import pytest

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import Cluster, eventually

ADDRESSES = {
    ("default", "myweb-svc-lb"): ["192.168.100.240"],
    ("web", "shop"): ["192.168.100.244", "192.168.100.245"],
    ("default", "reserved"): ["192.168.100.248", "192.168.100.249", "192.168.100.250", "192.168.100.251"],
}


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    """The lab that the scenario runs on."""
    return Cluster()


def address(cluster: Cluster, namespace: str, name: str) -> str:
    """Return the EXTERNAL-IP as kubectl shows it."""
    return cluster.kubectl("get", "service", name, "-n", namespace, "--no-headers").split()[3]


@pytest.mark.parametrize(("namespace", "name"), ADDRESSES)
def test_each_service_has_an_address_of_its_pool(cluster: Cluster, namespace: str, name: str) -> None:
    """By namespace, by annotation, and the rest."""
    assert address(cluster, namespace, name) in ADDRESSES[namespace, name]


@pytest.mark.parametrize(("namespace", "name"), ADDRESSES)
def test_each_address_answers(cluster: Cluster, namespace: str, name: str) -> None:
    """From outside."""
    assert cluster.curl(address(cluster, namespace, name)).startswith("Hello World!")


def test_only_the_selected_node_announces(cluster: Cluster) -> None:
    """general is for node2."""
    mac = cluster.ssh("node2", "cat /sys/class/net/eth0/address").strip()
    cluster.run("ip", "neigh", "flush", "all")
    assert cluster.macs("192.168.100.240") == {mac}


def test_a_full_pool_leaves_a_service_pending(cluster: Cluster) -> None:
    """general has one address, and the other pools are not for everybody."""
    cluster.kubectl("create", "service", "loadbalancer", "one-too-many", "--tcp=80:8080")
    try:

        def failures() -> list[dict]:
            return [
                event
                for event in cluster.objects("events", "-n", "default")["items"]
                if event["involvedObject"]["name"] == "one-too-many" and event["reason"] == "AllocationFailed"
            ]

        eventually("MetalLB's refusal", failures)
        assert address(cluster, "default", "one-too-many") == "<pending>"
    finally:
        cluster.kubectl("delete", "service", "one-too-many")


def test_fields_are_as_asked_for(cluster: Cluster) -> None:
    """Interfaces and selectors arrive."""
    found = {
        one["metadata"]["name"]: one["spec"]
        for one in cluster.objects("l2advertisements", "-n", "metallb-system")["items"]
    }
    assert set(found) == {"general", "web", "reserved"}
    assert found["web"]["interfaces"] == ["eth0"]
    assert found["web"]["serviceSelectors"] == [{"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}]
    assert found["general"]["nodeSelectors"] == [{"matchLabels": {"kubernetes.io/hostname": "node2"}}]
