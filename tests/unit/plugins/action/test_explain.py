# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.action import explain
from ansible_collections.kubeaddons.metallb.plugins.module_utils import _secrets
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.actions import Screen, action


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    found = Screen()
    monkeypatch.setattr(explain, "Display", lambda: found)
    return found


def run(passwords: dict[str, str] | None = None, **variables: t.Any) -> dict[str, t.Any]:
    args = {"settings": variables, **({"passwords": passwords} if passwords else {})}
    return t.cast("dict[str, t.Any]", action(explain.ActionModule, args, lambda **_: {}).run())


def test_objects_and_settings_are_printed(screen: Screen) -> None:
    result = run(metallb_enabled=True, metallb_ip_range=["192.0.2.0/28"], metallb_limits_cpu="100m")
    assert not result.get("failed")
    assert [one["kind"] for one in result["objects"]] == ["IPAddressPool", "L2Advertisement"]
    text = "\n".join(screen.lines)
    assert "version: 0.16.1" in text
    assert "cpu: 100m" in text
    assert "- 192.0.2.0/28" in text
    assert "  metallb_ip_range is not read since Kubespray 2.22" in text
    assert "Refused:" not in text


def test_what_is_refused_fails_and_makes_no_objects(screen: Screen) -> None:
    result = run(metallb_enabled=True, metallb_ip_range=["192.0.2.1/28"])
    assert result["failed"]
    assert result["objects"] == []
    assert result["msg"].startswith('metallb_ip_range[0]: "192.0.2.1/28"')
    assert any("Refused:" in line for line in screen.lines)


def test_pools_that_overlap_are_refused_without_a_cluster(screen: Screen) -> None:
    result = run(metallb_enabled=True, metallb_ip_range=["192.0.2.0/28", "192.0.2.5-192.0.2.6"])
    assert result["failed"]
    assert "overlaps with" in result["msg"]


def test_disabled_is_said(screen: Screen) -> None:
    run(metallb_ip_range=["192.0.2.0/28"])
    assert "MetalLB is switched off (metallb_enabled): a run would do nothing." in screen.lines


PEER = {"peer_address": "192.0.2.1", "peer_asn": 64513, "my_asn": 64512}
BGP = {"metallb_enabled": True, "metallb_ip_range": ["198.51.100.0/28"], "metallb_protocol": "bgp"}


@pytest.mark.parametrize("apart", [True, False])
def test_passwords_are_not_printed(screen: Screen, apart: bool) -> None:
    """A Secret shows that it is there, and not what it holds."""
    variables: dict[str, t.Any] = {**BGP, "metallb_peers": [{**PEER, "password": "s3cret"}]}
    without, passwords = _secrets.split(variables)
    result = run(passwords, **without) if apart else run(**variables)
    assert [one["kind"] for one in result["objects"]] == ["IPAddressPool", "Secret", "BGPPeer", "BGPAdvertisement"]
    shown = "\n".join(screen.lines) + str(result)
    assert "password: (hidden)" in shown
    assert "s3cret" not in shown
    assert base64.b64encode(b"s3cret").decode() not in shown


def test_a_password_of_the_wrong_type_is_refused_without_showing_it(screen: Screen) -> None:
    result = run(**BGP, metallb_peers=[{**PEER, "password": 87654321}])
    assert result["msg"] == "metallb_peers[0].password: (hidden) is not text; write it in quotes."
    assert "87654321" not in "\n".join(screen.lines) + str(result)


@pytest.mark.parametrize(
    ("more", "backend", "reason"),
    [
        ({}, "native", None),
        ({"vrf": "red"}, "frr-k8s", "metallb_peers[0].vrf needs it"),
    ],
)
def test_the_backend_and_why(screen: Screen, more: dict[str, str], backend: str, reason: str | None) -> None:
    run(**BGP, metallb_peers=[{**PEER, **more}])
    text = "\n".join(screen.lines)
    assert "bgp_backend: " + backend in text
    assert ("bgp_backend_reason: {0}".format(reason) in text) == (reason is not None)


def test_layer2_alone_has_no_word_about_bgp(screen: Screen) -> None:
    run(metallb_enabled=True, metallb_ip_range=["192.0.2.0/28"])
    assert "bgp" not in "\n".join(screen.lines).lower()
