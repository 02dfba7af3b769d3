# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""How far requests come: in by which node, to which backends, with whose address, from pods and by name."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import (
    NODES,
    ROOT,
    VIP,
    Cluster,
    Playbook,
    eventually,
)

WEB = "default/myweb-svc-lb"


def checks(cluster: Cluster, report: Path, *words: str) -> list[dict[str, t.Any]]:
    """Run the proof alone; what its report holds."""
    return proof(cluster, report, *words)[1]


def proof(cluster: Cluster, report: Path, *words: str) -> tuple[Playbook, list[dict[str, t.Any]]]:
    """Run the proof alone; how it ended, and what its report holds."""
    played = cluster.playbook("playbooks/verify.yml", "-e", f"metallb_verify_report_dir={report}", *words)
    found = json.loads((report / "metallb-proof.json").read_text(encoding="utf-8"))["checks"]
    return played, found


def of(found: list[dict[str, t.Any]], check: str, subject: str = WEB) -> list[tuple[str, str, str]]:
    """Return verdict, place and finding of one kind of check."""
    return [
        (one["verdict"], one["where"], one["found"])
        for one in found
        if (one["check"], one["subject"]) == (check, subject)
    ]


def announcer(cluster: Cluster) -> str:
    """Return the node that answers for the seed's Service."""
    (status,) = cluster.objects("servicel2statuses", "-A")["items"]
    return str(status["status"]["node"])


@contextmanager
def policy(cluster: Cluster, value: str) -> Iterator[None]:
    """The Service with another externalTrafficPolicy."""
    patch = '{"spec": {"externalTrafficPolicy": "%s"}}'
    cluster.kubectl("patch", "service", "myweb-svc-lb", "-p", patch % value)
    try:
        yield
    finally:
        cluster.kubectl("patch", "service", "myweb-svc-lb", "-p", patch % "Cluster")


def test_where_requests_come_in_and_where_they_are_led(cluster: Cluster, tmp_path: Path) -> None:
    """By connection tracking of the nodes; a pod of each node reaches the ClusterIP, by number and by name."""
    found = checks(cluster, tmp_path)
    assert of(found, "path") == [("ok", f"Ansible controller -> {VIP}", f"in by {announcer(cluster)}")]
    ((verdict, _where, text),) = of(found, "backends")
    slices = cluster.objects("endpointslices", "-l", "kubernetes.io/service-name=myweb-svc-lb")["items"]
    endpoints = {f"{one['addresses'][0]}:8080" for part in slices for one in part["endpoints"]}
    led = set(re.findall(r"[\d.]+:8080", text))
    assert (verdict, led <= endpoints) == ("ok", True), text
    assert led, text
    assert of(found, "client address") == []
    named = [row for row in of(found, "DNS name") if row[0] == "ok"]
    assert {row[1].partition(",")[0] for row in named} == set(NODES) - {
        one["where"] for one in found if one["check"] == "requests from a pod"
    }
    assert all(row[1].endswith("in a pod -> myweb-svc-lb.default.svc:80") for row in named)
    in_pods = [row for row in of(found, "ClusterIP") if "in a pod" in row[1]]
    assert len(in_pods) == len(NODES)
    assert all(row[0] == "ok" and "Hello World!" in row[2] for row in in_pods), in_pods


def test_the_backend_sees_the_client_where_it_should(cluster: Cluster, tmp_path: Path) -> None:
    """With externalTrafficPolicy Local; something that replaces the address is found."""
    with policy(cluster, "Local"):
        eventually("the proof", lambda: cluster.proof().status == 0, 120)
        outside = cluster.env["LAB_OUTSIDE"]
        assert of(checks(cluster, tmp_path), "client address") == [
            ("ok", f"Ansible controller -> {VIP}", f"{outside}, kept")
        ]
        node = announcer(cluster)
        rule = f"POSTROUTING -s {outside} -p tcp --dport 8080 -j MASQUERADE"
        cluster.ssh(node, f"iptables -w -t nat -I {rule}")
        try:
            found = of(checks(cluster, tmp_path), "client address")
        finally:
            cluster.ssh(node, f"iptables -w -t nat -D {rule}")
    ((verdict, _where, text),) = found
    assert (verdict, text.startswith("replaced by ")) == ("fault", True), text


def test_silence_in_udp_is_followed_to_the_backend(cluster: Cluster, tmp_path: Path) -> None:
    """CoreDNS does not answer an empty datagram; a node has led it there."""
    spec = {
        "type": "LoadBalancer",
        "selector": {"k8s-app": "kube-dns"},
        "ports": [{"port": 5353, "protocol": "UDP", "targetPort": 53}],
    }
    meta = {"name": "datagrams", "namespace": "kube-system"}
    made = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(made))
    try:
        eventually("the proof", lambda: cluster.proof().status == 0, 120)
        rows = of(checks(cluster, tmp_path), "EXTERNAL-IP", "kube-system/datagrams")
    finally:
        cluster.kubectl("-n", "kube-system", "delete", "service", "datagrams")
    asked = [row for row in rows if row[1].endswith(":5353/udp")]
    assert [row[0] for row in asked] == ["ok"]
    assert re.search(r"led it to 10\.\d+\.\d+\.\d+:53; no answer, as is usual in UDP", asked[0][2])


@pytest.mark.parametrize("dead", [False, pytest.param(True, marks=pytest.mark.long)], ids=["another-node", "nobody"])
def test_a_neighbour_cache_that_is_out_of_date(cluster: Cluster, tmp_path: Path, dead: bool) -> None:
    """The host outside knows the address by the hardware address of a node that does not announce, or of nobody."""
    other = next(node for node in NODES if node != announcer(cluster))
    link = json.loads(cluster.run("ip", "-json", "route", "get", VIP).stdout)[0]["dev"]
    mac = "02:00:5e:00:53:99" if dead else cluster.ssh(other, "cat /sys/class/net/eth0/address").strip()
    done = cluster.run("ip", "neigh", "replace", VIP, "lladdr", mac, "dev", link, "nud", "permanent")
    assert done.returncode == 0, done.stderr
    try:
        played, found = proof(cluster, tmp_path)
    finally:
        cluster.run("ip", "neigh", "del", VIP, "dev", link)
    if dead:
        rows = of(found, "EXTERNAL-IP")
        assert ("fault", f"the neighbour cache there has {mac} (an unknown host)") == (
            rows[1][0],
            rows[1][2].split("; ")[-1],
        ), rows
    else:
        assert of(found, "path") == [("fault", f"Ansible controller -> {VIP}", f"in by {other}")]
    assert played.status != 0, played.output
    assert played.causes() == {("path-outdated", WEB)}, played.output


def test_ctrl_c_leaves_no_temporary_service(cluster: Cluster) -> None:
    """Ansible runs no further task then."""
    cluster.kubectl("delete", "service", "myweb-svc-lb")
    listed = ("get", "services", "-n", "kube-system")
    try:
        command = cluster.playbook_command("playbooks/verify.yml")
        with subprocess.Popen(
            command, env=cluster.env, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, preexec_fn=interruptible,
        ) as played:  # fmt: skip
            eventually("the temporary Service", lambda: "kubeaddons-metallb-probe" in cluster.kubectl(*listed))
            os.killpg(played.pid, signal.SIGINT)
            assert played.wait(60) != 0
        eventually("it is gone", lambda: "kubeaddons-metallb-probe" not in cluster.kubectl(*listed), 30)
    finally:
        cluster.kubectl("apply", "-f", str(ROOT / "tests/acceptance/seed/myweb-svc-lb.yaml"))
        eventually("the address", lambda: cluster.address("myweb-svc-lb") == VIP)


def interruptible() -> None:
    """A test that runs in the background hands down that Ctrl-C is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_some_services_and_some_nodes_only(cluster: Cluster) -> None:
    """What is not asked for is not looked at; a name that is wrong is told before the nodes are asked."""
    played = cluster.playbook("playbooks/verify.yml", "-e", f"metallb_verify_services={WEB}", "--limit", "node3")
    assert played.status == 0, played.output
    assert "Proof: 1 of 3 nodes, 1 Service with an EXTERNAL-IP" in played.output
    assert f"of {WEB}" in played.text
    cluster.kubectl(
        "expose", "replicaset", "myweb-rs", "--name=second", "--type=LoadBalancer", "--port=81", "--target-port=8080"
    )
    try:
        eventually("its address", lambda: cluster.address("second").startswith("192."))
        played = cluster.playbook("playbooks/diagnose.yml", "-e", "metallb_verify_services=default/second")
        assert "1 Service with an EXTERNAL-IP" in played.output, played.output
    finally:
        cluster.kubectl("delete", "service", "second")
    refused = cluster.playbook("playbooks/verify.yml", "-e", "metallb_verify_services=default/none-such")
    assert refused.status != 0
    assert 'metallb_verify_services: "default/none-such" is no Service of type LoadBalancer' in refused.text
    assert f"there are {WEB}." in refused.text
