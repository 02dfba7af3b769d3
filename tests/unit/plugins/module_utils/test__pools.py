# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _objects
from ansible_collections.kubeaddons.metallb.plugins.module_utils._settings import normalise

Variables = dict[str, t.Any]

RANGE = "192.0.2.0/28"
RACK = {"matchLabels": {"rack": "a1"}}


def config(layer2: object = ("a",), **pool: t.Any) -> Variables:
    pools = {"a": {"ip_range": [RANGE], **pool}, "b": {"ip_range": ["198.51.100.0/28"], "labels": {"tier": "gold"}}}
    return {
        "metallb_enabled": True,
        "metallb_config": {"address_pools": pools, "layer2": list(layer2) if isinstance(layer2, tuple) else layer2},
    }


def objects(variables: Variables) -> list[tuple[str, str, Variables]]:
    outcome = normalise(variables)
    assert outcome.errors == []
    return [(one["kind"], one["metadata"]["name"], one["spec"]) for one in _objects.custom_resources(outcome.settings)]


#: an entry of metallb_config.layer2, and the L2Advertisement that it becomes
ADVERTISEMENTS: list[tuple[t.Any, str, Variables]] = [
    ("a", "a", {"ipAddressPools": ["a"]}),
    ({"name": "lan"}, "lan", {"ipAddressPools": ["a", "b"]}),
    ({"name": "lan", "address_pools": ["b"]}, "lan", {"ipAddressPools": ["b"]}),
    ({"name": "lan", "interfaces": ["eth0"]}, "lan", {"ipAddressPools": ["a", "b"], "interfaces": ["eth0"]}),
    (
        {"name": "lan", "address_pools": ["a"], "node_selectors": [{"rack": "a1"}]},
        "lan",
        {"ipAddressPools": ["a"], "nodeSelectors": [RACK]},
    ),
    (
        {"name": "lan", "address_pools": ["a"], "service_selectors": [{"app": "web"}]},
        "lan",
        {"ipAddressPools": ["a"], "serviceSelectors": [{"matchLabels": {"app": "web"}}]},
    ),
    (
        {"name": "lan", "address_pools": ["a"], "pool_selectors": [{"tier": "gold"}]},
        "lan",
        {"ipAddressPools": ["a"], "ipAddressPoolSelectors": [{"matchLabels": {"tier": "gold"}}]},
    ),
    (
        {"name": "lan", "pool_selectors": [{"tier": "gold"}]},
        "lan",
        {"ipAddressPoolSelectors": [{"matchLabels": {"tier": "gold"}}]},
    ),
    (
        {"name": "lan", "address_pools": ["a"], "spec": {"interfaces": ["eth0"]}},
        "lan",
        {"ipAddressPools": ["a"], "interfaces": ["eth0"]},
    ),
]


@pytest.mark.parametrize(("entry", "name", "spec"), ADVERTISEMENTS)
def test_advertisements(entry: object, name: str, spec: Variables) -> None:
    assert objects(config([entry]))[2:] == [("L2Advertisement", name, spec)]


SELECTORS: list[tuple[Variables, Variables]] = [
    ({"rack": "a1"}, RACK),
    ({"edge": True}, {"matchLabels": {"edge": "true"}}),
    (RACK, RACK),
    ({"match_labels": {"rack": "a1"}}, RACK),
    ({"match-labels": {"rack": "a1"}}, RACK),
    (
        {"match-expressions": [{"key": "rack", "operator": "In", "values": ["a1", 2]}]},
        {"matchExpressions": [{"key": "rack", "operator": "In", "values": ["a1", "2"]}]},
    ),
    (
        {"matchExpressions": [{"key": "rack", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "rack", "operator": "Exists"}]},
    ),
]


@pytest.mark.parametrize(("given", "selector"), SELECTORS)
def test_selectors_of_every_era(given: Variables, selector: Variables) -> None:
    found = objects(config([{"name": "lan", "node_selectors": [given]}]))[2]
    assert found[2]["nodeSelectors"] == [selector]


def test_pool_for_some_services_only() -> None:
    allocation = {
        "priority": "10",
        "namespaces": ["web"],
        "namespace_selectors": [{"team": "a"}],
        "service_selectors": [{"app": "web"}],
    }
    found = objects(config(service_allocation=allocation, spec={"autoAssign": False}))[0]
    assert found == (
        "IPAddressPool",
        "a",
        {
            "addresses": [RANGE],
            "autoAssign": False,
            "avoidBuggyIPs": False,
            "serviceAllocation": {
                "priority": 10,
                "namespaces": ["web"],
                "namespaceSelectors": [{"matchLabels": {"team": "a"}}],
                "serviceSelectors": [{"matchLabels": {"app": "web"}}],
            },
        },
    )


LAYER2 = "metallb_config.layer2[0]"
#: variables, the start of the error, and what else it says
ERRORS: list[tuple[Variables, str, str]] = [
    (config([{"address_pools": ["a"]}]), LAYER2 + ": {'address_pools'", "has no name"),
    (config([{"name": "No_Name"}]), LAYER2 + '.name: "No_Name"', "cannot name a Kubernetes object"),
    (config([{"name": "x", "address_pools": ["c"]}]), LAYER2 + '.address_pools[0]: "c"', "is not a pool"),
    (config([{"name": "a", "interfaces": "eth0"}]), LAYER2 + '.interfaces: "eth0"', "is not a list"),
    (config([{"name": "a"}, {"name": "a", "interfaces": ["x"]}]), 'metallb_config.layer2[1].name: "a"', "another"),
    (config([{"name": "x", "node_selectors": [{}]}]), LAYER2 + ".node_selectors[0]: {}", "selects nothing"),
    (
        config([{"name": "x", "node_selectors": [{"matchExpressions": [{"key": "a", "operator": "is"}]}]}]),
        LAYER2 + '.node_selectors[0].matchExpressions[0].operator: "is"',
        "choose one of In, NotIn, Exists, DoesNotExist",
    ),
    (
        config([{"name": "x", "node_selectors": [{"matchExpressions": [{"key": "a", "operator": "In"}]}]}]),
        LAYER2 + ".node_selectors[0].matchExpressions[0].values: []",
        "In and NotIn need values",
    ),
    (
        config([{"name": "x", "node_selectors": [{"matchExpressions": [{"operator": "Exists"}]}]}]),
        LAYER2 + ".node_selectors[0].matchExpressions[0]: {'operator'",
        "has no key",
    ),
    (
        {**config([{"name": "x", "service_selectors": [{"a": "b"}]}]), "metallb_version": "0.15.3"},
        LAYER2 + ".service_selectors: [{'a': 'b'}]",
        "needs MetalLB 0.16.0",
    ),
    (
        config(labels={"tier": "very gold"}),
        'metallb_config.address_pools.a.labels.tier: "very gold"',
        "is not the value of",
    ),
    (config(labels=["gold"]), "metallb_config.address_pools.a.labels: ['gold']", "is not a mapping"),
    (
        config(spec={"addresses": [RANGE]}),
        "metallb_config.address_pools.a.spec.addresses: ['192",
        "write it as ip_range",
    ),
    (config(spec={"autoAssign": "so"}), 'metallb_config.address_pools.a.spec.autoAssign: "so"', "is not a truth value"),
    (config([{"name": "x", "interfaces": ["eth0", "eth0"]}]), LAYER2 + '.interfaces[1]: "eth0"', "stands there twice"),
    (config([{"name": "x", "address_pools": ["a", "a"]}]), LAYER2 + '.address_pools[1]: "a"', "stands there twice"),
    (config([{"name": "x", "spec": {"interfaces": "eth0"}}]), LAYER2 + '.spec.interfaces: "eth0"', "is not a list"),
    (
        config([{"name": "x", "spec": {"ipAddressPools": ["c"]}}]),
        LAYER2 + ".spec.ipAddressPools: ['c']",
        "write it as address_pools",
    ),
    (
        config(service_allocation={"priority": "high"}),
        'metallb_config.address_pools.a.service_allocation.priority: "high"',
        "is not a whole number",
    ),
]


@pytest.mark.parametrize(("variables", "start", "rest"), ERRORS)
def test_errors(variables: Variables, start: str, rest: str) -> None:
    errors = normalise(variables).errors
    assert len(errors) == 1, errors
    assert errors[0].startswith(start)
    assert rest in errors[0][len(start) :]


def test_what_is_not_known_is_said() -> None:
    variables = config([{"name": "x", "interface": ["eth0"]}], auto_asign=True, service_allocation={"prio": 1})
    assert normalise(variables).warnings == [
        "metallb_config.address_pools.a.auto_asign is not known and has no effect; did you mean auto_assign?",
        "metallb_config.address_pools.a.service_allocation.prio is not known and has no effect; did you mean priority?",
        "metallb_config.layer2[0].interface is not known and has no effect; did you mean interfaces?",
    ]


def test_pool_that_nothing_announces() -> None:
    (warning,) = normalise(config([{"name": "x", "address_pools": ["a"]}])).warnings
    assert warning.startswith("metallb_config.address_pools.b.ip_range is announced by nothing")


def test_pools_are_selected_by_their_labels() -> None:
    variables = config(["a", {"name": "x", "pool_selectors": [{"tier": "gold"}]}])
    outcome = normalise(variables)
    assert (outcome.errors, outcome.warnings) == ([], [])
    assert [one.pools for one in outcome.settings.layer2] == [["a"], ["b"]]
    pools = _objects.custom_resources(outcome.settings)[:2]
    assert [one["metadata"].get("labels") for one in pools] == [None, {"tier": "gold"}]


def test_selectors_that_match_no_pool() -> None:
    warnings = normalise(config(["a", "b", {"name": "x", "pool_selectors": [{"tier": "lead"}]}])).warnings
    assert warnings == [
        "metallb_config.layer2[2].pool_selectors match none of this inventory's pools; give pools such labels, or remove it."
    ]
