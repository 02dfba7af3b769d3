# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What FRR's vtysh says of BGP sessions and of the routes for some prefixes.

Prefixes are looked up one by one: a router with the Internet's table would take minutes to print it.
Python 3.8, standard library only: routers import this file.
"""

from __future__ import annotations

import functools
import ipaddress
import json
import re
import shlex
import typing as t

Object = t.Dict[str, t.Any]
Ask = t.Callable[[t.Sequence[str]], str]

DEFAULT_VRF = "default"
VERSION = "show version"
NEIGHBOURS = "show bgp vrf all neighbors json"
# As text, because JSON of it is younger than what else is asked here.
INTERFACES = "show interface vrf all"
# Commands for one run of vtysh; an argument list has limits.
BATCH = 200

_ADDRESS = re.compile(r"^\s+inet6? ([0-9A-Fa-f:.]+)", re.M)
_LONGEST = 160


class NotUnderstood(Exception):
    """vtysh answered something else than what was asked for."""


def command_line(vtysh: t.Sequence[str], commands: t.Sequence[str]) -> list[str]:
    """Return the words that run commands, each echoed before its answer.

    vtysh: words, or texts of several. Raise ValueError where there is none or a quote is open.
    """
    words = [word for text in vtysh for word in shlex.split(text)]
    if not words:
        raise ValueError("no command")
    return [*words, "-E", *(word for command in commands for word in ("-c", command))]


def look(ask: Ask, prefixes: t.Sequence[str]) -> Object:
    """Return version, addresses, sessions and, 1:1 for prefixes, results, see the frr_info module.

    ask: runs commands and returns what vtysh printed. Raise NotUnderstood.
    """
    # The text comes before JSON, of which one sees that its end is missing.
    basics = [VERSION, INTERFACES, NEIGHBOURS]
    said = _answers(ask(basics), basics)
    sessions = _read(NEIGHBOURS, lambda: _sessions(_data(NEIGHBOURS, said[NEIGHBOURS])))
    vrfs = list(dict.fromkeys([DEFAULT_VRF, *(one["vrf"] for one in sessions)]))
    commands = {(vrf, prefix): _lookup(vrf, prefix) for prefix in dict.fromkeys(prefixes) for vrf in vrfs}
    texts: dict[str, str] = {}
    waiting = list(commands.values())
    for start in range(0, len(waiting), BATCH):
        batch = waiting[start : start + BATCH]
        texts.update(_answers(ask(batch), batch))
    found: dict[str, list[Object]] = {}
    for (vrf, prefix), command in commands.items():
        paths = _read(command, functools.partial(_paths, command, texts[command], vrf))
        found.setdefault(prefix, []).extend(paths)
    version = re.search(r"FRRouting (\S+)", said[VERSION])
    own = {*map(_known, _ADDRESS.findall(said[INTERFACES])), *(one["local"] for one in sessions)}
    return {
        "version": version.group(1) if version else "",
        "addresses": sorted(filter(_is_for_others, own)),
        "sessions": sessions,
        "results": [{"prefix": prefix, "paths": found[prefix]} for prefix in prefixes],
    }


def _lookup(vrf: str, prefix: str) -> str:
    return "show bgp {0}ipv{1} unicast {2} json".format(
        "" if vrf == DEFAULT_VRF else "vrf {0} ".format(vrf), 6 if ":" in prefix else 4, prefix
    )


def _is_for_others(address: str) -> bool:
    one = ipaddress.ip_address(address) if address else None
    return one is not None and not (one.is_loopback or one.is_link_local)


# Text ----------------------------------------------------------------------------------------------------------------


def _answers(output: str, commands: t.Sequence[str]) -> dict[str, str]:
    """Return command -> answer. A command that vtysh did not come to is what it stopped before."""
    found: dict[str, str] = {}
    lines: list[str] = []
    waiting = list(commands)
    for line in output.splitlines():
        if waiting and line.rstrip().endswith(("# " + waiting[0], "> " + waiting[0])):
            lines = []
            found[waiting.pop(0)] = ""
        else:
            lines.append(line)
            if len(waiting) < len(commands):
                found[commands[len(found) - 1]] = "\n".join(lines)
    if waiting:
        words = last_line(output)
        raise NotUnderstood(
            'vtysh did not come to "{0}", {1}'.format(
                waiting[0], 'it ends in "{0}"'.format(words) if words else "it says nothing"
            )
        )
    return found


def last_line(text: str) -> str:
    """Return the last words of a text, shortened, "" for none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".")[:_LONGEST] if lines else ""


def _data(command: str, text: str) -> Object:
    """Return the JSON object that answers a command."""
    try:
        data = json.loads(text)
    except ValueError as exc:
        words = last_line(text)
        shown = 'ends in "{0}"'.format(words) if words else "is empty"
        raise NotUnderstood('the answer to "{0}" is no JSON, it {1}'.format(command, shown)) from exc
    if not isinstance(data, dict):
        raise NotUnderstood('the answer to "{0}" is no object'.format(command))
    return data


def _read(command: str, read: t.Callable[[], list[Object]]) -> list[Object]:
    try:
        return read()
    except (AttributeError, TypeError, ValueError) as exc:
        raise NotUnderstood('the answer to "{0}" has an unknown form'.format(command)) from exc


# Data ----------------------------------------------------------------------------------------------------------------


def _sessions(data: Object) -> list[Object]:
    """Return a row for every neighbour, of all VRFs."""
    found = []
    for vrf, neighbours in data.items():
        for name, one in neighbours.items() if isinstance(neighbours, dict) else ():
            if not isinstance(one, dict) or "bgpState" not in one:
                continue
            families = one.get("addressFamilyInfo") or {}
            found.append(
                {
                    "vrf": vrf,
                    "remote": _known(name) or _known(one.get("hostForeign")),
                    "interface": "" if _known(name) else name,
                    "remote_as": int(one.get("remoteAs") or 0),
                    "state": str(one["bgpState"]),
                    "shut_down": bool(one.get("adminShutDown")),
                    "local": _known(one.get("hostLocal")),
                    "prefixes": sum(int(family.get("acceptedPrefixCounter") or 0) for family in families.values()),
                }
            )
    return found


def _known(address: t.Any) -> str:
    """Return an address in its one form; "" for a word such as "Unknown"."""
    try:
        return str(ipaddress.ip_address(str(address).partition("%")[0]))
    except ValueError:
        return ""


def _paths(command: str, text: str, vrf: str) -> list[Object]:
    """Return a row for every path of a route."""
    # FRR 7 has words for an unknown prefix, "% Network not in table", and FRR 10 an empty object.
    route = {} if not text.strip() or "not in table" in text else _data(command, text)
    found = []
    for path in route.get("paths") or []:
        peer, best = path.get("peer") or {}, path.get("bestpath")
        hops = [_known(hop.get("ip")) for hop in path.get("nexthops") or []]
        preference = path.get("locPrf")
        found.append(
            {
                "vrf": vrf,
                "peer": _known(peer.get("peerId")),
                "next_hops": [hop for hop in hops if hop],
                "valid": bool(path.get("valid")),
                "used": bool(path.get("multipath") or (best.get("overall") if isinstance(best, dict) else best)),
                "communities": _communities(path, "community", "") + _communities(path, "largeCommunity", "large:"),
                "local_preference": None if preference is None else int(preference),
            }
        )
    return found


def _communities(path: Object, key: str, before: str) -> list[str]:
    """Return communities as MetalLB writes them: in FRR's lists, unlike in its text, no-export is another word."""
    said = path.get(key)
    return [before + word for word in str(said.get("string") or "").split()] if isinstance(said, dict) else []
