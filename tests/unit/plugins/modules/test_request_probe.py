# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _probe
from ansible_collections.kubeaddons.metallb.plugins.modules import request_probe

Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[t.Any, ...]]:
    calls: list[tuple[t.Any, ...]] = []

    def probe(*args: t.Any) -> list[dict[str, t.Any]]:
        calls.append(args)
        return [{"port": target.port} for target in args[0]]

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
    assert found["results"] == [{"port": 80}, {"port": 53}, {"port": 22}]
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
