# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The expected data plane: what every node's kube-proxy must have built, derived from the API.

The table is the same for all nodes, so it travels to each of them once; what differs from node to node (local
endpoints, topology hints, the node's own addresses) is decided on the node by the data_plane_verify module.

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import base64
import json
import typing as t
import zlib


class Endpoint(t.NamedTuple):
    """One address of an EndpointSlice with the port that a Service port leads to.

    The conditions are resolved as kube-proxy does (discovery.k8s.io/v1): ready and serving are true when absent,
    terminating is false when absent.
    """

    address: str
    port: int
    node: str  # "" when the slice names none
    ready: bool
    serving: bool
    terminating: bool
    zone_hints: t.Sequence[str]
    node_hints: t.Sequence[str]


class ServicePort(t.NamedTuple):
    """One port of one Service, both address families together."""

    service: str  # "namespace/name"
    port_name: str  # "" for an unnamed port
    protocol: str  # "TCP", "UDP" or "SCTP"
    port: int
    node_port: int  # 0: none
    cluster_addresses: t.Sequence[str]
    balancer_addresses: t.Sequence[str]  # status.loadBalancer.ingress (VIP mode)
    external_ips: t.Sequence[str]  # spec.externalIPs
    source_ranges: t.Sequence[str]  # spec.loadBalancerSourceRanges, each in the one spelling of a network
    health_port: int  # spec.healthCheckNodePort where kube-proxy answers there; 0: none
    internal_local: bool  # internalTrafficPolicy: Local
    external_local: bool  # externalTrafficPolicy: Local
    persistence: int  # seconds of ClientIP affinity; 0: none
    age: float  # seconds since the Service or one of its EndpointSlices last changed, by the API server's clock
    endpoints: t.Sequence[Endpoint]

    @property
    def external_addresses(self) -> t.Sequence[str]:
        """All addresses besides the ClusterIPs."""
        if not self.external_ips:
            return self.balancer_addresses
        return list(dict.fromkeys([*self.balancer_addresses, *self.external_ips]))

    def ranges(self, ipv6: bool) -> list[str]:
        """Return the source ranges for the addresses of one family: kube-proxy takes those of each for itself."""
        return [one for one in self.source_ranges if (":" in one) == ipv6]

    def guarded(self, address: str) -> t.Optional[bool]:
        """Whether an address is open to the source ranges only; None where releases of kube-proxy differ.

        A range of all addresses counts as none since 1.34.
        """
        ranges = self.ranges(":" in address) if address in self.balancer_addresses else []
        return None if any(one.endswith("/0") for one in ranges) else bool(ranges)


class Expected(t.NamedTuple):
    """What the data plane of every node must contain."""

    zones: t.Mapping[str, str]  # node name -> topology.kubernetes.io/zone, "" without the label
    mode: str  # that its ConfigMap gives kube-proxy: "ipvs", "iptables" or "nftables"; "" when there is no kube-proxy
    scheduler: str  # IPVS scheduler, for example "rr"
    node_port_cidrs: t.Sequence[str]  # kube-proxy's nodePortAddresses; empty: all local addresses
    exclude_cidrs: t.Sequence[str]  # kube-proxy's ipvs.excludeCIDRs: tables it leaves alone
    sync_period: float  # seconds after which kube-proxy must have synchronised: twice its syncPeriod
    ports: t.Sequence[ServicePort]
    scope: t.Sequence[str] = ()  # the Services to compare, see _scope; empty: all
    metrics: str = ""  # where each node asks its kube-proxy for the mode, see _proxy_mode
    own: t.Mapping[str, t.Sequence[str]] = {}  # node name -> what kube-proxy takes for its addresses; in ipvs mode only


def dumps(data: t.Any) -> str:
    """Return plain data as one printable string: it stays cheap in Ansible's variables and on the wire."""
    text = json.dumps(data, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 6)).decode()


def loads(packed: str) -> t.Any:
    """Return the data that dumps() made a string of; raise ValueError or zlib.error when the text is something else."""
    return json.loads(zlib.decompress(base64.b64decode(packed, validate=True)))


def pack(expected: Expected) -> str:
    """Return the table as one printable string."""
    return dumps(expected)


def unpack(packed: str) -> Expected:
    """Return the table that pack() made; raise ValueError when the text is something else."""
    try:
        raw = loads(packed)
        zones, mode, scheduler, node_port_cidrs, exclude_cidrs, sync_period, rows, scope, metrics, own = raw
        ports = [ServicePort(*[*row[:-1], [Endpoint(*endpoint) for endpoint in row[-1]]]) for row in rows]
    except (ValueError, TypeError, LookupError, zlib.error) as exc:
        raise ValueError("not an expected table made by expected_state_info: {0}".format(exc)) from exc
    return Expected(zones, mode, scheduler, node_port_cidrs, exclude_cidrs, sync_period, ports, scope, metrics, own)
