# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.kubeaddons.metallb.tests.unit.plugins.proof_looks import look, of, service, told


def test_many_nodes_are_few_words() -> None:
    routes = {"node{0}".format(number): ["router1"] for number in range(1, 41)}
    rows = of(look(service(layer2=False, bgp=told(expected=routes, announced={})), {}), "BGP")
    assert rows[0][2] == "announced by node1, node10, node11, node12, node13 and 35 more to router1"
