# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The fixtures do what the other tests believe, shown with modules that are not ours."""

from __future__ import annotations

import pytest
from integration.helpers import four_runs
from kubernetes import client


def config_map(namespace, value):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "example", "namespace": namespace},
        "data": {"key": value},
    }


def test_module_converges(ansible, api, namespace):
    checked, created, *_same = four_runs(ansible, "kubernetes.core.k8s", definition=config_map(namespace, "one"))
    assert checked["result"]["data"] == created["result"]["data"] == {"key": "one"}
    assert client.CoreV1Api(api).read_namespaced_config_map("example", namespace).data == {"key": "one"}


def test_check_mode_changes_nothing(ansible, api, namespace):
    result = ansible.module("kubernetes.core.k8s", check=True, definition=config_map(namespace, "one"))
    assert result["changed"] is True
    assert client.CoreV1Api(api).list_namespaced_config_map(namespace).items == []


def test_four_runs_notice_a_module_that_always_changes(ansible):
    with pytest.raises(AssertionError, match="run 3 of ansible.builtin.command"):
        four_runs(ansible, "ansible.builtin.command", argv=["true"], creates="/no/such/file")


def test_failure_is_a_result(ansible):
    result = ansible.module("ansible.builtin.fail", msg="as told")
    assert result["failed"]
    assert result["msg"] == "as told"


def test_metallb_kinds_are_served(dynamic_api, metallb_crds, namespace):
    assert "ipaddresspools.metallb.io" in metallb_crds
    pools = dynamic_api.resources.get(api_version="metallb.io/v1beta1", kind="IPAddressPool")
    pool = {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": {"name": "pool"},
        "spec": {"addresses": ["192.0.2.0/28"]},
    }
    assert pools.create(body=pool, namespace=namespace).spec.addresses == ["192.0.2.0/28"]
