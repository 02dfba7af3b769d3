# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _ipvs

HEADER = (
    "IP Virtual Server version 1.2.1 (size=4096)\n"
    "Prot LocalAddress:Port Scheduler Flags\n"
    "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
)
HZ = 250
CORPUS = pathlib.Path(__file__).parents[1] / "fixtures" / "ip_vs"


def proc(*lines: str) -> _ipvs.Table:
    return _ipvs.parse_proc(HEADER + "".join(line + "\n" for line in lines), HZ)


def ipvsadm(*lines: str) -> _ipvs.Table:
    return _ipvs.parse_ipvsadm(HEADER + "".join(line + "\n" for line in lines))


SERVER_CASES: list[tuple[str, str, _ipvs.VirtualServer]] = [
    (
        "TCP  C0A864F0:0050 rr  ",
        "TCP  192.168.100.240:80 rr",
        _ipvs.VirtualServer("TCP", "192.168.100.240:80", "rr", [], 0, "", {}),
    ),
    (
        "UDP  0AE90003:0035 wlc  ",
        "UDP  10.233.0.3:53 wlc",
        _ipvs.VirtualServer("UDP", "10.233.0.3:53", "wlc", [], 0, "", {}),
    ),
    (
        "SCTP  0AE90003:1E61 rr  ",
        "SCTP 10.233.0.3:7777 rr",
        _ipvs.VirtualServer("SCTP", "10.233.0.3:7777", "rr", [], 0, "", {}),
    ),
    (
        "UDP  0AE90003:0035 rr ops  ",
        "UDP  10.233.0.3:53 rr ops",
        _ipvs.VirtualServer("UDP", "10.233.0.3:53", "rr", ["ops"], 0, "", {}),
    ),
    (
        "TCP  0AE90001:01BB rr  persistent 2700000 FFFFFFFF",
        "TCP  10.233.0.1:443 rr persistent 10800",
        _ipvs.VirtualServer("TCP", "10.233.0.1:443", "rr", [], 10800, "255.255.255.255", {}),
    ),
    (
        "TCP  0AE90001:01BB rr ops  persistent 90000 FFFFFF00",
        "TCP  10.233.0.1:443 rr persistent 360 mask 255.255.255.0 ops",
        _ipvs.VirtualServer("TCP", "10.233.0.1:443", "rr", ["ops"], 360, "255.255.255.0", {}),
    ),
    (
        "TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0050 rr ",
        "TCP  [2001:db8::1]:80 rr",
        _ipvs.VirtualServer("TCP", "[2001:db8::1]:80", "rr", [], 0, "", {}),
    ),
    (
        "TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0050 rr persistent 90000 80000000",
        "TCP  [2001:db8::1]:80 rr persistent 360",
        _ipvs.VirtualServer("TCP", "[2001:db8::1]:80", "rr", [], 360, "128", {}),
    ),
    (
        "FWM  0000000A rr ",
        "FWM  10 rr",
        _ipvs.VirtualServer("FWM", "10", "rr", [], 0, "", {}),
    ),
    (
        "FWM  0000000A rr ops persistent 90000 FFFFFFFF",
        "FWM  10 rr persistent 360 ops",
        _ipvs.VirtualServer("FWM", "10", "rr", ["ops"], 360, "255.255.255.255", {}),
    ),
    (
        "TCP  0AE90001:01BB none  ",
        "TCP  10.233.0.1:443 none",
        _ipvs.VirtualServer("TCP", "10.233.0.1:443", "none", [], 0, "", {}),
    ),
]


@pytest.mark.parametrize(("line", "dummy", "expected"), SERVER_CASES)
def test_a_virtual_server_of_proc(line: str, dummy: str, expected: _ipvs.VirtualServer) -> None:
    assert proc(line) == _ipvs.Table([expected], [])


@pytest.mark.parametrize(("dummy", "line", "expected"), SERVER_CASES)
def test_a_virtual_server_of_ipvsadm(line: str, dummy: str, expected: _ipvs.VirtualServer) -> None:
    assert ipvsadm(line) == _ipvs.Table([expected], [])


@pytest.mark.parametrize(
    ("line", "scheduler", "flags", "persistence", "netmask"),
    [
        ("TCP  192.0.2.1:80 mh (mh-port)", "mh", ["mh-port"], 0, ""),
        ("TCP  192.0.2.1:80 mh (mh-fallback,mh-port)", "mh", ["mh-fallback", "mh-port"], 0, ""),
        ("TCP  192.0.2.1:80 sh (sh-port) persistent 60 pe sip", "sh", ["sh-port", "pe sip"], 60, "255.255.255.255"),
        ("FWM  7 IPv6 rr persistent 60 mask 64", "rr", [], 60, "64"),
    ],
)
def test_what_only_ipvsadm_shows(line: str, scheduler: str, flags: list[str], persistence: int, netmask: str) -> None:
    server = ipvsadm(line).virtual_servers[0]
    assert (server.scheduler, server.flags, server.persistence, server.netmask) == (
        scheduler,
        flags,
        persistence,
        netmask,
    )


@pytest.mark.parametrize("forward", ["Masq", "Route", "Tunnel", "Local"])
@pytest.mark.parametrize(
    ("parse", "lines"),
    [
        (proc, ["TCP  C0A864F0:0050 rr  ", "  -> 0AE94005:1F90      {:<7s} 0      12         3         "]),
        (
            ipvsadm,
            ["TCP  192.168.100.240:80 rr", "  -> 10.233.64.5:8080            {:<7s} 0      12         3         "],
        ),
    ],
)
def test_a_real_server(parse: t.Callable[..., _ipvs.Table], lines: list[str], forward: str) -> None:
    table = parse(lines[0], lines[1].format(forward))
    assert table.unparsed == []
    assert table.virtual_servers[0].real_servers == {"10.233.64.5:8080": _ipvs.RealServer(forward, 0, 12, 3)}


def test_real_servers_of_ipv6() -> None:
    expected = {"[2001:db8::5]:8080": _ipvs.RealServer("Masq", 1, 0, 0)}
    one = proc(
        "TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0050 rr ",
        "  -> [2001:0db8:0000:0000:0000:0000:0000:0005]:1F90      Masq    1      0          0         ",
    )
    other = ipvsadm(
        "TCP  [2001:db8::1]:80 rr",
        "  -> [2001:db8::5]:8080           Masq    1      0          0         ",
    )
    assert one == other
    assert one.virtual_servers[0].real_servers == expected


def test_real_servers_belong_to_the_virtual_server_above_them() -> None:
    table = proc(
        "TCP  C0A864F0:0050 rr  ",
        "  -> 0AE94005:1F90      Masq    1      0          0         ",
        "TCP  C0A864F1:0050 rr  ",
        "TCP  C0A864F2:0050 rr  ",
        "  -> 0AE94005:1F90      Masq    0      0          0         ",
    )
    assert [[real.weight for real in row.real_servers.values()] for row in table.virtual_servers] == [[1], [], [0]]


def test_a_line_that_is_not_understood_is_kept_with_the_real_servers_below_it() -> None:
    lines = [
        "TCP  C0A864F0:0050 rr  ",
        "ICMP  C0A864F1:0050 rr  ",
        "  -> 0AE94005:1F90      Masq    1      0          0         ",
    ]
    table = proc(*lines)
    assert [row.real_servers for row in table.virtual_servers] == [{}]
    assert table.unparsed == lines[1:]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "TCP",
        "TCP  C0A864F0:0050",
        "TCP  C0A864:0050 rr",
        "TCP  C0A864F0 rr",
        "TCP  C0A864FG:0050 rr",
        "TCP  [2001:0db8]:0050 rr",
        "TCP  2001:0db8::1:0050 rr",
        "TCP  C0A864F0:0050 rr  persistent",
        "TCP  C0A864F0:0050 rr  persistent 90000 FFFF",
        "  -> 0AE94005:1F90      Masq    1      0",
        "  -> 0AE94005:1F90      Magic   1      0          0         ",
        "  -> 0AE94005:1F90      Masq    x      0          0         ",
        "  -> 0AE94005:1F90",
        "  ->",
    ],
)
def test_malformed_lines_are_kept(line: str) -> None:
    table = proc("TCP  0AE90001:01BB rr  ", line)
    assert table.unparsed == [line]
    assert [row.real_servers for row in table.virtual_servers] == [{}]


def test_a_table_without_servers_is_a_table() -> None:
    assert proc() == _ipvs.Table([], [])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "header"),
        ("\n", "header"),
        (HEADER[:30], "truncated"),
        (HEADER.split("\n")[0] + "\n", "header"),
        ("TCP  C0A864F0:0050 rr  \n" * 4, "header"),
        (HEADER + "TCP  C0A864F0:0050 rr  ", "truncated"),
        (HEADER + "TCP  C0A864F0:0050 rr  \n  -> 0AE94005:1F90      Masq    1 ", "truncated"),
    ],
)
def test_a_truncated_table_is_no_table(text: str, reason: str) -> None:
    with pytest.raises(_ipvs.IpvsError, match=reason):
        _ipvs.parse_proc(text, HZ)
    with pytest.raises(_ipvs.IpvsError, match=reason):
        _ipvs.parse_ipvsadm(text)


@pytest.mark.parametrize(("resolution", "hz"), [(0.01, 100), (0.004, 250), (0.003333333, 300), (0.001, 1000)])
def test_the_tick_rate_is_that_of_a_coarse_clock(resolution: float, hz: int) -> None:
    assert _ipvs.tick_rate(lambda clock: resolution if clock == 6 else 1e-9) == hz


@pytest.mark.parametrize(("hz", "seconds"), [(100, 27000), (250, 10800), (1000, 2700)])
def test_persistence_is_counted_in_ticks(hz: int, seconds: int) -> None:
    text = HEADER + "TCP  0AE90001:01BB rr  persistent 2700000 FFFFFFFF\n"
    assert _ipvs.parse_proc(text, hz).virtual_servers[0].persistence == seconds


def test_read_proc_of_a_large_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "ip_vs"
    path.write_text(HEADER + "TCP  C0A864F0:0050 rr  \n" * 50000)
    assert len(_ipvs.read_proc(str(path)).virtual_servers) == 50000


def test_a_kernel_without_ipvs_is_a_state_of_its_own(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "ip_vs")
    assert not _ipvs.available(path)
    with pytest.raises(_ipvs.NoIpvs, match="the kernel has no IPVS"):
        _ipvs.read_proc(path)


def test_a_file_that_cannot_be_read(tmp_path: pathlib.Path) -> None:
    with pytest.raises(_ipvs.IpvsError, match="Is a directory"):
        _ipvs.read_proc(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "10.0.0.1"),
        ("010.000.00.01", "10.0.0.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
    ],
)
def test_an_address_has_one_spelling(text: str, canonical: str) -> None:
    assert _ipvs.canonical_address(text) == canonical


def test_a_server_as_a_module_returns_it() -> None:
    real = {"[2001:db8::5]:8080": _ipvs.RealServer("Masq", 1, 2, 3)}
    server = _ipvs.VirtualServer("TCP", "[2001:db8::1]:80", "rr", ["ops"], 360, "128", real)
    assert _ipvs.server_dict(server) == {
        "protocol": "TCP",
        "address": "2001:db8::1",
        "port": 80,
        "firewall_mark": 0,
        "scheduler": "rr",
        "flags": ["ops"],
        "persistence": 360,
        "persistence_netmask": "128",
        "real_servers": [
            {
                "address": "2001:db8::5",
                "port": 8080,
                "forward": "Masq",
                "weight": 1,
                "active_connections": 2,
                "inactive_connections": 3,
            }
        ],
    }
    marked = _ipvs.server_dict(_ipvs.VirtualServer("FWM", "10", "rr", [], 0, "", {}))
    assert (marked["address"], marked["port"], marked["firewall_mark"]) == ("", 0, 10)


# What real nodes showed: FILE.proc, FILE.Ln and FILE.Sn are /proc/net/ip_vs, ipvsadm -Ln and ipvsadm -Sn of one moment.

RECORDED = sorted(path.stem for path in CORPUS.glob("*.proc"))


def recorded(name: str) -> tuple[_ipvs.Table, _ipvs.Table, list[str]]:
    match = re.search(r"-hz(\d+)-", name)
    assert match
    return (
        _ipvs.parse_proc((CORPUS / f"{name}.proc").read_text(), int(match.group(1))),
        _ipvs.parse_ipvsadm((CORPUS / f"{name}.Ln").read_text()),
        (CORPUS / f"{name}.Sn").read_text().splitlines(),
    )


def test_there_is_a_corpus() -> None:
    assert len(RECORDED) >= 2


@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_line_is_understood(name: str) -> None:
    one, other, _rules = recorded(name)
    assert one.unparsed == other.unparsed == []
    assert one.virtual_servers


def comparable(server: _ipvs.VirtualServer) -> dict[str, t.Any]:
    """A virtual server without what /proc does not tell: scheduler flags, and "ops" of IPv6."""
    row = _ipvs.server_dict(server)
    row["flags"] = [flag for flag in row["flags"] if flag == "ops" and ":" not in row["address"]]
    row["real_servers"].sort(key=lambda real: (real["address"], real["port"]))
    if server.protocol == "FWM":
        # Nor the family of a firewall mark.
        row["persistence_netmask"] = ""
    return row


@pytest.mark.parametrize("name", RECORDED)
def test_both_sources_show_the_same(name: str) -> None:
    def key(row: dict[str, t.Any]) -> tuple[t.Any, ...]:
        return (row["protocol"], row["address"], row["port"], row["firewall_mark"])

    one, other, _rules = recorded(name)
    assert sorted(map(comparable, one.virtual_servers), key=key) == sorted(
        map(comparable, other.virtual_servers), key=key
    )


SERVICE_OPTIONS = {"TCP": "-t", "UDP": "-u", "SCTP": "--sctp-service", "FWM": "-f"}
FORWARD_OPTIONS = {"Masq": "-m", "Route": "-g", "Tunnel": "-i"}


def rules(table: _ipvs.Table) -> list[str]:
    """A table as ``ipvsadm -Sn`` writes it: a second opinion on every field."""
    found = []
    for server in table.virtual_servers:
        name = f"{SERVICE_OPTIONS[server.protocol]} {server.endpoint}"
        line = f"-A {name} -s {server.scheduler}"
        if server.persistence:
            line += f" -p {server.persistence}"
        if server.netmask not in ("", "255.255.255.255", "128"):
            line += f" -M {server.netmask}"
        if "ops" in server.flags:
            line += " -o"
        flags = [flag for flag in server.flags if flag != "ops"]
        if flags:
            line += " -b " + ",".join(flags)
        found.append(line)
        for backend, real in server.real_servers.items():
            line = f"-a {name} -r {backend} {FORWARD_OPTIONS[real.forward]} -w {real.weight}"
            found.append(line + (" --tun-type ipip" if real.forward == "Tunnel" else ""))
    return found


@pytest.mark.parametrize("name", RECORDED)
def test_the_rules_that_ipvsadm_saves_say_the_same(name: str) -> None:
    _one, other, saved = recorded(name)
    # The only trace of a firewall mark's family.
    assert sorted(rules(other)) == sorted(line.replace("-f 11 -6", "-f 11") for line in saved)
