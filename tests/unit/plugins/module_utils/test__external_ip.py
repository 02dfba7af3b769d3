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


def event(reason: str, message: str = "") -> Object:
    return {"reason": reason, "message": message}


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
    assert _external_ip.judge(one, found, POOLS, [], "", "") == _external_ip.Assignment(True, addresses, name, "")


WRONG: list[tuple[_external_ip.Wanted, Object, str]] = [
    (wanted("192.0.2.4"), service("192.0.2.3"), "has 192.0.2.3, expected 192.0.2.4"),
    (wanted("192.0.2.3", "2001:db8::3"), service("192.0.2.3"), "has 192.0.2.3, expected 192.0.2.3, 2001:db8::3"),
    (wanted(pool="dmz"), service("192.0.2.3"), "has 192.0.2.3 from pool lan, expected an address of pool dmz"),
    (wanted(pool="dmz"), service("203.0.113.9"), "has 203.0.113.9 from no pool, expected an address of pool dmz"),
    (wanted(), service("203.0.113.9"), "has 203.0.113.9, which no IPAddressPool holds"),
]


@pytest.mark.parametrize(("one", "found", "reason"), WRONG)
def test_an_address_but_not_the_right_one(one: _external_ip.Wanted, found: Object, reason: str) -> None:
    judged = _external_ip.judge(one, found, POOLS, [], "", "")
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
        [FAILED],
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
    judged = _external_ip.judge(wanted(), found, pools, events, problem, own_class)
    assert (judged.done, judged.addresses, judged.pool) == (False, [], "")
    assert judged.reason.startswith(reason)


FAILURE = 'Failed to allocate IP for "default/web": '
FULL = FAILURE + "no available IPs"
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
    ("family-mismatch", service(), POOLS, [event("AllocationFailed", FAILURE + "no suitable pool for ipv6 IPFamily")]),
    (
        "family-mismatch",
        service(),
        POOLS,
        [event("not enough clusterips", "Service requires dual stack but not enough clusterips [10.233.0.9]")],
    ),
    ("address-invalid", service(), POOLS, [event("LoadBalancerFailed", "invalid requested loadbalancer IPs: x")]),
    ("controller-silent", service(), POOLS, [event("InternalError", "didn't allocate an IP but also did not fail")]),
]


@pytest.mark.parametrize(("cause", "found", "pools", "events"), CAUSED)
def test_the_cause_of_the_catalogue(cause: str, found: Object, pools: list[Object], events: list[Object]) -> None:
    assert _external_ip.judge(wanted(), found, pools, events, "", "").cause == cause
    assert cause in _causes.CAUSES


def test_a_controller_that_is_away_and_a_pool_that_is_gone() -> None:
    assert _external_ip.judge(wanted(), service(), POOLS, [FAILED], "0 of 1 ready", "").cause == "controller-down"
    assert _external_ip.judge(wanted(), service("203.0.113.9"), POOLS, [], "", "").cause == "pool-gone"
    assert _external_ip.judge(wanted(), service("192.0.2.3"), POOLS, [], "", "").cause == ""


@pytest.mark.parametrize(
    ("allocation", "admitted"),
    [
        ({}, True),
        ({"namespaces": ["default", "x"]}, True),
        ({"namespaces": ["x"]}, False),
        # The labels of a Namespace are not known here.
        ({"namespaceSelectors": [{"matchLabels": {"a": "b"}}]}, True),
        ({"namespaces": ["x"], "namespaceSelectors": [{"matchLabels": {"a": "b"}}]}, True),
        ({"serviceSelectors": [{"matchLabels": {"tier": "web"}}]}, True),
        ({"serviceSelectors": [{"matchLabels": {"tier": "db"}}]}, False),
        ({"namespaces": ["default"], "serviceSelectors": [{"matchLabels": {"tier": "db"}}]}, False),
    ],
)
def test_whom_a_pool_admits(allocation: Object, admitted: bool) -> None:
    labelled = service()
    labelled["metadata"]["labels"] = {"tier": "web"}
    assert _external_ip._admits(pool("p", serviceAllocation=allocation), labelled) is admitted


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


def test_the_new_prefix_of_an_annotation_wins() -> None:
    both = {"metallb.universe.tf/address-pool": "old", "metallb.io/address-pool": "new"}
    assert _external_ip.annotation(service(annotations=both), "address-pool") == "new"
    assert _external_ip.annotation({"metadata": {}}, "address-pool") == ""


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
