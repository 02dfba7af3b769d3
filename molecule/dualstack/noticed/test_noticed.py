# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""After side_effect: two machines answer for the IPv6 address; the proof has to fail and to say which."""

from __future__ import annotations

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import Cluster


def test_proof_names_the_other_machine() -> None:
    """By its hardware address."""
    Cluster().proof().assert_named("NDP, segment, fd00:192:168:100::240", "52:54:00:00:00:01")
