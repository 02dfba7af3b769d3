#!/usr/bin/python

# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_info
short_description: Read a node's IPVS table
version_added: 0.1.0
author:
  - The kubeaddons.metallb authors (@kubeaddons)
description:
  - Returns the virtual servers and real servers of the node's kernel as data.
  - A kernel without IPVS is not an error; see RV(available).
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.read_only
  - kubeaddons.metallb._attributes.node
options:
  source:
    description:
      - Where the table is read from.
      - V(proc) reads C(/proc/net/ip_vs), which needs no tool and no privileges.
      - V(ipvsadm) runs C(ipvsadm -Ln), which also shows the scheduler's flags and needs O(ignore:become=true).
      - V(auto) reads C(/proc/net/ip_vs), and turns to C(ipvsadm) when it is installed and the file was not understood.
      - C(ipvsadm) is never run on a kernel without IPVS, since it would load the kernel's module.
    type: str
    choices: [auto, proc, ipvsadm]
    default: auto
notes:
  - The kernel's answer is not a snapshot. While kube-proxy changes the table, one answer may show parts of two states.
seealso:
  - module: kubeaddons.metallb.data_plane_verify
"""

EXAMPLES = r"""
- name: Read the IPVS table
  kubeaddons.metallb.ipvs_info:
  register: ipvs

- name: Show the backends of the EXTERNAL-IP
  ansible.builtin.debug:
    msg: >-
      {{ (ipvs.virtual_servers | selectattr('address', 'eq', '192.168.100.240') | first).real_servers
      | map(attribute='address') }}

- name: Read it through ipvsadm
  kubeaddons.metallb.ipvs_info:
    source: ipvsadm
  become: true
"""

RETURN = r"""
available:
  description: Whether the kernel has IPVS.
  returned: always
  type: bool
  sample: true
source:
  description: Where the table was read from, V(proc) or V(ipvsadm); empty when the kernel has no IPVS.
  returned: always
  type: str
  sample: proc
virtual_servers:
  description: The virtual servers, in the order of the source.
  returned: always
  type: list
  elements: dict
  contains:
    protocol:
      description: V(TCP), V(UDP), V(SCTP), or V(FWM) for a virtual server of a firewall mark.
      type: str
      returned: always
      sample: TCP
    address:
      description: Its address; empty for a firewall mark.
      type: str
      returned: always
      sample: 192.168.100.240
    port:
      description: Its port; V(0) for a firewall mark.
      type: int
      returned: always
      sample: 80
    firewall_mark:
      description: Its firewall mark; V(0) for an address.
      type: int
      returned: always
      sample: 0
    scheduler:
      description: Its scheduler.
      type: str
      returned: always
      sample: rr
    flags:
      description: V(ops), and with RV(source=ipvsadm) also the scheduler's flags.
      type: list
      elements: str
      returned: always
      sample: []
    persistence:
      description: Seconds for which a client keeps its real server; V(0) without persistence.
      type: int
      returned: always
      sample: 10800
    persistence_netmask:
      description: Granularity of the persistence, a mask (IPv4) or a prefix length (IPv6); empty without persistence.
      type: str
      returned: always
      sample: 255.255.255.255
    real_servers:
      description: Its real servers, in the order of the source.
      type: list
      elements: dict
      returned: always
      contains:
        address:
          description: Its address.
          type: str
          returned: always
          sample: 10.233.64.5
        port:
          description: Its port.
          type: int
          returned: always
          sample: 8080
        forward:
          description: The forwarding method, V(Masq), V(Route), V(Tunnel) or V(Local).
          type: str
          returned: always
          sample: Masq
        weight:
          description: Its weight. A real server of weight V(0) gets no new connections.
          type: int
          returned: always
          sample: 1
        active_connections:
          description: Number of active connections.
          type: int
          returned: always
          sample: 2
        inactive_connections:
          description: Number of inactive connections.
          type: int
          returned: always
          sample: 0
unparsed:
  description: Lines that were not understood. A warning asks to report them.
  returned: always
  type: list
  elements: str
  sample: []
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _differences, _ipvs


def read_ipvsadm(module: AnsibleModule) -> _ipvs.Table:
    if not _ipvs.available():
        raise _ipvs.NoIpvs(f"the kernel has no IPVS ({_ipvs.PROC_FILE} does not exist)")
    binary = module.get_bin_path("ipvsadm", opt_dirs=["/usr/sbin", "/sbin"])
    if not binary:
        raise _ipvs.IpvsError("ipvsadm is not installed here; use source: proc")
    code, out, err = module.run_command([binary, "-Ln"])
    if code != 0:
        raise _ipvs.IpvsError("ipvsadm -Ln failed: {}".format(err.strip() or f"exit status {code}"))
    return _ipvs.parse_ipvsadm(out)


def read(module: AnsibleModule, source: str) -> tuple[str, _ipvs.Table]:
    """Return the source that was used and the table."""
    if source == "ipvsadm":
        return source, read_ipvsadm(module)
    failure = None
    table = None
    try:
        table = _ipvs.read_proc()
        if source == "proc" or not table.unparsed:
            return "proc", table
    except _ipvs.NoIpvs:
        raise
    except _ipvs.IpvsError as exc:
        if source == "proc":
            raise
        failure = exc
    try:
        return "ipvsadm", read_ipvsadm(module)
    except _ipvs.IpvsError:
        # What /proc showed is the better answer, or its failure the better reason.
        if table is None:
            raise failure or _ipvs.IpvsError("no source could be read") from None
        return "proc", table


def main() -> None:
    module = AnsibleModule(
        argument_spec={"source": {"type": "str", "choices": ["auto", "proc", "ipvsadm"], "default": "auto"}},
        supports_check_mode=True,
    )
    result: dict[str, t.Any] = {"available": True, "source": "", "virtual_servers": [], "unparsed": []}
    try:
        result["source"], table = read(module, module.params["source"])
    except _ipvs.NoIpvs:
        result["available"] = False
        module.exit_json(changed=False, **result)
    except _ipvs.IpvsError as exc:
        module.fail_json(msg=f"{exc}.", **result)
    result["virtual_servers"] = [_ipvs.server_dict(server) for server in table.virtual_servers]
    result["unparsed"] = table.unparsed
    if table.unparsed:
        module.warn(_differences.report_request("IPVS table", table.unparsed))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
