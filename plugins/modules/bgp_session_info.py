#!/usr/bin/python

# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bgp_session_info
short_description: Find out whether a node has a session with its BGP peers
version_added: 0.1.0
author:
  - The kubeaddons.metallb authors (@kubeaddons)
description:
  - Looks for the TCP connection to each peer in the node's kernel. That tells the same with each of MetalLB's backends, without
    a login to the router.
  - A connection says that the router has answered and that the passwords agree. Whether the router uses what it learns,
    only the router knows.
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.read_only
  - kubeaddons.metallb._attributes.node
options:
  peers:
    description:
      - The peers to look for.
    type: list
    elements: dict
    required: true
    suboptions:
      address:
        description:
          - IPv4 or IPv6 address of the peer.
        type: str
        required: true
      port:
        description:
          - Port of the peer.
        type: int
        default: 179
seealso:
  - module: kubeaddons.metallb.expected_state_info
"""

EXAMPLES = r"""
- name: Look for the session with the router
  kubeaddons.metallb.bgp_session_info:
    peers:
      - address: 192.0.2.1
  register: sessions

- name: Insist on it
  ansible.builtin.assert:
    that: sessions.results[0].state == 'established'
"""

RETURN = r"""
results:
  description: One entry for each of O(peers), in their order.
  returned: always
  type: list
  elements: dict
  contains:
    address:
      description: Address of the peer.
      type: str
    port:
      description: Port of the peer.
      type: int
    state:
      description:
        - V(established); V(connecting) where the node asks and nobody answers; V(none) where there is no connection.
      type: str
    local:
      description: Address that the node uses, empty without a connection.
      type: str
  sample: [{address: 192.0.2.1, port: 179, state: established, local: 192.0.2.11}]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _tcp


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "peers": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {"address": {"type": "str", "required": True}, "port": {"type": "int", "default": 179}},
            }
        },
        supports_check_mode=True,
    )
    results = []
    connections = _tcp.read()
    for peer in module.params["peers"]:
        try:
            state, local = _tcp.session(connections, peer["address"], peer["port"])
        except ValueError as exc:
            module.fail_json(msg="peers: {0}; give the address of a router.".format(exc), results=results)
        results.append({"address": peer["address"], "port": peer["port"], "state": state, "local": local})
    module.exit_json(changed=False, results=results)


if __name__ == "__main__":
    main()
