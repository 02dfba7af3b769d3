# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import pathlib
import typing as t

import pytest
import yaml

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _release, _resources
from ansible_collections.kubeaddons.metallb.plugins.module_utils._settings import Settings, normalise
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import fixture

Object = dict[str, t.Any]

DOCUMENTS = fixture("manifest")


def raw(backend: str) -> bytes:
    """Return a backend's manifest."""
    documents = copy.deepcopy(DOCUMENTS)
    if backend == "frr":
        pod = documents[1]["spec"]["template"]["spec"]
        pod["initContainers"] = [{"name": "cp-reloader", "image": "quay.io/metallb/speaker:v0.16.1"}]
        pod["containers"].insert(0, {"name": "frr", "image": "quay.io/frrouting/frr:10.5.3"})
    if backend == "frr-k8s":
        documents += fixture("manifest_frr_k8s")
    if backend != "native":
        for workload in documents[:2]:
            environment = [{"name": "METALLB_BGP_TYPE", "value": backend}]
            workload["spec"]["template"]["spec"]["containers"][-1]["env"] = environment
    return yaml.safe_dump_all(documents, width=1000).encode()


RAW = raw("native")
SUMS = pathlib.Path(__file__).parents[3] / "lab" / "metallb-manifests.sha256"


def settings(**variables: t.Any) -> Settings:
    outcome = normalise({"metallb_enabled": True, "metallb_ip_range": "192.0.2.0/28", **variables})
    assert outcome.errors == []
    return outcome.settings


def release(backend: str = "native", **variables: t.Any) -> _release.Release:
    wanted = settings(**variables)._replace(backend=backend)
    return _release.release(_release.load(raw(backend), backend), wanted)


def released(**variables: t.Any) -> dict[str, Object]:
    """Return what must be there, by kind."""
    return {obj["kind"]: obj for obj in release(**variables).present}


def container(obj: Object) -> Object:
    return t.cast(Object, obj["spec"]["template"]["spec"]["containers"][0])


def test_without_settings_everything_is_as_released_but_the_order_and_the_certificates() -> None:
    found = release()
    assert [obj["kind"] for obj in found.present[:2]] == ["Namespace", "CustomResourceDefinition"]
    assert found.absent == []
    expected = fixture("manifest")
    del expected[3]["spec"]["conversion"]["webhook"]["clientConfig"]["caBundle"]
    del expected[5]["webhooks"][0]["clientConfig"]["caBundle"]
    assert sorted(found.present, key=_resources.path) == sorted(expected, key=_resources.path)


def test_documents_are_not_changed() -> None:
    documents = _release.load(RAW, "native")
    before = copy.deepcopy(documents)
    _release.release(documents, settings(metallb_namespace="lb", metallb_port="7472", metallb_log_level="debug"))
    assert documents == before


def test_another_namespace_and_all_that_points_there() -> None:
    found = released(metallb_namespace="lb")
    assert found["Namespace"]["metadata"]["name"] == "lb"
    assert found["Deployment"]["metadata"]["namespace"] == found["DaemonSet"]["metadata"]["namespace"] == "lb"
    assert found["ClusterRoleBinding"]["subjects"] == [
        {"kind": "ServiceAccount", "name": "speaker", "namespace": "lb"},
        {"kind": "Group", "name": "operators", "apiGroup": "rbac.authorization.k8s.io"},
    ]
    conversion = found["CustomResourceDefinition"]["spec"]["conversion"]["webhook"]["clientConfig"]
    assert conversion == {"service": {"name": "metallb-webhook-service", "namespace": "lb", "path": "/convert"}}
    hook = found["ValidatingWebhookConfiguration"]["webhooks"][0]["clientConfig"]
    assert hook == {"service": {"name": "metallb-webhook-service", "namespace": "lb", "path": "/validate"}}
    # What does not lie in MetalLB's own namespace stays where it is.
    assert found["ConfigMap"]["metadata"]["namespace"] == "kube-system"


def test_without_a_speaker_it_must_not_be_there() -> None:
    found = release(metallb_speaker_enabled=False, metallb_namespace="lb")
    assert [_resources.reference(obj) for obj in found.absent] == ["DaemonSet/lb/speaker"]
    assert "DaemonSet" not in [obj["kind"] for obj in found.present]
    assert "Deployment" in [obj["kind"] for obj in found.present]


IMAGES: list[tuple[dict[str, str], str, str]] = [
    ({}, "quay.io/metallb/controller:v0.16.1", "quay.io/metallb/speaker:v0.16.1"),
    ({"metallb_image_tag": "v1"}, "quay.io/metallb/controller:v1", "quay.io/metallb/speaker:v1"),
    (
        {"metallb_controller_image_repo": "192.0.2.1:5000/c"},
        "192.0.2.1:5000/c:v0.16.1",
        "quay.io/metallb/speaker:v0.16.1",
    ),
    (
        {"quay_image_repo": "192.0.2.1:5000", "metallb_speaker_image_repo": "192.0.2.1:5000/s"},
        "192.0.2.1:5000/metallb/controller:v0.16.1",
        "192.0.2.1:5000/s:v0.16.1",
    ),
]


@pytest.mark.parametrize(("variables", "controller", "speaker"), IMAGES)
def test_images(variables: dict[str, str], controller: str, speaker: str) -> None:
    found = released(**variables)
    assert container(found["Deployment"])["image"] == controller
    assert container(found["DaemonSet"])["image"] == speaker


ARGUMENTS: list[tuple[dict[str, t.Any], list[str]]] = [
    ({"metallb_log_level": "debug"}, ["--port=9120", "--log-level=debug"]),
    ({"metallb_loadbalancer_class": "l2"}, ["--port=9120", "--log-level=info", "--lb-class=l2"]),
    ({"metallb_port": 7472}, ["--port=7472", "--log-level=info"]),
]


@pytest.mark.parametrize(("variables", "arguments"), ARGUMENTS)
def test_arguments_of_both(variables: dict[str, t.Any], arguments: list[str]) -> None:
    found = released(**variables)
    assert container(found["Deployment"])["args"] == container(found["DaemonSet"])["args"] == arguments


def test_the_port_of_the_metrics_everywhere_it_stands_and_nowhere_else() -> None:
    for obj in (released(metallb_port="7472")[kind] for kind in ("Deployment", "DaemonSet")):
        assert container(obj)["ports"][0] == {"name": "metricshttps", "containerPort": 7472}
        assert container(obj)["ports"][1]["containerPort"] in (9443, 7946)
        assert obj["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"] == "7472"
    assert container(released(metallb_port="7472")["Deployment"])["readinessProbe"]["httpGet"]["port"] == 17472


def test_a_manifest_without_the_argument_cannot_have_another_port() -> None:
    documents = _release.load(RAW.replace(b"--port=9120", b"--metrics=9120"), "native")
    with pytest.raises(_release.BadManifest, match="the container controller has no --port argument to change"):
        _release.release(documents, settings(metallb_port="7472"))


def test_limits_selectors_and_tolerations() -> None:
    taint = {"key": "edge", "operator": "Exists", "effect": "NoSchedule"}
    own = {"effect": "NoSchedule", "key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}
    found = released(
        metallb_limits_cpu="100m",
        metallb_limits_mem="100Mi",
        metallb_speaker_nodeselector={"edge": "true"},
        metallb_speaker_tolerations=[taint, own],
    )
    speaker, controller = (found[kind]["spec"]["template"]["spec"] for kind in ("DaemonSet", "Deployment"))
    for pod in (speaker, controller):
        assert pod["containers"][0]["resources"] == {"limits": {"cpu": "100m", "memory": "100Mi"}}
    assert speaker["nodeSelector"] == {"kubernetes.io/os": "linux", "edge": "true"}
    assert speaker["tolerations"] == [taint, own]  # the manifest's own one counts once
    assert controller["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert "tolerations" not in controller


NOT_METALLB: list[tuple[bytes, str]] = [
    (b"{", "the manifest is not YAML"),
    (b"", "holds no Deployment"),
    (b"<html>Sign in</html>", "holds no Deployment"),
    (b"- a\n---\ntext\n", "holds no Deployment"),
    (RAW.replace(b"kind: DaemonSet", b"kind: StatefulSet"), "use metallb-native.yaml"),
    (RAW.replace(b"kind: ConfigMap", b"kind: PodMonitor"), "of kind PodMonitor, which .* use metallb-native.yaml"),
    (raw("frr-k8s"), "that of the BGP backend frr-k8s, and native is wanted; use metallb-native.yaml"),
]


@pytest.mark.parametrize(("data", "reason"), NOT_METALLB)
def test_what_is_not_metallbs_manifest(data: bytes, reason: str) -> None:
    with pytest.raises(_release.BadManifest, match=reason):
        _release.load(data, "native")


def test_sums_agree_with_those_of_the_lab() -> None:
    lines = [line.split() for line in SUMS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    recorded = {(version, file): checksum for version, checksum, file in lines if "prometheus" not in file}
    assert recorded
    assert recorded == {
        (version, _release.file_name(backend)): checksum
        for version, sums in _release.SUMS.items()
        for backend, checksum in sums.items()
    }


def pod(found: _release.Release, name: str) -> Object:
    (workload,) = (
        obj for obj in found.present if obj["kind"] in _release.WORKLOADS and obj["metadata"]["name"] == name
    )
    return t.cast(Object, workload["spec"]["template"]["spec"])


def images(found: _release.Release, name: str) -> dict[str, str]:
    own = pod(found, name)
    return {one["name"]: one["image"] for one in [*own.get("initContainers", []), *own["containers"]]}


def test_frr_comes_with_the_speaker_and_takes_none_of_its_settings() -> None:
    found = release(
        "frr",
        metallb_image_tag="v1",
        metallb_speaker_image_repo="192.0.2.1:5000/s",
        quay_image_repo="192.0.2.2",
        metallb_loadbalancer_class="l2",
        metallb_limits_cpu="100m",
        metallb_port=7472,
    )
    assert images(found, "speaker") == {
        "cp-reloader": "192.0.2.1:5000/s:v1",
        "frr": "192.0.2.2/frrouting/frr:10.5.3",
        "speaker": "192.0.2.1:5000/s:v1",
    }
    frr, speaker = pod(found, "speaker")["containers"]
    assert speaker["args"] == ["--port=7472", "--log-level=info", "--lb-class=l2"]
    assert speaker["resources"] == {"limits": {"cpu": "100m"}}
    assert frr.keys() == {"name", "image"}


def test_frr_k8s_runs_where_metallb_runs_and_keeps_its_own_ports_and_limits() -> None:
    taint = {"key": "edge", "operator": "Exists", "effect": "NoSchedule"}
    infra = {"key": "infra", "operator": "Exists"}
    found = release(
        "frr-k8s",
        metallb_image_tag="v1",
        metallb_log_level="debug",
        metallb_loadbalancer_class="l2",
        metallb_limits_cpu="100m",
        metallb_port=7472,
        metallb_speaker_nodeselector={"edge": "true"},
        metallb_speaker_tolerations=[taint],
        metallb_controller_tolerations=[infra],
    )
    daemon, cleaner = pod(found, "frr-k8s-daemon"), pod(found, "frr-k8s-statuscleaner")
    assert daemon["nodeSelector"] == {"edge": "true"}
    assert daemon["tolerations"][1:] == [taint]
    assert cleaner["tolerations"] == [infra]
    assert "nodeSelector" not in cleaner
    controller, frr, proxy = daemon["containers"]
    assert controller["args"] == ["--metrics-bind-address=0.0.0.0:9140", "--log-level=debug"]
    assert (
        controller["resources"]
        == cleaner["containers"][0]["resources"]
        == {"limits": {"cpu": "500m", "memory": "128Mi"}}
    )
    assert controller["ports"] == [{"name": "metricshttps", "containerPort": 9140}]
    assert cleaner["containers"][0]["args"] == ["--namespace=$(NAMESPACE)", "--log-level=debug"]
    assert "args" not in frr
    assert proxy["args"] == ["--secure-listen-address=0.0.0.0:9140"]
    assert images(found, "frr-k8s-daemon")["controller"] == "quay.io/metallb/frr-k8s:v0.0.25"  # its version is its own


def test_mirrors_of_registries() -> None:
    found = release("frr-k8s", quay_image_repo="192.0.2.1:5000/quay", gcr_image_repo="192.0.2.1:5000/gcr")
    assert images(found, "frr-k8s-daemon") == {
        "cp-frr-files": "192.0.2.1:5000/quay/frrouting/frr:10.4.3",
        "cp-reloader": "192.0.2.1:5000/quay/metallb/frr-k8s:v0.0.25",
        "controller": "192.0.2.1:5000/quay/metallb/frr-k8s:v0.0.25",
        "frr": "192.0.2.1:5000/quay/frrouting/frr:10.4.3",
        "kube-rbac-proxy": "192.0.2.1:5000/gcr/kubebuilder/kube-rbac-proxy:v0.13.1",
    }


def test_without_a_speaker_frr_k8s_has_no_daemon_either() -> None:
    found = release("frr-k8s", metallb_speaker_enabled=False)
    assert [obj["metadata"]["name"] for obj in found.absent] == ["speaker", "frr-k8s-daemon"]
