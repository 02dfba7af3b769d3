# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.report import Count
from runner.steps import Steps, slug

TESTS = Path(__file__).resolve().parents[2]


@pytest.fixture
def steps(tmp_path):
    return Steps(output=tmp_path)


def test_success_is_one_line(steps, capsys, tmp_path):
    assert steps.run("Say it", ["echo", "much"])
    line = capsys.readouterr().out
    assert line.startswith("Say it ... ok, ")
    assert line.count("\n") == 1
    assert (tmp_path / "say-it.log").read_text(encoding="utf-8") == "$ echo much\nmuch\n"
    assert steps.report.total == Count(passed=1)


def test_failure_shows_the_end_of_the_log(steps, capsys):
    assert not steps.run("break", ["sh", "-c", "seq 1000; exit 3"])
    output = capsys.readouterr().out
    assert "break ... FAILED" in output
    assert "\n1000\n" in output
    assert "\n500\n" not in output
    assert steps.report.total == Count(failed=1)


def test_failure_shows_the_telling_lines(steps, capsys):
    assert not steps.run("break", ["sh", "-c", "echo ERROR: bad; seq 1000; exit 3"], faults="^ERROR")
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == ["ERROR: bad"]


def test_the_run_ends_with_why_each_step_failed(steps):
    said = "TASK [one]\\nfatal: [node1]: FAILED! =>\\n  msg: no way\\n\\nTASK [two]\\nok: [node1]"
    steps.run("play", ["sh", "-c", f"printf '{said}'; exit 2"])
    steps.run("test", ["sh", "-c", "echo FAILED tests/test_a.py::test_a - assert 1 == 2; exit 1"])
    steps.run("test", ["false"])  # of the same name as another
    steps.run("fine", ["echo", "fatal: of old"])
    assert steps.report.closing().splitlines() == [
        "failed: play",
        "  fatal: [node1]: FAILED! => msg: no way",
        "failed: test",
        "  FAILED tests/test_a.py::test_a - assert 1 == 2",
        "failed: test",
        "1 passed, 3 failed",
    ]


def test_missing_program_is_a_failure(steps):
    assert not steps.run("start", ["no-such-program"])
    assert steps.report.status() == 1


@pytest.mark.parametrize(("command", "expected"), [("true", Count()), ("false", Count(failed=1))])
def test_preparation_counts_only_when_it_fails(steps, command, expected):
    steps.run("prepare", [command], counts=False)
    assert steps.report.total == expected


@pytest.mark.parametrize(("said", "expected"), [("Running test x", True), ("All skipped", False)])
def test_step_must_prove_that_it_did_something(steps, said, expected):
    assert steps.run("look", ["sh", "-c", f"echo {said} | tr x y"], proofs=["Running", "test y"]) is expected


def test_refusal_is_a_failure(steps, capsys):
    steps.refuse("lab", "there is none.")
    assert capsys.readouterr().out == "lab ... FAILED: there is none.\n"
    assert steps.report.failed_steps == [("lab", "there is none.")]


def test_slug():
    assert slug("unit tests, ansible-core 2.18") == "unit-tests-ansible-core-2.18"


def test_interruption_ends_the_whole_process_group(tmp_path):
    """What a step started is gone after Ctrl-C, grandchildren included."""
    mark = tmp_path / "pids"
    inner = f"sleep 1000 & echo $$ $! > {mark}; wait"
    program = (
        # A shell's background job ignores Ctrl-C, and these tests may be part of one.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"import sys; sys.path.insert(0, {str(TESTS)!r})\n"
        "from pathlib import Path\nfrom runner.steps import Steps\n"
        f"Steps(output=Path({str(tmp_path)!r})).run('wait', ['sh', '-c', {inner!r}])\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not mark.exists() or len(mark.read_text(encoding="utf-8").split()) < 2:
        assert child.poll() is None
        time.sleep(0.02)
    pids = [int(word) for word in mark.read_text(encoding="utf-8").split()]
    child.send_signal(signal.SIGINT)
    assert child.wait(60) != 0
    assert not any(alive(pid) for pid in pids)


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return ") Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
