# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What else in a cluster hands out or announces addresses of Services, as the live objects tell."""

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _allocation
from ansible_collections.kubeaddons.metallb.plugins.module_utils._addresses import canonical, of_network
from ansible_collections.kubeaddons.metallb.plugins.module_utils._external_ip import ingress_addresses, pool_of
from ansible_collections.kubeaddons.metallb.plugins.module_utils._pools import Pool
from ansible_collections.kubeaddons.metallb.plugins.module_utils._scope import name_of

Object = t.Dict[str, t.Any]


CALICO_CONFIG = "/apis/crd.projectcalico.org/v1/bgpconfigurations"
CALICO_PEERS = "/apis/crd.projectcalico.org/v1/bgppeers"
CILIUM_POOLS = ("/apis/cilium.io/v2/ciliumloadbalancerippools", "/apis/cilium.io/v2alpha1/ciliumloadbalancerippools")
_SERVICELB = "svccontroller.k3s.cattle.io/svcname"
# MetalLB writes it beside every address that it gives.
_FROM_POOL = "ip-allocated-from-pool"


class Found(t.NamedTuple):
    """Sentences about other load balancers."""

    errors: list[str]
    warnings: list[str]


def more_to_read(daemon_sets: t.Sequence[Object]) -> list[str]:
    """Return the paths of collections that tell more about what runs; none of them where neither Calico nor Cilium do."""
    names = {one["metadata"]["name"] for one in daemon_sets}
    paths: list[str] = []
    if "calico-node" in names:
        paths += [CALICO_CONFIG, CALICO_PEERS]
    if "cilium" in names:
        paths += CILIUM_POOLS
    return paths


def judge(
    daemon_sets: t.Sequence[Object],
    more: t.Mapping[str, t.Sequence[Object]],
    pools: t.Sequence[Pool],
    peers: t.Mapping[str, str],
) -> Found:
    """Return what is in MetalLB's way.

    more: path -> objects, for the paths of more_to_read(). peers: address of a BGP peer that is wanted -> its variable.
    """
    warnings = [*_kube_vip(daemon_sets), *_servicelb(daemon_sets)]
    ranges = [one for path in CILIUM_POOLS for one in more.get(path) or []]
    if ranges:
        warnings.append(
            "Cilium hands out addresses of Services as well (CiliumLoadBalancerIPPool {0}); a Service would get one from "
            "each. Remove these objects, or give MetalLB a class of its own by metallb_loadbalancer_class.".format(
                ", ".join(sorted({one["metadata"]["name"] for one in ranges}))
            )
        )
    for config in more.get(CALICO_CONFIG) or []:
        for entry in (config.get("spec") or {}).get("serviceLoadBalancerIPs") or []:
            network = of_network(entry["cidr"])
            clash = [pool.origin for pool in pools for one in pool.ranges if one.overlaps(network)]
            if clash:
                warnings.append(
                    "{0}: Calico announces {1} by BGP from every node (BGPConfiguration {2}); switch one of the two "
                    "off, MetalLB's part by metallb_speaker_enabled: false.".format(
                        clash[0], entry["cidr"], config["metadata"]["name"]
                    )
                )
    return Found(_calico_peers(more.get(CALICO_PEERS) or [], peers), warnings)


def foreign_addresses(services: t.Iterable[Object], pools: t.Sequence[Object]) -> dict[str, str]:
    """Return Service -> what tells that something else gave it its addresses, where some are of no pool."""
    found = {}
    for service in services:
        if not all(pool_of(one, pools) for one in ingress_addresses(service)):
            found[name_of(service)] = given_by_another(service)
    return {name: text for name, text in found.items() if text}


def given_by_another(service: Object) -> str:
    """Return what tells that it was not MetalLB that gave a Service its addresses, "" where MetalLB says that it did."""
    if _allocation.annotation(service, _FROM_POOL):
        return ""
    written = service["metadata"].get("managedFields") or []
    # Who writes a Service's status is a load balancer.
    managers = sorted({one["manager"] for one in written if one.get("subresource") == "status" and one.get("manager")})
    text = "it lacks the annotation {0}{1}, which MetalLB writes beside an address".format(
        _allocation.PREFIXES[0], _FROM_POOL
    )
    return text + ("; its status was written by {0}".format(", ".join(managers)) if managers else "")


def _kube_vip(daemon_sets: t.Sequence[Object]) -> t.Iterator[str]:
    for one in daemon_sets:
        for container in one["spec"]["template"]["spec"]["containers"]:
            serves = {entry["name"]: entry.get("value") for entry in container.get("env") or []}.get("svc_enable")
            if "kube-vip" in container["image"] and str(serves).lower() == "true":
                yield (
                    "kube-vip ({0}) hands out and announces addresses of Services as well; set "
                    "kube_vip_services_enabled: false.".format(one["metadata"]["name"])
                )


def _servicelb(daemon_sets: t.Sequence[Object]) -> t.Iterator[str]:
    served = sorted(
        one["metadata"]["labels"][_SERVICELB]
        for one in daemon_sets
        if _SERVICELB in (one["metadata"].get("labels") or {})
    )
    if served:
        yield (
            "K3s' own load balancer serves {0} and would fight with MetalLB over the addresses; start K3s with "
            "--disable=servicelb.".format(", ".join(served))
        )


def _calico_peers(calico: t.Sequence[Object], peers: t.Mapping[str, str]) -> list[str]:
    own = {canonical(address): origin for address, origin in peers.items()}
    errors = []
    for one in calico:
        # Calico writes a port behind it where there is one.
        address = str((one.get("spec") or {}).get("peerIP") or "")
        if address.startswith("["):
            address = address[1:].partition("]")[0]
        elif address.count(":") == 1:
            address = address.partition(":")[0]
        origin = own.get(canonical(address)) if address else None
        if origin:
            errors.append(
                "{0}: {1} is a peer of Calico's already (BGPPeer {2}), and a router keeps one session with each node; let "
                "Calico announce the addresses (metallb_speaker_enabled: false), or peer with another router.".format(
                    origin, address, one["metadata"]["name"]
                )
            )
    return errors
