# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _former, _settings
from ansible_collections.kubeaddons.metallb.plugins.module_utils._resources import reference
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import fixture

Object = dict[str, t.Any]
SETTINGS = _settings.normalise({"metallb_enabled": True, "metallb_ip_range": "192.0.2.0/28"}).settings
CRITICAL = "system-cluster-critical"
APPLIED = {_former.LAST_APPLIED: "{}"}
OURS = {"app.kubernetes.io/managed-by": "kubeaddons.metallb"}


def controller(
    image: str = "quay.io/metallb/controller:v0.13.9",
    annotations: Object | None = None,
    labels: Object | None = None,
    namespace: str = "metallb-system",
    name: str = "controller",
    **pod: t.Any,
) -> Object:
    meta = {"name": name, "namespace": namespace, "annotations": annotations, "labels": labels}
    sidecar, own = {"name": "proxy", "image": "p:v1.1.1"}, {"name": "controller", "image": image}
    return {"metadata": meta, "spec": {"template": {"spec": {"containers": [sidecar, own], **pod}}}}


FOUND: list[tuple[Object, tuple[str, str, bool]]] = [
    # the live controller; version, who made it, put back over ours
    (controller(annotations=APPLIED, priorityClassName=CRITICAL), ("0.13.9", "Kubespray's role", False)),
    (controller(annotations=APPLIED, labels=OURS, priorityClassName=CRITICAL), ("0.13.9", "Kubespray's role", True)),
    (controller(annotations=APPLIED), ("0.13.9", "kubectl or the like", False)),
    (controller("r:5000/c:0.16.1", priorityClassName=CRITICAL), ("0.16.1", "kubectl or the like", False)),
    (controller("r/c:v0.16.1", labels={"app.kubernetes.io/managed-by": "Helm"}), ("0.16.1", "Helm", False)),
    (controller("r/c:v0.16.1", labels=OURS), ("0.16.1", "this collection", False)),
    # kubectl rollout restart and the like leave no such annotation, but a hand may.
    (controller("r/c:v0.16.1", annotations=APPLIED, labels=OURS), ("0.16.1", "this collection", False)),
    (controller("r/c:main"), ("", "kubectl or the like", False)),
    (controller("r:5000/c"), ("", "kubectl or the like", False)),
]


@pytest.mark.parametrize(("live", "expected"), FOUND)
def test_what_is_installed(live: Object, expected: tuple[str, str, bool]) -> None:
    found = _former.found_release(live)
    assert (found.version, found.made_by, found.put_back) == expected


TAKEOVERS: list[tuple[Object, list[str], list[str]]] = [
    # the live controller; errors, warnings
    (controller(labels=OURS), [], []),
    (
        controller(annotations=APPLIED, priorityClassName=CRITICAL),
        [],
        ["MetalLB 0.13.9 was installed by other means (Kubespray's role); it becomes 0.16.1."],
    ),
    (
        controller(annotations=APPLIED, labels=OURS, priorityClassName=CRITICAL),
        [],
        ["Kubespray's role has put MetalLB 0.13.9 back over this collection's; it becomes 0.16.1. Run Kubespray by"],
    ),
    (controller("c:main"), [], ["a MetalLB was installed by other means (kubectl or the like); it becomes 0.16.1."]),
    (
        controller(namespace="lb", labels=OURS),
        [
            'metallb_namespace: "metallb-system" would be a second MetalLB besides the one in namespace "lb" (MetalLB 0.13.9, '
        ],
        [],
    ),
    (
        controller(name="metallb-controller", labels={"app.kubernetes.io/managed-by": "Helm"}),
        [
            "MetalLB 0.13.9 was installed by Helm as metallb-system/metallb-controller, and this collection's would be a second"
        ],
        [],
    ),
]


@pytest.mark.parametrize(("live", "errors", "warnings"), TAKEOVERS)
def test_what_a_run_says_about_it(live: Object, errors: list[str], warnings: list[str]) -> None:
    for found, expected in zip(
        _former.takeover([_former.found_release(live)], SETTINGS), (errors, warnings), strict=True
    ):
        assert len(found) == len(expected)
        assert all(text.startswith(part) for text, part in zip(found, expected, strict=True)), found


def names(objects: t.Sequence[Object]) -> list[str]:
    return [reference(obj) for obj in objects]


def test_candidates_are_what_the_release_does_not_have_and_never_the_namespace() -> None:
    found = names(_former.candidates("metallb-system", [*fixture("manifest"), *fixture("manifest_frr_k8s")]))
    assert "Namespace/metallb-system" not in found
    assert "CustomResourceDefinition/addresspools.metallb.io" in found
    assert "Secret/metallb-system/webhook-server-cert" in found
    assert "RoleBinding/metallb-system/config-watcher" in found
    assert "DaemonSet/metallb-system/frr-k8s-daemon" not in found  # the release has it
    assert "Deployment/metallb-system/frr-k8s-webhook-server" in found
    kinds = [one.partition("/")[0] for one in found]
    assert kinds[0] == "ValidatingWebhookConfiguration"  # nothing may be stuck on a webhook that is gone
    assert kinds[-1] == "CustomResourceDefinition"


def test_kubesprays_roles_are_named_after_the_namespace() -> None:
    found = names(_former.candidates("lb", []))
    assert {"ClusterRole/lb:controller", "ClusterRoleBinding/lb:speaker"} <= set(found)
    assert "Service/lb/webhook-service" in found


def live_ones(*wanted: str) -> list[Object]:
    return [obj for obj in _former.candidates("metallb-system", []) if obj["metadata"]["name"] in wanted]


def resource(kind: str, name: str, namespace: str = "metallb-system") -> Object:
    return {"apiVersion": "x/v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}}


FRR = live_ones(
    "frr-k8s-daemon", "frr-k8s-daemon-role", "frr-k8s-daemon-rolebinding", "frrconfigurations.frrk8s.metallb.io"
)
CRD = "CustomResourceDefinition/frrconfigurations.frrk8s.metallb.io"
SHARED = {CRD, "ClusterRole/frr-k8s-daemon-role", "ClusterRoleBinding/frr-k8s-daemon-rolebinding"}
OWN = resource("FRRConfiguration", "metallb-node1")
CONFIGURATIONS: list[tuple[list[Object], list[Object], set[str], str]] = [
    # configurations, daemons; what stays, which is named in a warning
    ([OWN], [resource("DaemonSet", "frr-k8s-daemon")], set(), ""),
    ([], [], set(), ""),
    ([OWN, resource("FRRConfiguration", "mine")], [], {CRD}, "FRRConfiguration/metallb-system/mine"),
    (
        [resource("FRRConfiguration", "metallb-node1", "elsewhere")],
        [],
        {CRD},
        "FRRConfiguration/elsewhere/metallb-node1",
    ),
    ([resource("FRRK8sConfiguration", "metallb-x")], [], {CRD}, "FRRK8sConfiguration/metallb-system/metallb-x"),
    ([OWN, resource("FRRConfiguration", "mine")], [resource("DaemonSet", "x", "frr-k8s-system")], SHARED, ""),
]


@pytest.mark.parametrize(("configurations", "daemons", "stays", "warned"), CONFIGURATIONS)
def test_what_others_need_of_frr_k8s_stays(
    configurations: list[Object], daemons: list[Object], stays: set[str], warned: str
) -> None:
    found = _former.leavings(FRR, [], configurations, daemons, SETTINGS)
    assert found.errors == []
    assert set(names(FRR)) - set(names(found.gone)) == stays
    assert "DaemonSet/metallb-system/frr-k8s-daemon" in names(found.gone)
    assert "RoleBinding/metallb-system/frr-k8s-daemon-rolebinding" in names(found.gone)
    assert [text.partition(" of other making stays")[0] for text in found.warnings] == [warned] * bool(warned)


def test_foreign_configurations_are_no_matter_where_frr_k8s_stays() -> None:
    found = _former.leavings(live_ones("webhook-service"), [], [resource("FRRConfiguration", "mine")], [], SETTINGS)
    assert (names(found.gone), found.warnings) == (["Service/metallb-system/webhook-service"], [])


def test_address_pools_are_not_lost() -> None:
    live = live_ones("addresspools.metallb.io", "webhook-service")
    assert names(_former.leavings(live, [], [], [], SETTINGS).gone) == names(live)
    pools = [resource("AddressPool", "p{0}".format(number)) for number in range(8)]
    found = _former.leavings(live, pools, [], [], SETTINGS)
    assert names(found.gone) == ["Service/metallb-system/webhook-service"]
    (error,) = found.errors
    assert error.startswith(
        "metallb_version: MetalLB 0.16.1 does not know the kind AddressPool any more, and there is "
        "AddressPool/metallb-system/p0, "
    )
    assert "AddressPool/metallb-system/p4, and 3 more; give their ranges in metallb_ip_range" in error


def test_a_second_frr_k8s_is_refused() -> None:
    own, other = resource("DaemonSet", "frr-k8s-daemon"), resource("DaemonSet", "frr-k8s", "frr-k8s-system")
    assert _former.second_frr_k8s([own], "metallb-system") == []
    (error,) = _former.second_frr_k8s([own, other], "metallb-system")
    assert "there is DaemonSet/frr-k8s-system/frr-k8s already" in error


def speaker(image: str = "quay.io/metallb/speaker:v0.16.1", *environment: str) -> Object:
    obj = copy.deepcopy(fixture("manifest")[1])
    container = obj["spec"]["template"]["spec"]["containers"][0]
    container.update(image=image, env=[{"name": name} for name in environment])
    return obj


KEY, PATH = "METALLB_ML_SECRET_KEY", "METALLB_ML_SECRET_KEY_PATH"
NEW = speaker("quay.io/metallb/speaker:v0.16.1", PATH)
SPEAKERS: list[tuple[Object, Object, bool]] = [
    # live, desired, whether they cannot talk to each other
    (speaker("s:v0.15.3", PATH), NEW, False),
    (speaker("s:v0.14.5", PATH), NEW, False),
    (speaker("s:v0.13.12", PATH), NEW, True),
    (NEW, speaker("s:v0.13.12", PATH), True),
    (speaker("s:v0.13.9", PATH), speaker("s:v0.13.12", PATH), False),
    (speaker("s:v0.13.9", KEY), speaker("s:v0.13.9", PATH), True),  # Kubespray's, which encrypt nothing
    (speaker("s:v0.12.1", KEY), speaker("s:v0.13.9", PATH), False),
    (speaker("s:v0.12.1"), speaker("s:v0.13.9", PATH), True),
    (speaker("s:own", PATH), NEW, True),
    (speaker("s:own", PATH), speaker("s:own", PATH), False),
]


@pytest.mark.parametrize(("live", "desired", "deaf"), SPEAKERS)
def test_speakers_that_do_not_hear_each_other_are_replaced_at_once(live: Object, desired: Object, deaf: bool) -> None:
    before = copy.deepcopy(desired)
    changed = _former.at_once(live, desired)
    assert desired == before
    assert (changed is not None) is deaf
    if changed:
        strategy = changed["spec"].pop("updateStrategy")
        assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}}
        assert changed == desired
