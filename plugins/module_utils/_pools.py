# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Pools and their layer2 advertisements, from all of the forms that an inventory may give them in."""

from __future__ import annotations

import difflib
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._addresses import AddressRange, parse_range
from ansible_collections.kubeaddons.metallb.plugins.module_utils._eras import EMPTY
from ansible_collections.kubeaddons.metallb.plugins.module_utils._reader import Reader, label, no_effect

Object = t.Dict[str, t.Any]

DEFAULT_POOL = "loadbalanced"  # the name that Kubespray gives to the pool of metallb_ip_range
POOL_KEYS = ("ip_range", "auto_assign", "avoid_buggy_ips", "protocol", "service_allocation", "spec")
ALLOCATION_KEYS = ("priority", "namespaces", "namespace_selectors", "service_selectors")
LAYER2_KEYS = ("name", "address_pools", "interfaces", "node_selectors", "service_selectors", "spec")
CONFIG_KEYS = ("address_pools", "layer2", "controller", "speaker")
OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
# Fields that not every supported release has, and the first one that does.
SINCE = {"service_selectors": (0, 16, 0)}


class Pool(t.NamedTuple):
    """One IPAddressPool."""

    name: str
    ranges: list[AddressRange]
    auto_assign: bool
    avoid_buggy_ips: bool
    allocation: Object  # serviceAllocation as in the custom resource; empty for every Service
    extra: Object  # fields of the custom resource that have no name here
    origin: str  # the variable that it comes from, for messages


class Layer2(t.NamedTuple):
    """One L2Advertisement."""

    name: str
    pools: list[str]
    interfaces: list[str]  # empty for all
    node_selectors: list[Object]  # as in the custom resource; empty for all nodes
    service_selectors: list[Object]  # the same for Services
    extra: Object  # fields of the custom resource that have no name here


def read_pools(read: Reader, config: Object, version: tuple[int, ...]) -> tuple[list[Pool], list[Layer2]]:
    """Return the pools and what announces them.

    config: the variable metallb_config. version: the release of MetalLB that they are for.
    """
    for key in config:
        if key not in (*CONFIG_KEYS, "layer3"):
            near = difflib.get_close_matches(key, CONFIG_KEYS, 1)
            read.warnings.append(no_effect("metallb_config.{0} is not known".format(key), near))
    if config.get("layer3"):
        read.error(
            "metallb_config.layer3",
            config["layer3"],
            "asks for BGP, which this version cannot configure; remove it and list the pools in metallb_config.layer2",
        )
    _layer2_only(read, "metallb_protocol", read.variables.get("metallb_protocol"))
    if config.get("address_pools"):
        for name in ("metallb_ip_range", "metallb_additional_address_pools"):
            if read.has(name):
                read.warnings.append(
                    "{0} has no effect beside metallb_config.address_pools; move its addresses there.".format(name)
                )
        return _config_pools(read, config, version)
    if config.get("layer2"):
        read.error(
            "metallb_config.layer2",
            config["layer2"],
            "names pools, and metallb_config.address_pools has none; add them there, or remove metallb_config.layer2: "
            "pools of metallb_ip_range are announced anyway",
        )
    return _flat_pools(read)


def _config_pools(read: Reader, config: Object, version: tuple[int, ...]) -> tuple[list[Pool], list[Layer2]]:
    origin = "metallb_config.address_pools"
    pools = [
        _pool(read, "{0}.{1}".format(origin, name), str(name), entry)
        for name, entry in read.mapping(origin, config["address_pools"]).items()
    ]
    names = [pool.name for pool in pools]
    advertisements: list[Layer2] = []
    for index, entry in enumerate(read.listing("metallb_config.layer2", config.get("layer2"))):
        one = _layer2(read, "metallb_config.layer2[{0}]".format(index), entry, names, version)
        if one in advertisements:
            continue  # the same pool twice says nothing new
        if one.name in [other.name for other in advertisements]:
            read.error(
                "metallb_config.layer2[{0}].name".format(index),
                one.name,
                "is the name of another advertisement; give each a name of its own",
            )
        advertisements.append(one)
    announced = {name for one in advertisements for name in one.pools}
    for pool in pools:
        if pool.name not in announced:
            read.warnings.append(
                '{0} is announced by nothing, so nobody can reach its addresses; add "{1}" to '
                "metallb_config.layer2.".format(pool.origin, pool.name)
            )
    return pools, advertisements


def _layer2(read: Reader, origin: str, entry: object, pools: list[str], version: tuple[int, ...]) -> Layer2:
    """Return an advertisement of a pool's name, or of the mapping that says more."""
    if not isinstance(entry, dict):
        _known_pools(read, {origin: entry}, pools)
        return Layer2(str(entry), [str(entry)], [], [], [], {})
    _known_keys(read, origin, entry, LAYER2_KEYS)
    _since(read, origin, entry, version)
    name = entry.get("name")
    if name in EMPTY:
        read.error(origin, entry, "has no name; add one, such as name: lan")
    chosen = read.listing(origin + ".address_pools", entry.get("address_pools"))
    _known_pools(read, {"{0}.address_pools[{1}]".format(origin, at): one for at, one in enumerate(chosen)}, pools)
    return Layer2(
        name="" if name in EMPTY else read.name(origin + ".name", str(name)),
        # MetalLB announces every pool where none is named.
        pools=[str(one) for one in chosen] or pools,
        interfaces=[str(one) for one in read.listing(origin + ".interfaces", entry.get("interfaces"))],
        node_selectors=_selectors(read, origin + ".node_selectors", entry.get("node_selectors")),
        service_selectors=_selectors(read, origin + ".service_selectors", entry.get("service_selectors")),
        extra=read.mapping(origin + ".spec", entry.get("spec")),
    )


def _known_pools(read: Reader, named: t.Mapping[str, object], pools: list[str]) -> None:
    for origin, name in named.items():
        if name not in pools:
            read.error(origin, name, "is not a pool of metallb_config.address_pools; add the pool or remove the line")


def _known_keys(read: Reader, origin: str, entry: Object, known: t.Sequence[str]) -> None:
    for key in entry:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            read.warnings.append(no_effect("{0}.{1} is not known".format(origin, key), near))


def _since(read: Reader, origin: str, entry: Object, version: tuple[int, ...]) -> None:
    for key, first in SINCE.items():
        if entry.get(key) not in EMPTY and version < first:
            read.error(
                "{0}.{1}".format(origin, key),
                entry[key],
                "needs MetalLB {0} or later; set metallb_version, or remove it".format(".".join(map(str, first))),
            )


def _flat_pools(read: Reader) -> tuple[list[Pool], list[Layer2]]:
    pools = []
    if read.has("metallb_ip_range"):
        entry = {
            "ip_range": read.variables["metallb_ip_range"],
            "auto_assign": read.variables.get("metallb_auto_assign"),
            "avoid_buggy_ips": read.variables.get("metallb_avoid_buggy_ips"),
        }
        pools.append(_pool(read, "metallb_ip_range", read.text("metallb_pool_name") or DEFAULT_POOL, entry))
    extra = "metallb_additional_address_pools"
    for name, value in read.mapping(extra, read.variables.get(extra)).items():
        origin = "{0}.{1}".format(extra, name)
        if name in [pool.name for pool in pools]:
            read.error(
                origin, name, "is also the name of the pool of metallb_ip_range; give each pool a name of its own"
            )
        pools.append(_pool(read, origin, str(name), value))
        if isinstance(value, dict):
            _layer2_only(read, origin + ".protocol", value.get("protocol"))
    # One advertisement for each pool under the pool's name, as Kubespray's role makes them.
    return pools, [Layer2(pool.name, [pool.name], [], [], [], {}) for pool in pools]


def _layer2_only(read: Reader, name: str, value: object) -> None:
    if value == "bgp":
        read.error(name, value, 'cannot be configured by this version; use "layer2"')
    elif value not in (None, "", "layer2"):
        read.error(name, value, 'is not a protocol of MetalLB\'s; use "layer2"')


def _pool(read: Reader, origin: str, name: str, value: object) -> Pool:
    entry = read.mapping(origin, value)
    flat = origin == "metallb_ip_range"
    ranges_name = origin if flat else origin + ".ip_range"
    _known_keys(read, origin, entry, POOL_KEYS)

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
        extra=read.mapping(origin + ".spec", entry.get("spec")),
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
    _known_keys(read, origin, entry, ALLOCATION_KEYS)
    found: Object = {}
    priority = entry.get("priority")
    if priority not in EMPTY:
        if isinstance(priority, bool) or not str(priority).isdigit():
            read.error(origin + ".priority", priority, "is not a whole number; 1 comes before 2, and 0 last")
        else:
            found["priority"] = int(str(priority))
    if namespaces := read.listing(origin + ".namespaces", entry.get("namespaces")):
        found["namespaces"] = [str(one) for one in namespaces]
    for key, field in (("namespace_selectors", "namespaceSelectors"), ("service_selectors", "serviceSelectors")):
        if selectors := _selectors(read, "{0}.{1}".format(origin, key), entry.get(key)):
            found[field] = selectors
    return found


def _selectors(read: Reader, origin: str, value: object) -> list[Object]:
    """Return label selectors as custom resources have them."""
    listed = read.listing(origin, value)
    return [_selector(read, "{0}[{1}]".format(origin, index), one) for index, one in enumerate(listed)]


def _selector(read: Reader, origin: str, value: object) -> Object:
    """Return a label selector; plain labels are the short form, and the words are those of any era."""
    entry = {_word(key): one for key, one in read.mapping(origin, value).items()}
    if not entry:
        read.error(origin, value, "selects nothing in particular; write labels such as {rack: a1}, or remove it")
    if not entry.keys() & {"matchLabels", "matchExpressions"}:
        entry = {"matchLabels": entry}
    _known_keys(read, origin, entry, ("matchLabels", "matchExpressions"))
    found: Object = {}
    if labels := read.mapping(origin + ".matchLabels", entry.get("matchLabels")):
        found["matchLabels"] = {str(key): label(one) for key, one in labels.items()}
    expressions = read.listing(origin + ".matchExpressions", entry.get("matchExpressions"))
    if expressions:
        found["matchExpressions"] = [
            _expression(read, "{0}.matchExpressions[{1}]".format(origin, index), one)
            for index, one in enumerate(expressions)
        ]
    return found


def _word(key: object) -> str:
    """Return a selector's key as Kubernetes spells it; Kubespray has had match-labels, we write match_labels."""
    text = str(key)
    return {"match_labels": "matchLabels", "match_expressions": "matchExpressions"}.get(text.replace("-", "_"), text)


def _expression(read: Reader, origin: str, value: object) -> Object:
    entry = read.mapping(origin, value)
    key, operator = entry.get("key"), entry.get("operator")
    values = [str(one) for one in read.listing(origin + ".values", entry.get("values"))]
    if key in EMPTY:
        read.error(origin, value, "has no key; add the name of a label")
    if operator not in OPERATORS:
        read.error(origin + ".operator", operator, "is not known; choose one of {0}".format(", ".join(OPERATORS)))
    elif (operator in ("In", "NotIn")) != bool(values):
        read.error(
            origin + ".values",
            values,
            "does not go with {0}: In and NotIn need values, Exists and DoesNotExist take none".format(operator),
        )
    found: Object = {"key": key, "operator": operator}
    return dict(found, values=values) if values else found
