# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _causes, _external_ip

Object = dict[str, t.Any]


def service(*addresses: str, annotations: t.Mapping[str, str] | None = None, **spec: t.Any) -> Object:
    return {
        "metadata": {"namespace": "default", "name": "web", "annotations": dict(annotations or {})},
        "spec": {"type": "LoadBalancer", **spec},
        "status": {"loadBalancer": {"ingress": [{"ip": one, "ipMode": "VIP"} for one in addresses]}},
    }


def pool(name: str, *addresses: str, **spec: t.Any) -> Object:
    return {"metadata": {"name": name}, "spec": {"addresses": list(addresses), **spec}}


def event(reason: str, message: str = "", at: str = "") -> Object:
    return {"reason": reason, "message": message, "lastTimestamp": at or None}


def judge(
    one: _external_ip.Wanted,
    found: Object | None,
    pools: list[Object],
    events: t.Sequence[Object] = (),
    problem: str = "",
    own_class: str | None = "",
    others: t.Sequence[Object] = (),
) -> _external_ip.Assignment:
    services = [*others, *([found] if found else [])]
    books = _external_ip.ledger(services, pools, None, own_class)
    return _external_ip.judge(one, found, pools, events, problem, own_class, books)


POOLS = [pool("lan", "192.0.2.0/28", "2001:db8::/120"), pool("dmz", "198.51.100.10-198.51.100.20")]
FAILED = event("AllocationFailed", 'Failed to allocate IP for "default/web": no available IPs')


def wanted(*addresses: str, pool: str = "") -> _external_ip.Wanted:
    return _external_ip.Wanted("default", "web", list(addresses), pool)


DONE: list[tuple[_external_ip.Wanted, Object, list[str], str]] = [
    (wanted(), service("192.0.2.3"), ["192.0.2.3"], "lan"),
    (wanted("192.0.2.3"), service("192.0.2.3"), ["192.0.2.3"], "lan"),
    (wanted("192.0.2.3"), service("192.0.2.3", "2001:db8::3"), ["192.0.2.3", "2001:db8::3"], "lan"),
    (wanted(pool="dmz"), service("198.51.100.20"), ["198.51.100.20"], "dmz"),
    # The same address in other letters.
    (wanted("2001:DB8:0::3"), service("2001:db8::3"), ["2001:db8::3"], "lan"),
]


@pytest.mark.parametrize(("one", "found", "addresses", "name"), DONE)
def test_done(one: _external_ip.Wanted, found: Object, addresses: list[str], name: str) -> None:
    assert judge(one, found, POOLS) == _external_ip.Assignment(True, addresses, name, "")


WRONG: list[tuple[_external_ip.Wanted, Object, str]] = [
    (wanted("192.0.2.4"), service("192.0.2.3"), "has 192.0.2.3, expected 192.0.2.4"),
    (wanted("192.0.2.3", "2001:db8::3"), service("192.0.2.3"), "has 192.0.2.3, expected 192.0.2.3, 2001:db8::3"),
    (wanted(pool="dmz"), service("192.0.2.3"), "has 192.0.2.3 from pool lan, expected an address of pool dmz"),
    (wanted(pool="dmz"), service("203.0.113.9"), "has 203.0.113.9 from no pool, expected an address of pool dmz"),
    (wanted(), service("203.0.113.9"), "has 203.0.113.9, which no IPAddressPool holds"),
    (
        wanted(),
        service("203.0.113.9", "2001:db8:9::9"),
        "has 203.0.113.9, 2001:db8:9::9, which no IPAddressPool holds",
    ),
    # each of the addresses, whichever comes first
    (
        wanted(),
        service("198.51.100.10", "fd00::5"),
        "has 198.51.100.10, fd00::5, and no IPAddressPool holds fd00::5",
    ),
    (wanted(), service("fd00::5", "192.0.2.3"), "has fd00::5, 192.0.2.3, and no IPAddressPool holds fd00::5"),
    (
        wanted(),
        service("198.51.100.10", "2001:db8::3"),
        "has 198.51.100.10 of pool dmz, 2001:db8::3 of pool lan, and no IPAddressPool holds them together",
    ),
    (
        wanted(pool="dmz"),
        service("198.51.100.10", "2001:db8::3"),
        "has 198.51.100.10, 2001:db8::3 from pool dmz and pool lan, expected an address of pool dmz",
    ),
]


@pytest.mark.parametrize(("one", "found", "reason"), WRONG)
def test_an_address_but_not_the_right_one(one: _external_ip.Wanted, found: Object, reason: str) -> None:
    judged = judge(one, found, POOLS)
    assert (judged.done, judged.reason) == (False, reason)
    assert judged.addresses == _external_ip.ingress_addresses(found)


PENDING: list[tuple[Object | None, list[Object], list[Object], str, str | None, str]] = [
    # Service, pools, events, the controller's problem, MetalLB's class, reason
    (None, POOLS, [], "", "", "the Service does not exist"),
    (service(type="NodePort"), POOLS, [], "", "", "is of type NodePort, not LoadBalancer"),
    (
        service(loadBalancerClass="x"),
        POOLS,
        [],
        "",
        "",
        'has loadBalancerClass "x", MetalLB serves Services without a class',
    ),
    (
        service(loadBalancerClass="x"),
        POOLS,
        [],
        "",
        None,
        'has loadBalancerClass "x", MetalLB serves Services without a cl',
    ),
    (service(loadBalancerClass="x"), POOLS, [], "", "y", 'has loadBalancerClass "x", MetalLB serves "y"'),
    (service(), POOLS, [], "", "y", 'has no loadBalancerClass, MetalLB serves "y"'),
    (service(), POOLS, [FAILED], "0 of 1 ready", "", "MetalLB's controller is not ready: 0 of 1 ready"),
    (service(), [], [], "", "", "there is no IPAddressPool, and MetalLB says nothing in this case"),
    (
        service(annotations={"metallb.io/address-pool": "x"}),
        POOLS,
        [],
        "",
        "",
        'asks for pool "x", which does not ex',
    ),
    (
        service(annotations={"metallb.universe.tf/address-pool": "x"}),
        POOLS,
        [],
        "",
        "",
        'asks for pool "x", which does not',
    ),
    (service(), POOLS, [FAILED], "", "", 'AllocationFailed: Failed to allocate IP for "default/web": no available IPs'),
    # the newest failure, and none of the events that are no failures
    (
        service(),
        POOLS,
        [FAILED, event("LoadBalancerFailed", "invalid"), event("nodeAssigned")],
        "",
        "",
        "LoadBalancerFailed: invalid",
    ),
    (
        service(),
        [pool("p", "192.0.2.0/28", autoAssign=False)],
        [],
        "",
        "",
        "no IPAddressPool has autoAssign, and the Service",
    ),
    (
        service(loadBalancerIP="192.0.2.1"),
        [pool("p", "192.0.2.0/28", autoAssign=False)],
        [],
        "",
        "",
        "MetalLB's controller has not answered yet",
    ),
    (
        service(annotations={"metallb.io/loadBalancerIPs": "192.0.2.1"}),
        [pool("p", "192.0.2.0/28", autoAssign=False)],
        [],
        "",
        "",
        "MetalLB's controller has not answered yet",
    ),
    (
        service(annotations={"metallb.io/address-pool": "p"}),
        [pool("p", "192.0.2.0/28", autoAssign=False)],
        [],
        "",
        "",
        "MetalLB's controller has not answered yet",
    ),
    (service(), POOLS, [event("IPAllocated", "Assigned IP")], "", "", "MetalLB's controller has not answered yet"),
]


@pytest.mark.parametrize(("found", "pools", "events", "problem", "own_class", "reason"), PENDING)
def test_why_it_is_pending(
    found: Object | None, pools: list[Object], events: list[Object], problem: str, own_class: str | None, reason: str
) -> None:
    judged = judge(wanted(), found, pools, events, problem, own_class)
    assert (judged.done, judged.addresses, judged.pool) == (False, [], "")
    assert judged.reason.startswith(reason)


FAILURE = 'Failed to allocate IP for "default/web": '
FULL = FAILURE + "no available IPs"
INVALID = 'invalid requested loadbalancer IPs: invalid metallb.io/loadBalancerIPs: "x"'
FOR_OTHERS = {"serviceAllocation": {"namespaces": ["other"]}}
CAUSED: list[tuple[str, Object, list[Object], list[Object]]] = [
    ("foreign-class", service(loadBalancerClass="x"), POOLS, []),
    ("no-pool", service(), [], []),
    ("pool-unknown", service(annotations={"metallb.io/address-pool": "x"}), POOLS, []),
    ("pool-not-automatic", service(), [pool("p", "192.0.2.0/28", autoAssign=False)], []),
    ("controller-silent", service(), POOLS, []),
    ("pool-exhausted", service(), POOLS, [event("AllocationFailed", FULL)]),
    (
        "pool-exhausted",
        service(annotations={"metallb.io/address-pool": "lan"}),
        POOLS,
        [event("AllocationFailed", FULL + " in pool lan")],
    ),
    ("pool-not-automatic", service(), [pool("p", "192.0.2.0/28", autoAssign=False)], [event("AllocationFailed", FULL)]),
    ("pool-not-for-service", service(), [pool("p", "192.0.2.0/28", **FOR_OTHERS)], [event("AllocationFailed", FULL)]),
    (
        "pool-exhausted",
        service(),
        [POOLS[0], pool("p", "198.51.100.0/28", **FOR_OTHERS)],
        [event("AllocationFailed", FULL)],
    ),
    (
        "pool-not-for-service",
        service(annotations={"metallb.io/address-pool": "lan"}),
        POOLS,
        [event("AllocationFailed", FAILURE + "pool lan not compatible for ip assignment")],
    ),
    (
        "address-outside-pools",
        service(loadBalancerIP="203.0.113.9"),
        POOLS,
        [event("AllocationFailed", FAILURE + '["203.0.113.9"] is not allowed in config')],
    ),
    (
        "address-in-use",
        service(loadBalancerIP="192.0.2.3"),
        POOLS,
        [
            event(
                "AllocationFailed", FAILURE + 'can\'t change sharing key for "default/web", address also in use by a/b'
            )
        ],
    ),
    (
        "address-in-use",
        service(loadBalancerIP="192.0.2.3"),
        POOLS,
        [event("AllocationFailed", FAILURE + 'port tcp/80 is already in use on "192.0.2.3"')],
    ),
    (
        "family-mismatch",
        service(annotations={"metallb.io/address-pool": "dmz"}, clusterIPs=["fd00:233::9"]),
        POOLS,
        [event("AllocationFailed", FAILURE + '["<nil>"] is not allowed in config')],
    ),
    (
        "family-mismatch",
        service(),
        POOLS,
        [event("not enough clusterips", "Service requires dual stack but not enough clusterips [10.233.0.9]")],
    ),
    ("address-invalid", service(), POOLS, [event("LoadBalancerFailed", INVALID)]),
    ("controller-silent", service(), POOLS, [event("InternalError", "didn't allocate an IP but also did not fail")]),
]


@pytest.mark.parametrize(("cause", "found", "pools", "events"), CAUSED)
def test_the_cause_of_the_catalogue(cause: str, found: Object, pools: list[Object], events: list[Object]) -> None:
    assert judge(wanted(), found, pools, events).cause == cause
    assert cause in _causes.CAUSES


TWO = [pool("lan", "192.0.2.2/31")]
TAKEN = [service("192.0.2.2"), service("192.0.2.3")]
TAKEN_WORDS = "2 of 2 IPv4 addresses of pool lan are taken"
WEB = service(clusterIPs=["10.233.0.9"])


def test_a_full_pool_is_seen_when_its_event_is_gone() -> None:
    assert judge(wanted(), WEB, TWO, others=TAKEN)[3:] == (TAKEN_WORDS, "pool-exhausted")
    # a Service of another class takes nothing of MetalLB's
    foreign = [service("192.0.2.2", loadBalancerClass="x"), TAKEN[1]]
    assert judge(wanted(), WEB, TWO, others=foreign)[3:] == (
        "MetalLB's controller has not answered yet; pool lan could give an address",
        "controller-silent",
    )


def test_an_event_that_agrees_is_the_evidence() -> None:
    found = judge(wanted(), WEB, TWO, [event("AllocationFailed", FULL)], others=TAKEN)
    assert found[3:] == ("{0} (AllocationFailed: {1})".format(TAKEN_WORDS, FULL), "pool-exhausted")
    # of pools that are not for the Service MetalLB says the same
    others = [pool("p", "192.0.2.0/28", **FOR_OTHERS)]
    assert judge(wanted(), WEB, others, [event("AllocationFailed", FULL)]).reason.startswith(
        "no pool that has autoAssig"
    )
    # one that does not say why is evidence as well
    bug = event("InternalError", "allocated an IP that has no pool")
    assert judge(wanted(), WEB, TWO, [bug], others=TAKEN).cause == "pool-exhausted"
    assert judge(wanted(), WEB, TWO, [bug])[3:] == (
        "InternalError: allocated an IP that has no pool",
        "controller-silent",
    )


def test_the_services_own_name_says_nothing() -> None:
    said = event("AllocationFailed", 'Failed to allocate IP for "d/family-web": no available IPs')
    assert judge(wanted(), WEB, TWO, [said]).cause == "pool-exhausted"


OUTSIDE = '["203.0.113.9"] is not allowed in config'
AT = "2026-11-23T20:00:05Z"
# When the event was, when the Service was changed, when the pool was -> whether the event has the last word.
LAST_WORD: list[tuple[str, str, str, bool]] = [
    ("", "2026-11-23T20:00:06Z", "2026-11-23T20:00:06Z", True),
    (AT, "", "", True),
    (AT, "2026-11-23T20:00:05Z", "", True),
    ("2026-11-23T20:00:05.000001Z", "2026-11-23T20:00:05Z", "", True),
    (AT, "2026-11-23T20:00:04Z", "2026-11-23T20:00:03Z", True),
    (AT, "2026-11-23T20:00:06Z", "", False),
    (AT, "", "2026-11-23T20:00:06Z", False),
]


@pytest.mark.parametrize(("at", "changed", "pool_changed", "last"), LAST_WORD)
def test_an_event_that_does_not_agree_has_the_last_word_unless_something_changed_since(
    at: str, changed: str, pool_changed: str, last: bool
) -> None:
    fields = [{"time": "2026-11-23T19:00:00Z"}, {"time": "2026-11-23T23:00:00Z", "subresource": "status"}]
    found, lan = service(clusterIPs=["10.233.0.9"]), pool("lan", "192.0.2.2/31")
    found["metadata"].update(
        creationTimestamp="2026-11-23T18:00:00Z", managedFields=[*fields, {"time": changed or None}]
    )
    lan["metadata"].update(creationTimestamp=pool_changed or None, managedFields=fields)
    events = [event("AllocationFailed", FAILURE + OUTSIDE, at)]
    said = "AllocationFailed: " + FAILURE + OUTSIDE
    before = " (before the last change: {0})".format(said)
    silent = "MetalLB's controller has not answered yet; pool lan could give an address"
    assert judge(wanted(), found, [lan], events, others=TAKEN)[3:] == (
        (said, "address-outside-pools") if last else (TAKEN_WORDS + before, "pool-exhausted")
    )
    assert judge(wanted(), found, [lan], events)[3:] == (
        (said, "address-outside-pools") if last else (silent + before, "controller-silent")
    )


def test_a_failure_before_an_address_was_given_is_none() -> None:
    given = [event("AllocationFailed", FULL), event("IPAllocated", 'Assigned IP ["192.0.2.2"]')]
    assert judge(wanted(), WEB, TWO, given).cause == "controller-silent"


def test_without_the_books_nothing_is_claimed() -> None:
    found = _external_ip.judge(wanted(), WEB, TWO, [], "", "")
    assert found[3:] == ("has no address yet", "")


def test_a_controller_that_is_away_and_a_pool_that_is_gone() -> None:
    assert judge(wanted(), service(), POOLS, [FAILED], "0 of 1 ready").cause == "controller-down"
    assert judge(wanted(), service("203.0.113.9"), POOLS).cause == "pool-gone"
    assert judge(wanted(), service("192.0.2.3"), POOLS).cause == ""


@pytest.mark.parametrize(
    ("status", "addresses"),
    [
        ({}, []),
        ({"loadBalancer": None}, []),
        ({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"hostname": "lb.example.org"}]}}, ["192.0.2.1"]),
        ({"loadBalancer": {"ingress": [{"ip": "192.0.2.1", "ipMode": "Proxy"}]}}, []),
    ],
)
def test_addresses_that_kube_proxy_serves(status: Object, addresses: list[str]) -> None:
    assert _external_ip.ingress_addresses({"status": status}) == addresses


def test_events_by_the_service_that_they_are_about() -> None:
    listed = [
        {"involvedObject": one, "reason": str(at)}
        for at, one in enumerate(({"name": "a"}, {"name": "b"}, {"name": "a"}, {}))
    ]
    found = _external_ip.events_by_name(listed)
    assert {name: [one["reason"] for one in own] for name, own in found.items()} == {
        "a": ["0", "2"],
        "b": ["1"],
        "": ["3"],
    }


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.15", "lan"),
        ("192.0.2.16", ""),
        ("2001:db8::ff", "lan"),
        ("198.51.100.10", "dmz"),
        # MetalLB reads "203.0.113.7/24" as the whole network, so it may have given out any address of it.
        ("203.0.113.200", "by-hand"),
    ],
)
def test_the_pool_that_holds_an_address(address: str, name: str) -> None:
    pools = [pool("bad", "nonsense", "192.0.2.1"), *POOLS, pool("by-hand", "203.0.113.7/24")]
    assert _external_ip.pool_of(address, pools) == name


@pytest.mark.parametrize(
    ("spec", "own_class", "mine"),
    [
        ({}, "", True),
        ({}, None, True),
        ({}, "x", False),
        ({"loadBalancerClass": "x"}, "x", True),
        ({"loadBalancerClass": "x"}, "", False),
        ({"type": "ClusterIP"}, "", False),
    ],
)
def test_which_services_metallb_takes_care_of(spec: Object, own_class: str | None, mine: bool) -> None:
    assert _external_ip.handled(service(**spec), own_class) is mine
