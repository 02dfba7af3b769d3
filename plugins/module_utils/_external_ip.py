# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""EXTERNAL-IP: has a Service got the address that it should have, and if not, why is it pending."""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._addresses import canonical, live_range
from ansible_collections.kubeaddons.metallb.plugins.module_utils._selectors import selector_matches

Object = t.Dict[str, t.Any]

# MetalLB still reads the old prefix; the new one wins.
PREFIXES = ("metallb.io/", "metallb.universe.tf/")
# What stands in MetalLB's messages -> cause; the first that fits.
_MESSAGES = {
    "family-mismatch": ("IPFamily", "ipFamily", "same family", "clusterips", "family"),
    "address-in-use": ("already in use", "also in use", "sharing key"),
    "address-outside-pools": ("not allowed in config",),
    "pool-unknown": ("unknown pool",),
    "pool-not-for-service": ("not compatible",),
    "address-invalid": ("invalid", "can not have both", "more than two addresses"),
    "pool-exhausted": ("no available IPs",),
}
_FAILURES = ("AllocationFailed", "LoadBalancerFailed", "InternalError", "not enough clusterips")


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
    pool: str  # "" when no pool holds the address
    reason: str  # why it is not done; "" when it is
    cause: str = ""  # the same as an id of _causes, where it is one


def ingress_addresses(service: Object) -> list[str]:
    """Return the addresses of status.loadBalancer.ingress that kube-proxy serves."""
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return [one["ip"] for one in ingress if one.get("ip") and one.get("ipMode") != "Proxy"]


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


def annotation(service: Object, name: str) -> str:
    """Return one of MetalLB's annotations of a Service, "" without it."""
    annotations = service["metadata"].get("annotations") or {}
    return next((annotations[prefix + name] for prefix in PREFIXES if annotations.get(prefix + name)), "")


def handled(service: Object, loadbalancer_class: str | None) -> bool:
    """Return whether MetalLB takes care of a Service: its type and class."""
    spec = service["spec"]
    return spec.get("type") == "LoadBalancer" and (spec.get("loadBalancerClass") or "") == (loadbalancer_class or "")


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
) -> Assignment:
    """Compare one Service with what is wanted of it.

    events: the Service's own, newest last. controller_problem: why MetalLB's controller is not ready, "" when it is.
    """
    if service is None:
        return Assignment(False, [], "", "the Service does not exist")
    addresses = ingress_addresses(service)
    pool = pool_of(addresses[0], pools) if addresses else ""
    if not addresses:
        cause, reason = _pending(service, pools, events, controller_problem, loadbalancer_class)
        return Assignment(False, [], "", reason, cause)
    if not {canonical(one) for one in wanted.addresses} <= {canonical(one) for one in addresses}:
        return Assignment(
            False, addresses, pool, "has {0}, expected {1}".format(", ".join(addresses), ", ".join(wanted.addresses))
        )
    if wanted.pool and pool != wanted.pool:
        return Assignment(
            False,
            addresses,
            pool,
            "has {0} from {1}, expected an address of pool {2}".format(
                ", ".join(addresses), "pool " + pool if pool else "no pool", wanted.pool
            ),
        )
    if not pool:
        reason = "has {0}, which no IPAddressPool holds".format(", ".join(addresses))
        return Assignment(False, addresses, pool, reason, "pool-gone")
    return Assignment(True, addresses, pool, "")


def _pending(
    service: Object,
    pools: t.Sequence[Object],
    events: t.Sequence[Object],
    controller_problem: str,
    loadbalancer_class: str | None,
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
    requested = annotation(service, "address-pool")
    if requested and requested not in [pool["metadata"]["name"] for pool in pools]:
        return "pool-unknown", 'asks for pool "{0}", which does not exist'.format(requested)
    automatic = [pool for pool in pools if pool["spec"].get("autoAssign", True)]
    named = requested or annotation(service, "loadBalancerIPs") or spec.get("loadBalancerIP")
    failures = [event for event in events if event.get("reason") in _FAILURES]
    if failures:
        message = failures[-1].get("message", "")
        cause = next(
            (one for one, texts in _MESSAGES.items() if any(text in message for text in texts)), "controller-silent"
        )
        if cause == "pool-exhausted" and not named and not any(_admits(pool, service) for pool in automatic):
            # MetalLB says the same of pools that are full and of those that are for others.
            cause = "pool-not-for-service" if automatic else "pool-not-automatic"
        return cause, "{0}: {1}".format(failures[-1]["reason"], message)
    if not named and not automatic:
        return (
            "pool-not-automatic",
            "no IPAddressPool has autoAssign, and the Service names neither a pool nor an address",
        )
    return "controller-silent", "MetalLB's controller has not answered yet"


def _admits(pool: Object, service: Object) -> bool:
    """Return whether a pool's serviceAllocation lets a Service in, as far as that can be told without its Namespace."""
    allocation = pool["spec"].get("serviceAllocation") or {}
    meta = service["metadata"]
    names, selectors = allocation.get("namespaces") or [], allocation.get("namespaceSelectors") or []
    admitted = selectors or not names or meta["namespace"] in names
    services = allocation.get("serviceSelectors") or []
    return bool(admitted) and (not services or any(selector_matches(one, meta.get("labels") or {}) for one in services))
