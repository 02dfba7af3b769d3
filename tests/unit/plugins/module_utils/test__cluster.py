# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _cluster
from ansible_collections.kubeaddons.metallb.plugins.module_utils._addresses import parse_range
from ansible_collections.kubeaddons.metallb.plugins.module_utils._kube_proxy import KubeProxy
from ansible_collections.kubeaddons.metallb.plugins.module_utils._settings import Settings, normalise

Object = dict[str, t.Any]
EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"


def settings(*ranges: str, **variables: t.Any) -> Settings:
    outcome = normalise({"metallb_enabled": True, "metallb_ip_range": list(ranges), **variables})
    assert outcome.errors == []
    return outcome.settings


def node(name: str = "node1", address: str = "192.168.100.11", labels: t.Sequence[str] = (), **spec: t.Any) -> Object:
    return {
        "metadata": {"name": name, "labels": dict.fromkeys(labels, "")},
        "spec": spec,
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
        },
    }


def service(name: str, *cluster_ips: str, ingress: t.Sequence[str] = ()) -> Object:
    return {
        "metadata": {"namespace": "default", "name": name},
        "spec": {"clusterIPs": list(cluster_ips)},
        "status": {"loadBalancer": {"ingress": [{"ip": one} for one in ingress]}},
    }


def kubeadm(text: str) -> Object:
    return {"data": {"ClusterConfiguration": text}}


def test_addresses_of_a_node_without_names_and_doubles() -> None:
    status = [
        {"type": "InternalIP", "address": "192.168.100.11"},
        {"type": "InternalIP", "address": "2001:db8::11"},
        {"type": "ExternalIP", "address": "192.168.100.11"},
        {"type": "ExternalIP", "address": "203.0.113.11"},
        {"type": "Hostname", "address": "node1"},
        {"type": "InternalDNS", "address": "node1.example.org"},
    ]
    assert _cluster.node_addresses({"status": {"addresses": status}}) == [
        "192.168.100.11",
        "2001:db8::11",
        "203.0.113.11",
    ]
    assert _cluster.node_addresses({}) == []


CLASHES: list[tuple[Settings, list[Object], list[Object], Object | None, str]] = [
    # settings, nodes, Services, kubeadm-config, what the error names ("": none)
    (settings("192.168.100.240/29"), [node()], [service("web", "10.96.0.7")], None, ""),
    (settings("192.168.100.10-192.168.100.20"), [node()], [], None, "192.168.100.11, the address of node node1"),
    (
        settings("10.244.1.0/28"),
        [node(podCIDR="10.244.1.0/24")],
        [],
        None,
        "10.244.1.0/24, the pod network of node node1",
    ),
    (
        settings("2001:db8:1::/120"),
        [node(podCIDR="10.244.1.0/24", podCIDRs=["10.244.1.0/24", "2001:db8:1::/64"])],
        [],
        None,
        "2001:db8:1::/64, the pod network of node node1",
    ),
    (
        settings("10.96.0.7/32"),
        [],
        [service("web", "10.96.0.7")],
        None,
        "10.96.0.7, the ClusterIP of Service default/web",
    ),
    (settings("10.96.0.7/32"), [], [service("web", "None"), service("ext")], None, ""),
    (settings("10.96.1.0/28"), [], [], kubeadm("networking: {serviceSubnet: 10.96.0.0/12}"), "the Service network"),
    (
        settings("2001:db8:2::/120"),
        [],
        [],
        kubeadm("networking: {podSubnet: '10.244.0.0/16,2001:db8:2::/64'}"),
        "2001:db8:2::/64, the pod network",
    ),
    (settings("10.96.1.0/28"), [], [], kubeadm("networking: ["), ""),
    (settings("10.96.1.0/28"), [], [], kubeadm("networking:"), ""),
    (settings("10.96.1.0/28"), [], [], kubeadm(""), ""),
    (settings("10.96.1.0/28"), [], [], {"data": None}, ""),
    (
        settings("192.168.100.4/30", kube_vip_address="192.168.100.5"),
        [],
        [],
        None,
        "192.168.100.5, the address of kube-vip (kube_vip_address)",
    ),
]


@pytest.mark.parametrize(("wanted", "nodes", "services", "config", "named"), CLASHES)
def test_a_pool_does_not_hold_what_something_else_uses(
    wanted: Settings, nodes: list[Object], services: list[Object], config: Object | None, named: str
) -> None:
    errors = _cluster.pool_errors(wanted, _cluster.taken(wanted, nodes, services, config))
    if not named:
        assert errors == []
        return
    assert errors == [
        'metallb_ip_range: "{0}" overlaps with {1}; choose addresses that nothing else uses.'.format(
            wanted.pools[0].ranges[0].text, errors[0].partition(" overlaps with ")[2].rpartition(";")[0]
        )
    ]
    assert named in errors[0]


def test_pools_do_not_share_addresses() -> None:
    wanted = settings(
        "192.0.2.0/28",
        "192.0.2.15-192.0.2.20",
        metallb_additional_address_pools={"more": {"ip_range": ["192.0.2.20/32", "198.51.100.0/28"]}},
    )
    assert _cluster.pool_errors(wanted, []) == [
        'metallb_ip_range: "192.0.2.15-192.0.2.20" overlaps with "192.0.2.0/28" of metallb_ip_range, which MetalLB refuses; '
        "give each address to one pool only.",
        'metallb_additional_address_pools.more.ip_range: "192.0.2.20/32" overlaps with "192.0.2.15-192.0.2.20" of '
        "metallb_ip_range, which MetalLB refuses; give each address to one pool only.",
    ]


# Strict ARP -----------------------------------------------------------------------------------------------------------


def proxy(mode: str) -> KubeProxy:
    return KubeProxy(mode, False, "rr", 30.0, [], [], "")


@pytest.mark.parametrize(
    ("wanted", "kube_proxy", "needed"),
    [
        (settings("192.0.2.0/28"), proxy("ipvs"), True),
        (settings("192.0.2.0/28"), proxy("iptables"), False),
        (settings("192.0.2.0/28"), proxy("nftables"), False),
        (settings("192.0.2.0/28"), None, False),
        (settings(), proxy("ipvs"), False),
        (settings("192.0.2.0/28", metallb_speaker_enabled=False), proxy("ipvs"), False),
    ],
)
def test_strict_arp_is_needed_where_ipvs_nodes_would_answer(
    wanted: Settings, kube_proxy: KubeProxy | None, needed: bool
) -> None:
    assert _cluster.strict_arp_needed(wanted, kube_proxy) is needed


@pytest.mark.parametrize(
    ("value", "needed", "errors", "warnings"),
    [
        (True, True, [], []),
        (False, False, [], []),
        (None, False, [], []),
        (False, True, ["kube_proxy_strict_arp: false lets every node answer"], []),
        (
            None,
            True,
            [],
            ["kube_proxy_strict_arp is not set; strict ARP is switched on in the cluster, and Kubespray's"],
        ),
    ],
)
def test_kubesprays_variable_must_agree(
    value: bool | None, needed: bool, errors: list[str], warnings: list[str]
) -> None:
    found = _cluster.strict_arp_messages(settings("192.0.2.0/28", kube_proxy_strict_arp=value), needed)
    for sentences, starts in zip(found, (errors, warnings), strict=True):
        assert [one[: len(start)] for one, start in zip(sentences, starts, strict=True)] == starts
        assert all("set it to true in group_vars/k8s_cluster/k8s-cluster.yml" in one for one in sentences)


@pytest.mark.parametrize(
    ("wanted", "nodes", "warned"),
    [
        (settings("192.0.2.0/28"), [node("a", labels=[EXCLUDED]), node("b", labels=[EXCLUDED])], True),
        (settings("192.0.2.0/28"), [node("a", labels=[EXCLUDED]), node("b")], False),
        (settings("192.0.2.0/28"), [], False),
        (settings(), [node("a", labels=[EXCLUDED])], False),
    ],
)
def test_a_cluster_in_which_nobody_may_announce(wanted: Settings, nodes: list[Object], warned: bool) -> None:
    warnings = _cluster.announcer_warnings(wanted, nodes)
    assert len(warnings) == warned
    assert all("kubectl label node NAME {0}-".format(EXCLUDED) in one for one in warnings)


def secret(kind: str = "kubernetes.io/basic-auth", **data: str) -> Object:
    return {"type": kind, "data": data}


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (secret(password="c2VjcmV0"), None),
        (None, "is no Secret of the namespace metallb-system"),
        (
            secret("Opaque", password="c2VjcmV0"),
            "is a Secret of type Opaque, and MetalLB takes kubernetes.io/basic-auth",
        ),
        (secret(passwd="c2VjcmV0"), "is a Secret without the key password"),
        (secret(password=""), "is a Secret without the key password"),
    ],
)
def test_a_secret_that_metallb_cannot_use(found: Object | None, problem: str | None) -> None:
    peer = {"peer_address": "192.0.2.1", "peer_asn": 64513, "my_asn": 64512}
    peers = [{**peer, "password_secret": "tor"}, {**peer, "peer_address": "192.0.2.2"}]
    wanted = settings("198.51.100.0/24", metallb_protocol="bgp", metallb_peers=peers)
    assert _cluster.secrets_named(wanted) == ["tor"]
    errors = _cluster.secret_errors(wanted, {"tor": found})
    assert len(errors) == (problem is not None)
    for error in errors:
        assert error.startswith('metallb_peers[0].password_secret: "tor" {0}'.format(problem))
        assert "kubectl create secret generic tor --namespace=metallb-system" in error
        assert "c2VjcmV0" not in error


# The segment ----------------------------------------------------------------------------------------------------------


def test_new_ranges_are_probed_without_what_is_in_use() -> None:
    wanted = settings("192.0.2.0/30", "198.51.100.0/23", "203.0.113.5-203.0.113.6", "2001:db8::10-2001:db8::12")
    live = [parse_range("203.0.113.0/28")]
    found = _cluster.probes(wanted, live, [service("web", ingress=["192.0.2.2", "198.51.100.1", "2001:DB8:0::11"])])
    assert [(one["origin"], one["text"], one["layer2"]) for one in found] == [
        ("metallb_ip_range", "192.0.2.0/30", True),
        ("metallb_ip_range", "198.51.100.0/23", True),
        ("metallb_ip_range", "2001:db8::10-2001:db8::12", True),
    ]
    assert found[2]["addresses"] == ["2001:db8::10", "2001:db8::12"]
    assert found[0]["addresses"] == ["192.0.2.0", "192.0.2.1", "192.0.2.3"]
    assert found[1]["addresses"][:2] == ["198.51.100.0", "198.51.100.2"]
    # A long range is looked at up to a limit, and at its end.
    assert found[1]["addresses"][-2:] == ["198.51.100.255", "198.51.101.255"]
    assert len(found[1]["addresses"]) == _cluster.MOST_PROBED


def test_of_the_longest_range_as_few_addresses_are_probed() -> None:
    found = _cluster.probes(settings("2001:db8::/64"), [], [])[0]["addresses"]
    assert (found[0], found[-1], len(found)) == (
        "2001:db8::",
        "2001:db8::ffff:ffff:ffff:ffff",
        _cluster.MOST_PROBED + 1,
    )


def test_a_range_that_grew_is_probed_again() -> None:
    wanted = settings("203.0.113.5-203.0.113.6")
    assert _cluster.probes(wanted, [parse_range("203.0.113.0-203.0.113.5")], []) != []


def seen(on_link: bool, *macs: str, address: str = "192.0.2.7", gateways: t.Sequence[str] = ()) -> Object:
    return {"results": [{"address": address, "on_link": on_link, "macs": list(macs)}], "gateways": list(gateways)}


MAC = "02:00:5e:00:53:01"
SEGMENTS: list[tuple[bool, dict[str, Object], str]] = [
    # whether layer2 announces the range, what the nodes saw, the error ("": none)
    (True, {"node1": seen(True)}, ""),
    (True, {"node1": seen(False), "node2": seen(True)}, ""),
    (True, {"node1": seen(False), "node2": seen(False)}, "which is on no node's network segment"),
    (False, {"node1": seen(False)}, ""),
    (True, {"node1": seen(True, MAC)}, "which already answers ARP ({0}, asked from node1)".format(MAC)),
    (True, {"node1": seen(True), "node2": seen(True, MAC)}, "asked from node2"),
    (False, {"node1": seen(True, MAC)}, "which already answers ARP"),
    (True, {"node1": seen(True, MAC, gateways=["192.0.2.7"])}, "the default gateway of node1; leave it out"),
    (True, {"node1": {}}, ""),
    (True, {}, ""),
]


@pytest.mark.parametrize(("layer2", "nodes", "error"), SEGMENTS)
def test_what_the_nodes_see_of_a_range(layer2: bool, nodes: dict[str, Object], error: str) -> None:
    wanted = [{"origin": "metallb_ip_range", "text": "192.0.2.0/28", "layer2": layer2, "addresses": ["192.0.2.7"]}]
    errors = _cluster.segment_errors(wanted, nodes)
    assert len(errors) == bool(error)
    assert all(one.startswith('metallb_ip_range: "192.0.2.0/28" holds 192.0.2.7, ') and error in one for one in errors)


@pytest.mark.parametrize(
    ("seen_of_it", "error"),
    [
        (seen(False, address="2001:db8::7"), "so nobody would find it by NDP"),
        (seen(True, MAC, address="2001:db8::7"), "which already answers NDP (02:00:5e:00:53:01, asked from node1)"),
        (seen(True, MAC, address="2001:db8::7", gateways=["2001:db8::7"]), "the default gateway of node1"),
    ],
)
def test_what_the_nodes_see_of_a_range_of_ipv6(seen_of_it: Object, error: str) -> None:
    wanted = [{"origin": "metallb_ip_range", "text": "2001:db8::/120", "layer2": True, "addresses": ["2001:db8::7"]}]
    errors = _cluster.segment_errors(wanted, {"node1": seen_of_it})
    assert len(errors) == 1
    assert errors[0].startswith('metallb_ip_range: "2001:db8::/120" holds 2001:db8::7, ')
    assert error in errors[0]


# Hosts and Nodes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "addresses", "name"),
    [
        ("node1", [], "node1"),
        ("node1", ["192.168.100.12"], "node1"),
        ("first", ["", "192.168.100.12"], "node2"),
        ("first", ["2001:DB8:0::12"], "node2"),
        ("first", ["first.example.org"], ""),
        ("first", [""], ""),
    ],
)
def test_the_node_that_an_inventory_host_is(host: str, addresses: list[str], name: str) -> None:
    names = {"node1": ["192.168.100.11"], "node2": ["192.168.100.12", "2001:db8::12"]}
    assert _cluster.node_of(names, host, addresses) == name


def labelled(*labels: dict[str, str]) -> list[Object]:
    return [{"metadata": {"name": "n{0}".format(number), "labels": own}} for number, own in enumerate(labels)]


SELECTING = {
    "metallb_config": {
        "address_pools": {"a": {"ip_range": "192.0.2.0/28"}},
        "layer2": [{"name": "lan", "node_selectors": [{"rack": "a1"}]}],
        "layer3": {
            "metallb_peers": {
                "tor": {"peer_address": "192.0.2.1", "peer_asn": 1, "my_asn": 2, "node_selectors": [{"rack": "a2"}]}
            },
            "advertisements": [{"name": "out", "address_pools": ["a"], "node_selectors": [{"rack": "a3"}]}],
        },
    }
}


def test_selectors_that_match_nothing_are_named() -> None:
    wanted = settings(**SELECTING)
    assert _cluster.announcer_warnings(wanted, labelled({"rack": "a1"}, {"rack": "a2"}, {"rack": "a3"})) == []
    assert _cluster.announcer_warnings(wanted, labelled({"rack": "b"})) == [
        "metallb_config.layer2, lan: node_selectors match none of the nodes, so nothing is announced.",
        "metallb_config.layer3.advertisements[0]: node_selectors match none of the nodes, so nothing is announced.",
        "metallb_config.layer3.metallb_peers.tor: node_selectors match none of the nodes, so there is no session.",
    ]
    (warning,) = _cluster.announcer_warnings(
        wanted, labelled({"rack": "a1", _cluster.EXCLUDED: ""}, {"rack": "a2"}, {"rack": "a3"})
    )
    assert warning.startswith("metallb_config.layer2, lan: every node that node_selectors match carries the label")


def test_addresses_of_peers_with_their_variables() -> None:
    assert _cluster.peer_addresses(settings(**SELECTING)) == {"192.0.2.1": "metallb_config.layer3.metallb_peers.tor"}


def test_nodes_that_are_not_ready() -> None:
    unknown = {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet\nstopped"}
    conditions: list[list[Object] | None] = [
        [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}],
        [{"type": "MemoryPressure", "status": "Unknown"}, unknown],
        [{"type": "Ready", "status": "False"}],
        [{"type": "MemoryPressure", "status": "False"}],
        None,
    ]
    nodes = [
        {"metadata": {"name": f"node{number}"}, "status": {"conditions": some}}
        for number, some in enumerate(conditions, 1)
    ]
    assert _cluster.not_ready([*nodes, {"metadata": {"name": "new"}}]) == {
        "node2": "NodeStatusUnknown: Kubelet stopped",
        "node3": "Ready is False",
    }
