#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What a proof costs the Ansible controller with 10, 100 and 1,000 nodes, and with 100, 1,000 and 10,000 Services.

CPU seconds and memory of each step, and the ratio. A made-up API and made-up results go through the real pieces, in a fresh
process for each size: those of a healthy cluster, and those of one where nothing answers. Requests, ssh and what Ansible does
for each task on each host are not part of it.

tests/run exec tests/bench/nodes.py [nodes|services [OTHER [SIZE...]]], such as "nodes 100 10 1000": 100 Services on 10 nodes
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (  # noqa: E402
    _askers,
    _diagnosis,
    _expected,
    _external_ip,
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

ASKERS = 8  # as roles/verify has it
ENDPOINTS = 5
WRITTEN = "2026-11-23T20:00:00Z"
CLIENT, ROUTER = "192.0.2.1", "192.0.2.2"


class Size(NamedTuple):
    """How large a cluster is."""

    nodes: int
    services: int
    bgp: bool  # besides layer2: every Service by every node to one router


class MadeUp:
    """Answers as the API of a cluster, as its nodes, and as its network."""

    server_time = None

    def __init__(self, size: Size) -> None:
        nodes, services, self.bgp = size
        self.nodes = {f"node{number}": f"10.{number // 250}.{number % 250 + 1}.1" for number in range(nodes)}
        names = list(self.nodes)
        self.services = [self.service(number) for number in range(services)]
        self.slices = [
            self.slice(number, [names[(number + step) % nodes] for step in range(ENDPOINTS)])
            for number in range(services)
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
            "servicel2statuses": [self.status(number, names[number % nodes]) for number in range(services)],
            "events": [self.assigned(number, names[number % nodes]) for number in range(services)],
            "pods": [
                {
                    "metadata": {"name": f"speaker-{name}", "creationTimestamp": WRITTEN},
                    "spec": {"nodeName": name, "containers": [{"name": "speaker"}]},
                    "status": {"phase": "Running"},
                }
                for name in names
            ],
        }
        if self.bgp:
            here = {"name": "router", "namespace": "metallb-system", "creationTimestamp": WRITTEN}
            self.lists["bgpadvertisements"] = [{"metadata": here, "spec": {}}]
            self.lists["bgppeers"] = [{"metadata": here, "spec": {"peerAddress": ROUTER}}]
            self.lists["servicebgpstatuses"] = [
                self.status(number, name, peers=["router"]) for number in range(services) for name in names
            ]

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

    @staticmethod
    def status(number: int, node: str, **more: Any) -> Object:
        return {"status": {"node": node, "serviceName": f"web-{number}", "serviceNamespace": "default", **more}}

    def assigned(self, number: int, node: str) -> Object:
        text = f'announcing from node "{node}" with protocol "layer2"'
        return {"involvedObject": self.meta(f"web-{number}"), "lastTimestamp": WRITTEN, "message": text}

    def get_list(self, path: str, _selector: str | None = None, field_selector: str = "") -> list[Object]:
        """As _kubernetes.Api does."""
        return self.lists.get(path.rpartition("/")[2], [])

    def get(self, _path: str) -> Object:
        return {"metadata": self.meta("kube-proxy"), "data": {"config.conf": "mode: ipvs\nipvs: {strictARP: true}\n"}}

    @staticmethod
    def gather(calls: Sequence[Callable[[], Any]]) -> list[Any]:
        return [call() for call in calls]

    @staticmethod
    def answers(targets: Sequence[Object], client: str, well: bool) -> list[Object]:
        """What request_probe returns."""
        found = []
        for number, one in enumerate(targets):
            target = _probe.Target(**one["target"])
            connection = f"{target.protocol} {client}:{20000 + number} {target.address}:{target.port}"
            good = _probe.Answer(True, "200 Hello World! web-5d8f6c7b9-x7k2p", "", 0.004, connection)
            bad = _probe.Answer(False, "", "timed out", 2.0, connection)
            found.append({**_probe.result(target, [good if well else bad]), "neighbour": ""})
        return found

    def outside(self, state: Object, well: bool) -> Object:
        """What the host outside found."""
        targets = state["targets"]["outside"]
        return {"targets": targets, "results": self.answers(targets, CLIENT, well)}

    @staticmethod
    def seen(state: Object, node: str, some: Object) -> Object:
        """Where the connections were led that came to a node, whoever opened them."""
        known = {one["service"]: one for one in state["services"]}
        found = {}
        for target, result in zip(some["targets"], some["results"], strict=True):
            service = known[target["service"]]
            if node in (target["node"] or service["announcers"][0], ""):
                backend = service["backends"][0] + ":8080"
                found.update({one: [backend, one.split(" ")[1].partition(":")[0]] for one in result["connections"]})
        return found

    def links(self) -> dict[str, Object]:
        """What arp_probe returns of every node where some are picked to ask."""
        return {node: {"networks": ["172.16.0.0/16"]} for node in self.nodes}

    def arp(self, state: Object, node: str, asked: Sequence[str], macs: Object, well: bool) -> Object:
        """What arp_probe returns on a node."""
        announcer = {one["addresses"][0]: one["announcers"][0] for one in state["services"]}
        heard = [
            {
                "address": one,
                "interface": "eth0",
                "on_link": True,
                "macs": [macs[announcer[one]]] if well and announcer[one] != node else [],
                "own": False,
            }
            for one in asked
        ]
        return {
            "changed": False,
            "results": heard,
            "interfaces": [{"name": "eth0", "mac": macs[node], "addresses": [self.nodes[node]], "rp_filter": 1}],
            "networks": ["172.16.0.0/16"],
            "gateways": ["10.0.0.1"],
            "settings": {"arp_ignore": 1, "arp_announce": 2, "strict_arp": True},
        }

    def found(self, state: Object, outside: Object, well: bool) -> dict[str, Object]:
        """What the nodes found, as the role puts it together."""
        macs = {node: f"02:00:5e:{number // 65536:02x}:{number // 256 % 256:02x}:{number % 256:02x}"
                for number, node in enumerate(self.nodes)}  # fmt: skip
        targets = state["targets"]["inside"]
        picked = _askers.pick(state, self.links(), ASKERS)
        hosts = {}
        for node, address in self.nodes.items():
            inside: Object = {"changed": False, "results": self.answers(targets, address, well), "targets": targets}
            inside["seen"] = {**self.seen(state, node, outside), **self.seen(state, "", inside)} if well else {}
            inside["ways_back"] = {CLIENT: "eth0"}
            peer = {"address": ROUTER, "port": 179, "connected": well, "local": address}
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
                "arp": self.arp(state, node, picked["hosts"].get(node, []), macs, well),
                "asked": {"skipped": True},
                "inside": inside,
                "tcp": {"results": [peer]} if self.bgp else {"skipped": True},
            }
            hosts[node] = _look.found_on(results)
        return hosts

    def routers(self, state: Object, well: bool) -> dict[str, Object]:
        """What frr_info returns on the router."""
        paths = [{"peer": one, "next_hops": [one], "valid": True, "used": True} for one in self.nodes.values() if well]
        told = {
            "problem": "",
            "addresses": [ROUTER],
            "sessions": [{"remote": one, "state": "Established", "shut_down": False} for one in self.nodes.values()],
            "results": [{"prefix": one, "paths": paths} for one in state["targets"]["prefixes"]],
        }
        return {"router": told} if self.bgp else {}

    def facts(self, well: bool) -> Object:
        """What diagnosis_info returns: where nothing answers, a failure for each Service."""
        if well:
            return diagnosis_info.EMPTY
        failures = [
            {"service": f"default/{one['metadata']['name']}", "text": "announceFailed"} for one in self.services
        ]
        return {**diagnosis_info.EMPTY, "announce_failures": failures}

    def pending(self) -> list[dict[str, str]]:
        """Why Services are pending, if all of them were."""
        services = [{**one, "status": {}} for one in self.services]
        events = [
            {"involvedObject": one["metadata"], "reason": "AllocationFailed", "message": "no available IPs"}
            for one in self.services
        ]
        pools = self.lists["ipaddresspools"]
        books = _external_ip.ledger(self.services, pools, None, "")
        return diagnosis_info.pending(services, {"default": events}, pools, "", "", books)


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


def prove(made_up: MadeUp, state: Object, step: Steps, well: bool) -> Object:
    """Go from what was found to the report."""
    outside = made_up.outside(state, well)
    found, routers = made_up.found(state, outside, well), made_up.routers(state, well)
    packed = step("pack", lambda: {node: _expected.dumps(one) for node, one in found.items()})
    hosts = step("unpack", lambda: {node: _expected.loads(one) for node, one in packed.items()})
    rows = step("rows", _verdict.rows, state, hosts, outside, True, routers)
    decision = step("decide", _verdict.decide, rows, {}, 90.0, 1, 60.0, 90.0)
    verdicts = {row.verdict for row in decision.rows}
    assert verdicts <= {_row.OK, _row.NOTE} if well else _row.FAULT in verdicts, verdicts
    folded = step("fold", _folding.folded, decision.rows)
    lines = step("table", _table.render, "Proof", folded, 120)
    told = [row._asdict() for row in decision.rows]
    assert well != bool(step("diagnose", _diagnosis.findings, made_up.facts(well), state, told))
    data = step("document", _report.document, decision.rows, state, list(hosts), 0.0, 1.0, 1)
    with tempfile.TemporaryDirectory() as directory:
        pages = step("write", _report.write, directory, data)
        written = sum(Path(page).stat().st_size for page in pages)
    targets = size(state["targets"]["inside"])
    return {
        "rows": len(rows),
        "lines": len(lines),
        "to a node": len(state["expected"]) + targets,
        "from a node": size(hosts[list(hosts)[-1]]) - targets,
        "hosts": size(packed),
        "report": written,
    }


def measure(of: Size) -> Object:
    """Go through a whole proof, and through one where nothing answers."""
    before = peak()
    made_up = MadeUp(of)
    well, ill = Steps(), Steps()
    params = {"metallb_namespace": "metallb-system", "loadbalancer_class": "", "scope": []}
    state = well("derive", expected_state_info.derive, made_up, params)
    found = prove(made_up, state, well, True)
    memory = peak() - before
    ill("pending", made_up.pending)
    prove(made_up, state, ill, False)
    return {
        **found,
        "memory": memory,
        "seconds": well.seconds,
        "ill": ill.seconds,
        "node ports asked": sum(one["check"] == "NodePort" for one in state["targets"]["outside"]),
    }


def table(title: str, sizes: Sequence[int], found: Sequence[Object]) -> None:
    """Print a table, a column for each size, and the ratio of the last to the first for one of what grows."""
    print(f"\n{title:26}" + "".join(f"{one:>12}" for one in sizes) + "   ratio for each")

    def line(name: str, values: Sequence[float], pattern: str) -> None:
        ratio = values[-1] / sizes[-1] / (values[0] / sizes[0]) if values[0] else 0
        print(f"{name:26}" + "".join(format(value, pattern) for value in values) + f"{ratio:12.2f}", flush=True)

    for part, all_steps in (("seconds", "all steps, s"), ("ill", "nothing answers, s")):
        for name in found[0][part]:
            line(f"{name}, s", [one[part][name] for one in found], "12.3f")
        line(all_steps, [sum(one[part].values()) for one in found], "12.2f")
    line("memory, MiB", [one["memory"] for one in found], "12d")
    for name in ("rows", "lines", "node ports asked"):
        line(name, [one[name] for one in found], "12d")
    for name in ("to a node", "from a node", "hosts", "report"):
        line(name + ", kB", [one[name] / 1000 for one in found], "12.1f")


def measured(sizes: Sequence[Size]) -> list[Object]:
    """Measure each size in a process of its own."""
    found = []
    for one in sizes:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found.append(pool.apply(measure, (one,)))
    return found


def main() -> None:
    """Print what was asked for, or both."""
    what, numbers = sys.argv[1:2], [int(word) for word in sys.argv[2:]]
    if what != ["services"]:
        services, sizes = (numbers or [100])[0], numbers[1:] or [10, 100, 1000]
        table(f"{services} Services, nodes:", sizes, measured([Size(one, services, bgp=False) for one in sizes]))
    if what != ["nodes"]:
        nodes, sizes = (numbers or [3])[0], numbers[1:] or [100, 1000, 10000]
        table(f"{nodes} nodes, Services:", sizes, measured([Size(nodes, one, bgp=True) for one in sizes]))


if __name__ == "__main__":
    main()
