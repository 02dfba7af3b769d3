# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The same configuration twice: as variables, for this collection's verdict, and as custom resources, for MetalLB's own."""

from __future__ import annotations

import typing as t

Object = dict[str, t.Any]

VERSIONS = {"BGPPeer": "metallb.io/v1beta2"}
POOL = "192.0.2.0/28"
PEER = {"peer_address": "192.0.2.129", "peer_asn": 64513, "my_asn": 64512}
PEER_SPEC = {"peerAddress": "192.0.2.129", "peerASN": 64513, "myASN": 64512}


class Case(t.NamedTuple):
    """One configuration."""

    name: str
    config: Object  # metallb_config
    documents: list[Object]
    refused: bool  # by MetalLB
    stricter: str = ""  # why this collection refuses it all the same
    backends: tuple[str, ...] = ("native", "frr-k8s")


def document(kind: str, name: str, **spec: t.Any) -> Object:
    """A custom resource."""
    return {
        "apiVersion": VERSIONS.get(kind, "metallb.io/v1beta1"),
        "kind": kind,
        "metadata": {"name": name, "namespace": "metallb-system"},
        "spec": spec,
    }


def pools(name: str, refused: bool, stricter: str = "", **addresses: list[str]) -> Case:
    """Pools that are announced by layer2."""
    config = {
        "address_pools": {pool: {"ip_range": ranges} for pool, ranges in addresses.items()},
        "layer2": list(addresses),
    }
    documents = [document("IPAddressPool", pool, addresses=ranges) for pool, ranges in addresses.items()]
    documents += [document("L2Advertisement", pool, ipAddressPools=[pool]) for pool in addresses]
    return Case(name, config, documents, refused, stricter)


def layer2(name: str, refused: bool, entry: Object, spec: Object, stricter: str = "") -> Case:
    """One advertisement of one pool."""
    config = {"address_pools": {"lint-a": {"ip_range": POOL}}, "layer2": [{"name": "lint-a", **entry}]}
    documents = [document("IPAddressPool", "lint-a", addresses=[POOL]), document("L2Advertisement", "lint-a", **spec)]
    return Case(name, config, documents, refused, stricter)


def bgp(
    name: str,
    refused: bool,
    *backends: str,
    stricter: str = "",
    pool: str = POOL,
    peer: Object | None = None,
    peer_spec: Object | None = None,
    advertisement: Object | None = None,
    spec: Object | None = None,
    more: Object | None = None,
    documents: t.Sequence[Object] = (),
) -> Case:
    """One peer and one advertisement of one pool to it; None in peer and peer_spec takes a key away."""
    merged = {key: value for key, value in {**PEER, **(peer or {})}.items() if value is not None}
    merged_spec = {key: value for key, value in {**PEER_SPEC, **(peer_spec or {})}.items() if value is not None}
    layer3: Object = {"metallb_peers": {"lint-tor": merged}, **(more or {})}
    layer3["metallb_peers"] = {"lint-tor": merged, **((more or {}).get("metallb_peers") or {})}
    advertised = {"name": "lint-a", "address_pools": ["lint-a"], **(advertisement or {})}
    layer3["advertisements"] = [advertised, *((more or {}).get("advertisements") or [])]
    config = {"address_pools": {"lint-a": {"ip_range": pool}}, "layer3": layer3}
    return Case(
        name,
        config,
        [
            *[one for one in documents if one["kind"] in ("BFDProfile", "Community")],
            document("IPAddressPool", "lint-a", addresses=[pool]),
            document("BGPPeer", "lint-tor", **merged_spec),
            document("BGPAdvertisement", "lint-a", **{"ipAddressPools": ["lint-a"], **(spec or {})}),
            *[one for one in documents if one["kind"] not in ("BFDProfile", "Community")],
        ],
        refused,
        stricter,
        backends or ("native", "frr-k8s"),
    )


FRR, NATIVE = "frr-k8s", "native"
SECOND = {"lint-two": {**PEER, "peer_address": "192.0.2.130"}}


def second(**spec: t.Any) -> Object:
    """Another peer."""
    return document("BGPPeer", "lint-two", **{**PEER_SPEC, "peerAddress": "192.0.2.130", **spec})


def profile(**spec: t.Any) -> Object:
    """A BFD profile."""
    return document("BFDProfile", "lint-fast", **spec)


CASES = [
    # Pools ------------------------------------------------------------------------------------------------------------
    pools("a network", False, **{"lint-a": ["192.0.2.0/28"]}),
    pools("a range", False, **{"lint-a": ["192.0.2.10-192.0.2.20"]}),
    pools("a range with blanks", False, **{"lint-a": ["192.0.2.10 - 192.0.2.20"]}),
    pools("one address", False, **{"lint-a": ["192.0.2.10/32"]}),
    pools("an address without its length", True, **{"lint-a": ["192.0.2.10"]}),
    pools("a reversed range", True, **{"lint-a": ["192.0.2.20-192.0.2.10"]}),
    pools("a shortened range", True, **{"lint-a": ["192.0.2.10-20"]}),
    pools("leading zeros", True, **{"lint-a": ["192.0.002.010-192.0.2.20"]}),
    pools("no addresses", True, **{"lint-a": []}),
    pools("pools that overlap", True, **{"lint-a": ["192.0.2.0/28"], "lint-b": ["192.0.2.8-192.0.2.20"]}),
    pools("a pool that overlaps with itself", True, **{"lint-a": ["192.0.2.0/28", "192.0.2.8/32"]}),
    pools("no network at all", True, **{"lint-a": ["lan"]}),
    pools("IPv6", False, **{"lint-a": ["2001:db8::10-2001:db8::20"]}),
    pools("host bits", False, "MetalLB hands out the whole network", **{"lint-a": ["192.0.2.10/28"]}),
    pools("mixed families", False, "MetalLB makes an empty pool of it", **{"lint-a": ["192.0.2.10-2001:db8::20"]}),
    pools("mapped IPv4", False, "MetalLB reads IPv4", **{"lint-a": ["::ffff:192.0.2.0/124"]}),
    pools("loopback", False, "nobody reaches it from another host", **{"lint-a": ["127.0.0.8/30"]}),
    pools("multicast", False, "no Service can have it", **{"lint-a": ["224.0.0.8/30"]}),
    # Layer2 -----------------------------------------------------------------------------------------------------------
    layer2("an interface", False, {"interfaces": ["eth0"]}, {"interfaces": ["eth0"]}),
    layer2(
        "a pool twice",
        True,
        {"address_pools": ["lint-a", "lint-a"]},
        {"ipAddressPools": ["lint-a", "lint-a"]},
    ),
    layer2(
        "a pool that is not there",
        False,
        {"address_pools": ["lint-b"]},
        {"ipAddressPools": ["lint-b"]},
        "MetalLB ignores it in silence",
    ),
    layer2(
        "a selector with an operator that is none",
        True,
        {"node_selectors": [{"matchExpressions": [{"key": "a", "operator": "Is", "values": ["b"]}]}]},
        {"nodeSelectors": [{"matchExpressions": [{"key": "a", "operator": "Is", "values": ["b"]}]}]},
    ),
    layer2(
        "a selector that lacks its values",
        True,
        {"node_selectors": [{"matchExpressions": [{"key": "a", "operator": "In"}]}]},
        {"nodeSelectors": [{"matchExpressions": [{"key": "a", "operator": "In"}]}]},
    ),
    # BGP --------------------------------------------------------------------------------------------------------------
    bgp("a peer", False),
    bgp("no ASN of the peer", True, peer={"peer_asn": None}, peer_spec={"peerASN": None}),
    bgp("no ASN of ours", True, peer={"my_asn": None}, peer_spec={"myASN": None}),
    bgp("ASN 0", True, peer={"peer_asn": 0}, peer_spec={"peerASN": 0}),
    bgp("an ASN of 33 bits", True, peer={"peer_asn": 4294967296}, peer_spec={"peerASN": 4294967296}),
    bgp("no address of the peer", True, peer={"peer_address": None}, peer_spec={"peerAddress": None}),
    bgp("an address that is none", True, peer={"peer_address": "tor"}, peer_spec={"peerAddress": "tor"}),
    bgp("a hold time of 2 s", True, peer={"hold_time": "2s"}, peer_spec={"holdTime": "2s"}),
    bgp("a hold time of 0", False, peer={"hold_time": "0s"}, peer_spec={"holdTime": "0s"}),
    bgp("a hold time of 9 s", False, peer={"hold_time": "9s"}, peer_spec={"holdTime": "9s"}),
    bgp("a router id that is none", True, peer={"router_id": "tor"}, peer_spec={"routerID": "tor"}),
    bgp("a source address that is none", True, peer={"source_address": "x"}, peer_spec={"sourceAddress": "x"}),
    bgp("a port beyond", True, peer={"peer_port": 16385}, peer_spec={"peerPort": 16385}),
    bgp(
        "both kinds of ASN",
        True,
        peer={"dynamic_asn": "external"},
        peer_spec={"dynamicASN": "external"},
    ),
    bgp(
        "password and Secret",
        True,
        peer={"password": "x", "password_secret": "lint"},
        peer_spec={"password": "x", "passwordSecret": {"name": "lint"}},
    ),
    bgp("an aggregation of /28", False, advertisement={"aggregation_length": 28}, spec={"aggregationLength": 28}),
    bgp(
        "an aggregation wider than its pool",
        True,
        advertisement={"aggregation_length": 24},
        spec={"aggregationLength": 24},
    ),
    bgp("an aggregation of /33", True, advertisement={"aggregation_length": 33}, spec={"aggregationLength": 33}),
    bgp("a community", False, advertisement={"communities": ["64512:100"]}, spec={"communities": ["64512:100"]}),
    bgp(
        "a community too large",
        True,
        advertisement={"communities": ["64512:65536"]},
        spec={"communities": ["64512:65536"]},
    ),
    bgp("a community of one number", True, advertisement={"communities": ["100"]}, spec={"communities": ["100"]}),
    bgp("a community twice", True, advertisement={"communities": ["1:2", "1:2"]}, spec={"communities": ["1:2", "1:2"]}),
    bgp("an alias that is not there", True, advertisement={"communities": ["lint"]}, spec={"communities": ["lint"]}),
    bgp(
        "an alias",
        False,
        advertisement={"communities": ["lint"]},
        spec={"communities": ["lint"]},
        more={"communities": {"lint": "64512:100"}},
        documents=[document("Community", "lint", communities=[{"name": "lint", "value": "64512:100"}])],
    ),
    bgp(
        "a large community",
        True,
        NATIVE,
        advertisement={"communities": ["large:1:2:3"]},
        spec={"communities": ["large:1:2:3"]},
    ),
    bgp(
        "a large community",
        False,
        FRR,
        advertisement={"communities": ["large:1:2:3"]},
        spec={"communities": ["large:1:2:3"]},
    ),
    bgp(
        "two preferences for one prefix",
        True,
        advertisement={"localpref": 100},
        spec={"localPref": 100},
        more={"advertisements": [{"name": "lint-b", "address_pools": ["lint-a"], "localpref": 200}]},
        documents=[document("BGPAdvertisement", "lint-b", ipAddressPools=["lint-a"], localPref=200)],
    ),
    bgp(
        "a peer that is not there",
        False,
        stricter="MetalLB announces to nobody, in silence",
        advertisement={"peers": ["lint-x"]},
        spec={"peers": ["lint-x"]},
    ),
    bgp(
        "service selectors and an aggregation",
        True,
        advertisement={"service_selectors": [{"a": "b"}], "aggregation_length": 28},
        spec={"serviceSelectors": [{"matchLabels": {"a": "b"}}], "aggregationLength": 28},
    ),
    bgp("IPv6 to a native peer", True, NATIVE, pool="2001:db8::/124"),
    bgp(
        "IPv6 to a peer of FRR's",
        False,
        FRR,
        pool="2001:db8::/124",
        peer={"dual_stack": True},
        peer_spec={"dualStackAddressFamily": True},
    ),
    bgp("a keepalive time", True, NATIVE, peer={"keepalive_time": "10s"}, peer_spec={"keepaliveTime": "10s"}),
    bgp(
        "a keepalive time",
        False,
        FRR,
        peer={"hold_time": "30s", "keepalive_time": "10s"},
        peer_spec={"holdTime": "30s", "keepaliveTime": "10s"},
    ),
    bgp(
        "a keepalive time above the hold time",
        True,
        FRR,
        peer={"hold_time": "30s", "keepalive_time": "40s"},
        peer_spec={"holdTime": "30s", "keepaliveTime": "40s"},
    ),
    bgp("a VRF", True, NATIVE, peer={"vrf": "red"}, peer_spec={"vrf": "red"}),
    bgp("a VRF", False, FRR, peer={"vrf": "red"}, peer_spec={"vrf": "red"}),
    bgp("a connect time", True, NATIVE, peer={"connect_time": "10s"}, peer_spec={"connectTime": "10s"}),
    bgp("a connect time", False, FRR, peer={"connect_time": "10s"}, peer_spec={"connectTime": "10s"}),
    bgp("a connect time of 0", True, FRR, peer={"connect_time": "0s"}, peer_spec={"connectTime": "0s"}),
    bgp("a profile that is not there", True, peer={"bfd_profile": "lint-x"}, peer_spec={"bfdProfile": "lint-x"}),
    bgp(
        "a BFD profile",
        True,
        NATIVE,
        peer={"bfd_profile": "lint-fast"},
        peer_spec={"bfdProfile": "lint-fast"},
        more={"bfd_profiles": {"lint-fast": {"receive_interval": 300}}},
        documents=[profile(receiveInterval=300)],
    ),
    bgp(
        "a BFD profile",
        False,
        FRR,
        peer={"bfd_profile": "lint-fast"},
        peer_spec={"bfdProfile": "lint-fast"},
        more={"bfd_profiles": {"lint-fast": {"receive_interval": 300}}},
        documents=[profile(receiveInterval=300)],
    ),
    bgp(
        "BFD too fast",
        True,
        FRR,
        more={"bfd_profiles": {"lint-fast": {"receive_interval": 9}}},
        documents=[profile(receiveInterval=9)],
    ),
    bgp(
        "BFD with a multiplier of 1",
        True,
        FRR,
        more={"bfd_profiles": {"lint-fast": {"detect_multiplier": 1}}},
        documents=[profile(detectMultiplier=1)],
    ),
    bgp(
        "a second peer with an ASN of ours of its own",
        True,
        FRR,
        more={"metallb_peers": {"lint-two": {**SECOND["lint-two"], "my_asn": 64600}}},
        documents=[second(myASN=64600)],
    ),
    bgp(
        "a second peer with an ASN of ours of its own",
        False,
        NATIVE,
        more={"metallb_peers": {"lint-two": {**SECOND["lint-two"], "my_asn": 64600}}},
        documents=[second(myASN=64600)],
    ),
    bgp(
        "a second peer with a router id of its own",
        True,
        FRR,
        peer={"router_id": "192.0.2.3"},
        peer_spec={"routerID": "192.0.2.3"},
        more={"metallb_peers": {"lint-two": {**SECOND["lint-two"], "router_id": "192.0.2.4"}}},
        documents=[second(routerID="192.0.2.4")],
    ),
    bgp(
        "the same neighbour twice",
        True,
        FRR,
        more={"metallb_peers": {"lint-two": dict(PEER)}},
        documents=[second(peerAddress=PEER_SPEC["peerAddress"])],
    ),
]
