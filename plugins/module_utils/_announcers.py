# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The live API -> who must announce a Service, by ARP and NDP (layer2) or by BGP, and who says that he does.

The decisions are those of MetalLB's speaker (speaker/bgp_controller.go and layer2_controller.go of 0.16).
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import re
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._addresses import is_address
from ansible_collections.kubeaddons.metallb.plugins.module_utils._allocation_events import parse_time, said_at
from ansible_collections.kubeaddons.metallb.plugins.module_utils._external_ip import versions_of
from ansible_collections.kubeaddons.metallb.plugins.module_utils._rollout import container_of, one_line, release_of
from ansible_collections.kubeaddons.metallb.plugins.module_utils._selectors import selector_matches

Object = t.Dict[str, t.Any]
Key = t.Tuple[str, str]  # namespace and name of a Service

EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
# What hinders a node, as the diagnosis knows it; the sentence beside it is for people.
NO_SPEAKER, LABELLED, NOT_SELECTED, NO_ENDPOINT = "no-speaker", "labelled", "not-selected", "no-endpoint"
NO_NETWORK, NO_PEER = "no-network", "no-peer"
_HEEDS_LABEL = (0, 14, 2)  # the first release that does
BGP_PORT = 179
_AT_ONCE = datetime.timedelta(seconds=5)
# The event of both protocols has the same reason.
_ASSIGNED = re.compile(r'announcing from node "([^"]+)" with protocol "layer2"')
ESTABLISHED = "Established"


class Live(t.NamedTuple):
    """Objects that say who announces; None where MetalLB's release has no such kind."""

    pools: t.Sequence[Object]
    l2_advertisements: t.Sequence[Object]
    l2_statuses: t.Sequence[Object] | None  # ServiceL2Status, since 0.14.4
    bgp_advertisements: t.Sequence[Object]
    bgp_peers: t.Sequence[Object]  # metallb.io/v1beta2
    bgp_statuses: t.Sequence[Object] | None  # ServiceBGPStatus, since 0.15.0
    sessions: t.Sequence[Object] | None  # frrk8s.metallb.io BGPSessionState, since 0.15.0
    nodes: t.Sequence[Object]
    speakers: t.Sequence[Object]  # the speakers' pods
    assigned: t.Sequence[Object] = ()  # events with the reason nodeAssigned


class Advertisement(t.NamedTuple):
    """An L2Advertisement or a BGPAdvertisement, with what it selects whatever the Service."""

    spec: Object
    pools: t.AbstractSet[str]
    nodes: t.Mapping[str, t.Sequence[str]]  # Node -> the BGPPeers that it is announced to from there


class Index(t.NamedTuple):
    """Live, with indexes: no Service must cost a walk over what there is of other Services, and selectors are asked once."""

    nodes: t.Sequence[Object]
    running: t.Mapping[str, bool]  # see running()
    unavailable: t.AbstractSet[str]  # nodes with the condition NetworkUnavailable
    l2_advertisements: t.Sequence[Advertisement]
    l2_statuses: t.Mapping[Key, t.Sequence[Object]] | None  # their status parts
    assigned: t.Mapping[Key, str]  # the node that the last event names
    bgp_advertisements: t.Sequence[Advertisement]
    bgp_statuses: t.Mapping[Key, t.Sequence[Object]] | None
    carrying: t.Mapping[int, frozenset[str]]  # version of IP -> the BGPPeers whose sessions carry it


def indexed(live: Live) -> Index:
    """Return the live objects with indexes."""
    kind = backend(live.speakers)
    peers = {
        _name(node): [one for one in live.bgp_peers if any_matches(one["spec"].get("nodeSelectors"), node)]
        for node in live.nodes
    }
    return Index(
        nodes=live.nodes,
        running=running(live.speakers),
        unavailable={_name(node) for node in live.nodes if _network_unavailable(node)},
        l2_advertisements=[_advertisement(one, live, {}) for one in live.l2_advertisements],
        l2_statuses=_statuses(live.l2_statuses),
        assigned={key: node for key, (_when, node) in _assigned(live.assigned).items()},
        bgp_advertisements=[_advertisement(one, live, peers) for one in live.bgp_advertisements],
        bgp_statuses=_statuses(live.bgp_statuses),
        carrying={
            version: frozenset(_name(one) for one in live.bgp_peers if _carries(one["spec"], version, kind))
            for version in (4, 6)
        },
    )


def _advertisement(obj: Object, live: Live, peers: t.Mapping[str, t.Sequence[Object]]) -> Advertisement:
    """Return an advertisement with what it selects. peers: those of each Node, for BGP."""
    spec = obj.get("spec") or {}
    return Advertisement(
        spec,
        {_name(pool) for pool in live.pools if _takes_pool(spec, pool)},
        {
            _name(node): [
                _name(one) for one in peers.get(_name(node), []) if not spec.get("peers") or _name(one) in spec["peers"]
            ]
            for node in live.nodes
            if any_matches(spec.get("nodeSelectors"), node)
        },
    )


def _statuses(statuses: t.Sequence[Object] | None) -> dict[Key, list[Object]] | None:
    """Return the status parts of ServiceL2Status or ServiceBGPStatus by Service, each with its "object", namespace and name.

    None: there is no such kind.
    """
    if statuses is None:
        return None
    found: dict[Key, list[Object]] = {}
    for one in statuses:
        status = one.get("status") or {}
        if status.get("node"):
            key = (status.get("serviceNamespace", ""), status.get("serviceName", ""))
            meta = one.get("metadata") or {}
            name = "{0}/{1}".format(meta.get("namespace", ""), meta.get("name", ""))
            found.setdefault(key, []).append({**status, "object": name})
    return found


def _assigned(events: t.Sequence[Object]) -> dict[Key, tuple[str, str]]:
    """Return by Service when the last event of one that answers ARP and NDP was seen, and the node that it names."""
    found: dict[Key, tuple[str, str]] = {}
    for one in events:
        match = _ASSIGNED.search(one.get("message") or "")
        if match:
            said = (said_at(one), match.group(1))
            found[_about(one)] = max(found.get(_about(one), said), said)
    return found


def failures(events: t.Mapping[str, t.Sequence[Object]]) -> list[dict[str, str]]:
    """Return what speakers say that they could not announce. events: by namespace, about Services.

    An event stays for an hour. It is over when a speaker has announced the Service since without complaint.
    """
    found = []
    for namespace, listed in events.items():
        assigned = _assigned(listed)
        for event in listed:
            announced, _node = assigned.get(_about(event), ("", ""))
            if event.get("reason") == "announceFailed" and not _well_after(announced, said_at(event)):
                name = "{0}/{1}".format(namespace, event["involvedObject"]["name"])
                found.append({"service": name, "text": one_line(event.get("message"))})
    return found


def _well_after(one: str, other: str) -> bool:
    """Return whether a time is later than another; a speaker that complains says right after that it announces."""
    return bool(one and other) and parse_time(one) - parse_time(other) > _AT_ONCE


def _about(event: Object) -> Key:
    """Return the Service that an event tells of."""
    return event["involvedObject"].get("namespace"), event["involvedObject"].get("name")


def _key(service: Object) -> Key:
    return service["metadata"]["namespace"], service["metadata"]["name"]


def any_matches(selectors: t.Sequence[Object] | None, obj: Object) -> bool:
    """Return whether one of the selectors matches an object's labels; without any, all objects match."""
    labels = obj["metadata"].get("labels") or {}
    return not selectors or any(selector_matches(one, labels) for one in selectors)


def _takes_pool(spec: Object, pool: Object) -> bool:
    names, selectors = spec.get("ipAddressPools") or [], spec.get("ipAddressPoolSelectors") or []
    if not names and not selectors:
        return True
    return pool["metadata"]["name"] in names or bool(selectors and any_matches(selectors, pool))


def selecting(advertisements: t.Sequence[Advertisement], service: Object, pool: str) -> list[Advertisement]:
    """Return the advertisements that take a Service with an address of a pool, whatever the node."""
    return [
        one for one in advertisements if pool in one.pools and any_matches(one.spec.get("serviceSelectors"), service)
    ]


def l2_announcers(service: Object, live: Index) -> list[str] | None:
    """Return the nodes that say, by ServiceL2Status, that they answer ARP and NDP for a Service; None: none can say."""
    if live.l2_statuses is None:
        return None
    return sorted({one["node"] for one in live.l2_statuses.get(_key(service), [])})


def l2_statuses(service: Object, live: Index) -> list[str]:
    """Return namespace and name of every ServiceL2Status of a Service that names a node."""
    return sorted(one["object"] for one in (live.l2_statuses or {}).get(_key(service), []))


def l2_assigned(service: Object, live: Index) -> str:
    """Return the node that the last event names as the one that answers ARP and NDP; "" where no event is left."""
    return live.assigned.get(_key(service), "")


def l2_election(
    service: Object,
    taking: t.Sequence[Advertisement],
    addresses: t.Sequence[str],
    local_nodes: t.Collection[str],
    live: Index,
) -> Object | None:
    """Return "node", which MetalLB's rule elects to answer ARP and NDP for a Service, and "reasons", why none may if "" is.

    taking: the L2Advertisements that take it. None where there is nothing to elect, or by a rule that is not known here.
    """
    if not taking or not addresses or any("preferredNodeSelectors" in one.spec for one in taking):
        return None
    reasons = _hindrances(service, taking, "L2Advertisement", local_nodes, live)
    able = [name for name in (node["metadata"]["name"] for node in live.nodes) if name not in reasons]
    if not able:
        return {"node": "", "reasons": reasons}
    first = str(ipaddress.ip_address(addresses[0]))
    elected = min(able, key=lambda name: hashlib.sha256("{0}#{1}".format(name, first).encode()).digest())
    return {"node": elected, "reasons": {}}


def layer2_in_use(live: Live) -> bool:
    """Return whether some IPv4 address may be announced by layer2, which is what strict ARP is for."""
    return any(
        _takes_pool(one.get("spec") or {}, pool) and 4 in versions_of(pool)
        for one in live.l2_advertisements
        for pool in live.pools
    )


def _hindrance(id_: str, text: str) -> dict[str, str]:
    return {"id": id_, "text": text}


def _hindrances(
    service: Object, taking: t.Sequence[Advertisement], kind: str, local_nodes: t.Collection[str], live: Index
) -> dict[str, dict[str, str]]:
    """Return node -> why it may not announce a Service, for every node that may not. taking: advertisements of a kind."""
    found = {}
    ignoring = live.running
    local = service["spec"].get("externalTrafficPolicy") == "Local"
    for node in live.nodes:
        name = node["metadata"]["name"]
        if name not in ignoring:
            found[name] = _hindrance(NO_SPEAKER, "has no running speaker")
        elif EXCLUDED in (node["metadata"].get("labels") or {}) and not ignoring[name]:
            found[name] = _hindrance(LABELLED, "carries the label {0}".format(EXCLUDED))
        elif name in live.unavailable:
            found[name] = _hindrance(NO_NETWORK, "has the condition NetworkUnavailable")
        elif not any(name in one.nodes for one in taking):
            found[name] = _hindrance(NOT_SELECTED, "is selected by no {0}".format(kind))
        elif local and name not in local_nodes:
            text = "has no endpoint of the Service, whose externalTrafficPolicy is Local"
            found[name] = _hindrance(NO_ENDPOINT, text)
    return found


# BGP -----------------------------------------------------------------------------------------------------------------


def backend(speakers: t.Sequence[Object]) -> str:
    """Return what speaks BGP for MetalLB: "native", "frr" or "frr-k8s"; "" when no speaker runs."""
    for pod in speakers:
        for container in pod["spec"]["containers"]:
            for one in container.get("env") or []:
                if one["name"] == "METALLB_BGP_TYPE" and one.get("value"):
                    return str(one["value"])
    return "native" if speakers else ""


def running(speakers: t.Sequence[Object]) -> dict[str, bool]:
    """Return node -> whether its speaker heeds no exclusion label, for every node with a running speaker."""
    found = {}
    for pod in speakers:
        if (pod.get("status") or {}).get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp"):
            words = [word for one in pod["spec"]["containers"] for word in one.get("args") or []]
            release = release_of(container_of(pod["spec"], "speaker"))
            found[pod["spec"].get("nodeName") or ""] = bool(release and release < _HEEDS_LABEL) or any(
                word.lstrip("-") in ("ignore-exclude-lb", "ignore-exclude-lb=true") for word in words
            )
    return found


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _network_unavailable(node: Object) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or []
    return any(one["type"] == "NetworkUnavailable" and one["status"] == "True" for one in conditions)


def bgp_announcement(
    service: Object,
    taking: t.Sequence[Advertisement],
    addresses: t.Sequence[str],
    local_nodes: t.Collection[str],
    live: Index,
) -> Object | None:
    """Return who must announce a Service by BGP and who says so, None when no BGPAdvertisement takes it.

    taking: the BGPAdvertisements that take it. addresses: its own. local_nodes: where it has an endpoint.
    """
    if not taking:
        return None
    expected: dict[str, list[str]] = {}
    reasons = _hindrances(service, taking, "BGPAdvertisement", local_nodes, live)
    for node in live.nodes:
        name = node["metadata"]["name"]
        if name in reasons:
            continue
        peers = sorted({peer for one in taking for peer in one.nodes.get(name, ())})
        if peers:
            expected[name] = peers
        else:
            reasons[name] = _hindrance(NO_PEER, "has no BGPPeer that the address is announced to")
    return {
        "expected": expected,
        "reasons": reasons,
        "announced": _bgp_announced(service, live),
        "uncarried": _uncarried(addresses, {peer for peers in expected.values() for peer in peers}, live),
        "routes": _bgp_routes(taking, addresses, expected, live),
    }


def _bgp_routes(
    taking: t.Sequence[Advertisement], addresses: t.Sequence[str], nodes: t.Iterable[str], live: Index
) -> list[Object]:
    """Return every prefix that peers must receive, with node -> those peers; one that no session carries is left out."""
    found: dict[str, dict[str, set[str]]] = {}
    for address in addresses:
        version = ipaddress.ip_address(address).version
        key, longest = ("aggregationLengthV6", 128) if version == 6 else ("aggregationLength", 32)
        for one in taking:
            prefix = _prefix(address, one.spec.get(key) or longest)
            if not prefix:
                continue
            for node in nodes:
                peers = live.carrying[version].intersection(one.nodes.get(node, ()))
                if peers:
                    found.setdefault(prefix, {}).setdefault(node, set()).update(peers)
    return [
        {"prefix": prefix, "nodes": {node: sorted(peers) for node, peers in routes.items()}}
        for prefix, routes in found.items()
    ]


def _prefix(address: str, length: object) -> str:
    """Return an aggregate; "" where the length is none, as an object may have that no webhook has seen."""
    try:
        return str(ipaddress.ip_network((address, int(str(length))), strict=False))
    except ValueError:
        return ""


def _bgp_announced(service: Object, live: Index) -> dict[str, list[str]] | None:
    if live.bgp_statuses is None:
        return None
    return {one["node"]: sorted(one.get("peers") or []) for one in live.bgp_statuses.get(_key(service), [])}


def _uncarried(addresses: t.Sequence[str], peers: t.Collection[str], live: Index) -> list[str]:
    """Return the addresses whose family no session carries; only releases that say who announces are known here."""
    if live.bgp_statuses is None or not peers:
        return []
    return [one for one in addresses if live.carrying[ipaddress.ip_address(one).version].isdisjoint(peers)]


def _carries(spec: Object, version: int, kind: str) -> bool:
    if kind == "native":
        return version == 4
    if spec.get("interface") or spec.get("dualStackAddressFamily") or not spec.get("peerAddress"):
        return True
    return ipaddress.ip_address(spec["peerAddress"]).version == version


def bgp_sessions(live: Live, written: t.Callable[[Object], float]) -> list[Object]:
    """Return every session that a speaker must have, with what FRR-K8s says of it.

    written: how many seconds ago an object was written. "said" is None where nobody says; "" where FRR-K8s has no word of it.
    """
    ignoring = running(live.speakers)
    known = {}
    for one in live.sessions or []:
        status = one.get("status") or {}
        known[status.get("node"), status.get("peer"), status.get("vrf") or ""] = one
    says = backend(live.speakers) == "frr-k8s" and live.sessions is not None
    found = []
    for node in live.nodes:
        for peer in live.bgp_peers:
            name, spec = node["metadata"]["name"], peer["spec"]
            if name not in ignoring or not any_matches(spec.get("nodeSelectors"), node):
                continue
            state = known.get((name, _session_peer(spec), spec.get("vrf") or ""))
            status = (state or {}).get("status") or {}
            found.append(
                {
                    "node": name,
                    "peer": peer["metadata"]["name"],
                    # Without a webhook it may be anything.
                    "address": spec["peerAddress"] if is_address(spec.get("peerAddress") or "") else "",
                    "port": int(spec.get("peerPort") or BGP_PORT),
                    "said": str(status.get("bgpStatus") or "") if says else None,
                    "bfd": str(status.get("bfdStatus") or "") if spec.get("bfdProfile") else "",
                    "said_before": written(state) if state else None,
                }
            )
    return found


def _session_peer(spec: Object) -> str:
    """Return a peer as BGPSessionState names it: an interface, or an address, that of IPv6 in full and with dashes."""
    if spec.get("interface") or not spec.get("peerAddress"):
        return str(spec.get("interface") or "")
    if not is_address(spec["peerAddress"]):
        return ""
    address = ipaddress.ip_address(spec["peerAddress"])
    return address.exploded.replace(":", "-") if address.version == 6 else str(address)
