# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _scope


def service(name: str, kind: str = "LoadBalancer") -> dict[str, t.Any]:
    return {"metadata": {"namespace": "shop", "name": name}, "spec": {"type": kind}}


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        ([], True),
        (["shop"], True),
        (["shop/web"], True),
        (["other", "shop/web"], True),
        (["web"], False),
        (["shop/we"], False),
        (["sho"], False),
    ],
)
def test_what_a_scope_holds(scope: list[str], held: bool) -> None:
    assert _scope.holds(scope, "shop/web") is held


def proxied(service: dict[str, t.Any]) -> bool:
    return bool(service["spec"]["type"] == "ClusterIP")


SERVICES = [service("web"), service("api"), service("db", "ClusterIP"), service("alias", "ExternalName")]


@pytest.mark.parametrize(
    "scope", [[], ["shop"], ["shop/web"], ["shop/web", "shop/api"], ["shop/db"], ["shop/db", "shop/web"]]
)
def test_entries_that_are_there(scope: list[str]) -> None:
    assert _scope.problem(scope, SERVICES, proxied) == ""
    assert _scope.problem(["shop"], [service("db", "ClusterIP")], proxied) == ""


def test_entries_that_are_not_there_are_named_with_those_that_are() -> None:
    assert _scope.problem(["shop/alias", "shop", "nope"], SERVICES, proxied) == (
        'metallb_verify_services: "shop/alias", "nope" are no Service of type LoadBalancer, none other that kube-proxy '
        "serves, and no namespace of one; of type LoadBalancer there are shop/api, shop/web."
    )
    assert _scope.problem(["shop"], [service("db", "ExternalName")], proxied) == (
        'metallb_verify_services: "shop" is no Service of type LoadBalancer, none other that kube-proxy serves, and no '
        "namespace of one; of type LoadBalancer there is none."
    )
