# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies as st

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _text


@hypothesis.settings(derandomize=True, deadline=None, database=None)
@hypothesis.given(st.text(st.characters(exclude_categories=())))
def test_a_text_becomes_one_printable_line(text: str) -> None:
    plain = _text.plain(text)
    assert plain.isprintable()
    assert plain.encode().decode() == plain
    if text.isprintable():
        assert plain == text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("", ""),
        ("\x1b[31mred\n\u202e\ud800", r"\x1b[31mred \u202e\ud800"),
        ("x" * 1000, "x" * 1000),
        ("x" * 2000, "x" * 1000 + " ... (2000 characters)"),
    ],
)
def test_what_was_there_can_be_seen(text: str, plain: str) -> None:
    assert _text.plain(text) == plain


def test_all_texts_of_plain_data() -> None:
    assert _text.plain_all({"a\n": ["b\x07", ("c", 1)], "d": None}) == {"a ": [r"b\x07", ["c", 1]], "d": None}
