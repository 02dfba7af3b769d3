#!/usr/bin/python

# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tcp_info
short_description: Tell which peers this machine holds TCP connections to
version_added: 0.1.0
author:
  - The kubeaddons.metallb authors (@kubeaddons)
description:
  - Looks for established TCP connections to given addresses and ports in the kernel's own tables. Sends nothing.
  - A BGP session needs one. MetalLB's native mode has no objects that tell of its sessions, and those of FRR-K8s are up to
    two minutes old.
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.read_only
  - kubeaddons.metallb._attributes.node
options:
  peers:
    description:
      - The other ends of the connections.
    type: list
    elements: dict
    required: true
    suboptions:
      address:
        description:
          - An IPv4 or IPv6 address.
        type: str
        required: true
      port:
        description:
          - The port. A connection that the peer made to this machine's port of the same number counts as well.
        type: int
        required: true
"""

EXAMPLES = r"""
- name: Is the BGP router connected
  kubeaddons.metallb.tcp_info:
    peers:
      - {address: 192.168.100.2, port: 179}
  register: tcp

- name: It must be
  ansible.builtin.assert:
    that: tcp.results[0].connected
"""

RETURN = r"""
results:
  description: One entry for each of O(peers), in the same order.
  returned: always
  type: list
  elements: dict
  contains:
    address:
      description: The address.
      type: str
      returned: always
      sample: 192.168.100.2
    port:
      description: The port.
      type: int
      returned: always
      sample: 179
    connected:
      description: Whether there is an established connection.
      type: bool
      returned: always
      sample: true
    local:
      description: This machine's own address of that connection; empty without one.
      type: str
      returned: always
      sample: 192.168.100.101
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _addresses, _tcp


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "peers": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "address": {"type": "str", "required": True},
                    "port": {"type": "int", "required": True},
                },
            },
        },
        supports_check_mode=True,
    )
    peers = [(row["address"], row["port"]) for row in module.params["peers"]]
    for address, _dummy in peers:
        if not _addresses.is_address(address):
            module.fail_json(msg=f"{address} is not an IPv4 or IPv6 address.", results=[])
    found = _tcp.connected(peers, _tcp.read_lines())
    module.exit_json(
        changed=False,
        results=[
            {"address": address, "port": port, "connected": bool(local), "local": local}
            for (address, port), local in zip(peers, found)
        ],
    )


if __name__ == "__main__":
    main()
