# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What is known about a lab between two commands: its plan and the processes it started."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path

from kubelab import paths
from kubelab.cache import locked
from kubelab.errors import LabError
from kubelab.plan import Plan
from kubelab.proc import Process

HOLDER = "holder"


@dataclass
class Lab:
    """A lab on disk."""

    plan: Plan
    processes: dict[str, Process] = field(default_factory=dict)
    artefacts: dict[str, str] = field(default_factory=dict)
    ready: bool = False

    @property
    def directory(self) -> Path:
        """Its state directory."""
        return paths.lab_dir(self.plan.name)

    def save(self) -> None:
        """Write the state file, whole or not at all."""
        self.directory.mkdir(parents=True, exist_ok=True)
        data = {
            "plan": self.plan.to_json(),
            "processes": {name: [p.pid, p.started] for name, p in self.processes.items()},
            "artefacts": self.artefacts,
            "ready": self.ready,
        }
        fresh = self.directory / "state.json.new"
        fresh.write_text(json.dumps(data, indent=1), encoding="utf-8")
        os.replace(fresh, self.directory / "state.json")

    def record(self, name: str, process: Process) -> None:
        """Remember a process that was started for this lab."""
        self.processes[name] = process
        self.save()

    def holder(self) -> Process:
        """The process which keeps the lab's namespaces."""
        holder = self.processes.get(HOLDER)
        if holder is None or not holder.alive():
            raise LabError(f"Lab {self.plan.name} does not run.", f"Start it: lab --name {self.plan.name} up")
        return holder


def load(name: str) -> Lab | None:
    """The lab of a name; None when there is none."""
    file = paths.lab_dir(name) / "state.json"
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    processes = {key: Process(pid, started) for key, (pid, started) in data["processes"].items()}
    # the file may be of another version of this tool, which 'down' must understand all the same
    known = {each.name for each in fields(Plan)}
    plan = Plan(**{key: value for key, value in data["plan"].items() if key in known})
    return Lab(plan, processes, data["artefacts"], data["ready"])


def require(name: str) -> Lab:
    """The lab of a name, which must run."""
    lab = load(name)
    if lab is None:
        known = ", ".join(other.plan.name for other in every()) or "none"
        raise LabError(f"There is no lab '{name}' (labs: {known}).", f"Start it: lab --name {name} up")
    lab.holder()
    return lab


def every() -> list[Lab]:
    """All labs with a state file."""
    found = []
    for directory in sorted((paths.root() / "labs").glob("*")):
        lab = load(directory.name)
        if lab is not None:
            found.append(lab)
    return found


@contextmanager
def exclusive(name: str) -> Iterator[None]:
    """One command at a time may change a lab."""
    with locked(paths.root() / "locks" / f"lab-{name}.lock", f"another command works on lab {name}, waiting"):
        yield
