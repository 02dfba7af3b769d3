#!/usr/bin/python

# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Write the proof and the diagnosis as a report
version_added: 0.1.0
description:
  - Writes what M(kubeaddons.metallb.proof) and M(kubeaddons.metallb.diagnosis) found to three files on the Ansible
    controller, C(metallb-proof.html) for people, C(metallb-proof.json) for programs and C(metallb-proof.xml), in JUnit's
    format, for CI. They take the place of those of a run before.
  - Or takes the files of a run before away, so that a run which ends early leaves none that look as if they were its own.
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.read_only
options:
  directory:
    description:
      - A directory on the Ansible controller, which is made where it is missing.
    type: path
    required: true
  state:
    description:
      - Whether to write the files or to remove them.
    type: str
    choices: [present, absent]
    default: present
  expected:
    description:
      - What M(kubeaddons.metallb.expected_state_info) returned, also when it failed. Required with O(state=present).
    type: dict
  proof:
    description:
      - What M(kubeaddons.metallb.proof) returned when it was final. Required with O(state=present).
    type: dict
  findings:
    description:
      - The findings that M(kubeaddons.metallb.diagnosis) returned. Without them the report says nothing about causes.
    type: list
    elements: dict
attributes:
  platform:
    support: full
    platforms: posix
author:
  - The kubeaddons.metallb authors (@kubeaddons)
"""

EXAMPLES = r"""
- name: Leave no report of a run before
  kubeaddons.metallb.report:
    directory: ~/metallb
    state: absent

- name: Write the report
  kubeaddons.metallb.report:
    directory: ~/metallb
    expected: "{{ state }}"
    proof: "{{ proof }}"
    findings: "{{ diagnosis.findings }}"
"""

RETURN = r"""
report:
  description: The paths of the files that were written or removed.
  type: list
  elements: str
  returned: always
  sample: [/home/admin/metallb/metallb-proof.html]
"""

# This module is implemented as an action plugin of the same name.
