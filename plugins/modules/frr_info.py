#!/usr/bin/python

# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: frr_info
short_description: Tell what a BGP router that runs FRR has received
version_added: 0.1.0
author:
  - The kubeaddons.metallb authors (@kubeaddons)
description:
  - Asks FRR's shell C(vtysh) for the BGP sessions of all VRFs, and for the routes of some prefixes. Changes nothing.
  - A router that cannot be asked is no failure. RV(problem) says why, also where the router is out of reach.
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.read_only
  - kubeaddons.metallb._attributes.node
options:
  prefixes:
    description:
      - The networks to look up, each as such. A bare address stands for itself alone.
      - Each is looked up alone, so that a router with a large table is no burden.
    type: list
    elements: str
    default: []
  vtysh:
    description:
      - The command that runs C(vtysh), for example V(docker exec frr vtysh), or its words. There is no shell.
    type: list
    elements: str
    default: [vtysh]
"""

EXAMPLES = r"""
- name: What has the router received
  kubeaddons.metallb.frr_info:
    prefixes: [192.168.100.240/32]
  delegate_to: router1
  register: router

- name: It must know three next hops
  ansible.builtin.assert:
    that: router.results[0].paths | length == 3
"""

RETURN = r"""
version:
  description: FRR's version; empty when it is not known.
  type: str
  returned: always
  sample: "10.3"
addresses:
  description: The router's own addresses, without those of loopback and link-local ones.
  type: list
  elements: str
  returned: always
  sample: [192.168.100.2]
sessions:
  description: Its BGP neighbours, of all VRFs.
  type: list
  elements: dict
  returned: always
  contains:
    vrf:
      description: The VRF.
      type: str
    remote:
      description: The neighbour's address; empty while that of an unnumbered one is not known.
      type: str
    interface:
      description: The interface of an unnumbered neighbour; empty for others.
      type: str
    remote_as:
      description: The neighbour's AS; 0 when it is not known.
      type: int
    state:
      description: The state, for example V(Established).
      type: str
    shut_down:
      description: Whether the router's configuration shuts it down.
      type: bool
    local:
      description: The router's own address in it; empty when there is none.
      type: str
    prefixes:
      description: Number of prefixes received and accepted, of all address families.
      type: int
  sample:
    - {vrf: default, remote: 192.168.100.100, interface: "", remote_as: 64512, state: Established, shut_down: false,
       local: 192.168.100.2, prefixes: 2}
results:
  description: One entry for each of O(prefixes), in the same order.
  type: list
  elements: dict
  returned: always
  contains:
    prefix:
      description: The prefix.
      type: str
    paths:
      description: Its paths, of all VRFs with sessions.
      type: list
      elements: dict
      contains:
        vrf:
          description: The VRF.
          type: str
        peer:
          description: The address of the neighbour that it was received from.
          type: str
        next_hops:
          description: Addresses of the next hop; of IPv6 also the link-local one.
          type: list
          elements: str
        valid:
          description: Whether the router can use it.
          type: bool
        used:
          description: Whether it is the best path, or one of several (multipath).
          type: bool
        communities:
          description: Communities, large ones with C(large:) before them.
          type: list
          elements: str
        local_preference:
          description: LOCAL_PREF; null where it has none.
          type: int
  sample:
    - prefix: 192.168.100.240/32
      paths:
        - {vrf: default, peer: 192.168.100.100, next_hops: [192.168.100.100], valid: true, used: true,
           communities: ["64512:100"], local_preference: null}
problem:
  description: Why the router could not be asked; empty when it could.
  type: str
  returned: always
  sample: ""
"""

import functools
import ipaddress
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _frr


def ask(module: AnsibleModule, commands: t.Sequence[str]) -> str:
    words = _frr.command_line(module.params["vtysh"], commands)
    try:
        code, out, err = module.run_command(words, handle_exceptions=False)
    except OSError as exc:
        raise _frr.NotUnderstood(f"{words[0]} does not run: {exc.strerror}") from exc
    if code:
        raise _frr.NotUnderstood(f"vtysh fails: {_frr.last_line(err) or _frr.last_line(out) or f'status {code}'}")
    return str(out)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "prefixes": {"type": "list", "elements": "str", "default": []},
            "vtysh": {"type": "list", "elements": "str", "default": ["vtysh"]},
        },
        supports_check_mode=True,
    )
    result: dict[str, t.Any] = {"version": "", "addresses": [], "sessions": [], "results": [], "problem": ""}
    prefixes = []
    for text in module.params["prefixes"]:
        try:
            prefixes.append(str(ipaddress.ip_network(text)))
        except ValueError as exc:
            module.fail_json(msg=f"{exc}.", **result)
    try:
        _frr.command_line(module.params["vtysh"], [])
    except ValueError as exc:
        module.fail_json(msg=f"vtysh: {exc}.", **result)
    result["results"] = [{"prefix": prefix, "paths": []} for prefix in prefixes]
    try:
        result.update(_frr.look(functools.partial(ask, module), prefixes))
    except _frr.NotUnderstood as exc:
        result["problem"] = f"{exc}."
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
