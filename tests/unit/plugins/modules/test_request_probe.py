# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _conntrack, _netlink, _pods, _probe, _proc
from ansible_collections.kubeaddons.metallb.plugins.modules import request_probe

Run = t.Callable[..., dict[str, t.Any]]


MAC = "02:00:5e:00:53:01"


@pytest.fixture(autouse=True)
def neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"IP address\n192.0.2.1 0x1 0x2 {MAC} * eth0\n"
    monkeypatch.setattr(_proc, "read", {"/proc/net/arp": text}.__getitem__)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[t.Any, ...]]:
    calls: list[tuple[t.Any, ...]] = []

    def probe(*args: t.Any) -> list[dict[str, t.Any]]:
        calls.append(args)
        return [{"port": target.port, "address": target.address, "pod": "", "connections": []} for target in args[0]]

    monkeypatch.setattr(_probe, "probe", probe)
    return calls


@pytest.mark.parametrize("check_mode", [False, True])
def test_targets_reach_the_probe_in_order(run_module: Run, asked: list[tuple[t.Any, ...]], check_mode: bool) -> None:
    found = run_module(
        request_probe,
        check_mode,
        targets=[
            {"address": "192.0.2.1", "port": 80, "request": "http", "path": "/x", "host": "web"},
            {"address": "2001:db8::1", "port": 53, "protocol": "udp", "request": "dns", "name": "a.example"},
            {"address": "192.0.2.1", "port": 22},
        ],
        timeout=1.5,
        attempts=4,
    )
    assert (found["failed"], found["changed"]) == (False, False)
    assert [(one["port"], one["neighbour"]) for one in found["results"]] == [(80, MAC), (53, ""), (22, MAC)]
    assert (found["seen"], found["ways_back"]) == ({}, {})
    assert asked == [
        (
            [
                _probe.Target("192.0.2.1", 80, "tcp", "http", "/x", "web", _probe.DNS_NAME),
                _probe.Target("2001:db8::1", 53, "udp", "dns", "/", "", "a.example"),
                _probe.Target("192.0.2.1", 22, "tcp", "connect", "/", "", _probe.DNS_NAME),
            ],
            1.5,
            4,
        )
    ]


CONNECTION = "tcp 198.51.100.7:40312 192.0.2.240:80"


def test_targets_of_both_origins_keep_their_order_and_connections_are_followed(
    run_module: Run, asked: list[tuple[t.Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def from_pods(targets: list[_probe.Target], pods: list[str], *_rest: t.Any) -> list[dict[str, t.Any]]:
        return [{"port": one.port, "address": one.address, "pod": pods[0], "connections": ["own"]} for one in targets]

    monkeypatch.setattr(_probe, "probe_from_pods", from_pods)
    monkeypatch.setattr(_pods, "find", lambda: ["web-1"])
    monkeypatch.setattr(_conntrack, "look_up_all", lambda texts: {one: ["b", "c"] for one in texts})
    monkeypatch.setattr(_netlink, "read_links", list)
    monkeypatch.setattr(_netlink, "way_out", lambda address, links: f"to {address}")
    targets = [
        {"address": "192.0.2.1", "port": number, "origin": origin}
        for number, origin in enumerate(["pod", "node", "node", "pod"], 1)
    ]
    found = run_module(request_probe, targets=targets, connections=[CONNECTION])
    assert [(one["port"], one["pod"], one["neighbour"]) for one in found["results"]] == [
        (1, "web-1", ""),
        (2, "", MAC),
        (3, "", MAC),
        (4, "web-1", ""),
    ]
    assert found["seen"] == {CONNECTION: ["b", "c"], "own": ["b", "c"]}
    assert found["ways_back"] == {"198.51.100.7": "to 198.51.100.7"}


def test_connections_that_cannot_be_followed_are_no_failure(
    run_module: Run, asked: list[tuple[t.Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_texts: t.Iterable[str]) -> dict[str, list[str]]:
        raise _netlink.NetlinkError("the kernel refused a netlink request: Operation not permitted")

    monkeypatch.setattr(_netlink, "read_links", list)
    monkeypatch.setattr(_netlink, "way_out", lambda address, links: "eth0")
    monkeypatch.setattr(_conntrack, "look_up_all", refuse)
    found = run_module(request_probe, targets=[{"address": "192.0.2.1", "port": 80}], connections=[CONNECTION])
    assert (found["failed"], found["seen"], len(found["results"])) == (False, {}, 1)
    assert "Operation not permitted" in found["warnings"][0]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"targets": [{"address": "192.0.2.1", "port": 80, "protocol": "udp", "request": "http"}]}, "protocol: tcp"),
        ({"targets": [], "attempts": 0}, "attempts"),
    ],
)
def test_failures_return_the_same_keys(
    run_module: Run, asked: list[tuple[t.Any, ...]], args: dict[str, t.Any], message: str
) -> None:
    found = run_module(request_probe, **args)
    assert found["failed"]
    assert message in found["msg"]
    assert found["results"] == []
    assert asked == []


def test_a_target_that_does_not_answer_does_not_fail_the_module(run_module: Run) -> None:
    found = run_module(request_probe, targets=[{"address": "127.0.0.1", "port": 1}], timeout=1)
    assert not found["failed"]
    assert not found["results"][0]["ok"]
