# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The files of the project, by kind. Standard library only."""

from __future__ import annotations

import subprocess
from pathlib import Path

YAML_NAMES = (".yamllint", ".ansible-lint")


def project_files(root: Path) -> list[Path]:
    """Files that belong to the project, relative to its root: tracked, or new and not ignored."""
    listing = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z"],
        check=True,
        capture_output=True,
        text=True,
    )
    names = sorted(set(filter(None, listing.stdout.split("\0"))))
    return [Path(name) for name in names if (root / name).is_file()]


def first_line(path: Path) -> bytes:
    """Enough of the first line to know a script by."""
    with open(path, "rb") as content:
        return content.readline(80)


def is_python(path: Path) -> bool:
    """Python by its suffix, or a script by its first line."""
    if path.suffix:
        return path.suffix == ".py"
    line = first_line(path)
    return line.startswith(b"#!") and b"python" in line


def is_shell(path: Path) -> bool:
    """A shell script."""
    line = first_line(path)
    return path.suffix == ".sh" or (line.startswith(b"#!") and line.rstrip().endswith((b"sh", b"sh -e", b"sh -eu")))


def is_yaml(path: Path) -> bool:
    """YAML by its name."""
    return path.suffix in (".yml", ".yaml") or path.name in YAML_NAMES


def below(root: Path, *starts: str) -> list[Path]:
    """Project files whose name starts in one of these ways."""
    return [file for file in project_files(root) if file.as_posix().startswith(starts)]
