# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""EXTERNAL-IP: has a Service got the address that it should have, and if not, why is it pending."""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _allocation, _allocation_events
from ansible_collections.kubeaddons.metallb.plugins.module_utils._addresses import canonical, live_range

Object = t.Dict[str, t.Any]


class Wanted(t.NamedTuple):
    """What a Service is expected to get."""

    namespace: str
    name: str
    addresses: list[str]  # all of these; empty: any
    pool: str  # "": any


class Assignment(t.NamedTuple):
    """What a Service has."""

    done: bool
    addresses: list[str]
    pool: str  # "" when no pool holds all of the addresses
    reason: str  # why it is not done; "" when it is
    cause: str = ""  # the same as an id of _causes, where it is one


def ingress_addresses(service: Object) -> list[str]:
    """Return the addresses of status.loadBalancer.ingress that kube-proxy serves."""
    return [one["ip"] for one in _allocation.ingress(service) if one.get("ip") and one.get("ipMode") != "Proxy"]


def pool_of(address: str, pools: t.Sequence[Object]) -> str:
    """Return the name of the IPAddressPool that holds an address, "" when none does."""
    one = ipaddress.ip_address(address)
    for pool in pools:
        for text in pool["spec"].get("addresses") or []:
            held = live_range(text)
            if held and held.holds(one):
                return str(pool["metadata"]["name"])
    return ""


def versions_of(pool: Object) -> set[int]:
    """Return the versions of IP that an IPAddressPool has addresses of."""
    ranges = [live_range(text) for text in pool["spec"].get("addresses") or []]
    return {one.first.version for one in ranges if one is not None}


def handled(service: Object, loadbalancer_class: str | None) -> bool:
    """Return whether MetalLB takes care of a Service: its type and class."""
    spec = service["spec"]
    return spec.get("type") == "LoadBalancer" and (spec.get("loadBalancerClass") or "") == (loadbalancer_class or "")


def ledger(
    services: t.Iterable[Object],
    pools: t.Sequence[Object],
    namespaces: t.Mapping[str, t.Mapping[str, str]] | None,
    loadbalancer_class: str | None,
) -> _allocation.Ledger:
    """Return what judge() needs to know of all Services to tell why one is pending.

    namespaces: their labels; None where they are not known.
    """
    return _allocation.ledger((one for one in services if handled(one, loadbalancer_class)), pools, namespaces)


def events_by_name(events: t.Iterable[Object]) -> dict[str, list[Object]]:
    """Return the events about the Services of one namespace by a Service's name, in the same order."""
    found: dict[str, list[Object]] = {}
    for one in events:
        found.setdefault(one["involvedObject"].get("name", ""), []).append(one)
    return found


def judge(
    wanted: Wanted,
    service: Object | None,
    pools: t.Sequence[Object],
    events: t.Sequence[Object],
    controller_problem: str,
    loadbalancer_class: str | None,
    books: _allocation.Ledger | None = None,
) -> Assignment:
    """Compare one Service with what is wanted of it.

    events: the Service's own, newest last. controller_problem: why MetalLB's controller is not ready, "" when it is.
    books: see ledger(); without them a Service without an address is only known to have none.
    """
    if service is None:
        return Assignment(False, [], "", "the Service does not exist")
    addresses = ingress_addresses(service)
    if not addresses:
        cause, reason = _pending(service, pools, events, controller_problem, loadbalancer_class, books)
        return Assignment(False, [], "", reason, cause)
    holders = [pool_of(one, pools) for one in addresses]
    pool = holders[0] if len(set(holders)) == 1 else ""
    has = ", ".join(addresses)
    if not {canonical(one) for one in wanted.addresses} <= {canonical(one) for one in addresses}:
        return Assignment(False, addresses, pool, "has {0}, expected {1}".format(has, ", ".join(wanted.addresses)))
    if wanted.pool and pool != wanted.pool:
        names = " and ".join("pool " + one if one else "no pool" for one in dict.fromkeys(holders))
        reason = "has {0} from {1}, expected an address of pool {2}".format(has, names, wanted.pool)
        return Assignment(False, addresses, pool, reason)
    if not pool:
        return Assignment(False, addresses, pool, _homeless(addresses, holders), "pool-gone")
    return Assignment(True, addresses, pool, "")


def _homeless(addresses: t.Sequence[str], holders: t.Sequence[str]) -> str:
    """Return which of a Service's addresses no pool holds. Speakers announce none of them, unless one pool holds all."""
    outside = [one for one, holder in zip(addresses, holders) if not holder]
    if len(outside) == len(addresses):
        return "has {0}, which no IPAddressPool holds".format(", ".join(addresses))
    if outside:
        return "has {0}, and no IPAddressPool holds {1}".format(", ".join(addresses), ", ".join(outside))
    parts = ", ".join("{0} of pool {1}".format(*one) for one in zip(addresses, holders))
    return "has {0}, and no IPAddressPool holds them together".format(parts)


def _pending(
    service: Object,
    pools: t.Sequence[Object],
    events: t.Sequence[Object],
    controller_problem: str,
    loadbalancer_class: str | None,
    books: _allocation.Ledger | None,
) -> tuple[str, str]:
    """Return why a Service has no address: an id of _causes, or "", and words."""
    spec = service["spec"]
    if spec.get("type") != "LoadBalancer":
        return "", "is of type {0}, not LoadBalancer".format(spec.get("type"))
    if not handled(service, loadbalancer_class):
        own, served = spec.get("loadBalancerClass"), loadbalancer_class
        return "foreign-class", "has {0}, MetalLB serves {1}".format(
            'loadBalancerClass "{0}"'.format(own) if own else "no loadBalancerClass",
            '"{0}"'.format(served) if served else "Services without a class",
        )
    if controller_problem:
        return "controller-down", "MetalLB's controller is not ready: {0}".format(controller_problem)
    if not pools:
        return "no-pool", "there is no IPAddressPool, and MetalLB says nothing in this case"
    if books is None:
        return "", "has no address yet"
    answer = _allocation.simulate(service, books)
    silent = "MetalLB's controller has not answered yet; {0}".format(answer.reason)
    event = _allocation_events.failure(events)
    if event is None:
        return (answer.cause, answer.reason) if answer.cause else ("controller-silent", silent)
    message = str(event.get("message") or "")
    said, text = _allocation_events.causes_of(message), "{0}: {1}".format(event["reason"], message)
    if answer.cause and (answer.cause in said or not said):
        return answer.cause, "{0} ({1})".format(answer.reason, text)
    at = _allocation_events.said_at(event)
    if not at or at[:19] >= max(_allocation.changed_at(service), books.changed)[:19]:
        return said[0] if said else "controller-silent", text
    return answer.cause or "controller-silent", "{0} (before the last change: {1})".format(
        answer.reason if answer.cause else silent, text
    )
