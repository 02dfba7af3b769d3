# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The live API -> the expected data plane (see _expected) and who is expected to announce what."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _announcers, _ipvs, _source_ranges
from ansible_collections.kubeaddons.metallb.plugins.module_utils._allocation_events import parse_time
from ansible_collections.kubeaddons.metallb.plugins.module_utils._expected import Endpoint, Expected, ServicePort
from ansible_collections.kubeaddons.metallb.plugins.module_utils._external_ip import (
    Wanted,
    handled,
    ingress_addresses,
    judge,
    ledger,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._kube_proxy import KubeProxy

Object = t.Dict[str, t.Any]

SERVICE_LABEL = "kubernetes.io/service-name"
_FOREIGN_PROXY = "service.kubernetes.io/service-proxy-name"
_HEADLESS = "service.kubernetes.io/headless"


def expected_table(
    services: t.Sequence[Object],
    slices: t.Sequence[Object],
    nodes: t.Sequence[Object],
    kube_proxy: KubeProxy | None,
    now: datetime.datetime,
    scope: t.Sequence[str] = (),
) -> Expected:
    """Return what kube-proxy must have built on every node.

    services, slices, nodes: objects of v1 Service, discovery.k8s.io/v1 EndpointSlice and v1 Node. now: the API
    server's time when they were read. scope: see _scope.
    """
    own = slices_by_service(slices)
    ports: list[ServicePort] = []
    for service in services:
        meta = service["metadata"]
        if proxied(service):
            ports.extend(_service_ports(service, own.get((meta["namespace"], meta["name"]), []), now))
    return Expected(
        zones={
            node["metadata"]["name"]: (node["metadata"].get("labels") or {}).get("topology.kubernetes.io/zone", "")
            for node in nodes
        },
        mode=kube_proxy.mode if kube_proxy else "",
        scheduler=kube_proxy.scheduler if kube_proxy else "",
        node_port_cidrs=kube_proxy.node_port_cidrs if kube_proxy else [],
        exclude_cidrs=kube_proxy.exclude_cidrs if kube_proxy else [],
        # kube-proxy itself says that it is unhealthy (/healthz) when an update has waited for two periods.
        sync_period=2 * kube_proxy.sync_period if kube_proxy else 0.0,
        ports=ports,
        scope=scope,
        metrics=kube_proxy.metrics if kube_proxy else "",
        own={node["metadata"]["name"]: _own_addresses(node, kube_proxy.bind_address) for node in nodes}
        if kube_proxy and kube_proxy.mode == "ipvs"
        else {},
    )


def _own_addresses(node: Object, bind_address: str) -> list[str]:
    """Return what kube-proxy takes for a node's addresses, one of each family (GetNodeHostIPs, detectNodeIPs)."""
    found: dict[bool, str] = {}
    listed = (node.get("status") or {}).get("addresses") or []
    for kind in ("InternalIP", "ExternalIP"):
        for one in listed:
            if one["type"] == kind:
                found.setdefault(":" in one["address"], _ipvs.canonical_address(one["address"]))
    if bind_address:
        found[":" in bind_address] = _ipvs.canonical_address(bind_address)
    return list(found.values())


def proxied(service: Object) -> bool:
    """Return whether kube-proxy serves a Service: not headless, not ExternalName, not another proxy's."""
    spec = service["spec"]
    labels = service["metadata"].get("labels") or {}
    return (
        spec.get("type") != "ExternalName"
        and spec.get("clusterIP") not in (None, "", "None")
        and _FOREIGN_PROXY not in labels
        and _HEADLESS not in labels
    )


def _service_ports(service: Object, slices: t.Sequence[Object], now: datetime.datetime) -> list[ServicePort]:
    meta, spec = service["metadata"], service["spec"]
    persistence = 0
    if spec.get("sessionAffinity") == "ClientIP":
        persistence = int(spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"])
    age = _age(service, slices, now)
    ranges = [str(one) for one in _source_ranges.networks(spec.get("loadBalancerSourceRanges") or [])]
    return [
        ServicePort(
            service="{0}/{1}".format(meta["namespace"], meta["name"]),
            port_name=port.get("name") or "",
            protocol=port.get("protocol", "TCP"),
            port=int(port["port"]),
            node_port=int(port.get("nodePort") or 0),
            cluster_addresses=spec.get("clusterIPs") or [spec["clusterIP"]],
            balancer_addresses=list(dict.fromkeys(ingress_addresses(service))),
            external_ips=spec.get("externalIPs") or [],
            source_ranges=ranges,
            health_port=_health_port(spec),
            internal_local=spec.get("internalTrafficPolicy") == "Local",
            external_local=spec.get("externalTrafficPolicy") == "Local",
            persistence=persistence,
            age=age,
            endpoints=_endpoints(port, slices),
        )
        for port in spec.get("ports") or []
    ]


def _health_port(spec: Object) -> int:
    if spec.get("type") != "LoadBalancer" or spec.get("externalTrafficPolicy") != "Local":
        return 0
    return int(spec.get("healthCheckNodePort") or 0)


def _endpoints(port: Object, slices: t.Sequence[Object]) -> list[Endpoint]:
    """Return the endpoints behind one port; an address that stands in two slices counts once."""
    found: dict[tuple[str, int], Endpoint] = {}
    for one in slices:
        if one.get("addressType") not in ("IPv4", "IPv6"):
            continue
        number = next(
            (
                int(entry["port"])
                for entry in one.get("ports") or []
                if (entry.get("name") or "") == (port.get("name") or "")
                and entry.get("protocol", "TCP") == port.get("protocol", "TCP")
                and entry.get("port")
            ),
            None,
        )
        if number is None:
            continue
        for entry in one.get("endpoints") or []:
            conditions = entry.get("conditions") or {}
            hints = entry.get("hints") or {}
            endpoint = Endpoint(
                address=entry["addresses"][0],  # consumers use the first, says the API
                port=number,
                node=entry.get("nodeName") or "",
                ready=conditions.get("ready") is not False,
                serving=conditions.get("serving") is not False,
                terminating=conditions.get("terminating") is True,
                zone_hints=[hint["name"] for hint in hints.get("forZones") or []],
                node_hints=[hint["name"] for hint in hints.get("forNodes") or []],
            )
            known = found.get((endpoint.address, number))
            if known is None or (endpoint.ready and not known.ready):
                found[endpoint.address, number] = endpoint
    return list(found.values())


def _age(service: Object, slices: t.Sequence[Object], now: datetime.datetime) -> float:
    """Return for how many seconds neither a Service nor its slices have changed."""
    return min(_written_before(one, now) for one in [service, *slices])


def _written_before(obj: Object, now: datetime.datetime) -> float:
    """Return how many seconds ago an object was last written."""
    return round(max(0.0, (now - _changed(obj)).total_seconds()), 1)


def mode_age(config_map: Object | None, daemon_set: Object | None, now: datetime.datetime) -> float:
    """Return for how many seconds neither kube-proxy's configuration nor the state of its rollout has changed."""
    return min((_written_before(one, now) for one in (config_map, daemon_set) if one), default=0.0)


def _changed(obj: Object) -> datetime.datetime:
    """Return when an object was last written, as its managed fields tell."""
    meta = obj["metadata"]
    times = [meta.get("creationTimestamp")] + [one.get("time") for one in meta.get("managedFields") or []]
    return max(parse_time(text) for text in times if text)


def slices_by_service(slices: t.Sequence[Object]) -> dict[tuple[str, str], list[Object]]:
    """Return the EndpointSlices of each Service, by its namespace and name."""
    found: dict[tuple[str, str], list[Object]] = {}
    for one in slices:
        name = (one["metadata"].get("labels") or {}).get(SERVICE_LABEL)
        if name:
            found.setdefault((one["metadata"].get("namespace", ""), name), []).append(one)
    return found


def serving_endpoints(own: t.Sequence[Object]) -> dict[str, str]:
    """Return address -> node of the endpoints in a Service's own slices that count for MetalLB: ready or serving."""
    return {
        entry["addresses"][0]: entry.get("nodeName") or ""
        for one in own
        for entry in one.get("endpoints") or []
        if (entry.get("conditions") or {}).get("ready") is not False
        or (entry.get("conditions") or {}).get("serving") is True
    }


def balanced(
    services: t.Sequence[Object],
    slices: t.Sequence[Object],
    live: _announcers.Live,
    loadbalancer_class: str,
    now: datetime.datetime,
) -> list[Object]:
    """Return a row for every Service that MetalLB takes care of, sorted by namespace and name."""
    rows = []
    by_service, index = slices_by_service(slices), _announcers.indexed(live)
    books = ledger(services, live.pools, None, loadbalancer_class)
    for service in services:
        if not handled(service, loadbalancer_class):
            continue
        meta, spec = service["metadata"], service["spec"]
        wanted = Wanted(meta["namespace"], meta["name"], [], "")
        judged = judge(wanted, service, live.pools, [], "", loadbalancer_class, books)
        own = by_service.get((meta["namespace"], meta["name"]), [])
        serving = serving_endpoints(own)
        local_nodes = sorted({node for node in serving.values() if node})
        layer2, bgp = (
            _announcers.selecting(some, service, judged.pool)
            for some in (index.l2_advertisements, index.bgp_advertisements)
        )
        rows.append(
            {
                "service": "{0}/{1}".format(meta["namespace"], meta["name"]),
                "addresses": judged.addresses,
                "pool": judged.pool,
                "reason": judged.reason,
                "layer2": bool(layer2),
                "announcers": _announcers.l2_announcers(service, index),
                "statuses": _announcers.l2_statuses(service, index),
                "assigned": _announcers.l2_assigned(service, index),
                "election": _announcers.l2_election(service, layer2, judged.addresses, local_nodes, index),
                "bgp": _announcers.bgp_announcement(service, bgp, judged.addresses, local_nodes, index),
                "backends": sorted(serving),
                "age": _age(service, own, now),
                "cluster_ips": [one for one in spec.get("clusterIPs") or [] if one != "None"],
                "local": spec.get("externalTrafficPolicy") == "Local",
                "internal_local": spec.get("internalTrafficPolicy") == "Local",
                "local_nodes": local_nodes,
                "source_ranges": spec.get("loadBalancerSourceRanges") or [],
                "ports": [
                    {
                        "name": port.get("name") or "",
                        "port": port["port"],
                        "protocol": port.get("protocol", "TCP"),
                        "node_port": port.get("nodePort") or 0,
                        "request": request_kind(port),
                    }
                    for port in spec.get("ports") or []
                ],
            }
        )
    return sorted(rows, key=lambda row: row["service"])


def bgp(live: _announcers.Live, now: datetime.datetime) -> Object:
    """Return what is known of BGP besides single Services; an empty dict where it is not in use."""
    configured = [*live.bgp_advertisements, *live.bgp_peers]
    if not configured:
        return {}

    def written(obj: Object) -> float:
        return _written_before(obj, now)

    return {
        "backend": _announcers.backend(live.speakers),
        "age": min(written(one) for one in [*configured, *live.speakers]),
        "sessions": _announcers.bgp_sessions(live, written),
    }


def request_kind(port: Object) -> str:
    """Return how a port can be asked without harm: "http", "dns", or "connect" where nothing is known of it."""
    name, protocol = str(port.get("appProtocol") or port.get("name") or ""), port.get("protocol", "TCP")
    if port["port"] == 53:
        return "dns"
    if protocol == "TCP" and (
        (name.startswith("http") and "https" not in name) or (not name and port["port"] in (80, 8080))
    ):
        return "http"
    return "connect"
