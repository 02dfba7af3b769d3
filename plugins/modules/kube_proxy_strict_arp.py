#!/usr/bin/python
# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kube_proxy_strict_arp
short_description: Switch strict ARP on in kube-proxy
version_added: 0.1.0
description:
  - Sets C(ipvs.strictARP) in the ConfigMap C(kube-system/kube-proxy), restarts kube-proxy node by node as
    C(kubectl rollout restart) does, and waits until every pod runs with it.
  - Nothing else in the ConfigMap is changed.
  - Leaves clusters alone that have no kube-proxy or do not run it in C(ipvs) mode.
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.api
  - kubernetes.core.k8s_auth_options
options:
  restart_nodes:
    description:
      - Nodes whose kernel does not have the settings although the ConfigMap has; their kube-proxy pods are restarted.
    type: list
    elements: str
    default: []
  timeout:
    description:
      - Seconds to wait for the restart.
    type: int
    default: 300
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
author:
  - The kubeaddons.metallb authors (@kubeaddons)
seealso:
  - module: kubeaddons.metallb.arp_probe
"""

EXAMPLES = r"""
- name: Let only MetalLB answer ARP for the addresses of Services
  kubeaddons.metallb.kube_proxy_strict_arp:
    kubeconfig: /etc/kubernetes/admin.conf
"""

RETURN = r"""
mode:
  description: kube-proxy's mode; empty where there is no kube-proxy.
  type: str
  returned: always
  sample: ipvs
restarted:
  description: What was restarted, C(DaemonSet) or the names of nodes; or would be.
  type: list
  elements: str
  returned: always
  sample: [DaemonSet/kube-system/kube-proxy]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _apply,
    _converge,
    _kube_proxy,
    _kubernetes,
    _rollout,
    _wait,
)

EMPTY: dict[str, t.Any] = {"mode": "", "restarted": [], "changed": False}
DAEMONSET = "DaemonSet/kube-system/kube-proxy"


def ensure(api: _kubernetes.Api, restart_nodes: list[str], check_mode: bool, waiter: _wait.Waiter) -> dict[str, t.Any]:
    config_map = api.get(_kube_proxy.CONFIG_PATH)
    if config_map is None:
        return {}
    try:
        kube_proxy = _kube_proxy.parse(config_map)
    except _kube_proxy.NotUnderstood as exc:
        return {"failed": True, "msg": "{0}.".format(exc)}
    results: dict[str, t.Any] = {"mode": kube_proxy.mode}
    if kube_proxy.mode != "ipvs":
        return results
    if not kube_proxy.strict_arp:
        before = config_map["data"][_kube_proxy.CONFIG_KEY]
        after = _kube_proxy.with_strict_arp(config_map)
        patch = {"data": {_kube_proxy.CONFIG_KEY: after}}
        api.merge(_kube_proxy.CONFIG_PATH, patch, _apply.MANAGER, dry_run=check_mode)
        _converge.restart(api, _kube_proxy.DAEMONSET_PATH, dry_run=check_mode)
        header = "ConfigMap/kube-system/kube-proxy " + _kube_proxy.CONFIG_KEY
        results.update(
            changed=True,
            restarted=[DAEMONSET],
            diff={
                "before": before,
                "after": after,
                "before_header": header,
                "after_header": header,
            },
        )
    elif restart_nodes:
        results.update(changed=True, restarted=restart_nodes)
        restart_some(api, restart_nodes, check_mode)
    else:
        return results
    return results if check_mode else wait(api, results, waiter)


def restart_some(api: _kubernetes.Api, nodes: list[str], check_mode: bool) -> None:
    for pod in api.get_list(_kube_proxy.PODS_PATH, _kube_proxy.POD_SELECTOR) or []:
        if pod["spec"].get("nodeName") in nodes:
            api.delete("{0}/{1}".format(_kube_proxy.PODS_PATH, pod["metadata"]["name"]), dry_run=check_mode)


def wait(api: _kubernetes.Api, results: dict[str, t.Any], waiter: _wait.Waiter) -> dict[str, t.Any]:
    while True:
        pods = api.get_list(_kube_proxy.PODS_PATH, _kube_proxy.POD_SELECTOR) or []
        daemon_set = dict(api.request("get", _kube_proxy.DAEMONSET_PATH), kind="DaemonSet")
        state = _rollout.workload(daemon_set, pods, [])
        leaving = [pod for pod in pods if pod["metadata"].get("deletionTimestamp")]
        if state.done and not leaving:
            return results
        if not waiter.again():
            return dict(
                results,
                failed=True,
                msg="kube-proxy was not restarted everywhere after {0:.0f} s ({1}): {2}".format(
                    waiter.elapsed, state.status, "; ".join(state.reasons) or "a pod is still being deleted"
                ),
            )


def main() -> None:
    module = AnsibleModule(
        _kubernetes.argument_spec(
            restart_nodes={"type": "list", "elements": "str", "default": []},
            timeout={"type": "int", "default": 300},
        ),
        supports_check_mode=True,
    )
    waiter = _wait.Waiter(timeout=module.params["timeout"])
    _kubernetes.run(module, lambda api: ensure(api, module.params["restart_nodes"], module.check_mode, waiter), EMPTY)


if __name__ == "__main__":
    main()
