# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever stands in an inventory: no traceback, one sentence for each error, and never a password."""

from __future__ import annotations

import copy
import json
import re
import typing as t

import hypothesis
import pytest
import yaml
from hypothesis import strategies as st

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _apply,
    _bgp,
    _cluster,
    _kubespray,
    _objects,
    _pools,
    _secrets,
    _settings,
)

Variables = dict[str, t.Any]

PASSWORD = "Geheimnis"  # long enough to be in no other text
#: what people write, and what YAML makes of it
SCALARS = st.sampled_from(
    [
        None,
        "",
        True,
        False,
        0,
        8,
        1.1,
        -1,
        64512,
        3870770,
        4294967296,
        10**30,
        float("inf"),
        float("nan"),
        "08",
        "1.10",
        "64512",
        "AS64512",
        "64512:50",
        "large:1:2:3",
        "no-export",
        "90s",
        "1m30s",
        "2s",
        "a",
        "b",
        "A_b",
        "fast",
        "tor",
        "layer2",
        "bgp",
        "frr-k8s",
        "native",
        "0.13.9",
        "0.16.1",
        "external",
        "192.0.2.1",
        "192.0.2.0/28",
        "192.0.2.10-192.0.2.20",
        "2001:db8::/120",
        "2001:db8::1",
        "fe80::1%eth0",
        "{{ x }}",
        "ü\n",
        "x" * 300,
    ]
)
WORDS = sorted(
    {
        *_bgp.PEER,
        *_bgp.ON_PEER,
        *_bgp.ADVERTISEMENT,
        *_bgp.BFD_PROFILE,
        *_pools.POOL_KEYS,
        *_pools.LAYER2_KEYS,
        *_pools.ALLOCATION_KEYS,
        *(field.name for table in (_bgp.PEER, _bgp.ADVERTISEMENT, _bgp.BFD_PROFILE) for field in table.values()),
        "matchLabels",
        "match-expressions",
        "key",
        "operator",
        "values",
        "a",
        "tor",
        "x.y",
    }
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(st.sampled_from(WORDS), SCALARS), inner, max_size=4)
    ),
    max_leaves=4,
)


PEER = {
    "peer_address": "192.0.2.1",
    "peer_asn": 64513,
    "my_asn": 64512,
    "peer_port": 179,
    "hold_time": "90s",
    "keepalive_time": 30,
    "connect_time": 5,
    "router_id": "192.0.2.9",
    "source_address": "192.0.2.8",
    "multihop": True,
    "password": PASSWORD,
    "node_selectors": [{"match-labels": {"rack": "a"}}, {"matchExpressions": [{"key": "x", "operator": "Exists"}]}],
}
POOL = {"ip_range": ["198.51.100.0/24"], "auto_assign": True, "avoid_buggy_ips": False}
#: inventories of every era in which everything is right
SEEDS: list[Variables] = [
    {
        "metallb": {
            "ip_range": ["198.51.100.0/28"],
            "protocol": "bgp",
            "limits": {"cpu": "100m", "memory": "100Mi"},
            "additional_address_pools": {
                "b": {"ip_range": "203.0.113.0/28", "protocol": "layer2", "auto_assign": False}
            },
        },
        "metallb_peers": [PEER, {**PEER, "peer_address": None, "interface": "eth1"}],
    },
    {
        "metallb_ip_range": "198.51.100.0/28",
        "metallb_protocol": "bgp",
        "metallb_pool_name": "a",
        "metallb_additional_address_pools": {"b": {**POOL, "ip_range": ["203.0.113.0/28"], "protocol": "bgp"}},
        "metallb_peers": [PEER, {**PEER, "peer_address": "2001:db8::1", "source_address": None, "name": "six"}],
        "metallb_speaker_nodeselector": {"kubernetes.io/os": "linux"},
        "metallb_controller_tolerations": [{"key": "x", "operator": "Exists"}],
        "metallb_limits_cpu": "100m",
        "metallb_port": "7472",
        "metallb_log_level": "info",
        "metallb_version": "0.16.1",
        "metallb_bgp_backend": "",
        "kube_pods_subnet": "10.233.64.0/18",
        "loadbalancer_apiserver": {"address": "192.0.2.100"},
    },
    {
        "metallb_config": {
            "address_pools": {
                "a": {
                    **POOL,
                    "service_allocation": {"priority": 1, "namespaces": ["x"], "service_selectors": [{"a": "b"}]},
                },
                "b": {"ip_range": ["203.0.113.10-203.0.113.20", "2001:db8:1::/120"], "spec": {"autoAssign": False}},
            },
            "layer2": [
                "a",
                {"name": "lan", "address_pools": ["b"], "interfaces": ["eth0"], "node_selectors": [{"a": "b"}]},
            ],
            "layer3": {
                "defaults": {"my_asn": 64512, "hold_time": "90s", "password": PASSWORD},
                "communities": {"vpn": "64512:50", "NO_ADVERTISE": "65535:65282", "big": "large:1:2:3"},
                "bfd_profiles": {"fast": {"receive_interval": 300, "detect_multiplier": 3, "passive_mode": True}},
                "metallb_peers": {
                    "tor": {
                        **PEER,
                        "bfd_profile": "fast",
                        "address_pool": ["a", "b"],
                        "communities": ["vpn", "64512:51", "no-export"],
                        "aggregation_length": 32,
                        "aggregation_length_v6": 120,
                        "localpref": "100",
                        "graceful_restart": True,
                        "dual_stack": True,
                    },
                    "two": {"peer_address": "192.0.2.2", "dynamic_asn": "external", "router_id": "192.0.2.9"},
                },
                "advertisements": [
                    {
                        "name": "up",
                        "address_pools": ["a"],
                        "peers": ["two"],
                        "service_selectors": [{"a": "b"}],
                        "communities": ["big"],
                        "spec": {"localPref": 5},
                    }
                ],
            },
            "speaker": {"tollerations": [{"operator": "Exists"}], "nodeselector": {"a": "b"}},
        },
    },
]


def places(value: t.Any) -> list[tuple[t.Any, t.Any]]:
    """Every place of a tree that something stands in: what holds it, and its key or index."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, one in inner for place in ((value, key), *places(one))]


def changed(seed: int, changes: t.Sequence[tuple[int, str, t.Any, t.Any]]) -> Variables:
    """An inventory with some places changed."""
    variables = copy.deepcopy(SEEDS[seed])
    for number, action, key, given in changes:
        value = copy.deepcopy(given)
        found = places(variables)
        if not found:
            break
        holder, where = found[number % len(found)]
        if action == "remove":
            del holder[where]
        elif action == "put":
            holder[where] = value
        elif isinstance(holder, dict):
            holder[key] = value
        elif key != "password":
            holder.append(value)
    return {"metallb_enabled": True, **{str(name): value for name, value in variables.items()}}


PASSWORDS = st.sampled_from([PASSWORD, PASSWORD + "\n", [PASSWORD], {"password": PASSWORD}])
NAMES = st.one_of(st.sampled_from([*WORDS, *sorted(_settings.KNOWN_VARIABLES)]), SCALARS)
CHANGES = st.tuples(st.integers(0, 400), st.sampled_from(["put", "put", "remove", "add"]), NAMES, VALUES)
SECRETS = st.tuples(st.integers(0, 400), st.just("add"), st.just("password"), PASSWORDS)
VARIABLES = st.builds(
    changed, st.integers(0, len(SEEDS) - 1), st.lists(st.one_of(CHANGES, CHANGES, SECRETS), max_size=4)
)
#: the path of a variable, as one may look it up: words, names of objects and indices
PATH = re.compile(r"(kubeaddons_)?(metallb|matallb|kube|loadbalancer|quay)[\w.\[\]:/%{} \n-]*: ", re.S)


def described(settings: _settings.Settings, outcome: _settings.Outcome) -> str:
    """Everything that is shown of an inventory."""
    objects = [] if outcome.errors else [_apply.readable(one) for one in _objects.custom_resources(settings)]
    if not outcome.errors:
        yaml.safe_dump_all(objects)
    return repr((settings, outcome.errors, outcome.warnings, objects))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_inventories_to_start_from_are_right(seed: Variables) -> None:
    assert _settings.normalise({"metallb_enabled": True, **seed}).errors == []


@hypothesis.settings(derandomize=True, max_examples=150, deadline=None, database=None)
@hypothesis.given(VARIABLES)
def test_anything_ends_in_settings_or_sentences(variables: Variables) -> None:
    without, passwords = _secrets.split(variables)
    outcome = _settings.normalise(without, passwords)
    for error in outcome.errors:
        assert PATH.match(error), error
        assert error.endswith((".", "?")), error
    for warning in outcome.warnings:
        assert warning.endswith((".", "?")), warning
    assert PASSWORD not in json.dumps(without, default=str)
    assert PASSWORD not in described(outcome.settings, outcome)
    # The same without the way that passwords take between Ansible and a module.
    direct = _settings.normalise(variables)
    assert (direct.errors, direct.warnings) == (outcome.errors, outcome.warnings)
    assert PASSWORD not in described(direct.settings, direct)
    assert all(PASSWORD not in one for one in _kubespray.losses(without))
    if not outcome.errors:
        _cluster.pool_errors(outcome.settings, outcome.settings.reserved)
