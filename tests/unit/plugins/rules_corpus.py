# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorded rules of fixtures/rules."""

from __future__ import annotations

import base64
import copy
import datetime
import functools
import json
import pathlib
import struct
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _derive,
    _expected,
    _iptables,
    _kube_proxy,
    _netlink,
    _nfnetlink,
    _nftables,
    _rules,
)

Object = dict[str, t.Any]
Exact = t.Callable[[str], t.AbstractSet[str]]

FOLDER = pathlib.Path(__file__).parent / "fixtures" / "rules"
NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
MODES = ("nftables", "iptables")
NODES = ("node1", "node2")


@functools.lru_cache
def _api(mode: str) -> str:
    return (FOLDER / f"{mode}-api.json").read_text(encoding="utf-8")


class Api:
    """The API's objects, to be changed by a test."""

    def __init__(self, mode: str) -> None:
        self.objects: dict[str, list[Object]] = json.loads(_api(mode))

    def service(self, name: str) -> Object:
        return next(one for one in self.objects["Service"] if one["metadata"]["name"] == name)

    def slices(self, name: str) -> list[Object]:
        label = "kubernetes.io/service-name"
        return [one for one in self.objects["EndpointSlice"] if one["metadata"]["labels"].get(label) == name]

    def expected(self) -> _expected.Expected:
        objects = copy.deepcopy(self.objects)
        kube_proxy = _kube_proxy.parse(objects["ConfigMap"][0])
        return _derive.expected_table(objects["Service"], objects["EndpointSlice"], objects["Node"], kube_proxy, NOW)


@functools.lru_cache
def dumps(node: str) -> dict[str, bytes]:
    """Return the kernel's answers on a node."""
    texts = json.loads((FOLDER / f"nftables-{node}.json").read_text(encoding="utf-8"))
    return {key: base64.b64decode(text) for key, text in texts.items()}


def kernel(answers: t.Mapping[str, bytes]) -> _nfnetlink.Ask:
    """Return something that answers as the recorded kernel."""

    def ask(message: int, family: int, attributes: bytes) -> list[bytes]:
        words = [{2: "4", 10: "6"}[family], str(message)]
        table = (struct.unpack_from("=H", attributes)[0] + 3) & ~3
        if len(attributes) > table:
            length = struct.unpack_from("=H", attributes, table)[0]
            words.append(attributes[table + 4 : table + length - 1].decode())
        return [answers[" ".join(words)]]

    return ask


@functools.lru_cache
def saved(node: str) -> dict[int, tuple[str, ...]]:
    """Return the lines of iptables-save and ip6tables-save on a node."""
    return {
        version: tuple((FOLDER / f"iptables-{node}.save{version}").read_text(encoding="utf-8").splitlines())
        for version in (4, 6)
    }


@functools.lru_cache
def _ipvs_answers(node: str) -> dict[str, bytes]:
    texts = json.loads((FOLDER / f"ipvs-{node}.json").read_text(encoding="utf-8"))
    return {key: base64.b64decode(text) for key, text in texts.items()}


def sets(node: str) -> dict[str, bytes]:
    """Return what the kernel answers about kube-proxy's sets on a node in ipvs mode."""
    return {key.partition(" ")[2]: answer for key, answer in _ipvs_answers(node).items() if key.startswith("set ")}


def addresses(node: str) -> list[_netlink.Address]:
    """Return the addresses of a node in ipvs mode."""
    answers = _ipvs_answers(node)
    return _netlink.parse_addresses(answers["addresses"], _netlink.parse_links(answers["links"]))


def ip_vs(node: str) -> str:
    """Return a node's /proc/net/ip_vs; its kernel has a HZ of 100."""
    return _ipvs_answers(node)["ip_vs"].decode()


@functools.lru_cache
def saved_ipvs(node: str) -> dict[int, tuple[str, ...]]:
    """Return the lines of iptables-save and ip6tables-save on a node in ipvs mode."""
    return {
        version: tuple((FOLDER / f"ipvs-{node}.save{version}").read_text(encoding="utf-8").splitlines())
        for version in (4, 6)
    }


def observed(mode: str, node: str) -> tuple[_rules.Rules, Exact]:
    """Return what was recorded."""
    if mode == "nftables":
        reader = _nftables.Reader(kernel(dumps(node)))
        return reader.read(), reader.exact
    rules = _iptables.parse(saved(node))
    return rules, lambda chain: rules.chains[chain].backends
