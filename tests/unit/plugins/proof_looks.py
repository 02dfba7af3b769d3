# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API, the nodes and the network may tell, for the tests of the proof's rows."""

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _verdict
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import Row

Object = dict[str, t.Any]
VIP = "192.168.100.240"
VIP6 = "2001:db8::240"
MACS = {"node1": "02:00:5e:00:53:01", "node2": "02:00:5e:00:53:02", "node3": "02:00:5e:00:53:03"}
M1, M2, M3 = MACS.values()
NODES = {"node1": ["192.168.100.11", "2001:db8::11"], "node2": ["192.168.100.12"], "node3": []}
SYNC = 30.0
BGP: Object = {"backend": "frr-k8s", "age": 400.0, "sessions": []}


def service(**changed: t.Any) -> Object:
    return {
        "service": "default/web",
        "addresses": [VIP],
        "pool": "loadbalanced",
        "reason": "",
        "layer2": True,
        "announcers": ["node2"],
        "statuses": ["metallb-system/l2-x"],
        "assigned": "node2",
        "election": {"node": "node2", "reasons": {}},
        "bgp": None,
        "backends": ["10.233.64.4", "10.233.65.4", "10.233.66.4"],
        "age": 400.0,
        "cluster_ips": ["10.233.0.17"],
        "local": False,
        "internal_local": False,
        "local_nodes": ["node1", "node3"],
        "source_ranges": [],
        "ports": [{"name": "", "port": 80, "protocol": "TCP", "node_port": 31313, "request": "http"}],
        **changed,
    }


def told(**changed: t.Any) -> Object:
    """What is known of a Service that two of three nodes announce to one router."""
    routes = {"node2": ["router1"], "node3": ["router1"]}
    return {
        "expected": routes,
        "reasons": {"node1": {"id": "shy", "text": "is too shy"}},
        "announced": routes,
        "uncarried": [],
        **changed,
    }


def arp(node: str, *macs: str, on_link: bool = True, strict: bool = True, rp_filter: int = 0) -> Object:
    answers = {"on_link": on_link, "macs": list(macs), "interface": "eth0"}
    return {
        "interfaces": [{"name": "eth0", "mac": MACS[node], "rp_filter": rp_filter}],
        "results": [{"address": one, **answers} for one in (VIP, VIP6)],
        "settings": {"strict_arp": strict, "arp_ignore": int(strict), "arp_announce": 2 * int(strict)},
    }


def target(
    check: str,
    address: str,
    port: int,
    node: str = "",
    protocol: str = "tcp",
    name: str = "default/web",
    origin: str = "node",
    request: str = "http",
) -> Object:
    parts = {"address": address, "port": port, "protocol": protocol, "request": request, "origin": origin}
    return {"target": parts, "service": name, "check": check, "node": node}


def answered(
    target: Object,
    ok: bool = True,
    answer: str = "Hello World!",
    error: str = "timed out",
    connections: t.Sequence[str] = (),
    resolved: str = "",
    neighbour: str = "",
) -> Object:
    result: Object = {"ok": ok, "answered": int(ok), "answer": answer, "answers": [answer], "resolved": resolved}
    result["neighbour"] = neighbour
    failed = "" if ok else next(iter(connections), "")
    result.update(error="" if ok else error, failed=failed, seconds=0.004, connections=list(connections))
    return {"targets": [target], "results": [result]}


def session(node: str = "node1", said: str | None = None, before: float | None = None, **changed: t.Any) -> Object:
    return {
        "node": node,
        "peer": "router1",
        "address": "192.168.100.2",
        "port": 179,
        "said": said,
        "bfd": "",
        "said_before": before,
        **changed,
    }


def tables(
    *differences: Object, more: t.Sequence[str] = (), problem: str = "", draining: int = 0, **changed: t.Any
) -> Object:
    """Return what a node found; ``more`` are the verdicts of the differences that it left out."""
    verdicts = [*(one["verdict"] for one in differences), *more]
    return {
        "problem": problem,
        "differences": list(differences),
        "differences_total": len(verdicts),
        "faults_total": verdicts.count("fault"),
        "seconds": 0.02,
        "checked": {"virtual_servers": 5, "real_servers": 12, "draining": draining},
        "mode": "",
        "mode_assumed": "",
        **changed,
    }


def difference(
    verdict: str = "fault",
    kind: str = "missing",
    backend: str = "10.233.65.4:8080",
    name: str = "default/web",
    address: str = VIP,
    port: int = 80,
    sign: str = "",
) -> Object:
    return {
        "verdict": verdict,
        "kind": kind,
        "sign": sign,
        "service": name,
        "protocol": "TCP",
        "address": address,
        "port": port,
        "backend": backend,
        "expected": "weight 1",
        "found": "absent",
    }


def around(kind: str, backend: str, name: str = "") -> Object:
    """Return a difference of what is not at an address and port."""
    return {**difference(kind=kind, backend=backend, name=name, address="", port=0), "protocol": ""}


def look(
    one: Object,
    hosts: t.Mapping[str, Object],
    outside: Object | None = None,
    mode: str = "ipvs",
    strict_arp: bool = False,
    addresses: t.Mapping[str, list[str]] | None = None,
    nodes: t.Sequence[str] = (),
    mode_age: float = 400.0,
) -> list[Row]:
    addresses = {node: (addresses or {}).get(node, []) for node in nodes or hosts}
    state = {
        "services": [one],
        "nodes": addresses,
        "mode": mode,
        "mode_age": mode_age,
        "sync_period": SYNC,
        "speakers": ["node1"],
        "bgp": BGP,
        "scope": [],
    }
    return _verdict.rows(state, hosts, outside or {"targets": [], "results": []}, strict_arp)


def session_rows(sessions: list[Object], connected: bool | None, **bgp: t.Any) -> list[Row]:
    state = {
        "services": [],
        "nodes": {},
        "mode": "",
        "sync_period": SYNC,
        "speakers": [],
        "bgp": {**BGP, **bgp},
        "scope": [],
    }
    state["bgp"]["sessions"] = sessions
    results = [
        {"address": "192.168.100.3", "port": 179, "connected": connected is not True},
        {"address": "192.168.100.2", "port": 179, "connected": connected},
    ]
    tcp = {node: {"tcp": results} for node in MACS} if connected is not None else {}
    return _verdict.rows(state, tcp, {}, False)


def of(rows: list[Row], check: str) -> list[tuple[str, str, str, str]]:
    return [(row.verdict, row.where, row.expected, row.found) for row in rows if row.check == check]
