# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils._settings import Outcome, normalise

Variables = dict[str, t.Any]

LAYER3 = "metallb_config.layer3"
ONE = LAYER3 + ".metallb_peers.one"
TWO = LAYER3 + ".metallb_peers.two"
BASE = {"peer_address": "192.0.2.1", "peer_asn": 64513, "my_asn": 64512}
OTHER = {"peer_address": "192.0.2.2", "peer_asn": 64514, "my_asn": 64512}
RACK_A = [{"rack": "a"}]
RACK_B = [{"rack": "b"}]
POOLS = {"a": ["198.51.100.0/24"], "b": ["203.0.113.10-203.0.113.20"], "six": ["2001:db8::/112"]}
FRR = {"metallb_bgp_backend": "frr-k8s"}


def outcome(layer3: Variables, pools: t.Sequence[str] = ("a",), **variables: t.Any) -> Outcome:
    address_pools = {name: {"ip_range": POOLS[name]} for name in pools}
    config = {"address_pools": address_pools, "layer2": list(pools), "layer3": layer3}
    return normalise({"metallb_enabled": True, "metallb_config": config, **variables})


def peers(one: Variables, two: Variables | None = None, **variables: t.Any) -> Outcome:
    found = {"one": {**BASE, "address_pool": ["a"], **one}}
    if two is not None:
        found["two"] = {**OTHER, "address_pool": ["a"], **two}
    profiles = {"fast": {}, "echo": {"echo_mode": True}}
    used = {entry.get("bfd_profile") for entry in found.values()}
    layer3 = {"metallb_peers": found, "bfd_profiles": {name: one for name, one in profiles.items() if name in used}}
    return outcome(layer3, **variables)


def assert_errors(found: Outcome, starts: list[str]) -> None:
    assert len(found.errors) == len(starts), found.errors
    assert all(error.startswith(start) for error, start in zip(found.errors, starts, strict=True)), found.errors


# Each peer ------------------------------------------------------------------------------------------------------------

#: keys of a peer, other variables, the errors
PEERS: list[tuple[Variables, Variables, list[str]]] = [
    ({}, {}, []),
    (
        {"dynamic_asn": "external"},
        {},
        [ONE + '.dynamic_asn: "external" does not go with peer_asn; remove one of the two.'],
    ),
    ({"interface": "eth1"}, {}, [ONE + '.interface: "eth1" does not go with peer_address; remove one of the two.']),
    (
        {"password": "s3cret", "password_secret": "tor"},
        {},
        [ONE + '.password_secret: "tor" does not go with password; remove one of the two.'],
    ),
    ({"peer_asn": 64512}, {}, []),
    ({"peer_asn": 64512, "multihop": True}, {}, [ONE + ".multihop: True is for a peer of another AS"]),
    ({"peer_asn": 64512, "multihop": False}, {}, []),
    ({"local_asn": 64512}, {}, [ONE + ".local_asn: 64512 is my_asn, which FRR refuses; remove it."]),
    ({"local_asn": 64500}, {}, []),
    ({"source_address": "192.0.2.9"}, {}, []),
    (
        {"source_address": "2001:db8::9"},
        {},
        [ONE + '.source_address: "2001:db8::9" is of another family than 192.0.2.1'],
    ),
    ({"hold_time": "9s", "keepalive_time": "3s"}, {}, []),
    (
        {"hold_time": "9s", "keepalive_time": "9s"},
        {},
        [ONE + '.keepalive_time: "9s" is not shorter than the hold time'],
    ),
    (
        {"hold_time": "9s", "keepalive_time": "1m"},
        {},
        [ONE + '.keepalive_time: "1m" is not shorter than the hold time'],
    ),
    ({"hold_time": 0, "keepalive_time": 0}, {}, []),
    ({"hold_time": 0, "keepalive_time": 5}, {}, [ONE + '.keepalive_time: "5s" is not shorter than the hold time']),
    ({"keepalive_time": "1s"}, {}, []),
    (
        {"keepalive_time": "900ms"},
        {},
        [ONE + '.keepalive_time: "900ms" makes the hold time, its triple, shorter than 3'],
    ),
    ({"keepalive_time": "90s"}, {"metallb_version": "0.14.9"}, []),
    (
        {"keepalive_time": "90s"},
        {"metallb_version": "0.14.8"},
        [ONE + '.keepalive_time: "90s" is not shorter than the'],
    ),
    ({"bfd_profile": "fast"}, {}, []),
    (
        {"bfd_profile": "slow"},
        {},
        [ONE + '.bfd_profile: "slow" is not a profile of metallb_config.layer3.bfd_profiles'],
    ),
]


@pytest.mark.parametrize(("keys", "variables", "starts"), PEERS)
def test_peers(keys: Variables, variables: Variables, starts: list[str]) -> None:
    assert_errors(peers(keys, **variables), starts)


# Two peers ------------------------------------------------------------------------------------------------------------

SAME = {"peer_address": "192.0.2.1"}
SAME_AS = {"my_asn": 64500}
DIFFER = [
    TWO + ".my_asn: 64500 is not 64512, the my_asn of " + ONE,
]
#: keys of two peers, other variables, the errors
TWO_PEERS: list[tuple[Variables, Variables, Variables, list[str]]] = [
    ({}, {}, {}, []),
    ({}, {}, FRR, []),
    ({}, SAME, {}, [TWO + '.peer_address: "192.0.2.1" is the other side of ' + ONE]),
    ({}, {"peer_address": "192.0.2.1", "peer_port": 180}, {}, []),
    # FRR knows a neighbour by its address alone
    ({}, {"peer_address": "192.0.2.1", "peer_port": 180}, FRR, [TWO + '.peer_address: "192.0.2.1" is the other side']),
    ({"vrf": "red"}, SAME, {}, []),
    ({"node_selectors": RACK_A}, {**SAME, "node_selectors": RACK_B}, {}, []),
    ({"node_selectors": RACK_A}, {**SAME, "node_selectors": RACK_A}, {}, [TWO + '.peer_address: "192.0.2.1" is']),
    (
        {"node_selectors": RACK_A + RACK_B},
        {**SAME, "node_selectors": RACK_B},
        {},
        [TWO + '.peer_address: "192.0.2.1" is'],
    ),
    ({"node_selectors": RACK_A}, SAME, {}, [TWO + '.peer_address: "192.0.2.1" is the other side']),
    ({"router_id": "192.0.2.7"}, {"router_id": "192.0.2.8"}, {}, []),
    ({"router_id": "192.0.2.7"}, {"router_id": "192.0.2.7"}, FRR, []),
    (
        {"router_id": "192.0.2.7"},
        {"router_id": "192.0.2.8"},
        FRR,
        [TWO + '.router_id: "192.0.2.8" is not the router ID of every peer'],
    ),
    ({"router_id": "192.0.2.7"}, {}, FRR, [ONE + '.router_id: "192.0.2.7" is not the router ID of every peer']),
    ({}, SAME_AS, {}, []),
    ({}, SAME_AS, FRR, DIFFER),
    ({}, {**SAME_AS, "vrf": "red"}, FRR, []),
    # whose nodes differ, as far as can be seen here; in older releases that made no difference
    ({"node_selectors": RACK_A}, {**SAME_AS, "node_selectors": RACK_B}, FRR, []),
    ({"node_selectors": RACK_A}, {**SAME_AS, "node_selectors": RACK_B}, {**FRR, "metallb_version": "0.15.3"}, DIFFER),
    (
        {"peer_address": None, "interface": "eth1"},
        {"peer_address": None, "interface": "eth1"},
        {},
        [TWO + '.interface: "eth1" is the other side of ' + ONE],
    ),
]


@pytest.mark.parametrize(("one", "two", "variables", "starts"), TWO_PEERS)
def test_two_peers(one: Variables, two: Variables, variables: Variables, starts: list[str]) -> None:
    assert_errors(peers(one, two, **variables), starts)


# Advertisements -------------------------------------------------------------------------------------------------------

A, B = "{0}.advertisements[0]".format(LAYER3), "{0}.advertisements[1]".format(LAYER3)


def advertisements(*entries: Variables, pools: t.Sequence[str] = ("a", "b"), **variables: t.Any) -> Outcome:
    named = [{"name": "x{0}".format(index), **entry} for index, entry in enumerate(entries)]
    layer3 = {"metallb_peers": {"one": BASE, "two": OTHER}, "advertisements": named}
    return outcome(layer3, pools, **variables)


#: pools, keys of an advertisement, the errors
LENGTHS: list[tuple[t.Sequence[str], Variables, list[str]]] = [
    (["a"], {"aggregation_length": 24}, []),
    (["a"], {"aggregation_length": 32}, []),
    (
        ["a"],
        {"aggregation_length": 23},
        [A + '.aggregation_length: 23 is shorter than the largest network in "198.51.'],
    ),
    # .10 to .20 are /31, /30, /30 and /32
    (["b"], {"aggregation_length": 30}, []),
    (["b"], {"aggregation_length": 29}, [A + '.aggregation_length: 29 is shorter than the largest network in "203.0.']),
    (["a", "b"], {"aggregation_length": 24}, [A + ".aggregation_length: 24 is shorter"]),
    (["a", "b"], {"aggregation_length": 24, "address_pools": ["a"]}, []),
    (["six"], {"aggregation_length": 8}, []),
    (["six"], {"aggregation_length_v6": 112}, []),
    (["six"], {"aggregation_length_v6": 111}, [A + ".aggregation_length_v6: 111 is shorter"]),
    (["a"], {"aggregation_length": 24, "service_selectors": [{"a": "b"}]}, [A + ".aggregation_length: 24 does not go"]),
    (["a"], {"aggregation_length": 32, "aggregation_length_v6": 128, "service_selectors": [{"a": "b"}]}, []),
    (["a"], {"aggregation_length_v6": 64, "service_selectors": [{"a": "b"}]}, [A + ".aggregation_length_v6: 64 does"]),
]


@pytest.mark.parametrize(("pools", "keys", "starts"), LENGTHS)
def test_lengths(pools: t.Sequence[str], keys: Variables, starts: list[str]) -> None:
    assert_errors(advertisements(keys, pools=pools), starts)


CONFLICT = [
    B + '.localpref: 200 is not the preference of {0}, which announces the same prefixes of the pool "a"'.format(A)
]
#: keys of two advertisements, the errors
PREFERENCES: list[tuple[Variables, Variables, list[str]]] = [
    ({"localpref": 100}, {"localpref": 100}, []),
    ({"localpref": 100}, {"localpref": 200}, CONFLICT),
    ({}, {"localpref": 200}, CONFLICT),
    ({"localpref": 200}, {}, [A + ".localpref: 200 is not the preference of " + B]),
    ({"localpref": 0}, {}, []),
    ({"address_pools": ["b"]}, {"localpref": 200, "address_pools": ["a"]}, []),
    ({"peers": ["one"]}, {"localpref": 200, "peers": ["two"]}, []),
    ({"peers": ["one"]}, {"localpref": 200, "peers": ["one", "two"]}, CONFLICT),
    ({"peers": ["one"]}, {"localpref": 200}, CONFLICT),
    ({"aggregation_length": 32}, {"localpref": 200, "address_pools": ["a"], "aggregation_length": 24}, []),
    ({"aggregation_length_v6": 64}, {"localpref": 200, "address_pools": ["a"]}, CONFLICT),
    ({"node_selectors": RACK_A}, {"localpref": 200, "node_selectors": RACK_B}, []),
    ({"node_selectors": RACK_A}, {"localpref": 200, "node_selectors": RACK_A}, CONFLICT),
    ({"node_selectors": RACK_A}, {"localpref": 200}, CONFLICT),
    ({"service_selectors": [{"a": "b"}]}, {"localpref": 200}, []),
]


@pytest.mark.parametrize(("one", "two", "starts"), PREFERENCES)
def test_preferences(one: Variables, two: Variables, starts: list[str]) -> None:
    assert_errors(advertisements(one, two), starts)


ECHO = [ONE + '.bfd_profile: "echo" has echo_mode, which does not go with the IPv6 addresses of the pool "six"']
#: keys of the peer, pools, keys of an advertisement, the errors
ECHOES: list[tuple[Variables, t.Sequence[str], Variables, list[str]]] = [
    ({"bfd_profile": "echo"}, ["a"], {}, []),
    ({"bfd_profile": "fast", "dual_stack": True}, ["a", "six"], {}, []),
    ({"bfd_profile": "echo", "dual_stack": True}, ["a", "six"], {}, ECHO),
    ({"bfd_profile": "echo", "dual_stack": True}, ["a", "six"], {"address_pools": ["a"]}, []),
    ({"bfd_profile": "echo", "dual_stack": True}, ["a", "six"], {"peers": ["one"]}, ECHO),
    ({"bfd_profile": "echo"}, ["a", "six"], {"peers": ["two"]}, []),
]


@pytest.mark.parametrize(("keys", "pools", "advertisement", "starts"), ECHOES)
def test_echo_mode_is_for_ipv4(
    keys: Variables, pools: t.Sequence[str], advertisement: Variables, starts: list[str]
) -> None:
    layer3 = {
        "metallb_peers": {"one": {**BASE, **keys}, "two": OTHER},
        "bfd_profiles": {"fast": {}, "echo": {"echo_mode": True}},
        "advertisements": [{"name": "x", **advertisement}],
    }
    assert_errors(outcome(layer3, pools), starts)


# Warnings -------------------------------------------------------------------------------------------------------------

FLAT: Variables = {"metallb_enabled": True, "metallb_ip_range": ["198.51.100.0/28"], "metallb_protocol": "bgp"}

WARNINGS: list[tuple[Outcome, list[str]]] = [
    (peers({}), []),
    (peers({"address_pool": None}), [ONE + " learns nothing, because no pool is announced to it; name pools in its"]),
    (peers({}, {"address_pool": None}), [TWO + " learns nothing"]),
    (advertisements({}), []),
    (advertisements({"peers": ["one"]}), [TWO + " learns nothing"]),
    (normalise({**FLAT, "metallb_peers": [BASE]}), []),
    (
        normalise({**FLAT, "metallb_protocol": "layer2", "metallb_peers": [BASE]}),
        ['metallb_peers[0] learns nothing, because no pool is announced to it; set metallb_protocol: "bgp".'],
    ),
    (normalise(FLAT), ["metallb_ip_range is announced to nobody, because there are no BGP peers; add metallb_peers"]),
    # Calico's way: something else announces, so nobody need be there
    (normalise({**FLAT, "metallb_speaker_enabled": False}), []),
    (
        normalise({**FLAT, "metallb_peers": [BASE], "metallb_speaker_enabled": False}),
        ["metallb_peers[0]: metallb_speaker_enabled is false, so nobody speaks BGP"],
    ),
    (peers({"multihop": True}), [ONE + ".multihop makes no difference to the backend native."]),
    (peers({"multihop": True}, **FRR), []),
    (peers({"multihop": True, "bfd_profile": "fast"}), []),
    (peers({"multihop": True, "bfd_profile": "echo"}), [ONE + ".bfd_profile has echo_mode, which does not go over"]),
    (
        advertisements({"address_pools": ["six"]}, pools=["a", "six"]),
        [
            A
            + ' announces the pool "six" to no peer with an IPv6 session, so nobody learns its IPv6 addresses; set dual_stack'
        ],
    ),
    (advertisements({"address_pools": ["six"]}, pools=["a", "six"], metallb_version="0.14.9"), []),
    (peers({"address_pool": ["six"], "dual_stack": True}, pools=["six"]), []),
    (peers({"address_pool": ["six"], "peer_address": "2001:db8::1"}, pools=["six"]), []),
    (peers({"address_pool": ["six"], "peer_address": None, "interface": "eth1"}, pools=["six"]), []),
    (
        peers({"peer_address": "2001:db8::1"}, **FRR),
        [ONE + ' announces the pool "a" to no peer with an IPv4 session'],
    ),
]


@pytest.mark.parametrize(("found", "starts"), WARNINGS)
def test_warnings(found: Outcome, starts: list[str]) -> None:
    assert found.errors == []
    assert len(found.warnings) == len(starts), found.warnings
    assert all(warning.startswith(start) for warning, start in zip(found.warnings, starts, strict=True)), found.warnings
