# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The user's scenario, row by row, as it lies in seed/."""

from __future__ import annotations

import difflib
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import NODES, ROOT, VIP, Cluster, eventually

SPEAKER_IMAGE = "quay.io/metallb/speaker:v0.16.1"
ROLE = "kubeaddons-metallb-verify"
HELLO = re.compile(r"Hello World!\s+myweb-rs-\w{5}")


def pods(cluster: Cluster, selector: str, namespace: str = "metallb-system") -> list[dict]:
    """Return the pods of a selector."""
    return cluster.objects("pods", "-n", namespace, "-l", selector)["items"]


def test_run_waits_for_an_image_that_is_missing_and_says_so(cluster: Cluster) -> None:
    """Rows 3 and 4: speakers are 0/1 until their image arrives; the run explains it and ends well."""
    cluster.lab("image", "remove", SPEAKER_IMAGE)
    output = ""
    added = False
    with subprocess.Popen(
        cluster.playbook_command("cluster.yml"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=cluster.env, cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            output += line
            if not added and "ImagePullBackOff" in line:
                cluster.lab("image", "add", SPEAKER_IMAGE)
                added = True
    assert added, output
    assert process.returncode == 0, output
    waiting = next(line for line in output.splitlines() if "ImagePullBackOff" in line)
    assert "DaemonSet/metallb-system/speaker" in waiting
    assert SPEAKER_IMAGE in waiting
    assert re.search(r"on node[123]", waiting)
    assert "Proof: 3 of 3 nodes" in output
    assert "FAULT" not in output


def test_controller_and_speakers(cluster: Cluster) -> None:
    """Row 4: one controller, a speaker on every node with the node's own address."""
    assert len(pods(cluster, "app=metallb,component=controller")) == 1
    speakers = pods(cluster, "app=metallb,component=speaker")
    assert {pod["spec"]["nodeName"]: pod["status"]["podIP"] for pod in speakers} == NODES


def test_external_ip(cluster: Cluster) -> None:
    """Row 5."""
    assert cluster.kubectl("get", "service", "myweb-svc-lb", "--no-headers").split()[3] == VIP


def test_answer_by_external_ip(cluster: Cluster) -> None:
    """Row 6: Hello World! and a pod's name, from all three pods in the end."""
    answers = {cluster.curl(VIP).strip() for _ in range(12)}
    assert all(HELLO.match(answer) for answer in answers), answers
    assert len(answers) == 3


def test_answer_by_node_port(cluster: Cluster) -> None:
    """Row 7: on any node."""
    for address in NODES.values():
        assert HELLO.match(cluster.curl(f"{address}:31313"))


def test_answer_by_name_from_a_pod(cluster: Cluster) -> None:
    """Row 8: cluster DNS and ClusterIP."""
    cluster.kubectl("run", "multitool", "--image=ghcr.io/c1t1d0s7/network-multitool", "--restart=Never")
    try:
        cluster.kubectl("wait", "--for=condition=Ready", "pod/multitool", "--timeout=120s")
        assert HELLO.match(cluster.kubectl("exec", "multitool", "--", "curl", "-s", "myweb-svc-lb"))
    finally:
        cluster.kubectl("delete", "pod", "multitool", "--grace-period=1", "--wait=false")


def test_ipvs_rows(cluster: Cluster) -> None:
    """Row 9: every node has the three pods behind each of the Service's virtual servers, rr, Masq, weight 1."""
    service = cluster.objects("service", "myweb-svc-lb")
    backends = {f"{pod['status']['podIP']}:8080" for pod in pods(cluster, "app=web,env=dev", "default")}
    for node, address in NODES.items():
        table = cluster.ssh(node, "ipvsadm -Ln")
        gateway = cluster.ssh(node, "ip -4 -o address show dev cni0").split()[3].split("/")[0]
        wanted = [f"{VIP}:80", f"{service['spec']['clusterIP']}:80"]
        wanted += [f"{one}:31313" for one in (address, "169.254.25.10", gateway)]
        for virtual in wanted:
            block = re.search(rf"^TCP  {re.escape(virtual)} rr\n((?:  -> .*\n)+)", table, re.M)
            assert block, f"{node} has no virtual server {virtual}:\n{table}"
            rows = [line.split() for line in block.group(1).splitlines()]
            assert {row[1] for row in rows} == backends, f"{node} {virtual}"
            assert {(row[2], row[3]) for row in rows} == {("Masq", "1")}, f"{node} {virtual}"


def test_one_machine_answers_arp_and_it_is_the_announcer(cluster: Cluster) -> None:
    """Row 10, layer2: the node that ServiceL2Status names, and no other."""
    statuses = [one["status"] for one in cluster.objects("servicel2statuses", "-n", "metallb-system")["items"]]
    announcers = {one["node"] for one in statuses if one["serviceName"] == "myweb-svc-lb"}
    assert len(announcers) == 1
    cluster.run("ip", "neigh", "flush", "all")
    expected = cluster.ssh(announcers.pop(), "cat /sys/class/net/eth0/address").strip()
    assert cluster.macs(VIP) == {expected}


def test_strict_arp_is_proven_on_each_node(cluster: Cluster) -> None:
    """What kube-proxy was told is what the kernels do."""
    assert "strictARP: true" in cluster.kubectl("get", "configmap", "kube-proxy", "-n", "kube-system", "-o", "yaml")
    for node in NODES:
        settings = cluster.ssh(node, "sysctl -n net.ipv4.conf.all.arp_ignore net.ipv4.conf.all.arp_announce")
        assert settings.split() == ["1", "2"]


def test_second_run_changes_nothing(cluster: Cluster) -> None:
    """With the proof, on every host."""
    played = cluster.playbook("cluster.yml")
    assert played.status == 0, played.output
    assert played.changed() == dict.fromkeys(NODES, 0)
    assert "Proof: 3 of 3 nodes" in played.output


# What a cluster does by itself: heartbeats, and what is told of them. A ComponentStatus is made up when it is asked for
# and has no version.
RESTLESS = {"Lease", "Event", "Node"}
# Who writes without being asked: a pod that a busy machine kept from answering its probe is not ready for a while, and
# MetalLB says anew that its configuration is valid whenever it has looked at it.
OWN = {"kubelet", "kube-controller-manager", "controller", "speaker", "poolReconciler", "configReconciler"}


def writers(obj: dict) -> set[str]:
    """Return who has written an object last."""
    fields = obj["metadata"].get("managedFields", [])
    last = max((one["time"] for one in fields), default="")
    return {one["manager"] for one in fields if one["time"] == last}


def everything(cluster: Cluster) -> dict[str, tuple[str, set[str]]]:
    """Return, of every object that does not move by itself, resourceVersion and last writers; and the nodes' tables."""
    kinds = cluster.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    served = [kind for kind in kinds if not kind.endswith(".metrics.k8s.io")]
    found: dict[str, tuple[str, set[str]]] = {
        f"{one['kind']}/{one['metadata'].get('namespace')}/{one['metadata']['name']}": (
            one["metadata"].get("resourceVersion", ""),
            writers(one),
        )
        for one in cluster.objects(",".join(served), "--all-namespaces", "--show-managed-fields")["items"]
        if one["kind"] not in RESTLESS
    }
    for node in NODES:
        tables = cluster.ssh(
            node,
            "ipvsadm -Sn; ipset list -name; iptables-save | grep -v '^[:#]'; nft list tables; "
            "sysctl -a 2>/dev/null | grep -E 'arp_|rp_filter|forwarding'; ip -brief address show; ip rule; ip route; "
            "cut -d' ' -f1 /proc/modules; ls /tmp /root",
        )
        found[node] = (tables, set())
    return found


def changes(before: dict[str, tuple[str, set[str]]], after: dict[str, tuple[str, set[str]]]) -> list[str]:
    """Return, line by line, what somebody else than the cluster itself has changed."""
    nothing: tuple[str, set[str]] = ("", set())
    found = []
    for name in sorted({*before, *after}):
        (was, _), (now, by) = before.get(name, nothing), after.get(name, nothing)
        if was != now and not (by and by <= OWN):
            lines = difflib.unified_diff(was.splitlines(), now.splitlines(), lineterm="", n=0)
            found += [f"{name}: {line}" for line in [*lines][2:]] + [f"{name}: by {one}" for one in sorted(by)]
    return found


@contextmanager
def looker(cluster: Cluster, where: Path) -> Iterator[Path]:
    """A kubeconfig of a user who may only look, in the cluster."""
    cluster.kubectl("apply", "-f", str(ROOT / "docs" / "verify-role.yaml"))
    cluster.kubectl("create", "serviceaccount", "looker")
    cluster.kubectl(
        "create", "clusterrolebinding", "looker", f"--clusterrole={ROLE}", "--serviceaccount=default:looker"
    )
    try:
        found = where / "looker.conf"
        shutil.copyfile(cluster.env["KUBECONFIG"], found)
        token = cluster.kubectl("create", "token", "looker").strip()
        for words in (("set-credentials", "looker", f"--token={token}"), ("set-context", "--current", "--user=looker")):
            cluster.kubectl("config", *words, f"--kubeconfig={found}")
        yield found
    finally:
        cluster.kubectl("delete", "clusterrolebinding,serviceaccount", "looker")
        cluster.kubectl("delete", "clusterrole", ROLE)


def test_proof_and_diagnosis_alone_change_nothing_and_leave_a_report(cluster: Cluster, tmp_path: Path) -> None:
    """As a user who may only look."""
    with looker(cluster, tmp_path) as kubeconfig:
        may = cluster.run(cluster.env["LAB_KUBECTL"], "auth", "can-i", "list", "secrets", f"--kubeconfig={kubeconfig}")
        assert may.stdout == "no\n"
        before = everything(cluster)
        played = cluster.playbook(
            "playbooks/verify.yml", "-e", f"metallb_kubeconfig={kubeconfig}",
            "-e", f"metallb_verify_report_dir={tmp_path / 'report'}",
        )  # fmt: skip
        assert played.status == 0, played.output
        diagnosed = cluster.playbook("playbooks/diagnose.yml", "-e", f"metallb_kubeconfig={kubeconfig}")
        assert diagnosed.status == 0, diagnosed.output
        assert "no cause for complaint" in diagnosed.output
        assert changes(before, everything(cluster)) == []
    assert f"Report: {tmp_path}/report/metallb-proof.html" in played.text
    found = json.loads((tmp_path / "report" / "metallb-proof.json").read_text(encoding="utf-8"))
    assert (found["verdict"], [one["service"] for one in found["services"]]) == ("ok", ["default/myweb-svc-lb"])
    assert {one["node"] for one in found["checks"] if one["check"] == "IPVS"} == set(NODES)


def test_no_trace_of_the_kubeconfig_remains(cluster: Cluster) -> None:
    """The private file goes when Ansible ends. What a run that was killed has left is not this run's."""
    home = cluster.env.get("ANSIBLE_HOME", cluster.env["HOME"] + "/.ansible")

    def traces() -> set[str]:
        return set(cluster.run("find", home, "-name", "kubeconfig-*").stdout.split())

    before = traces()
    assert cluster.playbook("cluster.yml", "-e", "metallb_verify=false").status == 0
    assert traces() <= before


def test_a_range_given_as_text_means_the_same(cluster: Cluster) -> None:
    """Kubespray took such a text apart into letters."""
    played = cluster.playbook(
        "cluster.yml", "-e", "metallb_ip_range=192.168.100.240-192.168.100.249", "-e", "metallb_verify=false"
    )
    assert played.status == 0, played.output
    assert played.changed() == dict.fromkeys(NODES, 0)


def test_proof_without_a_service(cluster: Cluster, tmp_path: Path) -> None:
    """A temporary Service in front of the cluster's DNS is proven instead, and removed; where one may be made."""
    cluster.kubectl("delete", "service", "myweb-svc-lb")
    try:
        played = cluster.playbook("cluster.yml")
        assert played.status == 0, played.output
        assert "kube-system/kubeaddons-metallb-probe" in played.output
        assert played.changed() == dict.fromkeys(NODES, 0)
        assert "kubeaddons-metallb-probe" not in cluster.kubectl("get", "services", "-A")
        with looker(cluster, tmp_path) as kubeconfig:
            played = cluster.playbook("playbooks/verify.yml", "-e", f"metallb_kubeconfig={kubeconfig}")
        assert played.status == 0, played.output
        assert "none could be made for the proof: the API server refuses it (services is forbidden" in played.text
        assert "Proof: 3 of 3 nodes, 0 Services" in played.text
    finally:
        cluster.kubectl("apply", "-f", str(ROOT / "tests/acceptance/seed/myweb-svc-lb.yaml"))
    eventually("the address", lambda: cluster.kubectl("get", "svc", "myweb-svc-lb", "--no-headers").split()[3] == VIP)
    # What follows is about other changes: every node has caught up with this one.
    for address in NODES.values():
        eventually(f"an answer by {address}", lambda where=address: HELLO.match(cluster.curl(f"{where}:31313")), 180)


def test_no_false_alarm_while_a_deployment_rolls(cluster: Cluster) -> None:
    """Six pods are replaced while the proof runs."""
    cluster.kubectl("create", "deployment", "rolling", "--image=ghcr.io/c1t1d0s7/go-myweb", "--replicas=6")
    try:
        cluster.kubectl("expose", "deployment", "rolling", "--type=LoadBalancer", "--port=80", "--target-port=8080")
        cluster.kubectl("rollout", "status", "deployment/rolling", "--timeout=180s")
        port = cluster.objects("service", "rolling")["spec"]["ports"][0]["nodePort"]
        for address in NODES.values():  # six pods start at once: what is judged is how they are replaced
            target = f"{address}:{port}"
            eventually(f"an answer by {target}", lambda where=target: cluster.curl(where).startswith("Hello"), 180)
        eventually("a cluster at rest", lambda: cluster.proof().status == 0, 180)
        # Once; in test_9_healthy, which takes long, it is done again and again.
        cluster.kubectl("rollout", "restart", "deployment/rolling")
        time.sleep(2)
        played = cluster.proof()
        assert played.status == 0, played.output
    finally:
        cluster.kubectl("delete", "service,deployment", "rolling", "--wait=false")
