#!/usr/bin/python

# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: data_plane_verify
short_description: Compare a node's data plane with what the cluster's API asks for
version_added: 0.1.0
author:
  - The kubeaddons.metallb authors (@kubeaddons)
description:
  - Compares what kube-proxy has made on this node with the table made by M(kubeaddons.metallb.expected_state_info), and
    returns the differences. They are compared in the mode that this node's kube-proxy says that it runs in. Where it says
    nothing, that is the mode of the table, which its ConfigMap gives it, see RV(mode_assumed).
  - In mode V(ipvs) these are virtual servers, real servers and the addresses on C(kube-ipvs0), read from
    C(/proc/net/ip_vs), kube-proxy's sets, asked of the kernel without C(ipset), and the rules that use them. In mode
    V(nftables) they are the maps and chains of the tables C(kube-proxy), asked of the kernel without C(nft). In mode
    V(iptables) they are the chains that C(iptables-save) and C(ip6tables-save) show, which mode V(ipvs) needs, too.
  - In every mode, what kube-proxy has left of another one is looked for. No kernel module is loaded for any of this.
  - Differences do not fail the module, so that all nodes can be asked before a verdict is given. Nor does a node that
    cannot be judged, see RV(problem). A node is in order when RV(problem) is empty and RV(faults_total) is 0.
  - The kernel's answer is not a snapshot. It is read again on a difference, and only those differences are returned
    that every read shows. A node without differences is read once.
  - A table that was made for some Services only tells what differs for them, and what concerns all.
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
      - Seconds for which something without a Service must be there, or not be there, before it is a fault.
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
  kubeaddons.metallb.data_plane_verify:
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
        - V(absent), an address and port is not served.
        - V(orphan), an address and port is served, or refused, that no Service asks for.
        - V(missing), a backend is not there.
        - V(stale), a backend gets connections although its endpoint is gone, not ready, or not for this node.
        - V(weight), the real server of a ready endpoint gets no connections (V(ipvs) only).
        - V(scheduler), V(forward), a virtual server or real server has another setting (V(ipvs) only).
        - V(persistence), clients are kept to their backend for another number of seconds.
        - V(bind), an address is not on C(kube-ipvs0), or is there without a Service (V(ipvs) only).
        - V(refused), packets are refused although there are endpoints, or not refused although there are none, or in
          another way (not in V(ipvs)).
        - V(source-ranges), the Service's C(loadBalancerSourceRanges) are not in force, or something is in force without
          them (not in V(ipvs), where C(KUBE-LOAD-BALANCER-FW) and C(KUBE-LOAD-BALANCER-SOURCE-CIDR) are sets).
        - V(ipset), one of kube-proxy's sets lacks a member, has one too many, or is not there. They decide what is
          masqueraded, which clients may connect and which ports of a bound address are open (V(ipvs) only).
        - V(rule), a rule that leads packets to those of the Services is not there.
        - V(leftover), something is there that kube-proxy made in another mode. One for each sort and address family.
      type: str
      returned: always
      sample: missing
    sign:
      description:
        - What tells differences of one kind apart, empty for most.
        - For V(bind) V(unbound), the address is not on C(kube-ipvs0). For V(ipset) V(no-sets), the kernel has no sets. For
          V(rule) its table of iptables, V(filter) or V(nat).
      type: str
      returned: always
      sample: ''
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
      description: V(TCP), V(UDP) or V(SCTP); empty for V(bind), V(ipset), V(rule) and V(leftover).
      type: str
      returned: always
      sample: TCP
    address:
      description:
        - Address that is served, or the address to bind; empty for V(ipset), V(rule) and V(leftover).
        - A node port is at V(0.0.0.0) or V(::) unless the mode is V(ipvs).
      type: str
      returned: always
      sample: 192.168.100.240
    port:
      description: Port that is served; V(0) for V(bind), V(ipset), V(rule) and V(leftover).
      type: int
      returned: always
      sample: 80
    backend:
      description:
        - Address and port of the backend; empty when the address and port itself differs.
        - For V(rule) its chain, the set that it looks into, and where it leads.
        - For V(ipset) the set, and the member as C(ipset) writes it, behind a comma and a blank. V(ip_set) where the
          kernel has no sets, without which kube-proxy cannot work.
        - For V(leftover) the address family and what is left.
      type: str
      returned: always
      sample: 10.233.64.5:8080
    expected:
      description: What the API asks for.
      type: str
      returned: always
      sample: present
    found:
      description: What the node has; for V(leftover) how many.
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
        - V(lag) while the API's change is younger than twice kube-proxy's sync period.
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
      description: Addresses with a port, or virtual servers, that the API asks for on this node.
      type: int
      returned: always
      sample: 42
    real_servers:
      description: Backends, or real servers, that the API asks for there.
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
mode:
  description: The mode of kube-proxy in which the node was compared; empty when nothing was.
  returned: always
  type: str
  sample: ipvs
mode_assumed:
  description: Why kube-proxy did not say that it runs in this mode; empty when it did.
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

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _differences,
    _expected,
    _ipset,
    _iptables,
    _ipvs,
    _leftovers,
    _netlink,
    _nftables,
    _proxy_mode,
    _rules,
    _sets,
    _virtual_servers,
)


def observe_virtual_servers(
    expected: _expected.Expected, node: str, run: _iptables.Run
) -> t.Callable[[], _differences.Comparison]:
    """Return a function that reads this node's IPVS table, sets and rules once and compares."""
    plans: dict[tuple[_netlink.Address, ...], tuple[_virtual_servers.Plan, _sets.Plan]] = {}

    def observe() -> _differences.Comparison:
        addresses = tuple(_netlink.read_addresses(_netlink.read_links()))
        if addresses not in plans:
            made = _virtual_servers.virtual_servers(expected, node, addresses)
            plans[addresses] = made, _sets.plan(expected, node, addresses, made.binds)
        servers, sets = plans[addresses]
        table = _ipvs.read_proc()
        if table.unparsed:
            raise _ipvs.IpvsError(_differences.report_request("IPVS table", table.unparsed))
        found = _virtual_servers.compare(servers, table, _virtual_servers.bound_addresses(addresses))
        rules = {version: _iptables.jumps(version, _iptables.save(version, run)) for version in sets.versions}
        found.differences.extend(_sets.compare(sets, _ipset.read))
        found.differences.extend(_sets.compare_rules(sets, rules))
        return found

    return observe


def observe_rules(
    expected: _expected.Expected, wanted: t.Mapping[str, _rules.Wanted], run: _iptables.Run
) -> t.Callable[[], _differences.Comparison]:
    """Return a function that reads this node's rules once and compares."""

    def nftables() -> _differences.Comparison:
        reader = _nftables.Reader()
        return judged(reader.read(), reader.exact)

    def iptables() -> _differences.Comparison:
        rules = _iptables.read(_rules.versions(expected), run)
        return judged(rules, lambda chain: rules.chains[chain].backends)

    def judged(rules: _rules.Rules, exact: t.Callable[[str], t.AbstractSet[str]]) -> _differences.Comparison:
        if rules.unparsed:
            raise _rules.RulesError(_differences.report_request("rules", rules.unparsed))
        return _rules.compare(wanted, rules, expected.sync_period, exact)

    return (lambda: _netlink.settled(nftables)) if expected.mode == "nftables" else iptables


def observe_all(expected: _expected.Expected, node: str, run: _iptables.Run) -> t.Callable[[], _differences.Comparison]:
    """Return a function that reads once what this node's kube-proxy made, and what it has left of other modes."""
    ipvs = expected.mode == "ipvs"
    wanted = {} if ipvs else _rules.plan(expected, node)
    made = observe_virtual_servers(expected, node, run) if ipvs else observe_rules(expected, wanted, run)

    def observe() -> _differences.Comparison:
        found = made()
        found.differences.extend(_leftovers.find(expected.mode, wanted, run))
        return found

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
        "mode": "",
        "mode_assumed": "",
    }
    try:
        expected = _expected.unpack(module.params["expected"])
        result["problem"] = _differences.unfit(expected, node)
        if not result["problem"]:
            told = _proxy_mode.ask(expected.metrics)
            expected = expected._replace(mode=told.mode or expected.mode)
            result.update(mode=expected.mode, mode_assumed=told.silence)
            observe = observe_all(expected, node, module.run_command)
            comparison = _differences.confirm(
                lambda: _differences.within(observe(), expected.scope),
                module.params["settle"],
                time.sleep,
                time.monotonic,
            )
            result.update(_differences.summary(comparison, module.params["limit"]))
    except (_ipvs.IpvsError, _netlink.NetlinkError, _rules.RulesError) as exc:
        result["problem"] = f"{exc}."
    except ValueError as exc:
        module.fail_json(msg=f"{exc}.", seconds=0.0, **result)
    module.exit_json(changed=False, seconds=round(time.monotonic() - began, 3), **result)


if __name__ == "__main__":
    main()
