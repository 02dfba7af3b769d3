# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Texts of others, before they are shown: what somebody has put into them must not steer a terminal or turn a line around."""

from __future__ import annotations

import typing as t

LONGEST = 1000  # characters


def plain(text: str) -> str:
    """Return a text as one line of printable characters, of a long one the beginning. What does not print is escaped."""
    if len(text) > LONGEST:
        text = "{0} ... ({1} characters)".format(text[:LONGEST], len(text))
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else " " if char.isspace() else char.encode("unicode_escape").decode()
        for char in text
    )


def plain_all(value: t.Any) -> t.Any:
    """Return plain data with all of its texts plain."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {plain_all(key): plain_all(inner) for key, inner in value.items()}
    return [plain_all(inner) for inner in value] if isinstance(value, (list, tuple)) else value
