#!/usr/bin/python

# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: diagnosis_info
short_description: Read what the API knows of faults
version_added: 0.1.0
author:
  - The kubeaddons.metallb authors (@kubeaddons)
description:
  - Returns what is not as it should be with MetalLB's workloads and webhooks, with kube-proxy, and with Services of type
    LoadBalancer that have no address. Together with the proof it tells the causes, see M(kubeaddons.metallb.diagnosis).
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.read_only
  - kubeaddons.metallb._attributes.api
  - kubeaddons.metallb._metallb.namespace
  - kubernetes.core.k8s_auth_options
options:
  gateways:
    description:
      - Default gateway to a Node that has it, as M(kubeaddons.metallb.proof) returned them. No pool should hold one.
    type: dict
    default: {}
  loadbalancer_class:
    description:
      - The C(spec.loadBalancerClass) that MetalLB serves.
    type: str
    default: ""
  scope:
    description:
      - Namespaces, and Services as C(NAMESPACE/NAME), to tell of. Empty for all. What is not of a Service is told in any
        case.
    type: list
    elements: str
    default: []
  speaker:
    description:
      - Whether a speaker is expected.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Read what the API knows of faults
  kubeaddons.metallb.diagnosis_info:
    kubeconfig: /etc/kubernetes/admin.conf
  register: facts
"""

RETURN = r"""
pending:
  description: Services of type LoadBalancer without an address.
  type: list
  elements: dict
  returned: always
  contains:
    service:
      description: Namespace and name.
      type: str
    cause:
      description: Why, as an id of the catalogue (C(docs/causes.md)).
      type: str
    text:
      description: Why, in words.
      type: str
  sample:
    - service: default/web
      cause: no-pool
      text: there is no IPAddressPool, and MetalLB says nothing in this case
workloads:
  description:
    - Workloads of MetalLB that are not rolled out, each with C(name), C(status) and C(reasons).
    - C(nodes) are those of its pods that are not ready, and an empty name for what is on none.
  type: list
  elements: dict
  returned: always
  sample: []
webhooks:
  description: Webhooks of MetalLB that do not serve, each with C(name), C(status) and C(reasons).
  type: list
  elements: dict
  returned: always
  sample: []
unasked:
  description: Webhooks that could not be asked whether they answer, a sentence each. They are warned of, too.
  type: list
  elements: str
  returned: always
  sample: []
legacy_configmap:
  description: MetalLB's configuration of before 0.13, where it exists; empty otherwise.
  type: str
  returned: always
  sample: ""
strict_arp:
  description: Whether kube-proxy is configured for strict ARP; null where it is not in C(ipvs) mode.
  type: bool
  returned: always
  sample: true
kube_proxy:
  description: Node to why kube-proxy does not run there, for those where it does not.
  type: dict
  returned: always
  sample: {}
announce_failures:
  description: Events by which a speaker says that it could not announce, each with C(service) and C(text).
  type: list
  elements: dict
  returned: always
  sample: []
stale:
  description:
    - What controller and speakers say, by C(ConfigurationState), of a configuration that they have not taken up.
    - Empty before MetalLB 0.15.3, which has no such objects.
  type: list
  elements: str
  returned: always
  sample: []
foreign_addresses:
  description: Service to what tells that something else than MetalLB gave it its addresses, for those that no pool holds.
  type: dict
  returned: always
  sample: {}
competitors:
  description: What else hands out addresses of Services, a sentence each. Looked for where there are RV(foreign_addresses).
  type: list
  elements: str
  returned: always
  sample: []
pool_overlaps:
  description: What live pools share with nodes, the networks of pods and Services, or O(gateways), a sentence each.
  type: list
  elements: str
  returned: always
  sample:
    - 'IPAddressPool main: "192.0.2.0/24" overlaps with 192.0.2.11, the address of node node1'
nodes_not_ready:
  description: Node to why it is not ready, for those that are not.
  type: dict
  returned: always
  sample: {}
"""

import functools
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _allocation,
    _announcers,
    _cluster,
    _competitors,
    _external_ip,
    _kube_proxy,
    _kubernetes,
    _metallb,
    _resources,
    _rollout,
    _scope,
)

Object = t.Dict[str, t.Any]

EMPTY: dict[str, t.Any] = {
    "pending": [],
    "workloads": [],
    "webhooks": [],
    "unasked": [],
    "legacy_configmap": "",
    "strict_arp": None,
    "kube_proxy": {},
    "announce_failures": [],
    "stale": [],
    "foreign_addresses": {},
    "competitors": [],
    "pool_overlaps": [],
    "nodes_not_ready": {},
}


def read(api: _kubernetes.Api, params: dict[str, t.Any]) -> dict[str, t.Any]:
    namespace = params["metallb_namespace"]
    nodes, services, pools, speakers, legacy, config_map, kubeadm, states = api.gather(
        [
            lambda: api.get_list("/api/v1/nodes"),
            lambda: api.get_list("/api/v1/services"),
            lambda: _metallb.live_pools(api, namespace),
            lambda: _metallb.speakers(api, namespace),
            lambda: api.get(_resources.collection("v1", "ConfigMap", namespace) + "/config"),
            lambda: api.get(_kube_proxy.CONFIG_PATH),
            lambda: api.get("/api/v1/namespaces/kube-system/configmaps/kubeadm-config"),
            lambda: api.get_list(_resources.CONFIGURATION_STATES.format(namespace=namespace)),
        ]
    )
    backend = _announcers.backend(speakers) or "native"
    workloads = _metallb.progress(api, namespace, params["speaker"], backend)
    webhooks = _metallb.webhooks(api, namespace, backend, ask=True)
    balanced = [
        one
        for one in services or []
        if one["spec"].get("type") == "LoadBalancer" and _scope.holds(params["scope"], _scope.name_of(one))
    ]
    events = {
        one: _metallb.events(api, one, "Service") for one in sorted({one["metadata"]["namespace"] for one in balanced})
    }
    problem, own_class = _metallb.problem(workloads[0]), params["loadbalancer_class"]
    books = _external_ip.ledger(services or [], pools, _metallb.namespace_labels(api, pools), own_class)
    late = pending(balanced, events, pools, problem, own_class, books)
    # Pods that a drain has moved are no cause while nobody misses them.
    missed = any(one["cause"] in ("controller-down", "controller-silent") for one in late)
    on_the_move = set() if missed else _metallb.on_the_move([*workloads, *webhooks], api.server_time)
    served = not any(name.startswith("Deployment") for name in on_the_move)
    foreign = _competitors.foreign_addresses([one for one in balanced if _external_ip.handled(one, own_class)], pools)
    return {
        "pending": late,
        "workloads": [one.told() for one in workloads if not one.done and one.name not in on_the_move],
        "webhooks": [one.told() for one in webhooks if not one.done and served and one.name not in on_the_move],
        "unasked": [
            "{0} was not asked whether it answers: {1}".format(one.name, reason)
            for one in webhooks
            if one.status == _metallb.NOT_ASKED
            for reason in one.reasons
        ],
        "legacy_configmap": _resources.reference(dict(legacy, kind="ConfigMap")) if legacy else "",
        "strict_arp": strict_arp(config_map),
        "kube_proxy": _kube_proxy.problems(nodes or [], proxies(api)) if config_map else {},
        "announce_failures": [
            one for one in _announcers.failures(events) if _scope.holds(params["scope"], one["service"])
        ],
        "stale": stale(states or []),
        "foreign_addresses": foreign,
        "competitors": competitors(api) if foreign else [],
        "pool_overlaps": _cluster.live_overlaps(
            pools,
            _cluster.occupied(nodes or [], services or [], kubeadm) + _cluster.gateway_ranges(params["gateways"]),
        ),
        "nodes_not_ready": _cluster.not_ready(nodes or []),
    }


def pending(
    services: list[Object],
    events: dict[str, list[Object]],
    pools: list[Object],
    problem: str,
    own_class: str,
    books: _allocation.Ledger,
) -> list[dict[str, str]]:
    found = []
    by_name = {namespace: _external_ip.events_by_name(listed) for namespace, listed in events.items()}
    for service in services:
        meta = service["metadata"]
        if _external_ip.ingress_addresses(service):
            continue
        wanted = _external_ip.Wanted(meta["namespace"], meta["name"], [], "")
        own = by_name[meta["namespace"]].get(meta["name"], [])
        judged = _external_ip.judge(wanted, service, pools, own, problem, own_class, books)
        found.append({"service": _scope.name_of(service), "cause": judged.cause, "text": judged.reason})
    return found


def proxies(api: _kubernetes.Api) -> list[Object]:
    return api.get_list(_kube_proxy.PODS_PATH, _kube_proxy.POD_SELECTOR) or []


def competitors(api: _kubernetes.Api) -> list[str]:
    daemon_sets = api.get_list(_resources.DAEMON_SETS) or []
    paths = _competitors.more_to_read(daemon_sets)
    more = dict(zip(paths, api.gather([functools.partial(api.get_list, one) for one in paths])))
    return _competitors.judge(daemon_sets, {path: some or [] for path, some in more.items()}, [], {}).warnings


def stale(states: list[Object]) -> list[str]:
    """Return what controller and speakers say of a configuration that they have not taken up."""
    found = []
    for one in states:
        status = one.get("status") or {}
        if status.get("result") == "Invalid":
            text = _rollout.one_line(status.get("errorSummary"))
            found.append("{0}: {1}".format(one["metadata"]["name"], text))
    return found


def strict_arp(config_map: Object | None) -> bool | None:
    try:
        parsed = _kube_proxy.parse(config_map) if config_map else None
    except _kube_proxy.NotUnderstood:
        return None
    return parsed.strict_arp if parsed and parsed.mode == "ipvs" else None


def main() -> None:
    module = AnsibleModule(
        _kubernetes.argument_spec(
            metallb_namespace={"type": "str", "default": "metallb-system"},
            gateways={"type": "dict", "default": {}},
            loadbalancer_class={"type": "str", "default": ""},
            scope={"type": "list", "elements": "str", "default": []},
            speaker={"type": "bool", "default": True},
        ),
        supports_check_mode=True,
    )

    def read_with_warnings(api: _kubernetes.Api) -> dict[str, t.Any]:
        results = read(api, module.params)
        for warning in results["unasked"]:
            module.warn(warning)
        return results

    _kubernetes.run(module, read_with_warnings, EMPTY)


if __name__ == "__main__":
    main()
