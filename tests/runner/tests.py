# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Levels unit, integration and cores: pytest."""

from __future__ import annotations

import shutil

from runner.places import LAB, OUTPUT
from runner.steps import Steps
from runner.venvs import MAIN_CORE, Venv

COVERAGE = ["--cov", "--cov-report=term-missing:skip-covered", f"--cov-report=xml:{OUTPUT / 'coverage.xml'}"]

#: a worker for each processor; the tests of a file stay together and in order, each worker has an API server
PARALLEL = ["--numprocesses=logical", "--maxprocesses=4", "--dist=loadfile"]


def pytest(steps: Steps, venv: Venv, name: str, *words: str) -> bool:
    """Run pytest as one step."""
    junit = OUTPUT / f"{name}-{venv.core}.xml"
    command = [venv.python, "-m", "pytest", f"--junitxml={junit}", *words]
    return steps.run(f"{name} tests, ansible-core {venv.core}", command, env=venv.environ(), junit=junit)


def unit(steps: Steps, venv: Venv) -> None:
    """Unit tests; other core versions see those of the plugins only, the rest does not depend on the version."""
    if venv.core == MAIN_CORE:
        pytest(steps, venv, "unit", "tests/unit", *PARALLEL, *COVERAGE)
    else:
        pytest(steps, venv, "unit", "tests/unit/plugins", *PARALLEL)


#: what is long and the same with every core version, as it calls the modules' own functions
MAIN_CORE_ONLY = ["tests/integration/test_metallb_upgrade.py", "tests/integration/test_official_manifests.py"]


def integration(steps: Steps, venv: Venv) -> None:
    """Modules against a real API server."""
    if build_api_server(steps):
        left_out = [] if venv.core == MAIN_CORE else [f"--ignore={file}" for file in MAIN_CORE_ONLY]
        pytest(steps, venv, "integration", "tests/integration", *PARALLEL, *left_out)


def build_api_server(steps: Steps) -> bool:
    """Build the API server and its store now, and fetch MetalLB's manifests: under the user's own home."""
    return steps.run("building the API server", [str(LAB), "build", "etcd", "kube", "releases"], counts=False)


def browser(steps: Steps, venv: Venv) -> None:
    """The report in Chromium, which is Debian's."""
    if all(map(shutil.which, ("chromium", "chromedriver"))) or steps.run(
        "installing Chromium", ["sh", "-c", INSTALL_CHROMIUM], counts=False
    ):
        pytest(steps, venv, "browser", "tests/browser")


INSTALL_CHROMIUM = """
apt-get -o DPkg::Lock::Timeout=300 update &&
DEBIAN_FRONTEND=noninteractive \
apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends chromium chromium-driver
"""
