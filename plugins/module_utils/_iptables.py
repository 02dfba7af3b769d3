# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""kube-proxy's iptables rules, as ``iptables-save`` and ``ip6tables-save`` print them.

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _ipvs, _netlink
from ansible_collections.kubeaddons.metallb.plugins.module_utils._differences import Problem
from ansible_collections.kubeaddons.metallb.plugins.module_utils._rules import (
    ANY4,
    ANY6,
    DROP,
    REJECT,
    Chain,
    Rules,
    RulesError,
    key_of,
)

# kube-proxy uses whichever of the two kinds of tables the node's own firewall uses. The file tells, without a kernel module
# being loaded, whether the legacy kind is in use.
TOOLS = {
    4: ("iptables-nft-save", "iptables-save", "iptables-legacy-save"),
    6: ("ip6tables-nft-save", "ip6tables-save", "ip6tables-legacy-save"),
}
LEGACY_FILES = {4: "/proc/net/ip_tables_names", 6: "/proc/net/ip6_tables_names"}
TABLES = ("nat", "filter")
DIRECTORIES = ("/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin")

# Rules by which a packet gets to those of the Services: table, chain, and where the rule leads.
_LEADING = (
    ("nat", "PREROUTING", "KUBE-SERVICES"),
    ("nat", "OUTPUT", "KUBE-SERVICES"),
    ("nat", "POSTROUTING", "KUBE-POSTROUTING"),
    ("nat", "KUBE-POSTROUTING", "MASQUERADE"),
    ("nat", "KUBE-MARK-MASQ", "MARK"),
    ("nat", "KUBE-SERVICES", "KUBE-NODEPORTS"),
    ("filter", "INPUT", "KUBE-EXTERNAL-SERVICES"),
    ("filter", "FORWARD", "KUBE-EXTERNAL-SERVICES"),
    ("filter", "FORWARD", "KUBE-SERVICES"),
    ("filter", "OUTPUT", "KUBE-SERVICES"),
    ("filter", "INPUT", "KUBE-PROXY-FIREWALL"),
    ("filter", "FORWARD", "KUBE-PROXY-FIREWALL"),
    ("filter", "FORWARD", "KUBE-FORWARD"),
    # Made together with all others: not there when the kernel lacks what one of them needs.
    ("filter", "KUBE-FORWARD", "ACCEPT"),
)
_ENTRANCES = ("KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL")
_REFUSALS = {"REJECT": REJECT, "DROP": DROP}


class _Family:
    """What the rules of one family say, while they are read."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.balancing: dict[str, list[str]] = {}  # KUBE-SVC, KUBE-SVL -> KUBE-SEP
        self.persistence: dict[str, int] = {}
        self.destination: dict[str, str] = {}  # KUBE-SEP -> endpoint
        self.outside: dict[str, str] = {}  # KUBE-EXT, KUBE-FW -> where what comes from outside goes
        self.entries: dict[str, str] = {}  # key -> chain
        self.refused: dict[str, str] = {}
        self.guarded: set[str] = set()
        self.leading: set[tuple[str, str, str]] = set()
        self.unparsed: list[str] = []


def _option(words: t.Sequence[str], name: str) -> str:
    """Return what follows an option, "" without it; an inverted one counts as absent."""
    if name not in words:
        return ""
    index = words.index(name)
    return "" if index and words[index - 1] == "!" else words[index + 1]


def _key(words: t.Sequence[str], version: int) -> str:
    address = _option(words, "-d").partition("/")[0]
    any_address = ANY6 if version == 6 else ANY4
    port = int(_option(words, "--dport"))
    return key_of(_option(words, "-p"), _ipvs.canonical_address(address) if address else any_address, port)


def _split(line: str) -> tuple[str, str, str, str]:
    """Return chain, conditions, target and what follows of a line "-A CHAIN ... -j TARGET ..."."""
    head, _dummy, tail = line.partition(" -j ")
    return line[3 : line.index(" ", 3)], head, tail.split(" ", 1)[0], tail


def _read_rule(found: _Family, table: str, line: str) -> None:
    """Take in one line; raise ValueError or LookupError where it is not understood."""
    chain, head, target, tail = _split(line)
    if chain.startswith(("KUBE-SVC-", "KUBE-SVL-")):
        _read_choice(found, chain, target, head)
    elif chain.startswith("KUBE-SEP-"):
        _read_destination(found, chain, target, tail)
    elif chain.startswith(("KUBE-EXT-", "KUBE-FW-")):
        _read_outside(found, chain, target, head)
    elif chain in _ENTRANCES and target != "KUBE-NODEPORTS":
        _read_entry(found, table, chain, target, head.split())
    else:
        found.leading.add((table, chain, target))


def _read_choice(found: _Family, chain: str, target: str, head: str) -> None:
    if target.startswith("KUBE-SEP-"):
        seconds = _option(head.split(), "--seconds")
        if seconds:
            found.persistence[chain] = int(seconds)
        else:
            found.balancing.setdefault(chain, []).append(target)
    elif target != "KUBE-MARK-MASQ":
        raise ValueError(target)


def _read_destination(found: _Family, chain: str, target: str, tail: str) -> None:
    if target == "DNAT":
        address, port = _ipvs.split_endpoint(_option(tail.split(), "--to-destination"))
        found.destination[chain] = _ipvs.join_endpoint(_ipvs.canonical_address(address), port)
    elif target != "KUBE-MARK-MASQ":
        raise ValueError(target)


def _read_outside(found: _Family, chain: str, target: str, head: str) -> None:
    if target.startswith(("KUBE-SVC-", "KUBE-SVL-", "KUBE-EXT-")):
        # What is for pods and for the node itself has a condition. The ranges of KUBE-FW are conditions too.
        words = head.split()
        if chain.startswith("KUBE-FW-") or not ("-s" in words or "--src-type" in words):
            found.outside[chain] = target
    elif target not in ("", "KUBE-MARK-MASQ"):
        raise ValueError(target)


def _read_entry(found: _Family, table: str, chain: str, target: str, words: t.Sequence[str]) -> None:
    if chain == "KUBE-NODEPORTS" and (table == "filter" or _option(words, "-d").startswith("127.")):
        return  # ports of health checks, and what counts packets from the node itself
    key = _key(words, found.version)
    if chain == "KUBE-PROXY-FIREWALL":
        found.guarded.add(key)
    elif table == "filter":
        found.refused[key] = _REFUSALS[target]
    else:
        found.entries[key] = target


def tabled(version: int, lines: t.Iterable[str]) -> t.Iterator[tuple[str, str]]:
    """Yield the table and the line of each rule, and of what is none; raise RulesError where the lines are cut off."""
    table = ""
    ended = True
    for line in lines:
        line = line.rstrip("\n")
        if line.startswith("*"):
            if not ended:
                break
            table = line[1:]
            ended = False
        elif line == "COMMIT":
            ended = True
        elif not line.startswith((":", "#")) and line:
            yield table, line
    if not ended:
        raise RulesError(f"the rules of IPv{version} are cut off within the table {table}")


def _parse_family(version: int, lines: t.Iterable[str]) -> _Family:
    found = _Family(version)
    for table, line in tabled(version, lines):
        try:
            if not line.startswith("-A "):
                raise ValueError(line)
            _read_rule(found, table, line)
        except (ValueError, LookupError, OSError):
            found.unparsed.append(line)
    return found


class Jump(t.NamedTuple):
    """What a rule does, without its other conditions."""

    table: str
    chain: str
    set: str  # the set that it looks into, "" for none
    target: str


def jumps(version: int, lines: t.Iterable[str]) -> set[Jump]:
    """Return what all rules of one family do; raise RulesError."""
    found = set()
    for table, line in tabled(version, lines):
        if line.startswith("-A ") and " -j " in line:
            chain, head, target, _dummy = _split(line)
            found.add(Jump(table, chain, _option(head.split(), "--match-set"), target))
    return found


def parse(texts: t.Mapping[int, t.Iterable[str]]) -> Rules:
    """Return the rules that the lines of iptables-save (4) and ip6tables-save (6) tell; raise RulesError."""
    rules = Rules({}, {}, {}, set(), [], [])
    for version, lines in texts.items():
        found = _parse_family(version, lines)
        rules.unparsed.extend(found.unparsed)
        rules.refused.update(found.refused)
        rules.guarded.update(found.guarded)
        rules.broken.extend(
            Problem("rule", f"IPv{version} {table} {chain} -> {target}", "present", "absent", table)
            for table, chain, target in _LEADING
            if (table, chain, target) not in found.leading
        )
        # Families have chains of the same name where a Service has both.
        for chain, targets in found.balancing.items():
            backends = {found.destination[one] for one in targets if one in found.destination}
            rules.chains[f"{version} {chain}"] = Chain(backends, len(backends), found.persistence.get(chain, 0))
        for key, chain in found.entries.items():
            inner = chain
            passed: set[str] = set()  # a way in circles ends
            while inner.startswith(("KUBE-EXT-", "KUBE-FW-")) and inner not in passed:
                passed.add(inner)
                inner = found.outside.get(inner, "")
            rules.served[key] = f"{version} {inner}"
    return rules


Run = t.Callable[[t.List[str]], t.Tuple[int, str, str]]  # command -> exit status, output, errors


def read(versions: t.Iterable[int], run: Run) -> Rules:
    """Return the node's rules of these address families; raise RulesError. run: AnsibleModule.run_command."""
    return parse({version: save(version, run) for version in versions})


def _tools(version: int, run: Run) -> t.Iterator[tuple[str, str, bool]]:
    """Yield name, path and whether it is for legacy tables of the tools that load no module."""
    for name in TOOLS[version]:
        path = next((f"{one}/{name}" for one in DIRECTORIES if os.access(f"{one}/{name}", os.X_OK)), "")
        if path:
            # Only the name that both kinds may have says nothing.
            legacy = "legacy" in (name if "-nft-" in name or "-legacy-" in name else _output(run, [path, "--version"]))
            if os.path.exists(LEGACY_FILES[version]) if legacy else not _netlink.would_load("nf_tables"):
                yield name, path, legacy


def save(version: int, run: Run) -> list[str]:
    """Return the lines of the tool that shows kube-proxy's chains; raise RulesError."""
    tried = []
    for name, path, _dummy in _tools(version, run):
        tried.append(name)
        lines = _saved(path, TABLES, run)
        if any(line.startswith(":KUBE-SERVICES ") for line in lines):
            return lines
    if not tried:
        raise RulesError("{} is not installed here, or no rules are in use".format(TOOLS[version][1]))
    raise RulesError("{} show no rules of kube-proxy".format(", ".join(tried)))


def save_legacy(version: int, run: Run) -> list[str]:
    """Return the lines of the legacy tables that there are, none without a tool for them; raise RulesError."""
    try:
        with open(LEGACY_FILES[version], encoding="ascii") as handle:
            tables = [table for table in handle.read().split() if table in TABLES]
    except OSError:
        return []
    paths = (path for _dummy, path, legacy in _tools(version, run) if legacy) if tables else iter(())
    path = next(paths, "")
    return _saved(path, tables, run) if path else []


def _saved(path: str, tables: t.Iterable[str], run: Run) -> list[str]:
    return [line for table in tables for line in _output(run, [path, "-t", table]).splitlines()]


def _output(run: Run, command: list[str]) -> str:
    status, output, errors = run(command)
    if status != 0:
        raise RulesError("{} failed: {}".format(" ".join(command), errors.strip() or f"exit status {status}"))
    return output
