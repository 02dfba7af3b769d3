# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Runs modules and playbooks as users do, and returns what they said as data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Result = dict[str, Any]


@dataclass(frozen=True)
class Ansible:
    """Ansible on localhost, with a kubeconfig for the modules that want one."""

    directory: Path
    kubeconfig: Path
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def playbook(self, plays: Sequence[Any], check: bool = False, diff: bool = True, **variables: Any) -> list[Result]:
        """Run plays; returns the results of their tasks on localhost, in order, each with its 'task' name."""
        path = self.directory / "playbook.yml"
        path.write_text(json.dumps(plays), encoding="utf-8")
        words = [*(["--check"] if check else []), *(["--diff"] if diff else [])]
        command = [program("ansible-playbook"), "-i", "localhost,", *words, "-e", json.dumps(variables), str(path)]
        answer = subprocess.run(command, env=self.settings(), capture_output=True, text=True, check=False)
        try:
            report = json.loads(answer.stdout[answer.stdout.index("{") :])
        except ValueError as error:
            raise AssertionError(f"No report from ansible-playbook:\n{answer.stdout}\n{answer.stderr}") from error
        return [
            {**task["hosts"]["localhost"], "task": task["task"]["name"]}
            for play in report["plays"]
            for task in play["tasks"]
            if "localhost" in task["hosts"]
        ]

    def module(self, name: str, check: bool = False, diff: bool = True, **options: Any) -> Result:
        """Run one module; a failure is a result as well."""
        task = {"name": "Run", name: options}
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task]}
        return self.playbook([play], check=check, diff=diff)[-1]

    def settings(self) -> dict[str, str]:
        """Environment of the run."""
        return {
            **self.environ,
            "K8S_AUTH_KUBECONFIG": str(self.kubeconfig),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_INJECT_FACT_VARS": "false",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_RETRY_FILES_ENABLED": "false",
            "ANSIBLE_DEPRECATION_WARNINGS": "false",
        }


def program(name: str) -> str:
    """A program of the environment that the tests run in."""
    return str(Path(sys.executable).with_name(name))
