#!/usr/bin/python

# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_verify
short_description: Compare a node's IPVS table with what the cluster's API asks for
version_added: 0.1.0
author:
  - The kubeaddons.metallb authors (@kubeaddons)
description:
  - Compares the node's virtual servers, real servers and the addresses on C(kube-ipvs0) with the table made by
    M(kubeaddons.metallb.expected_state_info), and returns the differences.
  - Differences do not fail the module, so that all nodes can be asked before a verdict is given. Nor does a node that
    cannot be judged, see RV(problem). A node is in order when RV(problem) is empty and RV(faults_total) is 0.
  - The kernel's answer is not a snapshot. It is read again on a difference, and only those differences are returned
    that every read shows. A node without differences is read once.
  - A change in the API between the making of the table and its use looks like a fault. Make a new table and compare
    again before reporting one.
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.read_only
  - kubeaddons.metallb._attributes.node
options:
  expected:
    description:
      - The expected table as M(kubeaddons.metallb.expected_state_info) returns it.
      - Not logged, since it is large.
    type: str
    required: true
  node:
    description:
      - The name of this node in the cluster. It decides which endpoints are local and in which zone the node is.
    type: str
    required: true
  settle:
    description:
      - Seconds for which a virtual server or an address without a Service must be there before it is a fault.
    type: float
    default: 3
  limit:
    description:
      - The largest number of differences to return, faults first. RV(differences_total) tells how many there are.
    type: int
    default: 50
seealso:
  - module: kubeaddons.metallb.expected_state_info
  - module: kubeaddons.metallb.ipvs_info
"""

EXAMPLES = r"""
- name: Derive what every node must have built
  kubeaddons.metallb.expected_state_info:
    kubeconfig: /etc/kubernetes/admin.conf
  delegate_to: localhost
  become: false
  run_once: true
  register: expected_state

- name: Compare this node's table with it
  kubeaddons.metallb.ipvs_verify:
    expected: "{{ expected_state.expected }}"
    node: "{{ inventory_hostname }}"
  register: data_plane

- name: Judge it
  ansible.builtin.assert:
    that:
      - data_plane.problem == ''
      - data_plane.faults_total == 0
"""

RETURN = r"""
differences:
  description: What differs, at most O(limit) entries, faults first.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description:
        - V(absent), a virtual server is not there.
        - V(orphan), a virtual server that no Service asks for.
        - V(missing), a real server is not there.
        - V(stale), a real server gets connections although its endpoint is gone, not ready, or not for this node.
        - V(weight), a real server of a ready endpoint gets no connections.
        - V(scheduler), V(persistence), V(forward), a virtual server or real server has another setting.
        - V(bind), an address is not on C(kube-ipvs0), or is there without a Service.
      type: str
      returned: always
      sample: missing
    service:
      description: Namespace and name of the Service; empty when there is none.
      type: str
      returned: always
      sample: default/myweb-svc-lb
    port_name:
      description: The name of the Service's port; empty for a port without a name.
      type: str
      returned: always
      sample: ''
    protocol:
      description: V(TCP), V(UDP) or V(SCTP); empty for RV(differences[].kind=bind).
      type: str
      returned: always
      sample: TCP
    address:
      description: Address of the virtual server, or the address to bind.
      type: str
      returned: always
      sample: 192.168.100.240
    port:
      description: Port of the virtual server; V(0) for RV(differences[].kind=bind).
      type: int
      returned: always
      sample: 80
    backend:
      description: Address and port of the real server; empty when the virtual server itself differs.
      type: str
      returned: always
      sample: 10.233.64.5:8080
    expected:
      description: What the API asks for.
      type: str
      returned: always
      sample: present
    found:
      description: What the node has.
      type: str
      returned: always
      sample: absent
    age:
      description: Seconds for which the API had not changed when the table was made; null without a Service.
      type: float
      returned: always
      sample: 341.2
    verdict:
      description:
        - V(lag) while the API's change is younger than kube-proxy's sync period.
        - V(fault) otherwise, and for what has no Service.
      type: str
      returned: always
      sample: fault
differences_total:
  description: How many differences there are.
  returned: always
  type: int
  sample: 1
faults_total:
  description: How many of them are faults.
  returned: always
  type: int
  sample: 1
checked:
  description: What was compared.
  returned: always
  type: dict
  contains:
    virtual_servers:
      description: Virtual servers that the API asks for on this node.
      type: int
      returned: always
      sample: 42
    real_servers:
      description: Real servers that the API asks for in those virtual servers that are there.
      type: int
      returned: always
      sample: 118
    draining:
      description: Real servers of weight 0 whose endpoint is gone or terminating; they keep old connections only.
      type: int
      returned: always
      sample: 0
    foreign:
      description: Virtual servers that are none of kube-proxy's, by firewall mark or within C(ipvs.excludeCIDRs).
      type: int
      returned: always
      sample: 0
problem:
  description: Why the node could not be judged; empty when it was.
  returned: always
  type: str
  sample: ''
seconds:
  description: How long the comparison took, waits included.
  returned: always
  type: float
  sample: 0.08
"""

import gc
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _data_plane, _expected, _ipvs, _netlink


def observer(expected: _expected.Expected, node: str) -> t.Callable[[], _data_plane.Comparison]:
    """Return a function that reads this node once and compares."""
    plans: dict[tuple[_netlink.Address, ...], _data_plane.Plan] = {}

    def observe() -> _data_plane.Comparison:
        addresses = tuple(_netlink.read_addresses(_netlink.read_links()))
        if addresses not in plans:
            plans[addresses] = _data_plane.virtual_servers(expected, node, addresses)
        table = _ipvs.read_proc()
        if table.unparsed:
            raise _ipvs.IpvsError(_ipvs.report_request(table.unparsed))
        return _data_plane.compare(plans[addresses], table, _data_plane.bound_addresses(addresses))

    return observe


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            # Not a secret: no_log keeps up to a megabyte out of the node's journal and of the result.
            "expected": {"type": "str", "required": True, "no_log": True},
            "node": {"type": "str", "required": True},
            "settle": {"type": "float", "default": 3.0},
            "limit": {"type": "int", "default": 50},
        },
        supports_check_mode=True,
    )
    began = time.monotonic()
    # Large tables are made and kept, not thrown away: looking for garbage among them is a third of the work.
    gc.disable()
    node = module.params["node"]
    result: dict[str, t.Any] = {
        "differences": [],
        "differences_total": 0,
        "faults_total": 0,
        "checked": {"virtual_servers": 0, "real_servers": 0, "draining": 0, "foreign": 0},
        "problem": "",
    }
    try:
        expected = _expected.unpack(module.params["expected"])
        result["problem"] = _data_plane.unfit(expected, node)
        if not result["problem"]:
            comparison = _data_plane.confirm(
                observer(expected, node), module.params["settle"], time.sleep, time.monotonic
            )
            result.update(_data_plane.summary(comparison, module.params["limit"]))
    except (_ipvs.IpvsError, _netlink.NetlinkError) as exc:
        result["problem"] = f"{exc}."
    except ValueError as exc:
        module.fail_json(msg=f"{exc}.", seconds=0.0, **result)
    module.exit_json(changed=False, seconds=round(time.monotonic() - began, 3), **result)


if __name__ == "__main__":
    main()
