# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""One virtual environment per ansible-core version, kept in the cache under a name that its content decides."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runner import pythons
from runner.errors import SetupError
from runner.places import OUTPUT, PINS, ROOT, cache
from runner.steps import Steps

#: ansible-core versions and the Python that each is tested on; the first is the one of development
CORES: Mapping[str, str] = {"2.18": "3.11", "2.19": "3.11", "2.21": "3.13"}
MAIN_CORE = "2.18"


@dataclass(frozen=True)
class Venv:
    """A virtual environment that is there."""

    core: str
    path: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.path / "bin" / "python")

    @property
    def site(self) -> Path:
        """Its site-packages."""
        return self.path / "lib" / f"python{CORES[self.core]}" / "site-packages"

    def tool(self, name: str) -> str:
        """A program of it."""
        return str(self.path / "bin" / name)

    def environ(self, base: Mapping[str, str] = os.environ, home: Path | None = None) -> dict[str, str]:
        """Environment of the steps that run in it: the checkout is the collection, ~/.ansible stays untouched."""
        dropped = ("ANSIBLE_", "MOLECULE_", "PYTEST_", "PYTHON", "COVERAGE_")
        home = home or private_home()
        home.mkdir(parents=True, exist_ok=True)
        user = Path(base.get("HOME", "/root"))
        return {
            # Go's caches stay the user's: HOME below is private.
            "GOPATH": str(user / "go"),
            "GOCACHE": str(user / ".cache" / "go-build"),
            **{name: value for name, value in base.items() if not name.startswith(dropped)},
            "PATH": f"{self.path / 'bin'}:{base.get('PATH', os.defpath)}",
            "VIRTUAL_ENV": str(self.path),
            "PYTHONPATH": str(ROOT / "collections"),
            "HOME": str(home),
            "ANSIBLE_HOME": str(home / ".ansible"),
            "ANSIBLE_COLLECTIONS_PATH": f"{ROOT / 'collections'}:{self.site}",
            "KUBEADDONS_CACHE": str(cache(base)),
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
            # Ansible leaves it to Python when a pipe gets its output.
            "PYTHONUNBUFFERED": "1",
        }


def private_home(homes: Path = OUTPUT / "home") -> Path:
    """A home directory for this run; those of runs that are over go."""
    for other in homes.glob("[0-9]*"):
        if not Path("/proc", other.name).exists():
            shutil.rmtree(other, ignore_errors=True)
    return homes / str(os.getpid())


def requirements(core: str) -> Path:
    """The frozen requirements of a core version."""
    return PINS / f"core-{core}.txt"


def key(text: str, python: str) -> str:
    """Name of an environment: what it holds and what runs it."""
    return hashlib.sha256(f"{python}\n{text}".encode()).hexdigest()[:16]


def ensure(core: str, steps: Steps) -> Venv:
    """Build the environment of a core version unless it is there; two runs never build the same."""
    python, version = pythons.find(CORES[core])
    wanted = requirements(core)
    path = cache() / "venv" / f"core-{core}-{key(wanted.read_text(encoding='utf-8'), version)}"
    complete = path / "complete"
    if complete.exists():
        return Venv(core, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(path.name + ".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            build(python, path, wanted, steps, core)
            # Scripts carry the environment's path, so it cannot be renamed into place: this mark is.
            partial = path / "complete.partial"
            partial.touch()
            partial.rename(complete)
    return Venv(core, path)


def build(python: str, path: Path, wanted: Path, steps: Steps, core: str) -> None:
    """Make an environment and fill it."""
    if path.exists():
        shutil.rmtree(path)
    name = f"environment for ansible-core {core}"
    # The package ansible is a hundred collections: compiling them all takes longer than anything else here.
    install = '"$1" -m venv "$2" && "$2/bin/python" -m pip install --no-compile --no-deps --requirement "$3"'
    script = ["sh", "-c", install, "sh", python, str(path), str(wanted)]
    if not steps.run(name, script, counts=False):
        raise SetupError(f"The {name} could not be built; its log is in {steps.output}.")
