# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.modules import bgp_session_info

Run = t.Callable[..., dict[str, t.Any]]


def test_one_result_for_each_peer_in_their_order(run_module: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        port = server.getsockname()[1]
        peers = [{"address": "192.0.2.1"}, {"address": "127.0.0.1", "port": port}]
        result = run_module(bgp_session_info, peers=peers)
    assert not result["failed"]
    assert result["results"] == [
        {"address": "192.0.2.1", "port": 179, "state": "none", "local": ""},
        {"address": "127.0.0.1", "port": port, "state": "established", "local": "127.0.0.1"},
    ]


def test_a_peer_that_is_no_address(run_module: Run) -> None:
    result = run_module(bgp_session_info, peers=[{"address": "router"}])
    assert result["failed"]
    assert result["results"] == []
    assert result["msg"].startswith("peers: 'router' does not appear to be an IPv4 or IPv6 address")
