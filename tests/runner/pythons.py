# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Finds the Python interpreters that the environments are made with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from runner.errors import SetupError

PROBE = "import sys, ensurepip; print('%d.%d.%d' % sys.version_info[:3])"


def probe(python: str | Path) -> str:
    """Version of an interpreter that can make environments, or nothing."""
    try:
        answer = subprocess.run([str(python), "-c", PROBE], capture_output=True, text=True, check=False, cwd="/")
    except OSError:
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def candidates(version: str) -> Iterator[str | Path]:
    """Where an interpreter of a version may be: this one, the search path, pyenv."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        yield sys.executable
    # The name may be pyenv's shim, which fails unless that version was chosen: probe() tells.
    if found := shutil.which(f"python{version}"):
        yield found
    home = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(home.glob(f"versions/{version}.*/bin/python"), reverse=True)
    yield f"/usr/bin/python{version}"


def find(version: str) -> tuple[str, str]:
    """Path and full version of an interpreter; Debian's python3-venv is installed if only that is missing."""
    tried = list(candidates(version))
    for python in tried:
        if full := probe(python):
            return str(python), full
    for python in tried:
        if Path(python).exists() and os.geteuid() == 0 and shutil.which("apt-get"):
            install_venv(version)
            if full := probe(python):
                return str(python), full
    raise SetupError(
        f"No Python {version} was found on the search path or in pyenv; install it (with its venv module), "
        "or leave out the ansible-core version that needs it with --skip-core."
    )


def install_venv(version: str) -> None:
    """Debian keeps ensurepip in a package of its own."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", f"python{version}-venv"]):
        subprocess.run(["apt-get", "-q", *command], env=environ, stdout=subprocess.DEVNULL, check=False)
