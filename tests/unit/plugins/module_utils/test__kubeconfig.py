# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import typing as t

import pytest
import yaml

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _kubeconfig

Object = dict[str, t.Any]
ADMIN: Object = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "kubernetes-admin@kubernetes",
    "clusters": [
        {"name": "other", "cluster": {"server": "https://192.0.2.99:6443"}},
        {"name": "kubernetes", "cluster": {"server": "https://127.0.0.1:6443", "certificate-authority-data": "Y2E="}},
    ],
    "contexts": [
        {"name": "other", "context": {"cluster": "other", "user": "x"}},
        {"name": "kubernetes-admin@kubernetes", "context": {"cluster": "kubernetes", "user": "kubernetes-admin"}},
    ],
    "users": [{"name": "kubernetes-admin", "user": {}}],
}


def test_the_server_of_the_current_context() -> None:
    config = _kubeconfig.read_config(yaml.safe_dump(ADMIN).encode())
    assert config == ADMIN
    assert _kubeconfig.server(config) == "https://127.0.0.1:6443"


def without(*names: str) -> Object:
    return {name: value for name, value in ADMIN.items() if name not in names}


def test_without_a_current_context_the_first_counts() -> None:
    assert _kubeconfig.server(without("current-context")) == "https://192.0.2.99:6443"
    assert _kubeconfig.server(without("current-context", "contexts")) == "https://192.0.2.99:6443"


BROKEN: list[t.Any] = [
    b"[",
    b"\xff\xfe\x00",
    b"",
    b"text",
    without("clusters"),
    {**ADMIN, "clusters": []},
    {**ADMIN, "clusters": "text"},
    {**ADMIN, "clusters": [{}]},
    {**ADMIN, "clusters": [{"name": "kubernetes", "cluster": None}]},
    {**ADMIN, "clusters": [{"name": "kubernetes", "cluster": {}}]},
    {**ADMIN, "clusters": ADMIN["clusters"][:1]},
    {**ADMIN, "contexts": [{}]},
    {**ADMIN, "contexts": [{"name": "kubernetes-admin@kubernetes", "context": {}}]},
]


@pytest.mark.parametrize("content", BROKEN)
def test_what_is_no_kubeconfig(content: t.Any) -> None:
    data = content if isinstance(content, bytes) else yaml.safe_dump(content).encode()
    with pytest.raises(_kubeconfig.Unusable, match="kubeconfig"):
        _kubeconfig.read_config(data)


CANDIDATES: list[tuple[str, list[str], list[str]]] = [
    ("https://192.0.2.11:6443", [], ["https://192.0.2.11:6443"]),
    # The address that the file has is tried first, unless it leads to this host instead of that one.
    ("https://192.0.2.11:6443", ["198.51.100.11"], ["https://192.0.2.11:6443", "https://198.51.100.11:6443"]),
    ("https://127.0.0.1:6443", ["198.51.100.11"], ["https://198.51.100.11:6443"]),
    ("https://localhost:6443", ["198.51.100.11"], ["https://198.51.100.11:6443"]),
    ("https://[::1]:6443", ["2001:db8::11"], ["https://[2001:db8::11]:6443"]),
    ("https://192.0.2.11:6443", ["192.0.2.11", "", "192.0.2.11"], ["https://192.0.2.11:6443"]),
    ("https://127.0.0.1:6443", ["127.0.0.1", "localhost"], []),
    (
        "https://lb-apiserver.kubernetes.local",
        ["node1"],
        ["https://lb-apiserver.kubernetes.local", "https://node1:443"],
    ),
]


@pytest.mark.parametrize(("url", "addresses", "expected"), CANDIDATES)
def test_servers_to_try(url: str, addresses: list[str], expected: list[str]) -> None:
    assert _kubeconfig.candidates(url, addresses) == expected


def test_another_address_of_the_same_server_keeps_the_certificate_checked() -> None:
    before = copy.deepcopy(ADMIN)
    changed = _kubeconfig.with_server(ADMIN, "https://198.51.100.11:6443")
    assert before == ADMIN
    assert changed["clusters"][1]["cluster"] == {
        "server": "https://198.51.100.11:6443",
        "certificate-authority-data": "Y2E=",
        "tls-server-name": "kubernetes",
    }
    assert changed["clusters"][0] == ADMIN["clusters"][0]


def test_the_files_own_server_needs_no_other_name() -> None:
    assert _kubeconfig.with_server(ADMIN, "https://127.0.0.1:6443") == ADMIN


def test_a_name_that_the_file_gives_is_kept() -> None:
    config = copy.deepcopy(ADMIN)
    config["clusters"][1]["cluster"]["tls-server-name"] = "api.example.org"
    changed = _kubeconfig.with_server(config, "https://198.51.100.11:6443")
    assert changed["clusters"][1]["cluster"]["tls-server-name"] == "api.example.org"
