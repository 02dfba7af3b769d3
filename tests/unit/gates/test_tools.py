# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The linters are wired up: with this project's settings, each of them finds a planted fault."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

TASKS = "---\n- name: Look\n  ansible.builtin.command: cat /etc/hosts\n"


def run(tool: str, *words: str | Path, cwd: Path) -> tuple[int, str]:
    """Run a tool of the environment that the tests run in."""
    program = Path(sys.executable).with_name(tool)
    if not program.exists():
        pytest.skip(f"{tool} is not part of this environment")
    command = [str(program), *map(str, words)]
    environ = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    result = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("import os\n", "F401"),
        ("X = 1" + " " * 120 + "# end\n", "E501"),
        ("def f(list):\n    return list\n", "A002"),
    ],
)
def test_ruff_finds(tmp_path, text, rule):
    (tmp_path / "a.py").write_text(text, encoding="utf-8")
    config = ROOT / "pyproject.toml"
    status, output = run("ruff", "check", "--no-cache", "--config", config, tmp_path / "a.py", cwd=tmp_path)
    assert status == 1
    assert rule in output


def test_ruff_finds_bad_layout(tmp_path):
    (tmp_path / "a.py").write_text("x = { 'a':1 }\n", encoding="utf-8")
    config = ROOT / "pyproject.toml"
    status, _output = run("ruff", "format", "--no-cache", "--check", "--config", config, tmp_path, cwd=tmp_path)
    assert status == 1


def test_mypy_finds(tmp_path):
    faults = {
        "no-untyped-def": "def f(x):\n    return x\n",
        "return-value": "def g(x: int) -> str:\n    return x\n",
        "comparison-overlap": "def h() -> bool:\n    return 1 == 'a'\n",
    }
    (tmp_path / "a.py").write_text("\n".join(faults.values()), encoding="utf-8")
    words = ["--config-file", ROOT / "pyproject.toml", "--cache-dir", tmp_path / "cache", tmp_path / "a.py"]
    status, output = run("mypy", *words, cwd=tmp_path)
    assert status == 1
    assert [code for code in faults if f"[{code}]" not in output] == []


@pytest.mark.parametrize("text", ["a: 1\n", "---\na: 0644\n", "---\na: yes\n", "---\na: 1\na: 2\n"])
def test_yamllint_finds(tmp_path, text):
    (tmp_path / "a.yml").write_text(text, encoding="utf-8")
    status, _output = run("yamllint", "--strict", "--config-file", ROOT / ".yamllint", "a.yml", cwd=tmp_path)
    assert status != 0


def test_ansible_lint_finds(project):
    root = project({"roles/r/tasks/main.yml": TASKS, "roles/r/meta/main.yml": "---\n"})
    status, output = run("ansible-lint", "--offline", "--strict", "--config-file", ROOT / ".ansible-lint", cwd=root)
    assert status == 2
    assert "no-changed-when" in output


def test_changelog_lint_finds(project):
    config = (ROOT / "changelogs" / "config.yaml").read_text(encoding="utf-8")
    files = {"changelogs/config.yaml": config, "changelogs/fragments/a.yml": "---\nno_such_section: [x]\n"}
    root = project({**files, "galaxy.yml": "namespace: kubeaddons\nname: metallb\nversion: 0.1.0\n"})
    status, output = run("antsibull-changelog", "lint", cwd=root)
    assert status == 3
    assert "no_such_section" in output


def test_documentation_lint_finds(project):
    galaxy = "namespace: kubeaddons\nname: metallb\nversion: 0.1.0\nreadme: README.md\nauthors: [x]\nlicense: [MIT]\n"
    module = (
        "#!/usr/bin/python\nDOCUMENTATION = '''\nmodule: m\nshort_description: Short\nauthor: [x]\ndescription:\n"
        "  - See O(no_such_option).\noptions: {}\n'''\nEXAMPLES = ''\nRETURN = ''\n"
    )
    root = project({"galaxy.yml": galaxy, "README.md": "# b\n", "plugins/modules/m.py": module})
    words = ["--plugin-docs", "--validate-collection-refs", "self", "--skip-rstcheck"]
    status, output = run("antsibull-docs", "lint-collection-docs", *words, ".", cwd=root)
    assert status == 3
    assert "no_such_option" in output
