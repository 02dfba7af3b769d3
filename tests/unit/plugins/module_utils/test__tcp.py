# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import sys

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _tcp

# As Linux prints them, shortened behind the state.
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1065 1
   1: 6464A8C0:DB84 0264A8C0:00B3 01 00000000:00000000 03:0000156F 00000000     0        0 0 3
   2: 6464A8C0:DB88 0364A8C0:00B3 02 00000000:00000000 03:000016B7 00000000     0        0 0 3
   3: 6464A8C0:00B3 0464A8C0:9C40 01 00000000:00000000 03:000016B7 00000000     0        0 0 3
   4: 6464A8C0:DB8A 0564A8C0:0050 01 00000000:00000000 03:000016B7 00000000     0        0 0 3
  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: B80D0120000000000000000000010000:DB84 B80D0120000000000000000002000000:00B3 01 00000000:00000000 00:00000000
"""


@pytest.mark.skipif(sys.byteorder != "little", reason="the kernel prints these in the machine's byte order")
@pytest.mark.parametrize(
    ("address", "port", "own"),
    [
        ("192.168.100.2", 179, "192.168.100.100"),
        ("192.168.100.2", 180, ""),
        # It answers nothing yet.
        ("192.168.100.3", 179, ""),
        # The peer made the connection.
        ("192.168.100.4", 179, "192.168.100.100"),
        ("192.168.100.5", 179, ""),
        ("192.168.100.6", 179, ""),
        ("2001:db8::2", 179, "2001:db8::100"),
        ("2001:db8::3", 179, ""),
    ],
)
def test_connections_as_the_kernel_lists_them(address: str, port: int, own: str) -> None:
    assert _tcp.connected([(address, port)], TCP.splitlines()) == [own]


def test_results_are_in_the_order_of_the_peers() -> None:
    peers = [("192.168.100.3", 179), ("192.168.100.2", 179), ("192.168.100.3", 179)]
    own = _tcp.remote_end("192.168.100.100", 40000)
    lines = [f"0: {own} {_tcp.remote_end('192.168.100.3', 179)} 01 x"]
    assert _tcp.connected(peers, lines) == ["192.168.100.100", "", "192.168.100.100"]
    assert _tcp.connected([], lines) == []


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_connection_of_this_machine(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as listener:
        try:
            listener.bind((address, 0))
        except OSError:
            pytest.skip(f"no {address} here")
        listener.listen()
        port = listener.getsockname()[1]
        assert _tcp.connected([(address, port)], _tcp.read_lines()) == [""]
        with socket.create_connection((address, port)):
            assert _tcp.connected([(address, port)], _tcp.read_lines()) == [address]
