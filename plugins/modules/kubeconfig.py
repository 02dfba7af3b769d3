#!/usr/bin/python
# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kubeconfig
short_description: Bring a control plane's kubeconfig to the Ansible controller
version_added: 0.1.0
description:
  - Reads the kubeconfig of a control plane and keeps it on the Ansible controller in a file that only the current user can
    read, until this run of Ansible ends.
  - Where the server's address is a loopback address there, or does not answer from here, the host's own addresses are tried.
    The certificate is checked in any case.
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.read_only
options:
  path:
    description:
      - The file on the control plane.
    type: path
    default: /etc/kubernetes/admin.conf
  addresses:
    description:
      - Addresses of the control plane to try, best first.
    type: list
    elements: str
    default: []
attributes:
  platform:
    support: full
    platforms: posix
author:
  - The kubeaddons.metallb authors (@kubeaddons)
"""

EXAMPLES = r"""
- name: Use the API as the cluster's administrator
  kubeaddons.metallb.kubeconfig:
    addresses:
      - "{{ ansible_host }}"
  delegate_to: "{{ groups['kube_control_plane'][0] }}"
  become: true
  register: admin
"""

RETURN = r"""
path:
  description: The file on the Ansible controller.
  type: str
  returned: success
  sample: /home/ops/.ansible/tmp/ansible-local-1234/kubeconfig-x1y2z3
server:
  description: The server that the file leads to.
  type: str
  returned: success
  sample: https://192.0.2.11:6443
"""

# This module is implemented as an action plugin of the same name.
