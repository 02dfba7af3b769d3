# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
import yaml

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _kube_proxy
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import fixture

Object = dict[str, t.Any]
METRICS = "127.0.0.1:10249"
KUBEADM = t.cast(str, fixture("kube_proxy")[0]["data"]["config.conf"])


def config_map(text: str) -> Object:
    return {"data": {"config.conf": text}}


def test_what_kubeadm_writes() -> None:
    assert _kube_proxy.parse(config_map(KUBEADM)) == _kube_proxy.KubeProxy(
        mode="ipvs",
        strict_arp=False,
        scheduler="rr",
        sync_period=30.0,
        node_port_cidrs=[],
        exclude_cidrs=[],
        metrics=METRICS,
    )


# metricsBindAddress, bindAddress, where a node asks
ADDRESSES: list[tuple[object, str, str]] = [
    ("", "", METRICS),
    ("", "0.0.0.0", METRICS),
    (None, "192.0.2.1", METRICS),
    ("", "::", "[::1]:10249"),
    ("", "2001:db8::1", "[::1]:10249"),
    ("0.0.0.0:10249", "", METRICS),
    ("0.0.0.0", "", METRICS),
    ("[::]:10249", "", METRICS),
    ("::", "", METRICS),
    ("[::1]:9000", "", "[::1]:9000"),
    ("::1", "", "[::1]:10249"),
    ("127.0.0.1:9000", "::", "127.0.0.1:9000"),
    ("127.0.0.1", "", METRICS),
    ("192.0.2.1:10249", "", "192.0.2.1:10249"),
    # What kube-proxy does not start with.
    (":10249", "", ""),
    ("127.0.0.1:", "", ""),
    ("127.0.0.1:0", "", ""),
    ("127.0.0.1:65536", "", ""),
    ("127.0.0.1:-1", "", ""),
    ("127.0.0.1:\u0661\u0660", "", ""),
    ("127.0.0.1:10249/metrics", "", ""),
    ("[::1", "", ""),
    ("localhost:10249", "", ""),
    ("example.org", "", ""),
    ("http://127.0.0.1:10249", "", ""),
    ("127.0.0.1:10249\r\nHost: x", "", ""),
    (10249, "", ""),
    (["127.0.0.1:10249"], "", ""),
    ({"a": "b"}, "", ""),
]


@pytest.mark.parametrize(("metrics", "bind", "expected"), ADDRESSES)
def test_where_the_metrics_are(metrics: object, bind: str, expected: str) -> None:
    text = yaml.safe_dump({"mode": "ipvs", "metricsBindAddress": metrics, "bindAddress": bind})
    assert _kube_proxy.parse(config_map(text)).metrics == expected


@pytest.mark.parametrize(
    ("bind", "expected"), [("0.0.0.0", ""), ("::", ""), ("", ""), ("192.0.2.1", "192.0.2.1"), ("node1", "")]
)
def test_what_it_takes_for_its_own_address(bind: str, expected: str) -> None:
    text = yaml.safe_dump({"mode": "ipvs", "bindAddress": bind})
    assert _kube_proxy.parse(config_map(text)).bind_address == expected


PARSED: list[tuple[str, _kube_proxy.KubeProxy]] = [
    ("mode: ''", _kube_proxy.KubeProxy("iptables", False, "rr", 30.0, [], [], METRICS)),
    (
        "mode: nftables\nnftables: {syncPeriod: 1m0s}",
        _kube_proxy.KubeProxy("nftables", False, "rr", 60.0, [], [], METRICS),
    ),
    (
        "mode: ipvs\nipvs: {strictARP: true, scheduler: wlc, syncPeriod: 45s, excludeCIDRs: [192.0.2.0/24]}\n"
        "nodePortAddresses: [192.168.100.0/24]",
        _kube_proxy.KubeProxy("ipvs", True, "wlc", 45.0, ["192.168.100.0/24"], ["192.0.2.0/24"], METRICS),
    ),
    ("mode: ipvs\nipvs:", _kube_proxy.KubeProxy("ipvs", False, "rr", 30.0, [], [], METRICS)),
    # The period of another mode does not count.
    ("mode: ipvs\niptables: {syncPeriod: 5s}", _kube_proxy.KubeProxy("ipvs", False, "rr", 30.0, [], [], METRICS)),
]


@pytest.mark.parametrize(("text", "expected"), PARSED)
def test_parse(text: str, expected: _kube_proxy.KubeProxy) -> None:
    assert _kube_proxy.parse(config_map(text)) == expected


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"data": None},
        {"data": {"other": "x"}},
        config_map("["),
        config_map("text"),
        config_map(""),
        config_map("- a"),
        config_map("mode: ipvs\nipvs: hello"),
        config_map("mode: [ipvs]"),
    ],
)
def test_another_kind_of_config_map(found: Object) -> None:
    with pytest.raises(_kube_proxy.NotUnderstood, match="ConfigMap kube-system/kube-proxy"):
        _kube_proxy.parse(found)
    with pytest.raises(_kube_proxy.NotUnderstood, match="ConfigMap kube-system/kube-proxy"):
        _kube_proxy.with_strict_arp(found)


def test_strict_arp_is_one_word_in_the_text() -> None:
    edited = _kube_proxy.with_strict_arp(config_map(KUBEADM))
    changed = [pair for pair in zip(KUBEADM.splitlines(), edited.splitlines(), strict=True) if pair[0] != pair[1]]
    assert changed == [("  strictARP: false", "  strictARP: true")]


EDITED: list[str] = [
    "mode: ipvs\nipvs:\n  strictARP: false\n  scheduler: rr\n",
    "mode: ipvs\nipvs:\n  strictARP:\n  scheduler: rr\n",
    "mode: ipvs\nipvs:\n  scheduler: rr\n",
    "mode: ipvs\nipvs: {strictARP: false, scheduler: wlc}\n",
    "mode: ipvs\nipvs: null\n",
    "mode: ipvs\n",
    # The same word elsewhere is left alone.
    "mode: ipvs\nother:\n  strictARP: false\nipvs:\n  strictARP: false\n",
    "mode: ipvs\nipvs:\n  strictARP: false # as it was\n",
]


@pytest.mark.parametrize("text", EDITED)
def test_strict_arp_and_nothing_else(text: str) -> None:
    before, after = yaml.safe_load(text), yaml.safe_load(_kube_proxy.with_strict_arp(config_map(text)))
    expected = {**before, "ipvs": {**(before.get("ipvs") or {}), "strictARP": True}}
    assert after == expected


@pytest.mark.parametrize(
    ("duration", "number"),
    [
        ("30s", 30.0),
        ("1m30s", 90.0),
        ("1h0m0s", 3600.0),
        ("500ms", 0.5),
        ("1.5s", 1.5),
        ("0s", 0.0),
        (None, 0.0),
        ("", 0.0),
        ("soon", 0.0),
        (0, 0.0),
    ],
)
def test_durations(duration: object, number: float) -> None:
    assert _kube_proxy.seconds(duration) == number
