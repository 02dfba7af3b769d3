# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import ipaddress
import json
import os
import pathlib
import shutil
import subprocess
import sys
import typing as t
import uuid

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _arp, _ndp
from ansible_collections.kubeaddons.metallb.plugins.module_utils._netlink import Address, Link
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.module_utils.test__ndp import ROUTES as ROUTES6

UP = 0x1003
ETH0 = Link(2, "eth0", "02:00:5e:00:53:01", UP, "")
ETH1 = Link(3, "eth1", "02:00:5e:00:53:02", UP, "")
LO = Link(1, "lo", "00:00:00:00:00:00", 0x49, "")
DOWN = Link(4, "eth2", "02:00:5e:00:53:03", 0x1002, "")
TUN = Link(5, "tun0", "", 0x1090 | 1, "")
DUMMY = Link(6, "kube-ipvs0", "02:00:5e:00:53:06", UP, "")
ETH3 = Link(7, "eth3", "02:00:5e:00:53:07", UP, "")
CALI = Link(8, "cali1", "ee:ee:ee:ee:ee:ee", UP, "")
LINKS = [LO, ETH0, ETH1, DOWN, TUN, DUMMY, ETH3, CALI]
ADDRESSES = [
    Address("lo", "127.0.0.1", 8, "host"),
    Address("eth0", "192.0.2.1", 24, "global"),
    Address("eth0", "2001:db8::1", 64, "global"),
    Address("eth0", "fe80::5eff:fe00:5301", 64, "link"),
    Address("eth1", "192.0.2.129", 25, "global"),
    Address("eth1", "fe80::5eff:fe00:5302", 64, "link"),
    Address("eth2", "203.0.113.1", 24, "global"),
    # No link-local address: MetalLB does not answer there, and nobody can ask.
    Address("eth3", "2001:db8:3::1", 64, "global"),
    Address("tun0", "198.51.100.1", 24, "global"),
    Address("kube-ipvs0", "192.0.2.40", 32, "global"),
    Address("kube-ipvs0", "2001:db8::40", 128, "global"),
    Address("cali1", "fe80::ecee:eeff:feee:eeee", 64, "link"),
]
PEER = "02:00:5e:00:53:aa"
OTHER = "02:00:5e:00:53:bb"


def reply(address: str, mac: str, operation: int = 2) -> bytes:
    """An ARP frame from somebody else, made by hand from RFC 826."""
    sender = bytes.fromhex(mac.replace(":", ""))
    quad = bytes(int(part) for part in address.split("."))
    header = bytes.fromhex("02005e005301") + sender + bytes.fromhex("0806 0001 0800 06 04")
    return header + bytes([0, operation]) + sender + quad + bytes.fromhex("02005e005301 c0000201") + bytes(18)


def test_a_request_is_broadcast_and_carries_the_machines_own_address() -> None:
    assert _arp.build_request("02:00:5e:00:53:01", "192.0.2.1", "192.0.2.240").hex() == (
        "ffffffffffff02005e0053010806000108000604000102005e005301c0000201000000000000c00002f0"
    )


def test_a_reply_tells_address_and_mac() -> None:
    assert _arp.parse_reply(reply("192.0.2.240", PEER)) == ("192.0.2.240", PEER)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        reply("192.0.2.240", PEER)[:41],
        reply("192.0.2.240", PEER, operation=1),
        reply("192.0.2.240", PEER).replace(b"\x08\x06", b"\x08\x00"),
        reply("192.0.2.240", PEER).replace(b"\x06\x04", b"\x08\x04"),
    ],
)
def test_other_frames_are_no_reply(frame: bytes) -> None:
    assert _arp.parse_reply(frame) is None


ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth1\t0071A8C0\t00000000\t0001\t0\t0\t5\t00FFFFFF\t0\t0\t0
*\t0072A8C0\t00000000\t0201\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""


@pytest.mark.skipif(sys.byteorder != "little", reason="the kernel prints these in the machine's byte order")
def test_gateways_of_the_default_routes() -> None:
    second = "eth1\t00000000\t01C8A8C0\t0003\t0\t0\t9\t00000000\t0\t0\t0\n"
    assert _arp.parse_gateways(ROUTES + second) == ["192.0.2.1", "192.168.200.1"]
    assert _arp.parse_gateways(ROUTES, ROUTES6) == ["192.0.2.1", "fe80::1", "fe80::2"]


@pytest.mark.skipif(sys.byteorder != "little", reason="the kernel prints these in the machine's byte order")
def test_routes_without_a_gateway() -> None:
    assert [(row.interface, str(row.network), row.metric) for row in _arp.parse_routes(ROUTES, ROUTES6)] == [
        ("eth0", "2001:db8::/64", 0x100),
        ("eth0", "192.0.2.0/24", 0),
        ("eth1", "192.168.113.0/24", 5),
    ]


def test_the_networks_whose_addresses_are_neighbours() -> None:
    """Not the address of each pod, which is behind an interface of its own."""
    pod = _arp.Route("cali1", ipaddress.IPv4Network("10.233.64.5/32"), 0)
    routes = [pod, _arp.Route("eth1", ipaddress.IPv4Network("192.168.113.0/24"), 5)]
    assert _arp.networks(LINKS, ADDRESSES, routes) == ["192.0.2.0/24", "192.168.113.0/24", "2001:db8::/64"]
    assert _arp.networks([LO], ADDRESSES, []) == []


@pytest.mark.parametrize(
    ("target", "interface", "way"),
    [
        ("192.0.2.9", "", ("eth0", "192.0.2.1", True)),
        # The most specific prefix.
        ("192.0.2.200", "", ("eth1", "192.0.2.129", True)),
        # A route without a gateway.
        ("192.168.113.9", "", ("eth1", "192.0.2.129", True)),
        # Behind a router, on a link that is down, without ARP, or kube-proxy's own.
        ("198.18.0.1", "", None),
        ("203.0.113.9", "", None),
        ("198.51.100.9", "", None),
        ("127.0.0.2", "", None),
        ("192.0.2.40", "", ("eth0", "192.0.2.1", True)),
        # A named interface is used in any case.
        ("192.0.2.200", "eth0", ("eth0", "192.0.2.1", True)),
        ("198.18.0.1", "eth0", ("eth0", "192.0.2.1", False)),
        ("198.18.0.1", "lo", None),
        # IPv6 is asked for from the link-local address.
        ("2001:db8::240", "", ("eth0", "fe80::5eff:fe00:5301", True)),
        ("2001:db8::40", "", ("eth0", "fe80::5eff:fe00:5301", True)),
        # A route without a gateway, as a router advertises a prefix.
        ("2001:db8:1::9", "", ("eth1", "fe80::5eff:fe00:5302", True)),
        ("2001:db8:9::9", "", None),
        ("2001:db8:3::9", "", None),
        ("2001:db8:3::9", "eth3", None),
        ("2001:db8:9::9", "eth1", ("eth1", "fe80::5eff:fe00:5302", False)),
    ],
)
def test_the_interface_that_an_address_is_asked_for_on(
    target: str, interface: str, way: tuple[str, str, bool] | None
) -> None:
    prefix = f"20010db8000100000000000000000000 40 {'0' * 32} 00 {'0' * 32} 00000100 00000001 00000000 00080001 eth1"
    routes = [row for row in _arp.parse_routes(ROUTES, prefix) if row.interface == "eth1"]
    found = _arp.choose_way(target, LINKS, ADDRESSES, routes, interface)
    assert (found and (found.link.name, found.sender, found.on_link)) == way


def test_an_interface_without_an_address_asks_as_nobody() -> None:
    found = _arp.choose_way("192.0.2.9", [ETH0], [], [], "eth0")
    assert found == _arp.Way(ETH0, "0.0.0.0", False)


class ScriptedWire:
    """A wire on which each request is answered after a delay; time passes by waiting only."""

    def __init__(self, answers: dict[str, list[tuple[float, str, bytes]]]) -> None:
        self.answers = answers
        self.now = 0.0
        self.sent: list[tuple[float, str, str]] = []
        self.pending: list[tuple[float, str, bytes]] = []
        self.closed = False

    def ask(self, target: str, way: _arp.Way) -> None:
        self.sent.append((round(self.now, 3), way.link.name, target))
        self.pending += [(self.now + delay, name, answer) for delay, name, answer in self.answers.get(target, [])]

    def receive(self, seconds: float) -> list[_arp.Frame]:
        # As poll() does, never less than a millisecond.
        until = self.now + max(seconds, 0.001)
        arrived = sorted(row for row in self.pending if row[0] <= until)
        if not arrived:
            self.now = until
            return []
        self.now = max(self.now, arrived[0][0])
        self.pending.remove(arrived[0])
        _when, interface, data = arrived[0]
        return [_arp.Frame(interface, data[:1] == b"\x88", data)]

    def close(self) -> None:
        self.closed = True

    def clock(self) -> float:
        return self.now


def run(wire: ScriptedWire, targets: list[str], timeout: float = 1.0, attempts: int = 2) -> list[dict[str, t.Any]]:
    return _arp.probe_addresses(
        targets,
        LINKS,
        ADDRESSES,
        [],
        "",
        timeout,
        attempts,
        lambda ways: t.cast("_arp.RawWire", wire),
        wire.clock,
    )


def test_all_answers_until_the_timeout_are_collected() -> None:
    wire = ScriptedWire(
        {
            "192.0.2.10": [(0.01, "eth0", reply("192.0.2.10", PEER))],
            "192.0.2.20": [
                (0.02, "eth0", reply("192.0.2.20", PEER)),
                (0.4, "eth0", reply("192.0.2.20", OTHER)),
                (0.3, "eth0", reply("192.0.2.20", PEER)),
            ],
            # Too late.
            "192.0.2.30": [(1.5, "eth0", reply("192.0.2.30", PEER))],
        }
    )
    found = run(wire, ["192.0.2.20", "192.0.2.10", "192.0.2.30", "198.18.0.1", "192.0.2.1", "192.0.2.10", "192.0.2.40"])
    assert [(row["address"], row["on_link"], row["macs"], row["own"]) for row in found] == [
        ("192.0.2.20", True, [PEER, OTHER], False),
        ("192.0.2.10", True, [PEER], False),
        ("192.0.2.30", True, [], False),
        ("198.18.0.1", False, [], False),
        ("192.0.2.1", True, [], True),
        ("192.0.2.10", True, [PEER], False),
        # kube-proxy's own interface does not count.
        ("192.0.2.40", True, [], False),
    ]
    assert found[3]["interface"] == ""
    assert wire.now == pytest.approx(1.0)
    assert wire.closed


def advertisement(address: str, mac: str) -> bytes:
    """An answer such as MetalLB's, made by hand from RFC 4861."""
    return bytes.fromhex("8800000040000000") + ipaddress.IPv6Address(address).packed + b"\2\1" + _arp.parse_mac(mac)


def test_addresses_of_both_families_are_asked_for_side_by_side() -> None:
    wire = ScriptedWire(
        {
            "192.0.2.10": [(0.01, "eth0", reply("192.0.2.10", PEER))],
            "2001:db8::240": [
                (0.02, "eth0", advertisement("2001:db8::240", PEER)),
                (0.3, "eth0", advertisement("2001:db8::240", OTHER)),
                # Another segment's.
                (0.4, "eth1", advertisement("2001:db8::240", ETH1.mac)),
                (0.5, "eth0", advertisement("2001:db8::241", ETH1.mac)),
            ],
        }
    )
    found = run(wire, ["2001:DB8:0::240", "192.0.2.10", "2001:db8::1", "2001:db8:9::1"])
    assert [(row["address"], row["interface"], row["on_link"], row["macs"], row["own"]) for row in found] == [
        ("2001:DB8:0::240", "eth0", True, [PEER, OTHER], False),
        ("192.0.2.10", "eth0", True, [PEER], False),
        ("2001:db8::1", "eth0", True, [], True),
        ("2001:db8:9::1", "", False, [], False),
    ]
    assert wire.now == pytest.approx(1.0)


def test_each_address_is_asked_for_as_often_as_told_spread_over_the_timeout() -> None:
    wire = ScriptedWire({})
    run(wire, ["192.0.2.10", "192.0.2.200", "192.0.2.10"], timeout=0.9, attempts=3)
    assert wire.sent == [
        (when, interface, target)
        for when in (0, 0.3, 0.6)
        for interface, target in (("eth0", "192.0.2.10"), ("eth1", "192.0.2.200"))
    ]


def test_an_answer_on_another_interface_is_another_segments() -> None:
    wire = ScriptedWire({"192.0.2.10": [(0.01, "eth1", reply("192.0.2.10", PEER))]})
    assert run(wire, ["192.0.2.10"])[0]["macs"] == []


def test_an_answer_for_an_address_that_nobody_asked_for_is_ignored() -> None:
    wire = ScriptedWire({"192.0.2.10": [(0.01, "eth0", reply("192.0.2.11", PEER))]})
    assert run(wire, ["192.0.2.10"])[0]["macs"] == []


def test_without_a_neighbour_no_socket_is_opened() -> None:
    def refuse(dummy: t.Mapping[str, _arp.Way]) -> _arp.RawWire:
        raise AssertionError("opened")

    found = _arp.probe_addresses(["198.18.0.1"], LINKS, ADDRESSES, [], "", 1.0, 2, refuse)
    assert [row["on_link"] for row in found] == [False]
    assert _arp.probe_addresses([], LINKS, ADDRESSES, [], "", 1.0, 2, refuse) == []


@pytest.mark.parametrize("target", ["192.0.2.10", "2001:db8::240"])
def test_a_socket_without_the_right_to_it_names_the_remedy(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    def refuse(*dummy: t.Any) -> t.NoReturn:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("socket.socket", refuse)
    with pytest.raises(_arp.ArpError, match="become: true"):
        _arp.probe_addresses([target], LINKS, ADDRESSES, [], "", 1.0, 2)


def test_a_link_local_address_that_is_not_ready_yet_is_a_question_that_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*dummy: t.Any) -> t.NoReturn:
        raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    monkeypatch.setattr(_ndp, "open_socket", refuse)
    wire = _arp.RawWire({"2001:db8::240": _arp.Way(ETH0, "fe80::5eff:fe00:5301", True)})
    wire.ask("2001:db8::240", _arp.Way(ETH0, "fe80::5eff:fe00:5301", True))
    assert wire.receive(0.0) == []


def test_an_interface_that_does_not_exist_is_said_so() -> None:
    with pytest.raises(_arp.ArpError, match="no interface eth9 here"):
        _arp.probe_addresses(["192.0.2.10"], LINKS, ADDRESSES, [], "eth9", 1.0, 2)


def test_interfaces_that_could_answer() -> None:
    # The higher of the two counts; where there is neither, nothing is filtered.
    files = {"all": "1\n", "eth1": "2\n", "eth2": "0\n"}
    files = {f"/proc/sys/net/ipv4/conf/{name}/rp_filter": text for name, text in files.items()}

    def read(path: str) -> str:
        if path not in files:
            raise FileNotFoundError(path)
        return files[path]

    assert _arp.describe_interfaces(LINKS, ADDRESSES, read) == [
        {"name": "eth0", "mac": "02:00:5e:00:53:01", "addresses": ["192.0.2.1", "2001:db8::1"], "rp_filter": 1},
        {"name": "eth1", "mac": "02:00:5e:00:53:02", "addresses": ["192.0.2.129"], "rp_filter": 2},
        {"name": "eth2", "mac": "02:00:5e:00:53:03", "addresses": ["203.0.113.1"], "rp_filter": 1},
        {"name": "eth3", "mac": "02:00:5e:00:53:07", "addresses": ["2001:db8:3::1"], "rp_filter": 1},
    ]


@pytest.mark.parametrize(
    ("ignore", "announce", "strict"),
    [("1", "2", True), ("2", "2", True), ("0", "2", False), ("1", "0", False), ("1", "1", False), ("", "2", False)],
)
def test_arp_settings(ignore: str, announce: str, strict: bool) -> None:
    files = {
        "/proc/sys/net/ipv4/conf/all/arp_ignore": ignore + "\n",
        "/proc/sys/net/ipv4/conf/all/arp_announce": announce + "\n",
    }
    assert _arp.arp_settings(files.__getitem__) == {
        "arp_ignore": int(ignore) if ignore else None,
        "arp_announce": int(announce),
        "strict_arp": strict,
    }


def test_arp_settings_that_cannot_be_read_are_null() -> None:
    def refuse(path: str) -> t.NoReturn:
        raise PermissionError(13, "Permission denied", path)

    assert _arp.arp_settings(refuse) == {"arp_ignore": None, "arp_announce": None, "strict_arp": False}


# On real interfaces

ASK = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.kubeaddons.metallb.plugins.module_utils import _arp, _netlink
links = _netlink.read_links()
routes = _arp.parse_routes(open("/proc/net/route").read(), open("/proc/net/ipv6_route").read())
addresses = _netlink.read_addresses(links)
print(json.dumps(_arp.probe_addresses(sys.argv[2:], links, addresses, routes, "", 1.5, 3)))
"""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def wait_for_link_local(namespace: str) -> None:
    """Wait until the kernel has given itself link-local addresses and lets them be used."""
    for _attempt in range(1000):
        words = ["ip", "-n", namespace, "-6", "-o", "address", "show", "scope", "link"]
        found = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        if found and "tentative" not in found:
            return
    raise AssertionError(f"no link-local address: {found}")


@pytest.fixture(scope="module")
def segment() -> t.Iterator[str]:
    """A namespace with a bridge; two others on it answer for .20 of both families, one of them for .10 as well."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("network namespaces need root and iproute2")
    tag = f"kam-{uuid.uuid4().hex[:8]}"
    namespaces = [f"{tag}-{role}" for role in ("ask", "one", "two")]
    made = []
    try:
        for name in namespaces:
            ip("netns", "add", name)
            made.append(name)
            # Nobody waits here until the kernel has looked whether an address is free.
            ip("netns", "exec", name, "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad")
        ip("-n", namespaces[0], "link", "add", "br0", "type", "bridge")
        for number, name in enumerate(namespaces[1:], 1):
            mac = f"02:00:5e:00:53:0{number}"
            ip("-n", namespaces[0], "link", "add", f"port{number}", "type", "veth", "peer", "eth0", "netns", name)
            ip("-n", namespaces[0], "link", "set", f"port{number}", "master", "br0", "up")
            ip("-n", name, "link", "set", "eth0", "address", mac, "up")
            ip("-n", name, "addr", "add", "192.0.2.20/24", "dev", "eth0")
            ip("-n", name, "addr", "add", "2001:db8::20/64", "dev", "eth0", "nodad")
        ip("-n", namespaces[1], "addr", "add", "192.0.2.10/24", "dev", "eth0")
        ip("-n", namespaces[1], "addr", "add", "2001:db8::10/64", "dev", "eth0", "nodad")
        ip("-n", namespaces[0], "link", "set", "br0", "up")
        ip("-n", namespaces[0], "addr", "add", "192.0.2.1/24", "dev", "br0")
        ip("-n", namespaces[0], "addr", "add", "2001:db8::1/64", "dev", "br0", "nodad")
        for name in namespaces:
            wait_for_link_local(name)
        yield namespaces[0]
    except subprocess.CalledProcessError as exc:
        pytest.skip(f"this kernel cannot make the segment: {exc.stderr}")
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "del", name], check=False)


def test_on_a_real_segment(segment: str) -> None:
    root = pathlib.Path(__file__).parents[4] / "collections"
    targets = [
        *("192.0.2.10", "192.0.2.20", "192.0.2.30", "192.0.2.1", "198.18.0.1"),
        *("2001:db8::10", "2001:db8::20", "2001:db8::30", "2001:db8::1", "2001:db8:9::1"),
    ]
    command = ["ip", "netns", "exec", segment, sys.executable, "-c", ASK, str(root), *targets]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert [(row["interface"], row["macs"], row["own"]) for row in found] == [
        ("br0", ["02:00:5e:00:53:01"], False),
        ("br0", ["02:00:5e:00:53:01", "02:00:5e:00:53:02"], False),
        ("br0", [], False),
        ("br0", [], True),
        ("", [], False),
    ] * 2
