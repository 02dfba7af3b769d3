# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _arp, _netlink, _proc
from ansible_collections.kubeaddons.metallb.plugins.modules import arp_probe

Run = t.Callable[..., dict[str, t.Any]]

MAC = "02:00:5e:00:53:01"
KEYS = {"results", "interfaces", "networks", "settings"}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "/proc/sys/net/ipv4/conf/all/arp_ignore": "1\n",
        "/proc/sys/net/ipv4/conf/all/arp_announce": "2\n",
        "/proc/net/route": "Iface\n",
    }

    def read(path: str) -> str:
        if path not in files:
            raise FileNotFoundError(path)  # as /proc/net/ipv6_route where the kernel has no IPv6
        return files[path]

    monkeypatch.setattr(_proc, "read", read)
    monkeypatch.setattr(_netlink, "read_links", lambda: [_netlink.Link(2, "eth0", MAC, 0x1003, "")])
    monkeypatch.setattr(_netlink, "read_addresses", lambda links: [_netlink.Address("eth0", "192.0.2.1", 24, "global")])


@pytest.mark.parametrize("check_mode", [False, True])
def test_without_addresses_it_only_tells_of_this_machine(run_module: Run, check_mode: bool) -> None:
    found = run_module(arp_probe, check_mode)
    assert (found["failed"], found["changed"], found["results"]) == (False, False, [])
    assert found["interfaces"] == [{"name": "eth0", "mac": MAC, "addresses": ["192.0.2.1"], "rp_filter": 0}]
    assert found["networks"] == ["192.0.2.0/24"]
    assert found["settings"] == {"arp_ignore": 1, "arp_announce": 2, "strict_arp": True}


def test_what_it_is_asked_reaches_the_probe(run_module: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def probe(*args: t.Any) -> list[dict[str, t.Any]]:
        asked.append(args)
        return [{"address": address} for address in args[0]]

    monkeypatch.setattr(_arp, "probe_addresses", probe)
    found = run_module(arp_probe, addresses=["192.0.2.9", "192.0.2.8"], timeout=0.5, attempts=3, interface="eth0")
    assert found["results"] == [{"address": "192.0.2.9"}, {"address": "192.0.2.8"}]
    assert asked[0][4:] == ("eth0", 0.5, 3)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"addresses": ["2001:db8::1%eth0"]}, "2001:db8::1%eth0 is not an IPv4 or IPv6 address"),
        ({"addresses": ["2001:db8::1", "web"]}, "web is not an IPv4 or IPv6 address"),
        ({"addresses": ["192.0.2.9"], "attempts": 0}, "attempts"),
        ({"addresses": ["192.0.2.9"], "interface": "eth9"}, "no interface eth9"),
    ],
)
def test_failures_return_the_same_keys(run_module: Run, args: dict[str, t.Any], message: str) -> None:
    found = run_module(arp_probe, **args)
    assert found["failed"]
    assert message in found["msg"]
    assert set(found) >= KEYS


def test_without_the_right_to_raw_sockets(run_module: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*dummy: t.Any) -> t.NoReturn:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("socket.socket", refuse)
    found = run_module(arp_probe, addresses=["192.0.2.9"])
    assert found["failed"]
    assert "become: true" in found["msg"]
    assert set(found) >= KEYS
