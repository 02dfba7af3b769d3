# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""A cluster without MetalLB: what is so before, what --check says, and input that is refused before anything changes."""

from __future__ import annotations

import json

import pytest

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import NODES, SEED, Cluster, eventually

# What a user may write by mistake, and what has to be named in the answer: variable, value, reason or remedy.
BAD = {
    "host bits": (["192.168.100.240/24"], ['metallb_ip_range[0]: "192.168.100.240/24"', "192.168.100.0/24", "/32"]),
    "reversed": (["192.168.100.249-192.168.100.240"], ["starts after its end", "192.168.100.240-192.168.100.249"]),
    "mixed families": (["192.168.100.240-fd00::5"], ["mixes IPv4 and IPv6", "one range for each family"]),
    "a node's address": (["192.168.100.100-192.168.100.110"], ["192.168.100.100", "node1", "nothing else uses"]),
    "pod network": (["10.233.64.0/24"], ["10.233.64.0/24", "the pod network"]),
    "Service network": (["10.233.0.0/24"], ["10.233.0.0/24", "the Service network"]),
    "gateway": (["192.168.100.1-192.168.100.5"], ["192.168.100.1", "default gateway"]),
    "off-link": (["192.0.2.10-192.0.2.20"], ["192.0.2.10", "on no node's network segment"]),
}


def versions(cluster: Cluster) -> dict[str, str]:
    """Return the resourceVersion of everything that a run could have touched."""
    found = {}
    for kind in ("namespaces", "customresourcedefinitions", "clusterroles", "services", "configmaps", "daemonsets"):
        for one in cluster.objects(kind, "--all-namespaces")["items"]:
            meta = one["metadata"]
            # The control plane's own leader election and heartbeats move on their own.
            found[f"{kind}/{meta.get('namespace')}/{meta['name']}"] = json.dumps(one.get("spec") or one.get("data"))
    return found


def test_service_stays_pending(cluster: Cluster) -> None:
    """Row 1 of the scenario."""
    for manifest in ("myweb-svc-lb.yaml", "myweb-rs.yaml"):
        cluster.kubectl("apply", "-f", str(SEED / manifest))
    cluster.kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "replicaset/myweb-rs", "--timeout=180s")
    line = cluster.kubectl("get", "service", "myweb-svc-lb", "--no-headers").split()
    assert line[1] == "LoadBalancer"
    assert line[3] == "<pending>"
    assert line[4] == "80:31313/TCP"


def test_every_node_answers_arp_without_strict_arp(cluster: Cluster) -> None:
    """What strict ARP is for: kube-proxy puts the address on every node, and every node answers."""
    assert "strictARP: false" in cluster.kubectl("get", "configmap", "kube-proxy", "-n", "kube-system", "-o", "yaml")
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "loose"},
        "spec": {"ports": [{"port": 80}], "selector": {"app": "web"}, "externalIPs": ["192.168.100.230"]},
    }))  # fmt: skip
    try:
        eventually("three answers", lambda: len(cluster.macs("192.168.100.230")) == len(NODES))
    finally:
        cluster.kubectl("delete", "service", "loose")


def test_check_mode_shows_and_changes_nothing(cluster: Cluster) -> None:
    """--check --diff on the virgin cluster."""
    before = versions(cluster)
    played = cluster.playbook("cluster.yml", "--check", "--diff")
    assert played.status == 0, played.output
    for expected in (
        "strictARP: true",
        "+++ after: Deployment/metallb-system/controller",
        "+++ after: IPAddressPool/metallb-system/loadbalanced",
        "192.168.100.240-192.168.100.249",
    ):
        assert expected in played.output
    assert sum(played.changed().values()) > 0
    assert versions(cluster) == before


@pytest.mark.parametrize("case", BAD)
def test_bad_range_is_refused(cluster: Cluster, case: str) -> None:
    """One clear sentence, and nothing has changed."""
    ranges, words = BAD[case]
    before = versions(cluster)
    played = cluster.playbook("cluster.yml", "-e", json.dumps({"metallb_ip_range": ranges}))
    assert played.status != 0
    assert not [word for word in words if word not in played.text], played.output
    assert set(played.changed().values()) == {0}
    assert versions(cluster) == before


def test_address_that_is_in_use_is_refused(cluster: Cluster) -> None:
    """An address of the range answers ARP: the outside host's own second address."""
    interface = json.loads(cluster.run("ip", "-json", "route", "get", "192.168.100.100").stdout)[0]["dev"]
    cluster.run("ip", "address", "add", "192.168.100.245/32", "dev", interface)
    try:
        played = cluster.playbook("cluster.yml")
    finally:
        cluster.run("ip", "address", "del", "192.168.100.245/32", "dev", interface)
    assert played.status != 0
    assert "holds 192.168.100.245, which already answers ARP" in played.text
    assert "metallb-system" not in cluster.kubectl("get", "namespaces")


def test_unknown_variable_is_named(cluster: Cluster) -> None:
    """A typing error is not passed over in silence."""
    played = cluster.playbook("cluster.yml", "--check", "-e", "metallb_ip_ranges=[]")
    assert "metallb_ip_ranges is not a variable of this collection" in played.text
    assert "did you mean metallb_ip_range?" in played.text
