# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The modules that only read the cluster, and the Service that is made to have something to prove."""

from __future__ import annotations

import json
import os
import time
from types import SimpleNamespace
from unittest import mock

import pytest
from integration.apiserver import built
from integration.helpers import PREFIX, Plain, direct, four_runs, pool, sequence, service

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _expected
from ansible_collections.kubeaddons.metallb.plugins.module_utils._kubernetes import ApiError
from ansible_collections.kubeaddons.metallb.plugins.modules import probe_service

CONFIG_MAPS = "/api/v1/namespaces/kube-system/configmaps"


@pytest.fixture
def plain(api):
    return Plain(api)


@pytest.fixture
def node(plain, namespace):
    """A Node with an address and a pod network; returns its name."""
    spec = {"podCIDR": "10.244.7.0/24", "podCIDRs": ["10.244.7.0/24"]}
    labels = {"topology.kubernetes.io/zone": "a"}
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": namespace, "labels": labels}, "spec": spec}
    plain.create("/api/v1/nodes", body)
    address = [{"type": "InternalIP", "address": "192.0.2.11"}, {"type": "Hostname", "address": "node"}]
    plain.patch(f"/api/v1/nodes/{namespace}/status", {"status": {"addresses": address}})
    yield namespace
    plain.delete(f"/api/v1/nodes/{namespace}")


@pytest.fixture
def kubeadm(plain):
    """kubeadm's ConfigMap with the networks of the cluster."""
    text = json.dumps({"networking": {"podSubnet": "10.244.0.0/16", "serviceSubnet": "10.96.0.0/16"}})
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kubeadm-config"}}
    plain.create(CONFIG_MAPS, {**body, "data": {"ClusterConfiguration": text}})
    yield
    plain.delete(f"{CONFIG_MAPS}/kubeadm-config")


def settings(namespace, *ranges, **variables):
    return {"metallb_enabled": True, "metallb_namespace": namespace, "metallb_ip_range": list(ranges), **variables}


def test_the_plan_refuses_what_something_else_uses(ansible, plain, namespace, node, kubeadm, metallb_crds):
    manifest = str(next(built("manifests").glob("**/metallb-native.yaml")))

    def task(*ranges, **options):
        wanted = {"settings": settings(namespace, *ranges), "manifest": manifest, **options}
        return {PREFIX + "metallb_plan": wanted}

    used = ["192.0.2.8/29", "10.244.9.0/28", "10.96.0.0/28", "198.51.100.0/28", "198.51.100.15/32"]
    refused, fits, off = sequence(
        ansible,
        task(*used),
        task("192.0.2.240-192.0.2.249"),
        {PREFIX + "metallb_plan": {"settings": {"metallb_enabled": False}, "kubeconfig": "/no/such/file"}},
    )
    errors = [error.partition(" overlaps with ")[2].partition(";")[0] for error in refused["errors"]]
    assert errors == [
        f"192.0.2.11, the address of node {node}",
        "10.244.0.0/16, the pod network",
        "10.96.0.0/16, the Service network",
        '"198.51.100.0/28" of metallb_ip_range, which MetalLB refuses',
    ]
    assert fits["errors"] == []
    assert fits["changed"] is False
    assert fits["nodes"][node] == ["192.0.2.11"]
    assert fits["config_due"] == [
        f"IPAddressPool/{namespace}/loadbalanced",
        f"L2Advertisement/{namespace}/loadbalanced",
    ]
    assert f"DaemonSet/{namespace}/speaker" in fits["release_due"]
    assert fits["ready"] is False
    assert fits["probes"][0]["addresses"][0] == "192.0.2.240"
    assert (off["enabled"], off["errors"], off["nodes"]) == (False, [], {})


def test_the_expected_state(ansible, api, plain, namespace, node, metallb_crds):
    plain.create(f"/apis/metallb.io/v1beta1/namespaces/{namespace}/ipaddresspools", pool("lan", "198.51.100.0/28"))
    advertisement = {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "L2Advertisement",
        "metadata": {"name": "lan"},
        "spec": {},
    }
    plain.create(f"/apis/metallb.io/v1beta1/namespaces/{namespace}/l2advertisements", advertisement)
    services = f"/api/v1/namespaces/{namespace}/services"
    made = plain.create(services, service("web", 80, type="LoadBalancer"))
    plain.patch(f"{services}/web/status", {"status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.3"}]}}})
    slice_of = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.244.7.5"], "conditions": {"ready": True}, "nodeName": node}],
        "ports": [{"name": "p80", "port": 8080, "protocol": "TCP"}],
    }
    plain.create(f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices", slice_of)
    status = {"apiVersion": "metallb.io/v1beta1", "kind": "ServiceL2Status", "metadata": {"name": "l2-x"}, "spec": {}}
    statuses = f"/apis/metallb.io/v1beta1/namespaces/{namespace}/servicel2statuses"
    plain.create(statuses, status)
    content = {"node": node, "serviceName": "web", "serviceNamespace": namespace}
    plain.patch(f"{statuses}/l2-x/status", {"status": content})

    result = ansible.module(PREFIX + "expected_state_info", metallb_namespace=namespace)
    row = next(one for one in result["services"] if one["service"] == f"{namespace}/web")
    node_port = made["spec"]["ports"][0]["nodePort"]
    assert 0 <= row.pop("age", 0) < 60
    assert row == {
        "service": f"{namespace}/web",
        "addresses": ["198.51.100.3"],
        "pool": "lan",
        "reason": "",
        "layer2": True,
        "announcers": [node],
        "statuses": [f"{namespace}/l2-x"],
        "assigned": "",
        "election": {"node": "", "reasons": {node: {"id": "no-speaker", "text": "has no running speaker"}}},
        "bgp": None,
        "backends": ["10.244.7.5"],
        "cluster_ips": [made["spec"]["clusterIP"]],
        "local": False,
        "internal_local": False,
        "local_nodes": [node],
        "source_ranges": [],
        "ports": [{"name": "p80", "port": 80, "protocol": "TCP", "node_port": node_port, "request": "connect"}],
    }
    table = _expected.unpack(result["expected"])
    assert table.zones[node] == "a"
    port = next(one for one in table.ports if one.service == f"{namespace}/web")
    assert (port.cluster_addresses, port.external_addresses) == ([made["spec"]["clusterIP"]], ["198.51.100.3"])
    assert port.endpoints == [_expected.Endpoint("10.244.7.5", 8080, node, True, True, False, [], [])]
    # By the API server's clock, and with its managed fields: seconds, not the age of the epoch.
    assert 0 <= port.age < 60
    assert "198.51.100.3" in result["targets"]["arp"]


def test_the_expected_state_of_bgp(ansible, plain, namespace, node, metallb_crds):
    def metallb(kind, version="v1beta1", **parts):
        plural = f"/apis/metallb.io/{version}/namespaces/{namespace}/{kind.lower()}"
        collection = plural + ("es" if plural.endswith("s") else "s")
        body = {"apiVersion": f"metallb.io/{version}", "kind": kind, "metadata": {"name": "lan"}, "spec": {}, **parts}
        plain.create(collection, body)
        return f"{collection}/lan"

    plain.create(f"/apis/metallb.io/v1beta1/namespaces/{namespace}/ipaddresspools", pool("lan", "198.51.100.32/28"))
    metallb("BGPAdvertisement", spec={"ipAddressPools": ["lan"]})
    metallb("BGPPeer", "v1beta2", spec={"myASN": 64512, "peerASN": 64513, "peerAddress": "192.0.2.2"})
    services = f"/api/v1/namespaces/{namespace}/services"
    plain.create(services, service("web", 80, type="LoadBalancer"))
    plain.patch(f"{services}/web/status", {"status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.35"}]}}})
    status = {"node": node, "serviceName": "web", "serviceNamespace": namespace, "peers": ["lan"]}
    plain.patch(f"{metallb('ServiceBGPStatus')}/status", {"status": status})
    labels = {"app": "metallb", "component": "speaker"}
    container = {"name": "speaker", "image": "speaker", "env": [{"name": "METALLB_BGP_TYPE", "value": "frr"}]}
    speaker = {"metadata": {"name": "speaker", "labels": labels}, "spec": {"nodeName": node, "containers": [container]}}
    pods = f"/api/v1/namespaces/{namespace}/pods"
    plain.create(pods, {"apiVersion": "v1", "kind": "Pod", **speaker})
    plain.patch(f"{pods}/speaker/status", {"status": {"phase": "Running"}})

    result = ansible.module(PREFIX + "expected_state_info", metallb_namespace=namespace)
    row = next(one for one in result["services"] if one["service"] == f"{namespace}/web")
    assert (row["layer2"], row["bgp"]["expected"], row["bgp"]["announced"]) == (False, {node: ["lan"]}, {node: ["lan"]})
    assert result["speakers"] == [node]
    assert result["bgp"]["backend"] == "frr"
    assert 0 <= result["bgp"]["age"] < 60
    session = {"node": node, "peer": "lan", "address": "192.0.2.2", "port": 179}
    assert result["bgp"]["sessions"] == [{**session, "said": None, "bfd": "", "said_before": None}]
    assert result["targets"]["tcp"] == [{"address": "192.0.2.2", "port": 179}]


def test_what_the_api_knows_of_faults(ansible, plain, namespace, node, metallb_crds):
    services = f"/api/v1/namespaces/{namespace}/services"
    plain.create(services, service("late", 80, type="LoadBalancer"))
    plain.create(services, service("foreign", 80, type="LoadBalancer", loadBalancerClass="example.org/x"))
    old = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "config"}, "data": {"config": ""}}
    plain.create(f"/api/v1/namespaces/{namespace}/configmaps", old)

    result = ansible.module(PREFIX + "diagnosis_info", metallb_namespace=namespace)
    own = {one["service"]: one["cause"] for one in result["pending"] if one["service"].startswith(namespace + "/")}
    assert own == {f"{namespace}/late": "controller-down", f"{namespace}/foreign": "foreign-class"}
    assert {one["name"]: one["status"] for one in result["workloads"]} == {
        f"Deployment/{namespace}/controller": "missing",
        f"DaemonSet/{namespace}/speaker": "missing",
    }
    assert [one["status"] for one in result["webhooks"]] == ["missing"]
    assert result["legacy_configmap"] == f"ConfigMap/{namespace}/config"
    assert (result["strict_arp"], result["kube_proxy"], result["changed"]) == (None, {}, False)


def test_the_probe_service_is_made_and_removed(ansible, api, plain, namespace, metallb_crds):
    options = {"metallb_namespace": namespace}
    pools = f"/apis/metallb.io/v1beta1/namespaces/{namespace}/ipaddresspools"

    def ensure(check_mode=False):
        params = {"state": "present", "loadbalancer_class": "", **options}
        return probe_service.ensure(direct(api), SimpleNamespace(params=params, check_mode=check_mode))

    assert ensure() == {"reason": "there is no IPAddressPool"}
    plain.create(pools, pool("lan", "192.0.2.0/28", autoAssign=False))
    assert ensure() == {"reason": "no Service with the label k8s-app=kube-dns offers DNS over TCP"}
    dns = service("kube-dns", 53, labels={"k8s-app": "kube-dns"})
    plain.create("/api/v1/namespaces/kube-system/services", dns)
    reader = direct(api)
    refused = ApiError(403, 'services is forbidden: User "looker" cannot create resource "services"')
    with mock.patch.object(reader, "create", side_effect=refused):
        params = {"state": "present", "loadbalancer_class": "", **options}
        (reason,) = probe_service.ensure(reader, SimpleNamespace(params=params, check_mode=False)).values()
    assert reason == f"the API server refuses it ({refused.text})"
    # Nobody but this process stands for it, so it outlives the run of Ansible.
    _checked, made, *_same = four_runs(ansible, "probe_service", guardian=os.getpid(), **options)
    assert made["service"] == "kube-system/kubeaddons-metallb-probe"
    found = plain.get(probe_service.PATH)
    assert found["spec"]["selector"] == {"app": "kube-dns"}
    assert set(found["metadata"]["annotations"].values()) == {"lan"}
    four_runs(ansible, "probe_service", state="absent", **options)
    assert plain.get(probe_service.PATH) is None
    assert ansible.module(PREFIX + "probe_service", **options)["changed"]
    deadline = time.monotonic() + 30
    while plain.get(probe_service.PATH):
        assert time.monotonic() < deadline, "it outlives the run that made it"
        time.sleep(0.2)
    plain.delete("/api/v1/namespaces/kube-system/services/kube-dns")
