# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils._secrets import (
    HIDDEN,
    NOT_TEXT,
    Password,
    join,
    split,
)

Variables = dict[str, t.Any]


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Vaulted:
    """What Ansible makes of !vault: no text, and yet one."""

    def __str__(self) -> str:
        return "opened"


#: variables, the same without passwords, the passwords
SPLIT: list[tuple[Variables, Variables, dict[str, str]]] = [
    ({"a": 1, "b": ["x"]}, {"a": 1, "b": ["x"]}, {}),
    (
        {"metallb_peers": [{"peer_asn": 1}, {"password": "s3cret"}]},
        {"metallb_peers": [{"peer_asn": 1}, {"password": HIDDEN}]},
        {"metallb_peers[1].password": "s3cret"},
    ),
    (
        {"c": {"layer3": {"metallb_peers": {"peer1": {"password": "grün"}}}}},
        {"c": {"layer3": {"metallb_peers": {"peer1": {"password": HIDDEN}}}}},
        {"c.layer3.metallb_peers.peer1.password": "grün"},
    ),
    # names with dots do not look like two keys
    ({"a.b": {"password": "x"}}, {"a.b": {"password": HIDDEN}}, {'["a.b"].password': "x"}),
    # what says nothing is nothing to hide
    ({"password": "", "a": {"password": None}}, {"password": "", "a": {"password": None}}, {}),
    # what is no text can be said to be none, and is not shown either
    ({"password": 1234}, {"password": NOT_TEXT}, {}),
    ({"password": {"password": "x"}}, {"password": NOT_TEXT}, {}),
    ({"password": Vaulted()}, {"password": HIDDEN}, {"password": "opened"}),
]


@pytest.mark.parametrize(("variables", "without", "passwords"), SPLIT)
def test_passwords_go_apart(variables: Variables, without: Variables, passwords: dict[str, str]) -> None:
    before = repr(variables)
    found, taken = split(variables)
    assert found == without
    assert taken == {path: base64_of(one) for path, one in passwords.items()}
    assert repr(variables) == before
    # A second time nothing is left to take.
    assert split(found) == (found, {})


@pytest.mark.parametrize(("variables", "passwords"), [(row[0], row[2]) for row in SPLIT if row[2]])
def test_they_come_together_again(variables: Variables, passwords: dict[str, str]) -> None:
    found, taken = split(variables)
    whole = join(found, taken)
    assert split(whole) == (found, taken)
    assert all(HIDDEN not in json.dumps(whole) for _one in passwords)


def test_what_is_no_text_stays_said() -> None:
    assert join({"password": 1234}, {}) == join({"password": NOT_TEXT}, {}) == {"password": NOT_TEXT}


def test_a_password_does_not_show_itself() -> None:
    found = join({"a": {"password": "s3cret"}}, {})
    assert found["a"]["password"] == "s3cret"
    assert "s3cret" not in repr(found)
    assert str(Password("s3cret")) == "s3cret"


@pytest.mark.parametrize("passwords", [{}, {"password": "not base64!"}, {"password": "_w=="}, {"password": "/w=="}])
def test_a_password_that_did_not_arrive_stays_a_marker(passwords: dict[str, str]) -> None:
    found = join({"password": HIDDEN}, passwords)["password"]
    assert found == HIDDEN
    assert not isinstance(found, Password)


def test_where_passwords_are_not_needed_the_marker_stands_for_them() -> None:
    assert isinstance(join({"password": HIDDEN}, None)["password"], Password)
    assert not isinstance(join({"password": NOT_TEXT}, None)["password"], Password)
