# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The proof as a table for a terminal."""

from __future__ import annotations

import textwrap
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import FAULT, LAG, NOTE, OK, UNKNOWN, Row
from ansible_collections.kubeaddons.metallb.plugins.module_utils._text import plain

HEADS = ("", "CHECK", "WHERE", "EXPECTED", "FOUND")
# What a verdict is called in the table.
WORDS = {OK: "ok", FAULT: "FAULT", LAG: "moving", UNKNOWN: "unknown", NOTE: "note"}
_NARROWEST = 12


class Line(t.NamedTuple):
    """One line of the table and the verdict that colours it; "" for none."""

    text: str
    verdict: str


def render(title: str, rows: t.Sequence[Row], width: int) -> list[Line]:
    """Return the table, no wider than width where that is possible: one block for each subject, in the rows' order."""
    subjects: dict[str, list[Row]] = {}
    for row in rows:
        subjects.setdefault(row.subject, []).append(row)
    cells = {row.key: _cells(row) for row in rows}
    widths = _widths([HEADS, *cells.values()], width - 2)
    lines = [Line(plain(title), ""), Line("", "")]
    for subject, own in subjects.items():
        lines.append(Line(plain(subject), ""))
        lines.extend(Line("  " + text, "") for text in _wrapped(HEADS, widths))
        for row in own:
            lines.extend(Line("  " + text, row.verdict) for text in _wrapped(cells[row.key], widths))
        lines.append(Line("", ""))
    lines.append(Line(summary(rows), FAULT if any(row.verdict == FAULT for row in rows) else OK))
    return lines


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
    columns = range(len(HEADS))
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
