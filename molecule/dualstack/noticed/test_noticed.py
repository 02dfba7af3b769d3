# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""After side_effect: two machines answer for the IPv6 address; the proof has to fail and to say which."""

from __future__ import annotations

import os

import testinfra


def test_proof_names_the_other_machine() -> None:
    """By its hardware address."""
    inventory = os.environ["MOLECULE_PROJECT_DIRECTORY"] + "/tests/acceptance/seed/inventory/mycluster/inventory.ini"
    played = testinfra.get_host("local://").run("ansible-playbook -i %s kubeaddons.metallb.verify -b", inventory)
    # Molecule has failures on stderr.
    text = " ".join((played.stdout + played.stderr).split())
    assert played.rc != 0, text
    reason = text.partition("Traffic does not arrive")[2]
    assert "fd00:192:168:100::240" in reason
    assert "52:54:00:00:00:01" in reason
