# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import struct

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _netlink

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures" / "netlink"


def recorded(name: str) -> bytes:
    """Return what Linux 6.18 answered in a network namespace with a bridge, a tun device and a kube-ipvs0."""
    return bytes.fromhex((FIXTURES / f"{name}.hex").read_text().replace("\n", ""))


LINKS = _netlink.parse_links(recorded("links"))


def route_answer(number: int) -> bytes:
    body = _netlink._ROUTE.pack(2, 32, 0, 0, 254, 0, 0, 1, 0) + _netlink.attribute(
        _netlink.RTA_OIF, struct.pack("=I", number)
    )
    return _netlink._HEADER.pack(_netlink._HEADER.size + len(body), _netlink.RTM_NEWROUTE, 0, 1, 0) + body


WAYS = [_netlink.Link(2, "eth0", "02:00:5e:00:53:01", 1, ""), _netlink.Link(3, "eth1", "02:00:5e:00:53:02", 1, "")]


@pytest.mark.parametrize(("number", "name"), [(2, "eth0"), (3, "eth1"), (9, "")])
def test_the_way_to_an_address(number: int, name: str) -> None:
    asked: list[bytes] = []

    def ask(body: bytes) -> bytes:
        asked.append(body)
        return route_answer(number)

    assert _netlink.way_out("192.0.2.7", WAYS, ask) == name
    assert asked[0][:2] == bytes([2, 32])
    assert asked[0].endswith(bytes([192, 0, 2, 7]))


def test_no_way_to_an_address() -> None:
    def ask(_body: bytes) -> bytes:
        raise _netlink.NoWay("no")

    assert _netlink.way_out("2001:db8::1", WAYS, ask) == ""


@pytest.mark.parametrize(
    ("code", "error"),
    [(2, _netlink.NotThere), (101, _netlink.NoWay), (113, _netlink.NoWay), (1, _netlink.NetlinkError)],
)
def test_what_the_kernel_reports(code: int, error: type[Exception]) -> None:
    body = struct.pack("=i", -code) + bytes(16)
    answer = _netlink._HEADER.pack(_netlink._HEADER.size + len(body), _netlink.NLMSG_ERROR, 0, 1, 0) + body
    with pytest.raises(_netlink.NetlinkError) as caught:
        _netlink.is_complete(answer)
    assert type(caught.value) is error


def test_links() -> None:
    assert [(link.name, link.mac, link.master) for link in LINKS] == [
        ("lo", "00:00:00:00:00:00", ""),
        ("peer0", "02:00:5e:00:53:02", "br0"),
        ("eth0", "02:00:5e:00:53:01", ""),
        ("br0", "02:00:5e:00:53:03", ""),
        ("kube-ipvs0", "02:00:5e:00:53:04", ""),
        ("ptp0", "", ""),
    ]
    flags = {link.name: link.flags for link in LINKS}
    assert flags["lo"] & _netlink.IFF_LOOPBACK
    assert flags["eth0"] & _netlink.IFF_UP
    assert not flags["kube-ipvs0"] & _netlink.IFF_UP
    assert flags["kube-ipvs0"] & _netlink.IFF_NOARP


def test_addresses_with_their_interface_prefix_and_scope() -> None:
    found = _netlink.parse_addresses(recorded("addresses"), LINKS)
    assert [tuple(row) for row in found] == [
        ("lo", "127.0.0.1", 8, "host"),
        ("lo", "198.51.100.1", 32, "global"),
        ("eth0", "192.0.2.10", 24, "global"),
        ("kube-ipvs0", "192.168.100.240", 32, "global"),
        ("kube-ipvs0", "10.233.0.1", 32, "global"),
        # Of a point-to-point link its own address, not the peer's 203.0.113.2.
        ("ptp0", "203.0.113.1", 32, "global"),
        ("lo", "::1", 128, "host"),
        ("peer0", "fe80::5eff:fe00:5302", 64, "link"),
        ("eth0", "2001:db8::10", 64, "global"),
        ("eth0", "fe80::5eff:fe00:5301", 64, "link"),
        ("br0", "fe80::5eff:fe00:5303", 64, "link"),
        ("kube-ipvs0", "2001:db8:1::1", 128, "global"),
    ]


@pytest.mark.parametrize("size", [7, 17, 100])
def test_a_truncated_answer_is_no_answer(size: int) -> None:
    with pytest.raises(_netlink.NetlinkError, match="truncated"):
        _netlink.parse_links(recorded("links")[:size])


def message(kind: int, flags: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack("=IHHII", 16 + len(payload), kind, flags, 1, 0) + payload


def test_a_dump_ends_with_done() -> None:
    assert not _netlink.is_complete(message(_netlink.RTM_NEWADDR, payload=bytes(8)))
    assert _netlink.is_complete(message(_netlink.RTM_NEWADDR, payload=bytes(8)) + message(_netlink.NLMSG_DONE))


def test_a_refusal_says_why() -> None:
    with pytest.raises(_netlink.NetlinkError, match="Operation not permitted"):
        _netlink.is_complete(message(_netlink.NLMSG_ERROR, payload=struct.pack("=i", -1)))


@pytest.mark.parametrize(
    ("code", "kind"), [(1, _netlink.NetlinkError), (2, _netlink.NotThere), (22, _netlink.NotSupported)]
)
def test_what_fails_at_the_start_of_a_dump_stands_at_its_end_in_older_kernels(
    code: int, kind: type[_netlink.NetlinkError]
) -> None:
    for of in (_netlink.NLMSG_ERROR, _netlink.NLMSG_DONE):
        with pytest.raises(_netlink.NetlinkError) as caught:
            _netlink.is_complete(message(of, payload=struct.pack("=i", -code)))
        assert caught.type is kind
    assert _netlink.is_complete(message(_netlink.NLMSG_DONE, payload=struct.pack("=i", 0)))


def test_a_kernel_without_such_sockets_is_no_crash() -> None:
    with pytest.raises(_netlink.NotSupported, match="Protocol not supported"):
        _netlink.dump(31, 1, b"")


def test_what_is_loaded_or_no_module_may_be_asked(tmp_path: pathlib.Path) -> None:
    release = tmp_path / "lib" / "modules" / os.uname().release
    assert not _netlink.would_load("ip_set", str(tmp_path))  # built in, or not to be had
    release.mkdir(parents=True)
    (release / "modules.dep").write_text("kernel/net/netfilter/ipset/ip_set.ko.xz: kernel/x/nfnetlink.ko.xz\n")
    assert _netlink.would_load("ip_set", str(tmp_path))
    assert not _netlink.would_load("ip_vs", str(tmp_path))
    (tmp_path / "sys" / "module" / "ip_set").mkdir(parents=True)
    assert not _netlink.would_load("ip_set", str(tmp_path))


def test_a_dump_that_was_interrupted_is_asked_for_again() -> None:
    answers = [message(_netlink.NLMSG_DONE, _netlink.NLM_F_DUMP_INTR), recorded("links")]
    asked = []

    def dump(kind: int) -> bytes:
        asked.append(kind)
        answer = answers.pop(0)
        _netlink.is_complete(answer)
        return answer

    assert _netlink.read_links(dump) == LINKS
    assert asked == [_netlink.RTM_GETLINK] * 2


def test_a_dump_that_is_always_interrupted_is_a_fault() -> None:
    def dump(dummy: int) -> bytes:
        raise _netlink.DumpInterrupted("changed")

    with pytest.raises(_netlink.NetlinkError):
        _netlink.read_links(dump)


def test_this_machine_has_a_loopback() -> None:
    links = _netlink.read_links()
    assert ("lo", "127.0.0.1", 8, "host") in [tuple(row) for row in _netlink.read_addresses(links)]
