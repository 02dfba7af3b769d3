# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _announcers
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import fixture

Object = dict[str, t.Any]
OBJECTS = fixture("dual_stack")
SERVICE = OBJECTS[0]
ADDRESSES = ["192.168.100.240", "fd00:192:168:100::240"]


def of_kind(kind: str) -> list[Object]:
    return [copy.deepcopy(one) for one in OBJECTS if one["kind"] == kind]


def live(**changed: t.Any) -> _announcers.Live:
    return _announcers.Live(
        pools=of_kind("IPAddressPool"),
        l2_advertisements=of_kind("L2Advertisement"),
        l2_statuses=of_kind("ServiceL2Status"),
        bgp_advertisements=of_kind("BGPAdvertisement"),
        bgp_peers=of_kind("BGPPeer"),
        bgp_statuses=of_kind("ServiceBGPStatus"),
        sessions=of_kind("BGPSessionState"),
        nodes=of_kind("Node"),
        speakers=of_kind("Pod"),
    )._replace(**changed)


def index(**changed: t.Any) -> _announcers.Index:
    return _announcers.indexed(live(**changed))


def altered(kind: str, index: int, **spec: t.Any) -> list[Object]:
    """Return the objects of a kind with parts of one's spec replaced; None takes a part away."""
    found = of_kind(kind)
    found[index]["spec"] = {key: value for key, value in {**found[index]["spec"], **spec}.items() if value is not None}
    return found


# Which advertisements take a Service ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "taken"),
    [
        ({}, True),
        (None, True),
        ({"ipAddressPools": ["both"]}, True),
        ({"ipAddressPools": ["other"]}, False),
        ({"ipAddressPoolSelectors": [{"matchLabels": {"zone": "lan"}}]}, True),
        ({"ipAddressPoolSelectors": [{"matchLabels": {"zone": "dmz"}}]}, False),
        ({"ipAddressPools": ["other"], "ipAddressPoolSelectors": [{"matchLabels": {"zone": "lan"}}]}, True),
        ({"serviceSelectors": [{"matchLabels": {"tier": "front"}}]}, True),
        ({"serviceSelectors": [{"matchLabels": {"tier": "back"}}]}, False),
        ({"serviceSelectors": [{"matchLabels": {"tier": "back"}}, {"matchLabels": {"tier": "front"}}]}, True),
        ({"ipAddressPools": ["other"], "serviceSelectors": [{"matchLabels": {"tier": "front"}}]}, False),
        # On which nodes is another question.
        ({"nodeSelectors": [{"matchLabels": {"no": "where"}}]}, True),
    ],
)
def test_the_advertisements_that_take_a_service(spec: Object | None, taken: bool) -> None:
    advertisements = index(l2_advertisements=[{"metadata": {"name": "x"}, "spec": spec}]).l2_advertisements
    found = _announcers.selecting(advertisements, SERVICE, "both")
    assert [one.spec for one in found] == ([spec or {}] if taken else [])


def test_without_a_pool_nothing_is_announced() -> None:
    advertisements = index(l2_advertisements=[{"metadata": {"name": "x"}}]).l2_advertisements
    assert _announcers.selecting(advertisements, SERVICE, "") == []
    assert _announcers.selecting(advertisements, SERVICE, "both") == list(advertisements)


def expression(operator: str, *listed: str, key: str = "zone") -> Object:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(listed)}]}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ({}, True),
        (expression("In", "lan", "wan"), True),
        (expression("In", "wan"), False),
        (expression("In", "lan", key="missing"), False),
        (expression("NotIn", "wan"), True),
        (expression("NotIn", "lan"), False),
        (expression("NotIn", "lan", key="missing"), True),
        (expression("Exists"), True),
        (expression("Exists", key="missing"), False),
        (expression("DoesNotExist"), False),
        (expression("DoesNotExist", key="missing"), True),
        (expression("Near"), False),
        ({"matchLabels": {"zone": "lan"}, **expression("In", "wan")}, False),
    ],
)
def test_label_selectors(selector: Object, matches: bool) -> None:
    assert _announcers.selector_matches(selector, {"zone": "lan"}) is matches


# layer2 ---------------------------------------------------------------------------------------------------------------


def status(**changed: t.Any) -> Object:
    return {"status": {"node": "node2", "serviceName": "web", "serviceNamespace": "default", **changed}}


@pytest.mark.parametrize(
    ("statuses", "announcers"),
    [
        (None, None),
        ([], []),
        ([status(), status(node="node1")], ["node1", "node2"]),
        ([status(), status()], ["node2"]),
        ([status(serviceName="other")], []),
        ([status(serviceNamespace="other")], []),
        ([status(node="")], []),
        ([{"metadata": {"name": "new"}}], []),
    ],
)
def test_who_says_that_he_answers_arp(statuses: list[Object] | None, announcers: list[str] | None) -> None:
    assert _announcers.l2_announcers(SERVICE, index(l2_statuses=statuses)) == announcers


def machines(*names: str, **labels: str) -> list[Object]:
    return [{"metadata": {"name": name, "labels": labels}} for name in names]


def speakers_on(*nodes: str) -> list[Object]:
    return [
        {"metadata": {}, "spec": {"nodeName": node, "containers": [{}]}, "status": {"phase": "Running"}}
        for node in nodes
    ]


BOTH_IRIS = {"nodes": machines("iris1", "iris2"), "speakers": speakers_on("iris1", "iris2")}


def elected(specs: t.Sequence[Object], addresses: t.Sequence[str], **changed: t.Any) -> Object | None:
    """Return what is elected where advertisements with these specs take the Service."""
    advertisements = [{"metadata": {"name": "x"}, "spec": spec} for spec in specs]
    now = index(**{**BOTH_IRIS, "l2_advertisements": advertisements, **changed})
    return _announcers.l2_election(SERVICE, now.l2_advertisements, addresses, [], now)


@pytest.mark.parametrize(
    ("address", "changed", "node"),
    [
        # What MetalLB's own tests expect of its rule.
        ("10.20.30.1", {}, "iris2"),
        ("10.20.30.1", {"speakers": speakers_on("iris1")}, "iris1"),
        ("10.20.30.1", {"nodes": machines("iris1") + machines("iris2", **{_announcers.EXCLUDED: ""})}, "iris1"),
        # It hashes addresses as Go writes them.
        ("2001:DB8:0:0::1", {}, "iris2"),
        ("2001:db8::1", {}, "iris2"),
    ],
)
def test_the_elected_node(address: str, changed: Object, node: str) -> None:
    found = elected([{}], [address], **changed)
    assert found == {"node": node, "reasons": {}}


def test_where_nobody_may_be_elected() -> None:
    found = elected([{"nodeSelectors": [{"matchLabels": {"no": "where"}}]}], ["10.20.30.1"])
    why = {"id": "not-selected", "text": "is selected by no L2Advertisement"}
    assert found == {"node": "", "reasons": dict.fromkeys(("iris1", "iris2"), why)}


@pytest.mark.parametrize(
    ("specs", "addresses"), [([], ["10.20.30.1"]), ([{}], []), ([{"preferredNodeSelectors": []}], ["10.20.30.1"])]
)
def test_where_there_is_no_election_to_foretell(specs: list[Object], addresses: list[str]) -> None:
    assert elected(specs, addresses) is None


@pytest.mark.parametrize(
    ("changed", "in_use"),
    [
        ({}, True),
        ({"l2_advertisements": []}, False),
        ({"l2_advertisements": [{"metadata": {"name": "x"}, "spec": {"ipAddressPools": ["other"]}}]}, False),
        # No kernel answers NDP for an address of another interface.
        ({"pools": altered("IPAddressPool", 0, addresses=["fd00:192:168:100::240/124"])}, False),
        ({"pools": altered("IPAddressPool", 0, addresses=["fd00::1-fd00::2", "192.0.2.0/24"])}, True),
        ({"pools": altered("IPAddressPool", 0, addresses=["nonsense"])}, False),
        ({"pools": []}, False),
    ],
)
def test_where_strict_arp_matters(changed: Object, in_use: bool) -> None:
    assert _announcers.layer2_in_use(live(**changed)) is in_use


# BGP ------------------------------------------------------------------------------------------------------------------


def pod(
    node: str,
    phase: str = "Running",
    args: t.Sequence[str] = (),
    env: t.Sequence[Object] = (),
    image: str = "",
    **meta: t.Any,
) -> Object:
    return {
        "metadata": meta,
        "spec": {"nodeName": node, "containers": [{"image": image, "args": list(args), "env": list(env)}, {}]},
        "status": {"phase": phase},
    }


def bgp_type(value: str) -> list[Object]:
    return [{"name": "OTHER"}, {"name": "METALLB_BGP_TYPE", "value": value}]


@pytest.mark.parametrize(
    ("speakers", "backend"),
    [
        ([], ""),
        ([pod("node1")], "native"),
        ([pod("node1", env=bgp_type("frr-k8s"))], "frr-k8s"),
        ([pod("node1", env=bgp_type("frr"))], "frr"),
        ([pod("node1", env=bgp_type(""))], "native"),
    ],
)
def test_what_speaks_bgp(speakers: list[Object], backend: str) -> None:
    assert _announcers.backend(speakers) == backend


def announcement(service: Object = SERVICE, **changed: t.Any) -> Object:
    now = index(**changed)
    taking = _announcers.selecting(now.bgp_advertisements, service, "both")
    return _announcers.bgp_announcement(service, taking, ADDRESSES, ["node2"], now) or {}


def local() -> Object:
    return {**SERVICE, "spec": {**SERVICE["spec"], "externalTrafficPolicy": "Local"}}


def selector(node: str) -> Object:
    return {"nodeSelectors": [{"matchLabels": {"kubernetes.io/hostname": node}}]}


def test_who_must_announce_by_bgp_and_who_says_so() -> None:
    assert announcement() == {
        "expected": {"node2": ["router1", "router2"], "node3": ["router1"]},
        "reasons": {
            "node1": {
                "id": "labelled",
                "text": "carries the label node.kubernetes.io/exclude-from-external-load-balancers",
            }
        },
        "announced": {"node2": ["router1", "router2"], "node3": ["router1"]},
        "uncarried": [],
        "routes": [
            {"prefix": "192.168.100.240/32", "nodes": {"node2": ["router1"], "node3": ["router1"]}},
            {"prefix": "fd00:192:168:100::240/128", "nodes": {"node2": ["router2"]}},
        ],
    }


def aggregating(*more: Object, **changed: t.Any) -> list[Object]:
    return [*altered("BGPAdvertisement", 0, **changed), *more]


ROUTES: list[tuple[Object, list[tuple[str, dict[str, list[str]]]]]] = [
    # what is different, prefix and who announces it to whom
    (
        {"bgp_advertisements": aggregating(aggregationLength=28, aggregationLengthV6=64)},
        [
            ("192.168.100.240/28", {"node2": ["router1"], "node3": ["router1"]}),
            ("fd00:192:168:100::/64", {"node2": ["router2"]}),
        ],
    ),
    # Two prefixes of one address, each to its own peers and from its own nodes.
    (
        {
            "bgp_advertisements": aggregating(
                *altered("BGPAdvertisement", 0, aggregationLength=24, **selector("node3")), peers=["router1"]
            )
        },
        [
            ("192.168.100.240/32", {"node2": ["router1"], "node3": ["router1"]}),
            ("192.168.100.0/24", {"node3": ["router1"]}),
        ],
    ),
    # One prefix of two advertisements.
    (
        {
            "bgp_advertisements": aggregating(
                *altered("BGPAdvertisement", 0, **selector("node3")), **selector("node2"), peers=["router1"]
            )
        },
        [("192.168.100.240/32", {"node2": ["router1"], "node3": ["router1"]})],
    ),
    (
        {"bgp_advertisements": altered("BGPAdvertisement", 0, peers=["router2"])},
        [
            ("fd00:192:168:100::240/128", {"node2": ["router2"]}),
        ],
    ),
    ({"speakers": [pod("node2")]}, [("192.168.100.240/32", {"node2": ["router1", "router2"]})]),
    ({"bgp_peers": []}, []),
    # No webhook has seen this, and MetalLB refuses it.
    ({"bgp_advertisements": altered("BGPAdvertisement", 0, aggregationLength=33, aggregationLengthV6=999)}, []),
]


@pytest.mark.parametrize(("changed", "routes"), ROUTES)
def test_what_routers_must_receive(changed: Object, routes: list[tuple[str, dict[str, list[str]]]]) -> None:
    found = announcement(**changed)["routes"]
    assert [(one["prefix"], one["nodes"]) for one in found] == routes


def test_a_service_that_no_bgp_advertisement_takes() -> None:
    assert _announcers.bgp_announcement(SERVICE, [], ADDRESSES, ["node2"], index()) is None


Why = tuple[str, str]
SPEAKERLESS = (_announcers.NO_SPEAKER, "has no running speaker")
PEERLESS = (_announcers.NO_PEER, "has no BGPPeer that the address is announced to")
EXPECTED: list[tuple[Object, Object, dict[str, list[str]], dict[str, Why]]] = [
    # Service, what is different, who is expected, why others are not: id and sentence
    (
        local(),
        {},
        {"node2": ["router1", "router2"]},
        {"node3": (_announcers.NO_ENDPOINT, "has no endpoint of the Service, whose externalTrafficPolicy is Local")},
    ),
    (
        SERVICE,
        {"speakers": [pod("node2"), pod("node3", "Pending")]},
        {"node2": ["router1", "router2"]},
        {"node3": SPEAKERLESS},
    ),
    (
        SERVICE,
        {"speakers": [pod("node2"), pod("node3", deletionTimestamp="2026-11-23T20:00:00Z")]},
        {"node2": ["router1", "router2"]},
        {"node1": SPEAKERLESS, "node3": SPEAKERLESS},
    ),
    (
        SERVICE,
        {
            "speakers": [
                pod("node1", args=["--port=9120", "--ignore-exclude-lb"]),
                pod("node3", args=["--ignore-exclude-lb=false"]),
            ]
        },
        {"node1": ["router1"], "node3": ["router1"]},
        {"node2": SPEAKERLESS},
    ),
    # The label is heeded since 0.14.2.
    (
        SERVICE,
        {"speakers": [pod("node1", image="registry:5000/speaker:v0.13.9"), pod("node2", image="speaker@sha256:1")]},
        {"node1": ["router1"], "node2": ["router1", "router2"]},
        {"node3": SPEAKERLESS},
    ),
    (
        SERVICE,
        {"bgp_advertisements": altered("BGPAdvertisement", 0, **selector("node3"))},
        {"node3": ["router1"]},
        {"node2": (_announcers.NOT_SELECTED, "is selected by no BGPAdvertisement")},
    ),
    (
        SERVICE,
        {"bgp_advertisements": altered("BGPAdvertisement", 0, peers=["router2"])},
        {"node2": ["router2"]},
        {"node3": PEERLESS},
    ),
    # What two advertisements say adds up, each on its own nodes.
    (
        SERVICE,
        {
            "bgp_advertisements": [
                *altered("BGPAdvertisement", 0, peers=["router2"]),
                *altered("BGPAdvertisement", 0, peers=["router1"], **selector("node3")),
            ]
        },
        {"node2": ["router2"], "node3": ["router1"]},
        {},
    ),
    (SERVICE, {"bgp_peers": []}, {}, {"node2": PEERLESS, "node3": PEERLESS}),
    (
        SERVICE,
        {
            "nodes": [
                {**node, "status": {"conditions": [{"type": "NetworkUnavailable", "status": "True"}]}}
                for node in of_kind("Node")
            ]
        },
        {},
        {"node2": (_announcers.NO_NETWORK, "has the condition NetworkUnavailable")},
    ),
]


@pytest.mark.parametrize(("service", "changed", "expected", "reasons"), EXPECTED)
def test_the_nodes_that_must_announce(
    service: Object, changed: Object, expected: dict[str, list[str]], reasons: dict[str, Why]
) -> None:
    found = announcement(service, **changed)
    assert found["expected"] == expected
    assert set(found["expected"]) | set(found["reasons"]) == {"node1", "node2", "node3"}
    assert {node: tuple(found["reasons"][node].values()) for node in reasons} == reasons


def test_an_old_metallb_does_not_say_who_announces_by_bgp() -> None:
    found = announcement(bgp_statuses=None)
    assert (found["announced"], found["uncarried"]) == (None, [])
    assert announcement(bgp_statuses=[])["announced"] == {}


@pytest.mark.parametrize(
    ("changed", "uncarried"),
    [
        ({}, []),
        # One session of IPv4 only.
        ({"bgp_peers": altered("BGPPeer", 0)[:1]}, ADDRESSES[1:]),
        ({"bgp_peers": altered("BGPPeer", 0, dualStackAddressFamily=True)[:1]}, []),
        ({"bgp_peers": altered("BGPPeer", 0, peerAddress=None, interface="eth0")[:1]}, []),
        ({"bgp_peers": altered("BGPPeer", 1, nodeSelectors=None)[1:]}, ADDRESSES[:1]),
        ({"speakers": [pod("node2"), pod("node3")]}, ADDRESSES[1:]),
        # Nobody announces anything: that is said otherwise.
        ({"bgp_peers": []}, []),
    ],
)
def test_addresses_of_a_family_that_no_session_carries(changed: Object, uncarried: list[str]) -> None:
    assert announcement(**changed)["uncarried"] == uncarried


def sessions(**changed: t.Any) -> list[Object]:
    return _announcers.bgp_sessions(live(**changed), lambda obj: float(len(obj["metadata"]["name"])))


def test_the_sessions_that_the_speakers_must_have() -> None:
    router1: Object = {"peer": "router1", "address": "192.168.100.2", "port": 179}
    router2: Object = {"peer": "router2", "address": "fd00:192:168:100::2", "port": 179}
    assert sessions() == [
        # Excluded nodes have sessions, and announce nothing through them.
        {"node": "node1", **router1, "said": "Established", "bfd": "up", "said_before": 11.0},
        {"node": "node2", **router1, "said": "Established", "bfd": "up", "said_before": 11.0},
        # FRR-K8s writes an address of IPv6 in full and with dashes.
        {"node": "node2", **router2, "said": "Active", "bfd": "", "said_before": 11.0},
        {"node": "node3", **router1, "said": "", "bfd": "", "said_before": None},
    ]


@pytest.mark.parametrize("changed", [{"sessions": None}, {"speakers": [pod("node1"), pod("node2"), pod("node3")]}])
def test_sessions_that_nobody_tells_of(changed: Object) -> None:
    """Kinds of FRR-K8s may be left over from another backend."""
    assert {one["said"] for one in sessions(**changed)} == {None}
    assert len(sessions(**changed)) == 4


def test_sessions_are_told_apart_by_their_vrf() -> None:
    def state(vrf: str, said: str) -> Object:
        status = {"node": "node2", "peer": "eth1", "vrf": vrf, "bgpStatus": said}
        return {"metadata": {"name": vrf}, "status": status}

    found = sessions(
        bgp_peers=altered("BGPPeer", 1, peerAddress=None, interface="eth1", vrf="red", peerPort=1179)[1:],
        sessions=[state("", "Active"), state("red", "Established")],
    )
    assert [(one["address"], one["port"], one["said"]) for one in found] == [("", 1179, "Established")]


def test_a_peer_that_no_webhook_has_seen_has_no_address() -> None:
    found = sessions(bgp_peers=altered("BGPPeer", 0, peerAddress="router.example")[:1])
    assert {one["address"] for one in found} == {""}
