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
  - Makes C(IPAddressPool) and C(L2Advertisement) objects of the settings and applies those that differ from the live ones,
    pools first.
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
      - Seconds to wait for the webhook in all.
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
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _converge,
    _kubernetes,
    _objects,
    _settings,
    _wait,
)

EMPTY: dict[str, t.Any] = {"objects": [], "changed": False}


def apply(api: _kubernetes.Api, module: AnsibleModule) -> dict[str, t.Any]:
    settings, errors, _warnings = _settings.normalise(module.params["settings"], module.params["passwords"])
    if errors:
        return {"failed": True, "msg": " ".join(errors)}
    changes = _converge.plan(api, _objects.custom_resources(settings), [])
    done = _converge.converge(api, changes, module.check_mode, _wait.Waiter(timeout=module.params["timeout"]))
    return {"changed": bool(done.names), "objects": done.names, "diff": done.diffs}


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
