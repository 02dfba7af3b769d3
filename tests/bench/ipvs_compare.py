#!/usr/bin/env python3
# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What judging a large node costs: CPU seconds and memory of unpack, parse and compare in a fresh process.

Usage: ipvs_compare.py [--services 10000] [--backends 5] [--python PATH] [--runs 3]
"""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "collections"))

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _expected  # noqa: E402

CHILD = """
import gc, resource, sys, time
gc.disable()  # as the module does
sys.path.insert(0, sys.argv[1])
from ansible_collections.kubeaddons.metallb.plugins.module_utils import _data_plane, _expected, _ipvs, _netlink
marks = [("imports", time.process_time())]
with open(sys.argv[2]) as handle:
    expected = _expected.unpack(handle.read())
marks.append(("unpack", time.process_time()))
addresses = [_netlink.Address("eth0", "192.0.2.1", 24, "global")]
plan = _data_plane.virtual_servers(expected, "node1", addresses)
bound = set(plan.binds)
marks.append(("plan", time.process_time()))
table = _ipvs.read_proc(sys.argv[3], 250)
marks.append(("parse", time.process_time()))
found = _data_plane.compare(plan, table, bound)
marks.append(("compare", time.process_time()))
assert not found.differences and not table.unparsed, found.differences[:3]
before = marks[0][1]
for name, mark in marks[1:]:
    print("%s %.2f s, " % (name, mark - before), end="")
    before = mark
print("total %.2f s CPU (imports %.2f s), peak RSS %d MiB, %d virtual servers, %d real servers" % (
    marks[-1][1] - marks[0][1], marks[0][1], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    found.virtual_servers, found.real_servers))
"""


def hex_address(address: str) -> str:
    return "".join(f"{int(part):02X}" for part in address.split("."))


def tables(services: int, backends: int) -> tuple[str, str]:
    """Return the packed expected table and the text of /proc/net/ip_vs that fits it."""
    rows = []
    lines = [
        "IP Virtual Server version 1.2.1 (size=4096)",
        "Prot LocalAddress:Port Scheduler Flags",
        "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn",
    ]
    for number in range(services):
        cluster = f"10.{96 + number // 65536}.{number // 256 % 256}.{number % 256}"
        endpoints = []
        lines.append(f"TCP  {hex_address(cluster)}:0050 rr  ")
        for index in range(backends):
            pod = number * backends + index
            address = f"10.{128 + pod // 65536}.{pod // 256 % 256}.{pod % 256}"
            endpoints.append(_expected.Endpoint(address, 8080, f"node{pod % 100}", True, True, False, [], []))
            lines.append(f"  -> {hex_address(address)}:1F90      {'Masq':7} {1:<6d} {pod % 7:<10d} {pod % 3:<10d}")
        rows.append(
            _expected.ServicePort(
                f"default/service-{number}", "", "TCP", 80, 0, [cluster], [], [], False, False, 0, 3600.0, endpoints
            )
        )
    zones = {f"node{number}": "" for number in range(100)}
    packed = _expected.pack(_expected.Expected(zones, "ipvs", "rr", [], [], 30.0, rows))
    return packed, "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=10000)
    parser.add_argument("--backends", type=int, default=5)
    parser.add_argument("--python", default=sys.executable, help="the node's interpreter")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    packed, proc = tables(options.services, options.backends)
    print(f"packed table {len(packed) // 1024} KiB, /proc text {len(proc) // 1024} KiB, {proc.count(chr(10))} lines")
    with tempfile.TemporaryDirectory() as folder:
        packed_file = pathlib.Path(folder, "packed")
        proc_file = pathlib.Path(folder, "ip_vs")
        packed_file.write_text(packed)
        proc_file.write_text(proc)
        for _run in range(options.runs):
            subprocess.run(
                [options.python, "-c", CHILD, str(ROOT / "collections"), str(packed_file), str(proc_file)], check=True
            )


if __name__ == "__main__":
    main()
