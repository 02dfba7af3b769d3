#!/usr/bin/python

# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: request_probe
short_description: Send requests to addresses and report what answered
version_added: 0.1.0
author:
  - The kubeaddons.metallb authors (@kubeaddons)
description:
  - Connects to addresses and ports, or sends HTTP or DNS requests, and returns what each of them answered.
  - A target that does not answer does not fail the module, see RV(results[].ok).
  - Targets are asked side by side.
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.read_only
  - kubeaddons.metallb._attributes.node
options:
  targets:
    description:
      - What to ask.
    type: list
    elements: dict
    required: true
    suboptions:
      address:
        description:
          - An IPv4 or IPv6 address. A name works where the node can resolve it.
        type: str
        required: true
      port:
        description:
          - The port.
        type: int
        required: true
      protocol:
        description:
          - The transport.
        type: str
        choices: [tcp, udp]
        default: tcp
      request:
        description:
          - V(connect) opens a TCP connection. With O(targets[].protocol=udp) it sends an empty datagram and waits for
            one.
          - V(http) sends a GET request. Any HTTP status is an answer. Needs O(targets[].protocol=tcp).
          - V(dns) asks for the A records of O(targets[].name). Any response to the question is an answer.
        type: str
        choices: [connect, http, dns]
        default: connect
      path:
        description:
          - The path of the HTTP request.
        type: str
        default: /
      host:
        description:
          - The C(Host) header of the HTTP request. By default the address.
        type: str
      name:
        description:
          - The name that the DNS request asks for.
        type: str
        default: kubernetes.default.svc.cluster.local
      origin:
        description:
          - V(pod) sends the request from within the network of a pod that runs on this node, as root. Where one gets no answer
            another is asked, since a NetworkPolicy may hold it back.
          - The address may be a Service's name then, C(NAME.NAMESPACE.svc), which the pod's own name server is asked for.
        type: str
        choices: [node, pod]
        default: node
  connections:
    description:
      - Connections, as in RV(results[].connections) of another host's run, that this node is searched for; see RV(seen).
      - With it, even when empty, the connections that this run opens are searched for as well. Needs C(CAP_NET_ADMIN).
    type: list
    elements: str
  timeout:
    description:
      - Seconds to wait for each request.
    type: float
    default: 3.0
  attempts:
    description:
      - Requests to send to each target, one after the other. Several show several backends.
    type: int
    default: 1
"""

EXAMPLES = r"""
- name: Ask the EXTERNAL-IP and the node port
  kubeaddons.metallb.request_probe:
    targets:
      - {address: 192.168.100.240, port: 80, request: http}
      - {address: 192.168.100.100, port: 31313, request: http}
    attempts: 6
  register: answers

- name: Every request must have been answered
  ansible.builtin.assert:
    that: answers.results | rejectattr('ok') | length == 0

- name: Ask the cluster's DNS
  kubeaddons.metallb.request_probe:
    targets:
      - {address: 10.233.0.3, port: 53, protocol: udp, request: dns}
"""

RETURN = r"""
results:
  description: One entry for each of O(targets), in the same order.
  returned: always
  type: list
  elements: dict
  contains:
    address:
      description: The address.
      type: str
      returned: always
      sample: 192.168.100.240
    port:
      description: The port.
      type: int
      returned: always
      sample: 80
    protocol:
      description: The transport.
      type: str
      returned: always
      sample: tcp
    request:
      description: The kind of request.
      type: str
      returned: always
      sample: http
    ok:
      description: Whether every request was answered.
      type: bool
      returned: always
      sample: true
    answered:
      description: How many of the O(attempts) requests were answered.
      type: int
      returned: always
      sample: 1
    answer:
      description:
        - The first answer as a short text of printable characters, at most 120.
        - For V(http) the status and the beginning of the body on one line.
      type: str
      returned: always
      sample: 200 Hello World! myweb-rs-x7k2p
    answers:
      description: The different answers in the order of their arrival.
      type: list
      elements: str
      returned: always
      sample: ['200 Hello World! myweb-rs-x7k2p']
    error:
      description:
        - Why the first request that failed did, for example V(refused), V(timed out) or V(reset).
        - V(no route) when this machine knows no way there, V(host unreachable) when nobody is found at its end.
      type: str
      returned: always
      sample: ''
    failed:
      description: The connection of that request; empty when none was opened.
      type: str
      returned: always
      sample: ''
    seconds:
      description: How long the slowest request took.
      type: float
      returned: always
      sample: 0.004
    connections:
      description: The connection of each request; empty for one that was not opened.
      type: list
      elements: str
      returned: always
      sample: ['tcp 192.168.100.1:40312 192.168.100.240:80']
    neighbour:
      description: The hardware address that this machine has for an IPv4 address on its own segment, after the requests.
      type: str
      returned: always
      sample: '02:00:5e:00:53:02'
    pod:
      description: The pod from whose network the request was sent; empty for the node's own.
      type: str
      returned: always
      sample: ''
    resolved:
      description: The address that a name of a Service was resolved to; empty otherwise.
      type: str
      returned: always
      sample: ''
seen:
  description:
    - The connections of O(connections) and of this run that the node's connection tracking knows, each with the backend that it
      was led to and the address that the backend answers; that is the client's own unless something replaced it.
  returned: always
  type: dict
  sample:
    tcp 192.168.100.1:40312 192.168.100.240:80: ['10.233.64.5:8080', 192.168.100.1]
ways_back:
  description: The interface by which this node answers each client in O(connections); empty where it knows no way.
  returned: always
  type: dict
  sample:
    192.168.100.1: eth0
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _conntrack, _netlink, _pods, _probe, _proc


def ask(targets: list[_probe.Target], timeout: float, attempts: int) -> list[dict[str, t.Any]]:
    """Return one result for each target, in order."""
    inside = [one for one in targets if one.origin == "pod"]
    own = iter(_probe.probe([one for one in targets if one.origin == "node"], timeout, attempts))
    from_pods = iter(_probe.probe_from_pods(inside, _pods.find() if inside else [], timeout, attempts))
    results = [next(own if one.origin == "node" else from_pods) for one in targets]
    # The Ansible controller may be no Linux.
    neighbours = _probe.parse_neighbours(_proc.read_if_there("/proc/net/arp"))
    for row in results:
        row["neighbour"] = neighbours.get(row["address"], "") if not row["pod"] else ""
    return results


def follow(module: AnsibleModule, results: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    others = module.params["connections"]
    own = [one for row in results for one in row["connections"] if one]
    try:
        links = _netlink.read_links()
        clients = {_conntrack.client(one) for one in others}
        return {
            "seen": _conntrack.look_up_all([*others, *own]),
            "ways_back": {one: _netlink.way_out(one, links) for one in sorted(clients)},
        }
    except (_netlink.NetlinkError, OSError) as exc:
        # Not what was asked for first: the answers count without it.
        module.warn(f"This node's connections could not be followed: {exc}.")
        return {}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "targets": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "address": {"type": "str", "required": True},
                    "port": {"type": "int", "required": True},
                    "protocol": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
                    "request": {"type": "str", "choices": ["connect", "http", "dns"], "default": "connect"},
                    "path": {"type": "str", "default": "/"},
                    "host": {"type": "str"},
                    "name": {"type": "str", "default": _probe.DNS_NAME},
                    "origin": {"type": "str", "choices": ["node", "pod"], "default": "node"},
                },
            },
            "connections": {"type": "list", "elements": "str"},
            "timeout": {"type": "float", "default": 3.0},
            "attempts": {"type": "int", "default": 1},
        },
        supports_check_mode=True,
    )
    result: dict[str, t.Any] = {"results": [], "seen": {}, "ways_back": {}}
    targets = []
    for row in module.params["targets"]:
        if row["request"] == "http" and row["protocol"] != "tcp":
            module.fail_json(msg="{address}:{port}: HTTP needs protocol: tcp.".format(**row), **result)
        targets.append(_probe.Target(**dict(row, host=row["host"] or "")))
    if module.params["attempts"] < 1:
        module.fail_json(msg="attempts must be 1 or more.", **result)
    result["results"] = ask(targets, module.params["timeout"], module.params["attempts"])
    if module.params["connections"] is not None:
        result.update(follow(module, result["results"]))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
