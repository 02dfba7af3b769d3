# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _node_rows
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import FAULT, LAG, NOTE, OK, UNKNOWN
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.proof_looks import (
    around,
    arp,
    difference,
    look,
    service,
    tables,
)

Object = dict[str, t.Any]
MISSING = (FAULT, "IPVS missing", "node1: default/web, TCP 192.168.100.240:80, 10.233.65.4:8080", "weight 1", "absent")

NODE_ROWS: list[tuple[Object, str, bool, list[tuple[str, str, str, str, str]]]] = [
    # what the node returned, kube-proxy's mode, whether strict ARP is needed, rows
    (
        {"data_plane": tables()},
        "ipvs",
        False,
        [(OK, "IPVS", "node1", "5 virtual servers, 12 real servers", "all as expected")],
    ),
    (
        {"data_plane": tables(draining=2)},
        "ipvs",
        False,
        [(OK, "IPVS", "node1", "5 virtual servers, 12 real servers", "all as expected, 2 draining")],
    ),
    (
        {"data_plane": tables(difference())},
        "ipvs",
        False,
        [MISSING],
    ),
    (
        {"data_plane": tables(difference(verdict="lag", name="", backend="", address="2001:db8::1"))},
        "ipvs",
        False,
        [(LAG, "IPVS missing", "node1: no Service, TCP [2001:db8::1]:80", "weight 1", "absent")],
    ),
    (
        {"data_plane": tables(difference(), more=["lag"] * 6)},
        "ipvs",
        False,
        [
            MISSING,
            (LAG, "IPVS", "node1", "no difference", "6 more differences"),
        ],
    ),
    (
        {"data_plane": tables(difference(), more=["fault", *["lag"] * 5])},
        "ipvs",
        False,
        [
            MISSING,
            (FAULT, "IPVS", "node1", "no difference", "6 more differences"),
        ],
    ),
    (
        {"data_plane": tables(problem="no /proc/net/ip_vs")},
        "ipvs",
        False,
        [(UNKNOWN, "IPVS", "node1", "a readable table", "no /proc/net/ip_vs")],
    ),
    ({"data_plane": None}, "ipvs", False, []),
    ({"data_plane": {}}, "ipvs", False, []),
    (
        {"data_plane": None},
        "",
        False,
        [
            (
                NOTE,
                "data plane",
                "node1",
                "looked at",
                "there is no kube-proxy, and what is there instead is not read; the requests above went through it",
            )
        ],
    ),
    (
        {"data_plane": tables()},
        "nftables",
        False,
        [(OK, "nftables", "node1", "5 Service addresses, 12 backends", "all as expected")],
    ),
    (
        {
            "data_plane": tables(
                difference(kind="rule", name="", backend="IPv4 services -> service-ips", address="", port=0)
            )
        },
        "nftables",
        False,
        [(FAULT, "nftables rule", "node1: TCP, IPv4 services -> service-ips", "weight 1", "absent")],
    ),
    (
        {
            "data_plane": tables(
                around("ipset", "KUBE-LOAD-BALANCER, 192.168.100.240,tcp:80", "default/web"),
                around("ipset", "KUBE-CLUSTER-IP, 10.233.0.9,tcp:80"),
                around("rule", "IPv4 nat KUBE-SERVICES match-set KUBE-CLUSTER-IP -> ACCEPT"),
                around("leftover", "IPv4 nftables table kube-proxy"),
            )
        },
        "ipvs",
        False,
        [
            (
                FAULT,
                "IPVS ipset",
                "node1: default/web, KUBE-LOAD-BALANCER, 192.168.100.240,tcp:80",
                "weight 1",
                "absent",
            ),
            (FAULT, "IPVS ipset", "node1: KUBE-CLUSTER-IP, 10.233.0.9,tcp:80", "weight 1", "absent"),
            (
                FAULT,
                "IPVS rule",
                "node1: IPv4 nat KUBE-SERVICES match-set KUBE-CLUSTER-IP -> ACCEPT",
                "weight 1",
                "absent",
            ),
            (FAULT, "IPVS leftover", "node1: IPv4 nftables table kube-proxy", "weight 1", "absent"),
        ],
    ),
    (
        {"data_plane": None, "arp": arp("node1")},
        "ipvs",
        True,
        [(OK, "strict ARP", "node1", "arp_ignore 1, arp_announce 2", "arp_ignore 1, arp_announce 2")],
    ),
    (
        {"data_plane": None, "arp": arp("node1", strict=False)},
        "ipvs",
        True,
        [(FAULT, "strict ARP", "node1", "arp_ignore 1, arp_announce 2", "arp_ignore 0, arp_announce 0")],
    ),
    ({"data_plane": None, "arp": arp("node1", strict=False)}, "ipvs", False, []),
    (
        {"problem": "not a Node of the cluster", "ipvs": tables(difference())},
        "ipvs",
        True,
        [(UNKNOWN, "data plane", "node1", "looked at", "not a Node of the cluster")],
    ),
]


@pytest.mark.parametrize(("host", "mode", "strict", "expected"), NODE_ROWS)
def test_rows_of_a_node(host: Object, mode: str, strict: bool, expected: list[tuple[str, str, str, str, str]]) -> None:
    rows = look(service(reason="pending"), {"node1": host}, mode=mode, strict_arp=strict)[1:]
    assert [(row.verdict, row.check, row.where, row.expected, row.found) for row in rows] == expected
    assert {row.subject for row in rows} <= {"nodes"}


RUNNING_ELSE: list[tuple[Object, str, float, list[tuple[str, str, str, str]]]] = [
    # what the node returned, the mode of the ConfigMap, its age, rows without where
    (
        {"data_plane": tables(mode="iptables"), "arp": arp("node1", strict=False)},
        "ipvs",
        30.0,
        [
            (FAULT, "kube-proxy mode", "ipvs", "iptables"),
            (OK, "iptables", "5 Service addresses, 12 backends", "all as expected"),
        ],
    ),
    (
        {"data_plane": tables(mode="iptables"), "arp": arp("node1")},
        "nftables",
        29.9,
        [
            (LAG, "kube-proxy mode", "nftables", "iptables"),
            (OK, "iptables", "5 Service addresses, 12 backends", "all as expected"),
        ],
    ),
    # In ipvs mode without strict ARP it answers for all addresses.
    (
        {"data_plane": tables(mode="ipvs"), "arp": arp("node1", strict=False)},
        "iptables",
        400.0,
        [
            (FAULT, "kube-proxy mode", "iptables", "ipvs"),
            (FAULT, "strict ARP", "arp_ignore 1, arp_announce 2", "arp_ignore 0, arp_announce 0"),
            (OK, "IPVS", "5 virtual servers, 12 real servers", "all as expected"),
        ],
    ),
    (
        {"data_plane": tables(difference(), mode="ipvs")},
        "iptables",
        400.0,
        [(FAULT, "kube-proxy mode", "iptables", "ipvs"), (FAULT, "IPVS missing", "weight 1", "absent")],
    ),
    (
        {"data_plane": tables(mode="ipvs", problem="no /proc/net/ip_vs")},
        "iptables",
        400.0,
        [
            (FAULT, "kube-proxy mode", "iptables", "ipvs"),
            (UNKNOWN, "IPVS", "a readable table", "no /proc/net/ip_vs"),
        ],
    ),
    # Where kube-proxy says nothing the ConfigMap is believed, which is no fault.
    (
        {"data_plane": tables(mode="ipvs", mode_assumed="no answer")},
        "ipvs",
        400.0,
        [
            (
                OK,
                "IPVS",
                "5 virtual servers, 12 real servers",
                "all as expected; kube-proxy did not say its mode (no answer)",
            )
        ],
    ),
    (
        {"data_plane": tables(difference(), mode="ipvs", mode_assumed="no answer")},
        "ipvs",
        400.0,
        [
            (FAULT, "IPVS missing", "weight 1", "absent"),
            (NOTE, "kube-proxy mode", "said by kube-proxy", "not said (no answer), compared as ipvs"),
        ],
    ),
    (
        {"data_plane": tables(mode="ipvs")},
        "ipvs",
        0.0,
        [(OK, "IPVS", "5 virtual servers, 12 real servers", "all as expected")],
    ),
]


@pytest.mark.parametrize(("host", "mode", "age", "expected"), RUNNING_ELSE)
def test_a_node_is_judged_by_the_mode_that_runs_there(
    host: Object, mode: str, age: float, expected: list[tuple[str, str, str, str]]
) -> None:
    pending = service(reason="pending")
    rows = look(pending, {"node1": host}, mode=mode, strict_arp=mode == "ipvs", mode_age=age)[1:]
    assert [(row.verdict, row.check, row.expected, row.found) for row in rows] == expected
    assert {(row.where.partition(":")[0], row.node) for row in rows} == {("node1", "node1")}


def test_without_layer2_no_mode_needs_strict_arp() -> None:
    host = {"data_plane": tables(mode="ipvs"), "arp": arp("node1", strict=False)}
    rows = look(service(reason="pending", layer2=False), {"node1": host}, mode="iptables")
    assert "strict ARP" not in [row.check for row in rows]


@pytest.mark.parametrize(
    ("running", "configured", "text"),
    [
        (["ipvs", "ipvs"], "ipvs", "ipvs mode"),
        (["iptables", "iptables"], "ipvs", "iptables mode"),
        (["ipvs", "iptables", "ipvs"], "ipvs", "iptables mode on 1 node, ipvs mode on 2 nodes"),
        (["", ""], "ipvs", "ipvs mode"),
        ([], "ipvs", "ipvs mode"),
        ([], "", "no mode"),
    ],
)
def test_the_modes_of_all_nodes(running: list[str], configured: str, text: str) -> None:
    hosts: Object = {f"node{number}": {"data_plane": tables(mode=mode)} for number, mode in enumerate(running)}
    state: Object = {"nodes": {node: [] for node in (*hosts, "away")}, "mode": configured}
    hosts.update(stranger={"data_plane": tables(mode="nftables")}, away={"problem": "no connection to it"})
    assert _node_rows.modes_text(hosts, state) == text
