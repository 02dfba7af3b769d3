# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import hashlib
import pathlib
import typing as t

import pytest
import yaml

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _apply, _install, _release, _settings
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import Server, fixture

Object = dict[str, t.Any]
MANIFEST = yaml.safe_dump_all(fixture("manifest")).encode()
SETTINGS = _settings.normalise({"metallb_enabled": True, "metallb_ip_range": "192.0.2.0/28"}).settings
POOLS = "/apis/metallb.io/v1beta1/namespaces/metallb-system/addresspools/"
CONFIGURATIONS = "/apis/frrk8s.metallb.io/v1beta1/namespaces/metallb-system/frrconfigurations/"


@pytest.fixture
def plan(tmp_path: pathlib.Path) -> t.Callable[[Server], _install.Plan]:
    def run(server: Server) -> _install.Plan:
        (tmp_path / "manifest.yaml").write_bytes(MANIFEST)
        checksum = hashlib.sha256(MANIFEST).hexdigest()
        params = {"manifest": str(tmp_path / "manifest.yaml"), "manifest_url": None, "manifest_sha256": checksum}
        return _install.plan(server.api, SETTINGS, params)

    return run


Plan = t.Callable[[Server], _install.Plan]


def installed(*more: Object) -> Server:
    """A cluster that has the release."""
    present = _release.release(_release.load(MANIFEST, "native"), SETTINGS).present
    return Server(*(_apply.stamp(obj) for obj in present), *more)


def crd(name: str, **meta: str) -> Object:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name, **meta},
    }


def at(server: Server, kind: str, name: str) -> Object:
    return next(obj for obj in server.objects.values() if obj.get("kind") == kind and obj["metadata"]["name"] == name)


def names(changes: t.Sequence[_apply.Change]) -> list[str]:
    return [change.name for change in changes]


def test_a_virgin_cluster(plan: Plan) -> None:
    found = plan(Server(without=["metallb.io", "frrk8s.metallb.io"]))
    assert len(found.changes) == len(fixture("manifest"))
    assert found._replace(changes=[]) == _install.EMPTY


def test_nothing_is_due(plan: Plan) -> None:
    assert plan(installed()) == _install.EMPTY


def test_what_is_left_behind_goes_later(plan: Plan) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "webhook-service", "namespace": "metallb-system"},
    }
    going = crd("servicel2statuses.metallb.io", deletionTimestamp="now")
    server = installed(service, crd("addresspools.metallb.io"), going)
    found = plan(server)
    assert names(found.later) == [
        "Service/metallb-system/webhook-service",
        "CustomResourceDefinition/addresspools.metallb.io",
    ]
    assert found._replace(later=[]) == _install.EMPTY
    server.put({"metadata": {"name": "old", "namespace": "metallb-system"}}, POOLS + "old")
    found = plan(server)
    assert "there is AddressPool/metallb-system/old;" in found.errors[0]


def test_configurations_are_looked_at_where_frr_k8s_goes(plan: Plan) -> None:
    server = installed(crd("frrconfigurations.frrk8s.metallb.io"))
    server.put({"metadata": {"name": "metallb-node1", "namespace": "metallb-system"}}, CONFIGURATIONS + "metallb-node1")
    assert names(plan(server).later) == ["CustomResourceDefinition/frrconfigurations.frrk8s.metallb.io"]
    server.put({"metadata": {"name": "mine", "namespace": "metallb-system"}}, CONFIGURATIONS + "mine")
    found = plan(server)
    assert found.later == []
    assert found.warnings[0].startswith("FRRConfiguration/metallb-system/mine of other making stays")


def test_a_speaker_that_the_new_one_could_not_hear(plan: Plan) -> None:
    server = installed()
    container = at(server, "DaemonSet", "speaker")["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "quay.io/metallb/speaker:v0.13.9"
    container["env"] = [{"name": "METALLB_ML_SECRET_KEY_PATH"}]
    found = plan(server)
    (change,) = found.changes
    assert change.desired
    assert change.desired["spec"]["updateStrategy"]["rollingUpdate"] == {"maxUnavailable": "100%"}
    assert found.passing == ["DaemonSet/metallb-system/speaker"]
    # After that it is as it shall be, but for the strategy.
    server.put(change.desired)
    found = plan(server)
    (change,) = found.changes
    assert change.desired
    assert "updateStrategy" not in change.desired["spec"]
    assert found.passing == []


def test_what_nobody_can_change_is_made_anew(plan: Plan) -> None:
    server = installed()
    at(server, "Deployment", "controller")["spec"]["selector"]["matchLabels"] = {"k8s-app": "controller"}
    at(server, "ClusterRoleBinding", "metallb-system:speaker")["roleRef"]["name"] = "other"
    changes = plan(server).changes
    assert [(change.name, change.desired is None, change.waits) for change in changes] == [
        (name, *part)
        for name in ("Deployment/metallb-system/controller", "ClusterRoleBinding/metallb-system:speaker")
        for part in ((True, False), (False, True))
    ]


def test_fields_of_others_are_taken_over_but_not_those_of_the_namespace(plan: Plan) -> None:
    server = installed()
    entry = {"manager": "kubectl-client-side-apply", "operation": "Update", "fieldsV1": {"f:metadata": {}}}
    for obj in server.objects.values():
        obj["metadata"]["managedFields"] = [copy.deepcopy(entry)]
    changes = plan(server).changes
    assert all(change.adopted for change in changes)
    assert len(changes) == len(server.objects) - 1
    assert "Namespace/metallb-system" not in names(changes)


def test_what_is_being_deleted_is_not_built_upon(plan: Plan) -> None:
    server = installed()
    at(server, "Namespace", "metallb-system")["metadata"]["deletionTimestamp"] = "2026-11-23T20:00:00Z"
    assert plan(server).errors == [
        "Namespace/metallb-system is being deleted; wait until it is gone, and run this again."
    ]


def test_a_metallb_that_is_there_already(plan: Plan) -> None:
    server = installed()
    at(server, "Deployment", "controller")["metadata"]["labels"].pop("app.kubernetes.io/managed-by")
    assert plan(server).warnings == [
        "MetalLB 0.16.1 was installed by other means (kubectl or the like); it becomes 0.16.1."
    ]
    other = copy.deepcopy(fixture("manifest")[0])
    other["metadata"]["namespace"] = "lb"
    server.put(other)
    assert 'besides the one in namespace "lb"' in plan(server).errors[0]
