# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.modules import frr_info
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.module_utils.test__frr import FIXTURES, PREFIXES

Run = t.Callable[..., dict[str, t.Any]]
KEYS = {"version", "addresses", "sessions", "results", "problem"}
NOTHING = [{"prefix": prefix, "paths": []} for prefix in PREFIXES]


@pytest.fixture
def vtysh(tmp_path: pathlib.Path) -> t.Callable[[str], str]:
    """Make a vtysh of a shell script."""

    def make(script: str) -> str:
        path = tmp_path / "vtysh"
        path.write_text("#!/bin/sh\n" + script, encoding="utf-8")
        path.chmod(0o700)
        return str(path)

    return make


RECORDED = 'case "$*" in *neighbors*) cat {0}/10.3-router1-basics.txt;; *) cat {0}/10.3-router1-routes.txt;; esac'


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_router(run_module: Run, vtysh: t.Callable[[str], str], check_mode: bool) -> None:
    command = vtysh(RECORDED.format(FIXTURES))
    found = run_module(frr_info, check_mode, prefixes=PREFIXES, vtysh=["env", "X=1", command])
    assert (found["failed"], found["changed"], found["problem"], found["version"]) == (False, False, "", "10.3")
    assert [(one["prefix"], len(one["paths"])) for one in found["results"]] == list(
        zip(PREFIXES, [3, 3, 0, 2], strict=True)
    )


def test_the_command_may_be_one_text(run_module: Run, vtysh: t.Callable[[str], str]) -> None:
    found = run_module(frr_info, vtysh="env X=1 " + vtysh(RECORDED.format(FIXTURES)))
    assert (found["problem"], found["results"], len(found["sessions"])) == ("", [], 6)


def test_prefixes_are_written_in_their_one_form(run_module: Run, vtysh: t.Callable[[str], str]) -> None:
    found = run_module(frr_info, prefixes=["192.168.100.240", "2001:DB8::/64"], vtysh=[vtysh("exit 3")])
    assert [one["prefix"] for one in found["results"]] == ["192.168.100.240/32", "2001:db8::/64"]


PROBLEMS = [
    ("exit 3", "vtysh fails: status 3."),
    (
        "echo Exiting: failed to connect to any daemons. >&2; exit 1",
        "vtysh fails: Exiting: failed to connect to any daemons.",
    ),
    ("echo '% Unknown command: show'; exit 1", "vtysh fails: % Unknown command: show."),
    ("echo {", 'vtysh did not come to "show version", it ends in "{".'),
]


@pytest.mark.parametrize(("script", "problem"), PROBLEMS)
def test_a_router_that_does_not_tell(run_module: Run, vtysh: t.Callable[[str], str], script: str, problem: str) -> None:
    found = run_module(frr_info, prefixes=PREFIXES, vtysh=[vtysh(script)])
    assert (found["failed"], found["problem"], found["results"]) == (False, problem, NOTHING)
    assert found.keys() >= KEYS


def test_a_router_without_vtysh(run_module: Run) -> None:
    found = run_module(frr_info, prefixes=PREFIXES, vtysh=["/nowhere/vtysh"])
    assert found["problem"] == "/nowhere/vtysh does not run: No such file or directory."
    assert (found["failed"], found["results"]) == (False, NOTHING)


@pytest.mark.parametrize(
    ("args", "part"),
    [
        ({"prefixes": ["router"]}, "'router' does not appear to be an IPv4 or IPv6 network."),
        ({"prefixes": ["10.0.0.1/24"]}, "10.0.0.1/24 has host bits set."),
        ({"prefixes": [], "vtysh": []}, "vtysh: no command."),
    ],
)
def test_arguments_that_mean_nothing(run_module: Run, args: dict[str, t.Any], part: str) -> None:
    found = run_module(frr_info, **args)
    assert (found["failed"], found["msg"]) == (True, part)
    assert found.keys() >= KEYS
