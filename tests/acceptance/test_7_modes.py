# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The other modes of kube-proxy: the proof reads their rules too, and names what is broken there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import NODES, SYSTEM, VIP, Cluster, eventually

STRAY = "192.168.100.99"


#: a label that no node has
NOWHERE = {"spec": {"template": {"spec": {"nodeSelector": {"example.com/nowhere": "true"}}}}}
#: what kube-proxy makes in each of its modes
MADE = "KUBE-SVC-|KUBE-SERVICES|kube-ipvs0|table .* kube-proxy"


@contextmanager
def stopped_kube_proxy(cluster: Cluster) -> Iterator[None]:
    """No kube-proxy on any node: one that still runs would write again what is removed."""

    def gone() -> bool:
        return not cluster.objects(*SYSTEM, "pods", "-l", "k8s-app=kube-proxy")["items"]

    patch = [*SYSTEM, "patch", "daemonset", "kube-proxy"]
    cluster.kubectl(*patch, "-p", json.dumps(NOWHERE))
    try:
        eventually("no kube-proxy", gone, 120)
        yield
    finally:
        back = [{"op": "remove", "path": "/spec/template/spec/nodeSelector/example.com~1nowhere"}]
        cluster.kubectl(*patch, "--type=json", "-p", json.dumps(back))
        cluster.kubectl(*SYSTEM, "rollout", "status", "daemonset/kube-proxy", "--timeout=120s")


def configure(cluster: Cluster, mode: str) -> None:
    """Have kube-proxy begin in another mode."""
    config = cluster.objects(*SYSTEM, "configmap", "kube-proxy")["data"]["config.conf"]
    patch = {"data": {"config.conf": re.sub(r"(?m)^mode: .*$", f"mode: {mode}", config)}}
    cluster.kubectl(*SYSTEM, "patch", "configmap", "kube-proxy", "-p", json.dumps(patch))


def assert_named_and_remedied(cluster: Cluster, nodes: Sequence[str], *places: str) -> None:
    """The diagnosis says what the mode before has left on these nodes, and its remedy helps."""
    played = cluster.playbook("playbooks/diagnose.yml")
    assert played.causes() == {("left-overs", node) for node in nodes}, played.output
    assert not [place for place in places if place not in played.text], played.output
    pods = cluster.objects(*SYSTEM, "pods", "-l", "k8s-app=kube-proxy")["items"]
    there = [pod["metadata"]["name"] for pod in pods if pod["spec"]["nodeName"] in nodes]
    for pod in [*there, *there]:
        # It says that it failed: in the first turn for the other mode's chains, in both for those that are in use.
        cluster.run(cluster.env["LAB_KUBECTL"], *SYSTEM, "exec", pod, "--", "kube-proxy", "--cleanup")
    cluster.kubectl(*SYSTEM, "delete", "pod", *there)
    eventually("nothing is named", lambda: cluster.playbook("playbooks/diagnose.yml").status == 0, 180)


def clean(cluster: Cluster) -> None:
    """Remove what kube-proxy has made in any mode, while it does not run.

    Not by its own clean-up, which the tests look at: what is left here would be found by all that come after.
    """
    saved = " && ".join(f"{tool}-save | grep -v KUBE- | {tool}-restore --wait 60" for tool in ("iptables", "ip6tables"))
    looked = "{ iptables-save; ip6tables-save; ip link; nft list tables; ipvsadm -Ln | tail -n +4; }"
    for node in NODES:
        cluster.ssh(
            node,
            "ipvsadm -C; ip link delete kube-ipvs0 2> /dev/null; "
            "for family in ip ip6; do nft delete table $family kube-proxy 2> /dev/null; done; "
            f"set -o pipefail; {saved} && ! {looked} | grep -E '{MADE}|^TCP|^UDP'",
        )


@pytest.fixture(scope="module", params=["nftables", "iptables"])
def mode(cluster: Cluster, web: None, request: pytest.FixtureRequest) -> Iterator[str]:
    """kube-proxy in this mode, and in ipvs mode afterwards."""
    with stopped_kube_proxy(cluster):
        configure(cluster, request.param)
    try:
        yield request.param
    finally:
        with stopped_kube_proxy(cluster):
            configure(cluster, "ipvs")
            clean(cluster)
        assert cluster.playbook("cluster.yml").status == 0


def test_what_the_mode_before_has_left_is_named(cluster: Cluster, mode: str) -> None:
    """Its virtual servers and addresses, and nothing once they are removed."""
    nodes = list(NODES)
    if mode == "nftables":
        # kube-proxy does clean up here. Where ip_vs is built in and the kernel's modules are not listed it does not.
        eventually("nothing is named", lambda: cluster.playbook("playbooks/diagnose.yml").status == 0, 180)
        nodes = ["node2"]
        cluster.ssh(
            "node2",
            f"ip link add kube-ipvs0 type dummy && ip address add {VIP}/32 dev kube-ipvs0 && ipvsadm -A -t {VIP}:80 -s rr",
        )
    assert_named_and_remedied(cluster, nodes, "IPv4 addresses on kube-ipvs0", "IPv4 virtual servers")


def test_all_nodes_are_as_expected(cluster: Cluster, mode: str) -> None:
    """The run says that there is no strict ARP to set, and proves the rules of every node."""
    played = cluster.playbook("cluster.yml")
    assert played.status == 0, played.output
    rows = re.findall(rf"^\s*ok\s+{mode}\s+(\S+)\s+(\d+) Service addresses, (\d+)", played.output, re.MULTILINE)
    assert sorted(row[0] for row in rows) == sorted(NODES), played.output
    assert all(int(row[1]) > 5 and int(row[2]) > 5 for row in rows), rows
    again = cluster.playbook("cluster.yml")
    assert again.status == 0, again.output
    assert set(again.changed().values()) == {0}, again.output


def test_broken_rules_are_named(cluster: Cluster, mode: str) -> None:
    """An address that is not served, a backend without its translation, an address too many, no way to the Services."""
    breaking = {"nftables": nftables, "iptables": iptables}[mode]
    cluster.ssh("node2", "kill -STOP $(pidof kube-proxy)")
    try:
        backend = breaking(cluster, "node2")
        played = cluster.proof()
    finally:
        # In nftables mode kube-proxy does not fill a chain again that it finds empty, not even when it starts anew.
        if mode == "nftables":
            cluster.ssh("node2", "nft delete table ip kube-proxy")
        cluster.ssh("node2", "kill -CONT $(pidof kube-proxy)")
        there = ("-l", "k8s-app=kube-proxy", "--field-selector=spec.nodeName=node2")
        cluster.kubectl(*SYSTEM, "delete", "pod", *there)
    assert played.status != 0, played.output
    found = re.findall(rf"^\s*(?:FAULT|moving)\s+{mode} (\S+)\s+(.+)$", played.output, re.MULTILINE)
    assert {kind for kind, _text in found} == {"absent", "missing", "orphan", "rule"}, played.output
    assert "node1" not in "".join(text for _kind, text in found), played.output
    for words in ((f"{VIP}:80", "myweb-svc-lb"), (backend,), (f"{STRAY}:8000", "no Service")):
        assert all(word in played.text for word in words), played.output

    def holds() -> bool:
        return cluster.proof().status == 0

    eventually("the proof holds again", holds, 120)


@pytest.mark.long
def test_what_iptables_mode_has_left_is_named(cluster: Cluster, web: None) -> None:
    """ipvs mode removes none of its chains, and they go on leading packets to pods that were."""
    played = cluster.playbook("cluster.yml")
    assert played.status == 0, played.output

    def led() -> bool:
        return all("KUBE-SVC-" in cluster.ssh(node, "iptables-save -t nat") for node in NODES)

    try:
        with stopped_kube_proxy(cluster):
            configure(cluster, "iptables")
        eventually("chains on every node", led)
        with stopped_kube_proxy(cluster):
            configure(cluster, "ipvs")
        eventually("EXTERNAL-IP answers", lambda: cluster.curl(VIP))
        assert_named_and_remedied(cluster, list(NODES), "IPv4 iptables (legacy) nat chains KUBE-SVC-*")
    finally:
        with stopped_kube_proxy(cluster):
            configure(cluster, "ipvs")
            clean(cluster)
    played = cluster.playbook("cluster.yml")
    assert played.status == 0, played.output


def nftables(cluster: Cluster, node: str) -> str:
    """Break a node's table; return the backend that nobody gets to."""
    chains = cluster.ssh(node, "nft list chains ip | grep -o 'endpoint-[^ ]*default/myweb-svc-lb/[^ ]*'").split()
    service = cluster.ssh(node, "nft list chains ip | grep -o 'service-[^ ]*default/myweb-svc-lb/[^ ]*'").split()[0]
    for command in (
        f"delete element ip kube-proxy service-ips {{ {VIP} . tcp . 80 }}",
        f"flush chain ip kube-proxy {chains[0]}",
        f"add element ip kube-proxy service-ips {{ {STRAY} . tcp . 8000 : goto {service} }}",
        "flush chain ip kube-proxy nat-output",
    ):
        cluster.ssh(node, f"nft '{command}'")
    return chains[0].rpartition("__")[2].replace("/", ":")


def iptables(cluster: Cluster, node: str) -> str:
    """Break a node's chains; return the backend that nobody gets to."""
    rules = cluster.ssh(node, "iptables-save -t nat").splitlines()
    entry = next(rule for rule in rules if rule.startswith(f"-A KUBE-SERVICES -d {VIP}/32"))
    translation = next(rule for rule in rules if "default/myweb-svc-lb" in rule and "--to-destination" in rule)
    way = next(rule for rule in rules if rule.startswith("-A OUTPUT") and rule.endswith("-j KUBE-SERVICES"))
    for rule in (entry, translation, way):
        cluster.ssh(node, f"iptables -t nat {rule.replace('-A', '-D', 1)}")
    stray = f"-d {STRAY}/32 -p tcp -m tcp --dport 8000 -j {entry.rpartition(' ')[2]}"
    cluster.ssh(node, f"iptables -t nat -I KUBE-SERVICES {stray}")
    return translation.rpartition(" ")[2]
