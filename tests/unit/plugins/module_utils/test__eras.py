# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _eras, _kubespray, _settings
from ansible_collections.kubeaddons.metallb.plugins.module_utils._eras import translate
from ansible_collections.kubeaddons.metallb.plugins.module_utils._settings import DEFAULTS, normalise

Variables = dict[str, t.Any]

PAGE = pathlib.Path(__file__).parents[4] / "docs" / "inventories.md"
ROLE = pathlib.Path(__file__).parents[4] / "roles" / "preflight" / "defaults" / "main.yml"
RANGE = "192.0.2.10-192.0.2.19"
POOLS = {"more": {"ip_range": [RANGE], "protocol": "layer2", "auto_assign": False}}

# old variables, what they become, what is said
OLD: list[tuple[Variables, Variables, list[str]]] = [
    ({"metallb": {"ip_range": RANGE}}, {"metallb_ip_range": RANGE}, ["metallb.ip_range is read as metallb_ip_range"]),
    ({"metallb": {"ip_range": [RANGE]}}, {"metallb_ip_range": [RANGE]}, ["metallb.ip_range is read as"]),
    ({"metallb": {"protocol": "bgp"}}, {"metallb_protocol": "bgp"}, ["metallb.protocol is read as metallb_protocol"]),
    (
        {"metallb": {"additional_address_pools": POOLS}},
        {"metallb_additional_address_pools": POOLS},
        ["metallb.additional_address_pools is read as metallb_additional_address_pools"],
    ),
    (
        {"metallb": {"limits": {"cpu": "100m", "memory": "100Mi"}}},
        {"metallb_limits_cpu": "100m", "metallb_limits_mem": "100Mi"},
        ["metallb.limits.cpu is read as metallb_limits_cpu", "metallb.limits.memory is read as metallb_limits_mem"],
    ),
    ({"metallb": {"port": "7472"}}, {"metallb_port": "7472"}, ["metallb.port is read as metallb_port"]),
    ({"metallb": {"version": "v0.16.2"}}, {"metallb_version": "v0.16.2"}, ["metallb.version is read as"]),
    ({"matallb_auto_assign": False}, {"metallb_auto_assign": False}, ["matallb_auto_assign is read as"]),
    (
        {"metallb_config": {"speaker": {"tollerations": [{"operator": "Exists"}]}}},
        {"metallb_config": {"speaker": {"tolerations": [{"operator": "Exists"}]}}},
        ["metallb_config.speaker.tollerations is read as tolerations; rename it."],
    ),
    # where the checks of 2.22.0 looked for them
    (
        {"metallb_config": {"metallb_peers": {"a": {}}, "layer3": {"defaults": {"peer_port": 179}}}},
        {"metallb_config": {"layer3": {"defaults": {"peer_port": 179}, "metallb_peers": {"a": {}}}}},
        ["metallb_config.metallb_peers is read as metallb_config.layer3.metallb_peers; rename it."],
    ),
    (
        {"metallb_config": {"metallb_peers": {"a": {}}, "layer3": {"metallb_peers": {"b": {}}}}},
        {"metallb_config": {"layer3": {"metallb_peers": {"b": {}}}}},
        ["metallb_config.metallb_peers has no effect beside metallb_config.layer3.metallb_peers; remove it."],
    ),
    # what the inventory sets under the name of today wins
    (
        {"metallb": {"ip_range": RANGE}, "metallb_ip_range": ["192.0.2.1/32"]},
        {"metallb_ip_range": ["192.0.2.1/32"]},
        ["metallb.ip_range has no effect beside metallb_ip_range; remove it."],
    ),
    (
        {"metallb_config": {"controller": {"tollerations": [1], "tolerations": [2]}}},
        {"metallb_config": {"controller": {"tolerations": [2]}}},
        ["metallb_config.controller.tollerations has no effect beside tolerations; remove it."],
    ),
    # the same under both names is nothing to speak of, and what is empty says nothing
    ({"metallb": {"port": "1"}, "metallb_port": "1"}, {"metallb_port": "1"}, []),
    ({"metallb": {"port": "", "ip_range": None}}, {}, []),
    # a default is no setting
    (
        {"metallb": {"protocol": "bgp"}, "metallb_protocol": "layer2"},
        {"metallb_protocol": "bgp"},
        ["metallb.protocol is read as metallb_protocol"],
    ),
    (
        {"metallb": {"ip_rage": 1}},
        {},
        ["metallb.ip_rage is not known and has no effect; did you mean metallb.ip_range?"],
    ),
    ({"metallb": {"xyzzy": 1}}, {}, ["metallb.xyzzy is not known and has no effect."]),
    # nothing old
    ({"metallb_ip_range": [RANGE]}, {"metallb_ip_range": [RANGE]}, []),
]


@pytest.mark.parametrize(("old", "new", "said"), OLD)
def test_old_names(old: Variables, new: Variables, said: list[str]) -> None:
    before = repr(old)
    found, warnings = translate(old, DEFAULTS)
    assert found == new
    assert len(warnings) == len(said)
    assert all(warning.startswith(start) for warning, start in zip(warnings, said, strict=True))
    assert repr(old) == before


def test_defaults_are_those_of_the_role() -> None:
    role = yaml.safe_load(ROLE.read_text(encoding="utf-8"))
    assert {name: role[name] for name in DEFAULTS} == DEFAULTS


def test_an_inventory_of_kubespray_2_12_means_the_same_today() -> None:
    """The sample of contrib/metallb, beside the defaults of the role."""
    role = yaml.safe_load(ROLE.read_text(encoding="utf-8"))
    old = {
        "ip_range": "10.5.0.50-10.5.0.99",
        "limits": {"cpu": "100m", "memory": "100Mi"},
        "port": "7473",
        "additional_address_pools": POOLS,
    }
    new = {
        "metallb_ip_range": ["10.5.0.50-10.5.0.99"],
        "metallb_limits_cpu": "100m",
        "metallb_limits_mem": "100Mi",
        "metallb_port": "7473",
        "metallb_additional_address_pools": POOLS,
    }
    known = {name: value for name, value in role.items() if "{{" not in str(value)}
    one = normalise({**known, "metallb_enabled": True, "metallb_control_plane": "node1", "metallb": old})
    other = normalise({**known, "metallb_enabled": True, "metallb_control_plane": "node1", **new})
    assert one.errors == other.errors == []
    assert one.settings == other.settings
    assert [pool.name for pool in one.settings.pools] == ["loadbalanced", "more"]


def test_the_page_about_older_inventories_names_everything_that_is_read() -> None:
    page = PAGE.read_text(encoding="utf-8")
    of_kubespray = {*_kubespray.DROPPED, *_settings.OTHER_VARIABLES, *_settings.IGNORED_VARIABLES, *_eras.RENAMED}
    read = {*("metallb." + entry for entry in _eras.DICTIONARY), *_eras.RENAMED_KEYS, *_eras.DICTIONARY.values()}
    missing = {name for name in of_kubespray | read if "`{0}".format(name) not in page} - {"metallb_bgp_backend"}
    assert missing == set()
