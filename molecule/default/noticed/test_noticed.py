# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""After side_effect: the proof has to fail and to name what was broken."""

from __future__ import annotations

import os

import testinfra


def test_proof_names_the_broken_node() -> None:
    """Strict ARP is off in the kernel of node2."""
    inventory = os.environ["MOLECULE_PROJECT_DIRECTORY"] + "/tests/acceptance/seed/inventory/mycluster/inventory.ini"
    played = testinfra.get_host("local://").run("ansible-playbook -i %s kubeaddons.metallb.verify -b", inventory)
    # Molecule has failures on stderr.
    text = " ".join((played.stdout + played.stderr).split())
    assert played.rc != 0, text
    assert "strict ARP, node2: expected arp_ignore 1, arp_announce 2, found arp_ignore 0, arp_announce 2" in text
