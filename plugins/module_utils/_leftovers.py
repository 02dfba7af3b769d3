# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What kube-proxy has left on a node in a mode that it is in no more.

Between iptables and ipvs mode kube-proxy removes nothing of the other, and nothing repeats a removal that failed
(cmd/kube-proxy/app/server_linux.go of Kubernetes 1.34). What is left may go on taking packets, and nobody keeps it up to date.

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _iptables,
    _ipvs,
    _netlink,
    _nfnetlink,
    _nftables,
    _rules,
    _virtual_servers,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._differences import Problem, difference

_MODULE = "nf_tables"
_SERVICE_CHAINS = "KUBE-SVC-"
# In the table filter these two are of iptables mode only: what they reject never gets to where ipvs mode would take it.
_REJECTING = ("KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES")
_TABLES = ("nat", "filter")


class Trace(t.NamedTuple):
    """What a mode of kube-proxy makes, and how much of it is there."""

    mode: str
    place: str
    number: int


def of_ipvs(wanted: t.Container[str], servers: t.Iterable[_ipvs.VirtualServer], bound: t.Iterable[str]) -> list[Trace]:
    """Return what ipvs mode has left. wanted: the keys of _rules that Services ask for. bound: addresses on kube-ipvs0.

    Other programs have virtual servers, too: kube-proxy's are at an address or a port that is a Service's, or was.
    """
    bound = set(bound)
    addresses, endpoints = {4: 0, 6: 0}, {4: 0, 6: 0}
    for address in bound:
        addresses[6 if ":" in address else 4] += 1
    for one in servers:
        if one.protocol == "FWM":
            continue
        address, port = _ipvs.split_endpoint(one.endpoint)
        anywhere = _rules.ANY6 if ":" in address else _rules.ANY4
        keys = (f"{one.protocol} {one.endpoint}", _rules.key_of(one.protocol, anywhere, port))
        if address in bound or any(key in wanted for key in keys):
            endpoints[6 if ":" in address else 4] += 1
    return [
        trace
        for version in (4, 6)
        for trace in (
            Trace("ipvs", f"IPv{version} addresses on {_virtual_servers.DUMMY_INTERFACE}", addresses[version]),
            Trace("ipvs", f"IPv{version} virtual servers", endpoints[version]),
        )
    ]


def of_chains(version: int, kind: str, rules: t.Iterable[tuple[str, str]]) -> list[Trace]:
    """Return what iptables mode has left among these rules, given as table and chain. kind: "nft" or "legacy"."""
    chains = set()
    rejecting = 0
    for table, chain in rules:
        if table == "nat" and chain.startswith(_SERVICE_CHAINS):
            chains.add(chain)
        elif table == "filter" and chain in _REJECTING:
            rejecting += 1
    return [
        Trace("iptables", f"IPv{version} iptables ({kind}) nat chains {_SERVICE_CHAINS}*", len(chains)),
        Trace("iptables", f"IPv{version} iptables ({kind}) filter rules of {' and '.join(_REJECTING)}", rejecting),
    ]


def compare(mode: str, traces: t.Iterable[Trace]) -> list[dict[str, t.Any]]:
    """Return what is left of other modes than this."""
    return [
        difference(Problem("leftover", trace.place, "absent", str(trace.number)), "", "", 0, None, 0)
        for trace in traces
        if trace.number and trace.mode != mode
    ]


# Read


def _read_ipvs(wanted: t.Container[str]) -> list[Trace]:
    bound = _virtual_servers.bound_addresses(_netlink.read_addresses(_netlink.read_links()))
    servers = _ipvs.read_proc().virtual_servers if _ipvs.available() else []
    return of_ipvs(wanted, servers, bound)


def _read_table(ask: _nfnetlink.Ask, version: int) -> list[Trace]:
    parts = ask(_nftables.NFT_MSG_GETTABLE, _nfnetlink.FAMILIES[version], b"")
    names = [_netlink.text(one[_nftables.NFTA_TABLE]) for one in _nftables.objects(parts)]
    return [Trace("nftables", f"IPv{version} nftables table {_nftables.TABLE}", names.count(_nftables.TABLE))]


def _read_chains(ask: _nfnetlink.Ask, version: int) -> list[Trace]:
    rules: list[tuple[str, str]] = []
    for table in _TABLES:
        request = _nfnetlink.named(_nftables.NFTA_TABLE, table)
        parts = ask(_nftables.NFT_MSG_GETRULE, _nfnetlink.FAMILIES[version], request)
        rules.extend((table, chain) for chain, _dummy in _nftables.rules_of(parts))
    return of_chains(version, "nft", rules)


def _read_legacy(run: _iptables.Run, version: int) -> list[Trace]:
    lines = _iptables.save_legacy(version, run)
    rules = (
        (table, line.split(" ", 2)[1]) for table, line in _iptables.tabled(version, lines) if line.startswith("-A ")
    )
    return of_chains(version, "legacy", rules)


def _read_nft(mode: str, ask: _nfnetlink.Ask) -> list[Trace]:
    found: list[Trace] = []
    try:
        for version in _nfnetlink.FAMILIES:
            if mode != "nftables":
                found += _read_table(ask, version)
            if mode != "iptables":
                found += _read_chains(ask, version)
    except _netlink.NotSupported:
        pass
    return found


def find(
    mode: str, wanted: t.Container[str], run: _iptables.Run, ask: _nfnetlink.Ask = _nftables.ask_kernel
) -> list[dict[str, t.Any]]:
    """Return what other modes than this have left on this node; raise IpvsError, NetlinkError or RulesError.

    wanted: the keys of _rules that Services ask for; not used in ipvs mode. run: AnsibleModule.run_command.
    """
    traces = [] if mode == "ipvs" else _read_ipvs(wanted)
    if mode != "iptables":
        for version in _nfnetlink.FAMILIES:
            traces += _read_legacy(run, version)
    if not _netlink.would_load(_MODULE):
        traces += _netlink.settled(lambda: _read_nft(mode, ask))
    return compare(mode, traces)
