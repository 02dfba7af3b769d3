# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What MetalLB refuses of a BGP configuration as a whole, said before it is applied; and what it takes and never works.

Which nodes a selector selects is not known here: where it decides, MetalLB's webhook has the last word.
"""

from __future__ import annotations

import ipaddress
import itertools
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._addresses import AddressRange
from ansible_collections.kubeaddons.metallb.plugins.module_utils._backend import NATIVE, Version, by_frr
from ansible_collections.kubeaddons.metallb.plugins.module_utils._bgp import LAYER3, Bgp, BgpAdvertisement, Peer
from ansible_collections.kubeaddons.metallb.plugins.module_utils._fields import seconds
from ansible_collections.kubeaddons.metallb.plugins.module_utils._pools import Pool
from ansible_collections.kubeaddons.metallb.plugins.module_utils._reader import Reader

Object = t.Dict[str, t.Any]
Check = t.Callable[[Reader, Peer], None]

DEFAULT_PORT = 179
DEFAULT_LENGTHS = {4: 32, 6: 128}
LENGTHS = {4: "aggregationLength", 6: "aggregationLengthV6"}
# Until then a hold time of 90 s was assumed where none is given, and 0 meant the same.
NO_DEFAULT_TIMERS = (0, 14, 9)
# Until then native refused every IPv6 pool beside an advertisement, advertised or not.
ONLY_ADVERTISED_POOLS = (0, 14, 9)
# Until then the rules of FRR held for all peers, whichever nodes they are for.
RULES_BY_NODE = (0, 16, 0)
# Since then a session carries the prefixes of its own family only, unless dual_stack is set; disableMP said so before.
ONE_FAMILY_A_SESSION = (0, 15, 0)


def needs_of_pools(read: Reader, bgp: Bgp, pools: t.Sequence[Pool], version: Version) -> None:
    """Keep that IPv6 by BGP needs FRR."""
    if not bgp.advertisements:
        return
    advertised = {name for one in bgp.advertisements for name in one.pools}
    for pool in pools:
        if pool.name in advertised or version < ONLY_ADVERTISED_POOLS:
            for one in pool.ranges:
                if one.first.version == 6:
                    read.need(pool.origin, one.text, by_frr(), "is IPv6, and beside BGP it")


def check(read: Reader, bgp: Bgp, pools: t.Sequence[Pool], backend: str, version: Version) -> None:
    """Keep an error for what MetalLB would refuse, and a warning for what would do nothing."""
    for peer in bgp.peers:
        _peer(read, peer, bgp, backend, version)
    for one, other in itertools.combinations(bgp.peers, 2):
        _two_peers(read, one, other, backend, version)
    by_name = {pool.name: pool for pool in pools}
    for advertisement in bgp.advertisements:
        _advertisement(read, advertisement, by_name)
        _echo(read, advertisement, bgp, by_name)
    for first, second in itertools.combinations(bgp.advertisements, 2):
        _preferences(read, first, second, by_name)


def remarks(bgp: Bgp, pools: t.Sequence[Pool], backend: str, version: Version) -> list[str]:
    """Return a warning for what MetalLB takes and never works."""
    return [*_deaf(bgp), *_foreign(bgp, pools, backend, version)]


def without_speaker(bgp: Bgp) -> list[str]:
    """Return a warning for peers where no speaker runs."""
    return [
        "{0}: metallb_speaker_enabled is false, so nobody speaks BGP; switch it on, or remove the peers.".format(
            one.origin
        )
        for one in bgp.peers[:1]
    ]


def _deaf(bgp: Bgp) -> list[str]:
    """Peers that learn nothing, and pools that nobody learns."""
    if not bgp.peers:
        rest = "is announced to nobody, because there are no BGP peers; add metallb_peers, or those of"
        return ["{0} {1} {2}.".format(one.origin, rest, LAYER3) for one in bgp.advertisements]
    everybody = any(not one.peers for one in bgp.advertisements)
    named = {name for one in bgp.advertisements for name in one.peers}
    return [
        "{0} learns nothing, because no pool is announced to it; {1}.".format(
            peer.origin,
            "name pools in its address_pool" if peer.origin.startswith(LAYER3) else 'set metallb_protocol: "bgp"',
        )
        for peer in bgp.peers
        if not everybody and peer.name not in named
    ]


def _foreign(bgp: Bgp, pools: t.Sequence[Pool], backend: str, version: Version) -> t.Iterator[str]:
    """Pools of a family that no session carries."""
    if backend == NATIVE or version < ONE_FAMILY_A_SESSION:
        return
    families = {pool.name: {one.first.version for one in pool.ranges} for pool in pools}
    for one in bgp.advertisements:
        peers = [peer for peer in bgp.peers if not one.peers or peer.name in one.peers]
        carried = {family for peer in peers for family in _carries(peer.spec)}
        for name in one.pools:
            for family in sorted(families.get(name, set()) - carried) if peers else []:
                yield (
                    '{0} announces the pool "{1}" to no peer with an IPv{2} session, so nobody learns its IPv{2} addresses; '
                    "set dual_stack on a peer, or add one.".format(one.origin, name, family)
                )


def _carries(peer: Object) -> set[int]:
    """Return the families whose prefixes a session carries."""
    if peer.get("dualStackAddressFamily") or "peerAddress" not in peer:
        return {4, 6}
    return {ipaddress.ip_address(peer["peerAddress"]).version}


# Each peer ------------------------------------------------------------------------------------------------------------


def _peer(read: Reader, peer: Peer, bgp: Bgp, backend: str, version: Version) -> None:
    spec, origins = peer.spec, peer.origins
    _exclusive(read, peer)
    _timers(read, peer, version)
    _families(read, peer)
    if spec.get("ebgpMultiHop"):
        if "peerASN" in spec and spec["peerASN"] == spec.get("myASN"):
            rest = "is for a peer of another AS, and peer_asn is my_asn; remove it"
            read.error(origins["ebgpMultiHop"], True, rest)
        elif backend == NATIVE:
            read.warnings.append("{0} makes no difference to the backend native.".format(origins["ebgpMultiHop"]))
        elif any(one.name == spec.get("bfdProfile") and one.spec.get("echoMode") for one in bgp.bfd_profiles):
            read.warnings.append(
                "{0} has echo_mode, which does not go over several hops; use a profile without it.".format(
                    origins["bfdProfile"]
                )
            )
    if "localASN" in spec and spec["localASN"] == spec.get("myASN"):
        read.error(origins["localASN"], spec["localASN"], "is my_asn, which FRR refuses; remove it")
    if "bfdProfile" in spec and spec["bfdProfile"] not in [one.name for one in bgp.bfd_profiles]:
        rest = "is not a profile of {0}.bfd_profiles; add it there or remove the line".format(LAYER3)
        read.error(origins["bfdProfile"], spec["bfdProfile"], rest)
    if spec.get("disableMP") and version >= ONE_FAMILY_A_SESSION:
        read.warnings.append(
            "{0} has no effect since MetalLB 0.15.0, which does so anyway; remove it.".format(origins["disableMP"])
        )


def _exclusive(read: Reader, peer: Peer) -> None:
    """Each peer has one of two."""
    rest = "does not go with {0}; remove one of the two"
    for field, other, key in (("dynamicASN", "peerASN", "peer_asn"), ("interface", "peerAddress", "peer_address")):
        if field in peer.spec and other in peer.spec:
            read.error(peer.origins[field], peer.spec[field], rest.format(key))
    if peer.password is not None and "passwordSecret" in peer.spec:
        read.error(peer.origins["passwordSecret"], peer.spec["passwordSecret"]["name"], rest.format("password"))


def _timers(read: Reader, peer: Peer, version: Version) -> None:
    if "keepaliveTime" not in peer.spec:
        return
    keepalive = seconds(peer.spec["keepaliveTime"])
    if "holdTime" in peer.spec:
        hold = seconds(peer.spec["holdTime"])
    else:
        hold = keepalive * 3 if version >= NO_DEFAULT_TIMERS else seconds("90s")
    path, value = peer.origins["keepaliveTime"], peer.spec["keepaliveTime"]
    if keepalive >= hold and (keepalive or hold):
        read.error(path, value, "is not shorter than the hold time; write a third of it, or remove it")
    elif 0 < hold < 3:
        read.error(path, value, "makes the hold time, its triple, shorter than 3 seconds; write at least 1 second")


def _families(read: Reader, peer: Peer) -> None:
    source, address = peer.spec.get("sourceAddress"), peer.spec.get("peerAddress")
    if source and address and ipaddress.ip_address(source).version != ipaddress.ip_address(address).version:
        rest = "is of another family than {0}, the address of the peer; write one of the same".format(address)
        read.error(peer.origins["sourceAddress"], source, rest)


# Peers among each other -----------------------------------------------------------------------------------------------


def _two_peers(read: Reader, one: Peer, other: Peer, backend: str, version: Version) -> None:
    if not _same_nodes(one.spec, other.spec) and (backend == NATIVE or version >= RULES_BY_NODE):
        return
    here, there = _where(one, backend), _where(other, backend)
    if here is not None and here == there:
        path, value = _path(other, "peerAddress", "interface")
        read.error(path, value, "is the other side of {0}, too; remove one of the two".format(one.origin))
        return
    if backend == NATIVE:
        return
    if one.spec.get("routerID") != other.spec.get("routerID"):
        path, value = _path(other, "routerID") if "routerID" in other.spec else _path(one, "routerID")
        rest = "is not the router ID of every peer, and FRR has one for all of them; give all peers the same"
        read.error(path, value, rest)
    if _differ(one.spec, other.spec, "myASN") and one.spec.get("vrf") == other.spec.get("vrf"):
        path, value = _path(other, "myASN")
        rest = "is not {0}, the my_asn of {1}, and FRR has one for all peers; use local_asn where they must differ"
        read.error(path, value, rest.format(one.spec["myASN"], one.origin))


def _same_nodes(one: Object, other: Object) -> bool:
    """Return whether there surely are nodes that both speak from."""
    mine, theirs = one.get("nodeSelectors"), other.get("nodeSelectors")
    return not mine or not theirs or any(selector in theirs for selector in mine)


def _where(peer: Peer, backend: str) -> tuple[object, ...] | None:
    """Return what tells two sessions apart; None where the peer has no other side."""
    whom = peer.spec.get("peerAddress") or peer.spec.get("interface")
    if whom is None:
        return None
    # FRR knows its neighbours by their address alone.
    return (whom, peer.spec.get("peerPort", DEFAULT_PORT) if backend == NATIVE else None, peer.spec.get("vrf"))


def _path(peer: Peer, *fields: str) -> tuple[str, object]:
    """Return path and value of the first of some fields that a peer has."""
    found = next(field for field in fields if field in peer.spec)
    return peer.origins[found], peer.spec[found]


def _differ(one: Object, other: Object, field: str) -> bool:
    return field in one and field in other and bool(one[field] != other[field])


# Advertisements -------------------------------------------------------------------------------------------------------


def _advertisement(read: Reader, one: BgpAdvertisement, pools: t.Mapping[str, Pool]) -> None:
    for version, field in LENGTHS.items():
        length = one.spec.get(field)
        if length is None:
            continue
        if length != DEFAULT_LENGTHS[version] and one.spec.get("serviceSelectors"):
            read.error(
                one.origins[field],
                length,
                "does not go with service_selectors, which choose single addresses; remove it",
            )
        ranges = [entry for name in one.pools if name in pools for entry in pools[name].ranges]
        for entry in ranges:
            largest = _largest(entry)
            if entry.first.version == version and length < largest:
                read.error(
                    one.origins[field],
                    length,
                    'is shorter than the largest network in "{0}", a /{1}; write {1} or more'.format(
                        entry.text, largest
                    ),
                )


def _largest(one: AddressRange) -> int:
    """Return the prefix length of the largest network in a range."""
    networks = ipaddress.summarize_address_range(one.first, one.last)
    return min(network.prefixlen for network in networks)


def _preferences(read: Reader, one: BgpAdvertisement, other: BgpAdvertisement, pools: t.Mapping[str, Pool]) -> None:
    """The same prefix with two preferences to the same peer."""
    if one.spec.get("localPref", 0) == other.spec.get("localPref", 0):
        return
    if one.spec.get("serviceSelectors") or other.spec.get("serviceSelectors"):
        return
    if one.peers and other.peers and not set(one.peers) & set(other.peers):
        return
    if not _same_nodes(one.spec, other.spec):
        return
    for name in one.pools:
        if name in other.pools and name in pools and _same_lengths(one, other, pools[name]):
            path = other.origins.get("localPref") or one.origins["localPref"]
            rest = (
                'is not the preference of {0}, which announces the same prefixes of the pool "{1}"; write the same, or '
            )
            rest += "keep pools, peers or lengths apart"
            found = other if "localPref" in other.origins else one
            rest = rest.format((one if found is other else other).origin, name)
            read.error(path, found.spec["localPref"], rest)
            return


def _same_lengths(one: BgpAdvertisement, other: BgpAdvertisement, pool: Pool) -> bool:
    """Return whether a family of the pool is announced at the same length, as MetalLB compares them."""
    families = {entry.first.version for entry in pool.ranges}
    return any(
        one.spec.get(LENGTHS[family], DEFAULT_LENGTHS[family])
        == other.spec.get(LENGTHS[family], DEFAULT_LENGTHS[family])
        for family in families
    )


def _echo(read: Reader, one: BgpAdvertisement, bgp: Bgp, pools: t.Mapping[str, Pool]) -> None:
    """BFD's echo mode is for IPv4."""
    echo = {profile.name for profile in bgp.bfd_profiles if profile.spec.get("echoMode")}
    ipv6 = [name for name in one.pools if any(entry.first.version == 6 for entry in _ranges(pools, name))]
    for peer in bgp.peers:
        profile = peer.spec.get("bfdProfile")
        if ipv6 and profile in echo and (not one.peers or peer.name in one.peers):
            rest = 'has echo_mode, which does not go with the IPv6 addresses of the pool "{0}" that this peer learns; remove '
            read.error(peer.origins["bfdProfile"], profile, (rest + "one of the two").format(ipv6[0]))


def _ranges(pools: t.Mapping[str, Pool], name: str) -> list[AddressRange]:
    return pools[name].ranges if name in pools else []
