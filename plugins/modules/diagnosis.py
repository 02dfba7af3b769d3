#!/usr/bin/python

# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: diagnosis
short_description: Name the causes of what the proof found
version_added: 0.1.0
description:
  - Names, from a fixed catalogue (C(docs/causes.md)), why something does not work, each cause with its evidence and a remedy,
    and prints them.
  - A cause hides its symptoms. What none explains is named as well.
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.read_only
options:
  facts:
    description:
      - What M(kubeaddons.metallb.diagnosis_info) returned.
    type: dict
    required: true
  state:
    description:
      - What M(kubeaddons.metallb.expected_state_info) returned.
    type: dict
    required: true
  rows:
    description:
      - The rows that M(kubeaddons.metallb.proof) returned.
    type: list
    elements: dict
    required: true
attributes:
  platform:
    support: full
    platforms: posix
author:
  - The kubeaddons.metallb authors (@kubeaddons)
"""

EXAMPLES = r"""
- name: Name the causes
  kubeaddons.metallb.diagnosis:
    facts: "{{ facts }}"
    state: "{{ state }}"
    rows: "{{ proof.rows }}"
  register: diagnosis
"""

RETURN = r"""
findings:
  description: The causes, in the order of the catalogue.
  type: list
  elements: dict
  returned: always
  contains:
    cause:
      description: Its id in the catalogue.
      type: str
    subject:
      description: Namespace and name of a Service, the name of a Node, or V(cluster).
      type: str
    sentence:
      description: What is wrong, in general.
      type: str
    evidence:
      description: What was seen.
      type: list
      elements: str
    remedy:
      description: What helps.
      type: str
  sample:
    - cause: weight-zero
      subject: node2
      sentence: A ready endpoint has weight 0 in a node's IPVS table, so it gets no connections there.
      evidence:
        - "IPVS weight: node2: default/web, TCP 192.0.2.240:80, 10.233.65.4:8080, expected 1, found 0"
      remedy: Restart kube-proxy on that node, and find out who else changes the table (ipvsadm, keepalived).
"""

# This module is implemented as an action plugin of the same name.
