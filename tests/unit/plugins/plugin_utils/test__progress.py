# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.action import wait_for_external_ip, wait_for_metallb
from ansible_collections.kubeaddons.metallb.plugins.plugin_utils import _progress
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.actions import Screen, action

Object = dict[str, t.Any]


class World:
    """Runs the module: each run takes its own timeout and answers what is next; the last answer repeats."""

    def __init__(self, *answers: Object, extra: float = 0.0) -> None:
        self.answers = list(answers)
        self.extra = extra  # what a run takes besides its waiting
        self.now = 50.0
        self.timeouts: list[int] = []

    def monotonic(self) -> float:
        return self.now

    def __call__(self, module_args: Object, **_rest: t.Any) -> Object:
        self.timeouts.append(module_args["timeout"])
        answer = dict(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
        self.now += self.extra + (module_args["timeout"] if answer.get("failed") else 0)
        if "msg" in answer:
            answer["msg"] = answer["msg"].format(module_args["timeout"])
        return answer


def metallb(status: str) -> Object:
    parts = [
        {"name": "Deployment/metallb-system/controller", "done": True, "status": "1 of 1 ready", "reasons": []},
        {"name": "DaemonSet/metallb-system/speaker", "done": False, "status": status, "reasons": ["one", "two"]},
    ]
    return {"failed": True, "msg": "MetalLB was not ready after {0} s. It took 8 s.", "parts": parts, "check_count": 3}


DONE = {"changed": False, "done": True, "parts": [], "check_count": 1}


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    found = Screen()
    monkeypatch.setattr(_progress, "Display", lambda: found)
    return found


def run(monkeypatch: pytest.MonkeyPatch, world: World, plugin: t.Any = wait_for_metallb, **args: t.Any) -> Object:
    monkeypatch.setattr(_progress.time, "monotonic", world.monotonic)
    return t.cast(Object, action(plugin.ActionModule, args, world).run(task_vars={}))


def test_done_at_once(monkeypatch: pytest.MonkeyPatch, screen: Screen) -> None:
    world = World(DONE)
    assert run(monkeypatch, world, timeout=600) == DONE
    assert world.timeouts == [8]
    assert screen.lines == []


def test_what_is_lacking_is_shown_when_it_changes(monkeypatch: pytest.MonkeyPatch, screen: Screen) -> None:
    world = World(metallb("1 of 3 ready"), metallb("1 of 3 ready"), metallb("2 of 3 ready"), DONE)
    result = run(monkeypatch, world, timeout=600)
    assert result["done"]
    assert screen.lines == [
        "Waiting for MetalLB, 8 s of 600 s:\n  DaemonSet/metallb-system/speaker: 1 of 3 ready; one; two",
        "Waiting for MetalLB, 24 s of 600 s:\n  DaemonSet/metallb-system/speaker: 2 of 3 ready; one; two",
    ]
    assert result["check_count"] == 3 * 3 + 1  # of all slices


def test_the_timeout_is_the_whole_one(monkeypatch: pytest.MonkeyPatch, screen: Screen) -> None:
    world = World(metallb("1 of 3 ready"))
    result = run(monkeypatch, world, timeout="20")
    assert world.timeouts == [8, 8, 4]
    assert result["failed"]
    assert result["msg"] == "MetalLB was not ready after 20 s. It took 8 s."
    assert result["check_count"] == 9


@pytest.mark.parametrize(("plugin", "timeout"), [(wait_for_metallb, 600), (wait_for_external_ip, 120)])
def test_the_default_timeout_is_the_modules(
    monkeypatch: pytest.MonkeyPatch, screen: Screen, plugin: t.Any, timeout: int
) -> None:
    pending = {"namespace": "default", "name": "web", "done": False, "reason": "no pool", "check_count": 1}
    world = World({**metallb("1 of 3 ready"), "results": [pending]})
    assert run(monkeypatch, world, plugin)["failed"]
    assert sum(world.timeouts) == timeout


def test_a_timeout_of_zero_looks_once(monkeypatch: pytest.MonkeyPatch, screen: Screen) -> None:
    world = World(metallb("1 of 3 ready"))
    assert run(monkeypatch, world, timeout=0)["failed"]
    assert world.timeouts == [0]
    assert screen.lines == []


def test_another_failure_ends_the_wait(monkeypatch: pytest.MonkeyPatch, screen: Screen) -> None:
    world = World({"failed": True, "msg": "Kubernetes API: forbidden", "parts": []})
    assert run(monkeypatch, world, timeout=600)["msg"] == "Kubernetes API: forbidden"
    assert world.timeouts == [8]


def test_time_that_modules_take_to_start_counts(monkeypatch: pytest.MonkeyPatch, screen: Screen) -> None:
    world = World(metallb("1 of 3 ready"), extra=1.5)
    run(monkeypatch, world, timeout=20)
    assert world.timeouts == [8, 8, 1]


def test_services_that_are_pending(monkeypatch: pytest.MonkeyPatch, screen: Screen) -> None:
    def answer(*names: str) -> Object:
        results = [
            {"namespace": "default", "name": name, "done": name not in names, "reason": "no pool", "check_count": 2}
            for name in ("a", "b")
        ]
        return {"failed": True, "msg": "after {0} s.", "results": results} if names else {"results": results}

    result = run(monkeypatch, World(answer("a", "b"), answer("b"), answer()), wait_for_external_ip, timeout=60)
    assert screen.lines == [
        "Waiting for EXTERNAL-IP, 8 s of 60 s:\n  default/a: no pool\n  default/b: no pool",
        "Waiting for EXTERNAL-IP, 16 s of 60 s:\n  default/b: no pool",
    ]
    assert [one["check_count"] for one in result["results"]] == [6, 6]
