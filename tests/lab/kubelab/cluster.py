# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""kubeadm: the cluster on running nodes, its pod network, and what Kubespray leaves different from kubeadm."""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kubelab import images, net, node, pins
from kubelab.errors import LabError
from kubelab.plan import API_PORT, PODS4, PODS6, ROUTED4, ROUTED6, SERVICES4, SERVICES6, Node, Plan
from kubelab.proc import run
from kubelab.progress import step
from kubelab.state import Lab

#: for a machine that has much else to do
TIMEOUTS = {
    "controlPlaneComponentHealthCheck": "10m0s",
    "etcdAPICall": "5m0s",
    "kubernetesAPICall": "3m0s",
    "tlsBootstrap": "10m0s",
}
SOCKET = "unix:///run/containerd/containerd.sock"

#: kubeadm asks for none, which gives kube-proxy the least weight of all on a node's one processor: while pods started
#: it stood still for more than a minute (seen: syncs of 40 s with 100m, of 8 to 12 s with 250m)
PROXY_REQUESTS = "cpu=200m"

#: Less than kubeadm's 200m and 100m: the first node is to have room for kube-proxy, both of CoreDNS and a speaker whose
#: limit is Kubespray's 100m.
PATCHES = "/etc/kubernetes/patches"
CONTROL_PLANE_CPU = {"kube-controller-manager": "100m", "kube-scheduler": "50m"}
#: A busy first node answers late, and all that work with an API server that kubelet restarts fall over with it (seen while
#: FRR-K8s came up on every node: kubeadm allows etcd two seconds and the API server eight failures)
API_SERVER_PATIENCE = {"livenessProbe": {"failureThreshold": 60}}
ETCD_TIMEOUT = "10s"


def ranges(v4: str, v6: str, dual: bool) -> str:
    """One range, or both."""
    return f"{v4},{v6}" if dual else v4


def node_registration(machine: Node) -> dict[str, Any]:
    """What kubeadm tells kubelet about its node."""
    return {
        "name": machine.name,
        "criSocket": SOCKET,
        "imagePullPolicy": "IfNotPresent",
        "ignorePreflightErrors": ["all"],
    }


def init_documents(plan: Plan, token: str, certificate_key: str) -> list[dict[str, Any]]:
    """kubeadm's configuration of the first control plane; Kubespray's ranges and proxy settings."""
    first = plan.machines()[0]
    api = "kubeadm.k8s.io/v1beta4"
    init: dict[str, Any] = {
        "apiVersion": api,
        "kind": "InitConfiguration",
        "bootstrapTokens": [{"token": token, "ttl": "24h0m0s", "usages": ["signing", "authentication"]}],
        "localAPIEndpoint": {"advertiseAddress": first.ip4, "bindPort": API_PORT},
        "nodeRegistration": node_registration(first),
        "patches": {"directory": PATCHES},
        "timeouts": TIMEOUTS,
    }
    if certificate_key:
        init["certificateKey"] = certificate_key
    cluster = {
        "apiVersion": api,
        "kind": "ClusterConfiguration",
        "clusterName": "cluster.local",
        "kubernetesVersion": f"v{pins.kubernetes(plan.kubernetes).version}",
        "controlPlaneEndpoint": plan.endpoint(),
        "encryptionAlgorithm": "ECDSA-P256",
        "networking": {
            "dnsDomain": "cluster.local",
            "podSubnet": ranges(PODS4, PODS6, plan.dual_stack),
            "serviceSubnet": ranges(SERVICES4, SERVICES6, plan.dual_stack),
        },
        "apiServer": {
            "certSANs": [plan.gateway(), *(m.ip4 for m in plan.machines()), *(m.name for m in plan.machines())],
            "extraArgs": [
                {"name": f"etcd-{kind}-timeout", "value": ETCD_TIMEOUT} for kind in ("healthcheck", "readycheck")
            ],
        },
        "controllerManager": {"extraArgs": leader_arguments(plan) + controller_arguments(plan)},
        "scheduler": {"extraArgs": leader_arguments(plan)},
        "dns": {"imageRepository": f"{images.K8S}/coredns", "imageTag": images.coredns_tag()},
        "etcd": {
            "local": {
                "imageRepository": images.K8S,
                "imageTag": images.etcd_tag(),
            }
        },
    }
    kubelet = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "systemd",
        "failSwapOn": False,
        "serializeImagePulls": False,
        "resolvConf": "/etc/resolv.conf",
    }
    proxy = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": plan.proxy_mode,
        "clusterCIDR": ranges(PODS4, PODS6, plan.dual_stack),
        "conntrack": {"maxPerCore": 0, "min": 0},
        "ipvs": {"strictARP": False, "scheduler": "rr"},
    }
    return [init, cluster, kubelet, proxy]


def leader_arguments(plan: Plan) -> list[dict[str, str]]:
    """One of a kind needs no election, and would end itself when a busy machine makes it miss its renewal."""
    return [{"name": "leader-elect", "value": "false"}] if plan.control_planes == 1 else []


def controller_arguments(plan: Plan) -> list[dict[str, str]]:
    """Sizes of the nodes' shares of the pod ranges."""
    if not plan.dual_stack:
        return []
    return [{"name": "node-cidr-mask-size-ipv4", "value": "24"}, {"name": "node-cidr-mask-size-ipv6", "value": "120"}]


def join_document(plan: Plan, machine: Node, token: str, certificate_key: str) -> dict[str, Any]:
    """kubeadm's configuration of every other node."""
    document: dict[str, Any] = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "JoinConfiguration",
        "discovery": {
            "bootstrapToken": {"apiServerEndpoint": plan.endpoint(), "token": token, "unsafeSkipCAVerification": True}
        },
        "nodeRegistration": node_registration(machine),
        "timeouts": TIMEOUTS,
    }
    if machine.control_plane:
        document["controlPlane"] = {
            "localAPIEndpoint": {"advertiseAddress": machine.ip4, "bindPort": API_PORT},
            "certificateKey": certificate_key,
        }
        document["patches"] = {"directory": PATCHES}
    return document


def patch_files() -> str:
    """Shell text which writes kubeadm's patches of the control plane's pods."""
    patches: dict[str, dict[str, Any]] = {
        name: {"resources": {"requests": {"cpu": cpu}}} for name, cpu in CONTROL_PLANE_CPU.items()
    }
    patches["kube-apiserver"] = API_SERVER_PATIENCE
    return "".join(
        write_file(f"{PATCHES}/{name}+strategic.json", json.dumps({"spec": {"containers": [{"name": name, **patch}]}}))
        for name, patch in patches.items()
    )


def cni_config(pod_cidrs: list[str]) -> dict[str, Any]:
    """The bridge plugin with the node's share of the pod range; addresses are forgotten at boot, as the pods are."""
    routes = [{"dst": "::/0" if ":" in cidr else "0.0.0.0/0"} for cidr in pod_cidrs]
    return {
        "cniVersion": "1.0.0",
        "name": "lab",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": True,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": "/run/cni-addresses",
                    "ranges": [[{"subnet": cidr}] for cidr in pod_cidrs],
                    "routes": routes,
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def network_script(plan: Plan, machine: Node, shares: dict[str, list[str]]) -> str:
    """Routes to the other nodes' pods and behind the routers; a node's address for what pods send out of the cluster."""
    lines = ["#!/bin/sh"]
    for router in plan.bgp_routers()[:1]:
        lines.append(f"ip route replace {ROUTED4} via {router.ip4}")
        if router.ip6:
            lines.append(f"ip route replace {ROUTED6} via {router.ip6}")
    for other in plan.machines():
        for cidr in shares.get(other.name, []):
            if other.name != machine.name:
                lines.append(f"ip route replace {cidr} via {other.ip6 if ':' in cidr else other.ip4}")
    for tool, pods in (("iptables", PODS4), ("ip6tables", PODS6))[: 2 if plan.dual_stack else 1]:
        rule = f"POSTROUTING -s {pods} ! -d {pods} ! -o cni0 -m comment --comment lab -j MASQUERADE"
        lines.append(f"{tool} -w -t nat -C {rule} 2> /dev/null || {tool} -w -t nat -A {rule}")
    return "\n".join([*lines, ""])


def write_file(path: str, content: str, mode: str = "0644") -> str:
    """Shell text which writes a file."""
    return f"install -D -m {mode} /dev/stdin {path} <<'END-OF-FILE'\n{content.rstrip()}\nEND-OF-FILE\n"


def kubeconfig(lab: Lab) -> Path:
    """The outside host's admin.conf."""
    return lab.directory / "kubeconfig"


def kubectl_command(lab: Lab, words: list[str], *, cwd: str = "") -> list[str]:
    """kubectl as the outside host runs it."""
    kubectl = [str(Path(lab.artefacts["kube"]) / "kubectl"), f"--kubeconfig={kubeconfig(lab)}"]
    return [*net.enter(lab, cwd=cwd), *kubectl, *words]


def kubectl(lab: Lab, *words: str, check: bool = True, stdin: str | None = None) -> str:
    """Run kubectl; its output."""
    return run(kubectl_command(lab, list(words)), check=check, stdin=stdin).stdout


def create(lab: Lab, log: Path) -> None:
    """Make the cluster on nodes which answer to ssh."""
    plan = lab.plan
    first, *others = plan.machines()
    token = f"{secrets.token_hex(3)}.{secrets.token_hex(8)}"
    certificate_key = secrets.token_hex(32) if plan.control_planes > 1 else ""
    with step(f"kubeadm init on {first.name}"):
        documents = "\n---\n".join(json.dumps(each, indent=1) for each in init_documents(plan, token, certificate_key))
        upload = " --upload-certs" if certificate_key else ""
        script = patch_files() + write_file("/etc/kubernetes/kubeadm-init.json", documents, "0600")
        node.ssh(
            lab,
            first,
            script + f"kubeadm init --config /etc/kubernetes/kubeadm-init.json{upload}\n",
            log=log,
            timeout=900,
        )
        fetch_kubeconfig(lab, first)
        resources = ("set", "resources", "daemonset/kube-proxy", f"--requests={PROXY_REQUESTS}")
        kubectl(lab, "-n", "kube-system", *resources)
    with step("nodes join"):
        planes = [machine for machine in others if machine.control_plane]
        workers = [machine for machine in others if not machine.control_plane]
        # control planes one after the other: etcd takes one new member at a time
        with ThreadPoolExecutor(max_workers=4) as pool:
            first_network = pool.submit(connect_first, lab, first)
            joins = [pool.submit(join, lab, machine, token, certificate_key, log) for machine in workers]
            for machine in planes:
                join(lab, machine, token, certificate_key, log)
            for future in (first_network, *joins):
                future.result()
    with step("pod network, Ready nodes, DNS"):
        connect_pods(lab, plan.machines())
        # Kubespray's first control plane is a kube_node too: it takes pods, but keeps kubeadm's labels
        kubectl(lab, "taint", "nodes", "--all", "node-role.kubernetes.io/control-plane:NoSchedule-", check=False)
        kubectl(lab, "wait", "--for=condition=Ready", "nodes", "--all", "--timeout=300s")
        kubectl(lab, "-n", "kube-system", "rollout", "status", "daemonset/kube-proxy", "--timeout=300s")
        kubectl(lab, "-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=300s")


def connect_first(lab: Lab, first: Node) -> None:
    """Let pods start on a node as soon as it forwards to the API's Service, but not before.

    CoreDNS would dial that Service into the void and try again only after 30 s.
    """
    service = next(ipaddress.ip_network(SERVICES4).hosts())
    dial = f"until timeout 1 bash -c ': < /dev/tcp/{service}/443' 2> /dev/null; do sleep 0.2; done\n"
    node.ssh(lab, first, dial, timeout=300)
    connect_pods(lab, [first])


def fetch_kubeconfig(lab: Lab, machine: Node) -> None:
    """Copy admin.conf to the outside host and to root's home on the node."""
    script = "install -D -m 0600 /etc/kubernetes/admin.conf /root/.kube/config\ncat /etc/kubernetes/admin.conf\n"
    content = node.ssh(lab, machine, script)
    file = kubeconfig(lab)
    file.touch(mode=0o600)
    file.write_text(content, encoding="utf-8")
    os.chmod(file, 0o600)


def join(lab: Lab, machine: Node, token: str, certificate_key: str, log: Path) -> None:
    """One more node."""
    document = json.dumps(join_document(lab.plan, machine, token, certificate_key), indent=1)
    script = patch_files() if machine.control_plane else ""
    script += write_file("/etc/kubernetes/kubeadm-join.json", document, "0600")
    script += "kubeadm join --config /etc/kubernetes/kubeadm-join.json\n"
    if machine.control_plane:
        script += "install -D -m 0600 /etc/kubernetes/admin.conf /root/.kube/config\n"
    node.ssh(lab, machine, script, timeout=900, log=log.with_name(f"join-{machine.name}.log"))


def shares(lab: Lab) -> dict[str, list[str]]:
    """Each node's share of the pod ranges: the order of joining decides it, not the node's number."""
    nodes = json.loads(kubectl(lab, "get", "nodes", "-o", "json"))["items"]
    return {item["metadata"]["name"]: item["spec"].get("podCIDRs", []) for item in nodes}


def connect_pods(lab: Lab, machines: list[Node]) -> None:
    """Give nodes their CNI configuration and routes, as soon as they have a share."""
    deadline = time.monotonic() + 120
    while True:
        known = shares(lab)
        if all(known.get(machine.name) for machine in machines):
            break
        if time.monotonic() > deadline:
            raise LabError(
                f"Not every node has got its pod addresses: {known}.", "Look at kube-controller-manager's log."
            )
        time.sleep(0.5)

    def connect(machine: Node) -> None:
        script = write_file("/etc/lab/network", network_script(lab.plan, machine, known), "0755") + "/etc/lab/network\n"
        script += write_file("/etc/cni/net.d/10-lab.conflist", json.dumps(cni_config(known[machine.name]), indent=1))
        node.ssh(lab, machine, script)

    with ThreadPoolExecutor(max_workers=5) as pool:
        list(pool.map(connect, machines))
