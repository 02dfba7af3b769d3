# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The tests run inside the lab's network (tests/run lab does that, or: tests/run exec tests/lab/lab run -- pytest
tests/acceptance) and in the order of their files: they tell one story.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import SEED, Cluster


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The lab that the tests run in."""
    if "LAB_NAME" not in os.environ:
        pytest.fail("These tests run on a lab: tests/run exec tests/lab/lab run -- pytest tests/acceptance")
    return Cluster()


@pytest.fixture(scope="session")
def web(cluster: Cluster) -> None:
    """The user's Service and its pods, also where none of the tests has run that begin with them."""
    for manifest in sorted(SEED.glob("*.yaml")):
        cluster.kubectl("apply", "-f", str(manifest))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Print the evidence with a failure, of what prepares a test and clears up after it as well, while it can be had."""
    outcome = yield
    report = outcome.get_result()
    found = getattr(item, "funcargs", {}).get("cluster")
    if report.failed and found is not None:
        report.sections.append(("the last playbook", found.last_output))
        report.sections.append(("the cluster at this moment", found.evidence()))
