# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What is remembered of a lab."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from kubelab import lifecycle, state
from kubelab.errors import LabError
from kubelab.plan import Plan
from kubelab.proc import Process, identify


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEADDONS_CACHE", str(tmp_path / "cache"))


def test_a_lab_is_read_as_it_was_written() -> None:
    lab = state.Lab(Plan("lab0", nodes=2, dual_stack=True), artefacts={"disk": "/x"})
    lab.record("registry", Process(12, 34))
    assert state.load("lab0") == lab
    assert [each.plan.name for each in state.every()] == ["lab0"]


def test_another_versions_file_can_be_read() -> None:
    lab = state.Lab(Plan("lab0"))
    lab.save()
    file = lab.directory / "state.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    data["plan"]["colour"] = "green"
    del data["plan"]["memory"]
    file.write_text(json.dumps(data), encoding="utf-8")
    assert state.load("lab0") == lab


def test_no_lab_and_a_dead_lab_are_told_apart() -> None:
    with pytest.raises(LabError, match=r"no lab 'lab0' \(labs: none\).*up"):
        state.require("lab0")
    lab = state.Lab(Plan("lab0"))
    lab.record(state.HOLDER, Process(os.getpid(), 1))  # an id that somebody else has by now
    with pytest.raises(LabError, match="does not run"):
        state.require("lab0")


def test_down_ends_nothing_that_is_not_the_labs() -> None:
    me = identify(os.getpid())
    lab = state.Lab(Plan("lab0"))
    lab.record(state.HOLDER, Process(me.pid, me.started - 1))
    assert lifecycle.down("lab0")
    assert not lab.directory.exists()
    assert not lifecycle.down("lab0")
