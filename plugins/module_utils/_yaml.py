# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""YAML where PyYAML is there; where it is not, the modules say so before they need it (see _kubernetes)."""

from __future__ import annotations

import traceback
import typing as t

IMPORT_ERROR = ""
try:
    import yaml
except ImportError:
    IMPORT_ERROR = traceback.format_exc()


class NotYaml(ValueError):
    """A text that is not YAML."""


def load(text: str | bytes) -> t.Any:
    """Return the one document of a text; raise NotYaml."""
    documents = load_all(text)
    if len(documents) > 1:
        raise NotYaml("there is more than one document")
    return documents[0] if documents else None


def load_all(text: str | bytes) -> list[t.Any]:
    """Return the documents of a text; raise NotYaml."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where libyaml is there
    try:
        return list(yaml.load_all(text, Loader=loader))
    except (yaml.YAMLError, UnicodeError) as exc:
        raise NotYaml(str(exc)) from exc


def dump(value: t.Any) -> str:
    """Return a value as YAML with a line for each entry."""
    return str(yaml.safe_dump(value, default_flow_style=False))
