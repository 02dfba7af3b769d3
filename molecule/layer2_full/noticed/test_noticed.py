# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""After side_effect: nobody announces the pool any more; the proof has to fail and to say so."""

from __future__ import annotations

import os

import testinfra


def test_proof_names_the_service_that_nobody_announces() -> None:
    """The address is still assigned, which would look well to kubectl."""
    inventory = os.environ["MOLECULE_PROJECT_DIRECTORY"] + "/tests/acceptance/seed/inventory/mycluster/inventory.ini"
    played = testinfra.get_host("local://").run("ansible-playbook -i %s kubeaddons.metallb.verify -b", inventory)
    # Molecule has failures on stderr.
    text = " ".join((played.stdout + played.stderr).split())
    assert played.rc != 0, text
    assert "web/shop" in text
    assert "announced by nothing" in text
