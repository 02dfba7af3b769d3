# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Fifty runs of proof and diagnosis on a healthy cluster that is never at rest: none may cry wolf."""

from __future__ import annotations

import json
import re
import threading
import time
import typing as t
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import SYSTEM, Cluster, eventually

pytestmark = pytest.mark.long

ROUNDS = 10  # of each unrest
CONTROL_PLANE = {"key": "node-role.kubernetes.io/control-plane", "operator": "DoesNotExist"}
WORKERS = {"nodeSelectorTerms": [{"matchExpressions": [CONTROL_PLANE]}]}


@pytest.fixture(scope="module", autouse=True)
def busy(cluster: Cluster, web: None) -> Iterator[None]:
    """MetalLB as the seed's inventory has it, and a second Service, whose pods come and go."""
    played = cluster.playbook("cluster.yml")
    assert played.status == 0, played.output
    # Twenty pods that start beside the control plane, on the lab's one processor, keep MetalLB's speaker from answering
    # kubelet, which kills it: no false alarm, and not what this is about.
    pods = {
        "metadata": {"labels": {"app": "busy"}},
        "spec": {
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": WORKERS}},
            "containers": [{"name": "go-myweb", "image": "ghcr.io/c1t1d0s7/go-myweb"}],
        },
    }
    spec = {"replicas": 6, "selector": {"matchLabels": {"app": "busy"}}, "template": pods}
    busy = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "busy"}, "spec": spec}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(busy))
    cluster.kubectl("expose", "deployment", "busy", "--type=LoadBalancer", "--port=80", "--target-port=8080")
    cluster.kubectl("rollout", "status", "deployment/busy", "--timeout=180s")
    eventually("a cluster at rest", lambda: cluster.proof().status == 0, 180)
    yield
    cluster.kubectl("delete", "service,deployment", "busy", "--wait=false")


def at_rest(_cluster: Cluster, _turn: int) -> None:
    """Nothing."""


def roll(cluster: Cluster, _turn: int) -> None:
    """All pods are replaced."""
    cluster.kubectl("rollout", "restart", "deployment/busy")


def scale(cluster: Cluster, turn: int) -> None:
    """To 20, to 0, to 20."""
    cluster.kubectl("scale", "deployment/busy", f"--replicas={20 if turn % 2 else 0}")


def drain(cluster: Cluster, turn: int) -> None:
    """A worker is emptied and taken back."""
    node = ("node2", "node3")[turn % 2]
    cluster.kubectl(
        "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=240s", "--grace-period=1"
    )
    cluster.kubectl("uncordon", node)


def restart_kube_proxy(cluster: Cluster, _turn: int) -> None:
    """kube-proxy starts anew on all nodes."""
    cluster.kubectl(*SYSTEM, "delete", "pod", "-l", "k8s-app=kube-proxy", "--wait=false")


@contextmanager
def meanwhile(what: Callable[[], None]) -> Iterator[None]:
    """Do something a little after the body has begun; what goes wrong with it is told at the end."""
    failures: list[BaseException] = []

    def run() -> None:
        time.sleep(2)
        try:
            what()
        except BaseException as exc:
            failures.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join()
    assert not failures, failures


UNREST: list[Callable[[Cluster, int], None]] = [at_rest, roll, scale, drain, restart_kube_proxy]


@pytest.mark.parametrize("turn", range(ROUNDS))
@pytest.mark.parametrize("unrest", UNREST, ids=[t.cast("t.Any", one).__name__ for one in UNREST])
def test_no_false_alarm(cluster: Cluster, unrest: Callable[[Cluster, int], None], turn: int) -> None:
    """Proof and diagnosis run while it happens; that a Service has no pods any more is true."""
    with meanwhile(lambda: unrest(cluster, turn)):
        played = cluster.playbook("playbooks/diagnose.yml")
    assert not re.search(r"^\s*FAULT", played.output, re.MULTILINE), played.output
    assert played.causes() <= ({("no-endpoint", "default/busy")} if unrest is scale else set()), played.output
    assert bool(played.status) == bool(played.causes()), played.output
