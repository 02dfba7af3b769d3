# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""BGP peers, advertisements, BFD profiles and communities, from all of the forms that an inventory may give them in."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _fields
from ansible_collections.kubeaddons.metallb.plugins.module_utils._backend import by_frr, since
from ansible_collections.kubeaddons.metallb.plugins.module_utils._eras import EMPTY
from ansible_collections.kubeaddons.metallb.plugins.module_utils._fields import Field, read_fields, whole
from ansible_collections.kubeaddons.metallb.plugins.module_utils._names import object_name
from ansible_collections.kubeaddons.metallb.plugins.module_utils._pools import Pool, Pools, everything, taken
from ansible_collections.kubeaddons.metallb.plugins.module_utils._reader import Reader
from ansible_collections.kubeaddons.metallb.plugins.module_utils._selectors import selectors

Object = t.Dict[str, t.Any]

LAYER3 = "metallb_config.layer3"
LAYER3_KEYS = ("defaults", "communities", "metallb_peers", "bfd_profiles", "advertisements")
# What Kubespray's role always defines, so that its inventories may name it.
WELL_KNOWN = {
    "no-export": "65535:65281",
    "no-advertise": "65535:65282",
    "local-as": "65535:65283",
    "nopeer": "65535:65284",
}
WELL_KNOWN_NAME = "well-known"
LARGE = by_frr((0, 13, 10))

# key of the inventory -> field of BGPPeer
PEER = {
    "peer_address": Field("peerAddress", _fields.address),
    "interface": Field("interface", _fields.text, by_frr((0, 15, 0))),
    "peer_asn": Field("peerASN", _fields.asn),
    "dynamic_asn": Field("dynamicASN", _fields.one_of("internal", "external"), by_frr((0, 14, 9))),
    "my_asn": Field("myASN", _fields.asn),
    "local_asn": Field("localASN", _fields.asn, by_frr((0, 16, 0))),
    "peer_port": Field("peerPort", whole(1, 16384, "a port that MetalLB takes")),
    "source_address": Field("sourceAddress", _fields.address),
    "router_id": Field("routerID", _fields.ipv4),
    "hold_time": Field("holdTime", _fields.hold_time),
    "keepalive_time": Field("keepaliveTime", _fields.keepalive_time, by_frr()),
    "connect_time": Field("connectTime", _fields.connect_time, by_frr((0, 14, 4))),
    "multihop": Field("ebgpMultiHop", _fields.flag),
    "password": Field("password", _fields.password),
    "password_secret": Field("passwordSecret", _fields.secret),
    "bfd_profile": Field("bfdProfile", _fields.text, by_frr()),
    "node_selectors": Field("nodeSelectors", selectors),
    "vrf": Field("vrf", _fields.text, by_frr()),
    "graceful_restart": Field("enableGracefulRestart", _fields.flag, by_frr((0, 14, 6), frr_k8s=(0, 14, 9))),
    "dual_stack": Field("dualStackAddressFamily", _fields.flag, by_frr((0, 15, 0))),
    "disable_mp": Field("disableMP", _fields.flag, by_frr((0, 14, 4))),
}
# A peer has one of each pair; its own one keeps the other one of the defaults away.
RIVALS = (("peer_address", "interface"), ("peer_asn", "dynamic_asn"), ("password", "password_secret"))

# key of the inventory -> field of BGPAdvertisement
ADVERTISEMENT = {
    "address_pools": Field("ipAddressPools", _fields.texts),
    "pool_selectors": Field("ipAddressPoolSelectors", selectors),
    "peers": Field("peers", _fields.texts),
    "aggregation_length": Field("aggregationLength", whole(1, 32, "a length of IPv4 prefixes")),
    "aggregation_length_v6": Field("aggregationLengthV6", whole(1, 128, "a length of IPv6 prefixes")),
    "localpref": Field("localPref", whole(0, _fields.MOST_32, "a local preference")),
    "communities": Field("communities", _fields.listed(_fields.community)),
    "node_selectors": Field("nodeSelectors", selectors),
    "service_selectors": Field("serviceSelectors", selectors, since((0, 16, 0))),
}
# The keys by which Kubespray says on a peer what it shall learn.
ON_PEER = {
    "address_pool": ADVERTISEMENT["address_pools"],
    **{key: ADVERTISEMENT[key] for key in ("communities", "aggregation_length", "aggregation_length_v6", "localpref")},
}

# key of the inventory -> field of BFDProfile
BFD_PROFILE = {
    "receive_interval": Field("receiveInterval", whole(10, 60000, "an interval in milliseconds")),
    "transmit_interval": Field("transmitInterval", whole(10, 60000, "an interval in milliseconds")),
    "detect_multiplier": Field("detectMultiplier", whole(2, 255)),
    "echo_interval": Field("echoInterval", whole(10, 60000, "an interval in milliseconds")),
    "echo_mode": Field("echoMode", _fields.flag),
    "passive_mode": Field("passiveMode", _fields.flag),
    "minimum_ttl": Field("minimumTtl", whole(1, 254, "a time to live")),
}


class Peer(t.NamedTuple):
    """One BGPPeer, without its password."""

    name: str
    spec: Object  # as in the custom resource
    origin: str  # path of the variable
    origins: dict[str, str]  # the same for each field of the spec
    password: str | None


class BgpAdvertisement(t.NamedTuple):
    """One BGPAdvertisement."""

    name: str
    spec: Object
    origin: str
    origins: dict[str, str]
    pools: list[str]  # of this inventory, named or selected
    peers: list[str]  # empty for all


class BfdProfile(t.NamedTuple):
    """One BFDProfile."""

    name: str
    spec: Object
    origin: str


class Community(t.NamedTuple):
    """One Community: a value under a name."""

    name: str  # of the object; the name that advertisements use stands in the spec
    spec: Object
    origin: str


class Bgp(t.NamedTuple):
    """Everything about BGP."""

    peers: list[Peer]
    advertisements: list[BgpAdvertisement]
    bfd_profiles: list[BfdProfile]
    communities: list[Community]


def read_bgp(read: Reader, config: Object, pools: Pools) -> Bgp:
    """Return what is wanted of BGP.

    config: the variable metallb_config.
    """
    layer3 = read.mapping(LAYER3, config.get("layer3"))
    read.known(LAYER3, layer3, LAYER3_KEYS)
    communities = _communities(read, layer3)
    profiles = _profiles(read, layer3)
    peers, advertisements = _config_peers(read, layer3)
    if read.has("metallb_peers"):
        rivals = [
            name
            for name, one in (("address_pools", config), ("layer3.metallb_peers", layer3))
            if one.get(name.rpartition(".")[2])
        ]
        if rivals:
            read.warnings.append(
                "metallb_peers has no effect beside metallb_config.{0}; move its peers to {1}.metallb_peers.".format(
                    rivals[0], LAYER3
                )
            )
        else:
            peers = _flat_peers(read)
    # Every peer learns a pool of the flat form, under the pool's name.
    origins = {pool.name: pool.origin for pool in pools.pools}
    advertisements.extend(
        BgpAdvertisement(name, {"ipAddressPools": [name]}, origins[name], {}, [name], []) for name in pools.bgp
    )
    advertisements.extend(_advertisements(read, layer3, pools.pools))
    _check_names(read, advertisements)
    for one in advertisements:
        _check_references(read, one, [pool.name for pool in pools.pools], [peer.name for peer in peers])
    communities.extend(_check_communities(read, advertisements, communities))
    return Bgp(peers, advertisements, profiles, communities)


def _communities(read: Reader, layer3: Object) -> list[Community]:
    """Return one Community for each name, as Kubespray makes them."""
    found: list[Community] = []
    origin = LAYER3 + ".communities"
    for key, value in read.mapping(origin, layer3.get("communities")).items():
        path, alias = "{0}.{1}".format(origin, key), str(key)
        try:
            if _fields.parse_community(value):
                read.need(path, value, LARGE)
        except ValueError as exc:
            read.error(path, value, str(exc))
        name = object_name(alias)
        if ":" in alias:
            read.error(path, alias, 'cannot be a name because of its ":"; choose another')
        elif name in [one.name for one in found]:
            read.error(path, alias, 'becomes the object "{0}", as another one does; choose another name'.format(name))
        found.append(Community(read.name(path, name), {"communities": [{"name": alias, "value": value}]}, path))
    return found


def _profiles(read: Reader, layer3: Object) -> list[BfdProfile]:
    found = []
    origin = LAYER3 + ".bfd_profiles"
    for key, value in read.mapping(origin, layer3.get("bfd_profiles")).items():
        path = "{0}.{1}".format(origin, key)
        entry = read.mapping(path, value)
        read.known(path, entry, (*BFD_PROFILE, "spec"))
        read.need(path, value, by_frr())
        spec = read_fields(read, path, entry, BFD_PROFILE).spec
        found.append(BfdProfile(read.name(path, str(key)), spec, path))
    return found


def _flat_peers(read: Reader) -> list[Peer]:
    """Return the peers of Kubespray up to 2.21, which have no names: that of what they speak to names them."""
    found: list[Peer] = []
    for index, value in enumerate(read.listing("metallb_peers", read.variables.get("metallb_peers"))):
        path = "metallb_peers[{0}]".format(index)
        entry = read.mapping(path, value)
        read.known(path, entry, (*PEER, "name", "spec"))
        given = entry.get("name")
        name = str(given) if given not in EMPTY else _name(entry, [peer.name for peer in found])
        if given not in EMPTY and name in [peer.name for peer in found]:
            read.error(path + ".name", given, "is the name of another peer; give each a name of its own")
        found.append(_peer(read, path, read.name(path + ".name", name), entry, {}, value))
    return found


def _name(entry: Object, others: t.Collection[str]) -> str:
    whom = str(entry.get("peer_address") or entry.get("interface") or "")
    name = "peer-" + (re.sub(r"[^a-z0-9]", "-", whom.lower()).strip("-") or "unknown")
    number = 2
    unique = name
    while unique in others:
        unique = "{0}-{1}".format(name, number)
        number += 1
    return unique


def _config_peers(read: Reader, layer3: Object) -> tuple[list[Peer], list[BgpAdvertisement]]:
    """Return the peers by name, and what each of them learns."""
    origin = LAYER3 + ".defaults"
    defaults = read.mapping(origin, layer3.get("defaults"))
    read.known(origin, defaults, (*PEER, *ON_PEER))
    peers, advertisements = [], []
    origin = LAYER3 + ".metallb_peers"
    for key, value in read.mapping(origin, layer3.get("metallb_peers")).items():
        path = "{0}.{1}".format(origin, key)
        entry = read.mapping(path, value)
        read.known(path, entry, (*PEER, *ON_PEER, "spec"))
        peer = _peer(read, path, read.name(path, str(key)), entry, defaults, value)
        peers.append(peer)
        merged, paths = _merge(entry, defaults)
        learns = read_fields(read, path, {key: one for key, one in merged.items() if key != "spec"}, ON_PEER, paths)
        if learns.spec.get("ipAddressPools"):
            # Narrower than Kubespray, whose advertisements go to every peer.
            spec = {**learns.spec, "peers": [peer.name]}
            pools = spec["ipAddressPools"]
            advertisements.append(BgpAdvertisement(peer.name, spec, path, learns.origins, pools, [peer.name]))
        elif alone := [key for key in ON_PEER if entry.get(key) not in EMPTY and key != "address_pool"]:
            read.warnings.append(
                "{0}.{1} has no effect without address_pool, which names the pools that the peer learns.".format(
                    path, alone[0]
                )
            )
    return peers, advertisements


def _merge(entry: Object, defaults: Object) -> tuple[Object, dict[str, str]]:
    """Return a peer's keys with what the defaults add, and the paths of the latter."""
    own = {key: value for key, value in entry.items() if value not in EMPTY}
    kept_away = {other for pair in RIVALS for one, other in (pair, pair[::-1]) if one in own}
    more = {key: value for key, value in defaults.items() if key not in own and key not in kept_away}
    return {**more, **own}, {key: "{0}.defaults.{1}".format(LAYER3, key) for key in more}


def _peer(read: Reader, path: str, name: str, entry: Object, defaults: Object, value: object) -> Peer:
    merged, paths = _merge(entry, defaults)
    found = read_fields(read, path, merged, PEER, paths)
    raw = merged.get("spec") if isinstance(merged.get("spec"), dict) else {}
    given = {field.name for key, field in PEER.items() if merged.get(key) not in EMPTY} | set(raw or {})
    for fields, remedy in (
        (("myASN",), "my_asn; add the AS number of the cluster's side"),
        (("peerASN", "dynamicASN"), 'peer_asn; add the AS number of the other side, or dynamic_asn: "external"'),
        (("peerAddress", "interface"), "peer_address; add the address of the other side, or an interface"),
    ):
        if not given.intersection(fields):
            read.error(path, value, "has no {0}".format(remedy))
    password = found.spec.pop("password", None)
    return Peer(name, found.spec, path, found.origins, password)


def _advertisements(read: Reader, layer3: Object, pools: t.Sequence[Pool]) -> list[BgpAdvertisement]:
    found = []
    origin = LAYER3 + ".advertisements"
    for index, value in enumerate(read.listing(origin, layer3.get("advertisements"))):
        path = "{0}[{1}]".format(origin, index)
        entry = read.mapping(path, value)
        read.known(path, entry, (*ADVERTISEMENT, "name", "spec"))
        name = entry.get("name")
        if name in EMPTY:
            read.error(path, value, "has no name; add one, such as name: uplink")
        fields = read_fields(read, path, entry, ADVERTISEMENT)
        chosen = fields.spec.get("ipAddressPoolSelectors", [])
        named = fields.spec.get("ipAddressPools") or everything(chosen, pools)
        spec = {**({"ipAddressPools": named} if named else {}), **fields.spec}
        found.append(
            BgpAdvertisement(
                "" if name in EMPTY else read.name(path + ".name", str(name)),
                spec,
                path,
                fields.origins,
                taken(read, path, named, chosen, pools),
                spec.get("peers", []),
            )
        )
    return found


def _check_names(read: Reader, advertisements: t.Sequence[BgpAdvertisement]) -> None:
    seen: dict[str, str] = {}
    for one in advertisements:
        if one.name and one.name in seen:
            rest = "is also the name of the advertisement of {0}; give each a name of its own".format(seen[one.name])
            read.error(one.origin, one.name, rest)
        seen[one.name] = one.origin


def _check_references(read: Reader, one: BgpAdvertisement, pools: t.Collection[str], peers: t.Collection[str]) -> None:
    for field, known, what in (("ipAddressPools", pools, "pool"), ("peers", peers, "peer")):
        if field not in one.origins:
            continue
        for index, name in enumerate(one.spec[field]):
            if name and name not in known:
                path = "{0}[{1}]".format(one.origins[field], index)
                read.error(path, name, "is not a {0} of this inventory; add the {0} or remove the line".format(what))


def _check_communities(
    read: Reader, advertisements: t.Sequence[BgpAdvertisement], known: t.Sequence[Community]
) -> list[Community]:
    """Judge the communities of advertisements; return those well-known ones that are named and not defined."""
    names = {alias["name"] for one in known for alias in one.spec["communities"]}
    missing: dict[str, str] = {}
    for one in advertisements:
        for index, given in enumerate(one.spec.get("communities", [])):
            path = "{0}[{1}]".format(one.origins["communities"], index)
            if given in names or not given:
                continue
            if given in WELL_KNOWN:
                missing[given] = WELL_KNOWN[given]
            elif ":" not in given:
                rest = "is not a community of {0}.communities; add it there, or write its value".format(LAYER3)
                read.error(path, given, rest)
            else:
                try:
                    if _fields.parse_community(given):
                        read.need(path, given, LARGE)
                except ValueError as exc:
                    read.error(path, given, str(exc))
    if not missing:
        return []
    spec = {"communities": [{"name": name, "value": value} for name, value in missing.items()]}
    return [Community(WELL_KNOWN_NAME, spec, LAYER3)]
