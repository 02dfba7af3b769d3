# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _differences,
    _ipset,
    _iptables,
    _netlink,
    _rules,
    _sets,
    _virtual_servers,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._expected import Endpoint, Expected, ServicePort
from ansible_collections.kubeaddons.metallb.plugins.module_utils._netlink import Address, nested
from ansible_collections.kubeaddons.metallb.tests.unit.plugins import rules_corpus

CLUSTER, CLUSTER6 = "10.233.0.10", "fd85::10"
VIP, VIP6 = "192.168.100.240", "2001:db8::240"
NODE, NODE6 = "192.168.100.100", "2001:db8::100"
ADDRESSES = [
    Address("lo", "127.0.0.1", 8, "host"),
    Address("eth0", NODE, 24, "global"),
    Address("eth0", NODE6, 64, "global"),
    Address("kube-ipvs0", VIP, 32, "global"),
]
PODS = [
    Endpoint("10.233.64.5", 8080, "node1", True, True, False, [], []),
    Endpoint("10.233.65.5", 8080, "node2", True, True, False, [], []),
    Endpoint("fd85::64:5", 8080, "node1", False, False, True, [], []),
]


def service(**changes: t.Any) -> ServicePort:
    row = ServicePort("default/web", "", "TCP", 80, 0, [CLUSTER], [VIP], [], [], 0, False, False, 0, 3600.0, PODS)
    return row._replace(**changes)


def plan(*rows: ServicePort, addresses: t.Sequence[Address] = ADDRESSES, **changes: t.Any) -> _sets.Plan:
    expected = Expected({"node1": "", "node2": ""}, "ipvs", "rr", [], [], 30.0, list(rows))._replace(**changes)
    binds = _virtual_servers.virtual_servers(expected, "node1", addresses).binds
    return _sets.plan(expected, "node1", addresses, binds)


def filled(made: _sets.Plan) -> dict[str, set[str]]:
    """Return what must be there, without empty sets."""
    return {name: set(one.must) for name, one in made.sets.items() if one.must}


def right(made: _sets.Plan) -> dict[str, set[str]]:
    """Return the sets of a node in order."""
    return {name: set(one.must) for name, one in made.sets.items()}


def compared(made: _sets.Plan, members: dict[str, set[str]]) -> list[dict[str, t.Any]]:
    return _sets.compare(made, lambda _names: _ipset.Sets(members, []))


BASE = {
    "KUBE-LOOP-BACK": {"10.233.64.5,tcp:8080,10.233.64.5"},
    "KUBE-CLUSTER-IP": {f"{CLUSTER},tcp:80"},
    "KUBE-LOAD-BALANCER": {f"{VIP},tcp:80"},
    "KUBE-IPVS-IPS": {CLUSTER, VIP},
}


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({}, {}),
        ({"external_local": True}, {"KUBE-LOAD-BALANCER-LOCAL": {f"{VIP},tcp:80"}}),
        ({"node_port": 30080}, {"KUBE-NODE-PORT-TCP": {"30080"}}),
        (
            {"node_port": 30080, "external_local": True, "health_port": 32000},
            {
                "KUBE-LOAD-BALANCER-LOCAL": {f"{VIP},tcp:80"},
                "KUBE-NODE-PORT-TCP": {"30080"},
                "KUBE-NODE-PORT-LOCAL-TCP": {"30080"},
                "KUBE-HEALTH-CHECK-NODE-PORT": {"32000"},
            },
        ),
        ({"external_ips": [NODE]}, {"KUBE-EXTERNAL-IP": {f"{NODE},tcp:80"}}),  # of the node itself: not bound
        (
            {"external_ips": ["203.0.113.7", VIP]},
            {
                "KUBE-EXTERNAL-IP": {"203.0.113.7,tcp:80", f"{VIP},tcp:80"},
                "KUBE-IPVS-IPS": {CLUSTER, VIP, "203.0.113.7"},
            },
        ),
        (
            {"external_ips": [NODE], "external_local": True},
            {"KUBE-EXTERNAL-IP-LOCAL": {f"{NODE},tcp:80"}, "KUBE-LOAD-BALANCER-LOCAL": {f"{VIP},tcp:80"}},
        ),
        (
            {"source_ranges": ["203.0.113.0/24", "198.51.100.1/32", "2001:db8::/32"]},
            {
                "KUBE-LOAD-BALANCER-FW": {f"{VIP},tcp:80"},
                "KUBE-LOAD-BALANCER-SOURCE-CIDR": {f"{VIP},tcp:80,203.0.113.0/24", f"{VIP},tcp:80,198.51.100.1/32"},
            },
        ),
        (
            {"source_ranges": ["192.168.100.0/24"]},
            {
                "KUBE-LOAD-BALANCER-FW": {f"{VIP},tcp:80"},
                "KUBE-LOAD-BALANCER-SOURCE-CIDR": {f"{VIP},tcp:80,192.168.100.0/24"},
                "KUBE-LOAD-BALANCER-SOURCE-IP": {f"{VIP},tcp:80,{VIP}"},
            },
        ),
    ],
)
def test_what_a_service_has_in_the_sets(changes: dict[str, t.Any], more: dict[str, set[str]]) -> None:
    assert filled(plan(service(**changes))) == {**BASE, **more}


@pytest.mark.parametrize(
    ("protocol", "members"),
    [
        ("UDP", {"KUBE-NODE-PORT-UDP": {"30080"}, "KUBE-NODE-PORT-LOCAL-UDP": {"30080"}}),
        (
            "SCTP",
            {
                "KUBE-NODE-PORT-SCTP-HASH": {f"{NODE},sctp:30080"},
                "KUBE-NODE-PORT-LOCAL-SCTP-HASH": {f"{NODE},sctp:30080"},
            },
        ),
    ],
)
def test_node_ports_of_other_protocols(protocol: str, members: dict[str, set[str]]) -> None:
    made = filled(plan(service(protocol=protocol, node_port=30080, external_local=True)))
    assert {name: one for name, one in made.items() if "NODE-PORT" in name} == members
    assert made["KUBE-CLUSTER-IP"] == {f"{CLUSTER},{protocol.lower()}:80"}


def test_families_are_apart_and_names_are_cut() -> None:
    made = plan(
        service(cluster_addresses=[CLUSTER, CLUSTER6], balancer_addresses=[VIP6], source_ranges=["2001:db8::/32"])
    )
    assert filled(made) == {
        "KUBE-LOOP-BACK": {"10.233.64.5,tcp:8080,10.233.64.5"},
        "KUBE-CLUSTER-IP": {f"{CLUSTER},tcp:80"},
        "KUBE-IPVS-IPS": {CLUSTER},
        # An endpoint in any state is in it.
        "KUBE-6-LOOP-BACK": {"fd85::64:5,tcp:8080,fd85::64:5"},
        "KUBE-6-CLUSTER-IP": {f"{CLUSTER6},tcp:80"},
        "KUBE-6-LOAD-BALANCER": {f"{VIP6},tcp:80"},
        "KUBE-6-LOAD-BALANCER-FW": {f"{VIP6},tcp:80"},
        "KUBE-6-LOAD-BALANCER-SOURCE-CID": {f"{VIP6},tcp:80,2001:db8::/32"},
        "KUBE-6-LOAD-BALANCER-SOURCE-IP": {f"{VIP6},tcp:80,{VIP6}"},
        "KUBE-6-IPVS-IPS": {CLUSTER6, VIP6},
    }
    assert len(made.sets) == 34
    assert max(map(len, made.sets)) == 31
    assert len(plan(service()).sets) == 17


def test_no_node_port_without_an_address_for_it() -> None:
    row = service(node_port=30080, health_port=32000)
    assert filled(plan(row, node_port_cidrs=["198.51.100.0/24"])) == BASE
    # kube-proxy's own choice: may be.
    made = plan(row, node_port_cidrs=["primary"])
    assert filled(made) == BASE
    assert (made.sets["KUBE-NODE-PORT-TCP"].may, made.sets["KUBE-HEALTH-CHECK-NODE-PORT"].may) == ({"30080"}, {"32000"})


@pytest.mark.parametrize(
    ("changes", "addresses"),
    [
        # Before 1.34 a range of all addresses is a range, since then it is none.
        ({"source_ranges": ["0.0.0.0/0"]}, ADDRESSES),
        # Which of the two is the node's own address is not told.
        ({"source_ranges": ["192.168.100.0/24"]}, [*ADDRESSES, Address("cni0", "10.233.64.1", 24, "global")]),
    ],
)
def test_what_is_not_certain_may_be(changes: dict[str, t.Any], addresses: list[Address]) -> None:
    made = plan(service(**changes), addresses=addresses)
    members = right(made)
    assert compared(made, members) == []
    assert any(one.may for one in made.sets.values())
    for name, one in made.sets.items():
        members[name] |= one.may
    assert compared(made, members) == []


@pytest.mark.parametrize(
    ("own", "is_in"),
    [([NODE], True), ([NODE, NODE6], True), (["10.233.64.1"], False), ([NODE6], None), ([], None)],
)
def test_who_is_the_node_among_source_ranges(own: list[str], is_in: bool | None) -> None:
    """By the address that kube-proxy takes for the node's, whatever else it has; None: either may be."""
    addresses = [*ADDRESSES, Address("cni0", "10.233.64.1", 24, "global")]
    made = plan(service(source_ranges=["192.168.100.0/24"]), addresses=addresses, own={"node1": own, "node2": []})
    without = right(made)
    without[_sets.SOURCE_IP] = set()
    with_it = {**without, _sets.SOURCE_IP: {f"{VIP},tcp:80,{VIP}"}}
    assert (compared(made, without) == [], compared(made, with_it) == []) == {
        True: (False, True),
        False: (True, False),
        None: (True, True),
    }[is_in]


def test_a_member_that_is_absent_is_a_services() -> None:
    made = plan(service(source_ranges=["203.0.113.0/24"]), service(service="default/new", port=81, age=1.0))
    members = right(made)
    members["KUBE-LOAD-BALANCER-SOURCE-CIDR"] = set()
    members["KUBE-CLUSTER-IP"] -= {f"{CLUSTER},tcp:81"}
    found = compared(made, members)
    assert {(one["kind"], one["service"], one["backend"], one["found"], one["verdict"]) for one in found} == {
        ("ipset", "default/new", f"KUBE-CLUSTER-IP, {CLUSTER},tcp:81", "absent", "lag"),
        (
            "ipset",
            "default/web",
            f"KUBE-LOAD-BALANCER-SOURCE-CIDR, {VIP},tcp:80,203.0.113.0/24",
            "absent",
            "fault",
        ),
    }


@pytest.mark.parametrize(
    ("name", "member", "owner"),
    [
        ("KUBE-LOAD-BALANCER-SOURCE-CIDR", f"{VIP},tcp:80,198.51.100.0/24", "default/web"),
        ("KUBE-LOAD-BALANCER-SOURCE-CIDR", f"{VIP},tcp:443,198.51.100.0/24", ""),
        ("KUBE-LOAD-BALANCER-LOCAL", f"{VIP},tcp:80", "default/web"),
        ("KUBE-CLUSTER-IP", f"{CLUSTER},udp:80", ""),
        ("KUBE-NODE-PORT-LOCAL-TCP", "30080", "default/web"),
        ("KUBE-NODE-PORT-TCP", "30081", ""),
        ("KUBE-IPVS-IPS", "203.0.113.9", ""),
    ],
)
def test_a_member_too_many_is_of_the_service_whose_address_or_port_it_has(name: str, member: str, owner: str) -> None:
    for age, verdict in ((3600.0, "fault"), (1.0, "lag" if owner else "fault")):
        made = plan(service(source_ranges=["203.0.113.0/24"], node_port=30080, age=age))
        members = right(made)
        members[name].add(member)
        # Nobody sends from the address of a pod that is gone.
        members["KUBE-LOOP-BACK"].add("10.233.64.9,tcp:8080,10.233.64.9")
        found = compared(made, members)
        assert [(one["service"], one["backend"], one["expected"], one["found"], one["verdict"]) for one in found] == [
            (owner, f"{name}, {member}", "absent", "present", verdict)
        ]


def test_a_set_that_is_not_there() -> None:
    made = plan(service())
    members = right(made)
    del members["KUBE-LOAD-BALANCER"]
    assert [(one["backend"], one["found"], one["verdict"]) for one in compared(made, members)] == [
        ("KUBE-LOAD-BALANCER", "absent", "fault")
    ]


def test_a_kernel_without_sets() -> None:
    def read(_names: t.Iterable[str]) -> _ipset.Sets:
        raise _netlink.NotSupported("not loaded")

    found = _sets.compare(plan(service()), read)
    assert [(one["kind"], one["sign"], one["backend"], one["verdict"]) for one in found] == [
        ("ipset", _differences.NO_SETS, "ip_set", "fault")
    ]
    assert "kube-proxy cannot work" in found[0]["found"]


def test_members_that_are_not_understood_are_a_problem() -> None:
    with pytest.raises(_rules.RulesError, match="1 lines of the sets were not understood, please report them: 'X 00'"):
        _sets.compare(plan(service()), lambda _names: _ipset.Sets({}, ["X 00"]))


# Rules ----------------------------------------------------------------------------------------------------------------

SAVED = rules_corpus.saved_ipvs("node1")


def rules(made: _sets.Plan, old: str = "", new: str = "") -> list[dict[str, t.Any]]:
    """Return what is missed among the recorded rules of IPv4 with another text in place of one."""
    return _sets.compare_rules(made, {4: _iptables.jumps(4, [line.replace(old, new) for line in SAVED[4]])})


def test_a_rule_is_named_with_its_set() -> None:
    found = rules(plan(service()), "KUBE-LOAD-BALANCER dst,dst -j KUBE", "KUBE-OTHER dst,dst -j KUBE")
    assert [(one["backend"], one["service"], one["verdict"]) for one in found] == [
        ("IPv4 nat KUBE-SERVICES match-set KUBE-LOAD-BALANCER -> KUBE-LOAD-BALANCER", "", "fault")
    ]


def test_a_rule_for_what_has_just_come_may_lag() -> None:
    young = service(service="default/new", age=1.0, external_ips=["203.0.113.7"])
    words = ("KUBE-EXTERNAL-IP dst,dst -m", "KUBE-OTHER dst,dst -m")
    assert {one["verdict"] for one in rules(plan(service(), young), *words)} == {"lag"}
    old = service(external_ips=["203.0.113.8"])
    assert {one["verdict"] for one in rules(plan(old, young), *words)} == {"fault"}


def test_the_other_family_has_its_own_sets() -> None:
    made = plan(service(cluster_addresses=[CLUSTER6], balancer_addresses=[VIP6]))
    assert _sets.compare_rules(made, {6: _iptables.jumps(6, SAVED[6])}) == []
    assert _sets.compare_rules(made, {6: _iptables.jumps(6, SAVED[4])})


# What kube-proxy really makes ----------------------------------------------------------------------------------------


def recorded(node: str) -> tuple[_sets.Plan, dict[str, set[str]]]:
    expected = rules_corpus.Api("ipvs").expected()
    addresses = rules_corpus.addresses(node)
    binds = _virtual_servers.virtual_servers(expected, node, addresses).binds
    made = _sets.plan(expected, node, addresses, binds)
    answers = rules_corpus.sets(node)
    found = _ipset.read(made.sets, lambda _kind, _family, request: [answers[nested(request)[2][:-1].decode()]])
    assert found.unparsed == []
    return made, found.members


@pytest.mark.parametrize("node", rules_corpus.NODES)
def test_a_healthy_node_has_no_differences(node: str) -> None:
    made, members = recorded(node)
    assert (len(members), sum(map(len, members.values()))) == (34, {"node1": 100, "node2": 96}[node])
    assert compared(made, members) == []
    rules = {version: _iptables.jumps(version, lines) for version, lines in rules_corpus.saved_ipvs(node).items()}
    assert _sets.compare_rules(made, rules) == []


@pytest.mark.parametrize("node", rules_corpus.NODES)
def test_every_member_is_missed_when_it_is_gone_and_belongs_to_a_service(node: str) -> None:
    made, members = recorded(node)
    for name, some in members.items():
        for member in some:
            found = compared(made, {**members, name: some - {member}})
            assert [one["backend"] for one in found] == [f"{name}, {member}"]
            assert found[0]["service"]


def test_every_rule_is_missed_when_it_is_gone() -> None:
    made, _members = recorded("node1")
    jumps = _iptables.jumps(4, SAVED[4])
    asked = {jump for version, jump, _row in _sets.jumps(made) if version == 4}
    for jump in asked:
        found = _sets.compare_rules(made, {4: jumps - {jump}, 6: _iptables.jumps(6, SAVED[6])})
        assert [(one["kind"], one["sign"], one["service"]) for one in found] == [("rule", jump.table, "")]
        assert found[0]["backend"].startswith(f"IPv4 {jump.table} {jump.chain} ")
    # Kubelet's, the lab's, those that lead nowhere, and what releases do not have in common.
    assert {(jump.chain, jump.set, jump.target) for jump in jumps - asked} == {
        ("INPUT", "", "KUBE-FIREWALL"),
        ("OUTPUT", "", "KUBE-FIREWALL"),
        ("KUBE-FIREWALL", "", "DROP"),
        ("POSTROUTING", "", "MASQUERADE"),
        ("KUBE-IPVS-FILTER", "KUBE-EXTERNAL-IP-LOCAL", "RETURN"),
        ("KUBE-IPVS-FILTER", "KUBE-HEALTH-CHECK-NODE-PORT", "RETURN"),
        ("OUTPUT", "", "KUBE-IPVS-OUT-FILTER"),
        ("KUBE-POSTROUTING", "", "MARK"),
        ("KUBE-POSTROUTING", "", "RETURN"),
        ("KUBE-SERVICES", "", "RETURN"),
    }


def test_rules_of_a_table_that_the_kernel_refused_are_missed() -> None:
    """A condition that the kernel lacks keeps all rules of a table from being made; the chains are there all the same."""
    made, _members = recorded("node1")
    left = {jump for jump in _iptables.jumps(4, SAVED[4]) if jump.table == "nat" or not jump.chain.startswith("KUBE-")}
    found = _sets.compare_rules(made, {4: left, 6: _iptables.jumps(6, SAVED[6])})
    backends = [one["backend"] for one in found]
    assert "IPv4 filter KUBE-IPVS-FILTER match-set KUBE-IPVS-IPS -> REJECT" in backends
    assert {one.split()[1] for one in backends} == {"filter"}
