# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _tcp
from ansible_collections.kubeaddons.metallb.plugins.modules import tcp_info

Run = t.Callable[..., dict[str, t.Any]]
PEERS = [{"address": "192.168.100.2", "port": 179}, {"address": "2001:db8::2", "port": 1179}]


@pytest.mark.parametrize("check_mode", [False, True])
def test_one_result_for_each_peer(run_module: Run, monkeypatch: pytest.MonkeyPatch, check_mode: bool) -> None:
    ends = [_tcp.remote_end("2001:db8::1", 40000), _tcp.remote_end("2001:db8::2", 1179)]
    lines = ["0: {0} {1} 01 x".format(*ends)]
    monkeypatch.setattr(_tcp, "read_lines", lambda: lines)
    found = run_module(tcp_info, check_mode, peers=PEERS)
    assert (found["failed"], found["changed"]) == (False, False)
    assert found["results"] == [
        {"address": "192.168.100.2", "port": 179, "connected": False, "local": ""},
        {"address": "2001:db8::2", "port": 1179, "connected": True, "local": "2001:db8::1"},
    ]


def test_a_name_is_no_address(run_module: Run) -> None:
    found = run_module(tcp_info, peers=[{"address": "router", "port": 179}])
    assert found["failed"]
    assert found["msg"] == "router is not an IPv4 or IPv6 address."
    assert found["results"] == []
