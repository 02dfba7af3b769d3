# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils._reader import Reader, no_effect, sentence, shown


@pytest.mark.parametrize(
    ("value", "meaning"), [(True, True), ("yes", True), ("On", True), (False, False), ("no", False), ("false", False)]
)
def test_truth_values_of_yaml_and_of_text(value: object, meaning: bool) -> None:
    read = Reader({"a": value})
    assert read.flag("a", not meaning) is meaning
    assert read.errors == []


@pytest.mark.parametrize("value", [None, "", [], {}])
def test_what_is_empty_says_nothing(value: object) -> None:
    read = Reader({"a": value})
    assert read.flag("a", True) is True
    assert read.text("a") is None
    assert read.mapping("a", value) == {}
    assert read.listing("a", value) == []
    assert read.errors == []


def test_wrong_types_are_named_once() -> None:
    read = Reader({"a": 1})
    assert read.flag("a", True) is True
    assert read.flag("a", True) is True
    assert read.text("a") is None
    assert read.mapping("a", 1) == {}
    assert read.listing("a", 1) == []
    assert [error.partition(";")[0] for error in read.errors] == [
        "a: 1 is not a truth value",
        "a: 1 is not text",
        "a: 1 is not a mapping",
        "a: 1 is not a list",
    ]


def test_choice_names_the_nearest() -> None:
    read = Reader({"a": "debgu", "b": "xyz"})
    assert read.choice("a", ("info", "debug"), "info") == "info"
    assert read.choice("b", ("info", "debug"), "info") == "info"
    assert read.errors == [
        'a: "debgu" is not known; did you mean "debug"?',
        'b: "xyz" is not known; choose one of info, debug.',
    ]


@pytest.mark.parametrize("name", ["Pool", "a_b", "-a", "", "a" * 254, "a\n"])
def test_names_that_no_object_can_have(name: str) -> None:
    read = Reader({})
    assert read.name("metallb_namespace", name) == name
    assert len(read.errors) == 1


def test_sentences() -> None:
    assert sentence("a") == "a."
    assert sentence("a?") == "a?"
    assert no_effect("x is not known", []) == "x is not known and has no effect."
    assert no_effect("x is not known", ["y"]) == "x is not known and has no effect; did you mean y?"
    assert shown("ä") == '"ä"'
    assert shown(["x" * 90]).endswith("...")
