# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The manifests that MetalLB released: every supported version takes our settings."""

from __future__ import annotations

import pytest
import yaml
from integration.apiserver import official

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _former, _release, _resources
from ansible_collections.kubeaddons.metallb.plugins.module_utils._settings import normalise

SETTINGS = {
    "metallb_enabled": True,
    "metallb_ip_range": ["192.0.2.0/28"],
    "metallb_namespace": "lb",
    "metallb_port": "7500",
    "metallb_log_level": "debug",
    "metallb_loadbalancer_class": "l2",
    "metallb_speaker_enabled": False,
    "metallb_speaker_nodeselector": {"edge": "true"},
    "metallb_image_tag": "own",
    "quay_image_repo": "192.0.2.1/quay",
    "gcr_image_repo": "192.0.2.1/gcr",
}
MANIFESTS = [(version, backend) for version, sums in _release.SUMS.items() for backend in sums]


@pytest.mark.parametrize(("version", "backend"), MANIFESTS)
def test_settings_reach_every_release(version: str, backend: str) -> None:
    """Another namespace, port, log level and class; no speaker; images from elsewhere."""
    data = official(version, backend)
    _release.check_sum(data, _release.SUMS[version][backend], "the official manifest")
    documents = _release.load(data, backend)
    wanted = normalise({**SETTINGS, "metallb_version": version})
    assert wanted.errors == []
    found = _release.release(documents, wanted.settings._replace(backend=backend))
    assert len(found.present) + len(found.absent) == len(documents)
    for obj in [*found.present, *found.absent]:
        assert _resources.path(obj).startswith("/api")
        assert obj["metadata"].get("namespace", "lb") == "lb"
    assert "namespace: metallb-system" not in yaml.safe_dump_all(found.present)
    assert {obj["kind"] for obj in found.absent} == {"DaemonSet"}
    daemons = {"speaker", "frr-k8s-daemon"} if backend == "frr-k8s" else {"speaker"}
    assert {obj["metadata"]["name"] for obj in found.absent} == daemons
    pods = {
        obj["metadata"]["name"]: obj["spec"]["template"]["spec"]
        for obj in [*found.present, *found.absent]
        if obj["kind"] in _release.WORKLOADS
    }
    for name in ("controller", "speaker"):
        (container,) = (one for one in pods[name]["containers"] if one["name"] == name)
        assert container["image"] == f"192.0.2.1/quay/metallb/{name}:own"
        assert [word for word in container["args"] if word.startswith(("--port", "--log", "--lb"))] == [
            "--port=7500",
            "--log-level=debug",
            "--lb-class=l2",
        ]
    for name, pod in pods.items():
        text = yaml.safe_dump(pod)
        assert ("edge: " in text) is (name in ("speaker", "frr-k8s-daemon"))
        assert "--log-level=info" not in text
        assert text.count("--lb-class") == (name in ("controller", "speaker"))
        images = [one["image"] for one in [*pod["containers"], *pod.get("initContainers", [])]]
        assert all(image.startswith("192.0.2.1/") for image in images), images


def test_whatever_a_release_does_not_have_is_known_as_left_behind() -> None:
    """From any release and backend to any other, only what all of them have may stay."""
    objects = {one: _release.load(official(*one), one[1]) for one in MANIFESTS}
    paths = {one: {_resources.path(obj) for obj in found} for one, found in objects.items()}
    for one, found in objects.items():
        left = {_resources.path(obj) for obj in _former.candidates("metallb-system", found)}
        assert not left & paths[one]
        for other in MANIFESTS:
            assert paths[other] - paths[one] <= left, (other, one)
