# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The settings against the cluster as it is: what cannot work, each in one sentence, and what is due."""

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _configuration, _objects, _yaml
from ansible_collections.kubeaddons.metallb.plugins.module_utils._addresses import (
    AddressRange,
    canonical,
    is_address,
    live_range,
    of_network,
    single,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._announcers import EXCLUDED, any_matches
from ansible_collections.kubeaddons.metallb.plugins.module_utils._backend import NATIVE
from ansible_collections.kubeaddons.metallb.plugins.module_utils._bgp import Peer
from ansible_collections.kubeaddons.metallb.plugins.module_utils._configuration import PEER_SECRET
from ansible_collections.kubeaddons.metallb.plugins.module_utils._external_ip import ingress_addresses
from ansible_collections.kubeaddons.metallb.plugins.module_utils._kube_proxy import KubeProxy
from ansible_collections.kubeaddons.metallb.plugins.module_utils._pools import Pool
from ansible_collections.kubeaddons.metallb.plugins.module_utils._rollout import one_line
from ansible_collections.kubeaddons.metallb.plugins.module_utils._settings import Settings

Object = t.Dict[str, t.Any]

# Enough to find a clash in any pool of a usual size without flooding the segment.
MOST_PROBED = 256


def node_addresses(node: Object) -> list[str]:
    """Return a Node's addresses, without names."""
    found = []
    for entry in (node.get("status") or {}).get("addresses") or []:
        if entry["type"] in ("InternalIP", "ExternalIP") and entry["address"] not in found:
            found.append(entry["address"])
    return found


def taken(
    settings: Settings, nodes: t.Sequence[Object], services: t.Sequence[Object], kubeadm: Object | None
) -> list[tuple[AddressRange, str]]:
    """Return the addresses that no pool of the settings may hold, each with what it is."""
    return [*settings.reserved, *occupied(nodes, services, kubeadm)]


def occupied(
    nodes: t.Sequence[Object], services: t.Sequence[Object], kubeadm: Object | None
) -> list[tuple[AddressRange, str]]:
    """Return the addresses that the cluster itself uses, each with what it is."""
    found: list[tuple[AddressRange, str]] = []
    for node in nodes:
        name = node["metadata"]["name"]
        found.extend((single(address), "the address of node {0}".format(name)) for address in node_addresses(node))
        spec = node["spec"]
        cidrs = spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else [])
        found.extend((of_network(cidr), "the pod network of node {0}".format(name)) for cidr in cidrs)
    networking = _kubeadm_networking(kubeadm)
    for key, what in (("podSubnet", "the pod network"), ("serviceSubnet", "the Service network")):
        found.extend((of_network(cidr), what) for cidr in str(networking.get(key) or "").split(",") if cidr)
    for service in services:
        for address in service["spec"].get("clusterIPs") or []:
            if address != "None":
                found.append(
                    (
                        single(address),
                        "the ClusterIP of Service {0}/{1}".format(
                            service["metadata"]["namespace"], service["metadata"]["name"]
                        ),
                    )
                )
    return found


def _kubeadm_networking(kubeadm: Object | None) -> Object:
    """Return the networking part of ConfigMap kube-system/kubeadm-config; clusters of other make have none."""
    text = ((kubeadm or {}).get("data") or {}).get("ClusterConfiguration")
    if not text:
        return {}
    try:
        config = _yaml.load(text)
    except _yaml.NotYaml:
        return {}  # not ours to judge: the nodes' own pod networks are known all the same
    return (config or {}).get("networking") or {}


def pool_errors(settings: Settings, taken_by: t.Sequence[tuple[AddressRange, str]]) -> list[str]:
    """Return a sentence for each range that clashes with another pool or with something of the cluster's."""
    errors = []
    seen: list[tuple[AddressRange, Pool]] = []
    for pool in settings.pools:
        for one in pool.ranges:
            for other, other_pool in seen:
                if one.overlaps(other):
                    errors.append(
                        '{0}: "{1}" overlaps with "{2}" of {3}, which MetalLB refuses; give each address to one '
                        "pool only.".format(pool.origin, one.text, other.text, other_pool.origin)
                    )
            seen.append((one, pool))
            clash = _clash(one, taken_by)
            if clash:
                errors.append("{0}: {1}; choose addresses that nothing else uses.".format(pool.origin, clash))
    return errors


def _clash(one: AddressRange, taken_by: t.Iterable[tuple[AddressRange, str]]) -> str:
    """Return what a range overlaps with first, "" when with nothing."""
    return next(
        (
            '"{0}" overlaps with {1}, {2}'.format(one.text, other.text, what)
            for other, what in taken_by
            if one.overlaps(other)
        ),
        "",
    )


def live_overlaps(pools: t.Sequence[Object], taken_by: t.Sequence[tuple[AddressRange, str]]) -> list[str]:
    """Return the same of live IPAddressPools, of whatever making."""
    found = []
    for pool in pools:
        ranges = [live_range(text) for text in pool["spec"].get("addresses") or []]
        clashes = [_clash(one, taken_by) for one in ranges if one is not None]
        found += ["IPAddressPool {0}: {1}".format(pool["metadata"]["name"], one) for one in clashes if one]
    return found


def gateways(seen: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, str]:
    """Return default gateway -> the first node that has it. seen: node -> what the arp_probe module returned there."""
    found: dict[str, str] = {}
    for node, result in seen.items():
        for gateway in result.get("gateways") or []:
            if isinstance(gateway, str) and is_address(gateway):
                found.setdefault(gateway, node)
    return found


def gateway_ranges(known: t.Mapping[str, str]) -> list[tuple[AddressRange, str]]:
    """Return default gateways as what no pool may hold. known: from gateways()."""
    return [(single(one), "the default gateway of {0}".format(node)) for one, node in known.items() if is_address(one)]


def not_ready(nodes: t.Sequence[Object]) -> dict[str, str]:
    """Return Node -> why it is not ready, for those that are not; one whose kubelet never said anything is none."""
    found = {}
    for node in nodes:
        for one in (node.get("status") or {}).get("conditions") or []:
            if one["type"] == "Ready" and one["status"] != "True":
                parts = [one.get("reason") or "Ready is {0}".format(one["status"]), one_line(one.get("message"))]
                found[node["metadata"]["name"]] = ": ".join(part for part in parts if part)
    return found


def configuration(settings: Settings, live: t.Sequence[Object], services: t.Sequence[Object]) -> _configuration.Plan:
    """Return what the custom resources of the settings need. live, services: as _configuration.plan has them."""
    return _configuration.plan(
        _objects.custom_resources(settings),
        live,
        services,
        {pool.name: pool.origin for pool in settings.pools},
        adopt=settings.adopt,
        reassign=settings.reassign_addresses,
        loadbalancer_class=settings.loadbalancer_class,
        frr=settings.backend != NATIVE,
    )


def strict_arp_needed(settings: Settings, kube_proxy: KubeProxy | None) -> bool:
    """Return whether every node would answer ARP for every EXTERNAL-IP without strict ARP."""
    return kube_proxy is not None and kube_proxy.mode == "ipvs" and bool(settings.layer2 and settings.speaker_enabled)


def strict_arp_messages(settings: Settings, needed: bool) -> tuple[list[str], list[str]]:
    """Return errors and warnings about kube_proxy_strict_arp."""
    if not needed or settings.strict_arp:
        return [], []
    if settings.strict_arp is False:
        return [
            "kube_proxy_strict_arp: false lets every node answer ARP for every EXTERNAL-IP, because kube-proxy runs in ipvs "
            "mode and the pools are announced by layer2; set it to true in group_vars/k8s_cluster/k8s-cluster.yml."
        ], []
    return [], [
        "kube_proxy_strict_arp is not set; strict ARP is switched on in the cluster, and Kubespray's next run would switch "
        "it off again: set it to true in group_vars/k8s_cluster/k8s-cluster.yml."
    ]


def announcer_warnings(settings: Settings, nodes: t.Sequence[Object]) -> list[str]:
    """Return a warning for each advertisement that no node may make, and for each peer that no node has."""
    if not settings.speaker_enabled or not nodes:
        return []

    def excluded(node: Object) -> bool:
        return EXCLUDED in (node["metadata"].get("labels") or {})

    if all(map(excluded, nodes)) and (settings.layer2 or settings.bgp.advertisements):
        return [
            "Every node carries the label {0}, so MetalLB 0.14 and later announces nothing from any of them; remove it "
            "from the nodes that shall announce: kubectl label node NAME {0}-.".format(EXCLUDED)
        ]
    advertised = [("metallb_config.layer2, {0}".format(one.name), one.node_selectors) for one in settings.layer2]
    advertised += [(one.origin, one.spec.get("nodeSelectors") or []) for one in settings.bgp.advertisements]
    warnings = []
    for origin, selectors in advertised:
        chosen = [node for node in nodes if any_matches(selectors, node)]
        if not chosen:
            warnings.append("{0}: node_selectors match none of the nodes, so nothing is announced.".format(origin))
        elif all(map(excluded, chosen)):
            warnings.append(
                "{0}: every node that node_selectors match carries the label {1}, so MetalLB 0.14 and later announces "
                "nothing; remove it: kubectl label node NAME {1}-.".format(origin, EXCLUDED)
            )
    for peer in settings.bgp.peers:
        if not any(any_matches(peer.spec.get("nodeSelectors"), node) for node in nodes):
            warnings.append("{0}: node_selectors match none of the nodes, so there is no session.".format(peer.origin))
    return warnings


def peer_addresses(settings: Settings) -> dict[str, str]:
    """Return address -> variable of the BGP peers."""
    return {one.spec["peerAddress"]: one.origin for one in settings.bgp.peers if one.spec.get("peerAddress")}


def secrets_named(settings: Settings) -> list[str]:
    """Return the names of the Secrets that password_secret names, all in MetalLB's namespace."""
    return list(dict.fromkeys(one.spec["passwordSecret"]["name"] for one in _with_secret(settings)))


def secret_errors(settings: Settings, secrets: t.Mapping[str, Object | None]) -> list[str]:
    """Return a sentence for each peer whose Secret MetalLB could not use: a speaker then takes no configuration at all.

    secrets: name -> Secret, None where there is none. Nothing of a password is in the sentences.
    """
    errors = []
    for peer in _with_secret(settings):
        name = peer.spec["passwordSecret"]["name"]
        secret = secrets[name]
        if secret is None:
            problem = "is no Secret of the namespace {0}".format(settings.namespace)
        elif secret.get("type") != PEER_SECRET:
            problem = "is a Secret of type {0}, and MetalLB takes {1} only".format(secret.get("type"), PEER_SECRET)
        elif not (secret.get("data") or {}).get("password"):
            problem = "is a Secret without the key password"
        else:
            continue
        errors.append(
            '{0}: "{1}" {2}; make it by kubectl create secret generic {1} --namespace={3} --type={4} '
            "--from-file=password=FILE.".format(
                peer.origins["passwordSecret"], name, problem, settings.namespace, PEER_SECRET
            )
        )
    return errors


def _with_secret(settings: Settings) -> list[Peer]:
    return [one for one in settings.bgp.peers if "passwordSecret" in one.spec]


def probes(
    settings: Settings, live_pools: t.Sequence[AddressRange], services: t.Sequence[Object]
) -> list[dict[str, t.Any]]:
    """Return the ranges whose addresses should be looked for on the segment before they are handed out.

    Ranges that a live pool already holds are left out: their addresses may answer because MetalLB announces them.
    Each is {origin, text, layer2, addresses}; addresses holds the first and the last even of a long range.
    """
    assigned = {canonical(address) for service in services for address in ingress_addresses(service)}
    found = []
    for pool in settings.pools:
        for one in pool.ranges:
            if any(live.holds(one.first) and live.holds(one.last) for live in live_pools):
                continue
            addresses = one.addresses(MOST_PROBED)
            if str(one.last) not in addresses:
                addresses.append(str(one.last))
            found.append(
                {
                    "origin": pool.origin,
                    "text": one.text,
                    "layer2": settings.by_layer2(pool.name),
                    "addresses": [address for address in addresses if address not in assigned],
                }
            )
    return found


def segment_errors(wanted: t.Sequence[t.Mapping[str, t.Any]], seen: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[str]:
    """Return a sentence for each range that does not fit what the nodes see on their network.

    wanted: from probes(). seen: node -> what the arp_probe module returned there.
    """
    on_link: dict[str, bool] = {}
    answers: dict[str, tuple[str, str]] = {}
    known = gateways(seen)
    for node, result in seen.items():
        for one in result.get("results") or []:
            on_link[one["address"]] = on_link.get(one["address"], False) or one["on_link"]
            if one["macs"]:
                answers.setdefault(one["address"], (one["macs"][0], node))
    errors = []
    for one in wanted:
        how = "NDP" if any(":" in address for address in one["addresses"]) else "ARP"
        where = '{0}: "{1}"'.format(one["origin"], one["text"])
        off = [address for address in one["addresses"] if address in on_link and not on_link[address]]
        if one["layer2"] and off:
            errors.append(
                "{0} holds {1}, which is on no node's network segment, so nobody would find it by {2}; choose addresses "
                "of the nodes' own network.".format(where, off[0], how)
            )
        for address in one["addresses"]:
            if address in known:
                errors.append(
                    "{0} holds {1}, the default gateway of {2}; leave it out of the range.".format(
                        where, address, known[address]
                    )
                )
            elif address in answers:
                errors.append(
                    "{0} holds {1}, which already answers {2} ({3}, asked from {4}); leave it out of the range or free "
                    "the address.".format(where, address, how, *answers[address])
                )
    return errors


def node_of(names: t.Mapping[str, t.Sequence[str]], host: str, addresses: t.Sequence[str]) -> str:
    """Return the Node that an inventory host is: by its name, else by one of its addresses; "" when it is none."""
    if host in names:
        return host
    wanted = {canonical(address) for address in addresses if address}
    return next((name for name, own in names.items() if wanted & {canonical(one) for one in own}), "")
