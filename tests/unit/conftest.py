# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Unit tests know no network: what one of them gets there depends on the machine."""

from __future__ import annotations

import ipaddress
import socket
import typing as t

import pytest


def _leaves(sock: socket.socket, address: t.Any) -> bool:
    return sock.family in (socket.AF_INET, socket.AF_INET6) and not ipaddress.ip_address(address[0]).is_loopback


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let connections to other machines fail in a way that no code takes for an answer."""
    for name in ("connect", "connect_ex"):
        real = getattr(socket.socket, name)

        def guarded(sock: socket.socket, address: t.Any, real: t.Any = real) -> t.Any:
            assert not _leaves(sock, address), f"a unit test would connect to {address}"
            return real(sock, address)

        monkeypatch.setattr(socket.socket, name, guarded)
