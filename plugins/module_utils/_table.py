# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The proof as a table for a terminal."""

from __future__ import annotations

import textwrap
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _folding
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import FAULT, LAG, NOTE, OK, UNKNOWN, Row
from ansible_collections.kubeaddons.metallb.plugins.module_utils._text import plain

HEADS = ("", "CHECK", "WHERE", "EXPECTED", "FOUND")
# What a verdict is called in the table.
WORDS = {OK: "ok", FAULT: "FAULT", LAG: "moving", UNKNOWN: "unknown", NOTE: "note"}
_NARROWEST = 12
MOST_LINES = 60  # of a table that is printed whole
_MOST_ALIKE = 20  # rows of one kind in a shorter one
_OPEN_LINES = 40  # of a shorter one, for what is not ok


class Line(t.NamedTuple):
    """One line of the table and the verdict that colours it; "" for none."""

    text: str
    verdict: str


def render(
    title: str, rows: t.Sequence[Row], width: int, most: int | None = None, reported: bool = False
) -> list[Line]:
    """Return the table, no wider than width where that is possible: one block for each subject, in the rows' order.

    most: a table of more lines, not counting those that are wrapped, is shortened; None for the whole table.
    reported: whether there is a report to refer to.
    """
    subjects: dict[str, list[Row]] = {}
    for row in rows:
        subjects.setdefault(row.subject, []).append(row)
    lines = [Line(plain(title), ""), Line("", "")]
    if most is None or len(rows) + 3 * len(subjects) <= most:
        lines += _blocks(subjects, width)
        shortened = False
    else:
        lines += _short(rows, width, most, reported)
        shortened = True
    lines.append(Line(summary(rows), FAULT if any(row.verdict == FAULT for row in rows) else OK))
    if shortened:
        lines.append(Line("This is the short table; the whole one is printed with -v.", ""))
    return lines


def _blocks(subjects: t.Mapping[str, t.Sequence[Row]], width: int) -> list[Line]:
    cells = {row.key: _cells(row) for rows in subjects.values() for row in rows}
    widths = _widths([HEADS, *cells.values()], width - 2)
    lines = []
    for subject, own in subjects.items():
        lines.append(Line(plain(subject), ""))
        lines.extend(Line("  " + text, "") for text in _wrapped(HEADS, widths))
        for row in own:
            lines.extend(Line("  " + text, row.verdict) for text in _wrapped(cells[row.key], widths))
        lines.append(Line("", ""))
    return lines


def _short(rows: t.Sequence[Row], width: int, most: int, reported: bool) -> list[Line]:
    """Return what is not ok, up to a number of each kind; what is ok by name, or counted where that is too long too."""
    for each in range(_MOST_ALIKE, 0, -1):
        short = _folding.shortened(rows, each)
        lines = _open(short, width, reported)
        if len(lines) <= _OPEN_LINES:
            break
    room = most - len(lines) - 6
    one_each = {"Service": short.services, "node": short.nodes}
    counted = set()
    for noun in sorted(one_each, key=lambda noun: -len(one_each[noun])):
        if sum(1 if other in counted else len(some) for other, some in one_each.items()) > room:
            counted.add(noun)
    for noun, some in one_each.items():
        if some:
            lines.append(Line("{0}s of which everything is ok".format(noun), ""))
            lines += [Line("  ok  " + text, OK) for text in _fine(noun, some, noun in counted)]
            lines.append(Line("", ""))
    if short.others:
        lines.append(Line("ok as well: {0} of what is named first".format(_checks(short.others)), OK))
        lines.append(Line("", ""))
    return lines


def _open(short: _folding.Short, width: int, reported: bool) -> list[Line]:
    heads = ("", "OF", *HEADS[1:])
    cells = {
        row.key: (_cells(row)[0], plain(row.subject), *_cells(row)[1:]) for alike in short.alike for row in alike.shown
    }
    if not cells:
        return []
    widths = _widths([heads, *cells.values()], width - 2)
    lines = [Line("  " + text, "") for text in _wrapped(heads, widths)]
    for alike in short.alike:
        for row in alike.shown:
            lines.extend(Line("  " + text, row.verdict) for text in _wrapped(cells[row.key], widths))
        if alike.left_out:
            where = "see the report" if reported else "-v prints them"
            text = "  and {0} more like {1}; {2}".format(
                alike.left_out, "these" if len(alike.shown) > 1 else "this", where
            )
            lines.append(Line(text, alike.shown[0].verdict))
    lines.append(Line("", ""))
    return lines


def _checks(number: int) -> str:
    return "1 check" if number == 1 else "{0} checks".format(number)


def _fine(noun: str, some: t.Sequence[_folding.Fine], counted: bool) -> list[str]:
    if counted:
        number = "1 {0}".format(noun) if len(some) == 1 else "{0} {1}s".format(len(some), noun)
        return ["{0}, {1}".format(number, _checks(sum(one.checks for one in some)))]
    columns = [[plain(one.name), plain(one.addresses), _checks(one.checks)] for one in some]
    widths = [max(len(line[column]) for line in columns) for column in range(3)]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths) if width).rstrip() for line in columns]


def summary(rows: t.Sequence[Row]) -> str:
    """Return the last line: how many checks ended how."""
    counts = [(WORDS[verdict], sum(row.verdict == verdict for row in rows)) for verdict in WORDS]
    return "{0} checks: {1}".format(
        len(rows), ", ".join("{0} {1}".format(number, word) for word, number in counts if number)
    )


def fault_sentences(rows: t.Sequence[Row]) -> list[str]:
    """Return each fault as a sentence, for the error message."""
    return [
        "{0}: {1}, {2}: expected {3}, found {4}.".format(plain(row.subject), *_cells(row)[1:])
        for row in rows
        if row.verdict == FAULT
    ]


def _cells(row: Row) -> tuple[str, ...]:
    return (WORDS[row.verdict], *(plain(text) for text in (row.check, row.where, row.expected, row.found)))


def _widths(table: t.Sequence[t.Sequence[str]], room: int) -> list[int]:
    """Give every column what it needs, then take from the widest until the table fits.

    Addresses and names are cut only where nothing else is left to take.
    """
    columns = range(len(table[0]))
    widths = [max(len(cells[column]) for cells in table) for column in columns]
    words = [max(len(word) for cells in table for word in (cells[column] or " ").split(" ")) for column in columns]
    while sum(widths) + 2 * (len(widths) - 1) > room and max(widths) > _NARROWEST:
        loose = [column for column in columns if widths[column] > max(words[column], _NARROWEST)]
        widths[max(loose or columns, key=widths.__getitem__)] -= 1
    return widths


def _wrapped(cells: t.Sequence[str], widths: t.Sequence[int]) -> list[str]:
    columns = [textwrap.wrap(cell, width, break_on_hyphens=False) or [""] for cell, width in zip(cells, widths)]
    height = max(len(column) for column in columns)
    return [
        "  ".join(
            (column[line] if line < len(column) else "").ljust(width) for column, width in zip(columns, widths)
        ).rstrip()
        for line in range(height)
    ]
