# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The manifests that MetalLB released: every supported version takes our settings."""

from __future__ import annotations

import pytest
import yaml
from integration.apiserver import official

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _release, _resources
from ansible_collections.kubeaddons.metallb.plugins.module_utils._settings import normalise

SETTINGS = {
    "metallb_enabled": True,
    "metallb_ip_range": ["192.0.2.0/28"],
    "metallb_namespace": "lb",
    "metallb_port": "7500",
    "metallb_log_level": "debug",
    "metallb_loadbalancer_class": "l2",
    "metallb_speaker_enabled": False,
}


@pytest.mark.parametrize("version", list(_release.SUMS))
def test_settings_reach_every_release(version: str) -> None:
    """Another namespace, port, log level and class; no speaker."""
    data = official(version)
    _release.check_sum(data, _release.SUMS[version], "the official manifest")
    documents = _release.load(data)
    wanted = normalise({**SETTINGS, "metallb_version": version})
    assert wanted.errors == []
    found = _release.release(documents, wanted.settings)
    assert len(found.present) + len(found.absent) == len(documents)
    for obj in [*found.present, *found.absent]:
        assert _resources.path(obj).startswith("/api")
        assert obj["metadata"].get("namespace", "lb") == "lb"
    assert "namespace: metallb-system" not in yaml.safe_dump_all(found.present)
    (speaker,) = found.absent
    assert speaker["kind"] == "DaemonSet"
    arguments = speaker["spec"]["template"]["spec"]["containers"][0]["args"]
    assert [word for word in arguments if word.startswith(("--port", "--log", "--lb"))] == [
        "--port=7500",
        "--log-level=debug",
        "--lb-class=l2",
    ]
