#!/usr/bin/python
# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: metallb_config
short_description: Apply address pools and advertisements as one set
version_added: 0.1.0
description:
  - Makes MetalLB's custom resources of the settings, compares all of them with the live ones, applies those that differ and
    removes those of its own making that the settings no longer ask for, in an order that MetalLB's webhooks accept.
  - Objects of other making are left alone, unless V(metallb_adopt) says otherwise. Addresses that Services have are not taken
    out of their pool, unless V(metallb_reassign_addresses) says so; then it waits until MetalLB has taken the change over.
  - While MetalLB's webhook cannot be called yet it tries again until O(timeout); a denial ends the module at once with
    MetalLB's own words.
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.api
  - kubeaddons.metallb._metallb
  - kubeaddons.metallb._metallb.passwords
  - kubernetes.core.k8s_auth_options
options:
  timeout:
    description:
      - Seconds to wait for the webhook in all, and for MetalLB to take over a change of addresses in use.
    type: int
    default: 120
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
author:
  - The kubeaddons.metallb authors (@kubeaddons)
"""

EXAMPLES = r"""
- name: Hand out ten addresses and announce them by ARP
  kubeaddons.metallb.metallb_config:
    kubeconfig: /etc/kubernetes/admin.conf
    settings:
      metallb_enabled: true
      metallb_ip_range:
        - 192.0.2.240-192.0.2.249
      metallb_protocol: layer2
"""

RETURN = r"""
objects:
  description: The objects that were applied, or would be.
  type: list
  elements: str
  returned: always
  sample: [IPAddressPool/metallb-system/loadbalanced, L2Advertisement/metallb-system/loadbalanced]
restarted:
  description: Controllers that had to be started anew to take over a change of addresses in use.
  type: list
  elements: str
  returned: always
  sample: []
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _cluster,
    _configuration,
    _converge,
    _kubernetes,
    _settings,
    _takeover,
    _wait,
)

EMPTY: dict[str, t.Any] = {"objects": [], "restarted": [], "changed": False}


def apply(api: _kubernetes.Api, module: AnsibleModule) -> dict[str, t.Any]:
    settings, errors, _warnings = _settings.normalise(module.params["settings"], module.params["passwords"])
    if errors:
        return {"failed": True, "msg": " ".join(errors)}
    live, services = api.gather(
        [lambda: _converge.read_set(api, settings.namespace), lambda: api.get_list("/api/v1/services") or []]
    )
    plan = _cluster.configuration(settings, live, services)
    if plan.errors:
        return {"failed": True, "msg": " ".join(plan.errors)}
    timeout = module.params["timeout"]
    done = _converge.converge(api, plan.changes, module.check_mode, _wait.Waiter(timeout=timeout))
    results = {"changed": bool(done.names), "objects": done.names, "diff": done.diffs}
    moved = _configuration.leaving(plan.changes, services, settings.loadbalancer_class)
    if module.check_mode or not moved:
        return results
    outcome = _takeover.settle(api, settings.namespace, settings.loadbalancer_class, _wait.Waiter(timeout=timeout))
    results["restarted"] = outcome.restarted
    if outcome.left:
        results.update(
            failed=True,
            msg="The pools are changed, but MetalLB has not taken them over: {0}. Look at the controller's log.".format(
                ", ".join(outcome.left)
            ),
        )
    return results


def main() -> None:
    module = AnsibleModule(
        _kubernetes.argument_spec(
            settings={"type": "dict", "required": True},
            passwords={"type": "dict", "default": {}, "no_log": True},
            timeout={"type": "int", "default": 120},
        ),
        supports_check_mode=True,
    )
    _kubernetes.run(module, lambda api: apply(api, module), EMPTY)


if __name__ == "__main__":
    main()
