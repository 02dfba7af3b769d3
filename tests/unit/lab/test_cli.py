# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Words of the command line."""

from __future__ import annotations

import argparse

import pytest

from kubelab import cli


@pytest.mark.parametrize(
    ("argv", "own", "words"),
    [
        (["up", "--nodes", "2"], ["up", "--nodes", "2"], []),
        (["kubectl", "get", "nodes", "-o", "wide"], ["kubectl"], ["get", "nodes", "-o", "wide"]),
        (["--name", "run", "curl", "-s", "--name", "x"], ["--name", "run", "curl"], ["-s", "--name", "x"]),
        (["--name=lab1", "run", "--", "ls", "-l"], ["--name=lab1", "run"], ["--", "ls", "-l"]),
        (
            ["router", "router2", "vtysh", "-c", "show bfd peers"],
            ["router"],
            ["router2", "vtysh", "-c", "show bfd peers"],
        ),
        (["run", "--help"], ["run", "--help"], []),
        (["kubectl", "--help"], ["kubectl"], ["--help"]),
        ([], [], []),
    ],
)
def test_other_programs_words_are_left_alone(argv: list[str], own: list[str], words: list[str]) -> None:
    assert cli.split(argv) == (own, words)


def test_every_command_has_a_function() -> None:
    (actions,) = [a for a in cli.parser()._actions if isinstance(a, argparse._SubParsersAction)]
    assert set(actions.choices) == set(cli.COMMANDS)


def test_name_may_stand_before_or_after() -> None:
    assert cli.parser().parse_args(["--name", "x", "down"]).name == "x"
    assert cli.parser().parse_args(["down", "--name", "x"]).name == "x"


def test_errors_are_one_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert cli.main(["up", "--nodes", "9"]) == 1
    error = capsys.readouterr().err
    assert error == "lab: A lab has 1 to 5 nodes, not 9. Change --nodes.\n"
