# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import socket
import sys

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _tcp
from ansible_collections.kubeaddons.metallb.plugins.module_utils._tcp import CONNECTING, ESTABLISHED, NONE

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
REST = "00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 20 4 30 10 -1\n"
pytestmark = pytest.mark.skipif(sys.byteorder != "little", reason="the samples are from a little-endian machine")


def row(local: str, remote: str, state: str) -> str:
    return "   0: {0} {1} {2} {3}".format(local, remote, state, REST)


NODE, ROUTER = "6564A8C0", "0264A8C0"  # 192.168.100.101, 192.168.100.2
SIX_NODE, SIX_ROUTER = "000000FD000000000000000001010000", "000000FD000000000000000002000000"


@pytest.mark.parametrize(
    ("rows", "state", "local"),
    [
        ([row(NODE + ":A2C4", ROUTER + ":00B3", "01")], ESTABLISHED, "192.168.100.101"),
        ([row(NODE + ":A2C4", ROUTER + ":00B3", "02")], CONNECTING, "192.168.100.101"),
        ([row(NODE + ":A2C4", ROUTER + ":00B3", "06")], NONE, ""),
        # The router has dialled.
        ([row(NODE + ":00B3", ROUTER + ":A2C4", "01")], ESTABLISHED, "192.168.100.101"),
        # Another of the router's ports, and another host.
        ([row(NODE + ":A2C4", ROUTER + ":0016", "01")], NONE, ""),
        ([row(NODE + ":A2C4", NODE + ":00B3", "01")], NONE, ""),
        # A new attempt beside one that lives.
        (
            [row(NODE + ":1", ROUTER + ":B3", "02"), row(NODE + ":2", ROUTER + ":B3", "01")],
            ESTABLISHED,
            "192.168.100.101",
        ),
        (["   0: nonsense", ""], NONE, ""),
    ],
)
def test_session_with_a_peer(rows: list[str], state: str, local: str) -> None:
    connections = _tcp.parse(HEAD + "".join(rows))
    assert _tcp.session(connections, "192.168.100.2", 179) == (state, local)


def test_ipv6_and_mapped_ipv4() -> None:
    mapped = "0000000000000000FFFF0000"
    text = (
        HEAD
        + row(SIX_NODE + ":1", SIX_ROUTER + ":00B3", "01")
        + row(mapped + NODE + ":2", mapped + ROUTER + ":B3", "01")
    )
    connections = _tcp.parse(text)
    assert connections[0].remote == "fd00::2"
    assert _tcp.session(connections, "fd00:0::2", 179) == (ESTABLISHED, "fd00::101")
    assert _tcp.session(connections, "192.168.100.2", 179) == (ESTABLISHED, "192.168.100.101")


def test_the_kernels_own_file() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        port = server.getsockname()[1]
        assert _tcp.session(_tcp.read(), "127.0.0.1", port) == (ESTABLISHED, "127.0.0.1")


def test_a_kernel_without_ipv6(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tcp").write_text(HEAD + row(NODE + ":1", ROUTER + ":B3", "01"), encoding="ascii")
    monkeypatch.setattr(_tcp, "FILES", (str(tmp_path / "tcp"), str(tmp_path / "tcp6")))
    assert len(_tcp.read()) == 1
