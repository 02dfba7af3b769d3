# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""From what Kubespray's role, other releases and other backends have left to a release as it is meant to be."""

from __future__ import annotations

import copy
import functools
import json
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from integration.ansible_runs import Ansible
from integration.apiserver import Server, built, official, serving
from integration.helpers import Plain, direct
from kubernetes import config

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _apply,
    _install,
    _release,
    _resources,
    _settings,
)
from ansible_collections.kubeaddons.metallb.plugins.modules import metallb_release

NAMESPACE = "metallb-system"
WANTED = {"metallb_enabled": True, "metallb_ip_range": ["192.0.2.240-192.0.2.249"]}
SETTINGS = _settings.normalise(WANTED).settings
APPS = f"/apis/apps/v1/namespaces/{NAMESPACE}"
CORE = f"/api/v1/namespaces/{NAMESPACE}"
DEPLOYMENT, SPEAKER = APPS + "/deployments/controller", APPS + "/daemonsets/speaker"
HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/metallb-webhook-configuration"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
KUBECTL = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An API server of the test's own."""
    with serving(tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture
def plain(server: Server) -> Plain:
    """Its client."""
    return Plain(config.new_client_from_config(str(server.kubeconfig)))


def run(plain, monkeypatch, version="0.16.1", backend="native", check_mode=False, **options):
    """Run the module; what it returns."""
    normalise = _settings.normalise

    def with_backend(variables):
        outcome = normalise(variables)
        return outcome._replace(settings=outcome.settings._replace(backend=backend))

    with monkeypatch.context() as patch:
        patch.setattr(_settings, "normalise", with_backend)
        params = {
            "settings": {**WANTED, "metallb_version": version},
            **parameters(version, backend),
            "cleanup": True,
            "speakers": True,
            **options,
        }
        return metallb_release.apply(direct(plain.api), SimpleNamespace(params=params, check_mode=check_mode))


def parameters(version="0.16.1", backend="native"):
    """Where a manifest is found."""
    manifest = built("manifests", "--metallb", version) / _release.file_name(backend)
    return {"manifest": str(manifest), "manifest_url": None, "manifest_sha256": None}


def kubespray():
    """The objects of Kubespray's role: those of 0.13.9 with some changes, applied by kubectl."""
    objects = _release.load(official("0.13.9"), "native")
    for obj in objects:
        if obj["kind"] in _release.WORKLOADS:
            pod = obj["spec"]["template"]["spec"]
            (container,) = pod["containers"]
            if obj["kind"] == "Deployment":
                pod["priorityClassName"] = "system-cluster-critical"
            else:
                container["env"] = [one for one in container["env"] if one["name"] != "METALLB_ML_SECRET_KEY_PATH"]
                secret = {"secretKeyRef": {"name": "memberlist", "key": "secretkey"}}
                container["env"].append({"name": "METALLB_ML_SECRET_KEY", "valueFrom": secret})
                container.pop("volumeMounts")
                pod.pop("volumes")
        text = json.dumps(obj)
        obj["metadata"].setdefault("annotations", {})[KUBECTL] = text
    return objects


def create(plain, objects, manager):
    for obj in objects:
        at = _resources.path(obj).rpartition("/")[0]
        plain.create(f"{at}?fieldManager={manager}", copy.deepcopy(obj))
        while obj["kind"] == "CustomResourceDefinition" and not established(plain.get(_resources.path(obj))):
            pass


def established(definition):
    conditions = definition.get("status", {}).get("conditions") or []
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


def controller_writes(plain, hooks=HOOKS):
    """What MetalLB's controller does: its certificate authority goes into every webhook."""
    found = plain.get(hooks)["webhooks"]
    for hook in found:
        hook["clientConfig"]["caBundle"] = "Y2E="
    plain.send("PATCH", hooks + "?fieldManager=controller", {"webhooks": found}, "application/merge-patch+json")


def container(workload, name):
    (found,) = (one for one in workload["spec"]["template"]["spec"]["containers"] if one["name"] == name)
    return found


@functools.cache
def objects_of(version, backend):
    """The paths of the objects of a release."""
    return frozenset(_resources.path(obj) for obj in _release.load(official(version, backend), backend))


@functools.cache
def known():
    """The paths of all objects of all releases."""
    return frozenset().union(
        *(objects_of(version, backend) for version, sums in _release.SUMS.items() for backend in sums)
    )


def live(plain, candidates):
    found = {at: plain.get(at) for at in candidates}
    return {at for at, obj in found.items() if obj is not None and "deletionTimestamp" not in obj["metadata"]}


def await_removals(plain):
    """The server takes its time to remove a kind.

    Now and then it overlooks one, until all are looked at again, which is every five minutes, or until that one changes.
    """
    going = []
    for turn in range(1, 2000):
        listed = plain.get(CRDS)["items"]
        going = [one for one in listed if "deletionTimestamp" in one["metadata"]]
        if not going:
            return
        if turn % 50 == 0:
            for one in going:
                plain.patch(f"{CRDS}/{one['metadata']['name']}", {"metadata": {"annotations": {"turn": str(turn)}}})
        time.sleep(0.1)
    pytest.fail(f"still there: {[(one['metadata']['name'], one.get('status')) for one in going]}")


def test_kubesprays_metallb_is_taken_over_whole(plain, monkeypatch):
    create(plain, sorted(kubespray(), key=lambda obj: obj["kind"] != "Namespace"), "kubectl-client-side-apply")
    # What Kubespray's cluster has besides: hands, and MetalLB's own controller.
    label = {"metadata": {"labels": {"team": "network"}}}
    for at in (DEPLOYMENT, f"/api/v1/namespaces/{NAMESPACE}"):
        plain.send("PATCH", at + "?fieldManager=kubectl-label", label, "application/merge-patch+json")
    controller_writes(plain)
    plain.patch(CORE + "/secrets/webhook-server-cert", {"data": {"tls.crt": "Y3J0"}})
    before = live(plain, known())
    checked = run(plain, monkeypatch, check_mode=True)
    assert live(plain, known()) == before
    assert KUBECTL in plain.get(SPEAKER)["metadata"]["annotations"]

    done = run(plain, monkeypatch, cleanup=False)
    left = [
        f"Service/{NAMESPACE}/webhook-service",
        f"Secret/{NAMESPACE}/webhook-server-cert",
        "CustomResourceDefinition/addresspools.metallb.io",
    ]
    assert done["remaining"] == [f"DaemonSet/{NAMESPACE}/speaker", *left]
    assert live(plain, known()) == before | objects_of("0.16.1", "native")
    assert checked["objects"] == [*done["objects"], *left]
    # What check mode has shown is what has happened.
    shown = {entry["after_header"]: entry["after"] for entry in checked["diff"]}
    for entry in done["diff"]:
        if entry["after_header"].startswith("Service/"):
            continue  # the server chooses its address
        assert shown[entry["after_header"]] == entry["after"], entry["after_header"]

    deployment, speaker = plain.get(DEPLOYMENT), plain.get(SPEAKER)
    for workload, name in ((deployment, "controller"), (speaker, "speaker")):
        assert KUBECTL not in workload["metadata"]["annotations"]
        assert container(workload, name)["ports"][0]["containerPort"] == 9120
        assert "monitoring" not in json.dumps(container(workload, name))
        assert {entry["manager"] for entry in workload["metadata"]["managedFields"]} <= {
            _apply.MANAGER,
            "kubectl-label",
        }
    assert "METALLB_ML_SECRET_KEY" not in [one["name"] for one in container(speaker, "speaker")["env"]]
    assert "priorityClassName" not in deployment["spec"]["template"]["spec"]
    assert deployment["metadata"]["labels"]["team"] == "network"
    assert plain.get(f"/api/v1/namespaces/{NAMESPACE}")["metadata"]["labels"]["team"] == "network"
    # Those speakers do not hear each other.
    assert speaker["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] == "100%"
    hooks = plain.get(HOOKS)["webhooks"]
    assert "addresspoolvalidationwebhook.metallb.io" not in [hook["name"] for hook in hooks]
    assert {hook["clientConfig"]["service"]["name"] for hook in hooks} == {"metallb-webhook-service"}
    assert "Y2E=" in {hook["clientConfig"].get("caBundle") for hook in hooks}

    last = run(plain, monkeypatch)
    assert last["objects"] == [f"DaemonSet/{NAMESPACE}/speaker", *left]
    assert last["remaining"] == []
    assert live(plain, known()) == objects_of("0.16.1", "native")
    assert plain.get(SPEAKER)["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] == 1
    assert run(plain, monkeypatch)["objects"] == []


def test_what_kubespray_put_back_is_put_right(plain, monkeypatch):
    run(plain, monkeypatch)
    deployment, speaker = (obj for obj in kubespray() if obj["kind"] in _release.WORKLOADS)
    # kubectl apply leaves alone what it has not put there itself; where that ends in nonsense, --force makes it anew.
    manager = "kubectl-client-side-apply"
    patch = "application/strategic-merge-patch+json"
    plain.send("PATCH", f"{DEPLOYMENT}?fieldManager={manager}", deployment, patch)
    plain.delete(SPEAKER)
    create(plain, [speaker], manager)
    assert len(container(plain.get(DEPLOYMENT), "controller")["ports"]) == 3
    (warning,) = _install.plan(direct(plain.api), SETTINGS, parameters()).warnings
    assert warning.startswith("Kubespray's role has put MetalLB 0.13.9 back over this collection's; it becomes 0.16.1.")
    assert run(plain, monkeypatch)["objects"] == [
        f"Deployment/{NAMESPACE}/controller",
        f"DaemonSet/{NAMESPACE}/speaker",
    ]
    assert len(container(plain.get(DEPLOYMENT), "controller")["ports"]) == 2
    assert _install.plan(direct(plain.api), SETTINGS, parameters()).warnings == []
    assert run(plain, monkeypatch)["objects"] == [f"DaemonSet/{NAMESPACE}/speaker"]  # one after the other again
    assert run(plain, monkeypatch)["objects"] == []


def test_address_pools_are_named_and_nothing_is_changed(plain, monkeypatch):
    run(plain, monkeypatch, "0.13.12")
    spec = {"addresses": ["192.0.2.0/28"], "protocol": "layer2"}
    pool = {"apiVersion": "metallb.io/v1beta1", "kind": "AddressPool", "metadata": {"name": "old"}, "spec": spec}
    # Its webhook does not run here.
    plain.delete(HOOKS)
    plain.create(f"/apis/metallb.io/v1beta1/namespaces/{NAMESPACE}/addresspools", pool)
    before = live(plain, known())
    refused = run(plain, monkeypatch)
    assert refused["failed"]
    assert f"there is AddressPool/{NAMESPACE}/old; give their ranges in metallb_ip_range" in refused["msg"]
    assert live(plain, known()) == before
    plain.delete(f"/apis/metallb.io/v1beta1/namespaces/{NAMESPACE}/addresspools/old")
    assert not run(plain, monkeypatch).get("failed")
    assert live(plain, known()) == objects_of("0.16.1", "native")


CHAIN = [
    ("0.13.9", "frr"),
    ("0.13.12", "native"),
    ("0.14.5", "native"),  # the webhook of AddressPool goes
    ("0.14.9", "frr-k8s"),
    ("0.16.1", "frr-k8s"),
    ("0.16.1", "frr"),
    ("0.16.1", "native"),
    ("0.13.12", "frr"),
    ("0.16.2", "frr-k8s"),
    ("0.15.3", "native"),
]


def test_from_any_release_and_backend_to_any_other(plain, monkeypatch):
    """After each step the cluster has the objects of the release, and no others; the certificates stay."""
    frr_hooks = HOOKS.replace("metallb-webhook", "frr-k8s-validating-webhook")
    for version, backend in CHAIN:
        await_removals(plain)
        first = run(plain, monkeypatch, version, backend)
        assert not first.get("failed"), (version, backend, first)
        second = run(plain, monkeypatch, version, backend)
        assert second["objects"] == first["remaining"], (version, backend)
        assert live(plain, known()) == objects_of(version, backend), (version, backend)
        pod = plain.get(SPEAKER)["spec"]["template"]["spec"]
        assert ("frr" in [one["name"] for one in pod["containers"]]) is (backend == "frr")
        assert bool(pod.get("initContainers")) is (backend == "frr")
        assert bool(pod.get("shareProcessNamespace")) is (backend == "frr")
        controller_writes(plain)
        (hooks,) = (obj for obj in _release.load(official(version, backend), backend) if _resources.path(obj) == HOOKS)
        assert [hook["name"] for hook in plain.get(HOOKS)["webhooks"]] == [hook["name"] for hook in hooks["webhooks"]]
        if backend == "frr-k8s":
            controller_writes(plain, frr_hooks)
        assert run(plain, monkeypatch, version, backend)["objects"] == []
        assert {hook["clientConfig"]["caBundle"] for hook in plain.get(HOOKS)["webhooks"]} == {"Y2E="}


def test_speakers_can_wait_for_frr_k8s(plain, monkeypatch):
    """They are named, left as they are, and changed by another call; where they are not due there is nothing to name."""
    run(plain, monkeypatch)
    before, speakers = plain.get(SPEAKER), f"DaemonSet/{NAMESPACE}/speaker"
    first = run(plain, monkeypatch, backend="frr-k8s", speakers=False, cleanup=False)
    assert first["remaining"][0] == speakers
    assert speakers not in first["objects"]
    assert f"DaemonSet/{NAMESPACE}/frr-k8s-daemon" in first["objects"]
    assert plain.get(SPEAKER) == before
    second = run(plain, monkeypatch, backend="frr-k8s", cleanup=False)
    assert (second["objects"], second["remaining"]) == ([speakers], first["remaining"][1:])
    assert speakers not in run(plain, monkeypatch, backend="frr-k8s", speakers=False)["remaining"]


def test_configurations_of_others_keep_their_kind(plain, monkeypatch):
    run(plain, monkeypatch, backend="frr-k8s")
    # Its webhook does not run here.
    plain.delete(HOOKS.replace("metallb-webhook", "frr-k8s-validating-webhook"))
    configurations = _resources.FRR_CONFIGURATIONS.format(namespace=NAMESPACE)
    for name in ("metallb-node1", "mine"):
        body = {"apiVersion": "frrk8s.metallb.io/v1beta1", "kind": "FRRConfiguration", "metadata": {"name": name}}
        plain.create(configurations, body)
    run(plain, monkeypatch)
    assert plain.get(configurations + "/mine")
    kept = {at for at in objects_of("0.16.1", "frr-k8s") if at.endswith(".frrk8s.metallb.io")}
    assert live(plain, known()) == objects_of("0.16.1", "native") | kept
    assert run(plain, monkeypatch)["objects"] == []
    plain.delete(configurations + "/mine")
    run(plain, monkeypatch)
    assert live(plain, known()) == objects_of("0.16.1", "native")


def test_what_nobody_can_change_is_made_anew(plain, monkeypatch):
    run(plain, monkeypatch)
    for at, change in (
        (DEPLOYMENT, lambda obj: obj["spec"]["selector"]["matchLabels"].update(more="labels")),
        (SPEAKER, lambda obj: obj["spec"]["selector"]["matchLabels"].update(more="labels")),
        (
            f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/rolebindings/pod-lister",
            lambda obj: obj["roleRef"].update(name="other"),
        ),
    ):
        obj = plain.get(at)
        plain.delete(at)
        for field in ("uid", "resourceVersion", "managedFields", "annotations"):
            del obj["metadata"][field]
        change(obj)
        if "spec" in obj:
            obj["spec"]["template"]["metadata"]["labels"]["more"] = "labels"
        plain.create(at.rpartition("/")[0], obj)
    names = [
        f"RoleBinding/{NAMESPACE}/pod-lister",
        f"Deployment/{NAMESPACE}/controller",
        f"DaemonSet/{NAMESPACE}/speaker",
    ]
    checked = run(plain, monkeypatch, check_mode=True)
    done = run(plain, monkeypatch)
    assert sorted(set(checked["objects"])) == sorted(set(done["objects"])) == sorted(names)
    assert plain.get(DEPLOYMENT)["spec"]["selector"]["matchLabels"] == {"app": "metallb", "component": "controller"}
    assert run(plain, monkeypatch)["objects"] == []


def roll_out(plain):
    """What the cluster's controllers and MetalLB's do, as far as a plan looks at it."""
    replicas = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
    daemons = {"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": 1}
    daemons |= {"currentNumberScheduled": 1, "numberMisscheduled": 0, "numberReady": 1}
    for at, status in ((DEPLOYMENT, replicas), (SPEAKER, daemons)):
        generation = plain.get(at)["metadata"]["generation"]
        plain.patch(at + "/status", {"status": {**status, "observedGeneration": generation}})
    controller_writes(plain)
    label = {"kubernetes.io/service-name": "metallb-webhook-service"}
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "webhook", "labels": label},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["192.0.2.1"], "conditions": {"ready": True}}],
        "ports": [],
    }
    plain.create(f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices", endpoints)


def test_the_role_removes_what_is_left_once_the_release_runs(plain, server, monkeypatch, tmp_path):
    """The wait itself is none here: all is rolled out already."""
    run(plain, monkeypatch)
    roll_out(plain)
    old = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "webhook-service"}}
    plain.create(CORE + "/services", {**old, "spec": {"ports": [{"port": 443}]}})
    local = {"hosts": "localhost", "connection": "local", "gather_facts": False}
    plays = [
        {**local, "tasks": [{"name": "group", "ansible.builtin.group_by": {"key": "kube_control_plane"}}]},
        {**local, "roles": [{"role": "kubeaddons.metallb.metallb"}]},
    ]
    variables = {
        **WANTED,
        "metallb_kubeconfig": str(server.kubeconfig),
        "metallb_manifest": parameters()["manifest"],
        "metallb_probe_addresses": False,
    }
    ansible = Ansible(tmp_path, server.kubeconfig)
    name = f"Service/{NAMESPACE}/webhook-service"
    results = {one["task"].rpartition(" : ")[2]: one for one in ansible.playbook(plays, check=True, **variables)}
    assert results["Install the release"]["objects"] == [name]
    assert plain.get(CORE + "/services/webhook-service")
    results = {one["task"].rpartition(" : ")[2]: one for one in ansible.playbook(plays, **variables)}
    assert (results["Install the release"]["objects"], results["Install the release"]["remaining"]) == ([], [name])
    assert results["Remove what another release has left"]["objects"] == [name]
    assert plain.get(CORE + "/services/webhook-service") is None
    last = ansible.playbook(plays, **variables)
    assert not any(one["changed"] for one in last if one["task"] != "group")
