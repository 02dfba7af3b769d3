# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.action import explain
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.actions import Screen, action


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    found = Screen()
    monkeypatch.setattr(explain, "Display", lambda: found)
    return found


def run(**variables: t.Any) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", action(explain.ActionModule, {"settings": variables}, lambda **_: {}).run())


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


def test_passwords_are_not_printed(screen: Screen) -> None:
    result = run(metallb_enabled=True, metallb_peers=[{"password": "s3cret"}])
    assert result["failed"]
    assert "s3cret" not in "\n".join(screen.lines) + str(result)
