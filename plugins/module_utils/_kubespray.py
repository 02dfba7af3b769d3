# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What Kubespray's own role makes of an inventory's MetalLB variables: what it drops, and what it breaks."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._eras import EMPTY, RENAMED_KEYS

Object = t.Dict[str, t.Any]

SINCE_2_22 = "is not read since Kubespray 2.22"
# Read from the releases up to 2.31: variable -> what becomes of it there.
DROPPED = {
    "metallb": "is not read since Kubespray 2.14",
    "metallb_ip_range": SINCE_2_22 + "; without metallb_config no pool is made and Services stay <pending>",
    "metallb_protocol": SINCE_2_22,
    "metallb_pool_name": SINCE_2_22,
    "metallb_auto_assign": SINCE_2_22,
    "metallb_avoid_buggy_ips": SINCE_2_22,
    "metallb_additional_address_pools": SINCE_2_22,
    "metallb_peers": SINCE_2_22,
    "metallb_controller_tolerations": SINCE_2_22,
    "metallb_limits_cpu": "is not read since Kubespray 2.17",
    "metallb_limits_mem": "is not read since Kubespray 2.17",
    "matallb_auto_assign": "ends the run since Kubespray 2.20",
    "metallb_memberlist_port": "only labels a container's port; MetalLB listens on 7946",
    "metallb_bgp_backend": "is not Kubespray's: its manifests are those of the backend native",
}
# What Kubespray's templates read below metallb_config.
POOL = ("ip_range", "auto_assign", "avoid_buggy_ips")
LAYER3 = ("defaults", "communities", "metallb_peers")
DEFAULTS = ("peer_port", "hold_time")
PEER = (
    "peer_address",
    "peer_asn",
    "my_asn",
    "peer_port",
    "hold_time",
    "password",
    "router_id",
    "multihop",
    "address_pool",
    "communities",
    "aggregation_length",
    "localpref",
)
KUBESPRAY_VERSION = "0.13.9"
OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?\Z")


def losses(variables: t.Mapping[str, t.Any]) -> list[str]:
    """Return a sentence for each thing that Kubespray's role drops or breaks.

    variables: name -> value of what the inventory sets, without the defaults of any role.
    """
    found = ["{0} {1}.".format(name, DROPPED[name]) for name in DROPPED if variables.get(name) not in EMPTY]
    version = str(variables.get("metallb_version") or "").lstrip("v")
    if version and version != KUBESPRAY_VERSION:
        found.append(
            "metallb_version changes the images only: Kubespray's manifests are those of {0}.".format(KUBESPRAY_VERSION)
        )
    config = variables.get("metallb_config")
    if isinstance(config, dict):
        found.extend(
            "metallb_config.{0}.".format(one) for one in (*_pools(config), *_components(config), *_bgp(config))
        )
    return found


def _mapping(value: object) -> Object:
    return value if isinstance(value, dict) else {}


def _listing(value: object) -> list[t.Any]:
    return value if isinstance(value, list) else []


def _pools(config: Object) -> t.Iterator[str]:
    for name, pool in _mapping(config.get("address_pools")).items():
        for key, value in _mapping(pool).items():
            if key not in POOL and value not in EMPTY:
                yield "address_pools.{0}.{1} is not read".format(name, key)
    for index, entry in enumerate(_listing(config.get("layer2"))):
        if isinstance(entry, dict):
            yield "layer2[{0}] breaks the template, which takes every entry for a pool's name".format(index)


def _components(config: Object) -> t.Iterator[str]:
    for component in ("controller", "speaker"):
        for key in RENAMED_KEYS:
            if key in _mapping(config.get(component)):
                yield "{0}.{1} is not read".format(component, key)


def _bgp(config: Object) -> t.Iterator[str]:
    layer3 = _mapping(config.get("layer3"))
    if not layer3:
        return
    for key in layer3:
        if key not in LAYER3:
            yield "layer3.{0} is not read".format(key)
    defaults = _mapping(layer3.get("defaults"))
    for key in defaults:
        if key not in DEFAULTS:
            yield "layer3.defaults.{0} is not read".format(key)
    for name in _mapping(layer3.get("communities")):
        if not OBJECT_NAME.match(str(name)):
            yield "layer3.communities.{0} cannot be applied: Kubespray makes it an object's name".format(name)
    peers = _mapping(layer3.get("metallb_peers"))
    if not peers:
        yield "layer3 without metallb_peers ends the run after the pools were applied"
    for name, peer in peers.items():
        origin = "layer3.metallb_peers.{0}".format(name)
        yield from (origin + one for one in _peer(_mapping(peer), defaults, len(peers)))


def _peer(entry: Object, defaults: Object, peers: int) -> t.Iterator[str]:
    for key, value in entry.items():
        if key not in PEER and value not in EMPTY:
            yield ".{0} is not read".format(key)
    missing = [key for key in ("peer_address", "peer_asn", "my_asn", "address_pool") if entry.get(key) in EMPTY]
    if entry.get("peer_port") in EMPTY and defaults.get("peer_port") in EMPTY:
        missing.append("peer_port")
    if missing:
        yield " without {0} ends the run after the pools were applied".format(missing[0])
    if entry.get("password") not in EMPTY:
        yield ".password stands in a file on the first control plane that everybody may read, and in the peer's object"
    if len(_listing(entry.get("communities"))) > 1:
        yield ".communities keeps only its last entry"
    if peers > 1 and entry.get("address_pool") not in EMPTY:
        yield ".address_pool does not bind its pools to this peer: every peer learns them"
    yield from _aggregation(entry)


def _aggregation(entry: Object) -> t.Iterator[str]:
    length = entry.get("aggregation_length")
    if isinstance(length, str):
        yield ".aggregation_length breaks the template, which compares it with a number"
    elif isinstance(length, int) and length <= 30:
        yield ".aggregation_length makes an advertisement with the field localpref, which MetalLB does not have"
    elif length not in EMPTY:
        yield ".aggregation_length is not read because it is more than 30"
    if entry.get("localpref") not in EMPTY and not (isinstance(length, int) and length <= 30):
        yield ".localpref is not read"
