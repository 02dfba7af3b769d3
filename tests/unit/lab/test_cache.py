# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Cache keys, and what a build leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kubelab import cache
from kubelab.cache import Recipe
from kubelab.errors import LabError


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEADDONS_CACHE", str(tmp_path / "cache"))


def nothing(to: Path, log: Path) -> None:
    """Builds an empty directory."""


def other(to: Path, log: Path) -> None:
    """Has another text."""


def test_key_is_stable_and_short() -> None:
    assert Recipe("a", nothing, {"version": "1"}).key() == Recipe("a", nothing, {"version": "1"}).key()
    assert len(Recipe("a", nothing).key()) == 16


@pytest.mark.parametrize(
    "changed",
    [
        Recipe("b", nothing, {"version": "1"}),
        Recipe("a", nothing, {"version": "2"}),
        Recipe("a", nothing, {"version": "1"}, code=(other,)),
        Recipe("a", nothing, {"version": "1"}, needs=(Recipe("dep", nothing),)),
    ],
    ids=["name", "input", "code", "dependency"],
)
def test_key_follows_every_input(changed: Recipe) -> None:
    assert changed.key() != Recipe("a", nothing, {"version": "1"}).key()


def test_key_follows_a_dependency_of_a_dependency() -> None:
    def chain(version: str) -> Recipe:
        return Recipe("top", nothing, needs=(Recipe("mid", nothing, needs=(Recipe("low", nothing, {"v": version}),)),))

    assert chain("1").key() != chain("2").key()


def test_key_follows_file_content_not_its_time(tmp_path: Path) -> None:
    file = tmp_path / "kernel.config"
    file.write_text("CONFIG_A=y", encoding="utf-8")
    first = Recipe("a", nothing, files=(file,)).key()
    file.touch()
    assert Recipe("a", nothing, files=(file,)).key() == first
    file.write_text("CONFIG_A=n", encoding="utf-8")
    assert Recipe("a", nothing, files=(file,)).key() != first


def counting(calls: list[str]) -> Callable[[Path, Path], None]:
    def build(to: Path, _log: Path) -> None:
        calls.append("build")
        (to / "result").write_text("x", encoding="utf-8")

    return build


def test_second_ensure_builds_nothing() -> None:
    calls: list[str] = []
    recipe = Recipe("a", counting(calls))
    first = cache.ensure(recipe)
    assert cache.ensure(recipe) == first
    assert (first / "result").exists()
    assert calls == ["build"]


def test_failed_build_leaves_no_entry_and_names_the_log() -> None:
    def build(to: Path, _log: Path) -> None:
        (to / "half").touch()
        raise LabError("no compiler")

    recipe = Recipe("a", build)
    with pytest.raises(LabError, match=r"Building a failed: no compiler.*Log: .*a-.*\.log"):
        cache.ensure(recipe)
    assert not recipe.path().exists()


@pytest.mark.parametrize("resumable", [False, True])
def test_interrupted_build_starts_clean_unless_it_can_resume(resumable: bool) -> None:
    seen: list[bool] = []

    def build(to: Path, _log: Path) -> None:
        seen.append((to / "half").exists())
        (to / "half").touch()
        if len(seen) == 1:
            raise KeyboardInterrupt

    recipe = Recipe("a", build, resumable=resumable)
    with pytest.raises(KeyboardInterrupt):
        cache.ensure(recipe)
    cache.ensure(recipe)
    assert seen == [False, resumable]


def test_prune_keeps_what_it_is_told_to() -> None:
    calls: list[str] = []
    kept, gone = (cache.ensure(Recipe("a", counting(calls), {"v": v})) for v in "12")
    assert cache.prune({kept}) == [gone]
    assert kept.is_dir()
    assert not gone.exists()


def test_prune_leaves_a_build_in_progress_alone() -> None:
    partials: list[Path] = []

    def build(to: Path, _log: Path) -> None:
        partials.append(to)
        assert cache.prune(set()) == []

    cache.ensure(Recipe("a", build))
    partials[0].mkdir()  # as a killed run leaves it
    assert partials[0] in cache.prune(set())
