# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _takeover
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import Clock, Server

Object = dict[str, t.Any]
NAMESPACE = "metallb-system"
POOL: Object = {
    "apiVersion": "metallb.io/v1beta1",
    "kind": "IPAddressPool",
    "metadata": {"name": "a", "namespace": NAMESPACE},
    "spec": {"addresses": ["192.0.2.0/28"]},
}
CONTROLLER: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "controller",
        "namespace": NAMESPACE,
        "labels": {"app": "metallb", "component": "controller"},
    },
    "spec": {"template": {"metadata": {}}},
}


def service(address: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": "web", "name": "shop"},
        "spec": {"type": "LoadBalancer"},
        "status": {"loadBalancer": {"ingress": [{"ip": address}]}},
    }


def test_a_controller_that_takes_over_by_itself_is_left_alone() -> None:
    server, clock = Server(POOL, CONTROLLER, service("192.0.2.99")), Clock()

    def reassign(server: Server, _path: str) -> None:
        if clock.now > 102:
            server.put(service("192.0.2.3"))

    server.after_get = reassign
    assert _takeover.settle(server.api, NAMESPACE, None, clock.waiter(60)) == _takeover.Outcome([], [])
    assert server.writes == []


def test_a_controller_that_clings_to_the_old_pool_is_started_anew_once() -> None:
    server, clock = Server(POOL, CONTROLLER, service("192.0.2.99")), Clock()

    def reassign(server: Server, _path: str) -> None:
        if server.writes:
            server.put(service("192.0.2.3"))

    server.after_get = reassign
    name = "Deployment/metallb-system/controller"
    assert _takeover.settle(server.api, NAMESPACE, None, clock.waiter(60)) == _takeover.Outcome([], [name])
    assert len(server.writes) == 1
    template = server.objects["/apis/apps/v1/namespaces/metallb-system/deployments/controller"]["spec"]["template"]
    assert list(template["metadata"]["annotations"]) == ["kubectl.kubernetes.io/restartedAt"]


def test_what_is_left_at_the_deadline_is_named() -> None:
    server, clock = Server(POOL, CONTROLLER, service("192.0.2.99")), Clock()
    outcome = _takeover.settle(server.api, NAMESPACE, None, clock.waiter(40))
    assert outcome.left == ["192.0.2.99 of web/shop"]
    assert len(server.writes) == 1
