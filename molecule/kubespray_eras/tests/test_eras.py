# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What each era's inventory means on a cluster that was made from the oldest one."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import Cluster

INVENTORIES = Path(__file__).resolve().parents[1] / "inventory"
# What has to be said of each: nothing is passed over in silence.
NOTES = {
    "a": ["metallb.ip_range is read as metallb_ip_range", "metallb.limits.memory is read as metallb_limits_mem"],
    "b": ["matallb_auto_assign is read as metallb_auto_assign"],
    "c": [],
}


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    """The lab that the scenario runs on."""
    return Cluster()


def test_pools_and_advertisements(cluster: Cluster) -> None:
    """Both pools, an advertisement for each; a name that no object can have is spelt in another way."""
    pools = {
        one["metadata"]["name"]: one["spec"]
        for one in cluster.objects("ipaddresspools", "-n", "metallb-system")["items"]
    }
    assert pools["loadbalanced"]["addresses"] == ["192.168.100.240-192.168.100.249"]
    assert pools["kube-service-pool"]["addresses"] == ["192.168.100.252-192.168.100.253"]
    assert pools["kube-service-pool"]["autoAssign"] is False
    announced = [
        one["spec"]["ipAddressPools"] for one in cluster.objects("l2advertisements", "-n", "metallb-system")["items"]
    ]
    assert sorted(announced) == [["kube-service-pool"], ["loadbalanced"]]


def test_limits(cluster: Cluster) -> None:
    """Kubespray has not read them since 2.17."""
    for kind, name in (("deployment", "controller"), ("daemonset", "speaker")):
        container = cluster.objects(kind, name, "-n", "metallb-system")["spec"]["template"]["spec"]["containers"][0]
        assert container["resources"]["limits"] == {"cpu": "100m", "memory": "100Mi"}


@pytest.mark.parametrize("era", NOTES)
def test_inventories_of_all_eras_mean_the_same(cluster: Cluster, era: str) -> None:
    """Old names of groups and variables, other shapes: nothing changes, and what is old is said."""
    manifest = f"metallb_manifest_url={os.environ['LAB_MANIFESTS']}/v{{version}}/metallb-native.yaml"
    played = cluster.run(
        "ansible-playbook", "-i", str(INVENTORIES / era / "inventory.ini"), "kubeaddons.metallb.cluster", "-b",
        "-e", manifest, "-e", "metallb_verify=false", timeout=300,
    )  # fmt: skip
    text = " ".join((played.stdout + played.stderr).split())
    assert played.returncode == 0, text
    changed = re.findall(r"changed=(\d+)", played.stdout)
    assert changed == ["0", "0", "0"], text
    assert not [note for note in NOTES[era] if note not in text], text
