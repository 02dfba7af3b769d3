# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.action import report
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import FAULT, NODES, OK, Row
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.actions import Screen, action

Object = dict[str, t.Any]
ROWS = [
    Row(OK, NODES, "IPVS", "node1", "5 virtual servers", "all as expected", "data-plane/node1", "node1"),
    Row(FAULT, NODES, "strict ARP", "node1", "1", "0", "strict_arp/node1", "node1"),
]
STATE: Object = {"services": [], "nodes": {"node1": ["192.168.100.11"], "node2": []}, "mode": "ipvs"}
PROOF: Object = {
    "rows": [row._asdict() for row in ROWS],
    "looked_at": ["node1"],
    "started": 1790000000.0,
    "began": 1790000002.0,
    "ended": 1790000003.5,
    "look": 2,
}
FINDING = {"cause": "weight-zero", "subject": "node1", "sentence": "One.", "evidence": ["two"], "remedy": "Three."}
NAMES = ("metallb-proof.html", "metallb-proof.json", "metallb-proof.xml")


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    found = Screen()
    monkeypatch.setattr(report, "Display", lambda: found)
    return found


def run(directory: pathlib.Path, **args: t.Any) -> Object:
    given = {"directory": str(directory), **args}
    return t.cast(Object, action(report.ActionModule, given, lambda **_args: None).run(task_vars={}))


def test_the_report_has_the_proof_and_the_causes(screen: Screen, tmp_path: pathlib.Path) -> None:
    directory = tmp_path / "reports"
    result = run(directory, expected=STATE, proof=PROOF, findings=[FINDING])
    assert result["report"] == [str(directory / name) for name in NAMES]
    assert not result["changed"]
    assert screen.lines == ["Report: {0}".format(result["report"][0])]
    found = json.loads((directory / NAMES[1]).read_text(encoding="utf-8"))
    assert (found["verdict"], found["looks"], found["seconds"]) == ("fault", 2, 3.5)
    assert [one["looked_at"] for one in found["nodes"]] == [True, False]
    assert [one["check"] for one in found["checks"]] == ["IPVS", "strict ARP"]
    assert found["causes"][0]["cause"] == "weight-zero"


def test_without_a_diagnosis_nothing_is_said_of_causes(screen: Screen, tmp_path: pathlib.Path) -> None:
    run(tmp_path, expected=STATE, proof=PROOF)
    assert json.loads((tmp_path / NAMES[1]).read_text(encoding="utf-8"))["causes"] is None


def test_what_a_run_before_has_left_goes_and_nothing_else(screen: Screen, tmp_path: pathlib.Path) -> None:
    run(tmp_path, expected=STATE, proof=PROOF)
    (tmp_path / "notes.html").touch()
    gone = run(tmp_path, state="absent")
    assert (gone["report"], gone["changed"]) == ([str(tmp_path / name) for name in NAMES], False)
    assert [one.name for one in tmp_path.iterdir()] == ["notes.html"]
    assert run(tmp_path, state="absent")["report"] == []
    assert run(tmp_path / "nowhere", state="absent")["report"] == []
    assert not (tmp_path / "nowhere").exists()


def test_a_report_that_cannot_be_written_is_an_error(screen: Screen, tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    result = run(tmp_path / "file", expected=STATE, proof=PROOF)
    assert result["failed"]
    assert result["msg"] == (
        'metallb_verify_report_dir: "{0}/file" takes no report (File exists); name a directory that the user of the Ansible '
        "controller may write to, or none.".format(tmp_path)
    )
    assert result["report"] == []
    assert screen.lines == []
