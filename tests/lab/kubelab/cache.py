# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Build steps cached by the content of their inputs."""

from __future__ import annotations

import ast
import contextlib
import fcntl
import hashlib
import inspect
import json
import os
import shutil
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubelab import paths
from kubelab.errors import LabError
from kubelab.progress import say, step


@dataclass(frozen=True)
class Recipe:
    """How to build one directory of the cache.

    The key covers the inputs, the files, the code and the keys of the dependencies.
    """

    name: str
    build: Callable[[Path, Path], None]  # (directory to fill, log file)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    code: tuple[Callable[..., Any], ...] = ()  # functions which shape the result, besides build
    needs: tuple[Recipe, ...] = ()
    resumable: bool = False  # a partial directory may be built on
    title: str = ""

    def key(self) -> str:
        """Hash of everything that the result depends on."""
        content = {
            "name": self.name,
            "inputs": dict(self.inputs),
            "files": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in self.files},
            "code": [meaning(function) for function in self.code],
            "needs": [need.key() for need in self.needs],
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def path(self) -> Path:
        """Where the result lies, once built."""
        return paths.root() / "cache" / self.name / self.key()


def meaning(function: Callable[..., Any]) -> str:
    """What a function does, as part of a key: its syntax tree, so that layout and comments do not count."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


@contextmanager
def locked(path: Path, waiting: str) -> Iterator[None]:
    """Hold a lock file; the kernel frees it when the holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(waiting)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ensure(recipe: Recipe) -> Path:
    """Build a recipe, after what it needs, unless its result is there; two processes never build the same."""
    result = recipe.path()
    if result.is_dir():
        touch(result)
        return result
    for need in recipe.needs:
        ensure(need)
    title = recipe.title or recipe.name
    lock = paths.root() / "locks" / f"{recipe.name}-{result.name}.lock"
    with locked(lock, f"{title}: another process builds it, waiting"):
        if result.is_dir():
            return result
        partial = result.with_name(f".{result.name}.partial")
        if partial.exists() and not recipe.resumable:
            shutil.rmtree(partial)
        partial.mkdir(parents=True, exist_ok=True)
        log = paths.log_dir() / f"{recipe.name}-{result.name}.log"
        log.unlink(missing_ok=True)
        with step(title):
            try:
                recipe.build(partial, log)
            except LabError as error:
                raise LabError(f"Building {title} failed: {error.reason}", error.remedy or f"Log: {log}") from error
        os.replace(partial, result)
    return result


def touch(path: Path) -> None:
    """Note that an entry was used, for prune."""
    with contextlib.suppress(OSError):
        os.utime(path)


def being_built(partial: Path) -> bool:
    """Whether a process builds this partial entry now."""
    lock = paths.root() / "locks" / f"{partial.parent.name}-{partial.name.split('.')[1]}.lock"
    if not lock.exists():
        return False
    with open(lock, "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def prune(keep: set[Path]) -> list[Path]:
    """Remove every entry which is not in keep; returns what was removed."""
    removed = []
    for entry in sorted((paths.root() / "cache").glob("*/*")):
        if entry not in keep and not (entry.name.startswith(".") and being_built(entry)):
            shutil.rmtree(entry, ignore_errors=True)
            removed.append(entry)
    return removed
