# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Settings -> the custom resources that they ask for, in the order in which they are applied."""

from __future__ import annotations

import base64
import math
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._bgp import Peer
from ansible_collections.kubeaddons.metallb.plugins.module_utils._configuration import PEER_SECRET
from ansible_collections.kubeaddons.metallb.plugins.module_utils._pools import Layer2, Pool
from ansible_collections.kubeaddons.metallb.plugins.module_utils._settings import Settings

Object = t.Dict[str, t.Any]

V1 = "metallb.io/v1beta1"
V2 = "metallb.io/v1beta2"


def custom_resources(settings: Settings) -> list[Object]:
    """Return the custom resources and the Secrets that they name: what others refer to comes first."""
    bgp = settings.bgp

    def make(kind: str, name: str, spec: Object, version: str = V1, labels: dict[str, str] | None = None) -> Object:
        metadata: Object = {"name": name, "namespace": settings.namespace}
        if labels:
            metadata["labels"] = labels
        return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}

    return [
        *(make("BFDProfile", one.name, one.spec) for one in bgp.bfd_profiles),
        *(make("Community", one.name, one.spec) for one in bgp.communities),
        *(make("IPAddressPool", one.name, _pool(one), labels=one.labels) for one in sorted(settings.pools, key=_turn)),
        *(_secret(one, settings.namespace) for one in bgp.peers if one.password is not None),
        *(make("BGPPeer", one.name, _peer(one), V2) for one in bgp.peers),
        *(make("L2Advertisement", one.name, _layer2(one)) for one in settings.layer2),
        *(make("BGPAdvertisement", one.name, one.spec) for one in bgp.advertisements),
    ]


def _turn(pool: Pool) -> tuple[bool, float]:
    """Return when a pool's turn is: first those that are for some Services only, as MetalLB itself chooses.

    A Service that finds only the pool for everybody takes an address of that, and keeps it.
    """
    limited = any(value for key, value in pool.allocation.items() if key != "priority")
    return (not limited, pool.allocation.get("priority") or math.inf)


def _pool(pool: Pool) -> Object:
    spec: Object = {
        "addresses": [one.text for one in pool.ranges],
        "autoAssign": pool.auto_assign,
        "avoidBuggyIPs": pool.avoid_buggy_ips,
    }
    if pool.allocation:
        spec["serviceAllocation"] = pool.allocation
    return {**spec, **pool.extra}


def _layer2(one: Layer2) -> Object:
    spec = {
        "ipAddressPools": one.named,
        "ipAddressPoolSelectors": one.pool_selectors,
        "interfaces": one.interfaces,
        "nodeSelectors": one.node_selectors,
        "serviceSelectors": one.service_selectors,
    }
    return {**{field: value for field, value in spec.items() if value}, **one.extra}


def _peer(peer: Peer) -> Object:
    return peer.spec if peer.password is None else {**peer.spec, "passwordSecret": {"name": _secret_name(peer)}}


def _secret(peer: Peer, namespace: str) -> Object:
    """Return the Secret that MetalLB wants a peer's password in."""
    password = base64.b64encode(str(peer.password).encode()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": _secret_name(peer), "namespace": namespace},
        "type": PEER_SECRET,
        "data": {"password": password},
    }


def _secret_name(peer: Peer) -> str:
    return "metallb-peer-" + peer.name
