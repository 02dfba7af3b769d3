# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Pools and their layer2 advertisements, from all of the forms that an inventory may give them in."""

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._addresses import AddressRange, parse_range
from ansible_collections.kubeaddons.metallb.plugins.module_utils._backend import since
from ansible_collections.kubeaddons.metallb.plugins.module_utils._eras import EMPTY
from ansible_collections.kubeaddons.metallb.plugins.module_utils._fields import (
    Field,
    elsewhere,
    read_spec,
    texts,
    truth,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._reader import Reader
from ansible_collections.kubeaddons.metallb.plugins.module_utils._selectors import labels, selector_matches, selectors

Object = t.Dict[str, t.Any]

DEFAULT_POOL = "loadbalanced"  # the name that Kubespray gives to the pool of metallb_ip_range
POOL_KEYS = ("ip_range", "auto_assign", "avoid_buggy_ips", "service_allocation", "labels", "spec")
ALLOCATION_KEYS = ("priority", "namespaces", "namespace_selectors", "service_selectors")
LAYER2_KEYS = (
    "name",
    "address_pools",
    "pool_selectors",
    "interfaces",
    "node_selectors",
    "service_selectors",
    "spec",
)
CONFIG_KEYS = ("address_pools", "layer2", "layer3", "controller", "speaker")
PROTOCOLS = ("layer2", "bgp")
SERVICE_SELECTORS = since((0, 16, 0))  # of advertisements
# What may stand below spec, by the names of the custom resources.
POOL_SPEC = {
    "addresses": Field("addresses", elsewhere("ip_range")),
    "autoAssign": Field("autoAssign", truth),
    "avoidBuggyIPs": Field("avoidBuggyIPs", truth),
    "serviceAllocation": Field("serviceAllocation", elsewhere("service_allocation")),
}
LAYER2_SPEC = {
    "ipAddressPools": Field("ipAddressPools", elsewhere("address_pools")),
    "ipAddressPoolSelectors": Field("ipAddressPoolSelectors", elsewhere("pool_selectors")),
    "interfaces": Field("interfaces", texts),
    "nodeSelectors": Field("nodeSelectors", selectors),
    "serviceSelectors": Field("serviceSelectors", selectors, SERVICE_SELECTORS),
}


class Pool(t.NamedTuple):
    """One IPAddressPool."""

    name: str
    ranges: list[AddressRange]
    auto_assign: bool
    avoid_buggy_ips: bool
    allocation: Object  # serviceAllocation as in the custom resource; empty for every Service
    labels: dict[str, str]  # by which advertisements may select it
    extra: Object  # fields of the custom resource that have no name here
    origin: str  # the variable that it comes from, for messages


class Layer2(t.NamedTuple):
    """One L2Advertisement."""

    name: str
    pools: list[str]  # of this inventory, named or selected
    named: list[str]
    pool_selectors: list[Object]  # as in the custom resource
    interfaces: list[str]  # empty for all
    node_selectors: list[Object]  # the same for nodes; empty for all
    service_selectors: list[Object]  # the same for Services
    extra: Object  # fields of the custom resource that have no name here


class Pools(t.NamedTuple):
    """The pools and which protocol announces them; BGP has more to say about its own."""

    pools: list[Pool]
    layer2: list[Layer2]
    bgp: list[str]  # pools that every peer shall learn


def read_pools(read: Reader, config: Object) -> Pools:
    """Return the pools and what announces them.

    config: the variable metallb_config.
    """
    read.known("metallb_config", config, CONFIG_KEYS)
    protocol = _protocol(read, "metallb_protocol", read.variables.get("metallb_protocol"))
    if config.get("address_pools"):
        rest = "{0} has no effect beside metallb_config.address_pools; move its addresses there."
        for name in ("metallb_ip_range", "metallb_additional_address_pools"):
            if read.has(name):
                read.warnings.append(rest.format(name))
        if protocol == "bgp":
            read.warnings.append(
                "metallb_protocol has no effect beside metallb_config.address_pools; name the pools in address_pool of the "
                "peers of metallb_config.layer3."
            )
        return _config_pools(read, config)
    if config.get("layer2"):
        read.error(
            "metallb_config.layer2",
            config["layer2"],
            "names pools, and metallb_config.address_pools has none; add them there, or remove metallb_config.layer2: "
            "pools of metallb_ip_range are announced anyway",
        )
    return _flat_pools(read, protocol)


def _config_pools(read: Reader, config: Object) -> Pools:
    origin = "metallb_config.address_pools"
    pools = [
        _pool(read, "{0}.{1}".format(origin, name), str(name), entry)
        for name, entry in read.mapping(origin, config["address_pools"]).items()
    ]
    advertisements: list[Layer2] = []
    for index, entry in enumerate(read.listing("metallb_config.layer2", config.get("layer2"))):
        one = _layer2(read, "metallb_config.layer2[{0}]".format(index), entry, pools)
        if one in advertisements:
            continue  # the same pool twice says nothing new
        if one.name in [other.name for other in advertisements]:
            read.error(
                "metallb_config.layer2[{0}].name".format(index),
                one.name,
                "is the name of another advertisement; give each a name of its own",
            )
        advertisements.append(one)
    return Pools(pools, advertisements, [])


def _plain(pool: str) -> Layer2:
    """Return the advertisement of a pool to the whole segment, under the pool's name."""
    return Layer2(pool, [pool], [pool], [], [], [], [], {})


def _layer2(read: Reader, origin: str, entry: object, pools: t.Sequence[Pool]) -> Layer2:
    """Return an advertisement of a pool's name, or of the mapping that says more."""
    if not isinstance(entry, dict):
        _known_pools(read, {origin: entry}, pools)
        return _plain(str(entry))
    read.known(origin, entry, LAYER2_KEYS)
    if entry.get("service_selectors") not in EMPTY:
        read.need(origin + ".service_selectors", entry["service_selectors"], SERVICE_SELECTORS)
    name = entry.get("name")
    if name in EMPTY:
        read.error(origin, entry, "has no name; add one, such as name: lan")
    named = t.cast("list[str]", texts(read, origin + ".address_pools", entry.get("address_pools")) or [])
    places = {"{0}.address_pools[{1}]".format(origin, at): one for at, one in enumerate(named) if one}
    _known_pools(read, places, pools)
    chosen = selectors(read, origin + ".pool_selectors", entry.get("pool_selectors"))
    named = named or everything(chosen, pools)
    return Layer2(
        name="" if name in EMPTY else read.name(origin + ".name", str(name)),
        pools=taken(read, origin, named, chosen, pools),
        named=named,
        pool_selectors=chosen,
        interfaces=t.cast("list[str]", texts(read, origin + ".interfaces", entry.get("interfaces")) or []),
        node_selectors=selectors(read, origin + ".node_selectors", entry.get("node_selectors")),
        service_selectors=selectors(read, origin + ".service_selectors", entry.get("service_selectors")),
        extra=read_spec(read, origin, entry, LAYER2_SPEC).spec,
    )


def everything(chosen: t.Sequence[Object], pools: t.Sequence[Pool]) -> list[str]:
    """Return the pools of an advertisement that names none: MetalLB announces all of them, unless it selects some."""
    return [] if chosen else [pool.name for pool in pools]


def taken(
    read: Reader, origin: str, named: t.Sequence[str], chosen: t.Sequence[Object], pools: t.Sequence[Pool]
) -> list[str]:
    """Return the pools that an advertisement names or selects."""
    found = [*named]
    for pool in pools if chosen else []:
        if pool.name not in found and any(selector_matches(selector, pool.labels) for selector in chosen):
            found.append(pool.name)
    if chosen and len(found) == len(named):
        read.warnings.append(
            "{0}.pool_selectors match none of this inventory's pools; give pools such labels, or remove it.".format(
                origin
            )
        )
    return found


def _known_pools(read: Reader, named: t.Mapping[str, object], pools: t.Sequence[Pool]) -> None:
    names = [pool.name for pool in pools]
    for origin, name in named.items():
        if name not in names:
            read.error(origin, name, "is not a pool of metallb_config.address_pools; add the pool or remove the line")


def _flat_pools(read: Reader, protocol: str) -> Pools:
    pools: list[Pool] = []
    protocols: dict[str, str] = {}
    if read.has("metallb_ip_range"):
        entry = {
            "ip_range": read.variables["metallb_ip_range"],
            "auto_assign": read.variables.get("metallb_auto_assign"),
            "avoid_buggy_ips": read.variables.get("metallb_avoid_buggy_ips"),
        }
        pools.append(_pool(read, "metallb_ip_range", read.text("metallb_pool_name") or DEFAULT_POOL, entry))
        protocols[pools[0].name] = protocol
    extra = "metallb_additional_address_pools"
    for name, value in read.mapping(extra, read.variables.get(extra)).items():
        origin = "{0}.{1}".format(extra, name)
        if name in [pool.name for pool in pools]:
            read.error(
                origin, name, "is also the name of the pool of metallb_ip_range; give each pool a name of its own"
            )
        entry = dict(read.mapping(origin, value))
        protocols[str(name)] = _protocol(read, origin + ".protocol", entry.pop("protocol", None))
        pools.append(_pool(read, origin, str(name), entry if isinstance(value, dict) else value))
    # One advertisement for each pool under the pool's name, as Kubespray's role makes them.
    return Pools(
        pools,
        [_plain(name) for name, one in protocols.items() if one == "layer2"],
        [name for name, one in protocols.items() if one == "bgp"],
    )


def _protocol(read: Reader, name: str, value: object) -> str:
    if value in EMPTY:
        return "layer2"
    if value not in PROTOCOLS:
        read.error(name, value, 'is not a protocol of MetalLB\'s; use "layer2" or "bgp"')
    return str(value)


def _pool(read: Reader, origin: str, name: str, value: object) -> Pool:
    entry = read.mapping(origin, value)
    flat = origin == "metallb_ip_range"
    ranges_name = origin if flat else origin + ".ip_range"
    read.known(origin, entry, POOL_KEYS)

    def flag(key: str, default: bool) -> bool:
        given = entry.get(key)
        return (
            default
            if given in EMPTY
            else read.as_flag("metallb_" + key if flat else origin + "." + key, given, default)
        )

    return Pool(
        name=read.name("metallb_pool_name" if flat else origin, name),
        ranges=_ranges(read, ranges_name, entry.get("ip_range")) if entry or value in EMPTY else [],
        auto_assign=flag("auto_assign", True),
        avoid_buggy_ips=flag("avoid_buggy_ips", False),
        allocation=_allocation(read, origin + ".service_allocation", entry.get("service_allocation")),
        labels=labels(read, origin + ".labels", read.mapping(origin + ".labels", entry.get("labels"))),
        extra=read_spec(read, origin, entry, POOL_SPEC).spec,
        origin=ranges_name,
    )


def _ranges(read: Reader, name: str, value: object) -> list[AddressRange]:
    if value in EMPTY:
        read.error(name, value, 'holds no addresses; add a range such as "192.0.2.10-192.0.2.20"')
    found = []
    for index, text in enumerate([value] if isinstance(value, str) and value else read.listing(name, value)):
        try:
            found.append(parse_range(text))
        except ValueError as exc:
            read.error(name if isinstance(value, str) else "{0}[{1}]".format(name, index), text, str(exc))
    return found


def _allocation(read: Reader, origin: str, value: object) -> Object:
    """Return serviceAllocation as the custom resource has it: which Services a pool is for."""
    entry = read.mapping(origin, value)
    read.known(origin, entry, ALLOCATION_KEYS)
    found: Object = {}
    priority = entry.get("priority")
    if priority not in EMPTY:
        if isinstance(priority, bool) or not (str(priority).isascii() and str(priority).isdigit()):
            read.error(origin + ".priority", priority, "is not a whole number; 1 comes before 2, and 0 last")
        else:
            found["priority"] = int(str(priority))
    if namespaces := texts(read, origin + ".namespaces", entry.get("namespaces")):
        found["namespaces"] = namespaces
    for key, field in (("namespace_selectors", "namespaceSelectors"), ("service_selectors", "serviceSelectors")):
        if listed := selectors(read, "{0}.{1}".format(origin, key), entry.get(key)):
            found[field] = listed
    return found
