# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Passwords apart from all other settings: what is printed, logged or compared never holds one."""

from __future__ import annotations

import base64
import typing as t

KEY = "password"
# What stands in a password's place; NOT_TEXT where it was no text, so that this can be said without showing it.
HIDDEN = "(hidden)"
NOT_TEXT = "(hidden, not text)"


class Password(str):
    """A text that does not show itself where data is printed."""

    def __repr__(self) -> str:
        return HIDDEN


def split(variables: t.Mapping[str, t.Any]) -> tuple[dict[str, t.Any], dict[str, str]]:
    """Return the variables with a marker for every password, and the passwords in Base64, by path.

    Ansible blanks the values of hidden options wherever they occur: a short password as it is would blank innocent words.
    """
    passwords: dict[str, str] = {}

    def hide(path: str, value: object) -> str:
        if value in (HIDDEN, NOT_TEXT):
            return str(value)
        if isinstance(value, (bool, int, float, list, dict)):
            return NOT_TEXT
        # Ansible has kinds of text of its own, among them what the vault holds.
        passwords[path] = base64.b64encode(str(value).encode()).decode()
        return HIDDEN

    return t.cast("dict[str, t.Any]", _each(variables, "", hide)), passwords


def join(variables: t.Mapping[str, t.Any], passwords: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    """Return the variables with their passwords, HIDDEN where one is missing, NOT_TEXT where it is none.

    passwords: from split(); None where they are not needed, and the markers stand for them.
    """

    def show(path: str, value: object) -> object:
        if not isinstance(value, str) or value == NOT_TEXT:
            return NOT_TEXT
        if value != HIDDEN:
            return Password(value)
        if passwords is None:
            return Password(HIDDEN)
        try:
            return Password(base64.b64decode(str(passwords[path]), validate=True).decode())
        except (KeyError, ValueError):
            return HIDDEN

    return t.cast("dict[str, t.Any]", _each(variables, "", show))


def holds(value: object) -> bool:
    """Return whether a password, or its marker, stands anywhere below a value."""
    if isinstance(value, dict):
        return any(key == KEY or holds(one) for key, one in value.items())
    return isinstance(value, Password) or (isinstance(value, list) and any(map(holds, value)))


def _each(value: object, path: str, change: t.Callable[[str, object], object]) -> object:
    """Return a copy in which every password that says something is changed."""
    if isinstance(value, dict):
        copy = {}
        for key, one in value.items():
            inner = _join(path, str(key))
            says = one not in (None, "", [], {})
            copy[key] = change(inner, one) if key == KEY and says else _each(one, inner, change)
        return copy
    if isinstance(value, list):
        return [_each(one, "{0}[{1}]".format(path, index), change) for index, one in enumerate(value)]
    return value


def _join(path: str, key: str) -> str:
    if "." in key or "[" in key:  # a name with dots must not look like two keys
        return '{0}["{1}"]'.format(path, key)
    return "{0}.{1}".format(path, key) if path else key
