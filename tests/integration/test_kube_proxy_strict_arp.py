# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""kube-proxy's ConfigMap and DaemonSet as kubeadm makes them; a thread plays the DaemonSet's controller."""

from __future__ import annotations

import copy
import re

import pytest
import yaml
from integration.apiserver import ROOT
from integration.helpers import PREFIX, Plain, direct, meanwhile, sequence

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _kube_proxy
from ansible_collections.kubeaddons.metallb.plugins.module_utils._wait import Waiter
from ansible_collections.kubeaddons.metallb.plugins.modules import kube_proxy_strict_arp

CONFIG, DAEMON_SET, PODS = _kube_proxy.CONFIG_PATH, _kube_proxy.DAEMONSET_PATH, _kube_proxy.PODS_PATH
FIXTURE = ROOT / "tests" / "unit" / "plugins" / "fixtures" / "kube_proxy.yaml"
OBJECTS = yaml.safe_load(FIXTURE.read_text(encoding="utf-8"))


class Cluster:
    """kube-proxy, and what the DaemonSet's controller and the kubelet would do."""

    def __init__(self, plain):
        self.plain = plain
        self.made = 0

    def set_up(self):
        for path, obj in zip((CONFIG, DAEMON_SET), OBJECTS[:2], strict=True):
            self.plain.create(path.rpartition("/")[0], copy.deepcopy(obj))
        self.make_pod()
        self.control()

    def tear_down(self):
        for path in (CONFIG, DAEMON_SET, *(f"{PODS}/{pod['metadata']['name']}" for pod in self.pods())):
            self.plain.delete(path)

    def pods(self):
        return self.plain.get(PODS + "?labelSelector=k8s-app%3Dkube-proxy")["items"]

    def make_pod(self):
        self.made += 1
        pod = copy.deepcopy(OBJECTS[2])
        pod["metadata"]["name"] = f"kube-proxy-{self.made}"
        self.plain.create(PODS, pod)
        self.plain.patch(f"{PODS}/kube-proxy-{self.made}/status", {"status": pod["status"]})

    def control(self):
        """Replace a pod that is being deleted, and say that all is rolled out."""
        for pod in self.pods():
            if pod["metadata"].get("deletionTimestamp"):
                self.plain.delete(f"{PODS}/{pod['metadata']['name']}")
                self.make_pod()
        generation = self.plain.get(DAEMON_SET)["metadata"]["generation"]
        status = {**OBJECTS[1]["status"], "observedGeneration": generation}
        self.plain.patch(DAEMON_SET + "/status", {"status": status})

    def config(self):
        return self.plain.get(CONFIG)["data"]

    def versions(self):
        return self.plain.versions(CONFIG.rpartition("/")[0], DAEMON_SET.rpartition("/")[0], PODS)


@pytest.fixture
def cluster(api):
    made = Cluster(Plain(api))
    made.set_up()
    yield made
    made.tear_down()


def test_check_do_check_do(ansible, cluster):
    before, versions = cluster.config(), cluster.versions()
    task = PREFIX + "kube_proxy_strict_arp"
    checked, wrong = sequence(
        ansible, {task: {"timeout": 20}, "check_mode": True}, {task: {"timeout": 20, "kubeconfig": "/no/such/file"}}
    )
    assert (checked["changed"], checked["mode"]) == (True, "ipvs")
    assert checked["restarted"] == ["DaemonSet/kube-system/kube-proxy"]
    assert wrong["failed"]
    assert wrong["msg"].startswith("cannot use these Kubernetes credentials: ")
    assert cluster.versions() == versions
    with meanwhile(cluster.control):
        done, again, never = sequence(
            ansible, {task: {"timeout": 20}}, {task: {"timeout": 20}, "check_mode": True}, {task: {"timeout": 20}}
        )
    assert not done.get("failed"), done
    assert done["diff"] == checked["diff"]
    assert [one["changed"] for one in (done, again, never)] == [True, False, False]
    assert cluster.config()["config.conf"] == before["config.conf"].replace("strictARP: false", "strictARP: true")
    assert cluster.config()["kubeconfig.conf"] == before["kubeconfig.conf"]
    annotations = cluster.plain.get(DAEMON_SET)["spec"]["template"]["metadata"]["annotations"]
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", annotations["kubectl.kubernetes.io/restartedAt"])


def ensure(api, restart_nodes=(), check_mode=False, timeout=0.0):
    return kube_proxy_strict_arp.ensure(direct(api), list(restart_nodes), check_mode, Waiter(timeout))


def test_a_restart_that_does_not_happen(api, cluster):
    result = ensure(api)
    assert result["failed"]
    assert result["changed"]
    assert result["msg"] == (
        "kube-proxy was not restarted everywhere after 0 s (1 of 1 ready): its controller has not taken up the change yet"
    )
    assert "strictARP: true" in cluster.config()["config.conf"]


def test_single_nodes_are_restarted_by_deleting_their_pod(api, cluster):
    assert ensure(api)["changed"]
    cluster.control()
    versions = cluster.versions()
    assert ensure(api, ["node1"], check_mode=True)["restarted"] == ["node1"]
    assert cluster.versions() == versions
    assert not ensure(api, ["node2"]).get("failed")
    assert [pod["metadata"]["name"] for pod in cluster.pods()] == ["kube-proxy-1"]
    with meanwhile(cluster.control):
        result = ensure(api, ["node1"], timeout=20)
    assert not result.get("failed"), result
    assert result["restarted"] == ["node1"]
    assert [pod["metadata"]["name"] for pod in cluster.pods()] == ["kube-proxy-2"]


def test_other_modes_and_clusters_without_kube_proxy_are_left_alone(api, cluster):
    text = cluster.config()["config.conf"].replace("mode: ipvs", "mode: nftables")
    cluster.plain.patch(CONFIG, {"data": {"config.conf": text}})
    versions = cluster.versions()
    assert ensure(api, ["node1"]) == {"mode": "nftables"}
    assert cluster.versions() == versions
    cluster.plain.delete(CONFIG)
    assert ensure(api, ["node1"]) == {}
