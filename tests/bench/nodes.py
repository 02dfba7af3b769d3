#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What a proof costs the Ansible controller with 10, 100 and 1,000 nodes: CPU seconds and memory of each step, and the ratio.

A made-up API and made-up results of healthy nodes go through the real pieces, in a fresh process for each size. Requests, ssh
and what Ansible does for each task on each host are not part of it.

tests/run exec tests/bench/nodes.py [SERVICES [NODES...]]
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (  # noqa: E402
    _diagnosis,
    _expected,
    _folding,
    _look,
    _probe,
    _row,
    _table,
    _verdict,
)
from ansible_collections.kubeaddons.metallb.plugins.modules import diagnosis_info, expected_state_info  # noqa: E402
from ansible_collections.kubeaddons.metallb.plugins.plugin_utils import _report  # noqa: E402

Object = dict[str, Any]

ARP_NODES = 8  # as roles/verify has it
WRITTEN = "2026-11-23T20:00:00Z"


class MadeUp:
    """Answers as the API of a cluster, as its nodes, and as its network."""

    server_time = None

    def __init__(self, nodes: int, services: int) -> None:
        self.nodes = {f"node{number}": f"10.{number // 250}.{number % 250 + 1}.1" for number in range(nodes)}
        names = list(self.nodes)
        self.services = [self.service(number) for number in range(services)]
        self.slices = [
            self.slice(number, [names[(number + step) % nodes] for step in range(3)]) for number in range(services)
        ]
        # By kind, as the last part of a collection's path names it.
        self.lists: dict[str, list[Object]] = {
            "services": self.services,
            "endpointslices": self.slices,
            "nodes": [
                {"metadata": {"name": name}, "status": {"addresses": [{"type": "InternalIP", "address": address}]}}
                for name, address in self.nodes.items()
            ],
            "ipaddresspools": [
                {"metadata": {"name": "all", "namespace": "metallb-system"}, "spec": {"addresses": ["172.16.0.0/16"]}}
            ],
            "l2advertisements": [{"metadata": {"name": "all", "namespace": "metallb-system"}, "spec": {}}],
            "servicel2statuses": [
                {
                    "status": {
                        "node": names[number % nodes],
                        "serviceName": f"web-{number}",
                        "serviceNamespace": "default",
                    }
                }
                for number in range(services)
            ],
            "pods": [
                {
                    "metadata": {"name": f"speaker-{name}", "creationTimestamp": WRITTEN},
                    "spec": {"nodeName": name, "containers": [{"name": "speaker"}]},
                    "status": {"phase": "Running"},
                }
                for name in names
            ],
        }

    @staticmethod
    def meta(name: str, **more: Any) -> Object:
        return {"name": name, "namespace": "default", "creationTimestamp": WRITTEN, **more}

    def service(self, number: int) -> Object:
        address = f"10.233.{number // 250}.{number % 250 + 1}"
        port = {"port": 80, "protocol": "TCP", "targetPort": 8080, "nodePort": 30000 + number}
        spec = {"type": "LoadBalancer", "clusterIP": address, "clusterIPs": [address], "ports": [port]}
        ingress = [{"ip": f"172.16.{number // 250}.{number % 250 + 1}", "ipMode": "VIP"}]
        return {"metadata": self.meta(f"web-{number}"), "spec": spec, "status": {"loadBalancer": {"ingress": ingress}}}

    def slice(self, number: int, nodes: Sequence[str]) -> Object:
        ends = [
            {"addresses": [f"10.{200 + step}.{number // 250}.{number % 250 + 1}"], "nodeName": node}
            for step, node in enumerate(nodes)
        ]
        labels = {"kubernetes.io/service-name": f"web-{number}"}
        ports = [{"port": 8080, "protocol": "TCP"}]
        meta = self.meta(f"web-{number}-x", labels=labels)
        return {"metadata": meta, "addressType": "IPv4", "endpoints": ends, "ports": ports}

    def get_list(self, path: str, _selector: str | None = None) -> list[Object]:
        """As _kubernetes.Api does."""
        return self.lists.get(path.rpartition("/")[2], [])

    def get(self, _path: str) -> Object:
        return {"metadata": self.meta("kube-proxy"), "data": {"config.conf": "mode: ipvs\nipvs: {strictARP: true}\n"}}

    @staticmethod
    def gather(calls: Sequence[Callable[[], Any]]) -> list[Any]:
        return [call() for call in calls]

    def answers(self, targets: Sequence[Object]) -> list[Object]:
        """What request_probe returns where all is well."""
        good = _probe.Answer(True, "200 Hello World! web-5d8f6c7b9-x7k2p", "", 0.004)
        return [_probe.result(_probe.Target(**one["target"]), [good]) for one in targets]

    def found(self, state: Object) -> dict[str, Object]:
        """What the nodes found, as the role puts it together."""
        macs = {node: f"02:00:5e:{number // 65536:02x}:{number // 256 % 256:02x}:{number % 256:02x}"
                for number, node in enumerate(self.nodes)}  # fmt: skip
        announcer = {one["addresses"][0]: one["announcers"][0] for one in state["services"]}
        hosts = {}
        for number, (node, address) in enumerate(self.nodes.items()):
            asked = state["targets"]["arp"] if number < ARP_NODES else []
            heard = [
                {
                    "address": one,
                    "interface": "eth0",
                    "on_link": True,
                    "macs": [] if announcer[one] == node else [macs[announcer[one]]],
                    "own": False,
                }
                for one in asked
            ]
            results: dict[str, Object] = {
                "data_plane": {
                    "changed": False,
                    "differences": [],
                    "differences_total": 0,
                    "faults_total": 0,
                    "checked": {"virtual_servers": 401, "real_servers": 1200, "draining": 0, "foreign": 0},
                    "problem": "",
                    "mode": "ipvs",
                    "mode_assumed": "",
                    "seconds": 0.02,
                },
                "arp": {
                    "changed": False,
                    "results": heard,
                    "interfaces": [{"name": "eth0", "mac": macs[node], "addresses": [address]}],
                    "gateways": ["10.0.0.1"],
                    "settings": {"arp_ignore": 1, "arp_announce": 2, "strict_arp": True},
                },
                "inside": {"changed": False, "results": self.answers(state["targets"]["inside"])},
                "tcp": {"skipped": True},
            }
            results["inside"]["targets"] = state["targets"]["inside"]
            hosts[node] = _look.found_on(results)
        return hosts


def size(value: object) -> int:
    return len(json.dumps(value))


class Steps:
    """Takes the time."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __call__(self, name: str, function: Callable[..., Any], *args: Any) -> Any:
        started = time.process_time()
        result = function(*args)
        self.seconds[name] = time.process_time() - started
        return result


def peak() -> int:
    """This process's largest memory, MiB. Not getrusage: its figure is the parent's where that one was larger."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def measure(nodes: int, services: int) -> Object:
    """Go through a whole proof."""
    before = peak()
    made_up = MadeUp(nodes, services)
    step = Steps()
    params = {"metallb_namespace": "metallb-system", "loadbalancer_class": "", "scope": []}
    state = step("derive", expected_state_info.derive, made_up, params)
    hosts = made_up.found(state)
    outside = {"targets": state["targets"]["outside"], "results": made_up.answers(state["targets"]["outside"])}
    packed = step("pack", lambda: {node: _expected.dumps(found) for node, found in hosts.items()})
    hosts = step("unpack", lambda: {node: _expected.loads(found) for node, found in packed.items()})
    rows = step("rows", _verdict.rows, state, hosts, outside, True)
    decision = step("decide", _verdict.decide, rows, {}, 0.0, 1, 60.0, 90.0)
    assert {row.verdict for row in decision.rows} <= {_row.OK, _row.NOTE}, decision.rows[:9]
    folded = step("fold", _folding.folded, decision.rows)
    lines = step("table", _table.render, "Proof", folded, 120)
    told = [row._asdict() for row in decision.rows]
    assert not step("diagnose", _diagnosis.findings, diagnosis_info.EMPTY, state, told)
    data = step("document", _report.document, decision.rows, state, list(hosts), 0.0, 1.0, 1)
    with tempfile.TemporaryDirectory() as directory:
        pages = step("write", _report.write, directory, data)
        written = sum(Path(page).stat().st_size for page in pages)
    ports = [one for one in state["targets"]["outside"] if one["check"] == "NodePort"]
    last = hosts[list(hosts)[-1]]
    return {
        "seconds": step.seconds,
        "memory": peak() - before,
        "rows": len(rows),
        "lines": len(lines),
        "node ports asked": len(ports),
        "to a node": len(state["expected"]) + size(state["targets"]["inside"]),
        "from a node": size(last) - size(state["targets"]["inside"]),
        "hosts": size(packed),
        "report": written,
    }


def main() -> None:
    """Print a table, a column for each size, and the ratio per node of the last to the first."""
    numbers = [int(word) for word in sys.argv[1:]]
    services, sizes = (numbers or [100])[0], numbers[1:] or [10, 100, 1000]
    found = []
    for nodes in sizes:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found.append(pool.apply(measure, (nodes, services)))
    print(f"{services} Services on{'':12}" + "".join(f"{nodes:>12}" for nodes in sizes) + "   ratio per node")

    def line(name: str, values: Sequence[float], pattern: str) -> None:
        ratio = values[-1] / sizes[-1] / (values[0] / sizes[0]) if values[0] else 0
        print(f"{name:26}" + "".join(format(value, pattern) for value in values) + f"{ratio:12.2f}")

    for name in found[0]["seconds"]:
        line(name + ", s", [one["seconds"][name] for one in found], "12.3f")
    line("all steps, s", [sum(one["seconds"].values()) for one in found], "12.2f")
    line("memory, MiB", [one["memory"] for one in found], "12d")
    for name in ("rows", "lines", "node ports asked"):
        line(name, [one[name] for one in found], "12d")
    for name in ("to a node", "from a node", "hosts", "report"):
        line(name + ", kB", [one[name] / 1000 for one in found], "12.1f")


if __name__ == "__main__":
    main()
