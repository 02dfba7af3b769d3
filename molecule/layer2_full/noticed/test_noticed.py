# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""After side_effect: nobody announces the pool any more; the proof has to fail and to say so."""

from __future__ import annotations

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import Cluster


def test_proof_names_the_service_that_nobody_announces() -> None:
    """The address is still assigned, which would look well to kubectl."""
    Cluster().proof().assert_named("web/shop: announcement", "none takes the Service and its pool web")
