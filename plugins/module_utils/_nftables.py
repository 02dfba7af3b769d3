# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""kube-proxy's nftables rules, asked of the kernel through nfnetlink: the tool nft takes half a minute for 10,000 Services.

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import socket
import struct
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _ipvs, _netlink, _nfnetlink
from ansible_collections.kubeaddons.metallb.plugins.module_utils._differences import Problem
from ansible_collections.kubeaddons.metallb.plugins.module_utils._nfnetlink import (
    FAMILIES,
    PROTOCOLS,
    Ask,
    listed,
    named,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._rules import (
    ANY4,
    ANY6,
    DROP,
    REJECT,
    Chain,
    Rules,
    key_of,
)

# <linux/netfilter/nfnetlink.h>, <linux/netfilter/nf_tables.h>
NFNL_SUBSYS_NFTABLES = 10
NFT_MSG_GETTABLE = 1
NFT_MSG_GETRULE = 7
NFT_MSG_GETSET = 10
NFT_MSG_GETSETELEM = 13
# The table's name is the first attribute of all requests and answers, the chain's or set's name the second.
NFTA_TABLE = 1
NFTA_NAME = 2
NFTA_RULE_EXPRESSIONS = 4
NFTA_SET_TIMEOUT = 11
NFTA_SET_ELEM_LIST_ELEMENTS = 3
NFTA_SET_ELEM_KEY = 1
NFTA_SET_ELEM_DATA = 2
NFTA_DATA_VALUE = 1
NFTA_DATA_VERDICT = 2
NFTA_VERDICT_CODE = 1
NFTA_VERDICT_CHAIN = 2
NFTA_EXPR_NAME = 1
NFTA_EXPR_DATA = 2
NFTA_LOOKUP_SET = 1
NFTA_IMMEDIATE_DATA = 2
NFTA_NG_MODULUS = 2
NF_DROP = 0

TABLE = "kube-proxy"

# Rules by which a packet gets to those of the Services: chain, and what stands in the rule. "" is any chain: the names of
# those that refuse and guard have changed from release to release of kube-proxy.
_LEADING = (
    ("nat-prerouting", b"services\0"),
    ("nat-output", b"services\0"),
    ("services", b"service-ips\0"),
    ("services", b"service-nodeports\0"),
    ("nat-postrouting", b"masquerading\0"),
    ("masquerading", b"masq\0"),
    ("mark-for-masquerade", b"bitwise\0"),
    ("", b"no-endpoint-services\0"),
    ("", b"no-endpoint-nodeports\0"),
    ("", b"firewall-ips\0"),
)


class _Chains:
    """What the rules of one family say."""

    def __init__(self) -> None:
        self.backends: dict[str, set[str]] = {}  # part of a chain's name that tells the Service port -> endpoints
        self.ways: dict[str, int] = {}
        self.vmaps: dict[str, str] = {}
        self.affinity: dict[str, str] = {}
        self.outside: dict[str, str] = {}  # chain of external traffic -> chain of the Service
        self.dropping: set[str] = set()
        self.leading: list[tuple[str, bytes]] = []
        self.unparsed: list[str] = []


def ask_kernel(message: int, family: int, attributes: bytes) -> list[bytes]:
    """Ask for one dump of nf_tables."""
    return _nfnetlink.dump(NFNL_SUBSYS_NFTABLES, message, family, attributes)


def _payloads(parts: t.Iterable[bytes]) -> t.Iterator[tuple[bytes, int, int]]:
    return _nfnetlink.payloads(parts, NFNL_SUBSYS_NFTABLES)


def _expressions(rule: bytes) -> t.Iterator[tuple[str, dict[int, bytes]]]:
    for one in listed(_netlink.nested(rule).get(NFTA_RULE_EXPRESSIONS, b"")):
        parts = _netlink.nested(one)
        yield _netlink.text(parts.get(NFTA_EXPR_NAME, b"")), _netlink.nested(parts.get(NFTA_EXPR_DATA, b""))


def _verdict(data: bytes) -> tuple[int, str]:
    """Return the code and the chain of a verdict."""
    parts = _netlink.nested(_netlink.nested(data).get(NFTA_DATA_VERDICT, b""))
    return struct.unpack(">i", parts[NFTA_VERDICT_CODE])[0], _netlink.text(parts.get(NFTA_VERDICT_CHAIN, b""))


def _endpoint(chain: str) -> tuple[str, str]:
    """Return the Service port's part and the endpoint of "endpoint-HASH-namespace/name/tcp/port__10.233.64.5/8080".

    Names hold no colon: kube-proxy writes "fd00..5" for fd00::5.
    """
    front, _dummy, endpoint = chain.rpartition("__")
    address, _dummy, port = endpoint.rpartition("/")
    if ".." in address or address.count(".") != 3:
        address = address.replace(".", ":")
    return _port(front), _ipvs.join_endpoint(_ipvs.canonical_address(address), int(port))


def _port(chain: str) -> str:
    """Return "namespace/name/tcp/port" of a chain's name."""
    return chain.split("-", 2)[2]


def _read_rule(found: _Chains, chain: str, rule: bytes) -> None:
    """Take in one rule; most are searched only, since taking each apart would take seconds."""
    if "/" not in chain:
        found.leading.append((chain, rule))
    elif chain.startswith("firewall-"):
        found.dropping.add(chain)
    elif chain.startswith("external-"):
        _read_external(found, chain, rule)
    elif b"mark-for-masquerade\0" in rule:
        pass
    elif chain.startswith("endpoint-"):
        _read_endpoint(found, chain, rule)
    elif chain.startswith(("service-", "local-")):
        _read_choice(found, chain, rule)
    else:
        found.unparsed.append(_unknown(chain, rule))


def _read_endpoint(found: _Chains, chain: str, rule: bytes) -> None:
    if b"nat\0" in rule:
        port, endpoint = _endpoint(chain)
        found.backends.setdefault(port, set()).add(endpoint)
    elif b"dynset\0" not in rule:  # remembers a client
        found.unparsed.append(_unknown(chain, rule))


def _read_choice(found: _Chains, chain: str, rule: bytes) -> None:
    data = dict(_expressions(rule))
    if "numgen" in data:
        found.ways[chain] = struct.unpack(">I", data["numgen"][NFTA_NG_MODULUS])[0]
        found.vmaps[chain] = _netlink.text(data["lookup"][NFTA_LOOKUP_SET])
    elif b"affinity-" in rule:
        found.affinity[chain] = _netlink.text(data["lookup"][NFTA_LOOKUP_SET])
    else:
        found.unparsed.append(_unknown(chain, rule))


def _read_external(found: _Chains, chain: str, rule: bytes) -> None:
    expressions = list(_expressions(rule))
    target = _verdict(expressions[-1][1][NFTA_IMMEDIATE_DATA])[1]
    if target.startswith(("service-", "local-")):
        # What has a condition is for pods and for the node itself.
        if len(expressions) == 1:
            found.outside[chain] = target
    elif target != "mark-for-masquerade":
        found.unparsed.append(_unknown(chain, rule))


def _unknown(chain: str, rule: bytes) -> str:
    return "{}: {}".format(chain, " ".join(name for name, _dummy in _expressions(rule)))


def objects(parts: t.Iterable[bytes]) -> t.Iterator[dict[int, bytes]]:
    """Yield the attributes of each message."""
    for part, start, end in _payloads(parts):
        yield _netlink.parse_attributes(part, start, end)


def rules_of(parts: t.Iterable[bytes]) -> t.Iterator[tuple[str, bytes]]:
    """Yield the chain, "" where it is not told, and the attributes of each rule."""
    for part, start, end in _payloads(parts):
        # Table and chain come first, one after the other.
        table = (_netlink.ATTRIBUTE.unpack_from(part, start)[0] + 3) & ~3
        length, kind = _netlink.ATTRIBUTE.unpack_from(part, start + table)
        begin = start + table + _netlink.ATTRIBUTE.size
        chain = part[begin : begin + length - _netlink.ATTRIBUTE.size - 1].decode("utf-8", "replace")
        yield chain if kind == NFTA_NAME else "", part[start:end]


def _read_rules(parts: t.Iterable[bytes]) -> _Chains:
    found = _Chains()
    for chain, rule in rules_of(parts):
        try:
            if not chain:
                raise ValueError(chain)
            _read_rule(found, chain, rule)
        except (ValueError, LookupError, struct.error, OSError):
            found.unparsed.append(_unknown(chain, rule))
    return found


def _elements(parts: t.Iterable[bytes]) -> t.Iterator[tuple[bytes, int, str]]:
    """Yield key, code and chain of a verdict map's elements."""
    for attributes in objects(parts):
        for one in listed(attributes.get(NFTA_SET_ELEM_LIST_ELEMENTS, b"")):
            element = _netlink.nested(one)
            code, chain = _verdict(element[NFTA_SET_ELEM_DATA])
            yield _netlink.nested(element[NFTA_SET_ELEM_KEY])[NFTA_DATA_VALUE], code, chain


def _map_key(raw: bytes, version: int) -> str:
    """Return the key of an element: address, protocol and port, or protocol and port, each filled up to four bytes."""
    size = len(raw) - 8
    address = socket.inet_ntop(FAMILIES[version], raw[:size]) if size else (ANY6 if version == 6 else ANY4)
    return key_of(PROTOCOLS[raw[size]], address, struct.unpack_from(">H", raw, size + 4)[0])


class Reader:
    """One look at the kernel's table of both families."""

    def __init__(self, ask: Ask = ask_kernel) -> None:
        self._ask = ask
        self._chains: dict[str, tuple[int, str]] = {}  # chain -> family, verdict map
        self._endpoints: dict[int, _Chains] = {}

    @_netlink.understood()
    def read(self) -> Rules:
        """Return the rules; raise NetlinkError."""
        found = Rules({}, {}, {}, set(), [], [])
        for version in FAMILIES:
            self._read_family(version, found)
        return found

    def _map(self, version: int, name: str) -> list[tuple[bytes, int, str]]:
        request = named(NFTA_TABLE, TABLE) + named(NFTA_NAME, name)
        return list(_elements(self._ask(NFT_MSG_GETSETELEM, FAMILIES[version], request)))

    def _read_family(self, version: int, rules: Rules) -> None:
        table = named(NFTA_TABLE, TABLE)
        parts = self._ask(NFT_MSG_GETRULE, FAMILIES[version], table)
        chains = self._endpoints[version] = _read_rules(parts)
        if not chains.leading:
            return  # kube-proxy serves one family
        timeouts = _timeouts(self._ask(NFT_MSG_GETSET, FAMILIES[version], table))
        rules.unparsed.extend(chains.unparsed)
        rules.broken.extend(
            Problem(
                "rule",
                " ".join([f"IPv{version}", *([chain] if chain else []), "->", _netlink.text(needle)]),
                "present",
                "absent",
            )
            for chain, needle in _LEADING
            if not any(chain in ("", one) and needle in rule for one, rule in chains.leading)
        )
        # Families have chains of the same name where a Service has both.
        for chain, ways in chains.ways.items():
            self._chains[f"{version} {chain}"] = (version, chains.vmaps.get(chain, ""))
            backends = chains.backends.get(_port(chain), set())
            rules.chains[f"{version} {chain}"] = Chain(backends, ways, timeouts.get(chains.affinity.get(chain, ""), 0))
        for name in ("service-ips", "service-nodeports"):
            for raw, _dummy, chain in self._map(version, name):
                inner = chains.outside.get(chain, "") if chain.startswith("external-") else chain
                rules.served[_map_key(raw, version)] = f"{version} {inner}"
        for name in ("no-endpoint-services", "no-endpoint-nodeports"):
            for raw, code, _chain in self._map(version, name):
                rules.refused[_map_key(raw, version)] = DROP if code == NF_DROP else REJECT
        rules.guarded.update(
            _map_key(raw, version)
            for raw, _dummy, chain in self._map(version, "firewall-ips")
            if chain in chains.dropping
        )

    @_netlink.understood()
    def exact(self, chain: str) -> t.AbstractSet[str]:
        """Return the backends that a chain's verdict map really leads to."""
        version, name = self._chains[chain]
        try:
            elements = self._map(version, name)
        except _netlink.NotThere as exc:
            # kube-proxy has made another map in its place since.
            raise _netlink.DumpInterrupted("the kernel's tables changed while they were read") from exc
        found = set()
        for _dummy, _dummy_code, target in elements:
            port, endpoint = _endpoint(target)
            if endpoint in self._endpoints[version].backends.get(port, ()):
                found.add(endpoint)
        return found


def _timeouts(parts: t.Iterable[bytes]) -> dict[str, int]:
    """Return the seconds for which sets keep what they are told."""
    found = {}
    for attributes in objects(parts):
        if NFTA_SET_TIMEOUT in attributes:
            milliseconds = struct.unpack(">Q", attributes[NFTA_SET_TIMEOUT])[0]
            found[_netlink.text(attributes[NFTA_NAME])] = round(milliseconds / 1000)
    return found
