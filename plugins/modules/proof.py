#!/usr/bin/python
# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: proof
short_description: Judge whether traffic arrives, and print the proof
version_added: 0.1.0
description:
  - Compares what was expected with what a look at API, nodes and network found, one row for each check.
  - A difference counts as a fault when two looks in a row saw it, or when it stayed for kube-proxy's sync period although the
    API had changed just before; BGP is given a minute at least. Until that is known, RV(again) is true and nothing is printed.
  - Prints the table when it is final. Does not fail, so that the table stands alone; RV(faults) tells.
  - A table of more than 60 lines is shortened, what is in order before what is not; all of it is printed with C(-v).
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.read_only
options:
  state:
    description:
      - What M(kubeaddons.metallb.expected_state_info) returned, also when it failed.
    type: dict
    required: true
  hosts:
    description:
      - By name of the Node, what was found there. C(data_plane) is what M(kubeaddons.metallb.data_plane_verify) returned,
        C(arp) what M(kubeaddons.metallb.arp_probe) did, C(inside) what M(kubeaddons.metallb.request_probe) did with its
        C(targets), C(tcp) the C(results) of M(kubeaddons.metallb.tcp_info). C(problem) says why nothing could be found
        there, C(failures) by name of one of these parts why that one could not.
      - Also as the filter P(kubeaddons.metallb.found_on#filter) makes it of the tasks' results.
    type: dict
    required: true
  outside:
    description:
      - What M(kubeaddons.metallb.request_probe) returned outside of the cluster, also when it failed, was skipped, or the
        host was unreachable, with its C(targets) and the name of the C(host), by default the Ansible controller.
    type: dict
    required: true
  routers:
    description:
      - By name of a BGP router, what M(kubeaddons.metallb.frr_info) returned there. One without C(problem) was not asked.
    type: dict
    default: {}
  strict_arp:
    description:
      - Whether the nodes need strict ARP.
    type: bool
    default: false
  look:
    description:
      - The number of this look, from 1.
    type: int
    default: 1
  earlier:
    description:
      - What this module returned after the look before. For the first look, C(started) may say when it began, in seconds
        since the epoch.
    type: dict
    default: {}
  timeout:
    description:
      - Seconds since the first look after which no further look is taken.
    type: int
    default: 90
  report_dir:
    description:
      - Where M(kubeaddons.metallb.report) is going to write the report. A table that is not printed whole refers to it.
      - Empty where no report is written.
    type: path
    default: ""
attributes:
  platform:
    support: full
    platforms: posix
author:
  - The kubeaddons.metallb authors (@kubeaddons)
"""

EXAMPLES = r"""
- name: Judge the look
  kubeaddons.metallb.proof:
    state: "{{ state }}"
    hosts:
      node1: {data_plane: "{{ data_plane }}", arp: "{{ arp }}", inside: "{{ inside }}"}
    outside: "{{ outside }}"
  register: proof

- name: Fail when traffic does not arrive
  ansible.builtin.assert:
    that: proof.faults | length == 0
"""

RETURN = r"""
again:
  description: Whether another look is needed.
  type: bool
  returned: always
  sample: false
faults:
  description: Each fault as a sentence; empty while RV(again) is true.
  type: list
  elements: str
  returned: always
  sample: []
unseen:
  description: What could not be looked at, and why, a text each; empty while RV(again) is true.
  type: list
  elements: str
  returned: always
  sample: ["node3, data plane: no connection to it: Failed to connect to the host via ssh"]
rows:
  description: The checks.
  type: list
  elements: dict
  returned: always
  contains:
    verdict:
      description: V(ok), V(fault), V(lag) while things move, V(unknown) where nothing could be found out, or V(note).
      type: str
    subject:
      description: The Service, or V(nodes).
      type: str
    check:
      description: What was checked.
      type: str
    where:
      description: Where it was checked.
      type: str
    expected:
      description: What was expected.
      type: str
    found:
      description: What was found.
      type: str
    key:
      description: What identifies the check from look to look.
      type: str
    node:
      description: The Node that it tells of; empty for none or several.
      type: str
    service:
      description: The Service that it tells of where RV(rows[].subject=nodes); empty for none.
      type: str
    seconds:
      description: How long the look at it took; null where that was not measured.
      type: float
    signs:
      description: What M(kubeaddons.metallb.diagnosis) goes by. They are not in the report.
      type: list
      elements: str
  sample:
    - verdict: ok
      subject: default/myweb-svc-lb
      check: ARP
      where: segment, 192.0.2.240
      expected: one answer, from node2
      found: node2 (02:00:5e:00:53:02)
      key: default/myweb-svc-lb/arp/192.0.2.240
      node: ""
      service: ""
      seconds: null
      signs: []
looked_at:
  description: The Nodes that could be looked at.
  type: list
  elements: str
  returned: always
  sample: [node1, node2]
gateways:
  description: Default gateway to a Node that has it, for M(kubeaddons.metallb.diagnosis_info).
  type: dict
  returned: always
  sample: {192.0.2.1: node1}
look:
  description: The number of this look.
  type: int
  returned: always
  sample: 1
started:
  description: When the first look began, where O(earlier) says so, else when it was judged; in seconds since the epoch.
  type: float
  returned: always
  sample: 1790000000.0
began:
  description: When the first look was judged, in seconds since the epoch.
  type: float
  returned: always
  sample: 1790000003.0
ended:
  description: When this look was judged, in seconds since the epoch.
  type: float
  returned: always
  sample: 1790000009.0
first_seen:
  description: By key, when a difference that is still there was first seen.
  type: dict
  returned: always
  sample: {}
"""

# This module is implemented as an action plugin of the same name.
