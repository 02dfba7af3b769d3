#!/usr/bin/python
# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: expected_state_info
short_description: Say what every node's data plane must contain and who must announce what
version_added: 0.1.0
description:
  - Derives the expected state from Services, EndpointSlices, Nodes and kube-proxy's configuration.
  - The table is the same for all nodes and travels to each once; M(kubeaddons.metallb.data_plane_verify) compares it there.
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.read_only
  - kubeaddons.metallb._attributes.api
  - kubeaddons.metallb._metallb.namespace
  - kubernetes.core.k8s_auth_options
options:
  loadbalancer_class:
    description:
      - The class of Services that MetalLB serves (V(metallb_loadbalancer_class)).
    type: str
    default: ""
  scope:
    description:
      - Namespaces, and Services as C(NAMESPACE/NAME), to look at. Empty for all.
      - An entry that is no Service of type LoadBalancer, none other that kube-proxy serves, and no namespace of one, fails
        the module. Of such other Services the table of RV(expected) tells, and nothing else.
    type: list
    elements: str
    default: []
author:
  - The kubeaddons.metallb authors (@kubeaddons)
"""

EXAMPLES = r"""
- name: Read the expected state once
  kubeaddons.metallb.expected_state_info:
    kubeconfig: /etc/kubernetes/admin.conf
  register: state
  delegate_to: localhost
  run_once: true

- name: Compare it with the tables of every node
  kubeaddons.metallb.data_plane_verify:
    expected: "{{ state.expected }}"
    node: "{{ inventory_hostname }}"
"""

RETURN = r"""
expected:
  description: The expected table, packed.
  type: str
  returned: always
  sample: eNqLjgUAARUAuQ==
mode:
  description: The mode that its ConfigMap gives kube-proxy; empty where there is no kube-proxy.
  type: str
  returned: always
  sample: ipvs
mode_age:
  description: Seconds for which neither kube-proxy's ConfigMap nor its DaemonSet has changed, whose status a rollout changes.
  type: float
  returned: always
  sample: 86400.0
sync_period:
  description: Seconds after which kube-proxy must have taken up a change, twice its C(syncPeriod). It says itself that it is
    unhealthy then.
  type: float
  returned: always
  sample: 60.0
nodes:
  description: The addresses of every Node, by name.
  type: dict
  returned: always
  sample: {node1: [192.0.2.11]}
speakers:
  description: The nodes on which a speaker of MetalLB runs.
  type: list
  elements: str
  returned: always
  sample: [node1, node2, node3]
strict_arp:
  description: Whether the nodes need strict ARP, that is in mode V(ipvs) with IPv4 addresses announced by layer2.
  type: bool
  returned: always
  sample: true
bgp:
  description: What is known of BGP besides single Services; empty where there is neither a BGPAdvertisement nor a BGPPeer.
  type: dict
  returned: always
  contains:
    backend:
      description: What speaks BGP, V(native), V(frr) or V(frr-k8s).
      type: str
    age:
      description: Seconds for which neither the configuration of BGP nor a speaker has changed.
      type: float
    sessions:
      description:
        - Every session that a speaker must have, each with C(node), C(peer), C(address) and C(port).
        - C(said) and C(bfd) are what FRR-K8s said of it C(said_before) seconds ago; C(said) is null where nobody says.
      type: list
      elements: dict
  sample: {}
targets:
  description: What to ask in order to prove the Services.
  type: dict
  returned: always
  contains:
    outside:
      description:
        - What to ask with M(kubeaddons.metallb.request_probe) from a host outside of the cluster, every EXTERNAL-IP, and
          every node port on ten nodes in turn, or on as many more as it takes to ask each node once.
        - C(target) is the target, C(service), C(check) and C(node) say what it proves.
      type: list
      elements: dict
    left_out:
      description: How many targets RV(targets.outside) would have more with every node port on every node.
      type: int
    inside:
      description: The same for the nodes, every ClusterIP, from a pod as well and by name, and every EXTERNAL-IP from a pod
        unless C(externalTrafficPolicy) is C(Local), from the node as well where it is announced by BGP only.
      type: list
      elements: dict
    arp:
      description: Addresses that somebody must answer ARP or NDP for, those that are announced by layer2.
      type: list
      elements: str
    tcp:
      description: BGP peers that the nodes should hold connections to, for M(kubeaddons.metallb.tcp_info).
      type: list
      elements: dict
    prefixes:
      description: What BGP routers must have received, for M(kubeaddons.metallb.frr_info).
      type: list
      elements: str
  sample: {outside: [], left_out: 0, inside: [], arp: [192.0.2.240], tcp: [], prefixes: []}
scope:
  description: What O(scope) was.
  type: list
  elements: str
  returned: always
  sample: []
services:
  description: The Services that MetalLB takes care of, those of O(scope).
  type: list
  elements: dict
  returned: always
  contains:
    service:
      description: Namespace and name.
      type: str
    addresses:
      description: Its addresses, EXTERNAL-IP.
      type: list
      elements: str
    pool:
      description: The IPAddressPool that holds the first of them.
      type: str
    reason:
      description: Why it has no address; empty when it has one.
      type: str
    layer2:
      description: Whether an L2Advertisement takes that pool and this Service.
      type: bool
    announcers:
      description:
        - Nodes that say, by C(ServiceL2Status), that they answer ARP and NDP for it.
        - Null where MetalLB has no such objects, before 0.14.4.
      type: list
      elements: str
    statuses:
      description: Namespace and name of each C(ServiceL2Status) that RV(services[].announcers) is from.
      type: list
      elements: str
    assigned:
      description: The node that MetalLB's last event C(nodeAssigned) names for layer2; empty where no event is left.
      type: str
    election:
      description:
        - Null when no L2Advertisement takes the Service. Otherwise C(node), which MetalLB's rule elects to answer for it, and
          C(reasons), why no node may, if none may.
        - Reasons are by name of the node, each with its C(id), V(no-speaker), V(labelled), V(no-network), V(not-selected) or
          V(no-endpoint), and its C(text).
      type: dict
    bgp:
      description:
        - Null when no BGPAdvertisement takes the Service. Otherwise C(expected), the nodes that must announce it with the
          peers that they must announce it to, C(reasons), why the other nodes do not, C(announced), what
          C(ServiceBGPStatus) says, null before 0.15.0, C(uncarried), addresses of a family that no session carries, and
          C(routes), each C(prefix) with the C(nodes) and the peers that must receive it from them.
        - Reasons are as in RV(services[].election), and V(no-peer).
      type: dict
    age:
      description: Seconds for which neither the Service nor its EndpointSlices have changed.
      type: float
    backends:
      description: Addresses that can serve it.
      type: list
      elements: str
    local:
      description: Whether C(externalTrafficPolicy) is C(Local).
      type: bool
    internal_local:
      description: Whether C(internalTrafficPolicy) is C(Local).
      type: bool
    cluster_ips:
      description: Its ClusterIPs.
      type: list
      elements: str
    local_nodes:
      description: Nodes with an endpoint that can serve it.
      type: list
      elements: str
    source_ranges:
      description: Its C(loadBalancerSourceRanges).
      type: list
      elements: str
    ports:
      description: Its ports, each with C(name), C(port), C(protocol), C(node_port) and C(request), how it can be asked.
      type: list
      elements: dict
  sample:
    - service: default/myweb-svc-lb
      addresses: [192.0.2.240]
      pool: loadbalanced
      reason: ""
      layer2: true
      announcers: [node2]
      statuses: [metallb-system/l2-x4k2p]
      assigned: node2
      election: {node: node2, reasons: {}}
      bgp: null
      backends: [10.233.64.5, 10.233.65.4, 10.233.66.4]
      age: 341.0
      cluster_ips: [10.233.0.17]
      local: false
      internal_local: false
      local_nodes: [node1, node2, node3]
      source_ranges: []
      ports:
        - {name: "", port: 80, protocol: TCP, node_port: 31313, request: http}
"""

import datetime
import functools
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _announcers,
    _cluster,
    _derive,
    _expected,
    _kube_proxy,
    _kubernetes,
    _metallb,
    _resources,
    _scope,
    _targets,
)

EMPTY: dict[str, t.Any] = {
    "expected": "",
    "mode": "",
    "mode_age": 0.0,
    "sync_period": 0.0,
    "nodes": {},
    "speakers": [],
    "strict_arp": False,
    "services": [],
    "scope": [],
    "bgp": {},
    "targets": {"outside": [], "left_out": 0, "inside": [], "arp": [], "tcp": [], "prefixes": []},
}


def proxy_objects(api: _kubernetes.Api) -> tuple[dict[str, t.Any] | None, dict[str, t.Any] | None]:
    """Return kube-proxy's ConfigMap and DaemonSet."""
    config_map = api.get(_kube_proxy.CONFIG_PATH)
    return config_map, api.get(_kube_proxy.DAEMONSET_PATH) if config_map else None


def derive(api: _kubernetes.Api, params: dict[str, t.Any]) -> dict[str, t.Any]:
    namespace = params["metallb_namespace"]
    # Slices before Services: a Service deleted in between is then missing from both, not half there.
    slices, services, nodes, proxy, pools, layer2, l2_statuses, bgp_advertisements, peers, speakers, assigned = (
        api.gather(
            [
                lambda: api.get_list("/apis/discovery.k8s.io/v1/endpointslices"),
                lambda: api.get_list("/api/v1/services"),
                lambda: api.get_list("/api/v1/nodes"),
                lambda: proxy_objects(api),
                lambda: _metallb.live_pools(api, namespace),
                lambda: api.get_list(_resources.L2_ADVERTISEMENTS.format(namespace=namespace)),
                lambda: api.get_list(_resources.L2_STATUSES),
                lambda: api.get_list(_resources.BGP_ADVERTISEMENTS.format(namespace=namespace)),
                lambda: api.get_list(_resources.BGP_PEERS.format(namespace=namespace)),
                lambda: _metallb.speakers(api, namespace),
                lambda: _metallb.assigned(api),
            ]
        )
    )
    bgp_kinds = [_resources.BGP_STATUSES, _resources.BGP_SESSIONS] if bgp_advertisements or peers else []
    bgp_statuses, sessions = api.gather([functools.partial(api.get_list, one) for one in bgp_kinds]) or (None, None)
    config_map, daemon_set = proxy
    try:
        kube_proxy = _kube_proxy.parse(config_map) if config_map else None
    except _kube_proxy.NotUnderstood as exc:
        return {"failed": True, "msg": "{0}.".format(exc)}
    live = _announcers.Live(
        pools=pools,
        l2_advertisements=layer2 or [],
        l2_statuses=l2_statuses,
        bgp_advertisements=bgp_advertisements or [],
        bgp_peers=peers or [],
        bgp_statuses=bgp_statuses,
        sessions=sessions,
        nodes=nodes,
        speakers=speakers,
        assigned=assigned,
    )
    names = {node["metadata"]["name"]: _cluster.node_addresses(node) for node in nodes}
    now = api.server_time or datetime.datetime.now(datetime.timezone.utc)
    problem = _scope.problem(params["scope"], services, _derive.proxied)
    if problem:
        return {"failed": True, "msg": problem}
    balanced = _derive.balanced(services, slices, live, params["loadbalancer_class"], now)
    balanced = [one for one in balanced if _scope.holds(params["scope"], one["service"])]
    bgp = _derive.bgp(live, now)
    table = _derive.expected_table(services, slices, nodes, kube_proxy, now, params["scope"])
    outside = _targets.outside(balanced, names, table.node_port_cidrs)
    return {
        "expected": _expected.pack(table),
        "mode": table.mode,
        "mode_age": _derive.mode_age(config_map, daemon_set, now),
        "sync_period": table.sync_period,
        "nodes": names,
        "speakers": sorted(_announcers.running(speakers)),
        "strict_arp": table.mode == "ipvs" and _announcers.layer2_in_use(live),
        "services": balanced,
        "scope": params["scope"],
        "bgp": bgp,
        "targets": {
            "outside": outside.targets,
            "left_out": outside.left_out,
            "inside": _targets.inside(balanced),
            "arp": _targets.neighbours(balanced),
            "tcp": _targets.bgp_peers(bgp),
            "prefixes": _targets.prefixes(balanced),
        },
    }


def main() -> None:
    module = AnsibleModule(
        _kubernetes.argument_spec(
            metallb_namespace={"type": "str", "default": "metallb-system"},
            loadbalancer_class={"type": "str", "default": ""},
            scope={"type": "list", "elements": "str", "default": []},
        ),
        supports_check_mode=True,
    )
    _kubernetes.run(module, lambda api: derive(api, module.params), EMPTY)


if __name__ == "__main__":
    main()
