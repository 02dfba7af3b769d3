# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import typing as t
import zlib

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _expected

TABLE = _expected.Expected(
    zones={"node1": "a", "node2": ""},
    mode="ipvs",
    scheduler="rr",
    node_port_cidrs=["192.168.100.0/24"],
    exclude_cidrs=[],
    sync_period=30.0,
    ports=[
        _expected.ServicePort(
            "default/myweb-svc-lb",
            "",
            "TCP",
            80,
            31313,
            ["10.233.0.17", "2001:db8::17"],
            ["192.168.100.240"],
            ["203.0.113.7", "192.168.100.240"],
            ["192.0.2.0/24", "::/0"],
            32000,
            False,
            True,
            10800,
            1.5,
            [_expected.Endpoint("10.233.65.4", 8080, "node1", True, True, False, ["a"], [])],
        ),
        _expected.ServicePort(
            "default/wörter", "web", "UDP", 53, 0, ["10.233.0.18"], [], [], [], 0, False, False, 0, 0.0, []
        ),
    ],
    scope=["default"],
    metrics="127.0.0.1:10249",
    own={"node1": ["192.168.100.100", "2001:db8::100"], "node2": []},
)


def test_a_packed_table_unpacks_to_the_same() -> None:
    packed = _expected.pack(TABLE)
    assert packed.isascii()
    assert _expected.unpack(packed) == TABLE
    assert isinstance(_expected.unpack(packed).ports[0].endpoints[0], _expected.Endpoint)


def test_a_large_table_is_cheap() -> None:
    large = TABLE._replace(ports=list(TABLE.ports[:1]) * 1000)
    assert len(_expected.pack(large)) < len(json.dumps(large)) / 50


def test_all_addresses_besides_the_cluster_ips_and_who_is_guarded() -> None:
    row = TABLE.ports[0]
    assert row.external_addresses == ["192.168.100.240", "203.0.113.7"]
    assert row._replace(external_ips=[]).external_addresses == ["192.168.100.240"]
    guarded = [row.guarded(one) for one in ("192.168.100.240", "203.0.113.7", "2001:db8::1")]
    assert guarded == [True, False, False]
    # Before 1.34 kube-proxy guards by a range that holds everybody, since then it does not.
    assert row._replace(balancer_addresses=["2001:db8::1"]).guarded("2001:db8::1") is None


def packed(content: t.Any) -> str:
    return base64.b64encode(zlib.compress(json.dumps(content).encode())).decode()


GARBAGE: list[str] = [
    "",
    "not base64 at all",
    "wörter",
    base64.b64encode(b"not compressed").decode(),
    base64.b64encode(zlib.compress(b"not JSON")).decode(),
    base64.b64encode(zlib.compress(b"\xff\xfe")).decode(),
    _expected.pack(TABLE)[:-8],
    packed(None),
    packed([]),
    packed({}),
    packed([{}, "ipvs", "rr", [], [], 30.0]),
    packed([{}, "ipvs", "rr", [], [], 30.0, 7]),
    packed([{}, "ipvs", "rr", [], [], 30.0, [[]]]),
    packed([{}, "ipvs", "rr", [], [], 30.0, [{}]]),
    packed([{}, "ipvs", "rr", [], [], 30.0, [["default/web", []]]]),
    packed([{}, "ipvs", "rr", [], [], 30.0, [["s", "", "TCP", 80, 0, [], [], False, False, 0, 0.0, [["10.0.0.1"]]]]]),
]


@pytest.mark.parametrize("text", GARBAGE)
def test_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an expected table made by expected_state_info"):
        _expected.unpack(text)
