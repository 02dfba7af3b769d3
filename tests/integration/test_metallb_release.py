# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""A release is installed, changed and upgraded on an API server of its own, which begins without MetalLB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from integration.apiserver import built, official, serving
from integration.helpers import PREFIX, Plain, direct, four_runs, sequence
from kubernetes import client, config

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _converge, _release
from ansible_collections.kubeaddons.metallb.plugins.module_utils._kubernetes import Api
from ansible_collections.kubeaddons.metallb.plugins.module_utils._settings import normalise
from ansible_collections.kubeaddons.metallb.plugins.module_utils._wait import Waiter
from ansible_collections.kubeaddons.metallb.plugins.modules import metallb_release

NAMESPACE = "/api/v1/namespaces/metallb-system"
DEPLOYMENT = "/apis/apps/v1/namespaces/metallb-system/deployments/controller"
SPEAKER = "/apis/apps/v1/namespaces/metallb-system/daemonsets/speaker"
HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/metallb-webhook-configuration"
SECRET = NAMESPACE + "/secrets/metallb-webhook-cert"
KINDS = (
    "/api/v1/namespaces",
    "/api/v1/serviceaccounts",
    "/api/v1/services",
    "/api/v1/secrets",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/daemonsets",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
)
WANTED = {"metallb_enabled": True, "metallb_ip_range": ["192.0.2.240-192.0.2.249"]}


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """That of an API server of this module's own."""
    with serving(tmp_path_factory.mktemp("virgin")) as server:
        yield server.kubeconfig


@pytest.fixture(scope="module")
def api(kubeconfig: Path) -> client.ApiClient:
    return config.new_client_from_config(str(kubeconfig))


@pytest.fixture
def plain(api: client.ApiClient) -> Plain:
    return Plain(api)


@pytest.fixture(scope="module")
def manifest() -> str:
    return str(next(built("manifests").glob("**/metallb-native.yaml")))


def test_virgin_cluster_in_check_mode(ansible, plain, manifest):
    before = plain.versions(*KINDS)
    release, pools = sequence(
        ansible,
        {PREFIX + "metallb_release": {"settings": WANTED, "manifest": manifest}, "check_mode": True},
        {PREFIX + "metallb_config": {"settings": WANTED, "timeout": 0}, "check_mode": True},
    )
    assert release["changed"]
    assert "Deployment/metallb-system/controller" in release["objects"]
    assert {entry["after_header"] for entry in release["diff"]} == set(release["objects"])
    assert pools["objects"] == [
        "IPAddressPool/metallb-system/loadbalanced",
        "L2Advertisement/metallb-system/loadbalanced",
    ]
    assert plain.versions(*KINDS) == before


def test_check_do_check_do(ansible, plain, manifest):
    checked, done, *_same = four_runs(ansible, "metallb_release", settings=WANTED, manifest=manifest)
    assert checked["objects"] == done["objects"]
    assert done["version"] == "0.16.1"
    assert plain.get(DEPLOYMENT)["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "kubeaddons.metallb"
    assert len(done["objects"]) == sum(1 for one in _release.load(Path(manifest).read_bytes(), "native"))


@pytest.fixture
def edge(api: client.ApiClient) -> Api:
    """The collection's own way to the API, for runs without Ansible around them."""
    return direct(api)


def apply(edge, manifest, check_mode=False, **changed):
    """Run the module; returns the objects that it changed."""
    settings = {**WANTED, **changed}
    params = {
        "settings": settings,
        "manifest": manifest,
        "manifest_url": None,
        "manifest_sha256": None,
        "cleanup": True,
        "speakers": True,
    }
    results = metallb_release.apply(edge, SimpleNamespace(params=params, check_mode=check_mode))
    assert not results.get("failed"), results
    assert results["changed"] is bool(results["objects"])
    return results["objects"]


WORKLOADS = ["Deployment/metallb-system/controller", "DaemonSet/metallb-system/speaker"]


def container(workload):
    return workload["spec"]["template"]["spec"]["containers"][0]


def test_nothing_is_written_when_nothing_is_due(ansible, plain, manifest):
    before = plain.versions(*KINDS)
    plan = ansible.module(PREFIX + "metallb_plan", settings=WANTED, manifest=manifest)
    assert (plan["errors"], plan["release_due"], plan["ready"]) == ([], [], False)
    assert plan["config_due"] == [
        "IPAddressPool/metallb-system/loadbalanced",
        "L2Advertisement/metallb-system/loadbalanced",
    ]
    assert plain.versions(*KINDS) == before


def test_a_setting_that_goes_away_is_removed(edge, plain, manifest):
    # The server writes these quantities in another way, which must not look like a change.
    limits = {"metallb_limits_cpu": "0.1", "metallb_limits_mem": "1024Mi", "metallb_log_level": "debug"}
    assert apply(edge, manifest, **limits) == WORKLOADS
    assert container(plain.get(DEPLOYMENT))["resources"] == {"limits": {"cpu": "100m", "memory": "1Gi"}}
    before = plain.versions(*KINDS)
    assert apply(edge, manifest, **limits) == []
    assert apply(edge, manifest, check_mode=True) == WORKLOADS
    assert plain.versions(*KINDS) == before
    assert apply(edge, manifest) == WORKLOADS
    assert container(plain.get(DEPLOYMENT))["resources"] == {}
    assert "--log-level=info" in container(plain.get(SPEAKER))["args"]


def test_what_others_added_stays(edge, plain, manifest):
    template = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-23T20:00:00Z"}}}
    plain.patch(DEPLOYMENT, {"metadata": {"labels": {"team": "network"}}, "spec": {"template": template}})
    assert apply(edge, manifest) == []
    assert plain.get(DEPLOYMENT)["metadata"]["labels"]["team"] == "network"


def test_what_others_changed_is_put_right(edge, plain, manifest):
    plain.patch(SPEAKER, {"spec": {"template": {"spec": {"hostNetwork": False}}}})
    assert apply(edge, manifest) == ["DaemonSet/metallb-system/speaker"]
    assert plain.get(SPEAKER)["spec"]["template"]["spec"]["hostNetwork"] is True


def test_the_controllers_certificates_stay(edge, plain, manifest):
    """The controller writes its certificate authority into objects of the release; applying again must not undo it."""
    hooks = plain.get(HOOKS)["webhooks"]
    for hook in hooks:
        hook["clientConfig"]["caBundle"] = "Y2E="
    plain.patch(HOOKS, {"webhooks": hooks})
    plain.patch(SECRET, {"data": {"tls.crt": "Y3J0"}})
    assert apply(edge, manifest) == []
    assert "Deployment/metallb-system/controller" in apply(edge, manifest, metallb_log_level="debug")
    assert {hook["clientConfig"]["caBundle"] for hook in plain.get(HOOKS)["webhooks"]} == {"Y2E="}
    assert plain.get(SECRET)["data"] == {"tls.crt": "Y3J0"}
    assert apply(edge, manifest) == WORKLOADS


def test_without_a_speaker_the_daemon_set_goes(edge, plain, manifest):
    gone = ["DaemonSet/metallb-system/speaker"]
    assert apply(edge, manifest, check_mode=True, metallb_speaker_enabled=False) == gone
    assert plain.get(SPEAKER)
    assert apply(edge, manifest, metallb_speaker_enabled=False) == gone
    assert plain.get(SPEAKER) is None
    assert plain.get(DEPLOYMENT)
    assert apply(edge, manifest, metallb_speaker_enabled=False) == []


def test_errors_are_sentences_and_change_nothing(ansible, plain, manifest, tmp_path):
    before = plain.versions(*KINDS)
    other = tmp_path / "other.yaml"
    other.write_text("kind: Namespace\n")
    wrong, broken = sequence(
        ansible,
        {PREFIX + "metallb_release": {"settings": WANTED, "manifest": str(other)}},
        {PREFIX + "metallb_release": {"settings": {**WANTED, "metallb_version": "0.16.0"}, "manifest": manifest}},
    )
    assert wrong["failed"]
    assert "has the sha256" in wrong["msg"]
    assert broken["failed"]
    assert 'metallb_version: "0.16.0" is refused' in broken["msg"]
    assert wrong["objects"] == broken["objects"] == []
    assert plain.versions(*KINDS) == before


@pytest.mark.parametrize("version", ["0.13.9", "0.14.9", "0.15.3", "0.16.1", "0.16.2"])
def test_every_release_is_applied_once(edge, version):
    """One upgrade after the other; after each of them nothing is due."""
    settings = normalise({**WANTED, "metallb_version": version}).settings
    release = _release.release(_release.load(official(version), "native"), settings)
    changes = _converge.plan(edge, release.present, release.absent)
    assert _converge.converge(edge, changes, False, Waiter(0)).names
    assert [change.name for change in _converge.plan(edge, release.present, release.absent)] == []
