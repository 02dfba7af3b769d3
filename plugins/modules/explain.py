#!/usr/bin/python
# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: explain
short_description: Print what an inventory's MetalLB variables mean, without a cluster
version_added: 0.1.0
description:
  - Prints the custom resources that the variables become, everything that is refused or worth saying, and what Kubespray's own
    role would drop or break.
  - Passwords are never printed; the Secrets that they go into are, without them.
  - Fails when something is refused. Clashes with what a cluster holds are not known here.
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.read_only
  - kubeaddons.metallb._metallb.passwords
options:
  settings:
    description:
      - The variables of the inventory by name, as far as they concern MetalLB.
    type: dict
    required: true
attributes:
  platform:
    support: full
    platforms: posix
author:
  - The kubeaddons.metallb authors (@kubeaddons)
"""

EXAMPLES = r"""
- name: See what a pool becomes
  kubeaddons.metallb.explain:
    settings:
      metallb_enabled: true
      metallb_ip_range:
        - 192.0.2.240-192.0.2.249
"""

RETURN = r"""
objects:
  description: The custom resources, in the order in which they are applied; none when something is refused.
  type: list
  elements: dict
  returned: always
  sample:
    - apiVersion: metallb.io/v1beta1
      kind: L2Advertisement
      metadata: {name: loadbalanced, namespace: metallb-system}
      spec: {ipAddressPools: [loadbalanced]}
errors:
  description: What is refused, a sentence each.
  type: list
  elements: str
  returned: always
  sample: []
notes:
  description: What is worth saying, a sentence each.
  type: list
  elements: str
  returned: always
  sample: [metallb.ip_range is read as metallb_ip_range; rename it.]
kubespray:
  description: What Kubespray's own role would drop or break, a sentence each.
  type: list
  elements: str
  returned: always
  sample: [metallb_protocol is not read since Kubespray 2.22.]
"""

# This module is implemented as an action plugin of the same name.
