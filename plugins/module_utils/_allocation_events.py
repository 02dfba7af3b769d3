# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What MetalLB's controller says in its events of a Service that it gives no address."""

from __future__ import annotations

import datetime
import re
import typing as t

Object = t.Dict[str, t.Any]

FAILURES = ("AllocationFailed", "LoadBalancerFailed", "InternalError", "not enough clusterips")
_GIVEN = "IPAllocated"
# Before MetalLB's own words: they name the Service, whose name may be anything.
_PREFIX = re.compile(r'Failed to allocate IP for "[^"]*": |invalid requested loadbalancer IPs: ')
# What it can say, whole -> the causes that this fits, and first the one that it means where nothing else is known.
# From controller/service.go, internal/allocator and internal/ipfamily of MetalLB 0.13.9 to 0.16.
_MESSAGES = [
    (re.compile(pattern, re.DOTALL), causes)
    for pattern, causes in (
        # of all pools together, whatever is wrong with them
        ("no available IPs", ("pool-exhausted", "pool-not-for-service", "pool-not-automatic", "family-mismatch")),
        (r"no available IPs in pool \S+", ("pool-exhausted", "family-mismatch")),
        (r"no available IPs in pool .+ for \S+ IPFamily", ("family-mismatch", "pool-exhausted")),
        # 0.15 and 0.16, of a requested pool that has no address of the family: they go on with an address that is none
        (r'\["<nil>"\] is not allowed in config', ("family-mismatch", "pool-exhausted")),
        (r"\[.*\] is not allowed in config", ("address-outside-pools",)),
        (r"pool \S+ not compatible for ip assignment", ("pool-not-for-service",)),
        (r'unknown pool ".*"', ("pool-unknown",)),
        (
            r"requested loadBalancer IP\(s\) \[.*\] is not compatible with requested address pool .*",
            ("address-outside-pools", "pool-unknown"),
        ),
        (r"requested loadBalancer IP\(s\) \[.*\] does not match the ipFamily of the service", ("family-mismatch",)),
        (r"IP for wrong family assigned alloc \S+ service family \S+", ("family-mismatch",)),
        (r"unknown allocated IP Family \S+", ("family-mismatch",)),
        (r"Service requires dual stack but not enough clusterips \[.*\]", ("family-mismatch",)),
        (r'can\'t change sharing key for ".*", address also in use by .+', ("address-in-use",)),
        (r'port \S+ is already in use on ".*"', ("address-in-use",)),
        (r"service can not have both \S+ and svc\.Spec\.LoadBalancerIP", ("address-invalid",)),
        (r'invalid metallb\.\S+/loadBalancerIPs: ".*"', ("address-invalid",)),
        (r'invalid spec\.loadBalancerIP ".*"', ("address-invalid",)),
        (r"IPFamilyForAddresses: .+", ("address-invalid",)),
        (r"more than two addresses \[.*\]", ("address-invalid",)),
        (r'".*" ".*" has the same family', ("address-invalid",)),
    )
]


def said_at(event: Object) -> str:
    """Return when an event was last seen, as a text that sorts."""
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def parse_time(text: str) -> datetime.datetime:
    """Return a Kubernetes timestamp (RFC 3339, UTC)."""
    return datetime.datetime.fromisoformat(text[:19]).replace(tzinfo=datetime.timezone.utc)


def failure(events: t.Sequence[Object]) -> Object | None:
    """Return the last event that says that there is no address, unless one was given since. events: newest last."""
    for event in reversed(events):
        if event.get("reason") in FAILURES:
            return event
        if event.get("reason") == _GIVEN:
            return None
    return None


def causes_of(message: str) -> t.Sequence[str]:
    """Return the ids of _causes that a message fits, none where it says nothing of why."""
    own = _PREFIX.sub("", message, count=1) if _PREFIX.match(message) else message
    return next((causes for pattern, causes in _MESSAGES if pattern.fullmatch(own)), ())
