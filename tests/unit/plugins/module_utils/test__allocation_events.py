# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _allocation_events, _causes

Object = dict[str, t.Any]

# The longest name that says something else.
NAMED = 'Failed to allocate IP for "family-sharing-key/no-available-ips-invalid": '
ANY = ("pool-exhausted", "pool-not-for-service", "pool-not-automatic", "family-mismatch")
# Every message of MetalLB 0.13.9 to 0.16.2, and since when it is what it is, where that is later.
MESSAGES: list[tuple[str, t.Sequence[str]]] = [
    ("no available IPs", ANY),
    ('no available IPs in pool "lan" for ipv6 IPFamily', ("family-mismatch", "pool-exhausted")),  # until 0.14.8
    ("no available IPs in pool lan for dual IPFamily", ("family-mismatch", "pool-exhausted")),  # 0.14.9
    ("no available IPs in pool lan", ("pool-exhausted", "family-mismatch")),  # 0.16
    ('["<nil>"] is not allowed in config', ("family-mismatch", "pool-exhausted")),  # 0.15
    ('["203.0.113.9"] is not allowed in config', ("address-outside-pools",)),
    ('["203.0.113.9" "2001:db8::9"] is not allowed in config', ("address-outside-pools",)),
    ("pool lan not compatible for ip assignment", ("pool-not-for-service",)),
    ('unknown pool "lan"', ("pool-unknown",)),
    (
        'requested loadBalancer IP(s) ["192.0.2.1"] is not compatible with requested address pool lan',  # 0.13.10
        ("address-outside-pools", "pool-unknown"),
    ),
    ('requested loadBalancer IP(s) ["192.0.2.1"] does not match the ipFamily of the service', ("family-mismatch",)),
    ("IP for wrong family assigned alloc ipv4 service family ipv6", ("family-mismatch",)),
    ("unknown allocated IP Family unknown", ("family-mismatch",)),  # 0.14.9
    (
        'can\'t change sharing key for "default/web", address also in use by default/family,default/b',
        ("address-in-use",),
    ),
    ('port TCP/80 is already in use on "192.0.2.3"', ("address-in-use",)),
    (
        "service can not have both metallb.universe.tf/loadBalancerIPs and svc.Spec.LoadBalancerIP",
        ("address-invalid",),
    ),
    ("service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP", ("address-invalid",)),
    ('invalid metallb.universe.tf/loadBalancerIPs: "x"', ("address-invalid",)),
    ('invalid metallb.io/loadBalancerIPs: "no available IPs"', ("address-invalid",)),
    ('invalid spec.loadBalancerIP "same family"', ("address-invalid",)),
    ('IPFamilyForAddresses: Invalid address ["None"]', ("address-invalid",)),
    ('IPFamilyForAddresses: same address family ["192.0.2.1" "192.0.2.2"]', ("address-invalid",)),
    ('IPFamilyForAddresses: invalid ips length 3 ["192.0.2.1" "192.0.2.2" "::1"]', ("address-invalid",)),
    ('more than two addresses ["192.0.2.1" "192.0.2.2" "::1"]', ("address-invalid",)),
    ('"192.0.2.1" "192.0.2.2" has the same family', ("address-invalid",)),
    # of these it says nothing of why
    ("invalid ClusterIPs [[]] [], can't determine family", ()),
]
OTHERS: list[tuple[str, t.Sequence[str]]] = [
    ("Service requires dual stack but not enough clusterips [10.233.0.9]", ("family-mismatch",)),  # 0.15
    ('invalid requested loadbalancer IPs: invalid metallb.io/loadBalancerIPs: "x"', ("address-invalid",)),
    (
        'invalid requested loadbalancer IPs: IPFamilyForAddresses: same address family ["::1" "::2"]',
        ("address-invalid",),
    ),
    ("didn't allocate an IP but also did not fail", ()),
    ("allocated an IP that has no pool", ()),
]


@pytest.mark.parametrize(("message", "causes"), [*((NAMED + text, causes) for text, causes in MESSAGES), *OTHERS])
def test_what_a_message_fits(message: str, causes: t.Sequence[str]) -> None:
    assert tuple(_allocation_events.causes_of(message)) == tuple(causes)
    assert set(causes) <= _causes.CAUSES.keys()


@pytest.mark.parametrize(
    "message",
    [
        "",
        NAMED,
        "x no available IPs",
        "no available IPs x",
        NAMED + NAMED + "no available IPs",
        NAMED + "someone else's word for family, invalid, already in use, unknown pool",
    ],
)
def test_what_is_not_whole_says_nothing(message: str) -> None:
    assert not _allocation_events.causes_of(message)


def event(reason: str, at: str = "") -> Object:
    return {"reason": reason, "message": reason, "lastTimestamp": at}


@pytest.mark.parametrize(
    ("reasons", "last"),
    [
        ([], None),
        (["nodeAssigned"], None),
        (["AllocationFailed", "nodeAssigned"], "AllocationFailed"),
        (["AllocationFailed", "LoadBalancerFailed"], "LoadBalancerFailed"),
        (["IPAllocated", "not enough clusterips", "deprecatedAnnotation"], "not enough clusterips"),
        (["AllocationFailed", "IPAllocated"], None),
        (["IPAllocated", "InternalError"], "InternalError"),
    ],
)
def test_the_last_failure_unless_an_address_was_given_since(reasons: list[str], last: str | None) -> None:
    found = _allocation_events.failure([event(one) for one in reasons])
    assert (found and found["reason"]) == last


def test_when_it_was_said() -> None:
    assert _allocation_events.said_at({"lastTimestamp": None, "eventTime": "2026-11-23T20:00:00.1Z"}).startswith("2026")
    assert _allocation_events.said_at(event("x", "2026-11-23T20:00:00Z")) == "2026-11-23T20:00:00Z"
    assert _allocation_events.said_at({}) == ""


def test_time() -> None:
    moment = datetime.datetime(2026, 11, 23, 20, 1, 0, tzinfo=datetime.UTC)
    assert _allocation_events.parse_time("2026-11-23T20:01:00Z") == moment
    assert _allocation_events.parse_time("2026-11-23T20:01:00.123456Z") == moment
