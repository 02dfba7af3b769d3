# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Which endpoints a node's kube-proxy uses for a Service port.

The decisions are kube-proxy's own (pkg/proxy/topology.go of Kubernetes 1.34), the same in all of its modes.

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _ipvs
from ansible_collections.kubeaddons.metallb.plugins.module_utils._expected import Endpoint, ServicePort

Endpoints = t.Dict[str, Endpoint]  # by "address:port"
Chosen = t.Tuple[t.Set[str], t.Set[str]]  # those in use, and those that kube-proxy may still be dropping


def of_family(row: ServicePort, ipv6: bool, node: str) -> Endpoints:
    """Return a Service port's endpoints of one address family."""
    found: Endpoints = {}
    for endpoint in row.endpoints:
        if (":" in endpoint.address) == ipv6:
            key = _ipvs.join_endpoint(_ipvs.canonical_address(endpoint.address), endpoint.port)
            # The same endpoint may stand in two slices; kube-proxy lets the one that is local win.
            if key not in found or endpoint.node == node:
                found[key] = endpoint
    return found


def topology_mode(endpoints: t.Iterable[Endpoint], node: str, zone: str) -> str:
    """Return "node", "zone" or "": which hints choose the endpoints that this node uses."""
    all_nodes = all_zones = True
    for_node = for_zone = False
    for endpoint in endpoints:
        if not endpoint.ready:
            continue
        if endpoint.node_hints:
            for_node = for_node or node in endpoint.node_hints
        else:
            all_nodes = False
        if endpoint.zone_hints:
            for_zone = for_zone or zone in endpoint.zone_hints
        else:
            all_zones = False
        if not all_nodes and not all_zones:
            return ""
    if all_nodes and for_node:
        return "node"
    return "zone" if all_zones and for_zone else ""


def _hinted(endpoint: Endpoint, mode: str, node: str, zone: str) -> bool:
    return endpoint.ready and (node in endpoint.node_hints if mode == "node" else zone in endpoint.zone_hints)


def _choose(endpoints: Endpoints, mode: str, node: str, zone: str) -> Chosen:
    if mode:
        usable = {key for key, endpoint in endpoints.items() if _hinted(endpoint, mode, node, zone)}
    else:
        usable = {key for key, endpoint in endpoints.items() if endpoint.ready}
        if len(usable) == len(endpoints):
            # What nearly all Services are.
            return usable, set()
    leaving = {
        key for key, endpoint in endpoints.items() if endpoint.terminating and endpoint.serving and not endpoint.ready
    }
    return usable or leaving, leaving


def of_cluster(endpoints: Endpoints, node: str, zone: str) -> Chosen:
    """Return what a node uses with the traffic policy Cluster."""
    return _choose(endpoints, topology_mode(endpoints.values(), node, zone), node, zone)


def of_node(endpoints: Endpoints, node: str) -> Chosen:
    """Return what a node uses with the traffic policy Local."""
    own = {key: endpoint for key, endpoint in endpoints.items() if node and endpoint.node == node}
    return _choose(own, "", node, "")
