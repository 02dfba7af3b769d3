# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Variables of older inventories -> the names of today. Kubespray renamed them without a word; nothing here is lost."""

from __future__ import annotations

import difflib
import typing as t

Variables = t.Dict[str, t.Any]

# What says nothing: a variable that is null or empty counts as one that is not there.
EMPTY: tuple[object, ...] = (None, "", [], {})

# The dictionary "metallb" of Kubespray 2.7 to 2.13, by path, and what its entries are called since 2.14.
DICTIONARY = {
    "ip_range": "metallb_ip_range",
    "protocol": "metallb_protocol",
    "additional_address_pools": "metallb_additional_address_pools",
    "limits.cpu": "metallb_limits_cpu",
    "limits.memory": "metallb_limits_mem",
    "port": "metallb_port",
    "version": "metallb_version",
}
# Names that Kubespray once spelt in another way.
RENAMED = {"matallb_auto_assign": "metallb_auto_assign"}
# The same inside metallb_config.controller and metallb_config.speaker.
RENAMED_KEYS = {"tollerations": "tolerations"}


def translate(variables: t.Mapping[str, t.Any], defaults: t.Mapping[str, t.Any]) -> tuple[Variables, list[str]]:
    """Return the variables under the names of today, and a warning for each that had another one.

    variables: name -> value. defaults: name -> the value that a variable has when the inventory does not set it.
    A name of today that the inventory sets wins over its older one.
    """
    found: Variables = dict(variables)
    warnings: list[str] = []

    def rename(old: str, value: object, new: str) -> None:
        if value in EMPTY:
            return
        if found.get(new) in EMPTY or found[new] == defaults.get(new):
            found[new] = value
            warnings.append("{0} is read as {1}; rename it.".format(old, new))
        elif found[new] != value:
            warnings.append("{0} has no effect beside {1}; remove it.".format(old, new))

    for old, new in RENAMED.items():
        rename(old, found.pop(old, None), new)
    if isinstance(found.get("metallb"), dict):
        entries = _flat(found.pop("metallb"))
        for path, value in entries.items():
            if path in DICTIONARY:
                rename("metallb." + path, value, DICTIONARY[path])
            else:
                near = difflib.get_close_matches(path, DICTIONARY, 1)
                hint = "; did you mean metallb.{0}?".format(near[0]) if near else "."
                warnings.append("metallb.{0} is not known and has no effect{1}".format(path, hint))
    if isinstance(found.get("metallb_config"), dict):
        found["metallb_config"] = _config(found["metallb_config"], warnings)
    return found, warnings


def _flat(entries: t.Mapping[t.Any, t.Any]) -> Variables:
    """Return the entries of the dictionary, those of limits by their path."""
    flat: Variables = {}
    for key, value in entries.items():
        if key == "limits" and isinstance(value, dict):
            flat.update(("limits.{0}".format(name), limit) for name, limit in value.items())
        else:
            flat[str(key)] = value
    return flat


def _config(config: t.Mapping[str, t.Any], warnings: list[str]) -> Variables:
    """Return metallb_config with its keys under the names and in the places of today."""
    result = dict(config)
    layer3 = result.get("layer3") or {}
    if result.get("metallb_peers") not in EMPTY and isinstance(layer3, dict):
        # Where the checks of Kubespray 2.22.0 looked for them.
        old, new = "metallb_config.metallb_peers", "metallb_config.layer3.metallb_peers"
        peers = result.pop("metallb_peers")
        if layer3.get("metallb_peers") in EMPTY:
            result["layer3"] = {**layer3, "metallb_peers": peers}
            warnings.append("{0} is read as {1}; rename it.".format(old, new))
        else:
            warnings.append("{0} has no effect beside {1}; remove it.".format(old, new))
    for component in ("controller", "speaker"):
        own = result.get(component)
        if not isinstance(own, dict):
            continue
        result[component] = dict(own)
        for old, new in RENAMED_KEYS.items():
            if old in own:
                value = result[component].pop(old)
                name = "metallb_config.{0}.{1}".format(component, old)
                if result[component].get(new) in EMPTY:
                    result[component][new] = value
                    warnings.append("{0} is read as {1}; rename it.".format(name, new))
                else:
                    warnings.append("{0} has no effect beside {1}; remove it.".format(name, new))
    return result
