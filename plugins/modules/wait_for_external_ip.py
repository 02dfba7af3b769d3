#!/usr/bin/python
# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wait_for_external_ip
short_description: Wait until Services have the EXTERNAL-IP that they should have
version_added: 0.1.0
description:
  - Waits until each Service of type C(LoadBalancer) has an address in C(status.loadBalancer.ingress) that an
    C(IPAddressPool) holds and that is the expected one.
  - M(kubernetes.core.k8s_info) cannot do this; it returns as soon as the Service exists.
  - While a Service is pending the reason is found out from its events, the pools and the controller. In a playbook the
    wait is shown as it goes on.
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.read_only
  - kubeaddons.metallb._attributes.api
  - kubeaddons.metallb._metallb.namespace
  - kubernetes.core.k8s_auth_options
options:
  services:
    description:
      - The Services to wait for; without it all that MetalLB takes care of.
    type: list
    elements: dict
    suboptions:
      namespace:
        description: Namespace of the Service.
        type: str
        default: default
      name:
        description: Name of the Service.
        type: str
        required: true
      addresses:
        description: Addresses that it has to have; without them any.
        type: list
        elements: str
        default: []
      pool:
        description: Name of the IPAddressPool that the address has to come from; without it any.
        type: str
        default: ""
  scope:
    description:
      - Without O(services), namespaces, and Services as C(NAMESPACE/NAME), to wait for. Empty for all.
      - An entry that is no Service of type LoadBalancer, none other that kube-proxy serves, and no namespace of one, fails
        the module. There is nothing to wait for with such other Services.
    type: list
    elements: str
    default: []
  loadbalancer_class:
    description:
      - The class of Services that MetalLB serves (V(metallb_loadbalancer_class)).
    type: str
    default: ""
  timeout:
    description:
      - Seconds to wait for all of them together; V(0) looks once.
    type: int
    default: 120
author:
  - The kubeaddons.metallb authors (@kubeaddons)
"""

EXAMPLES = r"""
- name: Wait for one Service and a certain address
  kubeaddons.metallb.wait_for_external_ip:
    kubeconfig: /etc/kubernetes/admin.conf
    services:
      - name: myweb-svc-lb
        addresses:
          - 192.0.2.240
"""

RETURN = r"""
done:
  description: Whether all Services have what they should.
  type: bool
  returned: always
  sample: true
results:
  description: One entry for each Service, in the order of O(services).
  type: list
  elements: dict
  returned: always
  contains:
    namespace:
      description: Namespace of the Service.
      type: str
    name:
      description: Name of the Service.
      type: str
    done:
      description: Whether it has what it should.
      type: bool
    addresses:
      description: Its addresses.
      type: list
      elements: str
    pool:
      description: The IPAddressPool that holds all of them; empty when none does.
      type: str
    reason:
      description: Why it is not done; empty when it is.
      type: str
    cause:
      description: The same by its id in the catalogue of causes (C(docs/causes.md)), where it is one.
      type: str
    check_count:
      description: How often it was looked at.
      type: int
  sample:
    - namespace: default
      name: myweb-svc-lb
      done: true
      addresses: [192.0.2.240]
      pool: loadbalanced
      reason: ""
      cause: ""
      check_count: 1
"""

import functools
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _derive,
    _external_ip,
    _kubernetes,
    _metallb,
    _resources,
    _scope,
    _wait,
)

EMPTY: dict[str, t.Any] = {"done": False, "results": [], "changed": False}


def read_services(
    api: _kubernetes.Api, params: dict[str, t.Any], wanted: list[_external_ip.Wanted]
) -> tuple[list[dict[str, t.Any] | None], list[dict[str, t.Any]] | None]:
    """Return every wanted Service, None where it is gone, and all that there are, None where they were not listed."""
    if params["services"] is None:
        services = api.get_list("/api/v1/services") or []
        listed = {(one["metadata"]["namespace"], one["metadata"]["name"]): one for one in services}
        return [listed.get((one.namespace, one.name)) for one in wanted], services
    paths = [_resources.collection("v1", "Service", one.namespace) + "/" + one.name for one in wanted]
    return api.gather([functools.partial(api.get, path) for path in paths]), None


def look(
    api: _kubernetes.Api, params: dict[str, t.Any], wanted: list[_external_ip.Wanted]
) -> list[_external_ip.Assignment]:
    """Judge every wanted Service once; what explains a delay is read only when one is late."""
    namespace, own_class = params["metallb_namespace"], params["loadbalancer_class"]
    pools = _metallb.live_pools(api, namespace)
    services, everything = read_services(api, params, wanted)
    found = []
    problem: str | None = None
    books = None
    events: dict[str, dict[str, list[dict[str, t.Any]]]] = {}
    for one, service in zip(wanted, services):
        judged = _external_ip.judge(one, service, pools, [], "", own_class)
        if not judged.done and service is not None and not judged.addresses:
            if problem is None:
                problem = _metallb.controller_problem(api, namespace)
                everything = everything or api.get_list("/api/v1/services") or []
                books = _external_ip.ledger(everything, pools, _metallb.namespace_labels(api, pools), own_class)
            if one.namespace not in events:
                listed = _metallb.events(api, one.namespace, "Service")
                events[one.namespace] = _external_ip.events_by_name(listed)
            own = events[one.namespace].get(one.name, [])
            judged = _external_ip.judge(one, service, pools, own, problem, own_class, books)
        found.append(judged)
    return found


def wait(api: _kubernetes.Api, params: dict[str, t.Any], waiter: _wait.Waiter) -> dict[str, t.Any]:
    wanted = [_external_ip.Wanted(**one) for one in params["services"] or []]
    if params["services"] is None:
        services, scope = api.get_list("/api/v1/services") or [], params["scope"]
        problem = _scope.problem(scope, services, _derive.proxied)
        if problem:
            return {"failed": True, "msg": problem}
        wanted = [
            _external_ip.Wanted(service["metadata"]["namespace"], service["metadata"]["name"], [], "")
            for service in services
            if _scope.holds(scope, _scope.name_of(service))
            # One that is named is waited for in any case: that tells why it gets no address.
            and _scope.is_balancer(service)
            and (_external_ip.handled(service, params["loadbalancer_class"]) or _scope.name_of(service) in scope)
        ]
    found = [_external_ip.Assignment(False, [], "", "was not looked at yet") for _one in wanted]
    while True:
        try:
            found = look(api, params, wanted)
        except _kubernetes.ApiError as exc:
            if not exc.away:
                raise
            found = [one._replace(done=False, reason="the Kubernetes API is away: " + exc.text) for one in found]
        results: dict[str, t.Any] = {
            "done": all(one.done for one in found),
            "results": [
                dict(judged._asdict(), namespace=one.namespace, name=one.name, check_count=waiter.tries)
                for one, judged in zip(wanted, found)
            ],
        }
        if results["done"]:
            return results
        if not waiter.again():
            late = ["{namespace}/{name}: {reason}.".format(**one) for one in results["results"] if not one["done"]]
            return dict(
                results,
                failed=True,
                msg="No EXTERNAL-IP as expected after {0} s. {1}".format(params["timeout"], " ".join(late)),
            )


def main() -> None:
    service = {
        "namespace": {"type": "str", "default": "default"},
        "name": {"type": "str", "required": True},
        "addresses": {"type": "list", "elements": "str", "default": []},
        "pool": {"type": "str", "default": ""},
    }
    module = AnsibleModule(
        _kubernetes.argument_spec(
            metallb_namespace={"type": "str", "default": "metallb-system"},
            services={"type": "list", "elements": "dict", "options": service},
            scope={"type": "list", "elements": "str", "default": []},
            loadbalancer_class={"type": "str", "default": ""},
            timeout={"type": "int", "default": 120},
        ),
        supports_check_mode=True,
    )
    waiter = _wait.Waiter(timeout=module.params["timeout"])
    _kubernetes.run(module, lambda api: wait(api, module.params, waiter), EMPTY)


if __name__ == "__main__":
    main()
