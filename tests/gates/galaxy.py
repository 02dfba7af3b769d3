# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The artefact that `ansible-galaxy collection build` makes holds what users need, and nothing of the workshop."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from gates.files import project_files

NEEDED = (
    "README.md",
    "LICENSE",
    "changelogs/changelog.yaml",
    "meta/runtime.yml",
    "plugins/modules/",
    "roles/",
    "playbooks/",
    "docs/",
)
UNWANTED = ("tests/", ".ci/", "collections/", "molecule/", ".git", ".ansible/", ".cache")


def judge(names: list[str]) -> list[str]:
    """Problems of an artefact that holds files of these names."""
    found = [f"the built collection lacks {wanted}" for wanted in NEEDED if not is_held(wanted, names)]
    return found + [
        f"the built collection holds {name}; add it to build_ignore in galaxy.yml"
        for name in names
        if name.startswith(UNWANTED) or "__pycache__" in name
    ]


def is_held(wanted: str, names: list[str]) -> bool:
    """Whether a file is there, or anything below a folder."""
    return any(name == wanted or (wanted.endswith("/") and name.startswith(wanted)) for name in names)


def build(root: Path, scratch: Path) -> Path:
    """Build the artefact from a copy: the tool packs whatever lies about."""
    copy = scratch / "copy"
    for file in project_files(root):
        (copy / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / file, copy / file)
    tool = Path(sys.executable).with_name("ansible-galaxy")
    command = [str(tool), "collection", "build", "--output-path", str(scratch / "built"), str(copy)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"ansible-galaxy collection build failed: {result.stderr.strip()}")
    return next((scratch / "built").glob("*.tar.gz"))


def problems(root: Path) -> list[str]:
    """Build the collection and judge what it holds."""
    with tempfile.TemporaryDirectory(prefix="galaxy-") as scratch:
        try:
            artefact = build(root, Path(scratch))
        except RuntimeError as error:
            return [str(error)]
        with tarfile.open(artefact) as archive:
            return judge(sorted(member.name for member in archive.getmembers() if member.isfile()))
