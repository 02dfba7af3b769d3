# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The custom resources as one set: what is due, in which order, whose the live objects are, and what must not happen."""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._addresses import Address, AddressRange, live_range
from ansible_collections.kubeaddons.metallb.plugins.module_utils._apply import (
    MANAGED_BY,
    MANAGER,
    Change,
    due,
    stamp,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._external_ip import handled, ingress_addresses
from ansible_collections.kubeaddons.metallb.plugins.module_utils._managed_fields import LAST_APPLIED, declared
from ansible_collections.kubeaddons.metallb.plugins.module_utils._resources import path, reference, some

Object = t.Dict[str, t.Any]

# Kinds of the set with their API versions, in the order in which they are applied: what is referred to comes first.
KINDS = {
    "BFDProfile": "metallb.io/v1beta1",
    "Community": "metallb.io/v1beta1",
    "IPAddressPool": "metallb.io/v1beta1",
    "Secret": "v1",
    "BGPPeer": "metallb.io/v1beta2",
    "L2Advertisement": "metallb.io/v1beta1",
    "BGPAdvertisement": "metallb.io/v1beta1",
}
PEER_SECRET = "kubernetes.io/basic-auth"  # the type of Secrets that MetalLB takes passwords from
OURS, KUBESPRAY, OTHER = "ours", "kubespray", "other"
MOST_NAMED = 10  # Services or objects that one sentence names

# What Kubespray's templates put into the specs of its objects, and nothing besides.
_KUBESPRAY_FIELDS = {
    "IPAddressPool": {"addresses", "autoAssign", "avoidBuggyIPs"},
    "L2Advertisement": {"ipAddressPools"},
    "BGPPeer": {"myASN", "peerASN", "peerAddress", "peerPort", "holdTime", "routerID", "password", "ebgpMultiHop"},
    "BGPAdvertisement": {"aggregationLength", "aggregationLengthV6", "ipAddressPools", "localPref", "communities"},
    "Community": {"communities"},
}
_KUBESPRAY_ADVERTISEMENTS = ("-external", "-local")  # behind a peer's name
# Fields that the API server lets nobody change.
IMMUTABLE = ("enableGracefulRestart",)


class Plan(t.NamedTuple):
    """What the set needs; nothing may be changed while there are errors."""

    changes: list[Change]
    errors: list[str]
    warnings: list[str]


def plan(
    desired: t.Sequence[Object],
    live: t.Sequence[Object],
    services: t.Sequence[Object],
    origins: t.Mapping[str, str],
    adopt: bool,
    reassign: bool,
    loadbalancer_class: str | None,
    frr: bool,
) -> Plan:
    """Compare the set that is wanted with the live one.

    live: every live object of KINDS. services: all Services. origins: name of a pool -> the variable that it comes from.
    adopt: take over objects of other making, too. reassign: addresses in use may leave their pool. frr: whether the backend
    is one of FRR's.
    """
    stamped = [stamp(obj) for obj in desired]
    wanted = {path(obj) for obj in stamped}
    found = {path(obj): obj for obj in live if not _foreign_secret(obj, wanted)}
    errors: list[str] = []
    warnings: list[str] = []
    removed: list[Object] = []
    left: list[str] = []
    for at, obj in found.items():
        owner = owner_of(obj)
        if at in wanted:
            if owner == OTHER and not adopt:
                errors.append(
                    "{0} was made by other means than this collection; set metallb_adopt: true to take it over, or "
                    "choose another name.".format(reference(obj))
                )
            elif owner != OURS:
                warnings.append(
                    "{0} was made by {1} and is taken over.".format(
                        reference(obj), "Kubespray's role" if owner == KUBESPRAY else "other means"
                    )
                )
        elif owner == OURS or adopt or _replaced(obj, owner, stamped):
            removed.append(obj)
        else:
            left.append(reference(obj))
    if left:
        warnings.append(
            "{0} {1} made by other means than this collection and left alone; set metallb_adopt: true to have {2} removed "
            "with all that the variables do not name.".format(
                some(left, MOST_NAMED), *(("are", "them") if len(left) > 1 else ("is", "it"))
            )
        )
    changes = due(stamped, removed, found, lambda obj: owner_of(obj) != OURS or declared(obj))
    for change, held in leaving(changes, services, loadbalancer_class):
        where = origins.get(change.desired["metadata"]["name"], change.name) if change.desired else change.name
        text = "{0}: {1} would leave the pool while in use".format(where, some(held, MOST_NAMED))
        if reassign:
            warnings.append(text + "; the Services get other addresses.")
        else:
            errors.append(
                text + "; keep these addresses there, or set metallb_reassign_addresses: true to give the Services "
                "other ones."
            )
    return Plan(in_order(changes, frr), errors, warnings)


def owner_of(obj: Object) -> str:
    """Return whose an object is: OURS, KUBESPRAY (by the look of it) or OTHER."""
    meta = obj["metadata"]
    if (meta.get("labels") or {}).get(MANAGED_BY) == MANAGER:
        return OURS
    fields = _KUBESPRAY_FIELDS.get(obj["kind"])
    applied = LAST_APPLIED in (meta.get("annotations") or {})
    if applied and fields is not None and set(obj.get("spec") or {}) <= fields:
        return KUBESPRAY
    return OTHER


def _foreign_secret(obj: Object, wanted: set[str]) -> bool:
    """Return whether a Secret has nothing to do with the set."""
    return (
        obj["kind"] == "Secret"
        and path(obj) not in wanted
        and (obj.get("type") != PEER_SECRET or owner_of(obj) != OURS)
    )


def _replaced(obj: Object, owner: str, desired: t.Sequence[Object]) -> bool:
    """Return whether an object is Kubespray's advertisement of a peer that is ours now.

    It announces its pools to every peer, whatever ours says.
    """
    if owner != KUBESPRAY or obj["kind"] != "BGPAdvertisement":
        return False
    peers = {one["metadata"]["name"] for one in desired if one["kind"] == "BGPPeer"}
    return any(obj["metadata"]["name"] == peer + suffix for peer in peers for suffix in _KUBESPRAY_ADVERTISEMENTS)


def leaving(
    changes: t.Sequence[Change], services: t.Sequence[Object], loadbalancer_class: str | None
) -> list[tuple[Change, list[str]]]:
    """Return the changes that take addresses in use away from their pool, each with "address of namespace/name" texts.

    An address that another pool of the set holds afterwards counts as well: two pools cannot share it for a moment, so
    MetalLB takes it from the Service in between.
    """
    used = [
        (ipaddress.ip_address(address), "{0} of {1}/{2}".format(address, *_key(service)))
        for service in services
        if handled(service, loadbalancer_class)
        for address in ingress_addresses(service)
    ]
    found = []
    for change in changes:
        if change.live is None or change.live["kind"] != "IPAddressPool":
            continue
        texts = [text for one, text in used if _holds(change.live, one) and not _holds(change.desired, one)]
        if texts:
            found.append((change, texts))
    return found


def outside(services: t.Sequence[Object], pools: t.Sequence[Object], loadbalancer_class: str | None) -> list[str]:
    """Return "address of namespace/name" for each address that a Service of ours has and that no pool holds."""
    return [
        "{0} of {1}/{2}".format(address, *_key(service))
        for service in services
        if handled(service, loadbalancer_class)
        for address in ingress_addresses(service)
        if not any(_holds(pool, ipaddress.ip_address(address)) for pool in pools)
    ]


def _key(service: Object) -> tuple[str, str]:
    return service["metadata"]["namespace"], service["metadata"]["name"]


def _holds(pool: Object | None, address: Address) -> bool:
    """Return whether MetalLB would leave an address of this pool to its Service."""
    if pool is None:
        return False
    if pool["spec"].get("avoidBuggyIPs") and address.version == 4 and int(address) & 0xFF in (0, 0xFF):
        return False
    return any(one.holds(address) for one in ranges(pool))


def ranges(pool: Object) -> list[AddressRange]:
    """Return what MetalLB reads in a pool, of whatever making."""
    return [one for one in map(live_range, pool["spec"].get("addresses") or []) if one is not None]


def live_ranges(live: t.Sequence[Object]) -> list[AddressRange]:
    """Return the ranges of all live pools: their addresses may answer because MetalLB announces them."""
    return [one for obj in live if obj["kind"] == "IPAddressPool" for one in ranges(obj)]


def in_order(changes: t.Sequence[Change], frr: bool) -> list[Change]:
    """Return the changes in an order that MetalLB's webhooks accept, each of which sees one object at a time.

    Kinds in the order of KINDS, removals behind and backwards. An object that cannot be there together with what another
    one still is comes after that one. frr: whether the backend is one of FRR's, which wants peers to agree.
    """
    first: list[Change] = []
    last: list[Change] = []
    for kind in KINDS:
        own = [change for change in changes if change.kind == kind]
        if kind == "IPAddressPool":
            applied, removed = _untangled(own, _pools_clash)
        elif kind == "BGPPeer":
            applied, removed = _untangled(own, lambda one, other: _peers_clash(one, other, frr))
        else:
            applied = [change for change in own if change.desired is not None]
            removed = [change for change in own if change.desired is None]
        first.extend(applied)
        last = removed + last
    return first + last


def _untangled(
    changes: t.Sequence[Change], clash: t.Callable[[Object, Object], bool]
) -> tuple[list[Change], list[Change]]:
    """Return the changes of a kind in their order, and the removals that none of them waits for.

    clash(desired, live): whether an object cannot be made while another one is still as it is.
    """

    def in_the_way(other: Change, change: Change) -> bool:
        if other.path == change.path or other.live is None or change.desired is None:
            return False
        return clash(change.desired, other.live)

    late = [one for one in changes if one.desired is None and not any(in_the_way(one, other) for other in changes)]
    pending = [part for one in changes if one not in late for part in _parts(one)]
    waiting = {one.path for one in pending if any(in_the_way(other, one) for other in pending)}
    ordered: list[Change] = []
    while pending:
        ready = [one for one in pending if not any(in_the_way(other, one) for other in pending)]
        if not ready:  # each waits for another: one has to go and come back
            ring = pending.pop(0)
            ordered.append(Change(None, ring.live))
            pending.insert(0, Change(ring.desired, None, waits=True))
            continue
        ordered.extend(ready)
        pending = [one for one in pending if one not in ready]
    return [one._replace(waits=one.waits or one.path in waiting) for one in ordered], late


def _parts(change: Change) -> list[Change]:
    """Return the change itself, or removal and creation where a field cannot be changed."""
    if change.desired is None or change.live is None:
        return [change]
    if any(change.desired["spec"].get(field) != change.live["spec"].get(field) for field in IMMUTABLE):
        return [Change(None, change.live), Change(change.desired, None, waits=True)]
    return [change]


def _pools_clash(one: Object, other: Object) -> bool:
    return any(mine.overlaps(its) for mine in ranges(one) for its in ranges(other))


def _peers_clash(one: Object, other: Object, frr: bool) -> bool:
    """Return whether two peers cannot be there together: the same neighbour, or for FRR one router of two minds."""
    mine, its = one["spec"], other["spec"]
    if (mine.get("vrf") or "") != (its.get("vrf") or ""):
        return False
    same = [mine.get(key) == its.get(key) for key in ("peerAddress", "interface")]
    if all(same) and (mine.get("peerPort") or 179) == (its.get("peerPort") or 179):
        return True
    return frr and any(mine.get(key) != its.get(key) for key in ("myASN", "routerID"))
