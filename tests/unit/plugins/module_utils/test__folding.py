# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _folding, _node_rows
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import FAULT, LAG, NOTE, OK, UNKNOWN, Row
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.proof_looks import (
    NODES,
    VIP,
    answered,
    around,
    look,
    of,
    service,
    session,
    session_rows,
    tables,
    target,
)

Object = dict[str, t.Any]


def test_many_answers_are_one_line_and_a_fault_is_not_hidden_in_it() -> None:
    def outside(*oks: bool) -> Object:
        parts = [
            answered(target("NodePort", NODES[node][0], 31313, node), ok)
            for node, ok in zip(("node1", "node2"), oks, strict=True)
        ]
        return {key: [one[key][0] for one in parts] for key in ("targets", "results")}

    assert of(_folding.folded(look(service(), {}, outside(True, True))), "NodePort") == [
        (OK, "2 paths, to 2 nodes, port 31313", "an answer each", "Hello World!")
    ]
    assert [row[0] for row in of(_folding.folded(look(service(), {}, outside(True, False))), "NodePort")] == [OK, FAULT]


def test_cluster_addresses_are_asked_from_every_node() -> None:
    def inside(*oks: bool) -> dict[str, Object]:
        one = target("ClusterIP", "10.233.0.17", 80)
        return {"node{0}".format(number): {"inside": answered(one, ok)} for number, ok in enumerate(oks, 1)}

    assert of(_folding.folded(look(service(), inside(True, True))), "ClusterIP") == [
        (OK, "2 paths, from every node to 10.233.0.17:80", "an answer each", "Hello World!")
    ]
    assert of(_folding.folded(look(service(), inside(True, False))), "ClusterIP")[1] == (
        FAULT,
        "node2 -> 10.233.0.17:80",
        "an answer",
        "timed out",
    )


def test_different_answers_are_not_counted_twice() -> None:
    one = target("ClusterIP", "10.233.0.17", 80)
    inside = {"node{0}".format(number): {"inside": answered(one, True)} for number in (1, 2)}
    for node, answers in (("node1", ["web-a", "web-b", "web-c"]), ("node2", ["web-b", "web-a"])):
        (result,) = inside[node]["inside"]["results"]
        result.update(answer=answers[0], answers=answers)
    (row,) = of(_folding.folded(look(service(), inside)), "ClusterIP")
    assert row[2:] == ("an answer each", "web-a and others")


def test_paths_of_both_families_are_one_line() -> None:
    def together(*targets: Object) -> Object:
        parts = [answered(one) for one in targets]
        return {key: [one[key][0] for one in parts] for key in ("targets", "results")}

    outside = together(
        target("EXTERNAL-IP", VIP, 80),
        target("NodePort", "192.168.100.11", 31313, "node1"),
        target("NodePort", "2001:db8::11", 31313, "node1"),
        target("NodePort", "192.168.100.11", 31443, "node1"),
    )
    inside = together(
        target("ClusterIP", "10.233.0.17", 80), target("ClusterIP", "fd00::17", 80), target("EXTERNAL-IP", VIP, 80)
    )
    rows = _folding.folded(look(service(), {"node1": {"inside": inside}, "node2": {"inside": inside}}, outside))
    assert [row.where for row in rows if "/request/" in row.key] == [
        "Ansible controller -> 192.168.100.240:80",
        "3 paths, to 1 node, ports 31313, 31443",
        "4 paths, from every node to 10.233.0.17:80, [fd00::17]:80",
        "2 paths, from every node to 192.168.100.240:80",
    ]


def test_sessions_that_are_alike_are_one_line() -> None:
    sessions = [
        session("node1"),
        session("node2"),
        session("node3", address="", peer="router2", said="Idle", before=900),
    ]
    rows = session_rows(sessions, True)
    assert len({row.key for row in rows}) == 3
    assert [(row.verdict, row.where, row.found) for row in _folding.folded(rows)] == [
        (OK, "node1, node2 -> router1 (192.168.100.2)", "connected"),
        (FAULT, "node3 -> router2", "Idle"),
    ]


def test_members_of_one_set_that_nobody_asks_for_are_one_line() -> None:
    differences = [around("ipset", f"KUBE-CLUSTER-IP, 10.233.0.{number},tcp:80") for number in range(3)]
    rows = _node_rows.data_plane_rows("node1", tables(*differences), "ipvs", [])
    assert len({one.key for one in rows}) == 3
    assert [one.where for one in _folding.folded(rows)] == ["node1: KUBE-CLUSTER-IP, 10.233.0.0,tcp:80 and 2 more"]


def test_a_namespace_may_be_called_like_a_kind_of_row() -> None:
    rows = look(
        service(service="ipvs/web"), {}, answered(target("NodePort", "192.168.100.11", 31313, "node1", name="ipvs/web"))
    )
    assert _folding.folded(rows) == rows


def test_one_mode_of_many_nodes_is_one_line() -> None:
    modes = {"node1": "iptables", "node2": "nftables", "node3": "iptables"}
    hosts = {node: {"data_plane": tables(mode=mode)} for node, mode in modes.items()}
    assert of(_folding.folded(look(service(), hosts)), "kube-proxy mode") == [
        (FAULT, "node1 and 1 more", "ipvs", "iptables"),
        (FAULT, "node2", "ipvs", "nftables"),
    ]


def test_in_short_the_worst_comes_first_and_everything_is_counted() -> None:
    def row(verdict: str, subject: str, number: int, node: str = "") -> Row:
        return Row(verdict, subject, "check", "API", "", "", f"{subject}/{node}/{number}/{verdict}", node)

    verdicts = (NOTE, LAG, UNKNOWN, FAULT)
    rows = [row(verdict, "default/web", number) for verdict in verdicts for number in range(3)]
    rows += [row(OK, "default/web", 0), row(OK, "default/fine", 0), row(OK, "nodes", 0, "node1"), row(OK, "nodes", 0)]
    short = _folding.shortened(rows, 2)
    assert [one.shown[0].verdict for one in short.alike] == [FAULT, UNKNOWN, LAG, NOTE]
    assert [(len(one.shown), one.left_out) for one in short.alike] == [(2, 1)] * 4
    assert [one.name for one in short.services] == ["default/fine"]
    assert [one.name for one in short.nodes] == ["node1", "several nodes"]
    assert short.others == 1
