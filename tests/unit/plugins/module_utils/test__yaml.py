# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _yaml


@pytest.mark.parametrize(("text", "value"), [("a: 1", {"a": 1}), (b"- a", ["a"]), ("", None), ("---\n", None)])
def test_one_document(text: str | bytes, value: object) -> None:
    assert _yaml.load(text) == value


def test_documents() -> None:
    assert _yaml.load_all("a: 1\n---\nb: 2\n") == [{"a": 1}, {"b": 2}]
    with pytest.raises(_yaml.NotYaml, match="more than one"):
        _yaml.load("a: 1\n---\nb: 2\n")


@pytest.mark.parametrize("text", ["[", b"\xff\xfe\x00", b"\xc3\x28", "a: !!python/name:os.system", "a: b: c", "\x00"])
def test_what_is_no_yaml(text: str | bytes) -> None:
    with pytest.raises(_yaml.NotYaml):
        _yaml.load(text)


def test_a_line_for_each_entry() -> None:
    value = {"b": [1, 2], "a": {"c": None}}
    assert _yaml.dump(value) == "a:\n  c: null\nb:\n- 1\n- 2\n"
    assert _yaml.load(_yaml.dump(value)) == value
