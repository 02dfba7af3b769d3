# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _rollout

Object = dict[str, t.Any]


def deployment(replicas: int = 1, generation: int = 2, **status: int) -> Object:
    full = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, **status}
    return {
        "kind": "Deployment",
        "metadata": {"name": "controller", "namespace": "metallb-system", "generation": generation},
        "spec": {"replicas": replicas},
        "status": full,
    }


def daemon_set(generation: int = 2, **status: int) -> Object:
    full = {
        "observedGeneration": 2,
        "desiredNumberScheduled": 3,
        "updatedNumberScheduled": 3,
        "numberAvailable": 3,
        **status,
    }
    return {
        "kind": "DaemonSet",
        "metadata": {"name": "speaker", "namespace": "metallb-system", "generation": generation},
        "spec": {},
        "status": full,
    }


WORKLOADS: list[tuple[Object, bool, str]] = [
    (deployment(), True, "1 of 1 ready"),
    (deployment(generation=3), False, "1 of 1 ready"),  # the change has not been seen yet
    (deployment(availableReplicas=0), False, "0 of 1 ready"),
    (deployment(updatedReplicas=0), False, "0 of 1 ready"),
    (deployment(replicas=2), False, "1 of 2 ready"),
    (
        deployment()
        | {"status": {"replicas": 2, "updatedReplicas": 1, "availableReplicas": 1, "observedGeneration": 2}},
        False,
        "1 of 1 ready",
    ),  # an old pod still runs
    (deployment() | {"status": {}}, False, "0 of 1 ready"),
    (deployment() | {"spec": {}}, True, "1 of 1 ready"),
    (daemon_set(), True, "3 of 3 ready"),
    (daemon_set(generation=3), False, "3 of 3 ready"),
    (daemon_set(numberAvailable=2), False, "2 of 3 ready"),
    (daemon_set(updatedNumberScheduled=1), False, "1 of 3 ready"),
    (daemon_set() | {"status": {}}, False, "0 of 0 ready"),
]


@pytest.mark.parametrize(("obj", "done", "status"), WORKLOADS)
def test_how_far_a_workload_is(obj: Object, done: bool, status: str) -> None:
    state = _rollout.workload(obj, [], [])
    assert (state.name, state.done, state.status) == (_rollout.reference(obj), done, status)
    assert not (done and state.reasons)


def pod(name: str = "speaker-x7k2p", node: str = "node3", deleted: bool = False, **status: t.Any) -> Object:
    meta: Object = {"name": name, "uid": "uid-" + name}
    if deleted:
        meta["deletionTimestamp"] = "2026-11-23T20:00:00Z"
    return {"metadata": meta, "spec": {"nodeName": node} if node else {}, "status": status}


def container(**state: t.Any) -> Object:
    return {"name": "speaker", "image": "quay.io/metallb/speaker:v0.16.1", "state": state}


def warning(reason: str, message: str, uid: str = "uid-speaker-x7k2p", kind: str = "Warning") -> Object:
    return {"type": kind, "reason": reason, "message": message, "involvedObject": {"kind": "Pod", "uid": uid}}


READY = {"type": "Ready", "status": "True"}
NOT_READY = {"type": "Ready", "status": "False"}
BACK_OFF = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image\n  "quay.io/metallb/speaker:v0.16.1"'}
UNSCHEDULED = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available: 3 had taint {x: }"}
MOUNT = warning("FailedMount", 'MountVolume.SetUp failed for volume "memberlist" : secret "memberlist" not found')
PROBLEMS: list[tuple[Object, list[Object], str]] = [
    (pod(conditions=[READY], containerStatuses=[container(running={})]), [], ""),
    (pod(deleted=True, conditions=[READY]), [], "is being deleted"),
    (
        pod(containerStatuses=[container(waiting=BACK_OFF)]),
        [],
        'ImagePullBackOff for image quay.io/metallb/speaker:v0.16.1 (Back-off pulling image "quay.io/metallb/speaker:v0.16.1")',
    ),
    (
        pod(containerStatuses=[container(waiting={"reason": "ErrImagePull"})]),
        [],
        "ImagePullBackOff for image quay.io/metallb/speaker:v0.16.1",
    ),
    (
        pod(containerStatuses=[container(waiting={"reason": "CrashLoopBackOff", "message": "back-off 10s"})]),
        [],
        "CrashLoopBackOff in container speaker (back-off 10s)",
    ),
    (
        pod(initContainerStatuses=[container(waiting={"reason": "CreateContainerError"})]),
        [],
        "CreateContainerError in container speaker",
    ),
    (
        pod(containerStatuses=[container(terminated={"exitCode": 2, "message": "no such flag"})]),
        [],
        "container speaker ended with exit code 2 (no such flag)",
    ),
    (pod(node="", conditions=[UNSCHEDULED]), [], "not scheduled (0/3 nodes are available: 3 had taint {x: })"),
    (
        pod(containerStatuses=[container(waiting={"reason": "ContainerCreating"})]),
        [MOUNT],
        'FailedMount: MountVolume.SetUp failed for volume "memberlist" : secret "memberlist" not found',
    ),
    (
        pod(containerStatuses=[container(waiting={"reason": "ContainerCreating"})]),
        [warning("Other", "x", uid="another"), warning("Pulled", "y", kind="Normal")],
        "is being started",
    ),
    (pod(containerStatuses=[container(waiting={})]), [], "is being started"),
    (
        pod(conditions=[NOT_READY], containerStatuses=[container(running={"startedAt": "x"})]),
        [],
        "is running but not ready yet",
    ),
    (
        pod(
            conditions=[NOT_READY],
            initContainerStatuses=[container(terminated={"exitCode": 0})],
            containerStatuses=[container(running={"startedAt": "x"})],
        ),
        [],
        "is running but not ready yet",
    ),
    (pod(), [], "is being started"),
]


@pytest.mark.parametrize(("obj", "events", "why"), PROBLEMS)
def test_why_a_pod_is_not_ready(obj: Object, events: list[Object], why: str) -> None:
    assert _rollout.pod_problem(obj, events) == why


def test_the_reasons_of_a_workload_name_pod_and_node() -> None:
    pods = [
        pod("speaker-a", "node1", conditions=[READY]),
        pod("speaker-b", "node2", containerStatuses=[container(waiting={"reason": "CrashLoopBackOff"})]),
    ]
    assert _rollout.workload(daemon_set(numberAvailable=1), pods, []).reasons == [
        "pod speaker-b on node2: CrashLoopBackOff in container speaker",
        "2 of 3 pods exist so far",
    ]
    unplaced = pod("controller-a", node="", conditions=[UNSCHEDULED])
    assert (
        _rollout.workload(deployment(availableReplicas=0), [unplaced], [])
        .reasons[0]
        .startswith("pod controller-a: not scheduled")
    )


def test_nothing_to_run() -> None:
    assert _rollout.workload(daemon_set(desiredNumberScheduled=0), [], []).reasons == [
        "no node fits its node selector and tolerations"
    ]
    assert _rollout.workload(deployment(replicas=0, availableReplicas=0), [], []).reasons == [
        "it is scaled to 0 replicas"
    ]


def test_a_change_that_its_controller_has_not_seen() -> None:
    unseen = ["its controller has not taken up the change yet"]
    assert _rollout.workload(deployment(generation=3), [pod(conditions=[READY])], []).reasons == unseen
    assert (
        _rollout.workload(daemon_set(generation=3, desiredNumberScheduled=1), [pod(conditions=[READY])], []).reasons
        == unseen
    )


def hook(**client: t.Any) -> Object:
    return {"name": "ipaddresspoolvalidationwebhook.metallb.io", "clientConfig": client}


def slice_of(*ready: bool | None) -> Object:
    return {"metadata": {}, "endpoints": [{"conditions": {} if one is None else {"ready": one}} for one in ready]}


HOOKS: list[tuple[Object | None, list[Object], bool, list[str]]] = [
    (None, [slice_of(True)], False, ["the object does not exist"]),
    ({"webhooks": [hook(caBundle="Y2E=")]}, [slice_of(False), slice_of(True)], True, []),
    ({"webhooks": [hook(caBundle="Y2E=")]}, [slice_of(None)], True, []),
    ({"webhooks": [hook(caBundle="Y2E=")]}, [slice_of(False)], False, ["its Service has no ready endpoint"]),
    ({"webhooks": [hook(caBundle="Y2E=")]}, [{"endpoints": None}], False, ["its Service has no ready endpoint"]),
    ({"webhooks": [hook()]}, [slice_of(True)], False, ["its server has not put the certificate authority there"]),
    (
        {"webhooks": [hook(caBundle="")]},
        [],
        False,
        ["its server has not put the certificate authority there", "its Service has no ready endpoint"],
    ),
]


@pytest.mark.parametrize(("config", "slices", "done", "reasons"), HOOKS)
def test_what_the_webhook_lacks(config: Object | None, slices: list[Object], done: bool, reasons: list[str]) -> None:
    state = _rollout.webhook("hook", config, slices)
    assert (state.name, state.done, state.reasons) == ("hook", done, reasons)


CALL = 'Internal error occurred: failed calling webhook "ipaddresspoolvalidationwebhook.metallb.io": failed to call webhook: '


@pytest.mark.parametrize(
    ("text", "waits"),
    [
        (CALL + 'Post "https://metallb-webhook-service.metallb-system.svc:443/": connection refused', True),
        (CALL + 'no endpoints available for service "metallb-webhook-service"', True),
        (CALL + "x509: certificate signed by unknown authority", True),
        (CALL + "context deadline exceeded", True),
        ('admission webhook "ipaddresspoolvalidationwebhook.metallb.io" denied the request: CIDR overlaps', False),
        ('namespaces "metallb-system" not found', False),
    ],
)
def test_a_webhook_that_cannot_be_asked_and_one_that_says_no(text: str, waits: bool) -> None:
    assert _rollout.not_serving(text) is waits


LACKING: list[tuple[Object, list[Object], tuple[str, ...]]] = [
    (daemon_set(), [pod(node="node1")], ()),
    (daemon_set(numberAvailable=2), [pod(conditions=[READY]), pod(), pod(conditions=[READY])], ("node3",)),
    (daemon_set(numberAvailable=1), [pod(), pod(node="node1"), pod(conditions=[READY])], ("node1", "node3")),
    (daemon_set(numberAvailable=1), [pod(), pod(conditions=[READY])], ("", "node3")),  # one does not exist
    (daemon_set(generation=3), [pod(conditions=[READY])] * 3, ("",)),
    (daemon_set(updatedNumberScheduled=1), [pod(conditions=[READY])] * 3, ()),
    (daemon_set(desiredNumberScheduled=0), [], ("",)),
    (deployment(availableReplicas=0), [pod(deleted=True), pod(node="")], ("", "node3")),
]


@pytest.mark.parametrize(("obj", "pods", "nodes"), LACKING)
def test_where_the_pods_are_that_lack(obj: Object, pods: list[Object], nodes: tuple[str, ...]) -> None:
    assert _rollout.workload(obj, pods, []).nodes == nodes
