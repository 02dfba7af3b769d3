# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors

from __future__ import annotations

import subprocess

import pytest

from runner import sanity


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plugins/modules/x.py", True),
        ("tests/sanity/ignore-2.18.txt", True),
        ("tests/unit/plugins/x.py", False),
        ("tests/lab/lab", False),
        ("collections/ansible_collections/kubeaddons/metallb", False),
    ],
)
def test_what_belongs_to_the_collection(name, expected):
    assert sanity.belongs(name) is expected


def test_copy_holds_new_files_and_no_ignored_ones(tmp_path):
    root = tmp_path / "root"
    for name in ("plugins/modules/x.py", "tests/lab/lab", "old.retry"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x\n", encoding="utf-8")
    (root / ".gitignore").write_text("*.retry\n", encoding="utf-8")
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    copy = sanity.copy_collection(tmp_path / "target", root)
    assert sorted(str(file.relative_to(copy)) for file in copy.rglob("*") if file.is_file()) == [
        ".gitignore",
        "plugins/modules/x.py",
    ]
    assert copy.parts[-3:] == ("ansible_collections", "kubeaddons", "metallb")


def test_home_has_the_stand_in(tmp_path):
    home = sanity.prepare_home(tmp_path)
    scripts = sorted(home.glob(".ansible/test/cache/get_pip_*.py"))
    assert len(scripts) == len(sanity.GET_PIP_VERSIONS)
    assert all(compile(script.read_text(encoding="utf-8"), script.name, "exec") for script in scripts)
