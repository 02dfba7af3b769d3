# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Reports of any size from made-up looks, judged as real ones are, with a few things that are not in order."""

from __future__ import annotations

from typing import Any

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _probe, _targets, _verdict
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import Row
from ansible_collections.kubeaddons.metallb.plugins.plugin_utils import _report
from ansible_collections.kubeaddons.metallb.tests.unit.plugins import proof_looks as looks

Object = dict[str, Any]
STRANGER = "52:54:00:00:00:01"
CLIENT = "192.168.99.1"
CLUSTER_IP_SERVICE = "shop/db"
#: far longer than a phone is wide
LONG = "a-namespace-with-a-long-name/a-service-whose-name-is-as-long-as-names-may-be-in-kubernetes"
FINDINGS: list[Object] = [
    {
        "cause": "weight-zero",
        "subject": "node3",
        "sentence": "A ready endpoint has weight 0 in a node's IPVS table, so it gets no connections there.",
        "evidence": ["IPVS weight: node3: team-0/web-0, TCP 10.0.0.1:80, 10.233.65.4:8080, expected 1, found 0"],
        "remedy": "Restart kube-proxy on that node, and find out who else changes the table (ipvsadm, keepalived).",
    }
]


def made_up(services: int, nodes: int, findings: list[Object] | None = None, long: bool = False) -> Object:
    """Return a document.

    A stranger answers for every 37th Service, another has no endpoint, one has just changed; node2 is out of reach, node3
    has a wrong weight, and there the table of a Service of type ClusterIP is behind.
    """
    addresses = {f"node{number}": [f"192.168.{100 + number // 200}.{number % 200}"] for number in range(1, nodes + 1)}
    listed = [service(number, nodes) for number in range(services)]
    if long:
        listed[-1]["service"] = LONG
    found, state = looked(listed, addresses)
    seen = [node for node in addresses if node != "node2"]
    return _report.document(found, state, seen, 1790000000.0, 1790000009.3, 1, findings)


def service(number: int, nodes: int) -> Object:
    """A Service as expected_state_info returns it."""
    node = f"node{number % nodes + 1}"
    return looks.service(
        service=f"team-{number % 17}/web-{number}",
        addresses=[f"10.{number // 250}.{number % 250}.1"],
        announcers=[node],
        assigned=node,
        election={"node": node, "reasons": {}},
        backends=[] if number % 37 == 5 else ["10.233.64.4", "10.233.65.4", "10.233.66.4"],
        age=3.0 if number % 37 == 4 else 400.0,
        cluster_ips=[f"10.233.{number // 250}.{number % 250 + 1}"],
        local_nodes=["node1"],
    )


def looked(services: list[Object], addresses: dict[str, list[str]]) -> tuple[list[Row], Object]:
    """Return the rows of a look and the state that it is of."""
    outside = _targets.outside(services, addresses, [])
    state: Object = {
        "services": services,
        "nodes": addresses,
        "mode": "ipvs",
        "sync_period": looks.SYNC,
        "speakers": list(addresses),
        "bgp": {},
        "scope": [],
        "targets": {"left_out": outside.left_out},
    }
    macs = {node: f"52:54:00:00:01:{number:02x}" for number, node in enumerate(addresses, 1)}
    by_name = {one["service"]: one for one in services}
    ways: dict[str, Object] = {node: {} for node in addresses}
    results = []
    for number, one in enumerate(outside.targets):
        name = by_name[one["service"]]
        # Only of those that nobody else answers for it is known where they came in.
        connections = []
        if one["check"] == "EXTERNAL-IP":
            connections = [f"tcp {CLIENT}:{number % 60000} {one['target']['address']}:80"]
            ways[name["announcers"][0]][connections[0]] = [f"10.233.6{number % 3 + 4}.4:8080", CLIENT]
        results += looks.answered(one, ok=name["age"] > looks.SYNC, answer="200 Hello World!", connections=connections)[
            "results"
        ]
    inside = _targets.inside(services)
    answers = {True: [answer(one, True) for one in inside], False: [answer(one, False) for one in inside]}
    hosts: dict[str, Object] = {}
    for number, node in enumerate(addresses):
        if node == "node2":
            hosts[node] = {"problem": "no connection to it: ssh: connect to host node2 port 22: timed out"}
            continue
        heard = [
            {"address": one["addresses"][0], "on_link": True, "interface": "eth0"}
            | {"macs": [macs[one["announcers"][0]], *([STRANGER] if index % 37 == 3 else [])]}
            for index, one in enumerate(services)
            if number < _targets.MOST_NODES
        ]
        hosts[node] = {
            "data_plane": looks.tables(*differences(services[0]) if node == "node3" else ()),
            "arp": {
                "interfaces": [{"name": "eth0", "mac": macs[node], "rp_filter": 0}],
                "results": heard,
                "settings": {"strict_arp": True, "arp_ignore": 1, "arp_announce": 2},
            },
            # On every third node a pod can be used.
            "inside": {"targets": inside, "results": answers[number % 3 == 0], "seen": ways[node], "ways_back": {}},
            "tcp": [],
        }
    # node2 cannot tell its hardware address; the API knows what it announces.
    told = {"host": "localhost", "targets": outside.targets, "results": results}
    return _verdict.rows(state, hosts, told, True), state


def answer(asked: Object, pods: bool) -> Object:
    """What a node's request got: pods says whether there is a pod to ask from."""
    one: Object = looks.answered(asked, answer="200 Hello World!")["results"][0]
    if asked["target"]["origin"] == "pod" and not pods:
        one.update(ok=False, answered=0, error=_probe.NO_POD)
    return one


def differences(first: Object) -> list[Object]:
    """What is wrong with node3's table."""
    address = first["addresses"][0]
    wrong = looks.difference(kind="weight", name=first["service"], address=address)
    late = looks.difference("lag", name=CLUSTER_IP_SERVICE, address="10.233.99.9", port=5432)
    return [{**wrong, "found": "weight 0"}, late]
