# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""After side_effect: the proof has to fail and to name what was broken."""

from __future__ import annotations

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import Cluster


def test_proof_names_the_broken_node() -> None:
    """Strict ARP is off in the kernel of node2."""
    Cluster().proof().assert_named(
        "strict ARP, node2: expected arp_ignore 1, arp_announce 2, found arp_ignore 0, arp_announce 2"
    )
