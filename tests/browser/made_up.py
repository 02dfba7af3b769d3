# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Reports of any size, with a few things that are not in order."""

from __future__ import annotations

from typing import Any

from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import FAULT, NODES, OK, UNKNOWN, Row
from ansible_collections.kubeaddons.metallb.plugins.plugin_utils import _report


def made_up(services: int, nodes: int) -> dict[str, Any]:
    """Return a document. A stranger answers for every 37th Service; node2 is unknown, node3 has a wrong weight."""
    addresses = {f"node{number}": [f"192.168.{100 + number // 200}.{number % 200}"] for number in range(1, nodes + 1)}
    found: list[Row] = []
    listed = [made_up_service(number, nodes) for number in range(services)]
    for number, service in enumerate(listed):
        found += rows(service, addresses, stranger=number % 37 == 3)
    for node in addresses:
        found.append(
            Row(
                OK,
                NODES,
                "strict ARP",
                node,
                "arp_ignore 1, arp_announce 2",
                "arp_ignore 1, arp_announce 2",
                f"strict_arp/{node}",
                node,
            )
        )
        if node == "node2":
            found.append(Row(UNKNOWN, NODES, "data plane", node, "checked", "no answer by ssh", f"node/{node}", node))
        elif node == "node3":
            where = f"{node}: {listed[0]['service']}, TCP {listed[0]['addresses'][0]}:80, 10.233.65.4:8080"
            found.append(
                Row(
                    FAULT,
                    NODES,
                    "IPVS weight",
                    where,
                    "weight 1",
                    "weight 0",
                    f"ipvs/{node}",
                    node,
                    listed[0]["service"],
                )
            )
        else:
            found.append(
                Row(
                    OK,
                    NODES,
                    "IPVS",
                    node,
                    "15 virtual servers, 43 real servers",
                    "all as expected",
                    f"ipvs/{node}",
                    node,
                    seconds=0.02,
                )
            )
    state = {"mode": "ipvs", "nodes": addresses, "services": listed}
    return _report.document(found, state, list(addresses), 1790000000.0, 1790000009.3, 1)


def made_up_service(number: int, nodes: int) -> dict[str, Any]:
    """A Service as expected_state_info returns it."""
    return {
        "service": f"team-{number % 17}/web-{number}",
        "addresses": [f"10.{number // 250}.{number % 250}.1"],
        "pool": "loadbalanced",
        "ports": [{"port": 80, "protocol": "TCP"}],
        "layer2": True,
        "announcers": [f"node{number % nodes + 1}"],
        "election": None,
        "bgp": None,
        "backends": ["10.233.64.4", "10.233.65.4", "10.233.66.4"],
        "local_nodes": ["node1"],
    }


def rows(service: dict[str, Any], nodes: dict[str, list[str]], stranger: bool) -> list[Row]:
    """What is found of a Service: its address, who answers, and requests by every path."""
    name, address, announcer = service["service"], service["addresses"][0], service["announcers"][0]
    answers = f"{announcer} (52:54:00:00:01:01)" + (", an unknown host (52:54:00:00:00:01)" if stranger else "")
    answer = "200 Hello World!"
    return [
        Row(OK, name, "EXTERNAL-IP", "API", "an address of pool loadbalanced", address, f"{name}/address"),
        Row(
            FAULT if stranger else OK,
            name,
            "ARP",
            f"segment, {address}",
            f"one answer, from {announcer}",
            answers,
            f"{name}/arp",
        ),
        Row(
            OK,
            name,
            "EXTERNAL-IP",
            f"Ansible controller -> {address}:80",
            "an answer",
            answer,
            f"{name}/request",
            seconds=0.004,
        ),
        Row(
            OK,
            name,
            "path",
            f"Ansible controller -> {address}",
            f"in by {announcer}",
            f"in by {announcer}",
            f"{name}/path",
        ),
        Row(
            OK,
            name,
            "backends",
            "nodes' connection tracking",
            "3 endpoints",
            "9 requests led to 3 of them: 10.233.64.4:8080, 10.233.65.4:8080, 10.233.66.4:8080",
            f"{name}/backends",
        ),
        *(
            Row(
                OK,
                name,
                check,
                where.format(node=node, address=nodes[node][0]),
                "an answer",
                answer,
                f"{name}/{check}/{node}",
                node,
                seconds=0.003,
            )
            for node in nodes
            for check, where in (
                ("NodePort", "Ansible controller -> {address}:31313"),
                ("ClusterIP", "{node} -> 10.233.0.17:80"),
            )
        ),
    ]
