# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.action import diagnosis
from ansible_collections.kubeaddons.metallb.plugins.modules import diagnosis_info
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.actions import Screen, action

PENDING = [{"service": "default/web", "cause": "no-pool", "text": "there is no IPAddressPool"}]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    found = Screen()
    monkeypatch.setattr(diagnosis, "Display", lambda: found)
    return found


def run(**facts: t.Any) -> dict[str, t.Any]:
    state: dict[str, t.Any] = {"services": [], "speakers": []}
    given = {"facts": {**diagnosis_info.EMPTY, **facts}, "state": state, "rows": []}
    return t.cast("dict[str, t.Any]", action(diagnosis.ActionModule, given, lambda **_args: None).run(task_vars={}))


def test_a_cause_is_printed_and_returned_with_its_remedy(screen: Screen) -> None:
    result = run(pending=PENDING)
    (finding,) = result["findings"]
    assert (finding["cause"], finding["subject"], finding["evidence"]) == (
        "no-pool",
        "cluster",
        ["default/web is pending"],
    )
    assert finding["remedy"].startswith("Set metallb_config.address_pools")
    assert screen.lines[:3] == ["Diagnosis: 1 cause", "", "no-pool (cluster)"]
    assert screen.lines[-1] == "More about each of them: https://github.com/kubeaddons/metallb/tree/main/docs/causes.md"
    assert not result["changed"]


def test_nothing_is_said_plainly(screen: Screen) -> None:
    assert run()["findings"] == []
    assert screen.lines == ["Diagnosis: no cause for complaint."]
