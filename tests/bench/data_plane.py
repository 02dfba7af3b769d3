#!/usr/bin/env python3
# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What judging a large node costs in each mode of kube-proxy: CPU seconds and memory of unpack, read and compare.

Made-up tables go through the real readers, in a fresh process each; what the kernel and iptables-save take for their answers
is not part of it.

Usage: data_plane.py [--services 10000] [--backends 5] [--python PATH] [--runs 3] [--mode MODE]
"""

from __future__ import annotations

import argparse
import pathlib
import pickle
import socket
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "collections"))

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (  # noqa: E402
    _expected,
    _ipset,
    _iptables,
    _nftables,
    _sets,
)

MODES = ("ipvs", "nftables", "iptables")
CHILD = """
import gc, pickle, sys, time
gc.disable()  # as the module does
folder, mode = sys.argv[2:]
sys.path.insert(0, sys.argv[1])
from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _differences, _expected, _ipset, _iptables, _ipvs, _leftovers, _netlink, _nftables, _rules, _sets, _virtual_servers)
def members(message, family, attributes):
    return sets[attributes[12:].split(b"\\0")[0]]
def answers(message, family, attributes):
    return kernel.get((family, message, attributes[20:].split(b"\\0")[0]), [])
with open(folder + "/nftables", "rb") as handle:
    kernel = pickle.load(handle) if mode == "nftables" else {}
with open(folder + "/sets", "rb") as handle:
    sets = pickle.load(handle) if mode == "ipvs" else {}
marks = [("imports", time.process_time())]
with open(folder + "/expected") as handle:
    expected = _expected.unpack(handle.read())._replace(mode=mode)
marks.append(("unpack", time.process_time()))
if mode == "ipvs":
    addresses = [_netlink.Address("eth0", "192.0.2.1", 24, "global")]
    plan = _virtual_servers.virtual_servers(expected, "node1", addresses)
    around = _sets.plan(expected, "node1", addresses, plan.binds)
else:
    plan = _rules.plan(expected, "node1")
marks.append(("plan", time.process_time()))
if mode == "ipvs":
    read = _ipvs.read_proc(folder + "/ip_vs", 250)
    held = _ipset.read(around.sets, members)
elif mode == "nftables":
    reader = _nftables.Reader(answers)
    read = reader.read()
else:
    read = _iptables.parse({4: open(folder + "/iptables").read().splitlines()})
marks.append(("read", time.process_time()))
if mode == "ipvs":
    found = _virtual_servers.compare(plan, read, set(plan.binds))
    found.differences.extend(_sets.compare(around, lambda names: held))
    wanted = {jump for version, jump, row in _sets.jumps(around)}
    found.differences.extend(_sets.compare_rules(around, {4: wanted}))
else:
    found = _rules.compare(plan, read, 30.0, reader.exact if mode == "nftables" else lambda chain: read.chains[chain].backends)
marks.append(("compare", time.process_time()))
assert not found.differences and not read.unparsed, (found.differences[:3], read.unparsed[:3])
# Not getrusage: its figure is the parent's where that one was larger.
peak = next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
print("%-9s" % mode, end="")
before = marks[0][1]
for name, mark in marks[1:]:
    print("%s %.2f s, " % (name, mark - before), end="")
    before = mark
print("total %.2f s CPU (imports %.2f s), peak RSS %d MiB, returned %d bytes, %d addresses, %d backends" % (
    marks[-1][1] - marks[0][1], marks[0][1], peak,
    len(str(_differences.summary(found, 50))), found.virtual_servers, found.real_servers))
"""


class Service:
    """One made-up Service."""

    def __init__(self, number: int, backends: int) -> None:
        self.number = number
        self.address = f"10.{96 + number // 65536}.{number // 256 % 256}.{number % 256}"
        self.pods = [
            f"10.{128 + pod // 65536}.{pod // 256 % 256}.{pod % 256}"
            for pod in range(number * backends, (number + 1) * backends)
        ]

    def row(self) -> _expected.ServicePort:
        """What the API says of it."""
        endpoints = [
            _expected.Endpoint(address, 8080, f"node{index}", True, True, False, [], [])
            for index, address in enumerate(self.pods)
        ]
        name = f"default/service-{self.number}"
        return _expected.ServicePort(
            name, "", "TCP", 80, 0, [self.address], [], [], [], 0, False, False, 0, 3600.0, endpoints
        )


# Tables of each mode --------------------------------------------------------------------------------------------------


def ip_vs(services: list[Service]) -> str:
    """/proc/net/ip_vs."""
    lines = [
        "IP Virtual Server version 1.2.1 (size=4096)",
        "Prot LocalAddress:Port Scheduler Flags",
        "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn",
    ]
    for service in services:
        lines.append(f"TCP  {socket.inet_aton(service.address).hex().upper()}:0050 rr  ")
        for index, pod in enumerate(service.pods):
            packed = socket.inet_aton(pod).hex().upper()
            lines.append(f"  -> {packed}:1F90      {'Masq':7} {1:<6d} {index % 7:<10d} {index % 3:<10d}")
    return "\n".join([*lines, ""])


def sets(services: list[Service]) -> dict[bytes, list[bytes]]:
    """The kernel's answers about the sets of node1, by name."""
    elements: dict[str, list[bytes]] = {name: [] for name in _sets.NAMES}
    for service in services:
        cluster, pod = socket.inet_aton(service.address), socket.inet_aton(service.pods[1])
        elements[_sets.CLUSTER_IP].append(member(cluster, 80))
        elements[_sets.BOUND].append(attribute(7, attribute(1, attribute(1, cluster))))
        elements[_sets.LOOP_BACK].append(member(pod, 8080, attribute(20, attribute(1, pod))))
    return {
        name.encode(): [
            message(7, attribute(8, b"".join(some[at : at + 300])), _ipset.NFNL_SUBSYS_IPSET, name)
            for at in range(0, len(some), 300)
        ]
        for name, some in elements.items()
    }


def member(address: bytes, port: int, more: bytes = b"") -> bytes:
    """One member of a set."""
    end = attribute(4, struct.pack(">H", port)) + attribute(7, b"\6")
    return attribute(7, attribute(1, attribute(1, address)) + more + end)


def iptables(services: list[Service]) -> str:
    """iptables-save of the tables nat and filter."""
    lines = ["*nat", ":KUBE-SERVICES - [0:0]"]
    for service in services:
        chain = f"{service.number:016d}"
        comment = f'-m comment --comment "default/service-{service.number}'
        lines.append(
            f'-A KUBE-SERVICES -d {service.address}/32 -p tcp {comment} cluster IP" -m tcp --dport 80 -j KUBE-SVC-{chain}'
        )
        lines.append(
            f'-A KUBE-SVC-{chain} ! -s 10.233.64.0/18 -d {service.address}/32 -p tcp {comment} cluster IP" -j KUBE-MARK-MASQ'
        )
        for index, pod in enumerate(service.pods):
            end = f"KUBE-SEP-{service.number:012d}{index:04d}"
            chance = f"-m statistic --mode random --probability {1 / (len(service.pods) - index):.11f}"
            lines.append(f'-A KUBE-SVC-{chain} {comment} -> {pod}:8080" {chance} -j {end}')
            lines.append(f'-A {end} -s {pod}/32 {comment}" -j KUBE-MARK-MASQ')
            lines.append(f'-A {end} -p tcp {comment}" -m tcp -j DNAT --to-destination {pod}:8080')
    nat, rest = (
        [f"-A {chain} -j {target}" for table, chain, target in _iptables._LEADING if (table == "nat") is wanted]
        for wanted in (True, False)
    )
    return "\n".join([*lines, *nat, "COMMIT", "*filter", *rest, "COMMIT", ""])


def attribute(kind: int, value: bytes) -> bytes:
    """One netlink attribute."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def text(kind: int, value: str) -> bytes:
    """One netlink attribute that is a name."""
    return attribute(kind, value.encode() + b"\0")


def expression(name: str, data: bytes) -> bytes:
    """One expression of a rule."""
    return attribute(1, text(1, name) + attribute(2, data))


def verdict(chain: str) -> bytes:
    """ "goto CHAIN" as the data of an expression or an element."""
    return attribute(2, attribute(2, struct.pack("=HH", 8, 1) + struct.pack(">i", -4) + text(2, chain)))


def message(kind: int, attributes: bytes, subsystem: int = 10, name: str = "kube-proxy") -> bytes:
    """One netlink message of nf_tables, or of another subsystem."""
    body = struct.pack("=BBH", socket.AF_INET, 0, 0) + text(1, name) + attributes
    return struct.pack("=IHHII", 16 + len(body), subsystem << 8 | kind, 2, 1, 0) + body


def rule(chain: str, *expressions: bytes) -> bytes:
    """One rule; its handle takes the place that the kernel's has."""
    return message(6, text(2, chain) + attribute(3, bytes(8)) + attribute(4, b"".join(expressions)))


def nftables(services: list[Service]) -> dict[tuple[int, int, bytes], list[bytes]]:
    """The kernel's answers by family, message and set."""
    number = attribute(1, bytes(4))
    compare = expression("payload", number * 4) + expression("bitwise", number * 5) + expression("cmp", number * 3)
    rules, elements = [], []
    for service in services:
        name = f"default/service-{service.number}/tcp/"
        chain = f"service-{service.number:08d}-{name}"
        elements.append(
            attribute(
                1,
                attribute(1, attribute(1, socket.inet_aton(service.address) + struct.pack(">B3xH2x", 6, 80)))
                + verdict(chain),
            )
        )
        for index, pod in enumerate(service.pods):
            end = f"endpoint-{service.number:04d}{index:04d}-{name}__{pod}/8080"
            rules.append(rule(end, compare, expression("immediate", number + verdict("mark-for-masquerade"))))
            rules.append(rule(end, compare, expression("immediate", number * 2), expression("nat", number * 4)))
        rules.append(rule(chain, compare, compare, expression("immediate", number + verdict("mark-for-masquerade"))))
        modulus = attribute(2, struct.pack(">I", len(service.pods)))
        rules.append(
            rule(chain, expression("numgen", number + modulus), expression("lookup", text(1, f"__map{service.number}")))
        )
    rules += [rule(chain or "filter-input", attribute(1, needle)) for chain, needle in _nftables._LEADING]
    listed = [
        message(12, text(2, "service-ips") + attribute(3, b"".join(elements[at : at + 300])))
        for at in range(0, len(elements), 300)
    ]
    family = socket.AF_INET
    return {
        (family, _nftables.NFT_MSG_GETRULE, b""): parts(rules),
        (family, _nftables.NFT_MSG_GETSETELEM, b"service-ips"): listed,
    }


def parts(messages: list[bytes]) -> list[bytes]:
    """Messages in parts of 32 KiB, as the kernel gives them."""
    found, part = [], b""
    for one in messages:
        if len(part) + len(one) > 32768:
            found.append(part)
            part = b""
        part += one
    return [*found, part]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=10000)
    parser.add_argument("--backends", type=int, default=5)
    parser.add_argument("--python", default=sys.executable, help="the node's interpreter")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--mode", choices=MODES)
    options = parser.parse_args()
    services = [Service(number, options.backends) for number in range(options.services)]
    zones = {f"node{number}": "" for number in range(100)}
    rows = [service.row() for service in services]
    packed = _expected.pack(_expected.Expected(zones, "ipvs", "rr", [], [], 30.0, rows))
    print(f"packed table {len(packed) // 1024} KiB")
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "expected").write_text(packed)
        pathlib.Path(folder, "ip_vs").write_text(ip_vs(services))
        pathlib.Path(folder, "iptables").write_text(iptables(services))
        pathlib.Path(folder, "sets").write_bytes(pickle.dumps(sets(services)))
        pathlib.Path(folder, "nftables").write_bytes(pickle.dumps(nftables(services)))
        for mode in [options.mode] if options.mode else MODES:
            for _run in range(options.runs):
                subprocess.run([options.python, "-c", CHILD, str(ROOT / "collections"), folder, mode], check=True)


if __name__ == "__main__":
    main()
