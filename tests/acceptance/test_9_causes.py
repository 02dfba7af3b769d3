# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The corpus of faults: each is really made, the diagnosis must name it and no other, and nothing once it is healed."""

from __future__ import annotations

import json
import re
import sys
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import LAB, NODES, SYSTEM, VIP, Cluster, eventually

pytestmark = pytest.mark.long

Named = set[tuple[str, str]]
WEB = "default/myweb-svc-lb"
WEBHOOK = ("webhook-not-serving", "cluster")
METALLB = ("--namespace", "metallb-system")
EXCLUDE = "node.kubernetes.io/exclude-from-external-load-balancers"


def diagnosed(cluster: Cluster) -> Named:
    """Run the diagnosis; the causes that it names, each with where."""
    played = cluster.playbook("playbooks/diagnose.yml")
    named = played.causes()
    assert "Diagnosis: " in played.output, played.output
    assert bool(played.status) == bool(named), played.output
    return named


@pytest.fixture(scope="module", autouse=True)
def installed(cluster: Cluster, web: None) -> None:
    """MetalLB as the seed's inventory has it."""
    played = cluster.playbook("cluster.yml")
    assert played.status == 0, played.output


@pytest.fixture(autouse=True)
def nothing_afterwards(cluster: Cluster) -> Iterator[None]:
    """Every fault is healed by its test; then nothing is named."""
    yield
    eventually("nothing is named", lambda: not diagnosed(cluster), 180)


def made(cluster: Cluster, *objects: dict[str, t.Any]) -> None:
    """Apply objects."""
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))


def service(name: str, annotations: dict[str, str] | None = None, **spec: t.Any) -> dict[str, t.Any]:
    """A Service of type LoadBalancer in front of the user's pods."""
    wanted = {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}], **spec}
    meta = {"name": name, "namespace": "causes", "annotations": annotations or {}}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": wanted}


def pool(name: str, addresses: str, **spec: t.Any) -> dict[str, t.Any]:
    """A pool made by hand."""
    meta = {"name": name, "namespace": "metallb-system"}
    spec = {"addresses": [addresses], **spec}
    return {"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": meta, "spec": spec}


@contextmanager
def patched(cluster: Cluster, what: str, patch: t.Any, back: t.Any, *where: str) -> Iterator[None]:
    """Change an object for a while, by JSON patches."""
    cluster.kubectl(*where, "patch", what, "--type=json", "-p", json.dumps(patch))
    try:
        yield
    finally:
        cluster.kubectl(*where, "patch", what, "--type=json", "-p", json.dumps(back))


def test_nothing_is_named_on_a_healthy_cluster(cluster: Cluster) -> None:
    """And nothing is changed: no object has another resourceVersion than before, but for what changes by itself."""
    kinds = "services,ipaddresspools,l2advertisements,configmaps,daemonsets,deployments"
    versions = "jsonpath={range .items[*]}{.metadata.uid} {.metadata.resourceVersion}{'\\n'}{end}"
    before = cluster.kubectl("get", kinds, "-A", "-o", versions)
    assert diagnosed(cluster) == set()
    assert cluster.kubectl("get", kinds, "-A", "-o", versions) == before


def test_services_that_get_no_address(cluster: Cluster) -> None:
    """One Service for each way to stay pending, all at once."""
    both = {"ipFamilyPolicy": "SingleStack"}
    own = {"metallb.io/address-pool": "causes-one"}
    made(
        cluster,
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "causes"}},
        pool("causes-one", "192.168.100.230/32", autoAssign=False),
        pool(
            "causes-others",
            "192.168.100.231/32",
            autoAssign=False,
            serviceAllocation={"priority": 1, "namespaces": ["nobody"]},
        ),
        pool("causes-six", "fd00:192:168:100::230/128", autoAssign=False),
    )
    try:
        made(cluster, service("first", own, **both))
        eventually(
            "the first has its address",
            lambda: "192.168.100.230" in cluster.kubectl("-n", "causes", "get", "service", "first", "--no-headers"),
        )
        made(
            cluster,
            service("exhausted", own),
            service("for-others", {"metallb.io/address-pool": "causes-others"}),
            service("unknown", {"metallb.io/address-pool": "none-such"}),
            service("outside", {"metallb.io/loadBalancerIPs": "192.168.100.199"}),
            service("in-use", {"metallb.io/loadBalancerIPs": "192.168.100.230"}),
            service("invalid", {"metallb.io/loadBalancerIPs": "192.168.100"}),
            service("family", {"metallb.io/address-pool": "causes-six"}),
            service("foreign", loadBalancerClass="example.org/another"),
        )
        eventually(
            "MetalLB has said why",
            lambda: "invalid" in cluster.kubectl("-n", "causes", "get", "events", "-o", "wide"),
        )
        named = {(cause, subject) for cause, subject in diagnosed(cluster) if subject != "causes/first"}
    finally:
        cluster.kubectl("delete", "namespace", "causes")
        cluster.kubectl(*METALLB, "delete", "ipaddresspool", "causes-one", "causes-others", "causes-six")
    assert named == {
        ("pool-exhausted", "causes/exhausted"),
        ("pool-not-for-service", "causes/for-others"),
        ("pool-unknown", "causes/unknown"),
        ("address-outside-pools", "causes/outside"),
        ("address-in-use", "causes/in-use"),
        ("address-invalid", "causes/invalid"),
        ("family-mismatch", "causes/family"),
        ("foreign-class", "causes/foreign"),
    }


def test_controller_down(cluster: Cluster) -> None:
    """Its symptoms, a webhook that does not answer and a Service without an address, are not named."""
    made(cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "causes"}})
    cluster.kubectl(*METALLB, "scale", "deployment/controller", "--replicas=0")
    try:
        cluster.kubectl(*METALLB, "wait", "--for=delete", "pod", "-l", "component=controller", "--timeout=60s")
        made(cluster, service("late"))
        named = diagnosed(cluster)
    finally:
        cluster.kubectl("delete", "namespace", "causes")
        cluster.kubectl(*METALLB, "scale", "deployment/controller", "--replicas=1")
        cluster.kubectl(*METALLB, "rollout", "status", "deployment/controller", "--timeout=120s")
    assert named == {("controller-down", "cluster")}


@contextmanager
def deaf_controller(cluster: Cluster) -> Iterator[None]:
    """A controller that runs and hears nothing of the API server; the namespace that the body makes goes with it."""
    (pod,) = cluster.objects(*METALLB, "pods", "-l", "component=controller")["items"]
    from_it = f"ip saddr {pod['status']['podIP']}"
    try:
        with cluster.cut_off_from_the_api(pod["spec"]["nodeName"], "prerouting", from_it):
            yield
    finally:
        cluster.kubectl("delete", "namespace", "causes")
        cluster.kubectl(*METALLB, "rollout", "restart", "deployment/controller")
        cluster.kubectl(*METALLB, "rollout", "status", "deployment/controller", "--timeout=120s")


def test_controller_silent(cluster: Cluster) -> None:
    """It runs, and hears nothing of the API server; its webhook, which asks there before it answers, does not serve."""
    with deaf_controller(cluster):
        made(cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "causes"}}, service("late"))
        named = diagnosed(cluster)
    assert named == {("controller-silent", "causes/late"), WEBHOOK}


def test_other_load_balancer(cluster: Cluster) -> None:
    """Something else writes an address into a Service's status; MetalLB would take it away, and hears nothing of it."""
    given = {"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}}}
    with deaf_controller(cluster):
        made(cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "causes"}}, service("other"))
        where = ("--namespace", "causes", "patch", "service", "other", "--subresource=status")
        cluster.kubectl(*where, "-p", json.dumps(given))
        played = cluster.playbook("playbooks/diagnose.yml")
    # Its webhook does not serve either; a pod that has just started has a minute for that.
    assert played.causes() - {WEBHOOK} == {("other-load-balancer", "causes/other")}, played.output
    assert "its status was written by kubectl-patch" in played.text, played.output


def test_image_not_pulled(cluster: Cluster) -> None:
    """One speaker of three has an image that is nowhere."""
    image = {"op": "replace", "path": "/spec/template/spec/containers/0/image"}
    live = cluster.objects(*METALLB, "daemonset", "speaker")["spec"]["template"]["spec"]["containers"][0]["image"]
    wrong = [{**image, "value": "quay.io/metallb/speaker:none-such"}]
    with patched(cluster, "daemonset/speaker", wrong, [{**image, "value": live}], *METALLB):
        eventually("it cannot be pulled", lambda: "ImagePull" in cluster.kubectl(*METALLB, "get", "pods"))
        named = diagnosed(cluster)
    cluster.kubectl(*METALLB, "rollout", "status", "daemonset/speaker", "--timeout=180s")
    assert named == {("image-not-pulled", "cluster")}


def test_speaker_down(cluster: Cluster) -> None:
    """No node fits the DaemonSet any more."""
    at = "/spec/template/spec/nodeSelector/causes"
    with patched(
        cluster,
        "daemonset/speaker",
        [{"op": "add", "path": at, "value": "none"}],
        [{"op": "remove", "path": at}],
        *METALLB,
    ):
        cluster.kubectl(*METALLB, "wait", "--for=delete", "pod", "-l", "component=speaker", "--timeout=90s")
        named = diagnosed(cluster)
    cluster.kubectl(*METALLB, "rollout", "status", "daemonset/speaker", "--timeout=180s")
    assert named == {("speaker-down", "cluster")}


def test_webhook_not_serving(cluster: Cluster) -> None:
    """Its Service selects no pod."""
    at = "/spec/selector/causes"
    with patched(
        cluster,
        "service/metallb-webhook-service",
        [{"op": "add", "path": at, "value": "none"}],
        [{"op": "remove", "path": at}],
        *METALLB,
    ):
        named = diagnosed(cluster)
    assert named == {("webhook-not-serving", "cluster")}


@pytest.mark.parametrize("legacy", [False, True], ids=["no-pool", "legacy-configmap"])
def test_no_pool(cluster: Cluster, legacy: bool) -> None:
    """Without a pool MetalLB says nothing; a ConfigMap of old explains it."""
    if legacy:
        cluster.kubectl(*METALLB, "create", "configmap", "config", "--from-literal=config=address-pools: []")
    cluster.kubectl(*METALLB, "delete", "l2advertisements,ipaddresspools", "--all")
    try:
        eventually("the address is gone", lambda: cluster.address("myweb-svc-lb") == "<pending>")
        named = diagnosed(cluster)
    finally:
        if legacy:
            cluster.kubectl(*METALLB, "delete", "configmap", "config")
        assert cluster.playbook("cluster.yml").status == 0
    assert named == {("legacy-configmap" if legacy else "no-pool", "cluster")}


def test_pool_overlap(cluster: Cluster) -> None:
    """A pool made by hand holds a node's address; nothing fails yet."""
    made(cluster, pool("causes-overlap", f"{NODES['node3']}/32", autoAssign=False))
    try:
        played = cluster.playbook("playbooks/diagnose.yml")
    finally:
        cluster.kubectl(*METALLB, "delete", "ipaddresspool", "causes-overlap")
    assert played.causes() == {("pool-overlap", "cluster")}, played.output
    assert f"overlaps with {NODES['node3']}, the address of node node3" in played.text, played.output


def test_nodes_excluded(cluster: Cluster) -> None:
    """The label that cloud controllers know, on every node."""
    cluster.kubectl("label", "nodes", "--all", f"{EXCLUDE}=")
    try:
        named = diagnosed(cluster)
    finally:
        cluster.kubectl("label", "nodes", "--all", f"{EXCLUDE}-")
    assert named == {("nodes-excluded", WEB)}


ADVERTISED: list[tuple[str, dict[str, t.Any]]] = [
    ("no-advertisement", {"serviceSelectors": [{"matchLabels": {"none": "such"}}]}),
    ("no-node-selected", {"nodeSelectors": [{"matchLabels": {"none": "such"}}]}),
    ("interface-missing", {"interfaces": ["none-such"]}),
]


@pytest.mark.parametrize(("cause", "spec"), ADVERTISED, ids=[cause for cause, _spec in ADVERTISED])
def test_advertisement(cluster: Cluster, cause: str, spec: dict[str, t.Any]) -> None:
    """An L2Advertisement that is for nobody; without the interface a node still says that it announces."""
    name = cluster.objects(*METALLB, "l2advertisements")["items"][0]["metadata"]["name"]
    ((key, value),) = spec.items()

    def taken_up() -> bool:
        if cause == "interface-missing":
            return not cluster.macs(VIP)
        return not cluster.objects("servicel2statuses", "-A")["items"]

    with patched(
        cluster,
        f"l2advertisement/{name}",
        [{"op": "add", "path": f"/spec/{key}", "value": value}],
        [{"op": "remove", "path": f"/spec/{key}"}],
        *METALLB,
    ):
        if cause == "interface-missing":
            # Who announces already goes on, although it says that it cannot.
            cluster.kubectl(*METALLB, "rollout", "restart", "daemonset/speaker")
            cluster.kubectl(*METALLB, "rollout", "status", "daemonset/speaker", "--timeout=180s")
        eventually("nobody announces", taken_up)
        named = diagnosed(cluster)
    assert named == {(cause, WEB)}


def test_no_endpoint(cluster: Cluster) -> None:
    """Its pods are gone."""
    cluster.kubectl("scale", "replicaset", "myweb-rs", "--replicas=0")
    try:
        cluster.kubectl("wait", "--for=jsonpath={.status.replicas}=0", "replicaset/myweb-rs", "--timeout=60s")
        named = diagnosed(cluster)
    finally:
        cluster.kubectl("scale", "replicaset", "myweb-rs", "--replicas=3")
        cluster.kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "replicaset/myweb-rs", "--timeout=120s")
    assert named == {("no-endpoint", WEB)}


def test_local_without_endpoint(cluster: Cluster) -> None:
    """Its pods run where nobody may announce."""
    slices = cluster.objects("endpointslices", "-l", "kubernetes.io/service-name=myweb-svc-lb")["items"]
    homes = sorted({one["nodeName"] for part in slices for one in part["endpoints"]})
    cluster.kubectl("label", "nodes", *homes, f"{EXCLUDE}=")
    local = {"spec": {"externalTrafficPolicy": "Local"}}
    try:
        if len(homes) == len(NODES):
            cluster.kubectl("label", "nodes", "node1", f"{EXCLUDE}-")
            cluster.kubectl("cordon", "node1")
            for name in pods_on(cluster, "node1"):
                cluster.kubectl("delete", "pod", name)
            cluster.kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "replicaset/myweb-rs", "--timeout=120s")
        cluster.kubectl("patch", "service", "myweb-svc-lb", "-p", json.dumps(local))
        eventually("nobody announces", lambda: not cluster.objects("servicel2statuses", "-A")["items"])
        named = diagnosed(cluster)
    finally:
        cluster.kubectl("patch", "service", "myweb-svc-lb", "-p", json.dumps(local).replace("Local", "Cluster"))
        cluster.kubectl("uncordon", "node1")
        cluster.kubectl("label", "nodes", "--all", f"{EXCLUDE}-")
    assert named == {("local-without-endpoint", WEB)}


def pods_on(cluster: Cluster, node: str) -> list[str]:
    """The user's pods on a node."""
    items = cluster.objects("pods", "-l", "app=web", f"--field-selector=spec.nodeName={node}")["items"]
    return [one["metadata"]["name"] for one in items]


def test_split_brain(cluster: Cluster) -> None:
    """The speakers do not reach each other."""
    rules = [f"INPUT -p {protocol} --dport 7946 -j DROP" for protocol in ("tcp", "udp")]
    for node in NODES:
        for rule in rules:
            cluster.ssh(node, f"iptables -w -I {rule}")
    try:
        eventually("two announce", lambda: len(cluster.objects("servicel2statuses", "-A")["items"]) > 1, 120)
        named = diagnosed(cluster)
    finally:
        for node in NODES:
            for rule in rules:
                cluster.ssh(node, f"iptables -w -D {rule}")
    assert named == {("split-brain", WEB)}


def test_status_outdated(cluster: Cluster) -> None:
    """As before 0.16: the status names another node than announces.

    status.node is immutable, so it is another object. Without labels no speaker takes it for its own.
    """
    (status,) = cluster.objects("servicel2statuses", "-A")["items"]
    where = ("--namespace", status["metadata"]["namespace"])
    node = status["status"]["node"]
    other = next(one for one in NODES if one != node)
    meta = {"name": "causes", "namespace": status["metadata"]["namespace"]}
    with cluster.cut_off_from_the_api(node, "output"):
        try:
            cluster.kubectl(*where, "delete", "servicel2status", status["metadata"]["name"])
            made(cluster, {**{key: status[key] for key in ("apiVersion", "kind")}, "metadata": meta, "spec": {}})
            patch = json.dumps({"status": {**status["status"], "node": other}})
            patching = ("patch", "servicel2status", "causes", "--subresource=status", "--type=merge")
            cluster.kubectl(*where, *patching, "-p", patch)
            played = cluster.playbook("playbooks/diagnose.yml")
        finally:
            cluster.kubectl(*where, "delete", "servicel2status", "causes", "--ignore-not-found")
    eventually("the speaker says so again", lambda: cluster.objects("servicel2statuses", "-A")["items"], 120)
    assert played.causes() == {("status-outdated", WEB)}, played.output
    assert f"causes, which names {other}, is outdated: MetalLB elects {node}" in played.text, played.output
    assert "memberlist" not in played.text, played.output


def test_duplicate_address(cluster: Cluster) -> None:
    """Another machine on the segment has the address."""
    with cluster.twin(VIP):
        named = diagnosed(cluster)
    assert named == {("duplicate-address", WEB)}


def test_node_not_ready(cluster: Cluster) -> None:
    """Its cable is pulled: what it announced goes to another node, and its pods are no cause of their own."""

    def ready(node: str) -> bool:
        conditions = cluster.objects("node", node)["status"]["conditions"]
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def announcers() -> set[str]:
        return {one["status"].get("node", "") for one in cluster.objects("servicel2statuses", "-A")["items"]}

    cluster.lab("cut", "node3")
    try:
        eventually("the cluster knows that it is down", lambda: not ready("node3"), 180)
        eventually("another node announces", lambda: announcers() and "node3" not in announcers(), 120)
        named = diagnosed(cluster)
    finally:
        cluster.lab("heal", "node3")
    eventually("it is back", lambda: ready("node3"), 180)
    # It may have been the controller's or the web server's node.
    cluster.kubectl(*METALLB, "rollout", "status", "deployment/controller", "--timeout=180s")
    cluster.kubectl(*METALLB, "rollout", "status", "daemonset/speaker", "--timeout=180s")
    cluster.kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "replicaset/myweb-rs", "--timeout=180s")
    assert named == {("node-not-ready", "node3")}


def test_strict_arp(cluster: Cluster) -> None:
    """Off in the configuration: one cause for all; off in one kernel only: that node's."""
    cluster.ssh("node2", "sysctl -w net.ipv4.conf.all.arp_ignore=0")
    assert diagnosed(cluster) == {("strict-arp-not-applied", "node2")}
    config = cluster.objects(*SYSTEM, "configmap", "kube-proxy")["data"]["config.conf"]
    off = {"data": {"config.conf": config.replace("strictARP: true", "strictARP: false")}}
    cluster.kubectl(*SYSTEM, "patch", "configmap", "kube-proxy", "-p", json.dumps(off))
    named = diagnosed(cluster)
    assert cluster.playbook("cluster.yml").status == 0
    assert named == {("strict-arp-off", "cluster")}


def test_mode_that_is_not_applied(cluster: Cluster) -> None:
    """Changed in the configuration, and nobody restarts kube-proxy: one cause for all, and all nodes in ipvs mode still."""
    config = cluster.objects(*SYSTEM, "configmap", "kube-proxy")["data"]["config.conf"]
    changed = re.sub(r"(?m)^mode: .*$", "mode: iptables", config)
    assert changed != config
    cluster.kubectl(*SYSTEM, "patch", "configmap", "kube-proxy", "-p", json.dumps({"data": {"config.conf": changed}}))
    try:
        played = cluster.playbook("playbooks/diagnose.yml")
    finally:
        cluster.kubectl(
            *SYSTEM, "patch", "configmap", "kube-proxy", "-p", json.dumps({"data": {"config.conf": config}})
        )
    assert played.causes() == {("mode-not-applied", "cluster")}, played.output
    assert "kube-proxy in ipvs mode" in played.output, played.output
    tables = re.findall(r"^\s*ok\s+IPVS\s+(\S+)", played.output, re.MULTILINE)
    assert sorted(tables) == sorted(NODES), played.output
    for node in NODES:
        assert f"kube-proxy mode: {node}, expected iptables, found ipvs" in played.text, played.output


def test_tables_that_somebody_changed(cluster: Cluster) -> None:
    """A weight on one node, an entry on another, an address on the third."""
    server = cluster.backend()
    with cluster.stuck_kube_proxy(*NODES):
        cluster.ssh("node1", f"ipvsadm -e -t {VIP}:80 -r {server} -m -w 0")
        cluster.ssh("node2", "ipvsadm -A -t 192.168.100.99:8000 -s rr")
        cluster.ssh("node3", "ip address add 192.168.100.98/32 dev kube-ipvs0")
        named = diagnosed(cluster)
        cluster.ssh("node1", f"ipvsadm -e -t {VIP}:80 -r {server} -m -w 1")
        cluster.ssh("node2", "ipvsadm -D -t 192.168.100.99:8000")
        cluster.ssh("node3", "ip address del 192.168.100.98/32 dev kube-ipvs0")
    assert named == {("weight-zero", "node1"), ("stray-entry", "node2"), ("address-left-bound", "node3")}


def test_kube_proxy_that_stands_still(cluster: Cluster) -> None:
    """It runs, as far as the API knows, and does nothing while the pods change."""
    with cluster.stuck_kube_proxy("node3"):
        cluster.kubectl("delete", "pod", "-l", "app=web")
        cluster.kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "replicaset/myweb-rs", "--timeout=120s")
        named = diagnosed(cluster)
    assert named == {("kube-proxy-stuck", "node3")}


def test_kube_proxy_that_does_not_run(cluster: Cluster) -> None:
    """No pod of it on one node; what its tables lack is a symptom."""
    affinity = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["node2"]}]}
                ]
            }
        }
    }
    at = "/spec/template/spec/affinity"
    with patched(
        cluster,
        "daemonset/kube-proxy",
        [{"op": "add", "path": at, "value": affinity}],
        [{"op": "remove", "path": at}],
        *SYSTEM,
    ):
        cluster.kubectl(*SYSTEM, "rollout", "status", "daemonset/kube-proxy", "--timeout=120s")
        cluster.kubectl("delete", "pod", "-l", "app=web")
        cluster.kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "replicaset/myweb-rs", "--timeout=120s")
        named = diagnosed(cluster)
    cluster.kubectl(*SYSTEM, "rollout", "status", "daemonset/kube-proxy", "--timeout=120s")
    assert named == {("kube-proxy-down", "node2")}


def test_configuration_that_is_not_taken_up(cluster: Cluster) -> None:
    """A community of a name that is nowhere: the webhook lets it pass, since the Community may come later."""
    meta = {"name": "causes", "namespace": "metallb-system"}
    spec = {"communities": ["none-such"], "ipAddressPools": ["none-such"]}
    made(cluster, {"apiVersion": "metallb.io/v1beta1", "kind": "BGPAdvertisement", "metadata": meta, "spec": spec})
    try:
        eventually(
            "a speaker says so",
            lambda: "Invalid" in cluster.kubectl(*METALLB, "get", "configurationstates", "-o", "wide"),
        )
        named = diagnosed(cluster)
    finally:
        cluster.kubectl(*METALLB, "delete", "bgpadvertisement", "causes")
    assert named == {("configuration-stale", "cluster")}


def test_pool_off_link(cluster: Cluster) -> None:
    """Addresses of a network that no node is in."""
    made(
        cluster,
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "causes"}},
        pool("causes-far", "10.55.0.0/28", autoAssign=False),
        {
            "apiVersion": "metallb.io/v1beta1",
            "kind": "L2Advertisement",
            "metadata": {"name": "causes-far", "namespace": "metallb-system"},
            "spec": {"ipAddressPools": ["causes-far"]},
        },
    )
    try:
        made(cluster, {**service("far", {"metallb.io/address-pool": "causes-far"})})
        # In front of the user's pods: of another namespace, so by addresses.
        slices = cluster.objects("endpointslices", "-l", "kubernetes.io/service-name=myweb-svc-lb")["items"]
        labels = {"kubernetes.io/service-name": "far"}
        made(
            cluster,
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {"name": "far-by-hand", "namespace": "causes", "labels": labels},
                "addressType": "IPv4",
                "ports": slices[0]["ports"],
                "endpoints": [{"addresses": one["addresses"]} for one in slices[0]["endpoints"]],
            },
        )
        eventually(
            "it is announced",
            lambda: "far" in cluster.kubectl("get", "servicel2statuses", "-A", "-o", "jsonpath={.items[*].status}"),
        )
        named = diagnosed(cluster)
    finally:
        cluster.kubectl("delete", "namespace", "causes")
        cluster.kubectl(*METALLB, "delete", "l2advertisement/causes-far", "ipaddresspool/causes-far")
    assert named == {("pool-off-link", "causes/far")}


def test_backend_silent(cluster: Cluster) -> None:
    """One of its pods accepts connections and says nothing."""
    pod = cluster.objects("pods", "-l", "app=web")["items"][0]
    node, uid = pod["spec"]["nodeName"], pod["metadata"]["uid"]
    marks = (uid, uid.replace("-", "_"))
    find = f"grep -lE '{'|'.join(marks)}' /proc/[0-9]*/cgroup | cut -d/ -f3"
    processes = cluster.ssh(node, find).split()
    cluster.ssh(node, f"kill -STOP {' '.join(processes)}")
    try:
        named = diagnosed(cluster)
    finally:
        cluster.ssh(node, f"kill -CONT {' '.join(processes)}")
    assert named == {("backend-silent", WEB)}


def test_cluster_dns(cluster: Cluster) -> None:
    """CoreDNS does not run."""
    cluster.kubectl(*SYSTEM, "scale", "deployment/coredns", "--replicas=0")
    try:
        cluster.kubectl(*SYSTEM, "wait", "--for=delete", "pod", "-l", "k8s-app=kube-dns", "--timeout=90s")
        named = diagnosed(cluster)
    finally:
        cluster.kubectl(*SYSTEM, "scale", "deployment/coredns", "--replicas=2")
        cluster.kubectl(*SYSTEM, "rollout", "status", "deployment/coredns", "--timeout=120s")
    assert named == {("cluster-dns", WEB)}


def test_closed_to_pods(cluster: Cluster) -> None:
    """A firewall's rule on one node drops what its pods send to the address."""
    chain = "{ type filter hook prerouting priority raw; }"
    cluster.ssh(
        "node2",
        f"nft add table ip causes && nft 'add chain ip causes pods {chain}' && "
        f"nft add rule ip causes pods iifname != eth0 ip daddr {VIP} drop",
    )
    try:
        named = diagnosed(cluster)
    finally:
        cluster.ssh("node2", "nft delete table ip causes")
    assert named == {("closed-to-pods", WEB)}


CLIENT = "10.99.0.2"


def test_return_path(cluster: Cluster, tmp_path: Path) -> None:
    """The announcer knows another way back to the host outside, and its kernel insists on the right one."""
    entry = tmp_path / "python"
    # Ansible's modules run in the network of the client behind the router.
    entry.write_text(f'#!/bin/sh\nexec {LAB} --name {cluster.name} run --client -- {sys.executable} "$@"\n')
    entry.chmod(0o755)
    inventory = tmp_path / "outside.ini"
    inventory.write_text(f"client ansible_connection=local ansible_python_interpreter={entry}\n")
    words = ("-i", str(inventory), "-e", "metallb_verify_outside_host=client")
    played = cluster.playbook("playbooks/diagnose.yml", *words)
    assert played.status == 0, played.output
    assert f"client -> {VIP}" in played.output
    (status,) = cluster.objects("servicel2statuses", "-A")["items"]
    node = status["status"]["node"]
    before = cluster.ssh(node, "sysctl -n net.ipv4.conf.eth0.rp_filter").strip()
    cluster.ssh(
        node,
        "ip link add causes0 type dummy && ip link set causes0 up && "
        f"ip route add {CLIENT}/32 dev causes0 && sysctl -w net.ipv4.conf.eth0.rp_filter=1",
    )
    try:
        played = cluster.playbook("playbooks/diagnose.yml", *words)
    finally:
        cluster.ssh(node, f"ip link del causes0; sysctl -w net.ipv4.conf.eth0.rp_filter={before}")
    assert played.causes() == {("return-path", WEB)}, played.output


def test_client_address_lost(cluster: Cluster) -> None:
    """A rule of somebody else replaces the client's address although the Service wants to see it."""
    local = {"spec": {"externalTrafficPolicy": "Local"}}
    cluster.kubectl("patch", "service", "myweb-svc-lb", "-p", json.dumps(local))
    rule = f"POSTROUTING -s {cluster.env['LAB_OUTSIDE']} -p tcp --dport 8080 -j MASQUERADE"
    try:
        eventually("nothing is named", lambda: not diagnosed(cluster), 120)
        (status,) = cluster.objects("servicel2statuses", "-A")["items"]
        cluster.ssh(status["status"]["node"], f"iptables -w -t nat -I {rule}")
        try:
            named = diagnosed(cluster)
        finally:
            cluster.ssh(status["status"]["node"], f"iptables -w -t nat -D {rule}")
    finally:
        cluster.kubectl("patch", "service", "myweb-svc-lb", "-p", json.dumps(local).replace("Local", "Cluster"))
    assert named == {("client-address-lost", WEB)}


def test_pool_not_automatic(cluster: Cluster) -> None:
    """No pool gives addresses by itself, and a Service asks for none."""
    name = cluster.objects(*METALLB, "ipaddresspools")["items"][0]["metadata"]["name"]
    made(cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "causes"}})
    at = {"path": "/spec/autoAssign", "op": "add"}
    with patched(
        cluster, f"ipaddresspool/{name}", [{**at, "value": False}], [{**at, "value": True}], *METALLB
    ):  # fmt: skip
        made(cluster, service("late"))
        eventually(
            "MetalLB has said why", lambda: "AllocationFailed" in cluster.kubectl("-n", "causes", "get", "events")
        )
        named = diagnosed(cluster)
        cluster.kubectl("delete", "namespace", "causes")
    assert named == {("pool-not-automatic", "causes/late")}


def test_announcer_silent(cluster: Cluster) -> None:
    """The speaker that announces runs, for the API, and answers nobody: it hears no question for the address."""
    (status,) = cluster.objects("servicel2statuses", "-A")["items"]
    node = status["status"]["node"]
    chain = "{ type filter hook ingress device eth0 priority 0; }"
    cluster.ssh(
        node,
        f"nft add table netdev causes && nft 'add chain netdev causes input {chain}' && "
        f"nft add rule netdev causes input arp operation request arp daddr ip {VIP} drop",
    )
    try:
        named = diagnosed(cluster)
    finally:
        cluster.ssh(node, "nft delete table netdev causes")
    assert named == {("announcer-silent", WEB)}


def test_sets_that_somebody_changed(cluster: Cluster) -> None:
    """The address is not in the set of those that are masqueraded and let in."""
    with cluster.stuck_kube_proxy("node2"):
        cluster.ssh("node2", f"ipset del KUBE-LOAD-BALANCER {VIP},tcp:80")
        named = diagnosed(cluster)
        cluster.ssh("node2", f"ipset add KUBE-LOAD-BALANCER {VIP},tcp:80")
    assert named == {("sets-wrong", "node2")}


def test_filter_rules_that_the_kernel_does_not_take(cluster: Cluster) -> None:
    """The node has started anew, and its kube-proxy gets none of its filter rules in: there is no REJECT.

    The lab's kernel has it built in, so it is what iptables needs for it that goes.
    """
    there = ("-l", "k8s-app=kube-proxy", "--field-selector=spec.nodeName=node3")
    (pod,) = cluster.objects(*SYSTEM, "pods", *there)["items"]

    def refused() -> bool:
        return "REJECT" in cluster.kubectl(*SYSTEM, "logs", pod["metadata"]["name"], "--tail=20")

    library = cluster.ssh("node3", "find /proc/$(pidof kube-proxy)/root/ -xdev -name libipt_REJECT.so").strip()
    assert library.endswith("/libipt_REJECT.so")
    cluster.ssh("node3", f"mv {library} {library}.gone")
    try:
        cluster.ssh(
            "node3", "iptables-save -t filter > /run/causes && grep -v KUBE- /run/causes | iptables-restore -T filter"
        )
        eventually("kube-proxy's rules are refused", refused, 120)
        named = diagnosed(cluster)
    finally:
        cluster.ssh("node3", f"mv {library}.gone {library}; rm /run/causes")
    assert named == {("kernel-feature-missing", "node3")}


def test_pool_gone(cluster: Cluster) -> None:
    """The pool is deleted and another one made; the controller is not told, since it does not run."""
    name = cluster.objects(*METALLB, "ipaddresspools")["items"][0]["metadata"]["name"]
    cluster.kubectl(*METALLB, "scale", "deployment/controller", "--replicas=0")
    cluster.kubectl(*METALLB, "wait", "--for=delete", "pod", "-l", "component=controller", "--timeout=60s")
    webhook = cluster.objects("validatingwebhookconfiguration", "metallb-webhook-configuration")
    cluster.kubectl("delete", "validatingwebhookconfiguration", "metallb-webhook-configuration")
    try:
        cluster.kubectl(*METALLB, "delete", "ipaddresspool", name)
        made(cluster, pool("causes-other", "192.168.100.220/32"))
        named = diagnosed(cluster)
    finally:
        cluster.kubectl(*METALLB, "delete", "ipaddresspool", "causes-other")
        for key in ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"):
            webhook["metadata"].pop(key, None)
        cluster.kubectl("create", "-f", "-", stdin=json.dumps(webhook))
        cluster.kubectl(*METALLB, "scale", "deployment/controller", "--replicas=1")
        assert cluster.playbook("cluster.yml", "-e", "metallb_reassign_addresses=true").status == 0
    assert named >= {("pool-gone", WEB), ("controller-down", "cluster")}
