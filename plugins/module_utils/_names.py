# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Names of the inventory that no Kubernetes object can have, such as kube_service_pool, are spelt as one can."""

from __future__ import annotations

import re
import typing as t

Variables = t.Dict[str, t.Any]

_OTHER = re.compile(r"[^a-z0-9.]+")


def object_name(name: str) -> str:
    """Return the nearest name that an object can have; "" where nothing is left."""
    return _OTHER.sub("-", name.lower()).strip("-.")


def spell(variables: t.Mapping[str, t.Any]) -> tuple[Variables, list[str]]:
    """Return the variables with such names spelt anew wherever they stand, and a warning for each.

    Names that would become the same stay as they are, so that they are refused.
    """
    found: Variables = dict(variables)
    warnings: list[str] = []
    pools: dict[str, str] = {}
    extra = "metallb_additional_address_pools"
    found[extra], spelt = _keys(found.get(extra), extra, warnings)
    pools.update(spelt)
    config = found.get("metallb_config")
    if isinstance(config, dict):
        config = dict(config)
        config["address_pools"], spelt = _keys(config.get("address_pools"), "metallb_config.address_pools", warnings)
        pools.update(spelt)
        config["layer2"] = _each(config.get("layer2"), lambda one: _entry(one, {"address_pools": pools}))
        config["layer2"] = _spelt(config["layer2"], pools)
        if isinstance(config.get("layer3"), dict):
            config["layer3"] = _layer3(config["layer3"], pools, warnings)
        found["metallb_config"] = {key: value for key, value in config.items() if value is not None}
    return {name: value for name, value in found.items() if name in variables}, warnings


def _layer3(layer3: t.Mapping[str, t.Any], pools: t.Mapping[str, str], warnings: list[str]) -> Variables:
    result = dict(layer3)
    origin = "metallb_config.layer3."
    result["metallb_peers"], peers = _keys(layer3.get("metallb_peers"), origin + "metallb_peers", warnings)
    result["bfd_profiles"], profiles = _keys(layer3.get("bfd_profiles"), origin + "bfd_profiles", warnings)
    of_peer = {"address_pool": pools, "bfd_profile": profiles}
    if isinstance(result["metallb_peers"], dict):
        result["metallb_peers"] = {key: _entry(one, of_peer) for key, one in result["metallb_peers"].items()}
    result["defaults"] = _entry(layer3.get("defaults"), of_peer)
    named = {"address_pools": pools, "peers": peers}
    result["advertisements"] = _each(layer3.get("advertisements"), lambda one: _entry(one, named))
    return {key: value for key, value in result.items() if value is not None or key in layer3}


def _keys(value: t.Any, origin: str, warnings: list[str]) -> tuple[t.Any, dict[str, str]]:
    """Return a mapping under the new keys, and old key -> new key of those that have changed."""
    if not isinstance(value, dict):
        return value, {}
    wanted = {key: object_name(str(key)) for key in value}
    taken = list(wanted.values())
    spelt = {key: name for key, name in wanted.items() if name and name != str(key) and taken.count(name) == 1}
    for key, name in spelt.items():
        warnings.append('{0}.{1}: no Kubernetes object can have this name; it becomes "{2}".'.format(origin, key, name))
    return {spelt.get(key, key): one for key, one in value.items()}, {str(key): name for key, name in spelt.items()}


def _entry(entry: t.Any, fields: t.Mapping[str, t.Mapping[str, str]]) -> t.Any:
    """Return an entry in which some keys name things that may be spelt anew."""
    if not isinstance(entry, dict):
        return entry
    return {key: _spelt(value, fields[key]) if key in fields else value for key, value in entry.items()}


def _spelt(value: t.Any, names: t.Mapping[str, str]) -> t.Any:
    if isinstance(value, list):
        return [_spelt(one, names) for one in value]
    return names.get(value, value) if isinstance(value, str) else value


def _each(value: t.Any, change: t.Callable[[t.Any], t.Any]) -> t.Any:
    return [change(one) for one in value] if isinstance(value, list) else value
