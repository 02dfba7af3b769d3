# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The BGP routers: their networks, their first configuration, what is said of a wrong one."""

from __future__ import annotations

import ipaddress

import pytest

from kubelab import cli, cluster, net, router, state
from kubelab.errors import LabError
from kubelab.plan import ROUTED4, ROUTED6, Plan, check

PLAN = Plan("lab0", routers=True)
WHOLE = Plan("lab0", routers=True, dual_stack=True, second_segment=True)


def test_a_lab_has_none_unless_asked() -> None:
    assert Plan("lab0").bgp_routers() == []
    assert cli.routers_environment(Plan("lab0")) == {}
    assert "router1" not in Plan("lab0").hosts()
    with pytest.raises(LabError, match=r"no routers.*--routers"):
        router.named(state.Lab(Plan("lab0")), "router1")


def test_first_router_is_on_the_segment_and_the_second_behind_it() -> None:
    first, second = PLAN.bgp_routers()
    assert first.ip4 == "192.168.100.2"
    assert ipaddress.ip_address(second.ip4) not in PLAN.network()
    assert first.asn != second.asn


def test_everything_behind_lies_where_the_nodes_routes_lead() -> None:
    second = WHOLE.bgp_routers()[1]
    four, six = ipaddress.ip_network(ROUTED4), ipaddress.ip_network(ROUTED6)
    for address4, address6 in (WHOLE.client(), (second.ip4, second.ip6)):
        assert ipaddress.ip_address(address4) in four
        assert ipaddress.ip_address(address6) in six


def test_nodes_have_routes_that_survive_a_boot() -> None:
    script = cluster.network_script(WHOLE, WHOLE.machines()[0], {})
    assert "ip route replace 10.99.0.0/16 via 192.168.100.2\n" in script
    assert "ip route replace fd00:10:99::/48 via fd00:192:168:100::2\n" in script
    assert "10.99." not in cluster.network_script(Plan("lab0"), WHOLE.machines()[0], {})


def test_subnet_must_not_be_behind_the_routers() -> None:
    with pytest.raises(LabError, match="behind the routers"):
        check(Plan("lab0", subnet="10.99.7.0/24"))


def test_every_node_is_a_neighbour_by_name() -> None:
    for plan, addresses in ((PLAN, 3), (WHOLE, 6)):
        text = router.configuration(plan, plan.bgp_routers()[0])
        assert "router bgp 64513\n" in text
        assert text.count(" peer-group nodes\n") == addresses
        assert " neighbor 192.168.100.101 description node2\n" in text
        assert text.count("  maximum-paths 8\n") == (2 if plan.dual_stack else 1)


def test_only_the_second_router_is_reached_through_a_hop() -> None:
    first, second = (router.configuration(WHOLE, each) for each in WHOLE.bgp_routers())
    assert "ebgp-multihop" not in first
    assert " neighbor multihop ebgp-multihop 4\n" in second
    assert " neighbor 192.168.101.100 peer-group nodes\n" in second
    assert "neighbor 192.168.101" not in router.configuration(PLAN, PLAN.bgp_routers()[1])


def test_single_stack_has_no_ipv6() -> None:
    for each in PLAN.bgp_routers():
        assert "ipv6" not in router.configuration(PLAN, each)
    assert "fd00" not in str(net.router_lines(PLAN))
    assert not [name for name in cli.routers_environment(PLAN) if name.endswith("_V6")]


def test_no_router_knows_what_bgp_does_not_teach_it() -> None:
    lines = net.router_lines(WHOLE)
    defaults = [role for role, batch in lines.items() if any("default" in line or "::/0" in line for line in batch)]
    assert defaults == ["client"]


def test_a_test_finds_the_routers_in_its_environment() -> None:
    words = cli.routers_environment(WHOLE)
    assert words["LAB_ROUTER1"] == "192.168.100.2"
    assert words["LAB_ROUTER1_ASN"] == "64513"
    assert words["LAB_ROUTER2_SEGMENT2"] == "192.168.101.3"
    assert words["LAB_NODES_ASN"] == "64512"
    assert words["LAB_CLIENT_V6"] == "fd00:10:99::2"


def test_every_namespace_has_its_option_and_its_place() -> None:
    assert net.roles(Plan("lab0")) == []
    assert net.roles(WHOLE) == list(net.ROLES)
    assert sorted(cli.PLACES.values()) == sorted(net.ROLES)


def test_a_router_by_name() -> None:
    lab = state.Lab(PLAN)
    assert router.named(lab, "router2").ip4 == "10.99.1.2"
    with pytest.raises(LabError, match=r"no router 'router3'\. It has router1 and router2\."):
        router.named(lab, "router3")


def test_faults_are_told_from_chatter() -> None:
    said = "[1|zebra] sending configuration\n% ebgp-multihop and ttl-security exclude\nline 17: Failure: ttl\n[1|zebra] done\n"
    assert router.complaints(said) == "% ebgp-multihop and ttl-security exclude; line 17: Failure: ttl"
    assert router.complaints("no such thing\n") == "no such thing"
