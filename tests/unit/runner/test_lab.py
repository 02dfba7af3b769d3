# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runner import lab
from runner.venvs import Venv

KEEP_LOGS = lab.keep_logs


@dataclass
class Recorder:
    """Stands in for the steps: keeps their names, fails those whose name begins in a given way."""

    failing: str = "nothing"
    interrupting: str = "nothing"
    names: list[str] = field(default_factory=list)
    output: Path = Path()

    def run(self, name, command, **more):
        self.names.append(name)
        if name.startswith(self.interrupting):
            raise KeyboardInterrupt
        return not name.startswith(self.failing)

    def refuse(self, name, reason):
        self.names.append(f"refused {name}")


@pytest.fixture
def venvs():
    return [Venv("2.18", Path("a")), Venv("2.21", Path("b"))]


@pytest.fixture(autouse=True)
def logs(monkeypatch):
    kept = []
    monkeypatch.setattr(lab, "keep_logs", lambda state, target: kept.append(state.name))
    return kept


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    (tmp_path / "tests" / "acceptance").mkdir(parents=True)
    monkeypatch.setattr(lab, "ROOT", tmp_path)
    monkeypatch.setattr(lab, "LAB", Path("/bin/true"))
    monkeypatch.setattr(lab, "scenarios", lambda: ["default", "bgp", "dualstack"])
    monkeypatch.setattr(Venv, "environ", lambda self: {})
    return tmp_path


def test_everything_runs_between_up_and_down(venvs):
    steps = Recorder()
    lab.lab(steps, venvs)
    assert steps.names == [
        "building images that tests add",
        "lab up --routers",
        "acceptance tests, not long, ansible-core 2.18",
        "molecule test default, ansible-core 2.18",
        "molecule test bgp, ansible-core 2.18",
        "molecule converge default, ansible-core 2.21",
        "molecule verify default, ansible-core 2.21",
        "molecule cleanup default, ansible-core 2.21",
        "lab down",
        "lab up --dual-stack --routers",
        "molecule test dualstack, ansible-core 2.18",
        "lab down",
    ]


def test_what_takes_long_has_a_lab_of_its_own(venvs):
    steps = Recorder()
    lab.long(steps, venvs[0])
    assert steps.names == [
        "building images that tests add",
        "lab up --routers",
        "acceptance tests, long, ansible-core 2.18",
        "lab down",
    ]


@pytest.mark.parametrize("step", ["acceptance", "molecule test default"])
def test_failure_does_not_stop_the_rest(venvs, step):
    steps = Recorder(failing=step)
    lab.lab(steps, venvs)
    assert len(steps.names) == 12
    assert steps.names[-1] == "lab down"


def test_lab_that_does_not_boot_is_taken_down(venvs, logs):
    steps = Recorder(failing="lab up")
    lab.lab(steps, venvs)
    assert logs == ["ci", "ci"]
    assert steps.names == [
        "building images that tests add",
        "lab up --routers",
        "lab, state after the failure",
        "lab down",
        "lab up --dual-stack --routers",
        "lab, state after the failure",
        "lab down",
    ]


@pytest.mark.parametrize("step", ["lab up", "acceptance", "molecule test bgp"])
def test_interrupted_lab_is_taken_down(venvs, step):
    steps = Recorder(interrupting=step)
    with pytest.raises(KeyboardInterrupt):
        lab.lab(steps, venvs)
    assert steps.names[-1] == "lab down"


def test_logs_outlive_the_lab(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    for name in ("join-node2.log", "node2.console", "disk.img"):
        (state / name).write_text(name, encoding="utf-8")
    KEEP_LOGS(state, tmp_path / "kept")
    assert sorted(file.name for file in (tmp_path / "kept").iterdir()) == ["join-node2.log", "node2.console"]


def test_missing_tests_are_failures(venvs, root, monkeypatch):
    (root / "tests" / "acceptance").rmdir()
    monkeypatch.setattr(lab, "scenarios", list)
    steps = Recorder()
    lab.lab(steps, venvs[:1])
    assert steps.names == [
        "refused molecule",
        "building images that tests add",
        "lab up --routers",
        "refused acceptance tests, not long, ansible-core 2.18",
        "lab down",
    ]
