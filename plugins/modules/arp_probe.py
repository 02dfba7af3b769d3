#!/usr/bin/python

# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: arp_probe
short_description: Find out who answers ARP or NDP for an address
version_added: 0.1.0
author:
  - The kubeaddons.metallb authors (@kubeaddons)
description:
  - Asks for addresses on the links where they are neighbours, by ARP for IPv4 and by neighbour discovery (NDP) for IPv6,
    and returns every hardware address that answered.
  - One answer is the announcing node. No answer means that nobody announces the address on this segment.
    Several answers mean that several machines claim it, as with kube-proxy in IPVS mode without strict ARP.
  - A machine does not answer its own question. Where the announcing node itself asks, expect no answer.
  - All addresses are asked for at the same time. The module takes O(timeout) seconds however many there are.
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.read_only
  - kubeaddons.metallb._attributes.node
options:
  addresses:
    description:
      - IPv4 and IPv6 addresses to ask for. Without any, only the other things about this machine are read.
      - Asking needs raw sockets, therefore O(ignore:become=true).
    type: list
    elements: str
    default: []
  timeout:
    description:
      - Seconds to collect answers for.
    type: float
    default: 1.0
  attempts:
    description:
      - How often each address is asked for, spread over O(timeout).
    type: int
    default: 2
  interface:
    description:
      - Ask on this interface, whether the addresses are neighbours there or not.
      - Without it, each address is asked for on the interface where it is a neighbour, by the interface's own addresses
        and by routes that need no gateway.
      - IPv6 addresses are asked for only on an interface with a link-local address, the only kind that MetalLB answers on.
    type: str
"""

EXAMPLES = r"""
- name: Ask who announces the EXTERNAL-IP
  kubeaddons.metallb.arp_probe:
    addresses:
      - 192.168.100.240
      - 2001:db8::240
  become: true
  register: arp

- name: Exactly one machine must answer
  ansible.builtin.assert:
    that: arp.results[0].macs | length == 1
"""

RETURN = r"""
results:
  description: One entry for each of O(addresses), in the same order.
  returned: always
  type: list
  elements: dict
  contains:
    address:
      description: The address.
      type: str
      returned: always
      sample: 192.168.100.240
    interface:
      description: The interface that was asked on; empty when there was none.
      type: str
      returned: always
      sample: eth0
    on_link:
      description:
        - Whether the address is a neighbour on that interface. If not, and without O(interface), it was not asked for.
      type: bool
      returned: always
      sample: true
    macs:
      description: The hardware addresses that answered, sorted.
      type: list
      elements: str
      returned: always
      sample: ['02:00:5e:00:53:01']
    own:
      description: Whether this machine has the address on an interface other than C(kube-ipvs0).
      type: bool
      returned: always
      sample: false
interfaces:
  description: The interfaces of this machine that could answer, to tell whose an answer is.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: always
      sample: eth0
    mac:
      description: Its hardware address.
      type: str
      returned: always
      sample: '02:00:5e:00:53:02'
    addresses:
      description: Its addresses, without link-local ones of IPv6.
      type: list
      elements: str
      returned: always
      sample: ['192.168.100.100', '2001:db8::100']
    rp_filter:
      description:
        - How the kernel treats a packet of IPv4 that comes in by it although the answer would leave by another one. V(1) drops
          it, V(0) and V(2) do not.
      type: int
      returned: always
      sample: 2
networks:
  description: The networks whose addresses are neighbours of this machine, without those of one address.
  returned: always
  type: list
  elements: str
  sample: ['192.168.100.0/24', '2001:db8::/64']
gateways:
  description: The gateways of this machine's default routes, best first, those of IPv4 before those of IPv6.
  returned: always
  type: list
  elements: str
  sample: ['192.168.100.1', 'fe80::1']
settings:
  description: How this machine answers ARP.
  returned: always
  type: dict
  contains:
    arp_ignore:
      description: C(net.ipv4.conf.all.arp_ignore); null when it cannot be read.
      type: int
      returned: always
      sample: 1
    arp_announce:
      description: C(net.ipv4.conf.all.arp_announce); null when it cannot be read.
      type: int
      returned: always
      sample: 2
    strict_arp:
      description: Whether both are as kube-proxy sets them with C(strictARP), 1 or more and 2.
      type: bool
      returned: always
      sample: true
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _addresses, _arp, _netlink, _proc


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "addresses": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "float", "default": 1.0},
            "attempts": {"type": "int", "default": 2},
            "interface": {"type": "str"},
        },
        supports_check_mode=True,
    )
    texts = (_proc.read("/proc/net/route"), _proc.read_if_there("/proc/net/ipv6_route"))
    result: dict[str, t.Any] = {
        "results": [],
        "interfaces": [],
        "networks": [],
        "gateways": _arp.parse_gateways(*texts),
        "settings": _arp.arp_settings(_proc.read),
    }
    for address in module.params["addresses"]:
        if not _addresses.is_address(address):
            module.fail_json(msg=f"{address} is not an IPv4 or IPv6 address.", **result)
    if module.params["attempts"] < 1:
        module.fail_json(msg="attempts must be 1 or more.", **result)
    try:
        links = _netlink.read_links()
        addresses = _netlink.read_addresses(links)
        routes = _arp.parse_routes(*texts)
        result["networks"] = _arp.networks(links, addresses, routes)
        result["interfaces"] = _arp.describe_interfaces(links, addresses, _proc.read)
        result["results"] = _arp.probe_addresses(
            module.params["addresses"],
            links,
            addresses,
            routes,
            module.params["interface"] or "",
            module.params["timeout"],
            module.params["attempts"],
        )
    except (_arp.ArpError, _netlink.NetlinkError) as exc:
        module.fail_json(msg=f"{exc}.", **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
