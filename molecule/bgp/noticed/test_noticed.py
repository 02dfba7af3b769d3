# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""After side_effect: one node has no session; the proof has to fail and to name node and peer."""

from __future__ import annotations

import os

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import Cluster


def test_proof_names_node_and_peer() -> None:
    """The addresses still work by way of the other node."""
    Cluster().proof().assert_named("BGP session, node3 -> ", os.environ["LAB_ROUTER1"])
