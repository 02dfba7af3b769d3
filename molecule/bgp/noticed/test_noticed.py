# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""After side_effect: one node has no session; the proof has to fail and to name node and peer."""

from __future__ import annotations

import os

import testinfra


def test_proof_names_node_and_peer() -> None:
    """The addresses still work by way of the other node."""
    inventory = os.environ["MOLECULE_PROJECT_DIRECTORY"] + "/tests/acceptance/seed/inventory/mycluster/inventory.ini"
    played = testinfra.get_host("local://").run("ansible-playbook -i %s kubeaddons.metallb.verify -b", inventory)
    # Molecule has failures on stderr.
    text = " ".join((played.stdout + played.stderr).split())
    assert played.rc != 0, text
    reason = text.partition("Traffic does not arrive")[2]
    assert "node3" in reason
    assert os.environ["LAB_ROUTER1"] in reason
