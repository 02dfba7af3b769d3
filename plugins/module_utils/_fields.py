# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Entries of the inventory -> fields of custom resources: tables of what is called how, and what a value may be."""

from __future__ import annotations

import difflib
import ipaddress
import re
import typing as t
from decimal import Decimal

from ansible_collections.kubeaddons.metallb.plugins.module_utils._addresses import parse_address
from ansible_collections.kubeaddons.metallb.plugins.module_utils._backend import BACKENDS, Since
from ansible_collections.kubeaddons.metallb.plugins.module_utils._eras import EMPTY
from ansible_collections.kubeaddons.metallb.plugins.module_utils._reader import Reader, sentence
from ansible_collections.kubeaddons.metallb.plugins.module_utils._secrets import HIDDEN, KEY, Password, holds

Object = t.Dict[str, t.Any]
# (reader, path, value) -> the value as the custom resource has it; None where there is none.
Read = t.Callable[[Reader, str, object], object]

_DIGITS = re.compile(r"(?:0|[1-9][0-9]*)\Z")
_ZEROS = re.compile(r"0+([0-9]+)\Z")
_ASDOT = re.compile(r"([0-9]{1,5})\.([0-9]{1,5})\Z")
_AS = re.compile(r"[Aa][Ss]([1-9][0-9]*)\Z")
_DURATION = re.compile(r"(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|ms|s|m|h))+\Z")
_PART = re.compile(r"([0-9.]+)(ns|us|µs|ms|s|m|h)")
_SECONDS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
NO_COMMUNITY = "is not text; write it in quotes, because YAML reads 64512:50 without them as the number 3870770"
MOST_32 = 4294967295


class Field(t.NamedTuple):
    """What a key of the inventory is in a custom resource."""

    name: str
    read: Read
    since: Since = BACKENDS


class Fields(t.NamedTuple):
    """The fields of one custom resource, and the path of the variable that each comes from."""

    spec: Object
    origins: dict[str, str]


def read_fields(
    read: Reader,
    origin: str,
    entry: t.Mapping[str, t.Any],
    table: t.Mapping[str, Field],
    paths: t.Mapping[str, str] | None = None,
) -> Fields:
    """Return the fields that an entry gives, those below its key spec by their own names.

    paths: key -> path of the variable, for keys that do not stand below the origin.
    """
    found = Fields({}, {})
    for key, field in table.items():
        _take(read, (paths or {}).get(key) or "{0}.{1}".format(origin, key), entry.get(key), field, found)
    more = read_spec(read, origin, entry, {field.name: field for field in table.values()})
    return Fields({**found.spec, **more.spec}, {**found.origins, **more.origins})


def read_spec(read: Reader, origin: str, entry: t.Mapping[str, t.Any], fields: t.Mapping[str, Field]) -> Fields:
    """Return what stands below an entry's key spec, where fields go by the names of the custom resource."""
    found = Fields({}, {})
    for name, value in read.mapping(origin + ".spec", entry.get("spec")).items():
        path = "{0}.spec.{1}".format(origin, name)
        if name in fields:
            _take(read, path, value, fields[name], found)
            continue
        if name == KEY or holds(value):
            read.error(path, value, "holds a password, which must not stand in a custom resource; remove it")
            continue
        near = difflib.get_close_matches(str(name), fields, 1)
        hint = "; did you mean {0}?".format(near[0]) if near else ""
        read.warnings.append(sentence("{0} is not known here and is handed on as it is{1}".format(path, hint)))
        found.spec[str(name)] = value
        found.origins[str(name)] = path
    return found


def _take(read: Reader, path: str, value: object, field: Field, found: Fields) -> None:
    if value in EMPTY:
        return
    result = field.read(read, path, value)
    if result is None:
        return
    found.spec[field.name] = result
    found.origins[field.name] = path
    if field.since is not BACKENDS:
        read.need(path, value, field.since)


def elsewhere(key: str) -> Read:
    """Return a reader of fields that have to go by the inventory's name."""

    def refuse(read: Reader, path: str, value: object) -> None:
        read.error(path, value, "has a key of its own; write it as {0}".format(key))

    return refuse


def truth(read: Reader, path: str, value: object) -> bool:
    return read.as_flag(path, value, False)


def flag(read: Reader, path: str, value: object) -> bool | None:
    """Return true where it is said; false is what MetalLB does without a word."""
    return read.as_flag(path, value, False) or None


def text(read: Reader, path: str, value: object) -> str | None:
    if isinstance(value, str) and value.strip():
        return value
    read.error(path, value, "is not text; write it in quotes")
    return None


def listed(one: t.Callable[[Reader, str, object], str | None]) -> Read:
    """Return a reader of lists in which nothing stands twice, which MetalLB refuses; "" is what could not be read."""

    def every(read: Reader, path: str, value: object) -> list[str] | None:
        found: list[str] = []
        for index, entry in enumerate(read.listing(path, value)):
            where = "{0}[{1}]".format(path, index)
            given = one(read, where, entry) or ""
            if given and given in found:
                read.error(where, entry, "stands there twice, which MetalLB refuses; remove one")
            found.append(given)
        return found or None

    return every


texts = listed(text)


def whole(low: int, high: int, what: str = "") -> Read:
    """Return a reader of whole numbers."""

    def number(read: Reader, path: str, value: object) -> int | None:
        given = _number(read, path, value)
        if given is None:
            return None
        if low <= given <= high:
            return given
        read.error(
            path, value, "is not {0}; write a whole number from {1} to {2}".format(what or "possible", low, high)
        )
        return None

    return number


def _number(read: Reader, path: str, value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        given = value.strip()
        if _DIGITS.match(given) and len(given) < 20:
            return int(given)
        if zeros := _ZEROS.match(given):
            rest = "has a leading zero, which YAML may read as an octal number; write {0}".format(int(zeros[1]))
            read.error(path, value, rest)
            return None
    read.error(path, value, "is not a whole number; write one, without quotes")
    return None


def asn(read: Reader, path: str, value: object) -> int | None:
    """Return an AS number."""
    if isinstance(value, float):
        rest = (
            "is a decimal number, as which YAML reads an AS number with a dot; write it as one whole number, "
            "that is the part before the dot times 65536 plus the part after it"
        )
        read.error(path, value, rest)
        return None
    if isinstance(value, str):
        given = value.strip()
        if dot := _ASDOT.match(given):
            plain = int(dot[1]) * 65536 + int(dot[2])
            read.error(path, value, "is in asdot notation, which MetalLB does not read; write {0}".format(plain))
            return None
        if named := _AS.match(given):
            read.error(path, value, "is not a number; write {0}".format(named[1]))
            return None
    return t.cast("int | None", whole(1, MOST_32, "an AS number")(read, path, value))


def duration(read: Reader, path: str, value: object) -> str | None:
    """Return a span of time as Go writes it; a plain number is meant in seconds."""
    given = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if _DIGITS.match(given):
        given += "s"
    if not _DURATION.match(given) or any(number.count(".") > 1 for number, _unit in _PART.findall(given)):
        read.error(path, value, 'is not a span of time; write it as "90s" or "1m30s", or as a number of seconds')
        return None
    return given


def seconds(given: object) -> Decimal:
    """Return the seconds of what duration() returned."""
    return sum((Decimal(number) * _SECONDS[unit] for number, unit in _PART.findall(str(given))), Decimal(0))


def hold_time(read: Reader, path: str, value: object) -> str | None:
    given = duration(read, path, value)
    if given is None or seconds(given) == 0 or 3 <= seconds(given) <= 65535:
        return given
    read.error(path, value, "is not possible in BGP; write 0 for never, or 3 to 65535 seconds")
    return None


def keepalive_time(read: Reader, path: str, value: object) -> str | None:
    given = duration(read, path, value)
    if given is None or seconds(given) <= 65535:
        return given
    read.error(path, value, "is not possible in BGP; write 65535 seconds or less")
    return None


def connect_time(read: Reader, path: str, value: object) -> str | None:
    given = duration(read, path, value)
    if given is None or (1 <= seconds(given) <= 65535 and seconds(given) % 1 == 0):
        return given
    read.error(path, value, "is not possible; write whole seconds from 1 to 65535")
    return None


def address(read: Reader, path: str, value: object) -> str | None:
    """Return an address of either family."""
    try:
        return str(parse_address(value))
    except ValueError as exc:
        read.error(path, value, str(exc))
        return None


def ipv4(read: Reader, path: str, value: object) -> str | None:
    found = address(read, path, value)
    if found is not None and ipaddress.ip_address(found).version == 6:
        read.error(path, value, 'is not in the form of an IPv4 address; write it as "192.0.2.1"')
        return None
    return found


def one_of(*choices: str) -> Read:
    """Return a reader of one of some words."""

    def choice(read: Reader, path: str, value: object) -> str | None:
        return read.one_of(path, value, choices)

    return choice


def password(read: Reader, path: str, value: object) -> Password | None:
    """Return a password; what is wrong with it is said without showing it."""
    if not isinstance(value, Password):
        if value == HIDDEN:
            read.error(
                path, Password(), "did not arrive; hand what the filter passwords returns to the option passwords"
            )
        else:
            read.error(path, Password(), "is not text; write it in quotes")
        return None
    if len(value.encode()) > 80:
        read.error(path, value, "is longer than the 80 bytes that TCP MD5 takes; choose a shorter one")
    elif not value.isprintable() or value != value.strip():
        read.error(path, value, "holds blanks at its ends or signs that cannot be printed; choose another")
    return value


def secret(read: Reader, path: str, value: object) -> Object | None:
    """Return the reference to a Secret, which is given by its name."""
    entry = value if isinstance(value, dict) else {"name": value}
    read.known(path, entry, ("name", "namespace"))
    name = text(read, path + ".name" if isinstance(value, dict) else path, entry.get("name"))
    return None if name is None else {"name": read.name(path, name)}


def community(read: Reader, path: str, value: object) -> str | None:
    """Return a community or the name of one; which of the two is judged where the names are known."""
    if not isinstance(value, str):
        read.error(path, value, NO_COMMUNITY)
        return None
    return text(read, path, value)


def parse_community(value: object) -> bool:
    """Return whether a community is a large one; ValueError with the second half of a sentence for what is none."""
    if not isinstance(value, str):
        raise ValueError(NO_COMMUNITY)
    parts = value.split(":")
    large = len(parts) == 4 and parts[0] == "large"
    most = MOST_32 if large else 65535
    numbers = parts[1:] if large else parts
    if len(numbers) not in (2, 3) or large != (len(numbers) == 3):
        raise ValueError('is not a community; write it as "64512:50" or "large:64512:1:50"')
    for number in numbers:
        if not (number.isascii() and number.isdigit()) or int(number) > most:
            raise ValueError("is not a community because of {0!r}; write numbers from 0 to {1}".format(number, most))
    return large
