# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Label selectors of any era -> as custom resources have them."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._eras import EMPTY
from ansible_collections.kubeaddons.metallb.plugins.module_utils._reader import Reader, label
from ansible_collections.kubeaddons.metallb.plugins.module_utils._secrets import Password

Object = t.Dict[str, t.Any]

OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_WORDS = {"match_labels": "matchLabels", "match_expressions": "matchExpressions"}
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?\Z")
_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z")


def selectors(read: Reader, origin: str, value: object) -> list[Object]:
    """Return label selectors; one of them has to match."""
    found: list[Object] = []
    for index, one in enumerate(read.listing(origin, value)):
        path = "{0}[{1}]".format(origin, index)
        selector = _selector(read, path, one)
        if selector in found:
            read.error(path, one, "stands there twice, which MetalLB refuses; remove one")
        found.append(selector)
    return found


def selector_matches(selector: Object, labels: t.Mapping[str, str]) -> bool:
    """Return whether a Kubernetes label selector (matchLabels, matchExpressions) matches."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for one in selector.get("matchExpressions") or []:
        present, listed = one["key"] in labels, labels.get(one["key"]) in (one.get("values") or [])
        matches = {"In": present and listed, "NotIn": not listed, "Exists": present, "DoesNotExist": not present}
        if not matches.get(one["operator"], False):
            return False
    return True


def _selector(read: Reader, origin: str, value: object) -> Object:
    """Return a label selector; plain labels are the short form."""
    entry = {_word(key): one for key, one in read.mapping(origin, value).items()}
    if not entry:
        read.error(origin, value, "selects nothing in particular; write labels such as {rack: a1}, or remove it")
    if not entry.keys() & {"matchLabels", "matchExpressions"}:
        entry = {"matchLabels": entry}
    read.known(origin, entry, ("matchLabels", "matchExpressions"))
    found: Object = {}
    if chosen := labels(read, origin, read.mapping(origin + ".matchLabels", entry.get("matchLabels"))):
        found["matchLabels"] = chosen
    expressions = read.listing(origin + ".matchExpressions", entry.get("matchExpressions"))
    if expressions:
        found["matchExpressions"] = [
            _expression(read, "{0}.matchExpressions[{1}]".format(origin, index), one)
            for index, one in enumerate(expressions)
        ]
    return found


def labels(read: Reader, origin: str, entry: t.Mapping[t.Any, t.Any]) -> dict[str, str]:
    """Return labels as Kubernetes takes them."""
    return {_key(read, origin, key): _value(read, "{0}.{1}".format(origin, key), one) for key, one in entry.items()}


def _word(key: object) -> str:
    """Return a selector's key as Kubernetes spells it; Kubespray has had match-labels, we write match_labels."""
    text = str(key)
    return _WORDS.get(text.replace("-", "_"), text)


def _expression(read: Reader, origin: str, value: object) -> Object:
    entry = read.mapping(origin, value)
    read.known(origin, entry, ("key", "operator", "values"))
    key, operator = entry.get("key"), entry.get("operator")
    values = [_value(read, origin + ".values", one) for one in read.listing(origin + ".values", entry.get("values"))]
    if key in EMPTY:
        read.error(origin, value, "has no key; add the name of a label")
    else:
        key = _key(read, origin + ".key", key)
    if operator not in OPERATORS:
        read.error(origin + ".operator", operator, "is not known; choose one of {0}".format(", ".join(OPERATORS)))
    elif (operator in ("In", "NotIn")) != bool(values):
        read.error(
            origin + ".values",
            values,
            "does not go with {0}: In and NotIn need values, Exists and DoesNotExist take none".format(operator),
        )
    found: Object = {"key": key, "operator": operator}
    return dict(found, values=values) if values else found


def _key(read: Reader, origin: str, key: object) -> str:
    text = str(key)
    if not _KEY.match(text):
        read.error(origin, key, "is not the name of a label; write it as kubectl get nodes --show-labels shows it")
    return text


def _value(read: Reader, origin: str, value: object) -> str:
    if isinstance(value, (dict, list)):
        read.error(origin, value, "is not the value of a label; write a text")
        return ""
    if isinstance(value, Password):
        read.error(
            origin, value, "is kept secret for its name, as a label cannot be; use matchExpressions for this one"
        )
        return ""
    text = "" if value is None else label(value)
    if not _VALUE.match(text):
        read.error(origin, value, 'is not the value of a label; use letters, digits, "-", "_" and ".", 63 at most')
    return text
