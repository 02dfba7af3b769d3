# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
import yaml

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _bgp
from ansible_collections.kubeaddons.metallb.plugins.module_utils._objects import custom_resources
from ansible_collections.kubeaddons.metallb.plugins.module_utils._settings import Outcome, normalise

Variables = dict[str, t.Any]

BASE = {"peer_address": "192.0.2.1", "peer_asn": 64513, "my_asn": 64512}
BASE_SPEC = {"peerAddress": "192.0.2.1", "peerASN": 64513, "myASN": 64512}
LAYER3 = "metallb_config.layer3"
PEER = LAYER3 + ".metallb_peers.tor"
ADVERTISEMENT = LAYER3 + ".advertisements[0]"


def config(layer3: t.Any, **pools: str) -> Variables:
    """Return an inventory of the newer form, with the pool "a" unless pools are given."""
    ranges = pools or {"a": "198.51.100.0/24"}
    address_pools = {name: {"ip_range": [one]} for name, one in ranges.items()}
    return {"metallb_config": {"address_pools": address_pools, "layer2": list(address_pools), "layer3": layer3}}


def peer(**keys: t.Any) -> Variables:
    return config({"metallb_peers": {"tor": {**BASE, "address_pool": ["a"], **keys}}})


def advertisement(**keys: t.Any) -> Variables:
    return config({"metallb_peers": {"tor": BASE}, "advertisements": [{"name": "up", **keys}]})


def profile(**keys: t.Any) -> Variables:
    return config({"metallb_peers": {"tor": {**BASE, "address_pool": ["a"]}}, "bfd_profiles": {"fast": keys}})


def outcome(variables: Variables) -> Outcome:
    return normalise({"metallb_enabled": True, **variables})


def objects(variables: Variables, kind: str) -> dict[str, Variables]:
    found = outcome(variables)
    assert (found.errors, found.warnings) == ([], [])
    return {
        one["metadata"]["name"]: one.get("spec", one.get("data"))
        for one in custom_resources(found.settings)
        if one["kind"] == kind
    }


# Every key ------------------------------------------------------------------------------------------------------------

#: keys of a peer, fields of BGPPeer
PEERS: list[tuple[Variables, Variables]] = [
    ({}, BASE_SPEC),
    ({"my_asn": "4200000000"}, {**BASE_SPEC, "myASN": 4200000000}),
    ({"peer_port": "1179"}, {**BASE_SPEC, "peerPort": 1179}),
    ({"hold_time": "30s"}, {**BASE_SPEC, "holdTime": "30s"}),
    ({"hold_time": 30, "keepalive_time": 10}, {**BASE_SPEC, "holdTime": "30s", "keepaliveTime": "10s"}),
    ({"connect_time": 5}, {**BASE_SPEC, "connectTime": "5s"}),
    ({"router_id": "192.0.2.9"}, {**BASE_SPEC, "routerID": "192.0.2.9"}),
    ({"source_address": "192.0.2.8"}, {**BASE_SPEC, "sourceAddress": "192.0.2.8"}),
    ({"multihop": True, "vrf": "red"}, {**BASE_SPEC, "ebgpMultiHop": True, "vrf": "red"}),
    ({"multihop": False}, BASE_SPEC),
    ({"password": "s3cret"}, {**BASE_SPEC, "passwordSecret": {"name": "metallb-peer-tor"}}),
    ({"password_secret": "other"}, {**BASE_SPEC, "passwordSecret": {"name": "other"}}),
    ({"node_selectors": [{"rack": "a1"}]}, {**BASE_SPEC, "nodeSelectors": [{"matchLabels": {"rack": "a1"}}]}),
    ({"vrf": "red"}, {**BASE_SPEC, "vrf": "red"}),
    (
        {"peer_asn": None, "dynamic_asn": "external"},
        {"peerAddress": "192.0.2.1", "dynamicASN": "external", "myASN": 64512},
    ),
    ({"peer_address": "", "interface": "eth1"}, {"interface": "eth1", "peerASN": 64513, "myASN": 64512}),
    ({"graceful_restart": "yes"}, {**BASE_SPEC, "enableGracefulRestart": True}),
    ({"local_asn": 65000}, {**BASE_SPEC, "localASN": 65000}),
    ({"dual_stack": True}, {**BASE_SPEC, "dualStackAddressFamily": True}),
    (
        {"spec": {"peerPort": 1179, "password": "s3cret"}},
        {**BASE_SPEC, "peerPort": 1179, "passwordSecret": {"name": "metallb-peer-tor"}},
    ),
]


@pytest.mark.parametrize(("keys", "spec"), PEERS)
def test_peers(keys: Variables, spec: Variables) -> None:
    assert objects(peer(**keys), "BGPPeer") == {"tor": spec}
    assert ("metallb-peer-tor" in objects(peer(**keys), "Secret")) == (
        "password" in str(keys) and "s3cret" in str(keys)
    )


def test_the_old_default_of_disable_mp() -> None:
    variables = {**peer(disable_mp=True), "metallb_version": "0.14.9"}
    assert objects(variables, "BGPPeer") == {"tor": {**BASE_SPEC, "disableMP": True}}
    (warning,) = outcome(peer(disable_mp=True)).warnings
    assert warning == PEER + ".disable_mp has no effect since MetalLB 0.15.0, which does so anyway; remove it."


#: keys of an advertisement, fields of BGPAdvertisement
ADVERTISEMENTS: list[tuple[Variables, Variables]] = [
    ({}, {"ipAddressPools": ["a"]}),
    ({"address_pools": ["a"], "peers": ["tor"]}, {"ipAddressPools": ["a"], "peers": ["tor"]}),
    (
        {"aggregation_length": 24, "aggregation_length_v6": "64"},
        {"ipAddressPools": ["a"], "aggregationLength": 24, "aggregationLengthV6": 64},
    ),
    ({"localpref": "100"}, {"ipAddressPools": ["a"], "localPref": 100}),
    ({"localpref": 0}, {"ipAddressPools": ["a"], "localPref": 0}),
    ({"communities": ["64512:50"]}, {"ipAddressPools": ["a"], "communities": ["64512:50"]}),
    ({"node_selectors": [{"a": "b"}]}, {"ipAddressPools": ["a"], "nodeSelectors": [{"matchLabels": {"a": "b"}}]}),
    ({"service_selectors": [{"a": "b"}]}, {"ipAddressPools": ["a"], "serviceSelectors": [{"matchLabels": {"a": "b"}}]}),
    ({"spec": {"localPref": 5}}, {"ipAddressPools": ["a"], "localPref": 5}),
]


@pytest.mark.parametrize(("keys", "spec"), ADVERTISEMENTS)
def test_advertisements(keys: Variables, spec: Variables) -> None:
    assert objects(advertisement(**keys), "BGPAdvertisement") == {"up": spec}


#: keys of a profile, fields of BFDProfile
PROFILES: list[tuple[Variables, Variables]] = [
    ({}, {}),
    (
        {"receive_interval": 10, "transmit_interval": 60000, "detect_multiplier": "3", "echo_interval": 50},
        {"receiveInterval": 10, "transmitInterval": 60000, "detectMultiplier": 3, "echoInterval": 50},
    ),
    (
        {"echo_mode": True, "passive_mode": True, "minimum_ttl": 254},
        {"echoMode": True, "passiveMode": True, "minimumTtl": 254},
    ),
]


@pytest.mark.parametrize(("keys", "spec"), PROFILES)
def test_profiles(keys: Variables, spec: Variables) -> None:
    assert objects(profile(**keys), "BFDProfile") == {"fast": spec}


def test_pools_are_selected_by_their_labels() -> None:
    variables = config(
        {
            "metallb_peers": {"tor": BASE},
            "advertisements": [
                {"name": "up", "address_pools": ["a"], "pool_selectors": [{"tier": "gold"}]},
                {"name": "all"},
            ],
        },
        a="198.51.100.0/28",
        b="203.0.113.0/28",
    )
    variables["metallb_config"]["address_pools"]["b"]["labels"] = {"tier": "gold"}
    assert objects(variables, "BGPAdvertisement") == {
        "up": {"ipAddressPools": ["a"], "ipAddressPoolSelectors": [{"matchLabels": {"tier": "gold"}}]},
        "all": {"ipAddressPools": ["a", "b"]},
    }
    assert [one.pools for one in outcome(variables).settings.bgp.advertisements] == [["a", "b"], ["a", "b"]]


# Kubespray up to 2.21 -------------------------------------------------------------------------------------------------

FLAT: Variables = {"metallb_ip_range": ["198.51.100.0/28"], "metallb_protocol": "bgp"}


def test_every_peer_learns_every_bgp_pool_of_the_flat_form() -> None:
    variables = {
        **FLAT,
        "metallb_additional_address_pools": {
            "more": {"ip_range": ["203.0.113.0/28"], "protocol": "bgp"},
            "near": {"ip_range": ["192.0.2.240/28"], "protocol": "layer2"},
        },
        "metallb_peers": [BASE, {**BASE, "peer_address": "192.0.2.2"}],
    }
    assert objects(variables, "BGPAdvertisement") == {
        "loadbalanced": {"ipAddressPools": ["loadbalanced"]},
        "more": {"ipAddressPools": ["more"]},
    }
    assert list(objects(variables, "L2Advertisement")) == ["near"]
    assert list(objects(variables, "IPAddressPool")) == ["loadbalanced", "more", "near"]
    assert list(objects(variables, "BGPPeer")) == ["peer-192-0-2-1", "peer-192-0-2-2"]


def test_the_shape_of_2_19() -> None:
    entry = {
        **BASE,
        "password": "changeme",
        "source_address": "192.0.2.8",
        "node_selectors": [
            {
                "match-labels": {"rack": "frontend"},
                "match-expressions": [{"key": "zone", "operator": "NotIn", "values": ["x"]}],
            }
        ],
    }
    assert objects({**FLAT, "metallb_peers": [entry]}, "BGPPeer")["peer-192-0-2-1"] == {
        **BASE_SPEC,
        "sourceAddress": "192.0.2.8",
        "nodeSelectors": [
            {
                "matchLabels": {"rack": "frontend"},
                "matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["x"]}],
            }
        ],
        "passwordSecret": {"name": "metallb-peer-peer-192-0-2-1"},
    }


#: an entry of metallb_peers, the name of its object
NAMES: list[tuple[Variables, str]] = [
    ({}, "peer-192-0-2-1"),
    ({"name": "tor"}, "tor"),
    ({"peer_address": "2001:db8::1"}, "peer-2001-db8--1"),
    ({"peer_address": None, "interface": "eth1.5"}, "peer-eth1-5"),
]


@pytest.mark.parametrize(("keys", "name"), NAMES)
def test_names_of_peers_that_have_none(keys: Variables, name: str) -> None:
    assert list(objects({**FLAT, "metallb_peers": [{**BASE, **keys}]}, "BGPPeer")) == [name]


def test_two_sessions_with_one_router() -> None:
    other = {**BASE, "peer_port": 1179}
    assert list(objects({**FLAT, "metallb_peers": [BASE, other]}, "BGPPeer")) == ["peer-192-0-2-1", "peer-192-0-2-1-2"]


# Kubespray since 2.22 -------------------------------------------------------------------------------------------------

#: from Kubespray's own documentation, with peers outside the pools
KUBESPRAY = """
metallb_config:
  address_pools:
    primary:
      ip_range: [192.0.5.0-192.0.5.254]
    pool1:
      ip_range: [192.0.6.1-192.0.6.1]
      auto_assign: false
    pool2:
      ip_range: [192.0.7.0/24]
      avoid_buggy_ips: true
  layer2:
    - primary
  layer3:
    defaults:
      peer_port: 179
      hold_time: 120s
    communities:
      vpn-only: "1234:1"
      NO_ADVERTISE: "65535:65282"
    metallb_peers:
        peer1:
          peer_address: 192.0.2.1
          peer_asn: 64512
          my_asn: 4200000000
          communities:
            - vpn-only
          address_pool:
            - pool1
          source_address: 192.0.2.2
          router_id: 1.2.3.4
          password: "changeme"
        peer2:
          peer_address: 192.0.2.2
          peer_asn: 64513
          my_asn: 4200000000
          communities:
            - NO_ADVERTISE
          address_pool:
            - pool2
          source_address: 192.0.2.1
          router_id: 1.2.3.5
          password: "changeme"
"""


def test_the_example_of_kubespray() -> None:
    variables = yaml.safe_load(KUBESPRAY)
    assert objects(variables, "BGPPeer")["peer2"] == {
        "peerAddress": "192.0.2.2",
        "peerASN": 64513,
        "myASN": 4200000000,
        "peerPort": 179,
        "sourceAddress": "192.0.2.1",
        "routerID": "1.2.3.5",
        "holdTime": "120s",
        "passwordSecret": {"name": "metallb-peer-peer2"},
    }
    # The key is what advertisements name; the object's name has to be one that Kubernetes takes.
    assert objects(variables, "Community") == {
        "vpn-only": {"communities": [{"name": "vpn-only", "value": "1234:1"}]},
        "no-advertise": {"communities": [{"name": "NO_ADVERTISE", "value": "65535:65282"}]},
    }
    # Each peer learns the pools of its own, unlike with Kubespray's role.
    assert objects(variables, "BGPAdvertisement") == {
        "peer1": {"ipAddressPools": ["pool1"], "communities": ["vpn-only"], "peers": ["peer1"]},
        "peer2": {"ipAddressPools": ["pool2"], "communities": ["NO_ADVERTISE"], "peers": ["peer2"]},
    }
    assert outcome(variables).settings.backend == "native"


def test_all_communities_preference_and_length_of_a_peer() -> None:
    keys = {
        "communities": ["64512:50", "64512:51", "no-export"],
        "aggregation_length": 31,
        "aggregation_length_v6": 64,
        "localpref": "100",
    }
    variables = config(
        {"metallb_peers": {"tor": {**BASE, "address_pool": ["a"], **keys}}}, a="198.51.100.0-198.51.100.1"
    )
    assert objects(variables, "BGPAdvertisement") == {
        "tor": {
            "ipAddressPools": ["a"],
            "communities": ["64512:50", "64512:51", "no-export"],
            "aggregationLength": 31,
            "aggregationLengthV6": 64,
            "localPref": 100,
            "peers": ["tor"],
        }
    }
    # What Kubespray's role always defines may be named without defining it.
    assert objects(variables, "Community") == {
        "well-known": {"communities": [{"name": "no-export", "value": "65535:65281"}]}
    }


def test_ones_own_well_known_community_stays() -> None:
    variables = config(
        {
            "communities": {"no-export": "65535:65281"},
            "metallb_peers": {"tor": {**BASE, "address_pool": ["a"], "communities": ["no-export"]}},
        }
    )
    assert list(objects(variables, "Community")) == ["no-export"]


def test_defaults_are_for_every_peer_and_a_peer_has_the_last_word() -> None:
    variables = config(
        {
            "defaults": {"my_asn": 64512, "peer_asn": 64513, "hold_time": "90s", "address_pool": ["a"], "localpref": 5},
            "metallb_peers": {
                "one": {"peer_address": "192.0.2.1"},
                "two": {"peer_address": "192.0.2.2", "hold_time": "30s", "localpref": 6, "dynamic_asn": "external"},
            },
        }
    )
    assert objects(variables, "BGPPeer") == {
        "one": {"peerAddress": "192.0.2.1", "peerASN": 64513, "myASN": 64512, "holdTime": "90s"},
        # One of a pair keeps the other one of the defaults away.
        "two": {"peerAddress": "192.0.2.2", "dynamicASN": "external", "myASN": 64512, "holdTime": "30s"},
    }
    assert [one["localPref"] for one in objects(variables, "BGPAdvertisement").values()] == [5, 6]


def test_peers_where_the_checks_of_2_22_looked_for_them() -> None:
    variables = config({})
    variables["metallb_config"]["metallb_peers"] = {"tor": {**BASE, "address_pool": ["a"]}}
    found = outcome(variables)
    assert [one.name for one in found.settings.bgp.peers] == ["tor"]
    assert found.warnings == [
        "metallb_config.metallb_peers is read as metallb_config.layer3.metallb_peers; rename it.",
    ]


def test_paths_of_fields() -> None:
    found = outcome(config({"defaults": {"my_asn": 1}, "metallb_peers": {"tor": {**BASE, "my_asn": None}}}))
    (one,) = found.settings.bgp.peers
    assert one.origins["myASN"] == LAYER3 + ".defaults.my_asn"
    assert one.origins["peerASN"] == PEER + ".peer_asn"


# Errors ---------------------------------------------------------------------------------------------------------------

#: variables, the whole error or its start
ERRORS: list[tuple[Variables, str]] = [
    (config("x"), LAYER3 + ': "x" is not a mapping'),
    (config({"metallb_peers": [BASE]}), LAYER3 + ".metallb_peers: [{'peer_address'"),
    (config({"metallb_peers": {"tor": "192.0.2.1"}}), PEER + ': "192.0.2.1" is not a mapping'),
    (config({"metallb_peers": {"_": BASE}}), LAYER3 + '.metallb_peers._: "_" cannot name a Kubernetes object'),
    (config({"metallb_peers": {"tor": BASE}, "defaults": ["x"]}), LAYER3 + ".defaults: ['x'] is not a mapping"),
    (config({"metallb_peers": {"tor": BASE}, "communities": "x"}), LAYER3 + '.communities: "x" is not a mapping'),
    (config({"metallb_peers": {"tor": BASE}, "bfd_profiles": ["x"]}), LAYER3 + ".bfd_profiles: ['x'] is not a mapping"),
    (
        config({"metallb_peers": {"tor": BASE}, "advertisements": {"x": 1}}),
        LAYER3 + ".advertisements: {'x': 1} is not a",
    ),
    (
        peer(my_asn=None),
        PEER + ": {'peer_address': '192.0.2.1', 'peer_asn': 64513, 'my_asn'... has no my_asn; add the AS",
    ),
    (
        peer(peer_asn=None),
        PEER + ": {'peer_address': '192.0.2.1', 'peer_asn': None, 'my_asn':... has no peer_asn; add the",
    ),
    (
        peer(peer_address=None),
        PEER + ": {'peer_address': None, 'peer_asn': 64513, 'my_asn': 64512... has no peer_address;",
    ),
    (peer(peer_asn=0), PEER + ".peer_asn: 0 is not an AS number"),
    (peer(my_asn="08"), PEER + '.my_asn: "08" has a leading zero'),
    (peer(peer_asn="1.10"), PEER + '.peer_asn: "1.10" is in asdot notation, which MetalLB does not read; write 65546.'),
    (peer(peer_address=192.1), PEER + ".peer_address: 192.1 is not text"),
    (
        peer(peer_port=16385),
        PEER + ".peer_port: 16385 is not a port that MetalLB takes; write a whole number from 1 to",
    ),
    (peer(spec={"peerPort": 0}), PEER + ".spec.peerPort: 0 is not a port that MetalLB takes"),
    (peer(spec=["x"]), PEER + ".spec: ['x'] is not a mapping"),
    (peer(address_pool="a"), PEER + '.address_pool: "a" is not a list'),
    (peer(address_pool=["a", "b"]), PEER + '.address_pool[1]: "b" is not a pool of this inventory; add the pool or'),
    (peer(address_pool=["a", "a"]), PEER + '.address_pool[1]: "a" stands there twice'),
    (peer(address_pool=[{}, "b"]), PEER + ".address_pool[0]: {} is not text"),
    (
        peer(communities=["vpn"]),
        PEER + '.communities[0]: "vpn" is not a community of metallb_config.layer3.communities',
    ),
    (
        peer(communities=[3870770]),
        PEER + ".communities[0]: 3870770 is not text; write it in quotes, because YAML reads",
    ),
    (
        peer(communities=["64512:50", "1:65536"]),
        PEER + ".communities[1]: \"1:65536\" is not a community because of '65536'",
    ),
    (peer(localpref=-1), PEER + ".localpref: -1 is not a local preference; write a whole number from 0 to 4294967295."),
    (peer(aggregation_length=33), PEER + ".aggregation_length: 33 is not a length of IPv4 prefixes"),
    (peer(aggregation_length_v6=129), PEER + ".aggregation_length_v6: 129 is not a length of IPv6 prefixes"),
    (peer(password=1234), PEER + ".password: (hidden) is not text; write it in quotes."),
    (
        config(
            {"defaults": {"hold_time": "1s"}, "metallb_peers": {"a": BASE, "b": {**BASE, "peer_address": "192.0.2.2"}}}
        ),
        LAYER3 + '.defaults.hold_time: "1s" is not possible in BGP',
    ),
    (
        config({"metallb_peers": {"tor": BASE}, "communities": {"vpn": "x"}}),
        LAYER3 + '.communities.vpn: "x" is not a community; write it as "64512:50"',
    ),
    (
        config({"metallb_peers": {"tor": BASE}, "communities": {"a:b": "1:2"}}),
        LAYER3 + '.communities.a:b: "a:b" cannot be a name because of its ":"; choose another.',
    ),
    (
        config({"metallb_peers": {"tor": BASE}, "communities": {"X_Y": "1:2", "x-y": "1:3"}}),
        LAYER3 + '.communities.x-y: "x-y" becomes the object "x-y", as another one does; choose another name.',
    ),
    (
        config({"metallb_peers": {"tor": BASE}, "communities": {"__": "1:2"}}),
        LAYER3 + '.communities.__: "" cannot name a Kubernetes object',
    ),
    (profile(receive_interval=9), LAYER3 + ".bfd_profiles.fast.receive_interval: 9 is not an interval in milliseconds"),
    (profile(transmit_interval=60001), LAYER3 + ".bfd_profiles.fast.transmit_interval: 60001 is not an interval"),
    (profile(echo_interval="50ms"), LAYER3 + '.bfd_profiles.fast.echo_interval: "50ms" is not a whole number'),
    (profile(detect_multiplier=1), LAYER3 + ".bfd_profiles.fast.detect_multiplier: 1 is not possible; write a whole"),
    (profile(minimum_ttl=255), LAYER3 + ".bfd_profiles.fast.minimum_ttl: 255 is not a time to live"),
    (advertisement(name=""), ADVERTISEMENT + ": {'name': ''} has no name; add one, such as name: uplink."),
    (advertisement(name="Up"), ADVERTISEMENT + '.name: "Up" cannot name a Kubernetes object'),
    (advertisement(peers=["x"]), ADVERTISEMENT + '.peers[0]: "x" is not a peer of this inventory; add the peer or'),
    (advertisement(address_pools=["x"]), ADVERTISEMENT + '.address_pools[0]: "x" is not a pool of this inventory'),
    (
        config({"metallb_peers": {"tor": {**BASE, "address_pool": ["a"]}}, "advertisements": [{"name": "tor"}]}),
        ADVERTISEMENT + ': "tor" is also the name of the advertisement of ' + PEER,
    ),
    ({**FLAT, "metallb_peers": BASE}, "metallb_peers: {'peer_address'"),
    ({**FLAT, "metallb_peers": ["192.0.2.1"]}, 'metallb_peers[0]: "192.0.2.1" is not a mapping'),
    (
        {**FLAT, "metallb_peers": [{**BASE, "name": "a"}, {**BASE, "name": "a", "peer_port": 1}]},
        'metallb_peers[1].name: "a"',
    ),
    ({**FLAT, "metallb_peers": [{}]}, "metallb_peers[0]: {} has no my_asn"),
    (
        {**FLAT, "metallb_bgp_backend": "quagga"},
        'metallb_bgp_backend: "quagga" is not known; choose one of native, frr, frr-k8s.',
    ),
]


@pytest.mark.parametrize(("variables", "start"), ERRORS)
def test_errors(variables: Variables, start: str) -> None:
    errors = outcome(variables).errors
    assert errors, start
    assert errors[0].startswith(start)


@pytest.mark.parametrize(
    ("variables", "path"),
    [
        (peer(my_asn=None, peer_asn=64512), PEER),
        (peer(password=1234), PEER + ".password"),
        (
            config({"metallb_peers": {"tor": BASE, "b": {**BASE, "peer_address": "x"}}}),
            LAYER3 + ".metallb_peers.b.peer_address",
        ),
    ],
)
def test_one_mistake_is_one_error(variables: Variables, path: str) -> None:
    (error,) = outcome(variables).errors
    assert error.startswith(path + ": ")


# Releases and backends ------------------------------------------------------------------------------------------------

#: key of a peer, its value, the first release with it by frr and by frr-k8s
SINCE: list[tuple[str, t.Any, str, str]] = [
    ("keepalive_time", "10s", "0.13.9", "0.14.5"),
    ("vrf", "red", "0.13.9", "0.14.5"),
    ("connect_time", 5, "0.14.4", "0.14.5"),
    ("disable_mp", True, "0.14.4", "0.14.5"),
    ("graceful_restart", True, "0.14.6", "0.14.9"),
    ("dynamic_asn", "external", "0.14.9", "0.14.9"),
    ("interface", "eth1", "0.15.0", "0.15.0"),
    ("dual_stack", True, "0.15.0", "0.15.0"),
    ("local_asn", 65000, "0.16.1", "0.16.1"),
]
RIVALS = {"dynamic_asn": "peer_asn", "interface": "peer_address"}
RELEASES = (
    "0.13.9",
    "0.13.12",
    "0.14.4",
    "0.14.5",
    "0.14.6",
    "0.14.8",
    "0.14.9",
    "0.15.0",
    "0.15.2",
    "0.15.3",
    "0.16.1",
)


@pytest.mark.parametrize(("key", "value", "frr", "frr_k8s"), SINCE)
def test_what_a_release_and_a_backend_have(key: str, value: t.Any, frr: str, frr_k8s: str) -> None:
    entry = {one: given for one, given in BASE.items() if one != RIVALS.get(key)}
    for release in RELEASES:
        variables = {
            **config({"metallb_peers": {"tor": {**entry, key: value, "address_pool": ["a"]}}}),
            "metallb_version": release,
        }
        for backend, first in (("native", "9.9.9"), ("frr", frr), ("frr-k8s", frr_k8s)):
            errors = outcome({**variables, "metallb_bgp_backend": backend}).errors
            assert (errors == []) == (number(release) >= number(first)), (release, backend, errors)
        by_need = outcome(variables)
        assert (by_need.errors == []) == (number(release) >= number(frr))
        if not by_need.errors:
            assert by_need.settings.backend == ("frr-k8s" if number(release) >= number(frr_k8s) else "frr")
            assert by_need.settings.backend_reason.startswith("{0}.{1} needs it".format(PEER, key))
        else:
            assert by_need.errors[0].startswith("{0}.{1}: ".format(PEER, key))
            assert "needs MetalLB " in by_need.errors[0]


def number(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


#: variables that need FRR otherwise, and the path that says so
NEEDS: list[tuple[Variables, str]] = [
    (profile(), LAYER3 + ".bfd_profiles.fast"),
    (peer(communities=["large:1:2:3"]), PEER + ".communities[0]"),
    (config({"metallb_peers": {"tor": BASE}, "communities": {"big": "large:1:2:3"}}), LAYER3 + ".communities.big"),
    (
        config({"metallb_peers": {"tor": {**BASE, "address_pool": ["a"], "dual_stack": False}}}, a="2001:db8::/112"),
        "metallb_config.address_pools.a.ip_range",
    ),
]


@pytest.mark.parametrize(("variables", "path"), NEEDS)
def test_what_needs_frr(variables: Variables, path: str) -> None:
    by_need = outcome(variables).settings
    assert (by_need.backend, by_need.backend_reason) == ("frr-k8s", path + " needs it")
    (error,) = outcome({**variables, "metallb_bgp_backend": "native"}).errors
    assert error.startswith(path + ": ")
    assert 'set metallb_bgp_backend: "frr-k8s"' in error


@pytest.mark.parametrize(("version", "backend"), [("0.14.8", "frr-k8s"), ("0.14.9", "native"), ("0.16.1", "native")])
def test_ipv6_of_layer2_beside_bgp(version: str, backend: str) -> None:
    """Native refused every IPv6 pool until 0.14.9."""
    variables = config(
        {"metallb_peers": {"tor": {**BASE, "address_pool": ["a"]}}}, a="198.51.100.0/24", b="2001:db8::/112"
    )
    found = outcome({**variables, "metallb_version": version})
    assert (found.errors, found.settings.backend) == ([], backend)


def test_service_selectors_are_of_0_16() -> None:
    variables = {**advertisement(service_selectors=[{"a": "b"}]), "metallb_version": "0.15.3"}
    (error,) = outcome(variables).errors
    assert error.startswith(ADVERTISEMENT + ".service_selectors: [{'a': 'b'}] needs MetalLB 0.16.0 or later")


# Warnings -------------------------------------------------------------------------------------------------------------

WARNINGS: list[tuple[Variables, list[str]]] = [
    (config({"defaults": {"peer_port": 179}}), ["metallb_config.layer3 has no metallb_peers, so nothing is announced"]),
    (
        config({"metallb_peer": {"tor": BASE}}),
        [
            LAYER3 + ".metallb_peer is not known and has no effect; did you mean metallb_peers?",
            "metallb_config.layer3 has",
        ],
    ),
    (peer(pear_port=1), [PEER + ".pear_port is not known and has no effect; did you mean peer_port?"]),
    (
        peer(spec={"holdtime": "1s"}),
        [PEER + ".spec.holdtime is not known here and is handed on as it is; did you mean holdTime?"],
    ),
    (
        advertisement(peer=["a"]),
        [ADVERTISEMENT + ".peer is not known and has no effect; did you mean peers?"],
    ),
    (profile(recieve_interval=10), [LAYER3 + ".bfd_profiles.fast.recieve_interval is not known"]),
    (
        config({"metallb_peers": {"tor": {**BASE, "localpref": 5}}}),
        [PEER + ".localpref has no effect without address_pool", PEER + " learns nothing"],
    ),
    (
        config({"metallb_peers": {"tor": {**BASE, "address_pool": ["a"]}}, "defaults": {"peer_prot": 179}}),
        [LAYER3 + ".defaults.peer_prot is not known and has no effect; did you mean peer_port?"],
    ),
    (
        {**peer(), "metallb_peers": [BASE]},
        ["metallb_peers has no effect beside metallb_config.address_pools; move its peers to"],
    ),
    ({**FLAT, "metallb_peers": [{**BASE, "address_pool": ["x"]}]}, ["metallb_peers[0].address_pool is not known"]),
    (
        {**FLAT, "metallb_config": {"layer3": {"metallb_peers": {"tor": BASE}}}, "metallb_peers": [BASE]},
        ["metallb_peers has no effect beside metallb_config.layer3.metallb_peers"],
    ),
]


@pytest.mark.parametrize(("variables", "starts"), WARNINGS)
def test_warnings(variables: Variables, starts: list[str]) -> None:
    found = outcome(variables)
    assert found.errors == []
    assert len(found.warnings) == len(starts), found.warnings
    assert all(warning.startswith(start) for warning, start in zip(found.warnings, starts, strict=True)), found.warnings


def test_every_key_has_its_field_and_no_two_the_same() -> None:
    for table in (_bgp.PEER, _bgp.ADVERTISEMENT, _bgp.BFD_PROFILE):
        names = [field.name for field in table.values()]
        assert len(names) == len(set(names))
