# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _resources


def thing(api_version: str, kind: str, name: str, namespace: str = "") -> dict[str, object]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}


RBAC = "rbac.authorization.k8s.io/v1"
CASES: list[tuple[dict[str, object], str, str]] = [
    (thing("v1", "Namespace", "n"), "/api/v1/namespaces/n", "Namespace/n"),
    (thing("v1", "Service", "s", "n"), "/api/v1/namespaces/n/services/s", "Service/n/s"),
    (thing("apps/v1", "DaemonSet", "d", "n"), "/apis/apps/v1/namespaces/n/daemonsets/d", "DaemonSet/n/d"),
    # A namespace on an object of the cluster's is not part of its path.
    (thing(RBAC, "ClusterRole", "c", "n"), "/apis/" + RBAC + "/clusterroles/c", "ClusterRole/n/c"),
    (
        thing("metallb.io/v1beta1", "IPAddressPool", "p", "n"),
        _resources.POOLS.format(namespace="n") + "/p",
        "IPAddressPool/n/p",
    ),
    (
        thing("metallb.io/v1beta1", "L2Advertisement", "a", "n"),
        _resources.L2_ADVERTISEMENTS.format(namespace="n") + "/a",
        "L2Advertisement/n/a",
    ),
    (
        thing("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "metallb-webhook-configuration"),
        _resources.WEBHOOKS,
        "ValidatingWebhookConfiguration/metallb-webhook-configuration",
    ),
]


@pytest.mark.parametrize(("obj", "path", "reference"), CASES)
def test_paths_and_references(obj: dict[str, object], path: str, reference: str) -> None:
    assert _resources.path(obj) == path
    assert _resources.reference(obj) == reference


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(_resources.UnknownKind, match="objects of kind Ingress \\(networking.k8s.io/v1\\) are not"):
        _resources.path(thing("networking.k8s.io/v1", "Ingress", "i", "n"))
