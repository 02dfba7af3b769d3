# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from runner import places, pythons, venvs
from runner.errors import SetupError
from runner.steps import Steps


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"KUBEADDONS_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/h"}, "/a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/h"}, "/b/kubeaddons-metallb"),
        ({"HOME": "/h"}, "/h/.cache/kubeaddons-metallb"),
    ],
)
def test_cache_is_where_the_user_wants_it(environ, expected):
    assert places.cache(environ) == Path(expected)


def test_key_depends_on_requirements_and_python():
    keys = {venvs.key("a==1\n", "3.11.7"), venvs.key("a==2\n", "3.11.7"), venvs.key("a==1\n", "3.11.8")}
    assert len(keys) == 3


@pytest.mark.parametrize("core", list(venvs.CORES))
def test_requirements_are_frozen(core):
    lines = venvs.requirements(core).read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if not line.startswith("#")]
    assert any(line.startswith(f"ansible-core=={core}.") for line in wanted)
    assert [line for line in wanted if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []


def test_environment_is_private(tmp_path):
    base = {
        "HOME": "/h",
        "PATH": "/bin",
        "ANSIBLE_CONFIG": "/x",
        "PYTHONPATH": "/x",
        "PYTEST_ADDOPTS": "-x",
        "KEEP": "1",
    }
    environ = venvs.Venv("2.18", Path("/v")).environ(base, tmp_path / "home")
    assert environ["HOME"] == str(tmp_path / "home")
    assert environ["ANSIBLE_HOME"].startswith(environ["HOME"])
    assert environ["PATH"] == "/v/bin:/bin"
    assert environ["KUBEADDONS_CACHE"] == "/h/.cache/kubeaddons-metallb"
    assert environ["GOPATH"] == "/h/go"
    assert environ["KEEP"] == "1"
    assert "ANSIBLE_CONFIG" not in environ
    assert "PYTEST_ADDOPTS" not in environ
    assert environ["PYTHONPATH"] == str(places.ROOT / "collections")


def test_home_is_the_runs_own(tmp_path):
    over = tmp_path / "999999999"
    over.mkdir()
    lives = tmp_path / str(os.getppid())
    lives.mkdir()
    assert venvs.private_home(tmp_path) == tmp_path / str(os.getpid())
    assert not over.exists()
    assert lives.exists()


def test_half_built_environment_is_built_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBEADDONS_CACHE", str(tmp_path))
    built = []
    monkeypatch.setattr(venvs.pythons, "find", lambda version: ("python", f"{version}.0"))
    monkeypatch.setattr(venvs, "build", lambda python, path, *rest: (path.mkdir(exist_ok=True), built.append(path)))
    path = venvs.ensure("2.18", Steps()).path
    assert venvs.ensure("2.18", Steps()).path == path
    (path / "complete").unlink()
    assert venvs.ensure("2.18", Steps()).path == path
    assert built == [path, path]


def test_missing_python_is_said_in_one_sentence(monkeypatch):
    monkeypatch.setattr(pythons, "candidates", lambda version: [])
    with pytest.raises(SetupError, match=r"No Python 3\.13 was found .* --skip-core"):
        pythons.find("3.13")


def test_interpreter_that_does_not_start_is_passed_over(monkeypatch):
    monkeypatch.setattr(pythons, "candidates", lambda version: ["/no/such/python", "/bin/false", "good"])
    monkeypatch.setattr(pythons, "probe", lambda python: "3.13.1" if python == "good" else "")
    assert pythons.find("3.13") == ("good", "3.13.1")
