# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors

from __future__ import annotations

from pathlib import Path

import pytest

from runner import cli
from runner.errors import SetupError
from runner.report import Count
from runner.venvs import Venv


@pytest.fixture
def work(monkeypatch):
    """Record what would be run; environments are taken as built, but for one version."""
    done = []

    def ensure(core, steps):
        if core == "2.21":
            raise SetupError("No Python 3.13 was found.")
        return Venv(core, Path("/v"))

    def level(name):
        def record(steps, venv):
            done.append(f"{name} {venv.core if isinstance(venv, Venv) else len(venv)}")
            steps.report.add(name, Count(passed=1))

        return record

    monkeypatch.setattr(cli.venvs, "ensure", ensure)
    for name in ("unit", "lint", "sanity", "integration", "browser", "lab"):
        monkeypatch.setattr(cli, name, level(name))
    return done


def test_levels_run_from_cheap_to_dear(work, capsys):
    assert cli.main(["integration", "lint", "unit"]) == 0
    assert work == ["unit 2.18", "lint 2.18", "integration 2.18"]
    assert capsys.readouterr().out.endswith("3 passed, 0 failed\n")


def test_without_a_level_all_run(work):
    assert cli.main(["--skip-core", "2.21"]) == 0
    assert work == [
        "unit 2.18",
        "lint 2.18",
        "sanity 2.18",
        "sanity 2.19",
        "integration 2.18",
        "browser 2.18",
        "unit 2.19",
        "integration 2.19",
        "lab 2",
    ]


def test_missing_python_fails_its_version_only(work, capsys):
    assert cli.main(["sanity"]) == 1
    assert work == ["sanity 2.18", "sanity 2.19"]
    assert "sanity, ansible-core 2.21 ... FAILED: No Python 3.13 was found.\n" in capsys.readouterr().out


def test_nothing_wanted_of_a_level_is_no_success(work):
    assert cli.main(["cores", "--skip-core", "2.19", "--skip-core", "2.21"]) == 1


def test_unknown_level_is_refused(capsys):
    with pytest.raises(SystemExit):
        cli.main(["everything"])
    assert "invalid choice: 'everything'" in capsys.readouterr().err


def test_interruption_is_told_by_the_status(work, monkeypatch):
    def interrupted(*_words):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run_level", interrupted)
    assert cli.main(["unit"]) == 130
