# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action plugins without Ansible around them: the module runs and the screen are given."""

from __future__ import annotations

import typing as t

from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.action import ActionBase
from ansible.template import Templar


class Screen:
    """What Display shows."""

    verbosity = 0

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.colours: list[t.Any] = []

    def display(self, text: str, color: str | None = None) -> None:
        self.lines.append(text)
        self.colours.append(color)


class Shell:
    """A shell that nothing runs in."""

    tmpdir = "made already"


class Connection:
    """A connection that nothing is sent over."""

    _shell = Shell()
    has_native_async = False


def action(plugin: type[ActionBase], args: t.Mapping[str, t.Any], execute: t.Callable[..., t.Any]) -> t.Any:
    """Return a plugin for a task with these arguments; execute stands for running a module."""
    task = Task()
    task.args = dict(args)
    task.action = "kubeaddons.metallb." + plugin.__module__.rpartition(".")[2]
    loader = DataLoader()
    made = plugin(task, Connection(), PlayContext(), loader, Templar(loader=loader), None)
    made._execute_module = execute
    return made
