# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The oldest release, which Kubespray installs: its pools move, and a newer release takes over from it with traffic."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import NODES, VIP, Cluster, Playbook, eventually

pytestmark = pytest.mark.long
WEB = "myweb-svc-lb"
NAMESPACE = ("-n", "metallb-system")
OLD = "0.13.9"
RANGE = "192.168.100.240-192.168.100.249"
MOVED = "192.168.100.245-192.168.100.249"
NEW_VIP = "192.168.100.245"
SECOND = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "second"},
    "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
}


def run(cluster: Cluster, *words: str, **variables: object) -> Playbook:
    """Run cluster.yml with other settings."""
    return cluster.playbook("cluster.yml", "-e", json.dumps(variables), *words)


def releases(cluster: Cluster) -> set[str]:
    """Return the tags of the images of MetalLB's pods that are not about to go."""
    pods = cluster.objects("pods", *NAMESPACE, "-l", "app=metallb")["items"]
    return {
        container["image"].rpartition(":v")[2]
        for pod in pods
        if not pod["metadata"].get("deletionTimestamp")
        for container in pod["spec"]["containers"]
    }


@pytest.fixture(scope="module", autouse=True)
def images(cluster: Cluster, web: None) -> None:
    """The old release's own."""
    for part in ("controller", "speaker"):
        cluster.lab("image", "add", f"quay.io/metallb/{part}:v{OLD}")


@pytest.fixture
def second(cluster: Cluster) -> Iterator[str]:
    """A Service that the test makes when it is time, and that goes with it."""
    yield "second"
    cluster.kubectl("delete", "service", "second", "--ignore-not-found")


def test_a_pool_moves_with_the_oldest_release(cluster: Cluster, second: str) -> None:
    """Its controller keeps the address and hands out those of the old pool until it is started anew."""
    played = run(cluster, metallb_version=OLD)
    assert played.status == 0, played.output
    assert releases(cluster) == {OLD}
    assert cluster.address(WEB) == VIP
    refused = run(cluster, metallb_version=OLD, metallb_ip_range=[MOVED])
    assert f"metallb_ip_range: {VIP} of default/myweb-svc-lb would leave the pool while in use" in refused.text
    played = run(cluster, metallb_version=OLD, metallb_ip_range=[MOVED], metallb_reassign_addresses=True)
    assert played.status == 0, played.output
    assert cluster.address(WEB) == NEW_VIP
    assert cluster.curl(NEW_VIP).startswith("Hello World!")
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(SECOND))
    eventually("a second address", lambda: cluster.address(second) == "192.168.100.246")
    eventually("an answer", lambda: cluster.curl("192.168.100.246").startswith("Hello World!"))


def test_kubesprays_release_is_taken_over_with_its_traffic(cluster: Cluster) -> None:
    """What its role applies is applied here by hand; the Service keeps its address from the first moment to the last."""
    cluster.kubectl("delete", "validatingwebhookconfiguration", "metallb-webhook-configuration")
    cluster.kubectl("delete", "namespace", "metallb-system")
    kinds = cluster.kubectl("get", "customresourcedefinitions", "-o", "name").split()
    cluster.kubectl("delete", *(one for one in kinds if one.endswith(".metallb.io")))
    cluster.kubectl("apply", "-f", f"{cluster.manifests}/v{OLD}/metallb-native.yaml")
    for workload in ("deployment/controller", "daemonset/speaker"):
        cluster.kubectl("rollout", "status", workload, *NAMESPACE, "--timeout=180s")
    pool = {"kind": "IPAddressPool", "spec": {"addresses": [RANGE], "autoAssign": True, "avoidBuggyIPs": False}}
    advertisement = {"kind": "L2Advertisement", "spec": {"ipAddressPools": ["loadbalanced"]}}
    for one in (pool, advertisement):
        named = {"name": "loadbalanced", "namespace": "metallb-system"}
        text = json.dumps({"apiVersion": "metallb.io/v1beta1", "metadata": named, **one})
        eventually(
            f"{one['kind']} by the webhook",
            lambda text=text: (
                cluster.run_with_input(text, cluster.env["LAB_KUBECTL"], "apply", "-f", "-").returncode == 0
            ),
            120,
        )
    eventually("the address", lambda: cluster.address(WEB) == VIP)
    eventually("an answer", lambda: cluster.curl(VIP).startswith("Hello World!"), 180)
    played = run(cluster, metallb_adopt=True)
    assert played.status == 0, played.output
    assert f"MetalLB {OLD} was installed by other means" in played.text
    assert "it becomes 0.16.1" in played.text
    assert releases(cluster) == {"0.16.1"}
    assert cluster.address(WEB) == VIP
    assert cluster.curl(VIP).startswith("Hello World!")
    services = {one["metadata"]["name"] for one in cluster.objects("services", *NAMESPACE)["items"]}
    assert services == {"metallb-webhook-service"}
    again = run(cluster)
    assert again.status == 0, again.output
    assert again.changed() == dict.fromkeys(NODES, 0)
