# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _frr, _routers
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.module_utils.test__frr import PREFIXES, recorded, said

Object = dict[str, t.Any]
NODES = {"node1": ["192.168.100.100"], "node2": ["192.168.100.101"], "node3": ["192.168.100.102"]}
ADDRESS = {node: addresses[0] for node, addresses in NODES.items()}
PREFIX = "192.168.100.240/32"
TOR = "192.168.100.2"


def service(
    name: str = "default/web", nodes: t.Sequence[str] = tuple(NODES), peer: str = "tor", **more: t.Any
) -> Object:
    route = {"prefix": PREFIX, "nodes": {node: [peer] for node in nodes}}
    return {"service": name, "backends": ["10.233.64.4"], "bgp": {"routes": [route]}, **more}


def state(*services: Object, **peers: str) -> Object:
    sessions = [
        {"node": node, "peer": peer, "address": address}
        for node in NODES
        for peer, address in (peers or {"tor": TOR}).items()
    ]
    return {"services": services or [service()], "nodes": NODES, "bgp": {"sessions": sessions}}


def path(node: str, valid: bool = True, used: bool = True, **changed: t.Any) -> Object:
    """Return a path of a node, or of another address."""
    address = ADDRESS.get(node, node)
    return {"vrf": "default", "peer": address, "next_hops": [address], "valid": valid, "used": used, **changed}


def session(node: str, told: str = "Established", shut_down: bool = False) -> Object:
    return {"vrf": "default", "remote": ADDRESS[node], "state": told, "shut_down": shut_down, "local": TOR}


def router(*paths: Object, sessions: t.Sequence[Object] | None = None, **changed: t.Any) -> Object:
    return {
        "addresses": [TOR],
        "sessions": [session(node) for node in NODES] if sessions is None else sessions,
        "results": [{"prefix": PREFIX, "paths": list(paths)}],
        "problem": "",
        **changed,
    }


def one(told: Object, now: Object | None = None, hosts: t.Mapping[str, Object] | None = None) -> _routers.Finding:
    found = _routers.findings(now or state(), {} if hosts is None else hosts, {"router1": told})
    assert len(found) == 1
    return found[0]


ALL = [path(node) for node in NODES]
LOOKED_AT = {node: {"tcp": [{"local": ADDRESS[node]}]} for node in NODES}
WRONG: list[tuple[Object, str]] = [
    # what the router told, what is wrong
    (router(*ALL), ""),
    (router(), "not received"),
    (router(*ALL[:2]), "lacks node3"),
    (router(ALL[0], sessions=[session("node1"), session("node2")]), "lacks node2, node3 (node3: no session)"),
    (
        router(ALL[0], sessions=[session("node1"), session("node2", "Active"), session("node3", "Idle", True)]),
        "lacks node2, node3 (node2: session Active; node3: session Idle, shut down there)",
    ),
    (
        router(sessions=[session(node, "Connect") for node in NODES]),
        "not received (node1, node2, node3: session Connect)",
    ),
    # One of two sessions with a node suffices, and says nothing of why.
    (router(*ALL[:2], sessions=[session("node3", "Active"), session("node3")]), "lacks node3"),
    (
        router(*(path(node, valid=False, used=False) for node in NODES)),
        "received, but no path is valid: the router cannot reach the next hops",
    ),
    (router(*ALL, path("192.0.2.9")), "also 192.0.2.9 (an unknown host)"),
    (router(*ALL, path("192.0.2.9", next_hops=[])), "also 192.0.2.9 (an unknown host)"),
    # No packet takes it.
    (router(*ALL, path("192.0.2.9", used=False)), ""),
    # The router's own, such as an aggregate.
    (router(*ALL, path("0.0.0.0", peer="")), ""),
    (router(path("0.0.0.0", peer="")), "not received"),
    (router(path("192.0.2.9")), "not received; also 192.0.2.9 (an unknown host)"),
    # Of another router, which tells of the node behind it.
    (router(*ALL, path("192.0.2.9", next_hops=[ADDRESS["node2"]])), ""),
    (router(*ALL[:2], path("192.0.2.9", next_hops=[ADDRESS["node3"]])), ""),
    # The next hop is link-local, and the session tells whose.
    (router(*ALL[:2], path("node3", next_hops=["fe80::1"])), ""),
]


@pytest.mark.parametrize(("told", "wrong"), WRONG)
def test_what_a_router_lacks_or_has_besides(told: Object, wrong: str) -> None:
    found = one(told, hosts=LOOKED_AT)
    assert (found.wrong, found.unknown) == (wrong, "")
    assert (found.router, found.service, found.prefix) == ("router1", "default/web", PREFIX)
    assert found.expected == list(NODES)


def test_a_node_that_must_not_announce() -> None:
    assert one(router(*ALL), state(service(nodes=["node1", "node2"]))).wrong == "also node3"
    # Unless another Service has the same prefix.
    both = state(service(nodes=["node1", "node2"]), service("default/other", nodes=["node3"]))
    found = _routers.findings(both, {}, {"router1": router(*ALL)})
    assert [(finding.service, finding.expected, finding.wrong) for finding in found] == [
        ("default/web", ["node1", "node2"], ""),
        ("default/other", ["node3"], ""),
    ]


def test_a_node_that_announces_to_another_router_only() -> None:
    route = {"prefix": PREFIX, "nodes": {"node1": ["tor"], "node2": ["core"]}}
    now = state({**service(), "bgp": {"routes": [route]}}, tor=TOR, core="10.99.1.2")
    assert one(router(*ALL[:2]), now).wrong == "also node2"
    # The other router has passed it on.
    assert one(router(ALL[0], path("10.99.1.2", next_hops=[ADDRESS["node2"]])), now).wrong == ""


def test_what_other_routers_pass_on_is_no_stranger() -> None:
    now = state(tor=TOR, core="10.99.1.2")
    core = router(addresses=["10.99.1.2"])
    found = _routers.findings(now, {}, {"router1": router(*ALL, path("10.99.1.2")), "router2": core})
    # No node announces to the other one.
    assert [(finding.router, finding.wrong) for finding in found] == [("router1", "")]
    found = _routers.findings(now, {}, {"router1": router(*ALL, path("10.99.1.2"))})
    assert found[0].wrong == "also 10.99.1.2 (an unknown host)"


def test_each_router_is_asked_for_what_its_own_peer_gets() -> None:
    now = state(tor=TOR, core="10.99.1.2")
    now["services"] = [service(), service("default/red", nodes=["node1"], peer="core")]
    told = {"router1": router(*ALL), "router2": router(path("node1"), addresses=["10.99.1.2", "fd00::2"])}
    found = _routers.findings(now, {}, told)
    assert [(finding.router, finding.service, finding.received) for finding in found] == [
        ("router1", "default/web", ["node1", "node2", "node3"]),
        ("router2", "default/red", ["node1"]),
    ]


REMARKS: list[tuple[list[Object], str]] = [
    (ALL, ""),
    ([*ALL[:2], path("node3", used=False)], "used: node1, node2"),
    ([*ALL[:2], path("node3", valid=False, used=False)], "not valid from node3; used: node1, node2"),
    ([path(node, used=False) for node in NODES], "used: none"),
]


@pytest.mark.parametrize(("paths", "remark"), REMARKS)
def test_what_is_worth_a_word(paths: list[Object], remark: str) -> None:
    found = one(router(*paths))
    assert (found.wrong, found.remark) == ("", remark)


def test_sessions_on_a_network_that_the_api_does_not_know() -> None:
    away = {"node1": "10.0.0.1", "node2": "10.0.0.2", "node3": "10.0.0.3"}
    hosts = {node: {"tcp": [{"local": ""}, {"local": address}]} for node, address in away.items()}
    paths = [path(address) for address in away.values()]
    assert one(router(*paths), hosts=hosts).wrong == ""
    # Where a node was not looked at, its address may be anybody's.
    del hosts["node3"]
    found = one(router(*paths, sessions=[]), hosts=hosts)
    assert (found.wrong, found.unknown) == ("", "10.0.0.3 may be node3, which is not in this run")
    assert one(router(*paths[:2], sessions=[]), hosts=hosts).wrong == "lacks node3 (node3: no session)"


UNKNOWN: list[tuple[Object, dict[str, str], str]] = [
    (router(problem="vtysh does not run."), {"tor": TOR}, "vtysh does not run."),
    (router(), {"tor": "203.0.113.1"}, "no BGPPeer has one of its addresses (192.168.100.2)"),
    (router(addresses=[]), {"tor": TOR}, "no BGPPeer has one of its addresses (none)"),
    (router(*ALL), {"tor": ""}, "tor has no address that would tell which router it is"),
]


@pytest.mark.parametrize(("told", "peers", "unknown"), UNKNOWN)
def test_what_cannot_be_told(told: Object, peers: dict[str, str], unknown: str) -> None:
    found = one(told, state(**peers))
    assert (found.wrong, found.unknown, found.received) == ("", unknown, [])


def test_an_address_may_be_written_otherwise() -> None:
    now = state(tor="FD00:0::2")
    assert one(router(*ALL, addresses=["fd00::2"]), now).wrong == ""


@pytest.mark.parametrize("changed", [{"backends": []}, {"bgp": None}])
def test_a_service_that_nobody_announces(changed: Object) -> None:
    assert _routers.findings(state(service(**changed)), {}, {"router1": router()}) == []


def test_a_router_that_was_not_asked_and_a_cluster_without_bgp() -> None:
    assert _routers.findings(state(), {}, {"router1": {"skipped": True}}) == []
    assert _routers.findings(state(), {}, {}) == []
    found = _routers.findings({"services": [], "nodes": NODES, "bgp": {}}, {}, {"router1": router()})
    assert [finding.unknown for finding in found] == ["no BGPPeer has one of its addresses (192.168.100.2)"]


def test_many_nodes_are_few_words() -> None:
    many = {"node{0:02}".format(number): ["10.0.0.{0}".format(number)] for number in range(1, 41)}
    now = {**state(service(nodes=list(many))), "nodes": many}
    sessions = [{**session("node1", "Active"), "remote": addresses[0]} for addresses in many.values()]
    few = "node01, node02, node03, node04, node05 and 35 more"
    assert one(router(sessions=sessions), now).wrong == "not received ({0}: session Active)".format(few)


def test_a_real_router() -> None:
    told = {**_frr.look(said(recorded("router1-basics"), recorded("router1-routes")), PREFIXES), "problem": ""}
    assert one(told).wrong == one(told).remark == ""
    told = _frr.look(said(recorded("router1-filtered-basics"), recorded("router1-filtered-routes")), PREFIXES)
    assert one({**told, "problem": ""}).wrong == "lacks node2, node3 (node3: session Idle, shut down there)"


def test_a_real_router_with_a_path_that_it_cannot_use() -> None:
    told = _frr.look(said(recorded("router1-basics"), recorded("router2-invalid")), ["10.100.1.0/28"])
    now = state()
    now["services"][0]["bgp"]["routes"][0]["prefix"] = "10.100.1.0/28"
    found = one({**told, "problem": ""}, now)
    # The session tells whose next hop it is.
    assert (found.wrong, found.remark) == ("", "not valid from node3; used: node1, node2")
