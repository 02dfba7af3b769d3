# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorded rules, as they are and against an API that asks for something else."""

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _rules
from ansible_collections.kubeaddons.metallb.tests.unit.plugins import rules_corpus
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.rules_corpus import MODES, NODES, Api

Change = t.Callable[[Api], None]
Found = set[tuple[str, str, str, str, str]]


def differences(mode: str, node: str, api: Api) -> list[dict[str, t.Any]]:
    rules, exact = rules_corpus.observed(mode, node)
    expected = api.expected()
    return _rules.compare(_rules.plan(expected, node), rules, expected.sync_period, exact).differences


def short(found: list[dict[str, t.Any]]) -> Found:
    """Return kind, Service, whether it is a node port, expected and found of each difference, backends left out."""
    return {
        (
            one["kind"],
            one["service"],
            "node port" if one["address"] in ("0.0.0.0", "::") else "",
            one["expected"],
            one["found"],
        )
        for one in found
    }


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("mode", MODES)
def test_a_healthy_node_has_no_differences(mode: str, node: str) -> None:
    rules, exact = rules_corpus.observed(mode, node)
    expected = Api(mode).expected()
    comparison = _rules.compare(_rules.plan(expected, node), rules, expected.sync_period, exact)
    assert (comparison.differences, rules.unparsed, rules.broken) == ([], [], [])
    assert (comparison.virtual_servers, comparison.real_servers) == (45, {"node1": 121, "node2": 126}[node])


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("mode", MODES)
def test_every_chain_leads_where_it_says(mode: str, node: str) -> None:
    rules, exact = rules_corpus.observed(mode, node)
    assert len(rules.chains) > 15
    for name, chain in rules.chains.items():
        real = exact(name)
        assert chain.ways == len(real) > 0
        # What an nftables chain's name tells is all endpoints of the Service port.
        assert real <= chain.backends


@pytest.mark.parametrize("mode", MODES)
def test_both_modes_expect_the_same_of_a_node(mode: str) -> None:
    wanted = _rules.plan(Api(mode).expected(), "node1")
    assert wanted["TCP 192.168.100.241:80"].refusal == "drop"
    assert wanted["TCP 192.168.100.245:80"].refusal == "reject"
    assert wanted["TCP 192.168.100.243:80"].guarded
    assert not wanted["TCP 0.0.0.0:30084"].guarded
    assert len(wanted["TCP [fd00:192:168:100::240]:80"].must) == 4


@pytest.mark.parametrize("mode", MODES)
def test_a_scope_leaves_the_other_services_out(mode: str) -> None:
    expected = Api(mode).expected()
    services = {one.service for one in expected.ports}
    first = min(services)
    wanted = _rules.plan(expected._replace(scope=[first]), "node1")
    assert {one.owner.service for one in wanted.values()} == {first} != services


def without_endpoint(api: Api) -> None:
    for one in api.slices("cluster"):
        one["endpoints"].pop()


def with_endpoint(api: Api) -> None:
    for one in api.slices("cluster"):
        more = copy.deepcopy(one["endpoints"][0])
        more["addresses"] = ["10.233.99.9" if one["addressType"] == "IPv4" else "fd99::9"]
        one["endpoints"].append(more)


def without_any_endpoint(api: Api) -> None:
    for one in api.slices("sctp"):
        one["endpoints"] = []


def now_ready(api: Api) -> None:
    (one,) = [one for one in api.slices("none") if one["addressType"] == "IPv4"]
    one["endpoints"] = copy.deepcopy(next(s for s in api.slices("ranges"))["endpoints"])
    one["ports"] = [{"name": "", "port": 8080, "protocol": "TCP"}]


def deleted(api: Api) -> None:
    api.objects["Service"].remove(api.service("external"))


def created(api: Api) -> None:
    more = copy.deepcopy(api.service("sctp"))
    more["metadata"]["name"] = "new"
    more["spec"].update({"clusterIP": "10.233.1.1", "clusterIPs": ["10.233.1.1"]})
    more["spec"]["ports"][0].update({"port": 9999, "nodePort": 31999})
    api.objects["Service"].append(more)
    for one in api.slices("sctp"):
        new = copy.deepcopy(one)
        new["metadata"]["labels"]["kubernetes.io/service-name"] = "new"
        api.objects["EndpointSlice"].append(new)


def other_affinity(api: Api) -> None:
    api.service("affinity")["spec"]["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"] = 30


def without_affinity(api: Api) -> None:
    api.service("affinity")["spec"]["sessionAffinity"] = "None"


def without_ranges(api: Api) -> None:
    api.service("ranges")["spec"].pop("loadBalancerSourceRanges")


def with_ranges(api: Api) -> None:
    api.service("cluster")["spec"]["loadBalancerSourceRanges"] = ["192.0.2.0/24"]


def now_local(api: Api) -> None:
    api.service("ranges")["spec"]["externalTrafficPolicy"] = "Local"


def not_local(api: Api) -> None:
    api.service("local")["spec"]["externalTrafficPolicy"] = "Cluster"


CASES: list[tuple[Change, Found]] = [
    (
        without_endpoint,
        {
            ("stale", "corpus/cluster", "", "absent", "present"),
            ("stale", "corpus/cluster", "node port", "absent", "present"),
        },
    ),
    (
        with_endpoint,
        {
            ("missing", "corpus/cluster", "", "present", "absent"),
            ("missing", "corpus/cluster", "node port", "present", "absent"),
        },
    ),
    (
        without_any_endpoint,
        {
            ("refused", "corpus/sctp", "", "reject", "not refused"),
            ("refused", "corpus/sctp", "node port", "reject", "not refused"),
            ("stale", "corpus/sctp", "", "absent", "present"),
            ("stale", "corpus/sctp", "node port", "absent", "present"),
        },
    ),
    (
        now_ready,
        {
            ("absent", "corpus/none", "", "present", "reject"),
            ("absent", "corpus/none", "node port", "present", "reject"),
        },
    ),
    (deleted, {("orphan", "", "", "absent", "present")}),
    (
        created,
        {("absent", "corpus/new", "", "present", "absent"), ("absent", "corpus/new", "node port", "present", "absent")},
    ),
    (
        other_affinity,
        {
            ("persistence", "corpus/affinity", "", "30", "600"),
            ("persistence", "corpus/affinity", "node port", "30", "600"),
        },
    ),
    (
        without_affinity,
        {
            ("persistence", "corpus/affinity", "", "0", "600"),
            ("persistence", "corpus/affinity", "node port", "0", "600"),
        },
    ),
    (
        without_ranges,
        {("source-ranges", "corpus/ranges", "", "open to all", "for loadBalancerSourceRanges only")},
    ),
    # The Service has addresses of both families and ranges of one: only that family's address is guarded.
    (
        with_ranges,
        {("source-ranges", "corpus/cluster", "", "for loadBalancerSourceRanges only", "open to all")},
    ),
    (
        now_local,
        {
            ("stale", "corpus/ranges", "", "absent", "present"),
            ("stale", "corpus/ranges", "node port", "absent", "present"),
        },
    ),
    (
        not_local,
        {("absent", "corpus/local", "", "present", "drop"), ("absent", "corpus/local", "node port", "present", "drop")},
    ),
]


@pytest.mark.parametrize(("change", "found"), CASES, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.parametrize("mode", MODES)
def test_what_the_api_asks_for_and_a_node_lacks(mode: str, change: Change, found: Found) -> None:
    api = Api(mode)
    change(api)
    assert short(differences(mode, "node1", api)) == found


@pytest.mark.parametrize("mode", MODES)
def test_a_backend_that_differs_is_named(mode: str) -> None:
    api = Api(mode)
    with_endpoint(api)
    backends = {one["backend"] for one in differences(mode, "node1", api)}
    assert backends == {"10.233.99.9:8080", "[fd99::9]:8080"}


@pytest.mark.parametrize("mode", MODES)
def test_what_is_terminating_may_be_there_or_not(mode: str) -> None:
    api = Api(mode)
    for one in api.slices("cluster"):
        one["endpoints"][-1]["conditions"] = {"ready": False, "serving": True, "terminating": True}
    assert differences(mode, "node1", api) == []
    without_endpoint(api)
    assert differences(mode, "node1", api) != []


@pytest.mark.parametrize("mode", MODES)
def test_two_services_with_one_address_are_not_judged(mode: str) -> None:
    api = Api(mode)
    more = copy.deepcopy(api.service("external"))
    more["metadata"]["name"] = "rival"
    more["spec"].update({"clusterIP": "10.233.1.1", "clusterIPs": ["10.233.1.1"]})
    api.objects["Service"].append(more)
    found = differences(mode, "node1", api)
    assert {(one["kind"], one["address"]) for one in found} == {("refused", "10.233.1.1")}


def test_a_recent_change_is_a_lag() -> None:
    api = Api("iptables")
    with_endpoint(api)
    expected = api.expected()
    rules, exact = rules_corpus.observed("iptables", "node1")
    young = expected._replace(ports=[row._replace(age=1.0) for row in expected.ports])
    found = _rules.compare(_rules.plan(young, "node1"), rules, young.sync_period, exact).differences
    assert {one["verdict"] for one in found} == {"lag"}


def test_families_are_those_of_the_services() -> None:
    assert _rules.versions(Api("iptables").expected()) == [4, 6]


def test_a_range_of_all_addresses_is_not_judged() -> None:
    api = Api("nftables")
    api.service("cluster")["spec"]["loadBalancerSourceRanges"] = ["0.0.0.0/0"]
    assert differences("nftables", "node1", api) == []
