# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Level lab: acceptance tests and molecule on a real cluster, which is taken down whatever happens."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from gates.files import project_files
from runner.places import LAB, OUTPUT, ROOT, cache
from runner.steps import Steps, slug
from runner.venvs import MAIN_CORE, Venv

Work = Callable[[Venv, list[str]], None]

#: the scenario that other core versions are tried with
SMOKE_SCENARIO = "default"
#: the nodes' network in the seed's inventory; each lab is a network of its own, so another lab may have it too
SUBNET = "192.168.100.0/24"
BASE = "molecule/config.yml"
#: scenarios that want a lab of another shape than the rest, and the options of that lab
SHAPES = {"dualstack": ["--dual-stack", "--routers"]}
#: what the rest runs on: acceptance tests and scenarios, with routers for BGP
USUAL = ["--routers"]
#: images that tests add to those that a lab has from the start, and those that only tests which take long add
ADDED, ADDED_LONG = ["bgp"], ["oldest"]
#: what molecule is asked for, and what it must then say: it is content when a playbook or every test is missing
WHOLE = {"test": ("missing=0", " passed in ")}
#: other core versions install and prove; the rest of a sequence does not depend on the version
BRIEF: dict[str, tuple[str, ...]] = {"converge": ("failed=0",), "verify": (" passed in ",), "cleanup": ()}


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
    """Boot labs one after the other, run everything on them, take them down."""
    found = scenarios()
    if not found:
        steps.refuse("molecule", "there is no scenario below molecule/.")
    build_added(steps, ADDED)
    usual = [one for one in found if one not in SHAPES]
    booted(steps, name, USUAL, [partial(acceptance, steps), partial(molecule, steps, usual)], venvs)
    for scenario, options in SHAPES.items():
        if scenario in found:
            booted(steps, name, options, [partial(molecule, steps, [scenario])], venvs[:1])


def long(steps: Steps, venv: Venv, name: str = "ci") -> None:
    """The acceptance tests that would take too long for every run."""
    build_added(steps, [*ADDED, *ADDED_LONG])
    booted(steps, name, USUAL, [partial(acceptance, steps, which="long")], [venv])


def build_added(steps: Steps, names: list[str]) -> None:
    """Build what tests put into the registry: inside the lab's network nothing can be downloaded."""
    steps.run("building images that tests add", [str(LAB), "build", *names], counts=False)


def booted(steps: Steps, name: str, options: list[str], works: list[Work], venvs: list[Venv]) -> None:
    """Run works on a lab that is booted for them, with each core version."""
    command = [str(LAB), "--name", name]
    what = " ".join(["lab up", *options])
    try:
        if steps.run(what, [*command, "up", "--subnet", SUBNET, *options], counts=False):
            for venv in venvs:
                for work in works:
                    work(venv, [*command, "run", "--"])
        else:
            steps.run("lab, state after the failure", [*command, "status"], counts=False)
    finally:
        keep_logs(cache() / "labs" / name, steps.output / slug(what))
        steps.run("lab down", [*command, "down"], counts=False)


def molecule(steps: Steps, names: list[str], venv: Venv, inside: list[str]) -> None:
    """The scenarios, from the host outside the cluster; other core versions than the main one run the first."""
    main = venv.core == MAIN_CORE
    for scenario in names if main else names[:1]:
        # A scenario's state from an earlier run, on a cluster that is gone, would be believed.
        state = OUTPUT / "molecule" / venv.core / scenario / str(os.getpid())
        own = venv.environ() | {"MOLECULE_EPHEMERAL_DIRECTORY": str(state)}
        for command, proofs in (WHOLE if main else BRIEF).items():
            words = [*inside, venv.tool("molecule"), "--base-config", BASE, command, "--scenario-name", scenario]
            steps.run(f"molecule {command} {scenario}, ansible-core {venv.core}", words, env=own, proofs=proofs)


def acceptance(steps: Steps, venv: Venv, inside: list[str], which: str = "not long") -> None:
    """The acceptance tests of a marker expression, on the main core version."""
    if venv.core != MAIN_CORE:
        return
    step = f"acceptance tests, {which}, ansible-core {venv.core}"
    if not (ROOT / "tests" / "acceptance").is_dir():
        steps.refuse(step, "there is no tests/acceptance.")
        return
    junit = OUTPUT / f"acceptance-{slug(which)}-{venv.core}.xml"
    test = [*inside, venv.python, "-m", "pytest", f"--junitxml={junit}", "-m", which, "tests/acceptance"]
    steps.run(step, test, env=venv.environ(), junit=junit)
