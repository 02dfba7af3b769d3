# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import datetime
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _addresses, _announcers, _derive
from ansible_collections.kubeaddons.metallb.plugins.module_utils._expected import Endpoint, Expected, ServicePort
from ansible_collections.kubeaddons.metallb.plugins.module_utils._kube_proxy import KubeProxy
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import Walked, fixture

Object = dict[str, t.Any]
OBJECTS = fixture("services")
WEB, SLICE, DNS, API, HEADLESS, POOL, ADVERTISEMENT, STATUS = OBJECTS
NOW = datetime.datetime(2026, 11, 23, 20, 1, 0, tzinfo=datetime.UTC)
NODES = [
    {"metadata": {"name": "node1", "labels": {"topology.kubernetes.io/zone": "a"}}},
    {"metadata": {"name": "node2"}},
]


def changed(obj: Object, **parts: t.Any) -> Object:
    """Return a copy with entries of its spec (or, beside it, of the object) replaced."""
    found = copy.deepcopy(obj)
    for name, value in parts.items():
        if name in ("addressType", "endpoints", "ports") and "spec" not in found:
            found[name] = value
        elif name in ("labels", "managedFields", "namespace"):
            found["metadata"][name] = value
        else:
            found["spec"][name] = value
    return found


def table(*services: Object, slices: t.Sequence[Object] = (SLICE,)) -> Expected:
    return _derive.expected_table(services, slices, [], None, NOW)


def endpoint(
    address: str,
    port: int,
    node: str,
    ready: bool = True,
    serving: bool = True,
    terminating: bool = False,
    zones: t.Sequence[str] = (),
    nodes: t.Sequence[str] = (),
) -> Endpoint:
    return Endpoint(address, port, node, ready, serving, terminating, list(zones), list(nodes))


def test_the_seeds_service() -> None:
    kube_proxy = KubeProxy("ipvs", True, "wlc", 15.0, ["192.168.100.0/24"], ["192.0.2.0/24"], "127.0.0.1:9000")
    assert _derive.expected_table([WEB], [SLICE], NODES, kube_proxy, NOW) == Expected(
        zones={"node1": "a", "node2": ""},
        mode="ipvs",
        scheduler="wlc",
        node_port_cidrs=["192.168.100.0/24"],
        exclude_cidrs=["192.0.2.0/24"],
        sync_period=30.0,
        ports=[
            ServicePort(
                service="default/myweb-svc-lb",
                port_name="",
                protocol="TCP",
                port=80,
                node_port=31313,
                cluster_addresses=["10.233.0.17"],
                balancer_addresses=["192.168.100.240"],
                external_ips=[],
                source_ranges=[],
                health_port=0,
                internal_local=False,
                external_local=False,
                persistence=0,
                age=40.0,  # since the slice was written, which is newer than the Service and its status
                endpoints=[
                    endpoint("10.233.65.4", 8080, "node1"),
                    endpoint("10.233.66.7", 8080, "node2"),
                    endpoint("10.233.67.9", 8080, "node3", ready=False, terminating=True),
                    endpoint("10.233.67.2", 8080, "node3", ready=False, serving=False),
                ],
            )
        ],
        metrics="127.0.0.1:9000",
        own={"node1": [], "node2": []},
    )


def test_what_kube_proxy_takes_for_a_nodes_addresses() -> None:
    """The first of each family, those within the cluster first; its own configuration before that, in one family."""
    listed = [("ExternalIP", "203.0.113.1"), ("InternalIP", "192.0.2.1"), ("Hostname", "node1")]
    listed += [("InternalIP", "2001:DB8::1"), ("InternalIP", "192.0.2.2")]
    node = {**NODES[0], "status": {"addresses": [{"type": kind, "address": one} for kind, one in listed]}}
    ipvs = KubeProxy("ipvs", True, "rr", 15.0, [], [], "")

    def own(kube_proxy: KubeProxy | None) -> t.Mapping[str, t.Sequence[str]]:
        return _derive.expected_table([], [], [node, NODES[1]], kube_proxy, NOW).own

    assert own(ipvs) == {"node1": ["192.0.2.1", "2001:db8::1"], "node2": []}
    assert own(ipvs._replace(bind_address="192.0.2.9"))["node1"] == ["192.0.2.9", "2001:db8::1"]
    assert own(ipvs._replace(mode="nftables")) == own(None) == {}


def test_since_when_kube_proxys_mode_is_settled() -> None:
    old = {"metadata": {"creationTimestamp": "2026-11-23T19:00:00Z"}}
    rolling = {"metadata": {**old["metadata"], "managedFields": [{"time": "2026-11-23T19:59:50Z"}]}}
    now = datetime.datetime(2026, 11, 23, 20, tzinfo=datetime.UTC)
    ages = [_derive.mode_age(*objects, now) for objects in ((old, old), (old, rolling), (rolling, old), (old, None))]
    assert ages == [3600.0, 10.0, 10.0, 3600.0]
    assert _derive.mode_age(None, None, now) == 0.0


def test_a_cluster_without_kube_proxy() -> None:
    empty = _derive.expected_table([], [], [], None, NOW)
    assert empty == Expected({}, "", "", [], [], 0.0, [])


NOT_PROXIED: list[Object] = [
    HEADLESS,
    changed(WEB, type="ExternalName"),
    changed(WEB, clusterIP=""),
    changed(WEB, labels={"service.kubernetes.io/service-proxy-name": "other"}),
    changed(WEB, labels={"service.kubernetes.io/headless": ""}),
]


@pytest.mark.parametrize("service", NOT_PROXIED)
def test_what_kube_proxy_leaves_alone(service: Object) -> None:
    assert table(WEB).ports
    assert table(service).ports == []


ATTRIBUTES: list[tuple[Object, str, t.Any]] = [
    (API, "persistence", 10800),
    (WEB, "persistence", 0),
    (changed(WEB, externalTrafficPolicy="Local"), "external_local", True),
    (changed(WEB, internalTrafficPolicy="Local"), "internal_local", True),
    (
        changed(WEB, clusterIPs=["10.233.0.17", "2001:db8:3::17"]),
        "cluster_addresses",
        ["10.233.0.17", "2001:db8:3::17"],
    ),
    (changed(WEB, clusterIPs=None), "cluster_addresses", ["10.233.0.17"]),
    (
        changed(WEB, externalIPs=["203.0.113.7", "192.168.100.240"]),
        "external_addresses",
        ["192.168.100.240", "203.0.113.7"],
    ),
    (API, "external_addresses", []),
    (changed(WEB, externalIPs=["203.0.113.7"]), "external_ips", ["203.0.113.7"]),
    (
        changed(
            WEB, loadBalancerSourceRanges=[" 192.0.2.9/24 ", "010.0.0.0/8", "192.0.2.0/24", "2001:DB8::/32", "all"]
        ),
        "source_ranges",
        ["192.0.2.0/24", "10.0.0.0/8", "2001:db8::/32"],
    ),
    (changed(WEB, externalTrafficPolicy="Local", healthCheckNodePort=32000), "health_port", 32000),
    (changed(WEB, externalTrafficPolicy="Cluster", healthCheckNodePort=32000), "health_port", 0),
    (changed(WEB, type="NodePort", externalTrafficPolicy="Local", healthCheckNodePort=32000), "health_port", 0),
    (API, "node_port", 0),
    (API, "port_name", "https"),
    (changed(WEB, managedFields=[{"time": "2026-11-23T20:00:59Z"}, {}]), "age", 1.0),
    # A clock that runs ahead makes nobody younger than now.
    (changed(WEB, managedFields=[{"time": "2026-11-23T20:09:00Z"}]), "age", 0.0),
    (changed(WEB, managedFields=None), "age", 40.0),
]


@pytest.mark.parametrize(("service", "attribute", "value"), ATTRIBUTES)
def test_attributes_of_a_port(service: Object, attribute: str, value: t.Any) -> None:
    assert getattr(table(service).ports[0], attribute) == value


def test_a_service_without_slices_has_no_endpoints() -> None:
    assert table(WEB, slices=[]).ports[0].endpoints == []
    foreign = changed(SLICE, namespace="other")
    nameless = changed(SLICE, labels={})
    assert table(WEB, slices=[foreign, nameless]).ports[0].endpoints == []


def test_named_ports_lead_to_the_number_that_each_slice_gives() -> None:
    labels = {"kubernetes.io/service-name": "kube-dns"}
    one = changed(
        SLICE,
        namespace="kube-system",
        labels=labels,
        endpoints=[{"addresses": ["10.233.65.1"], "conditions": {}}],
        ports=[
            {"name": "dns", "port": 53, "protocol": "UDP"},
            {"name": "dns-tcp", "port": 53},
            {"name": "metrics", "port": None, "protocol": "TCP"},
        ],
    )
    other = changed(one, endpoints=[{"addresses": ["10.233.66.1"]}], ports=[{"name": "dns-tcp", "port": 5353}])
    ports = {
        port.port_name: [(e.address, e.port) for e in port.endpoints] for port in table(DNS, slices=[one, other]).ports
    }
    assert ports == {
        "dns": [("10.233.65.1", 53)],
        "dns-tcp": [("10.233.65.1", 53), ("10.233.66.1", 5353)],
        "metrics": [],
    }


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, (True, True, False)),
        (None, (True, True, False)),
        ({"ready": None, "serving": None, "terminating": None}, (True, True, False)),
        ({"ready": False}, (False, True, False)),
        ({"ready": False, "serving": False, "terminating": True}, (False, False, True)),
    ],
)
def test_conditions_as_kube_proxy_reads_them(conditions: t.Any, expected: tuple[bool, bool, bool]) -> None:
    one = changed(SLICE, endpoints=[{"addresses": ["10.233.65.1", "10.233.65.2"], "conditions": conditions}])
    found = table(WEB, slices=[one]).ports[0].endpoints
    assert [(e.address, e.node) for e in found] == [("10.233.65.1", "")]
    assert (found[0].ready, found[0].serving, found[0].terminating) == expected


def test_hints() -> None:
    hints = {"forZones": [{"name": "a"}], "forNodes": [{"name": "node1"}, {"name": "node2"}]}
    one = changed(SLICE, endpoints=[{"addresses": ["10.233.65.1"], "hints": hints}])
    assert table(WEB, slices=[one]).ports[0].endpoints == [
        endpoint("10.233.65.1", 8080, "", zones=["a"], nodes=["node1", "node2"])
    ]


def test_an_address_in_two_slices_counts_once_and_ready_wins() -> None:
    def slice_with(*ready: bool) -> Object:
        return changed(SLICE, endpoints=[{"addresses": ["10.233.65.1"], "conditions": {"ready": one}} for one in ready])

    for slices in ([slice_with(False), slice_with(True)], [slice_with(True), slice_with(False)]):
        assert [e.ready for e in table(WEB, slices=slices).ports[0].endpoints] == [True]


def test_names_instead_of_addresses_are_not_for_kube_proxy() -> None:
    assert table(WEB, slices=[changed(SLICE, addressType="FQDN")]).ports[0].endpoints == []


# What MetalLB takes care of -------------------------------------------------------------------------------------------


def assigned(node: str, when: str, protocol: str = "layer2", name: str = "myweb-svc-lb") -> Object:
    return {
        "involvedObject": {"kind": "Service", "namespace": "default", "name": name},
        "reason": "nodeAssigned",
        "message": f'announcing from node "{node}" with protocol "{protocol}"',
        "lastTimestamp": when,
    }


EVENTS = [
    assigned("node2", "2026-11-23T20:00:30Z"),
    assigned("node1", "2026-11-23T20:00:10Z"),
    assigned("node3", "2026-11-23T20:00:40Z", "bgp"),
    assigned("node3", "2026-11-23T20:00:50Z", name="other"),
]


LIVE = _announcers.Live(
    pools=[POOL],
    l2_advertisements=[ADVERTISEMENT],
    l2_statuses=[STATUS],
    bgp_advertisements=[],
    bgp_peers=[],
    bgp_statuses=None,
    sessions=None,
    nodes=NODES,
    speakers=[],
    assigned=EVENTS,
)


SPEAKERLESS = {"id": "no-speaker", "text": "has no running speaker"}


def balanced(*services: Object, own_class: str = "", **live: t.Any) -> list[Object]:
    return _derive.balanced(services, [SLICE], LIVE._replace(**live), own_class, NOW)


def test_the_seeds_service_as_metallb_has_it() -> None:
    assert balanced(HEADLESS, WEB, DNS, API) == [
        {
            "service": "default/myweb-svc-lb",
            "addresses": ["192.168.100.240"],
            "pool": "loadbalanced",
            "reason": "",
            "layer2": True,
            "announcers": ["node2"],
            "statuses": ["metallb-system/l2-k7x2p"],
            "assigned": "node2",
            "election": {"node": "", "reasons": dict.fromkeys(("node1", "node2"), SPEAKERLESS)},
            "bgp": None,
            "backends": ["10.233.65.4", "10.233.66.7", "10.233.67.9"],
            "age": 40.0,
            "cluster_ips": ["10.233.0.17"],
            "local": False,
            "internal_local": False,
            "local_nodes": ["node1", "node2", "node3"],
            "source_ranges": [],
            "ports": [{"name": "", "port": 80, "protocol": "TCP", "node_port": 31313, "request": "http"}],
        }
    ]


def test_rows_are_sorted_and_only_of_metallbs_class() -> None:
    other = copy.deepcopy(WEB)
    other["metadata"]["name"] = "a"
    assert [row["service"] for row in balanced(WEB, other)] == ["default/a", "default/myweb-svc-lb"]
    assert balanced(changed(WEB, loadBalancerClass="x")) == []
    assert len(balanced(changed(WEB, loadBalancerClass="x"), WEB, own_class="x")) == 1


def test_a_service_without_address_says_why() -> None:
    pending = copy.deepcopy(WEB)
    pending["status"] = {"loadBalancer": {}}
    row = balanced(pending, pools=[])[0]
    assert (row["addresses"], row["pool"], row["layer2"]) == ([], "", False)
    assert row["reason"] == "there is no IPAddressPool, and MetalLB says nothing in this case"


def test_a_service_without_address_says_what_others_have_taken() -> None:
    pending = copy.deepcopy(WEB)
    pending["metadata"]["name"] = "pending"
    pending["status"] = {"loadBalancer": {}}
    address = WEB["status"]["loadBalancer"]["ingress"][0]["ip"]
    one = {"metadata": {"name": "lan"}, "spec": {"addresses": [address + "/32"]}}
    rows = {row["service"]: row for row in balanced(pending, WEB, pools=[one])}
    assert rows["default/pending"]["reason"] == "1 of 1 IPv4 addresses of pool lan are taken"
    foreign = changed(WEB, loadBalancerClass="x")
    assert "has not answered yet" in balanced(pending, foreign, pools=[one])[0]["reason"]


def test_who_announces_is_asked_of_the_live_objects() -> None:
    found = balanced(WEB, l2_advertisements=[], l2_statuses=None, bgp_advertisements=[ADVERTISEMENT])[0]
    assert (found["layer2"], found["announcers"]) == (False, None)
    assert found["bgp"]["reasons"] == dict.fromkeys(("node1", "node2"), SPEAKERLESS)
    assert balanced(changed(WEB, loadBalancerSourceRanges=["192.0.2.0/24"]))[0]["source_ranges"] == ["192.0.2.0/24"]


def copies(number: int) -> list[Object]:
    found = [copy.deepcopy(WEB) for _at in range(number)]
    for at, one in enumerate(found):
        one["metadata"]["name"] = f"web-{at}"
    return found


RUNNING = {"phase": "Running"}
CHOSEN: Object = {
    "ipAddressPoolSelectors": [{"matchLabels": {"zone": "lan"}}],
    "nodeSelectors": [{"matchLabels": {"rack": "a1"}}],
}


def cost(number: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Return how often so many Services walk over what there is of others, ask a selector, and parse a pool's range."""
    selectors: list[Object] = []
    monkeypatch.setattr(_announcers, "selector_matches", lambda one, _labels: selectors.append(one) is None)
    parsed: list[str] = []
    with monkeypatch.context() as patch:
        parse = _addresses._parse
        patch.setattr(_addresses, "_parse", lambda text: parsed.append(text) or parse(text))
        _addresses.live_range.cache_clear()
        objects = {
            "l2_advertisements": Walked([{"metadata": {"name": "l2"}, "spec": CHOSEN}]),
            "l2_statuses": Walked([STATUS]),
            "bgp_advertisements": Walked([{"metadata": {"name": "bgp"}, "spec": CHOSEN}]),
            "bgp_peers": Walked([{"metadata": {"name": "tor"}, "spec": {"peerAddress": "192.0.2.1", **CHOSEN}}]),
            "bgp_statuses": Walked([STATUS]),
            "speakers": Walked(
                [{"metadata": {}, "spec": {"nodeName": "node1", "containers": [{}]}, "status": RUNNING}]
            ),
            "assigned": Walked(EVENTS),
        }
        slices = Walked([SLICE])
        found = _derive.balanced(copies(number), slices, LIVE._replace(**objects), "", NOW)
    assert [one["election"]["node"] for one in found] == ["node1"] * number
    assert [one["bgp"]["expected"] for one in found] == [{"node1": ["tor"]}] * number
    walks = {name: one.walks for name, one in {**objects, "slices": slices}.items()}
    return {**walks, "selectors": len(selectors), "parsed": len(parsed)}


def test_no_service_costs_a_walk_over_what_there_is_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    one = cost(1, monkeypatch)
    assert all(one.values())
    assert cost(20, monkeypatch) == one


def written(minute: int, **parts: t.Any) -> Object:
    meta = {"name": "x", "creationTimestamp": "2026-11-23T20:{0:02}:00Z".format(minute)}
    return {"metadata": meta, "spec": {"containers": []}, **parts}


def test_bgp_is_as_old_as_its_newest_part() -> None:
    now = NOW.replace(minute=30)
    assert _derive.bgp(LIVE, now) == {}
    live = LIVE._replace(bgp_advertisements=[written(10)], bgp_peers=[written(12)], speakers=[written(11)])
    assert _derive.bgp(live, now) == {"backend": "native", "age": 18 * 60.0, "sessions": []}
    assert _derive.bgp(LIVE._replace(bgp_peers=[written(12)]), now)["backend"] == ""


@pytest.mark.parametrize(
    ("port", "kind"),
    [
        ({"port": 80}, "http"),
        ({"port": 8080, "protocol": "TCP"}, "http"),
        ({"port": 80, "protocol": "UDP"}, "connect"),
        ({"port": 443}, "connect"),
        ({"port": 443, "name": "https"}, "connect"),
        ({"port": 8443, "name": "https-http"}, "connect"),
        ({"port": 3000, "name": "http-web"}, "http"),
        ({"port": 3000, "name": "web", "appProtocol": "http"}, "http"),
        ({"port": 80, "name": "http", "appProtocol": "kubernetes.io/h2c"}, "connect"),
        ({"port": 80, "name": "redis"}, "connect"),
        ({"port": 53, "protocol": "UDP"}, "dns"),
        ({"port": 53, "name": "dns-tcp", "protocol": "TCP"}, "dns"),
    ],
)
def test_how_a_port_is_asked(port: Object, kind: str) -> None:
    assert _derive.request_kind(port) == kind
