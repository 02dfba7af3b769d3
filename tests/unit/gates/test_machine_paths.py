# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors

from __future__ import annotations

import pytest

from gates import machine_paths

SLASH = "/"  # keeps the gate from finding this file


@pytest.mark.parametrize("path", ["work/main", "farm/x", "root/project", "root"])
def test_path_of_a_machine_is_found(project, path):
    found = machine_paths.problems(project({"docs/a.md": f"first\nsee {SLASH}{path} there\n"}))
    assert bool(found) is (path != "root")
    assert all(problem.startswith("docs/a.md:2:") for problem in found)


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/work/x",
        "/etc/kubernetes/admin.conf",
        "/root/.kube/config",
        "$HOME/work/main",
        "frame/work/x",
        "../work/x",
    ],
)
def test_other_paths_pass(project, text):
    assert machine_paths.problems(project({"a.yml": f"path: {text}\n"})) == []


def test_files_that_are_no_text_are_left_alone(project):
    root = project({})
    (root / "a.bin").write_bytes(b"\xff\xfe" + f"{SLASH}work/main".encode())
    assert machine_paths.problems(root) == []
