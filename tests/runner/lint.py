# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Level lint: everything that reads the project without running it."""

from __future__ import annotations

from gates.files import is_python, is_yaml, project_files
from runner.places import OUTPUT, ROOT
from runner.steps import Steps
from runner.venvs import Venv

PLUGINS = "collections/ansible_collections/kubeaddons/metallb/plugins"

#: programs of this project that are checked beside the plugins, each with the path that its imports start at
PROGRAMS = {"runner": "tests", "gates": "tests", "kubelab": "tests/lab"}


def python_files() -> list[str]:
    """Every Python file of the project; also those that only their first line tells."""
    return [str(file) for file in project_files(ROOT) if is_python(ROOT / file)]


def yaml_files() -> list[str]:
    """Every YAML file of the project."""
    return [str(file) for file in project_files(ROOT) if is_yaml(file)]


def gates_environ(venv: Venv) -> dict[str, str]:
    """Environment in which the gates are found."""
    environ = venv.environ()
    return environ | {"PYTHONPATH": f"{ROOT / 'tests'}:{environ['PYTHONPATH']}"}


def fix(steps: Steps, venv: Venv) -> None:
    """Repair what ruff can repair by itself."""
    files = python_files()
    steps.run("ruff check --fix", [venv.tool("ruff"), "check", "--no-cache", "--fix", *files], env=venv.environ())
    steps.run("ruff format", [venv.tool("ruff"), "format", "--no-cache", *files], env=venv.environ())


def few_collections(venv: Venv) -> str:
    """A tree with this collection and the ones that it depends on, and no other."""
    tree = OUTPUT / "collections"
    links = {"kubeaddons/metallb": ROOT, "kubernetes/core": venv.site / "ansible_collections" / "kubernetes" / "core"}
    for name, target in links.items():
        link = tree / "ansible_collections" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    return str(tree)


def write_docs(steps: Steps, venv: Venv) -> None:
    """Write docs/variables.md and docs/causes.md anew."""
    command = [venv.python, "-m", "gates", "--write", "variables", "causes"]
    steps.run("docs/variables.md, docs/causes.md", command, env=gates_environ(venv))


def lint(steps: Steps, venv: Venv) -> None:
    """Run every linter and every gate, the quick ones first."""
    environ = venv.environ()
    files = python_files()
    steps.run("ruff check", [venv.tool("ruff"), "check", "--no-cache", *files], env=environ)
    steps.run("ruff format", [venv.tool("ruff"), "format", "--no-cache", "--check", "--diff", *files], env=environ)
    steps.run("gates", [venv.python, "-m", "gates"], env=gates_environ(venv))
    steps.run("yamllint", [venv.tool("yamllint"), "--strict", *yaml_files()], env=environ)
    steps.run("changelog", [venv.tool("antsibull-changelog"), "lint"], env=environ)
    mypy = [venv.tool("mypy"), "--config-file", "pyproject.toml"]
    steps.run("mypy, plugins", [*mypy, PLUGINS], env=environ | {"MYPYPATH": "collections"})
    for package, base in PROGRAMS.items():
        if (ROOT / base / package).is_dir():
            steps.run(f"mypy, {package}", [*mypy, "-p", package], env=environ | {"MYPYPATH": base})
    docs = ["lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "all", "--skip-rstcheck", "."]
    # Every collection that is found is read, and the main environment holds a hundred.
    few = few_collections(venv)
    environ |= {"ANSIBLE_COLLECTIONS_PATH": few, "PYTHONPATH": few, "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false"}
    steps.run("documentation of plugins and roles", [venv.tool("antsibull-docs"), *docs], env=environ)
    steps.run("ansible-lint", [venv.tool("ansible-lint"), "--offline", "--strict"], env=environ)
