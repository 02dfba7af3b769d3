# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What this collection says of a configuration without a cluster is what MetalLB says of it, or stricter with a reason."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _cluster, _secrets, _settings
from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import Cluster, eventually
from ansible_collections.kubeaddons.metallb.tests.acceptance.verdicts import CASES, Case, Object

NAMESPACE = ("-n", "metallb-system")
KINDS = "bgpadvertisements,l2advertisements,bgppeers,ipaddresspools,communities,bfdprofiles"
#: seconds in which the components say that they cannot read a configuration
SETTLED = 2
#: the same while they still wait before they try again what they could not read before
PATIENCE = 60


def installed_backend(cluster: Cluster) -> str:
    """Return how the installed MetalLB speaks BGP."""
    container = cluster.objects("deployment", "controller", *NAMESPACE)["spec"]["template"]["spec"]["containers"][0]
    return {one["name"]: one.get("value") for one in container["env"]}.get("METALLB_BGP_TYPE") or "native"


def invalid(cluster: Cluster) -> str:
    """Return what the controller and the speakers say against the configuration, "" when they say nothing."""
    states = cluster.objects("configurationstates", *NAMESPACE)["items"]
    return "; ".join(
        one["status"].get("errorSummary") or "invalid"
        for one in states
        if (one.get("status") or {}).get("result") == "Invalid"
    )


def stays(cluster: Cluster) -> bool:
    """Whether they go on saying so: the last word on the case before may come late."""
    for _look in range(6):
        time.sleep(1)
        if not invalid(cluster):
            return False
    return True


def metallb(cluster: Cluster, case: Case) -> str:
    """Return why MetalLB refuses a configuration, "" when it takes it."""
    assert invalid(cluster) == ""
    kubectl = cluster.env["LAB_KUBECTL"]

    def listed(documents: Iterable[Object]) -> str:
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)})

    try:
        done = cluster.run_with_input(listed(case.documents), kubectl, "create", "-f", "-")
        assert "failed calling webhook" not in done.stderr, done.stderr  # that is no verdict
        if done.returncode:
            return done.stderr
        # What is to be refused has its time; the rest is looked at once the components have read it.
        deadline = time.monotonic() + (PATIENCE if case.refused else SETTLED)
        while time.monotonic() < deadline:
            time.sleep(0.5)
            said = invalid(cluster)
            if said and (case.refused or stays(cluster)):
                return said
        return ""
    finally:
        # In reverse: MetalLB keeps a profile that a peer has.
        gone = cluster.run_with_input(
            listed(reversed(case.documents)), kubectl, "delete", "--ignore-not-found", "-f", "-"
        )
        assert gone.returncode == 0, gone.stderr
        eventually("MetalLB without the case", lambda: invalid(cluster) == "")


def ours(case: Case, backend: str) -> list[str]:
    """Return what this collection has against a configuration."""
    variables = {"metallb_enabled": True, "metallb_config": case.config, "metallb_bgp_backend": backend}
    settings, errors, _notes = _settings.normalise(*_secrets.split(variables))
    return errors or _cluster.pool_errors(settings, settings.reserved)


def install(cluster: Cluster, backend: str) -> None:
    """See to it that MetalLB speaks BGP in a way."""
    if installed_backend(cluster) != backend:
        cluster.add_images(backend)
        wanted = {"metallb_bgp_backend": backend, "metallb_reassign_addresses": True, "metallb_verify": False}
        played = cluster.playbook("cluster.yml", "-e", json.dumps(wanted))
        assert played.status == 0, played.output


@pytest.mark.parametrize(
    ("backend", "case"),
    [
        pytest.param(backend, case, id=f"{backend}: {case.name}", marks=marks)
        for backend, marks in (("native", ()), ("frr-k8s", pytest.mark.long))
        for case in CASES
        if backend in case.backends
    ],
)
def test_verdicts_are_the_same(cluster: Cluster, backend: str, case: Case) -> None:
    """Both refuse, both take, or the table says why this collection is stricter."""
    install(cluster, backend)
    theirs = metallb(cluster, case)
    assert bool(theirs) is case.refused, theirs or "MetalLB takes it"
    errors = ours(case, backend)
    assert bool(errors) is (case.refused or bool(case.stricter)), errors or f"accepted; MetalLB says: {theirs}"
