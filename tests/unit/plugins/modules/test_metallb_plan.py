# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import pathlib
import typing as t

import pytest
import yaml

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _apply, _objects, _release, _settings
from ansible_collections.kubeaddons.metallb.plugins.modules import metallb_plan
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import Server, fixture

Object = dict[str, t.Any]
WANTED = {"metallb_enabled": True, "metallb_ip_range": ["192.168.100.240-192.168.100.249"]}
MANIFEST = yaml.safe_dump_all(fixture("manifest")).encode()
NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "node1"},
    "spec": {"podCIDR": "10.233.64.0/24"},
    "status": {"addresses": [{"type": "InternalIP", "address": "192.168.100.11"}]},
}


def plan(server: Server, tmp_path: pathlib.Path, manifest: str = "manifest.yaml", **variables: t.Any) -> Object:
    (tmp_path / "manifest.yaml").write_bytes(MANIFEST)
    params = {
        "release": True,
        "manifest": str(tmp_path / manifest),
        "manifest_url": None,
        "manifest_sha256": hashlib.sha256(MANIFEST).hexdigest(),
    }
    outcome = _settings.normalise({**WANTED, **variables})
    assert outcome.errors == []
    return metallb_plan.plan(server.api, params, outcome)


def cluster(*objects: Object, without: t.Sequence[str] = ("metallb.io",)) -> Server:
    server = Server(*objects, without=without)
    server.put(NODE, "/api/v1/nodes/node1")
    return server


def test_the_outline_needs_no_cluster() -> None:
    off = metallb_plan.outline(_settings.normalise({"metallb_enabled": False, "metallb_namespace": "lb"}))
    assert off == {**metallb_plan.EMPTY, "namespace": "lb", "backend": "native"}
    wrong = metallb_plan.outline(_settings.normalise({**WANTED, "metallb_port": "x", "metallb_ip_rnage": 1}))
    assert len(wrong["errors"]) == len(wrong["warnings_found"]) == 1
    assert wrong.keys() == metallb_plan.EMPTY.keys()


def test_a_virgin_cluster_with_kube_proxy(tmp_path: pathlib.Path) -> None:
    server = cluster(*fixture("kube_proxy")[:2])
    found = plan(server, tmp_path, kube_proxy_strict_arp=True, metallb_loadbalancer_class="x")
    assert found.keys() == metallb_plan.EMPTY.keys()
    assert (found["errors"], found["warnings_found"], found["ready"]) == ([], [], False)
    assert found["nodes"] == {"node1": ["192.168.100.11"]}
    assert found["kube_proxy"] == {"present": True, "mode": "ipvs", "strict_arp": False, "needed": True, "due": True}
    assert "Deployment/metallb-system/controller" in found["release_due"]
    assert found["config_due"] == [
        "IPAddressPool/metallb-system/loadbalanced",
        "L2Advertisement/metallb-system/loadbalanced",
    ]
    assert [one["addresses"][0] for one in found["probes"]] == ["192.168.100.240"]
    assert found["loadbalancer_class"] == "x"
    assert server.writes == []


def test_nothing_is_due(tmp_path: pathlib.Path) -> None:
    outcome = _settings.normalise(WANTED)
    release = _release.release(_release.load(MANIFEST, "native"), outcome.settings)
    objects = [_apply.stamp(obj) for obj in [*release.present, *_objects.custom_resources(outcome.settings)]]
    found = plan(cluster(*objects, without=()), tmp_path)
    assert (found["release_due"], found["config_due"], found["probes"]) == ([], [], [])
    assert found["kube_proxy"] == {"present": False, "mode": "", "strict_arp": False, "needed": False, "due": False}


@pytest.mark.parametrize(
    ("variables", "error"),
    [
        ({"metallb_ip_range": ["192.168.100.10-192.168.100.20"]}, "192.168.100.11, the address of node node1"),
        ({"metallb_ip_range": ["10.233.64.0/28"]}, "10.233.64.0/24, the pod network of node node1"),
        (
            {
                "metallb_protocol": "bgp",
                "metallb_peers": [
                    {"peer_address": "192.0.2.1", "peer_asn": 64513, "my_asn": 64512, "password_secret": "tor"}
                ],
            },
            '"tor" is no Secret of the namespace metallb-system',
        ),
        ({"kube_proxy_strict_arp": False}, "kube_proxy_strict_arp: false lets every node answer ARP"),
    ],
)
def test_errors_against_the_cluster(tmp_path: pathlib.Path, variables: Object, error: str) -> None:
    found = plan(cluster(*fixture("kube_proxy")[:2]), tmp_path, **variables)
    assert len(found["errors"]) == 1
    assert error in found["errors"][0]


def test_a_manifest_that_cannot_be_used_is_an_error_of_the_plan(tmp_path: pathlib.Path) -> None:
    found = plan(cluster(), tmp_path, manifest="no.yaml")
    assert len(found["errors"]) == 1
    assert found["errors"][0].endswith("give the path of metallb-native.yaml.")


def test_a_config_map_of_another_kind_is_an_error_of_the_plan(tmp_path: pathlib.Path) -> None:
    proxy = fixture("kube_proxy")[0]
    found = plan(cluster({**proxy, "data": {"config.conf": "["}}), tmp_path)
    assert len(found["errors"]) == 1
    assert found["errors"][0].startswith("ConfigMap kube-system/kube-proxy has no readable config.conf")


def test_the_proof_alone_needs_no_manifest(tmp_path: pathlib.Path) -> None:
    params = {
        "release": False,
        "manifest": str(tmp_path / "missing.yaml"),
        "manifest_url": None,
        "manifest_sha256": None,
    }
    server = cluster(*fixture("kube_proxy")[:2])
    read: list[str] = []
    server.after_get = lambda _server, path: read.append(path)
    peer = {"peer_address": "192.0.2.1", "peer_asn": 64513, "my_asn": 64512, "password_secret": "tor"}
    wanted = {**WANTED, "metallb_protocol": "bgp", "metallb_peers": [peer]}
    found = metallb_plan.plan(server.api, params, _settings.normalise(wanted))
    assert (found["errors"], found["release_due"], found["probes"]) == ([], [], [])
    assert "/api/v1/nodes" in read
    assert not [path for path in read if "secrets" in path]
