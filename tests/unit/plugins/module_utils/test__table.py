# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _table
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import FAULT, LAG, NOTE, OK, UNKNOWN, Row

ROWS = [
    Row(OK, "default/web", "EXTERNAL-IP", "API", "an address of pool loadbalanced", "192.168.100.240", "a"),
    Row(FAULT, "default/web", "ARP", "segment, 192.168.100.240", "one answer, from node2", "no answer", "b"),
    Row(OK, "nodes", "strict ARP", "node1", "arp_ignore 1, arp_announce 2", "arp_ignore 1, arp_announce 2", "c"),
    Row(LAG, "nodes", "IPVS missing", "node1: default/web", "weight 1", "absent", "d"),
    Row(NOTE, "nodes", "data plane", "node3", "checked", "not in this run", "e"),
]

M = "02:00:5e:00:53:02"
WIDE = """\
Proof

default/web
          CHECK         WHERE                     EXPECTED                         FOUND
  ok      EXTERNAL-IP   API                       an address of pool loadbalanced  192.168.100.240
  FAULT   ARP           segment, 192.168.100.240  one answer, from node2           no answer

nodes
          CHECK         WHERE                     EXPECTED                         FOUND
  ok      strict ARP    node1                     arp_ignore 1, arp_announce 2     arp_ignore 1, arp_announce 2
  moving  IPVS missing  node1: default/web        weight 1                         absent
  note    data plane    node3                     checked                          not in this run

5 checks: 2 ok, 1 FAULT, 1 moving, 1 note"""


def text(rows: list[Row], width: int) -> str:
    return "\n".join(line.text for line in _table.render("Proof", rows, width))


def test_a_wide_terminal() -> None:
    assert text(ROWS, 160) == WIDE


@pytest.mark.parametrize("width", [120, 100, 80])
def test_a_narrow_terminal_wraps_and_loses_nothing(width: int) -> None:
    lines = text(ROWS, width).splitlines()
    assert max(map(len, lines)) <= width
    for row in ROWS:
        for cell in row[2:6]:
            assert all(word in " ".join(lines) for word in cell.split()), cell


LONG = "2001:db8:1234:5678:9abc:def0:1234:5678"


def test_an_address_of_ipv6_stays_in_one_piece() -> None:
    rows = [
        Row(OK, "default/web", "EXTERNAL-IP", "API", "an address of pool both", "192.168.100.240, " + LONG, "a"),
        Row(OK, "default/web", "NDP", "segment, " + LONG, "one answer, from node2", "an unknown host (" + M + ")", "b"),
        Row(FAULT, "nodes", "IPVS missing", "node1: x/web-1, [{0}]:8080".format(LONG), "weight 1", "absent", "c"),
    ]
    lines = text(rows, 130)
    assert max(map(len, lines.splitlines())) <= 130
    assert lines.count(LONG) == 3
    assert "({0})".format(M) in lines
    assert "x/web-1" in lines


def test_too_narrow_is_as_narrow_as_possible() -> None:
    assert max(map(len, text(ROWS, 20).splitlines())) <= 2 + 5 * _table._NARROWEST + 4 * 2


def test_lines_know_their_colour() -> None:
    lines = _table.render("Proof", ROWS, 160)
    colours = {line.text.split()[0]: line.verdict for line in lines if line.text.strip()}
    assert colours["FAULT"] == FAULT
    assert colours["moving"] == LAG
    assert colours["ok"] == OK
    assert colours["CHECK"] == ""
    assert lines[-1].verdict == FAULT
    assert _table.render("Proof", ROWS[:1], 160)[-1].verdict == OK


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ([], "0 checks: "),
        (ROWS[:1], "1 checks: 1 ok"),
        ([ROWS[1]._replace(verdict=UNKNOWN)], "1 checks: 1 unknown"),
        (ROWS, "5 checks: 2 ok, 1 FAULT, 1 moving, 1 note"),
    ],
)
def test_summary(rows: list[Row], line: str) -> None:
    assert _table.summary(rows) == line
    assert text(rows, 80).splitlines()[-1] == line


def test_each_fault_is_a_sentence() -> None:
    assert _table.fault_sentences(ROWS) == [
        "default/web: ARP, segment, 192.168.100.240: expected one answer, from node2, found no answer."
    ]


def many(services: int, nodes: int, *others: Row) -> list[Row]:
    """Rows of a cluster where all is well, and others."""
    found = []
    for number in range(services):
        name = f"default/web-{number}"
        found.append(Row(OK, name, "EXTERNAL-IP", "API", "an address", f"10.0.0.{number}", f"{name}/address"))
        found.append(Row(OK, name, "ARP", f"segment, 10.0.0.{number}", "one answer", "node1", f"{name}/arp"))
    for number in range(nodes):
        node = f"node{number}"
        found.append(Row(OK, "nodes", "strict ARP", node, "1", "1", f"strict_arp/{node}", node))
        found.append(Row(OK, "nodes", "IPVS", node, "5 virtual servers", "all", f"data-plane/{node}", node))
    return [*found, *others]


def short(rows: list[Row], width: int = 120, reported: bool = True) -> list[str]:
    return [line.text for line in _table.render("Proof", rows, width, _table.MOST_LINES, reported)]


def test_a_table_of_few_lines_stays_whole() -> None:
    rows = many(1, 3)
    assert short(rows) == [line.text for line in _table.render("Proof", rows, 120)]
    assert "short table" not in " ".join(short(rows))


def test_of_more_services_one_line_each_is_enough() -> None:
    lines = short(many(20, 10))
    assert len(lines) <= _table.MOST_LINES
    assert "  ok  default/web-7   10.0.0.7   2 checks" in lines
    assert "  ok  node9  2 checks" in lines
    assert lines[-2:] == ["60 checks: 60 ok", "This is the short table; the whole one is printed with -v."]


def test_of_many_services_a_number_is_enough() -> None:
    lines = short(many(100, 10))
    assert len(lines) <= _table.MOST_LINES
    assert "  ok  100 Services, 200 checks" in lines
    assert "  ok  node9  2 checks" in lines
    assert "  ok  1000 nodes, 2000 checks" in short(many(100, 1000))


def test_what_is_not_ok_is_there_in_full_and_what_is_left_out_is_counted() -> None:
    silent = [
        Row(FAULT, f"default/silent-{number}", "ARP", f"segment, {number}", "one answer", "no answer", f"s{number}")
        for number in range(70)
    ]
    odd = Row(FAULT, "nodes", "strict ARP", "node7", "1", "0", "odd", "node7")
    lag = Row(LAG, "nodes", "IPVS missing", "node8: default/web", "weight 1", "absent", "lag", "node8")
    lines = short(many(100, 10, *silent, odd, lag))
    assert len(lines) <= _table.MOST_LINES
    shown = [line for line in lines if "default/silent-" in line]
    assert len(shown) == 20
    assert lines[lines.index(shown[-1]) + 1] == "  and 50 more like these; see the report"
    assert any("FAULT" in line and "node7" in line for line in lines)
    assert any("moving" in line and "node8" in line for line in lines)
    # Nodes of which not all is ok are none of the others.
    assert "  ok  node7  2 checks" not in lines
    assert "ok as well: 4 checks of what is named first" in lines
    assert lines[-2] == "292 checks: 220 ok, 71 FAULT, 1 moving"
    assert "  and 50 more like these; -v prints them" in short(many(100, 10, *silent), reported=False)


def test_many_kinds_of_faults_are_all_there() -> None:
    kinds = [
        Row(FAULT, "nodes", f"IPVS kind{kind}", f"node1: {number}", "one", "another", f"{kind}/{number}", "node1")
        for kind in range(12)
        for number in range(9)
    ]
    lines = short(many(100, 10, *kinds), width=200)
    assert len(lines) <= _table.MOST_LINES
    assert all(any(f"kind{kind} " in line for line in lines) for kind in range(12))
    left_out = [int(line.split()[1]) for line in lines if line.startswith("  and ")]
    assert sum("FAULT" in line and "IPVS" in line for line in lines) + sum(left_out) == len(kinds)
