# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _allocation, _causes

Object = dict[str, t.Any]
V4, V6 = ["10.233.0.9"], ["fd00:233::9"]
DUAL, DUAL_6 = [*V4, *V6], [*V6, *V4]
POOL, OLD_POOL = "metallb.io/address-pool", "metallb.universe.tf/address-pool"
IPS, OLD_IPS = "metallb.io/loadBalancerIPs", "metallb.universe.tf/loadBalancerIPs"
SHARE, OLD_SHARE = "metallb.io/allow-shared-ip", "metallb.universe.tf/allow-shared-ip"


def service(
    name: str,
    *addresses: str,
    ask: t.Mapping[str, str] | None = None,
    own: t.Sequence[str] = V4,
    ports: t.Sequence[tuple[str, int]] = (("TCP", 80),),
    labels: t.Mapping[str, str] | None = None,
    **spec: t.Any,
) -> Object:
    return {
        "metadata": {
            "namespace": "default",
            "name": name,
            "annotations": dict(ask or {}),
            "labels": dict(labels or {}),
        },
        "spec": {
            "type": "LoadBalancer",
            "clusterIPs": list(own),
            "ports": [{"protocol": protocol, "port": port} for protocol, port in ports],
            **spec,
        },
        "status": {"loadBalancer": {"ingress": [{"ip": one} for one in addresses]}},
    }


def pool(name: str, *addresses: str, status: Object | None = None, **spec: t.Any) -> Object:
    return {"metadata": {"name": name}, "spec": {"addresses": list(addresses), **spec}, "status": status or {}}


def answer(
    asking: Object,
    pools: list[Object],
    *others: Object,
    namespaces: t.Mapping[str, t.Mapping[str, str]] | None = None,
) -> _allocation.Answer:
    return _allocation.simulate(asking, _allocation.ledger([asking, *others], pools, namespaces))


WEB = service("web")
LAN = pool("lan", "192.0.2.0/30")
ONE = pool("one", "192.0.2.7/32")
SIX = pool("six", "2001:db8::/64")
BOTH = pool("both", "198.51.100.1-198.51.100.1", "2001:db8:1::1-2001:db8:1::1")
TAKEN = [service("t{0}".format(last), "192.0.2.{0}".format(last)) for last in range(4)]
HAS_ONE = service("other", "192.0.2.7")
PREFER = {"own": DUAL, "ipFamilyPolicy": "PreferDualStack"}
REQUIRE = {"own": DUAL, "ipFamilyPolicy": "RequireDualStack"}
ROOM = "pool {0} could give an address"

ANY_POOL: list[tuple[Object, list[Object], list[Object], str, str]] = [
    (WEB, [LAN], [], "", ROOM.format("lan")),
    (WEB, [LAN], TAKEN[:3], "", ROOM.format("lan")),
    (WEB, [LAN], TAKEN, "pool-exhausted", "4 of 4 IPv4 addresses of pool lan are taken"),
    (WEB, [LAN, ONE], TAKEN, "", ROOM.format("one")),
    (
        WEB,
        [LAN, ONE],
        [*TAKEN, HAS_ONE],
        "pool-exhausted",
        "4 of 4 IPv4 addresses of pool lan are taken; 1 of 1 IPv4 addresses of pool one are taken",
    ),
    # two that share an address take one
    (
        WEB,
        [pool("two", "192.0.2.6-192.0.2.7")],
        [HAS_ONE, service("b", "192.0.2.7")],
        "",
        ROOM.format("two"),
    ),
    # an address of no pool takes nothing
    (WEB, [ONE], [service("b", "203.0.113.9")], "", ROOM.format("one")),
    (
        WEB,
        [pool("lan", "192.0.2.0/30", autoAssign=False)],
        [],
        "pool-not-automatic",
        "no IPAddressPool has autoAssign, and the Service names neither a pool nor an address",
    ),
    (WEB, [pool("by-hand", "192.0.2.0/24", autoAssign=False), ONE], [HAS_ONE], "pool-exhausted", "1 of 1 IPv4 addr"),
    # families
    (WEB, [SIX], [], "family-mismatch", "needs IPv4, and pool six has IPv6"),
    (service("web", own=V6), [LAN], [], "family-mismatch", "needs IPv6, and pool lan has IPv4"),
    (service("web", own=V6), [LAN, SIX], [], "", ROOM.format("six")),
    (service("web", own=V6), [SIX], [service("b", "2001:db8::")], "", ROOM.format("six")),
    (
        service("web", **REQUIRE),
        [LAN, SIX],
        [],
        "family-mismatch",
        "needs IPv4 and IPv6 from one pool, and pool lan has IPv4, pool six has IPv6",
    ),
    (service("web", **REQUIRE), [LAN, BOTH], [], "", ROOM.format("both")),
    (service("web", **REQUIRE, ports=[]), [BOTH], [], "", ROOM.format("both")),
    (
        service("web", **REQUIRE),
        [LAN, BOTH],
        [service("b", "198.51.100.1")],
        "pool-exhausted",
        "1 of 1 IPv4 addresses of pool both are taken",
    ),
    (service("web", **PREFER), [BOTH], [service("b", "198.51.100.1")], "", ROOM.format("both")),
    (service("web", **PREFER), [SIX], [], "", ROOM.format("six")),
    (
        service("web", **PREFER),
        [BOTH],
        [service("b", "198.51.100.1", "2001:db8:1::1")],
        "pool-exhausted",
        "1 of 1 IPv4 addresses of pool both are taken; 1 of 1 IPv6 addresses of pool both are taken",
    ),
    (service("web", own=V4, ipFamilyPolicy="PreferDualStack"), [SIX], [], "family-mismatch", "needs IPv4, and pool s"),
    (
        service("web", own=V4, ipFamilyPolicy="RequireDualStack"),
        [BOTH],
        [],
        "family-mismatch",
        "requires dual stack, and has one ClusterIP only",
    ),
    (WEB, [pool("none", "nonsense")], [], "family-mismatch", "needs IPv4, and pool none has no address"),
    # the old field alone, and none at all
    (
        service("web", own=[], clusterIP="fd00:233::9"),
        [LAN],
        [],
        "family-mismatch",
        "needs IPv6, and pool lan has IPv4",
    ),
    (service("web", own=[]), [LAN], [], "", ROOM.format("lan")),
    (service("web", own=[]), [ONE], [HAS_ONE], "pool-exhausted", "1 of 1 IPv4 addresses of pool one are taken"),
    # avoidBuggyIPs
    (
        WEB,
        [pool("lan", "192.0.2.254-192.0.3.1", avoidBuggyIPs=True)],
        [service("b", "192.0.2.254"), service("c", "192.0.3.1"), service("d", "192.0.2.255")],
        "pool-exhausted",
        "2 of 2 IPv4 addresses of pool lan are taken",
    ),
    (
        WEB,
        [pool("lan", "192.0.2.255/32", avoidBuggyIPs=True)],
        [],
        "pool-exhausted",
        "pool lan leaves out all of its IPv4 addresses (avoidBuggyIPs)",
    ),
    # what MetalLB counts itself
    (
        WEB,
        [pool("lan", "192.0.2.0/30", status={"assignedIPv4": 4, "availableIPv4": 0})],
        TAKEN[:3],
        "pool-exhausted",
        "3 of 4 IPv4 addresses of pool lan are taken, and MetalLB counts none as available",
    ),
    (WEB, [pool("lan", "192.0.2.0/30", status={"assignedIPv4": 0, "availableIPv4": 0})], [], "", ROOM.format("lan")),
    (
        service("web", own=V6),
        [pool("six", "2001:db8::/64", status={"assignedIPv6": 1, "availableIPv6": -9})],
        [],
        "",
        ROOM.format("six"),
    ),
]


@pytest.mark.parametrize(("asking", "pools", "others", "cause", "reason"), ANY_POOL)
def test_of_any_pool(asking: Object, pools: list[Object], others: list[Object], cause: str, reason: str) -> None:
    found = answer(asking, pools, *others)
    assert found.cause == cause
    assert found.reason.startswith(reason)
    assert not cause or cause in _causes.CAUSES


def limited(**allocation: t.Any) -> Object:
    return pool("lan", "192.0.2.0/30", serviceAllocation=allocation)


BLUE = [{"matchLabels": {"team": "blue"}}]
WEBS = [{"matchExpressions": [{"key": "tier", "operator": "In", "values": ["web"]}]}]
# What a pool is for -> whether it gives by itself, whether it gives when it is asked for. None: not known.
FOR: list[tuple[Object, t.Mapping[str, t.Mapping[str, str]] | None, bool | None, bool | None]] = [
    (limited(), None, True, True),
    (limited(priority=50), None, True, True),
    (limited(namespaces=["default"]), None, True, True),
    (limited(namespaces=["other"]), None, False, False),
    (limited(namespaceSelectors=BLUE), {"default": {"team": "blue"}}, True, True),
    (limited(namespaceSelectors=BLUE), {"default": {}, "other": {"team": "blue"}}, False, False),
    # selectors that match no namespace bar nobody who asks, and pin the pool to nobody
    (limited(namespaceSelectors=BLUE), {"default": {}}, False, True),
    (limited(namespaces=["other"], namespaceSelectors=BLUE), {"default": {"team": "blue"}}, True, True),
    (limited(namespaceSelectors=BLUE), None, None, None),
    (limited(namespaces=["other"], namespaceSelectors=BLUE), None, None, None),
    (limited(namespaces=["default"], namespaceSelectors=BLUE), None, True, True),
    (limited(serviceSelectors=WEBS), None, True, True),
    (limited(serviceSelectors=BLUE), None, False, False),
    (limited(serviceSelectors=[*BLUE, *WEBS]), None, True, True),
    (limited(namespaces=["other"], serviceSelectors=WEBS), None, False, False),
    (limited(namespaces=["default"], serviceSelectors=BLUE), None, False, False),
    (limited(namespaceSelectors=BLUE, serviceSelectors=WEBS), {"default": {}}, True, True),
    (limited(namespaceSelectors=BLUE, serviceSelectors=BLUE), None, False, False),
]


@pytest.mark.parametrize(("one", "namespaces", "offered", "admitted"), FOR)
def test_whom_a_pool_is_for(
    one: Object,
    namespaces: t.Mapping[str, t.Mapping[str, str]] | None,
    offered: bool | None,
    admitted: bool | None,
) -> None:
    labels = {"tier": "web"}
    says = {
        True: ("", ROOM.format("lan")),
        None: ("", "whether pool lan is for namespace default is not known"),
    }
    assert answer(service("web", labels=labels), [one], namespaces=namespaces) == says.get(
        offered, ("pool-not-for-service", "no pool that has autoAssign is for it (serviceAllocation): lan")
    )
    assert answer(service("web", ask={POOL: "lan"}, labels=labels), [one], namespaces=namespaces) == says.get(
        admitted, ("pool-not-for-service", "asks for pool lan, which is for others (serviceAllocation)")
    )
    assert answer(service("web", ask={IPS: "192.0.2.1"}, labels=labels), [one], namespaces=namespaces) == says.get(
        admitted, ("pool-not-for-service", "asks for 192.0.2.1 of pool lan, which is for others (serviceAllocation)")
    )


def test_of_pools_that_are_for_it_and_for_everybody_one_is_enough() -> None:
    mine = pool("mine", "192.0.2.7/32", serviceAllocation={"namespaces": ["default"]})
    assert answer(WEB, [mine, LAN], HAS_ONE) == ("", ROOM.format("lan"))
    assert answer(WEB, [mine, LAN], *TAKEN) == ("", ROOM.format("mine"))
    assert answer(WEB, [mine, LAN], HAS_ONE, *TAKEN).cause == "pool-exhausted"
    # what it may not use does not count
    others = pool("others", "203.0.113.0/24", serviceAllocation={"namespaces": ["other"]})
    assert answer(WEB, [mine, others], HAS_ONE) == ("pool-exhausted", "1 of 1 IPv4 addresses of pool mine are taken")
    # one that may be for it, but has nothing left, leaves no doubt
    doubt = pool("doubt", "192.0.2.0/30", serviceAllocation={"namespaceSelectors": BLUE})
    assert answer(WEB, [mine, doubt], HAS_ONE).reason.startswith("whether pool doubt")
    assert answer(WEB, [mine, doubt], HAS_ONE, *TAKEN).cause == "pool-exhausted"


REQUESTED: list[tuple[Object, list[Object], list[Object], str, str]] = [
    (service("web", ask={POOL: "x"}), [LAN], [], "pool-unknown", 'asks for pool "x", which does not exist'),
    (service("web", ask={OLD_POOL: "x"}), [LAN], [], "pool-unknown", 'asks for pool "x", which does not exist'),
    (service("web", ask={OLD_POOL: "x", POOL: "lan"}), [LAN], [], "", ROOM.format("lan")),
    (service("web", ask={OLD_POOL: "x", POOL: ""}), [LAN], [], "", ROOM.format("lan")),
    (service("web", ask={POOL: "h"}), [pool("h", "192.0.2.0/30", autoAssign=False)], [], "", ROOM.format("h")),
    (service("web", ask={POOL: "one"}), [LAN, ONE], [HAS_ONE], "pool-exhausted", "1 of 1 IPv4 addresses of pool one"),
    (service("web", ask={POOL: "six"}), [LAN, SIX], [], "family-mismatch", "needs IPv4, and pool six has IPv6"),
    # addresses
    (service("web", ask={IPS: "192.0.2.1"}), [LAN], [], "", ROOM.format("lan")),
    (service("web", loadBalancerIP="192.0.2.1"), [LAN], [], "", ROOM.format("lan")),
    (service("web", ask={IPS: "192.0.2.1"}), [pool("h", "192.0.2.0/30", autoAssign=False)], [], "", ROOM.format("h")),
    (service("web", loadBalancerIP="::ffff:192.0.2.1"), [LAN], [], "", ROOM.format("lan")),
    (
        service("web", ask={IPS: "192.0.2.1"}, loadBalancerIP="192.0.2.1"),
        [LAN],
        [],
        "address-invalid",
        "asks for addresses by metallb.io/loadBalancerIPs and by spec.loadBalancerIP",
    ),
    (service("web", ask={OLD_IPS: "x"}), [LAN], [], "address-invalid", 'asks for "x", which is no address'),
    (service("web", ask={IPS: "192.0.2.1,"}), [LAN], [], "address-invalid", 'asks for "", which is no address'),
    (service("web", loadBalancerIP=" 192.0.2.1"), [LAN], [], "address-invalid", 'asks for " 192.0.2.1", which is no'),
    (service("web", loadBalancerIP="2001:db8::1%eth0"), [SIX], [], "address-invalid", 'asks for "2001:db8::1%eth0"'),
    (
        service("web", ask={IPS: "192.0.2.1, 192.0.2.2"}),
        [LAN],
        [],
        "address-invalid",
        "asks for 192.0.2.1, 192.0.2.2, and MetalLB gives one address of a family",
    ),
    (service("web", ask={IPS: "192.0.2.1,192.0.2.2,::1"}), [LAN], [], "address-invalid", "asks for 192.0.2.1, 192."),
    (
        service("web", ask={IPS: "2001:db8::1"}),
        [SIX],
        [],
        "family-mismatch",
        "asks for 2001:db8::1, and has ClusterIPs of IPv4",
    ),
    # preferring both is no reason to take one that is asked for
    (
        service("web", ask={IPS: "192.0.2.1"}, **PREFER),
        [LAN],
        [],
        "family-mismatch",
        "asks for 192.0.2.1, and has Clus",
    ),
    (service("web", ask={IPS: "192.0.2.1"}, own=[]), [LAN], [], "", ROOM.format("lan")),
    (
        service("web", ask={IPS: "2001:db8:1::1, 198.51.100.1"}, own=DUAL_6, ipFamilyPolicy="RequireDualStack"),
        [BOTH],
        [],
        "",
        ROOM.format("both"),
    ),
    (
        service("web", ask={IPS: "192.0.2.1,2001:db8::1"}, **REQUIRE),
        [LAN, SIX],
        [],
        "address-outside-pools",
        "asks for 192.0.2.1 of pool lan and 2001:db8::1 of pool six, and MetalLB gives both from one pool only",
    ),
    (
        service("web", ask={IPS: "203.0.113.9"}),
        [LAN],
        [],
        "address-outside-pools",
        "asks for 203.0.113.9, which no IPAddressPool holds",
    ),
    (service("web", ask={IPS: "192.0.1.255"}), [LAN], [], "address-outside-pools", "asks for 192.0.1.255, which no IP"),
    (
        service("web", ask={IPS: "198.51.100.1,2001:db8:9::1"}, **REQUIRE),
        [BOTH],
        [],
        "address-outside-pools",
        "asks for 2001:db8:9::1, which no IPAddressPool holds",
    ),
    (
        service("web", ask={IPS: "192.0.2.0"}),
        [pool("lan", "192.0.2.0/30", avoidBuggyIPs=True)],
        [],
        "address-outside-pools",
        "asks for 192.0.2.0, which pool lan leaves out (avoidBuggyIPs)",
    ),
    (
        service("web", ask={IPS: "192.0.2.1", POOL: "one"}),
        [LAN, ONE],
        [],
        "address-outside-pools",
        "asks for 192.0.2.1, which pool lan holds, and for pool one",
    ),
    (service("web", ask={IPS: "192.0.2.7", POOL: "one"}), [LAN, ONE], [], "", ROOM.format("one")),
    (service("web", ask={IPS: "192.0.2.7", POOL: "x"}), [ONE], [], "pool-unknown", 'asks for pool "x", which does no'),
]


@pytest.mark.parametrize(("asking", "pools", "others", "cause", "reason"), REQUESTED)
def test_of_what_is_asked_for(
    asking: Object, pools: list[Object], others: list[Object], cause: str, reason: str
) -> None:
    found = answer(asking, pools, *others)
    assert found.cause == cause
    assert found.reason.startswith(reason)


DNS = [("UDP", 53)]
KEY = {SHARE: "k"}
LOCAL = {"externalTrafficPolicy": "Local", "selector": {"app": "a"}}
# How the two are -> why they cannot share, "" when they can.
SHARING: list[tuple[Object, Object, str]] = [
    ({}, {}, "default/other has; metallb.io/allow-shared-ip is missing on both"),
    ({"ask": KEY}, {}, "default/other has; metallb.io/allow-shared-ip is missing on that one"),
    ({}, {"ask": KEY}, "default/other has; metallb.io/allow-shared-ip is missing on this one"),
    ({"ask": KEY}, {"ask": {SHARE: "x"}}, 'default/other has, with another metallb.io/allow-shared-ip ("x", not "k")'),
    ({"ask": KEY}, {"ask": KEY}, "default/other has, with the same port TCP/80"),
    ({"ask": KEY, "ports": DNS}, {"ask": KEY}, ""),
    ({"ask": KEY, "ports": [("UDP", 80)]}, {"ask": KEY}, ""),
    ({"ask": KEY, "ports": DNS}, {"ask": {OLD_SHARE: "k"}}, ""),
    # the new prefix, even if it has no value
    ({"ask": {SHARE: "", OLD_SHARE: "k"}, "ports": DNS}, {"ask": KEY}, "default/other has; metallb.io/allow-shared-ip"),
    (
        {"ask": KEY, "ports": DNS, **LOCAL},
        {"ask": KEY},
        "default/other has; with externalTrafficPolicy Local both need",
    ),
    ({"ask": KEY, "ports": DNS, **LOCAL}, {"ask": KEY, **LOCAL}, ""),
    # two of Cluster share whatever they select
    ({"ask": KEY, "ports": DNS, "selector": {"app": "a"}}, {"ask": KEY, "selector": {"app": "b"}}, ""),
]


@pytest.mark.parametrize(("mine", "others", "problem"), SHARING)
def test_who_shares_an_address(mine: Object, others: Object, problem: str) -> None:
    other = service("other", "192.0.2.7", **others)
    asked = service("web", **{**mine, "ask": {IPS: "192.0.2.7", **mine.get("ask", {})}})
    found = answer(asked, [ONE], other)
    if problem:
        assert found.cause == "address-in-use"
        assert found.reason.startswith("asks for 192.0.2.7, which " + problem)
    else:
        assert found == ("", ROOM.format("one"))
    # the same without asking for it: a full pool has room for who may share
    assert answer(service("web", **mine), [ONE], other).cause == ("pool-exhausted" if problem else "")


def test_only_the_family_that_is_full_is_named() -> None:
    full = answer(service("web", **REQUIRE), [BOTH], service("b", "198.51.100.1"))
    assert full == ("pool-exhausted", "1 of 1 IPv4 addresses of pool both are taken")


def test_an_address_that_two_have_is_shared_with_both_or_not() -> None:
    both = [
        service("a", "192.0.2.7", ask=KEY, ports=[("TCP", 80)]),
        service("b", "192.0.2.7", ask=KEY, ports=[("TCP", 81)]),
    ]
    assert answer(service("web", ask=KEY, ports=[("TCP", 82)]), [ONE], *both).cause == ""
    assert answer(service("web", ask=KEY, ports=[("TCP", 81)]), [ONE], *both).cause == "pool-exhausted"
    mixed = [both[0], service("b", "192.0.2.7", ports=[("TCP", 81)])]
    assert answer(service("web", ask=KEY, ports=[("TCP", 82)]), [ONE], *mixed).cause == "pool-exhausted"


@pytest.mark.parametrize("text", ["192.0.2.0/24", "192.0.1.250-192.0.4.3", "192.0.2.1-192.0.2.254", "0.0.0.0-0.0.1.0"])
@pytest.mark.parametrize("avoids", [True, False])
def test_addresses_are_counted_as_they_are_one_by_one(text: str, avoids: bool) -> None:
    held = _allocation.live_range(text)
    assert held
    one_by_one = [one for one in held.addresses(10_000) if not avoids or one.split(".")[-1] not in ("0", "255")]
    assert _allocation._count(held, avoids) == len(one_by_one)


def test_a_huge_pool_is_not_walked_through() -> None:
    books = _allocation.ledger([], [pool("all", "::/0", "0.0.0.0/0", avoidBuggyIPs=True)], {})
    assert books.sources["all"].total == {6: 2**128, 4: 2**32 - 2**25}


class Walked(dict[t.Any, t.Any]):
    """What is taken, and how often somebody walks over all of it."""

    walks = 0

    def __iter__(self) -> t.Iterator[t.Any]:
        self.walks += 1
        return super().__iter__()

    def items(self) -> t.Any:
        self.walks += 1
        return super().items()


def test_no_service_that_waits_costs_a_walk_over_what_others_have() -> None:
    books = _allocation.ledger(TAKEN, [LAN], None)
    uses, taken, shared = Walked(books.uses), Walked(books.taken), Walked(books.shared)
    books = books._replace(uses=uses, taken=taken, shared=shared)
    for asking in (WEB, service("web", ask={IPS: "192.0.2.1"}), service("web", ask={POOL: "lan", **KEY})):
        assert _allocation.simulate(asking, books).cause
    assert (uses.walks, taken.walks, shared.walks) == (0, 0, 0)


def test_what_is_not_an_address_takes_none() -> None:
    odd = service("odd")
    odd["status"] = {"loadBalancer": {"ingress": [{"hostname": "lb.example.org"}, {"ip": "nonsense"}]}}
    assert answer(WEB, [ONE], odd, {**service("none"), "status": {}}).cause == ""
    # behind a proxy or not, MetalLB has given it
    odd["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.7", "ipMode": "Proxy"}]}}
    assert answer(WEB, [ONE], odd).cause == "pool-exhausted"


def test_the_new_prefix_of_an_annotation_wins() -> None:
    assert _allocation.annotation(service("web", ask={OLD_POOL: "old", POOL: "new"}), "address-pool") == "new"
    assert _allocation.annotation(service("web", ask={OLD_POOL: "old"}), "address-pool") == "old"
    assert _allocation.annotation({"metadata": {}}, "address-pool") == ""
