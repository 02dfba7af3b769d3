# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""MetalLB's allocation, simulated: could a Service get an address, and if not, why.

MetalLB says it by an event, which is gone after an hour, and does not try again before something changes. Modelled after
controller/service.go, internal/allocator and internal/config of MetalLB 0.14.9 to 0.16. Addresses are counted, not walked
through, and what is taken is written down once for all Services.
"""

from __future__ import annotations

import bisect
import ipaddress
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._addresses import Address, AddressRange, live_range
from ansible_collections.kubeaddons.metallb.plugins.module_utils._selectors import selector_matches

Object = t.Dict[str, t.Any]

# MetalLB still reads the old prefix; the new one wins, even without a value.
PREFIXES = ("metallb.io/", "metallb.universe.tf/")
_FAMILIES = {4: "IPv4", 6: "IPv6"}


class Answer(t.NamedTuple):
    """What MetalLB can do for a Service."""

    cause: str  # an id of _causes; "" when an address can be given, or when nothing can be said
    reason: str  # the same in words


class Use(t.NamedTuple):
    """A Service, as far as it decides on who shares an address with it."""

    service: str  # NAMESPACE/NAME
    sharing: str  # the key; "" for alone
    backend: str  # the selector, where traffic stays on the node
    ports: frozenset[tuple[str, int]]


class Source(t.NamedTuple):
    """An IPAddressPool."""

    name: str
    automatic: bool
    avoids: bool  # IPv4 addresses that end in .0 and .255
    limited: bool  # has a serviceAllocation
    listed: frozenset[str]  # the namespaces that it names
    namespaces: frozenset[str] | None  # the same with those that it selects; None: labels are not known
    selectors: t.Sequence[Object]  # of Services
    ranges: t.Mapping[int, t.Sequence[AddressRange]]  # by version of IP
    total: t.Mapping[int, int]  # addresses to give
    available: t.Mapping[int, int]  # what MetalLB itself says is left, since 0.15


class Ledger(t.NamedTuple):
    """What there is to give, and what is taken."""

    sources: t.Mapping[str, Source]
    places: t.Mapping[int, t.Sequence[tuple[int, int, str]]]  # by version of IP, sorted: first, last, pool
    uses: t.Mapping[Address, t.Sequence[Use]]
    taken: t.Mapping[tuple[str, int], int]  # pool and version -> addresses
    # pool, version, sharing key and backend -> addresses that such a Service may share
    shared: t.Mapping[tuple[str, int, str, str], t.Sequence[Address]]
    changed: str  # when a pool was last changed, "" where that is not known


class _Asking(t.NamedTuple):
    """A Service that waits for an address."""

    service: Object
    use: Use
    versions: t.Sequence[int]  # what it needs, as its ClusterIPs tell
    either: bool  # one of them is enough
    known: bool  # whether it has ClusterIPs


def annotation(service: Object, name: str) -> str:
    """Return one of MetalLB's annotations of a Service, "" without it."""
    annotations = service["metadata"].get("annotations") or {}
    return next((annotations[prefix + name] or "" for prefix in PREFIXES if prefix + name in annotations), "")


def ingress(service: Object) -> list[Object]:
    """Return what a Service's status.loadBalancer holds."""
    return ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []


def changed_at(obj: Object) -> str:
    """Return when an object was last changed, but for its status, as a text that sorts; "" where that is not known."""
    meta = obj["metadata"]
    written = [one for one in meta.get("managedFields") or [] if not one.get("subresource")]
    return max(str(one or "") for one in [meta.get("creationTimestamp"), *(one.get("time") for one in written)])


def ledger(
    services: t.Iterable[Object],
    pools: t.Sequence[Object],
    namespaces: t.Mapping[str, t.Mapping[str, str]] | None,
) -> Ledger:
    """Return the books on all Services that MetalLB takes care of.

    namespaces: their labels; None where they are not known.
    """
    sources = {one.name: one for one in (_source(pool, namespaces) for pool in pools)}
    places: dict[int, list[tuple[int, int, str]]] = {4: [], 6: []}
    for source in sources.values():
        for version, ranges in source.ranges.items():
            places[version].extend((int(one.first), int(one.last), source.name) for one in ranges)
    uses: dict[Address, list[Use]] = {}
    for service in services:
        found = {_parsed(one.get("ip") or "") for one in ingress(service)} - {None}
        if found:
            use = _use(service)
            for address in t.cast("set[Address]", found):
                uses.setdefault(address, []).append(use)
    taken: dict[tuple[str, int], int] = {}
    shared: dict[tuple[str, int, str, str], list[Address]] = {}
    books = Ledger(
        sources=sources,
        places={version: sorted(listed) for version, listed in places.items()},
        uses=uses,
        taken=taken,
        shared=shared,
        changed=max((changed_at(one) for one in pools), default=""),
    )
    for address, users in uses.items():
        name = _holder(address, books)
        if not name:
            continue
        taken[name, address.version] = taken.get((name, address.version), 0) + 1
        if users[0].sharing:  # the others are asked before anybody joins them
            key = (name, address.version, users[0].sharing, users[0].backend)
            shared.setdefault(key, []).append(address)
    return books


def simulate(service: Object, books: Ledger) -> Answer:
    """Return whether MetalLB could give an address to a Service without one, or why it cannot."""
    asking = _asking(service)
    spec = service["spec"]
    requested = annotation(service, "address-pool")
    if spec.get("ipFamilyPolicy") == "RequireDualStack" and len(asking.versions) == 1:
        return Answer("family-mismatch", "requires dual stack, and has one ClusterIP only")
    try:
        addresses = requested_addresses(service)
    except ValueError as exc:
        return Answer("address-invalid", str(exc))
    if requested and requested not in books.sources:
        return Answer("pool-unknown", 'asks for pool "{0}", which does not exist'.format(requested))
    if addresses:
        return _these(asking, addresses, requested, books)
    if requested:
        return _of_pool(asking, books.sources[requested], books)
    return _of_any(asking, books)


def requested_addresses(service: Object) -> list[Address]:
    """Return the addresses that a Service asks for; ValueError in words where MetalLB takes them for none."""
    listed, single = annotation(service, "loadBalancerIPs"), service["spec"].get("loadBalancerIP") or ""
    if listed and single:
        raise ValueError("asks for addresses by metallb.io/loadBalancerIPs and by spec.loadBalancerIP")
    if not listed and not single:
        return []
    found = []
    for text in [part.strip() for part in listed.split(",")] if listed else [single]:
        address = _parsed(text)
        if address is None:
            raise ValueError('asks for "{0}", which is no address'.format(text))
        found.append(address)
    if len(found) > 2 or len({one.version for one in found}) < len(found):
        raise ValueError("asks for {0}, and MetalLB gives one address of a family".format(_all(found)))
    return found


def _asking(service: Object) -> _Asking:
    """Return what a Service needs. Without a ClusterIP, by which MetalLB tells, any family is right."""
    spec = service["spec"]
    own = [_parsed(one) for one in spec.get("clusterIPs") or [spec.get("clusterIP") or ""]]
    versions = [one.version for one in own if one is not None]
    either = len(versions) == 2 and spec.get("ipFamilyPolicy") == "PreferDualStack"
    return _Asking(service, _use(service), versions or [4, 6], either or not versions, bool(versions))


def _use(service: Object) -> Use:
    meta, spec = service["metadata"], service["spec"]
    local = spec.get("externalTrafficPolicy") == "Local"
    selector = sorted((spec.get("selector") or {}).items()) if local else []
    return Use(
        "{0}/{1}".format(meta["namespace"], meta["name"]),
        annotation(service, "allow-shared-ip"),
        ",".join("{0}={1}".format(key, value) for key, value in selector),
        frozenset((one.get("protocol") or "TCP", int(one["port"])) for one in spec.get("ports") or []),
    )


def _parsed(text: str) -> Address | None:
    """Return an address as Go reads it: without an interface, and IPv4 in the form of IPv6 is IPv4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return None if "%" in text else address.ipv4_mapped or address
    return address


def _source(pool: Object, namespaces: t.Mapping[str, t.Mapping[str, str]] | None) -> Source:
    spec, status = pool["spec"], pool.get("status") or {}
    ranges: dict[int, list[AddressRange]] = {}
    for one in [live_range(text) for text in spec.get("addresses") or []]:
        if one is not None:
            ranges.setdefault(one.first.version, []).append(one)
    avoids = bool(spec.get("avoidBuggyIPs"))
    allocation = spec.get("serviceAllocation") or {}
    listed = frozenset(allocation.get("namespaces") or [])
    chosen = allocation.get("namespaceSelectors") or []
    selected = [
        name for name, labels in (namespaces or {}).items() if any(selector_matches(one, labels) for one in chosen)
    ]
    services = allocation.get("serviceSelectors") or []
    return Source(
        name=str(pool["metadata"]["name"]),
        automatic=spec.get("autoAssign") is not False,
        avoids=avoids,
        limited=spec.get("serviceAllocation") is not None,
        listed=listed,
        namespaces=None if chosen and namespaces is None else listed.union(selected),
        # MetalLB reads one that says nothing, or a priority only, as for all
        selectors=services if services or listed or chosen else [{}],
        ranges=ranges,
        total={version: sum(_count(one, avoids) for one in some) for version, some in ranges.items()},
        available={
            version: int(status["available" + family])
            for version, family in _FAMILIES.items()
            if int(status.get("assigned" + family) or 0) > 0 and status.get("available" + family) is not None
        },
    )


def _count(one: AddressRange, avoids: bool) -> int:
    """Return how many addresses of a range MetalLB gives."""
    first, last = int(one.first), int(one.last)
    found = last - first + 1
    if avoids and one.first.version == 4:
        found -= last // 256 - (first - 1) // 256  # .0
        found -= (last + 1) // 256 - first // 256  # .255
    return found


def _avoided(address: Address) -> bool:
    return address.version == 4 and int(address) % 256 in (0, 255)


def _place(address: Address, books: Ledger) -> str:
    """Return the pool in whose ranges an address lies, "" when in none; MetalLB takes no pools that overlap."""
    listed = books.places[address.version]
    at = bisect.bisect_right(listed, (int(address), 1 << 128, "")) - 1
    return listed[at][2] if at >= 0 and int(address) <= listed[at][1] else ""


def _holder(address: Address, books: Ledger) -> str:
    """Return the pool that MetalLB gives an address from, "" when there is none."""
    name = _place(address, books)
    return "" if name and books.sources[name].avoids and _avoided(address) else name


def _admits(source: Source, service: Object) -> bool | None:
    """Return whether a pool is for a Service that asks for it; None where that is not known."""
    if not source.limited:
        return True
    meta = service["metadata"]
    labels = meta.get("labels") or {}
    if source.selectors and not any(selector_matches(one, labels) for one in source.selectors):
        return False
    if meta["namespace"] in source.listed:
        return True
    # One whose selectors match no namespace is for all that ask for it.
    return None if source.namespaces is None else not source.namespaces or meta["namespace"] in source.namespaces


def _offers(source: Source, service: Object) -> bool | None:
    """Return whether a pool gives a Service an address without being asked for it; None where that is not known."""
    admitted = source.automatic and _admits(source, service)
    if admitted and source.limited and not source.selectors and source.namespaces is not None:
        return service["metadata"]["namespace"] in source.namespaces
    return admitted


def _these(asking: _Asking, addresses: t.Sequence[Address], requested: str, books: Ledger) -> Answer:
    """Return the answer to a Service that asks for addresses."""
    if asking.known and sorted(one.version for one in addresses) != sorted(asking.versions):
        text = "asks for {0}, and has ClusterIPs of {1}".format(_all(addresses), _names(asking.versions, " and "))
        return Answer("family-mismatch", text)
    names = [_holder(one, books) for one in addresses]
    for address, name in zip(addresses, names):
        if not name:
            place = _place(address, books)
            text = "which pool {0} leaves out (avoidBuggyIPs)" if place else "which no IPAddressPool holds"
            return Answer("address-outside-pools", "asks for {0}, {1}".format(address, text.format(place)))
    if len(set(names)) > 1:
        parts = " and ".join("{0} of pool {1}".format(*one) for one in zip(addresses, names))
        return Answer("address-outside-pools", "asks for {0}, and MetalLB gives both from one pool only".format(parts))
    admitted = _admits(books.sources[names[0]], asking.service)
    if admitted is False:
        text = "asks for {0} of pool {1}, which is for others (serviceAllocation)".format(_all(addresses), names[0])
        return Answer("pool-not-for-service", text)
    for address in addresses:
        problem = _conflict(asking.use, books.uses.get(address, ()))
        if problem:
            return Answer("address-in-use", "asks for {0}, which {1}".format(address, problem))
    if requested and requested != names[0]:
        text = "asks for {0}, which pool {1} holds, and for pool {2}".format(_all(addresses), names[0], requested)
        return Answer("address-outside-pools", text)
    return _given([names[0]]) if admitted else _unknown([names[0]], asking)


def _of_pool(asking: _Asking, source: Source, books: Ledger) -> Answer:
    """Return the answer to a Service that asks for a pool."""
    if not _enough(asking, source, books):
        return _lacking(asking, [source], books)
    admitted = _admits(source, asking.service)
    if admitted is False:
        text = "asks for pool {0}, which is for others (serviceAllocation)".format(source.name)
        return Answer("pool-not-for-service", text)
    return _given([source.name]) if admitted else _unknown([source.name], asking)


def _of_any(asking: _Asking, books: Ledger) -> Answer:
    """Return the answer to a Service that asks for nothing in particular."""
    automatic = [one for one in books.sources.values() if one.automatic]
    if not automatic:
        text = "no IPAddressPool has autoAssign, and the Service names neither a pool nor an address"
        return Answer("pool-not-automatic", text)
    offers = [(one, _offers(one, asking.service)) for one in automatic]
    offering = [one for one, offered in offers if offered]
    enough = [one.name for one in offering if _enough(asking, one, books)]
    unknown = [one.name for one, offered in offers if offered is None and _enough(asking, one, books)]
    if enough:
        return _given(enough)
    if unknown:
        return _unknown(unknown, asking)
    if not offering:
        text = "no pool that has autoAssign is for it (serviceAllocation): {0}"
        return Answer("pool-not-for-service", text.format(", ".join(one.name for one in automatic)))
    return _lacking(asking, offering, books)


def _given(names: t.Sequence[str]) -> Answer:
    return Answer("", "pool {0} could give an address".format(names[0]))


def _unknown(names: t.Sequence[str], asking: _Asking) -> Answer:
    namespace = asking.service["metadata"]["namespace"]
    return Answer("", "whether pool {0} is for namespace {1} is not known".format(", ".join(names), namespace))


def _enough(asking: _Asking, source: Source, books: Ledger) -> bool:
    """Return whether a pool has an address of each family that a Service needs: MetalLB gives all from one pool."""
    free = [_free(asking.use, source, version, books) for version in asking.versions]
    return any(free) if asking.either else all(free)


def _free(use: Use, source: Source, version: int, books: Ledger) -> bool:
    """Return whether a pool has an address for a Service: one that nobody has, or one that it may share."""
    if _left(source, version, books) > 0:
        return True
    sharing = books.shared.get((source.name, version, use.sharing, use.backend), ())
    return any(not _conflict(use, books.uses[address]) for address in sharing)


def _left(source: Source, version: int, books: Ledger) -> int:
    left = source.total.get(version, 0) - books.taken.get((source.name, version), 0)
    available = source.available.get(version, left)
    return 0 if available == 0 else left  # below 0 it is a counter of MetalLB's that has run over


def _conflict(use: Use, others: t.Iterable[Use]) -> str:
    """Return why a Service cannot share an address with those that have it, "" when it can."""
    for other in others:
        if not other.sharing or not use.sharing:
            which = "both" if not other.sharing and not use.sharing else "that one" if use.sharing else "this one"
            return "{0} has; metallb.io/allow-shared-ip is missing on {1}".format(other.service, which)
        if other.sharing != use.sharing:
            return '{0} has, with another metallb.io/allow-shared-ip ("{1}", not "{2}")'.format(
                other.service, other.sharing, use.sharing
            )
        if other.backend != use.backend:
            return "{0} has; with externalTrafficPolicy Local both need the same selector".format(other.service)
        same = sorted(use.ports & other.ports)
        if same:
            return "{0} has, with the same port {1}/{2}".format(other.service, *same[0])
    return ""


def _lacking(asking: _Asking, sources: t.Sequence[Source], books: Ledger) -> Answer:
    """Return why none of these pools has what a Service needs."""
    has = [[version for version in asking.versions if version in one.ranges] for one in sources]
    fitting = [
        one
        for one, versions in zip(sources, has)
        if len(versions) == len(asking.versions) or (asking.either and versions)
    ]
    if not fitting:
        pools = ", ".join("pool {0} has {1}".format(one.name, _names(sorted(one.ranges), " and ")) for one in sources)
        needs = _names(asking.versions, " or " if asking.either else " and ")
        together = " from one pool" if len(asking.versions) == 2 and not asking.either else ""
        return Answer("family-mismatch", "needs {0}{1}, and {2}".format(needs, together, pools))
    texts = [
        _full(one, version, books)
        for one in fitting
        for version in asking.versions
        if version in one.ranges and not _free(asking.use, one, version, books)
    ]
    return Answer("pool-exhausted", "; ".join(texts))


def _full(source: Source, version: int, books: Ledger) -> str:
    total, taken = source.total[version], books.taken.get((source.name, version), 0)
    if not total:
        return "pool {0} leaves out all of its {1} addresses (avoidBuggyIPs)".format(source.name, _FAMILIES[version])
    text = "{0} of {1} {2} addresses of pool {3} are taken".format(taken, total, _FAMILIES[version], source.name)
    return text if taken >= total else text + ", and MetalLB counts none as available"


def _names(versions: t.Iterable[int], joint: str) -> str:
    return joint.join(_FAMILIES[one] for one in versions) or "no address"


def _all(addresses: t.Iterable[Address]) -> str:
    return ", ".join(str(one) for one in addresses)
