# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Level lab: acceptance tests and molecule on a real cluster, which is taken down whatever happens."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from gates.files import project_files
from runner.places import LAB, OUTPUT, ROOT, cache
from runner.steps import Steps
from runner.venvs import MAIN_CORE, Venv

#: the scenario that other core versions are tried with
SMOKE_SCENARIO = "default"
#: the nodes' network in the seed's inventory; each lab is a network of its own, so another lab may have it too
SUBNET = "192.168.100.0/24"
BASE = "molecule/config.yml"
#: molecule is content when a playbook of a scenario or every test of it is missing
PROOFS = ("missing=0", " passed in ")


def scenarios(root: Path = ROOT) -> list[str]:
    """Molecule's scenarios, default first."""
    files = [file for file in project_files(root) if file.match("molecule/*/molecule.yml") and len(file.parts) == 3]
    return sorted((file.parts[1] for file in files), key=lambda name: (name != SMOKE_SCENARIO, name))


def keep_logs(state: Path, target: Path) -> None:
    """Copy the lab's own logs beside those of the steps: its end removes them."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for log in [*state.glob("*.log"), *state.glob("*.console")]:
        shutil.copyfile(log, target / log.name)


def lab(steps: Steps, venvs: list[Venv], name: str = "ci") -> None:
    """Boot the lab, run everything on it, take it down."""
    command = [str(LAB), "--name", name]
    try:
        if steps.run("lab up", [*command, "up", "--subnet", SUBNET], counts=False):
            for venv in venvs:
                on_lab(steps, venv, [*command, "run", "--"])
        else:
            steps.run("lab, state after the failure", [*command, "status"], counts=False)
    finally:
        keep_logs(cache() / "labs" / name, steps.output / "lab")
        steps.run("lab down", [*command, "down"], counts=False)


def on_lab(steps: Steps, venv: Venv, inside: list[str]) -> None:
    """What one core version runs, from the host outside the cluster."""
    environ = venv.environ()
    if venv.core == MAIN_CORE:
        acceptance(steps, venv, inside, environ)
    found = scenarios()
    if not found:
        steps.refuse(f"molecule, ansible-core {venv.core}", "there is no scenario below molecule/.")
    for scenario in found if venv.core == MAIN_CORE else found[:1]:
        # A scenario's state from an earlier run, on a cluster that is gone, would be believed.
        state = OUTPUT / "molecule" / venv.core / scenario / str(os.getpid())
        own = environ | {"MOLECULE_EPHEMERAL_DIRECTORY": str(state)}
        test = [*inside, venv.tool("molecule"), "--base-config", BASE, "test", "--scenario-name", scenario]
        steps.run(f"molecule {scenario}, ansible-core {venv.core}", test, env=own, proofs=PROOFS)


def acceptance(steps: Steps, venv: Venv, inside: list[str], environ: dict[str, str]) -> None:
    """The acceptance tests."""
    step = f"acceptance tests, ansible-core {venv.core}"
    if not (ROOT / "tests" / "acceptance").is_dir():
        steps.refuse(step, "there is no tests/acceptance.")
        return
    junit = OUTPUT / f"acceptance-{venv.core}.xml"
    test = [*inside, venv.python, "-m", "pytest", f"--junitxml={junit}", "tests/acceptance"]
    steps.run(step, test, env=environ, junit=junit)
