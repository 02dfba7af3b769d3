# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import struct
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _netlink, _nfnetlink


def message(kind: int, attributes: bytes) -> bytes:
    return struct.pack("=IHHIIBBH", 20 + len(attributes), kind, 2, 1, 0, 2, 0, 0) + attributes


def test_an_attribute_fills_whole_words() -> None:
    assert _nfnetlink.named(2, "nat") == b"\x08\0\x02\0nat\0"
    assert _netlink.attribute(1, b"\6") == b"\x05\0\x01\0\6\0\0\0"


def test_a_request_names_subsystem_message_and_family(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int, bytes]] = []

    def dump(protocol: int, kind: int, body: bytes) -> list[bytes]:
        asked.append((protocol, kind, body))
        return []

    monkeypatch.setattr(_netlink, "dump", dump)
    assert _nfnetlink.dump(6, 7, _nfnetlink.FAMILIES[6], b"rest") == []
    assert asked == [(12, 6 << 8 | 7, b"\x0a\0\0\0rest")]


def test_only_messages_of_the_subsystem_are_read() -> None:
    inner = _nfnetlink.named(1, "one") + _nfnetlink.named(2, "two")
    part = message(6 << 8 | 7, _netlink.attribute(8, inner)) + message(10 << 8 | 7, inner) + message(3, b"")
    found: list[t.Any] = [part[start:end] for part, start, end in _nfnetlink.payloads([part], 6)]
    assert [_netlink.nested(one) for one in found] == [{8: inner}]
    assert list(_nfnetlink.listed(inner)) == [b"one\0", b"two\0"]
    assert list(_nfnetlink.listed(b"\0\0\0\0" + inner))[1:] == [b"one\0", b"two\0"]  # a length of 0 ends nowhere else
