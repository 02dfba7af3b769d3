# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""ansible-test sanity without containers, on a copy of the collection in the path that ansible-test insists on."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from gates.files import project_files
from runner.places import ROOT, cache
from runner.steps import Steps
from runner.venvs import CORES, Venv

#: what the copy leaves out: tools of the checkout that are not part of the collection have linters of their own
LEFT_OUT = ("collections/", "molecule/", "tests/", ".ci/")
KEPT = "tests/sanity/"

#: lines of its output that tell what is wrong, among those of many installations
FAULTS = r"^(ERROR|\[WARNING\]|FATAL: The)"

#: ansible-test would download get-pip.py, each version by a name of its own; the environment's own pip does as well
GET_PIP_VERSIONS = ("24_2", "25_2")
GET_PIP = '''\
"""Stands in for get-pip.py: installs with the pip that Python carries."""
import ensurepip
import os
import runpy
import sys

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"  # the pip that Python carries does not look there by itself
wanted = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
ensurepip.bootstrap()
sys.argv = ["pip", "install", *(["--cert", BUNDLE] if os.path.exists(BUNDLE) else []), *wanted]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
'''


def belongs(name: str) -> bool:
    """Whether a file goes into the copy."""
    return name.startswith(KEPT) or not name.startswith(LEFT_OUT)


def copy_collection(target: Path, root: Path = ROOT) -> Path:
    """Copy the collection below target/ansible_collections."""
    copy = target / "ansible_collections" / "kubeaddons" / "metallb"
    for file in project_files(root):
        if belongs(file.as_posix()):
            (copy / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / file, copy / file)
    return copy


def add_dependencies(copy: Path, site: Path) -> None:
    """Put the collections that this one imports beside it."""
    neighbours = copy.parent.parent / "kubernetes"
    neighbours.mkdir(parents=True, exist_ok=True)
    (neighbours / "core").symlink_to(site / "ansible_collections" / "kubernetes" / "core")


def prepare_home(home: Path) -> Path:
    """A home directory for ansible-test, which keeps its environments there."""
    downloads = home / ".ansible" / "test" / "cache"
    downloads.mkdir(parents=True, exist_ok=True)
    for version in GET_PIP_VERSIONS:
        (downloads / f"get_pip_{version}.py").write_text(GET_PIP, encoding="utf-8")
    return home


def sanity(steps: Steps, venv: Venv) -> None:
    """Run the sanity tests of one core version."""
    home = prepare_home(cache() / "sanity" / venv.path.name)
    environ = {name: value for name, value in venv.environ(home=home).items() if name != "PYTHONPATH"}
    command = [venv.tool("ansible-test"), "sanity", "--venv", "--python", CORES[venv.core], "--color", "no"]
    # Not below the checkout: ansible-test would take every file for an ignored one.
    with open(home / "lock", "w", encoding="utf-8") as lock, tempfile.TemporaryDirectory(prefix="sanity-") as tree:
        fcntl.flock(lock, fcntl.LOCK_EX)
        copy = copy_collection(Path(tree))
        add_dependencies(copy, venv.site)
        name = f"sanity, ansible-core {venv.core}"
        settings = environ | user_pip_settings()
        steps.run(name, command, env=settings, cwd=copy, proofs=["Running sanity test"], faults=FAULTS)


def user_pip_settings() -> dict[str, str]:
    """Where the user's own settings of pip are: the home directory is a private one."""
    for name in (".config/pip/pip.conf", ".pip/pip.conf"):
        if (path := Path.home() / name).exists() and "PIP_CONFIG_FILE" not in os.environ:
            return {"PIP_CONFIG_FILE": str(path)}
    return {}
