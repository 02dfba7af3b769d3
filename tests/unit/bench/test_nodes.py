# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Nobody runs a benchmark with every commit, so that one may stop fitting what it measures without a word."""

from __future__ import annotations

import pytest
from bench import nodes


@pytest.mark.parametrize("bgp", [False, True])
def test_the_made_up_cluster_goes_through_the_pieces(bgp: bool) -> None:
    found = nodes.measure(nodes.Size(nodes=3, services=4, bgp=bgp))
    assert found["node ports asked"] == 3 * 4
    # Of each Service: address, ARP, answer, backends, path; on each node its port, and from each node four requests.
    of_service = 5 + 3 * (1 + 4) + (2 if bgp else 0)
    # Of each node: strict ARP and IPVS, and its session. Notes on elections come on top.
    assert 0 <= found["rows"] - 4 * of_service - 3 * (3 if bgp else 2) <= 4
