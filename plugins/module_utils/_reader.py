# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Takes values out of the inventory's variables by type, and keeps a sentence for each that has the wrong one."""

from __future__ import annotations

import difflib
import json
import re
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._backend import Need, Since
from ansible_collections.kubeaddons.metallb.plugins.module_utils._eras import EMPTY
from ansible_collections.kubeaddons.metallb.plugins.module_utils._secrets import HIDDEN, Password

# A key that is misspelt hides its value, too.
_SECRET = re.compile(r"pass|pw|secret", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")


class Reader:
    """Takes values out of the variables by type and keeps a sentence for each that has the wrong one."""

    def __init__(self, variables: t.Mapping[str, t.Any]) -> None:
        self.variables = variables
        self.errors: list[str] = []
        self.warnings: list[str] = []
        self.needs: list[Need] = []

    def error(self, name: str, value: object, rest: str) -> None:
        """Keep an error: name, value, then the reason and the remedy."""
        text = sentence("{0}: {1} {2}".format(name, shown(value), rest))
        if text not in self.errors:  # a variable may be read more than once
            self.errors.append(text)

    def need(self, name: str, value: object, since: Since, what: str = "") -> None:
        """Keep that something asks for a backend or a release that has it."""
        self.needs.append(Need(name, value, since, what))

    def known(self, origin: str, entry: t.Iterable[object], keys: t.Collection[str]) -> None:
        """Warn of every key that is not known."""
        for key in entry:
            if key not in keys:
                near = difflib.get_close_matches(str(key), keys, 1)
                self.warnings.append(no_effect("{0}.{1} is not known".format(origin, key), near))

    def has(self, name: str) -> bool:
        """Return whether the variable says something; null and what is empty say nothing."""
        return self.variables.get(name) not in EMPTY

    def flag(self, name: str, default: bool) -> bool:
        value = self.variables.get(name)
        return self.as_flag(name, value, default) if self.has(name) else default

    def as_flag(self, name: str, value: object, default: bool) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "yes", "on"):
            return True
        if isinstance(value, str) and value.lower() in ("false", "no", "off"):
            return False
        self.error(name, value, "is not a truth value; write true or false")
        return default

    def text(self, name: str) -> str | None:
        if not self.has(name):
            return None
        value = self.variables[name]
        if isinstance(value, str):
            return value
        self.error(name, value, "is not text; write it in quotes")
        return None

    def choice(self, name: str, choices: t.Sequence[str], default: str) -> str:
        value = self.variables.get(name) if self.has(name) else default
        return self.one_of(name, value, choices) or default

    def one_of(self, name: str, value: object, choices: t.Sequence[str]) -> str | None:
        """Return a value that is one of the choices."""
        if value in choices:
            return str(value)
        near = difflib.get_close_matches(str(value), choices, 1)
        remedy = 'did you mean "{0}"?'.format(near[0]) if near else "choose one of {0}".format(", ".join(choices))
        self.error(name, value, "is not known; {0}".format(remedy))
        return None

    def mapping(self, name: str, value: object) -> dict[str, t.Any]:
        if value in EMPTY:
            return {}
        if isinstance(value, dict):
            return value
        self.error(name, value, 'is not a mapping; write it as "key: value" lines below {0}'.format(name))
        return {}

    def listing(self, name: str, value: object) -> list[t.Any]:
        if value in EMPTY:
            return []
        if isinstance(value, list):
            return value
        self.error(name, value, 'is not a list; write it as "- value" lines below {0}'.format(name))
        return []

    def name(self, variable: str, name: str) -> str:
        """Return the name of a Kubernetes object."""
        if not _NAME.match(name) or len(name) > 253:
            self.error(variable, name, 'cannot name a Kubernetes object; use lower-case letters, digits and "-"')
        return name


def no_effect(what: str, near: t.Sequence[str]) -> str:
    """Return the warning about something that is not known."""
    return sentence("{0} and has no effect{1}".format(what, "; did you mean {0}?".format(near[0]) if near else ""))


def sentence(text: str) -> str:
    """Return a text with its full stop."""
    return text if text.endswith("?") else text + "."


def shown(value: object) -> str:
    """Return a value as it stands in a message, without passwords."""
    if isinstance(value, Password):
        return HIDDEN
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(_without_passwords(value))
    return text if len(text) <= 60 else text[:57] + "..."


def _without_passwords(value: object) -> object:
    if isinstance(value, dict):
        return {key: HIDDEN if _SECRET.search(str(key)) else _without_passwords(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_passwords(one) for one in value]
    return value


def label(value: object) -> str:
    """Return a label's value; what YAML takes for a truth value was meant as a text."""
    return str(value).lower() if isinstance(value, bool) else str(value)
