#!/usr/bin/python
# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: probe_service
short_description: Put a temporary Service of type LoadBalancer in front of the cluster's DNS
version_added: 0.1.0
description:
  - Where no Service of type C(LoadBalancer) exists yet, there is nothing that could be proven. This module makes one, in front
    of pods that every cluster has, so that no image is needed, and removes it.
  - The Service takes an address of a pool for as long as it exists, in a dual-stack cluster one of each family where a
    pool has both.
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.api
  - kubeaddons.metallb._metallb.namespace
  - kubernetes.core.k8s_auth_options
options:
  state:
    description:
      - V(present) makes the Service, V(absent) removes it.
    type: str
    choices: [present, absent]
    default: present
  loadbalancer_class:
    description:
      - The class of Services that MetalLB serves (V(metallb_loadbalancer_class)).
    type: str
    default: ""
  guardian:
    description:
      - A process on this host. When it ends, a Service that this run has made is removed, which makes up for tasks that do not
        run after Ctrl-C. In a playbook this is C(ansible-playbook) by itself, where the task runs on the Ansible controller.
      - Elsewhere the Service is removed after O(lifetime) at the latest. On a host that is not Linux, neither is done.
    type: int
  lifetime:
    description:
      - Seconds after which a Service that this run has made is removed in any case, by a process on this host.
    type: int
    default: 1800
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
author:
  - The kubeaddons.metallb authors (@kubeaddons)
"""

EXAMPLES = r"""
- name: Have something to prove
  kubeaddons.metallb.probe_service:
    kubeconfig: /etc/kubernetes/admin.conf

- name: Clean up
  kubeaddons.metallb.probe_service:
    kubeconfig: /etc/kubernetes/admin.conf
    state: absent
"""

RETURN = r"""
service:
  description: Namespace and name of the Service; empty where there is none.
  type: str
  returned: always
  sample: kube-system/kubeaddons-metallb-probe
reason:
  description: Why no Service could be made; empty when it could.
  type: str
  returned: always
  sample: ""
"""

import contextlib
import sys
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _allocation,
    _apply,
    _external_ip,
    _guard,
    _kubernetes,
    _metallb,
    _resources,
)

EMPTY: dict[str, t.Any] = {"service": "", "reason": "", "changed": False}
NAMESPACE = "kube-system"
NAME = "kubeaddons-metallb-probe"
DNS_SELECTOR = "k8s-app=kube-dns"
PATH = "{0}/{1}".format(_resources.collection("v1", "Service", NAMESPACE), NAME)


def probe(dns: dict[str, t.Any], pools: list[dict[str, t.Any]], loadbalancer_class: str) -> dict[str, t.Any]:
    """Return the Service: the DNS Service's pods over TCP."""
    port = next(one for one in dns["spec"]["ports"] if one["port"] == 53 and one.get("protocol", "TCP") == "TCP")
    spec: dict[str, t.Any] = {
        "type": "LoadBalancer",
        "selector": dns["spec"]["selector"],
        "ports": [{"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": port.get("targetPort", 53)}],
    }
    if loadbalancer_class:
        spec["loadBalancerClass"] = loadbalancer_class
    automatic = [pool for pool in pools if pool["spec"].get("autoAssign", True)]
    annotations = {}
    if not automatic:
        # MetalLB before 0.14.9 knows only the second one, later releases prefer the first.
        for prefix in _allocation.PREFIXES:
            annotations[prefix + "address-pool"] = pools[0]["metadata"]["name"]
    spec.update(
        _families([_external_ip.versions_of(pool) for pool in automatic or pools[:1]], dns["spec"]["clusterIP"])
    )
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": {_apply.MANAGED_BY: _apply.MANAGER},
            "annotations": annotations,
        },
        "spec": spec,
    }


def _families(pools: list[set[int]], primary: str) -> dict[str, t.Any]:
    """Return what a Service says of address families, so that some pool can serve it.

    pools: the versions of IP of each. primary: an address of the cluster's primary family.
    """
    if {4, 6} in pools:
        # Of a single-stack cluster this is its only family.
        return {"ipFamilyPolicy": "PreferDualStack"}
    missing = 4 if ":" in primary else 6
    return {"ipFamilies": ["IPv{0}".format(missing)]} if all(one == {missing} for one in pools) else {}


def guard(api: _kubernetes.Api, uid: str, guardian: int | None, lifetime: int) -> None:
    """Have the Service removed when the run ends before its last task."""
    if not sys.platform.startswith("linux"):
        return
    kept = api.kept()

    def alive() -> bool:
        return guardian is None or _guard.is_alive(guardian)

    def remove() -> None:
        # Gone already, or another run's by now: nothing to do, and nobody is left to tell.
        with contextlib.suppress(_kubernetes.ApiError):
            kept.delete(PATH, uid=uid)

    _guard.stand(alive, remove, lifetime)


def ensure(api: _kubernetes.Api, module: AnsibleModule) -> dict[str, t.Any]:
    live = api.get(PATH)
    if module.params["state"] == "absent":
        if live is not None:
            api.delete(PATH, dry_run=module.check_mode)
        return {"changed": live is not None}
    if live is not None:
        return {"service": "{0}/{1}".format(NAMESPACE, NAME)}
    pools = _metallb.live_pools(api, module.params["metallb_namespace"])
    if not pools:
        return {"reason": "there is no IPAddressPool"}
    services = api.get_list(_resources.collection("v1", "Service", NAMESPACE), DNS_SELECTOR) or []
    dns = [
        one
        for one in services
        if any(port["port"] == 53 and port.get("protocol", "TCP") == "TCP" for port in one["spec"].get("ports") or [])
    ]
    if not dns:
        return {"reason": "no Service with the label {0} offers DNS over TCP".format(DNS_SELECTOR)}
    body = probe(dns[0], pools, module.params["loadbalancer_class"])
    try:
        made = api.create(_resources.collection("v1", "Service", NAMESPACE), body, dry_run=module.check_mode)
    except _kubernetes.ApiError as exc:
        if exc.status == 422 and "ipFamilies" in exc.text:
            return {"reason": "no pool holds addresses of the cluster's address family"}
        if exc.status == 403:
            return {"reason": "the API server refuses it ({0})".format(exc.text)}
        raise
    if not module.check_mode:
        guard(api, made["metadata"]["uid"], module.params["guardian"], module.params["lifetime"])
    return {"changed": True, "service": "{0}/{1}".format(NAMESPACE, NAME)}


def main() -> None:
    module = AnsibleModule(
        _kubernetes.argument_spec(
            metallb_namespace={"type": "str", "default": "metallb-system"},
            state={"type": "str", "choices": ["present", "absent"], "default": "present"},
            loadbalancer_class={"type": "str", "default": ""},
            guardian={"type": "int"},
            lifetime={"type": "int", "default": 1800},
        ),
        supports_check_mode=True,
    )
    _kubernetes.run(module, lambda api: ensure(api, module), EMPTY)


if __name__ == "__main__":
    main()
