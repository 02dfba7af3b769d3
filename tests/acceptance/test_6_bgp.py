# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Row 10 of the scenario, BGP: routers learn the addresses and balance over the nodes. With each of MetalLB's backends."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import NODES, Cluster, Playbook, eventually

EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
BLUE, RED = "10.100.0.0/28", "10.100.1.0/28"
PASSWORD = "lab-c0rrect-horse"


def balanced(name: str, pool: str) -> str:
    """A Service of type LoadBalancer with an address of a pool, as JSON."""
    meta = {"name": name, "annotations": {"metallb.io/address-pool": pool}}
    spec = {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    return json.dumps({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})


class Bgp:
    """The cluster, its routers, and how MetalLB speaks to them."""

    def __init__(self, cluster: Cluster, backend: str) -> None:
        self.cluster, self.backend = cluster, backend

    def settings(self, tor: dict | None = None, core: dict | None = None, **layer3: object) -> dict:
        """Return variables: two pools, one for each router, and what the words add to the peers."""
        env = self.cluster.env
        peers = {
            "tor": {
                "peer_address": env["LAB_ROUTER1"],
                "peer_asn": int(env["LAB_ROUTER1_ASN"]),
                "address_pool": ["blue"],
                "communities": ["FROM_LAB", "64512:200"],
                **(tor or {}),
            },
            "core": {
                "peer_address": env["LAB_ROUTER2"],
                "peer_asn": int(env["LAB_ROUTER2_ASN"]),
                "multihop": True,
                "address_pool": ["red"],
                **(core or {}),
            },
        }
        return {
            "metallb_ip_range": [],
            "metallb_bgp_backend": self.backend,
            "metallb_reassign_addresses": True,
            "metallb_config": {
                "address_pools": {"blue": {"ip_range": [BLUE]}, "red": {"ip_range": [RED], "auto_assign": False}},
                "layer3": {
                    "defaults": {"my_asn": int(env["LAB_NODES_ASN"])},
                    "communities": {"FROM_LAB": "64512:100"},
                    "metallb_peers": peers,
                    **layer3,
                },
            },
        }

    def play(self, *words: str, playbook: str = "cluster.yml", **settings: object) -> Playbook:
        """Run a playbook with settings."""
        return self.cluster.playbook(playbook, "-e", json.dumps(self.settings(**settings)), *words)

    def vtysh(self, command: str, router: str = "router1") -> dict:
        """Return what a router says."""
        return self.cluster.vtysh(command, router)

    def reload(self, router: str, edit: dict[str, str]) -> None:
        """Start a router anew with its configuration changed: pattern -> replacement."""
        text = self.cluster.lab("router", router, "config")
        for pattern, replacement in edit.items():
            text, number = re.subn(pattern, replacement, text, flags=re.M)
            assert number, f"{pattern} is not in the router's configuration"
        done = self.cluster.run_with_input(
            text, str(self.cluster.lab_command), "--name", self.cluster.name, "router", router, "config", "-"
        )
        assert done.returncode == 0, done.stderr

    def reset(self, *routers: str) -> None:
        """Give routers back the lab's own configuration."""
        for router in routers:
            self.cluster.lab("router", router, "reset")

    def address(self, name: str) -> str:
        """Return a Service's EXTERNAL-IP."""
        return self.cluster.address(name)

    def established(self, router: str = "router1") -> int:
        """Return how many nodes have a session with a router."""
        peers = self.vtysh("show bgp summary", router).get("ipv4Unicast", {}).get("peers", {})
        return sum(peer["state"] == "Established" for peer in peers.values())

    def paths(self, prefix: str, router: str = "router1") -> list[dict]:
        """Return what a router has learned of a prefix."""
        return self.vtysh(f"show bgp ipv4 unicast {prefix}", router).get("paths", [])

    def next_hops(self, prefix: str, router: str = "router1") -> set[str]:
        """Return the nodes that a router would send packets to."""
        return {hop["ip"] for path in self.paths(prefix, router) for hop in path["nexthops"] if path.get("valid")}

    def from_client(self, target: str, times: int = 1) -> list[str]:
        """Return the answers to requests from behind the router."""
        return [self.cluster.from_client(target) for _ in range(times)]


@pytest.fixture(scope="module", autouse=True)
def open_to_all_nodes(cluster: Cluster, web: None) -> Iterator[None]:
    """Every node announces: kubeadm's label on the control plane goes for these tests."""
    cluster.kubectl("label", "node", "node1", f"{EXCLUDED}-")
    cluster.kubectl("apply", "-f", "-", stdin=balanced("red", "red"))
    yield
    cluster.kubectl("delete", "service", "red", "--ignore-not-found")
    cluster.kubectl("label", "node", "node1", f"{EXCLUDED}=")


@pytest.fixture(scope="module", params=["native", pytest.param("frr-k8s", marks=pytest.mark.long)])
def bgp(cluster: Cluster, request: pytest.FixtureRequest) -> Bgp:
    """MetalLB with a backend, sessions with both routers."""
    cluster.add_images(request.param)
    found = Bgp(cluster, request.param)
    played = found.play()
    assert played.status == 0, played.output
    return found


def test_every_node_has_a_session_with_each_router(bgp: Bgp) -> None:
    """The second router is a hop away."""
    for router in ("router1", "router2"):
        eventually(f"sessions with {router}", lambda router=router: bgp.established(router) > 2, 120)
        assert bgp.established(router) == len(NODES)


def test_the_router_learns_the_address_from_every_node(bgp: Bgp) -> None:
    """A /32 with as many next hops as nodes, and with the communities of the peer."""
    prefix = bgp.address("myweb-svc-lb") + "/32"
    eventually("three next hops", lambda: bgp.next_hops(prefix) == set(NODES.values()), 120)
    for path in bgp.paths(prefix):
        assert set(path["community"]["list"]) == {"64512:100", "64512:200"}


def test_each_router_learns_its_own_pool_and_no_other(bgp: Bgp) -> None:
    """Kubespray's role announces every pool to every peer."""
    blue, red = bgp.address("myweb-svc-lb") + "/32", bgp.address("red") + "/32"
    eventually("red at the second router", lambda: len(bgp.paths(red, "router2")) == len(NODES), 120)
    assert bgp.paths(red, "router1") == []
    assert not [path for path in bgp.paths(blue, "router2") if path.get("peer", {}).get("peerId") in NODES.values()]


def test_requests_from_behind_the_router_reach_all_pods(bgp: Bgp) -> None:
    """What it is all for."""
    answers = bgp.from_client(bgp.address("myweb-svc-lb"), 12)
    assert all(answer.startswith("Hello World!") for answer in answers), answers
    assert len(set(answers)) == 3


def test_a_second_run_changes_nothing_and_proves_bgp(bgp: Bgp) -> None:
    """The proof names the nodes that announce."""
    played = bgp.play()
    assert played.status == 0, played.output
    assert played.changed() == dict.fromkeys(NODES, 0)
    assert re.search(r"ok +BGP ", played.output), played.output
    assert "ARP" not in re.sub(r"strict ARP", "", played.output.partition("Proof:")[2])


def routers(bgp: Bgp, directory: Path) -> list[str]:
    """Return what adds the lab's routers to the inventory, one without vtysh and one that is out of reach."""
    local = f"ansible_connection=local ansible_become=false ansible_python_interpreter={sys.executable}"
    lab = f"{bgp.cluster.lab_command} --name {bgp.cluster.name} router"
    lines = [f"{name} {local} metallb_routers_vtysh='{lab} {name} vtysh'" for name in ("router1", "router2")]
    lines += [f"bare {local} metallb_routers_vtysh=/nowhere/vtysh", "gone ansible_host=127.0.0.1 ansible_port=1"]
    file = directory / "routers.ini"
    file.write_text("\n".join(["[metallb_routers]", *lines, ""]), encoding="utf-8")
    return ["-i", str(file), "-e", f"metallb_verify_report_dir={directory}"]


def received(directory: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """Return what the report says of the routers: Service or "nodes", and where -> verdict and finding."""
    checks = json.loads((directory / "metallb-proof.json").read_text(encoding="utf-8"))["checks"]
    return {
        (one["subject"], one["where"]): (one["verdict"], one["found"]) for one in checks if one["check"] == "BGP routes"
    }


def test_the_proof_asks_the_routers_too(bgp: Bgp, tmp_path: Path) -> None:
    """Each has what its own peer is meant to get; one that cannot be asked does not end the run."""
    words = routers(bgp, tmp_path)
    blue, red = bgp.address("myweb-svc-lb") + "/32", bgp.address("red") + "/32"
    eventually("red at the second router", lambda: len(bgp.paths(red, "router2")) == len(NODES), 120)
    played = bgp.play(*words, playbook="playbooks/verify.yml")
    assert played.status == 0, played.output
    found, every = received(tmp_path), ("ok", "next hops node1, node2, node3")
    assert found.pop(("nodes", "bare")) == ("unknown", "/nowhere/vtysh does not run: No such file or directory.")
    verdict, why = found.pop(("nodes", "gone"))
    assert verdict == "unknown"
    assert "127.0.0.1" in why
    assert {router: found.get(("default/myweb-svc-lb", f"{router}, {blue}")) for router in ("router1", "router2")} == {
        "router1": every,
        "router2": None,
    }
    assert {router: found.get(("default/red", f"{router}, {red}")) for router in ("router1", "router2")} == {
        "router1": None,
        "router2": every,
    }


def test_a_route_that_a_router_refuses_is_a_fault(bgp: Bgp, tmp_path: Path) -> None:
    """MetalLB announces it and the session stands; only the router knows."""
    prefix, asn = bgp.address("myweb-svc-lb") + "/32", bgp.cluster.env["LAB_ROUTER1_ASN"]
    words = routers(bgp, tmp_path)

    def configure(*commands: str) -> None:
        lines = ("configure terminal", *commands)
        bgp.cluster.lab("router", "router1", "vtysh", *(word for line in lines for word in ("-c", line)))

    family = (f"router bgp {asn}", "address-family ipv4 unicast")
    rule = f"neighbor {NODES['node2']} prefix-list no-blue in"
    configure(
        f"ip prefix-list no-blue seq 5 deny {BLUE} le 32", "ip prefix-list no-blue seq 10 permit any", *family, rule
    )
    try:
        eventually("no route by node2", lambda: bgp.next_hops(prefix) == {NODES["node1"], NODES["node3"]})
        played = bgp.play(*words, playbook="playbooks/verify.yml")
        played.assert_named("BGP routes", f"router1, {prefix}", "lacks node2")
        assert received(tmp_path)["default/myweb-svc-lb", f"router1, {prefix}"] == ("fault", "lacks node2")
        assert {cause for cause, _where in played.causes()} == {"routes-not-received"}, played.output
    finally:
        configure(*family, f"no {rule}", "exit", "exit", "no ip prefix-list no-blue")
    eventually("all routes again", lambda: bgp.next_hops(prefix) == set(NODES.values()))
    played = bgp.play(*words, playbook="playbooks/verify.yml")
    assert played.status == 0, played.output


@pytest.mark.long
def test_a_node_that_does_not_announce_what_is_new(bgp: Bgp) -> None:
    """Its speaker runs and its session stands, and it hears nothing of the API server."""

    def at_rest() -> bool:
        return not bgp.play(playbook="playbooks/diagnose.yml").causes()

    eventually("nothing is named before", at_rest, 300)
    try:
        with bgp.cluster.cut_off_from_the_api("node2", "output"):
            bgp.cluster.kubectl("apply", "-f", "-", stdin=balanced("late", "blue"))
            eventually("an address", lambda: bgp.address("late") != "<pending>")
            played = bgp.play(playbook="playbooks/diagnose.yml")
    finally:
        bgp.cluster.kubectl("delete", "service", "late")
    assert played.causes() == {("bgp-not-announced", "default/late")}, played.output
    eventually("nothing is named", at_rest, 180)


def test_local_traffic_policy_withdraws_nodes_without_endpoints(bgp: Bgp) -> None:
    """One pod, one next hop."""
    cluster, prefix = bgp.cluster, bgp.address("myweb-svc-lb") + "/32"
    policy = '{"spec": {"externalTrafficPolicy": "%s"}}'
    cluster.kubectl("patch", "service", "myweb-svc-lb", "-p", policy % "Local")
    cluster.kubectl("scale", "replicaset", "myweb-rs", "--replicas=1")
    try:

        def hosts() -> set[str]:
            pods = cluster.objects("pods", "-l", "app=web,env=dev")["items"]
            return {pod["status"]["hostIP"] for pod in pods if not pod["metadata"].get("deletionTimestamp")}

        eventually("one pod", lambda: len(hosts()) == 1)
        eventually("its node alone", lambda: bgp.next_hops(prefix) == hosts(), 120)
        assert bgp.from_client(prefix.partition("/")[0])[0].startswith("Hello World!")
        played = bgp.play(playbook="playbooks/verify.yml")
        assert played.status == 0, played.output
    finally:
        cluster.kubectl("patch", "service", "myweb-svc-lb", "-p", policy % "Cluster")
        cluster.kubectl("scale", "replicaset", "myweb-rs", "--replicas=3")
        cluster.kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "replicaset/myweb-rs", "--timeout=120s")


def test_preference_aggregation_and_node_selectors_arrive(bgp: Bgp) -> None:
    """Inside one AS, as LOCAL_PREF stands for nothing between two."""
    asn = bgp.cluster.env["LAB_NODES_ASN"]
    bgp.reload("router2", {r"^router bgp \d+": f"router bgp {asn}", r"^ neighbor multihop ebgp-multihop.*\n": ""})
    core = {
        "peer_asn": int(asn),
        "multihop": False,
        "localpref": 250,
        "aggregation_length": 28,
        "address_pool": ["red"],
    }
    try:
        played = bgp.play("-e", "metallb_verify=false", core=core)
        assert played.status == 0, played.output
        eventually("the aggregate", lambda: len(bgp.paths(RED, "router2")) == len(NODES), 120)
        assert {path["locPrf"] for path in bgp.paths(RED, "router2")} == {250}
        assert bgp.paths(bgp.address("red") + "/32", "router2") == []
        one = {
            "name": "only-node2",
            "address_pools": ["red"],
            "peers": ["core"],
            "node_selectors": [{"kubernetes.io/hostname": "node2"}],
        }
        limited = {key: value for key, value in core.items() if key in ("peer_asn", "multihop")}
        played = bgp.play("-e", "metallb_verify=false", core={**limited, "address_pool": []}, advertisements=[one])
        assert played.status == 0, played.output
        prefix = bgp.address("red") + "/32"
        eventually("node2 alone", lambda: bgp.next_hops(prefix, "router2") == {NODES["node2"]}, 120)
    finally:
        bgp.reset("router2")


def test_passwords_reach_the_sessions_and_nothing_else(bgp: Bgp, tmp_path: Path) -> None:
    """TCP MD5; not a word of it in output, diff or custom resource."""
    cluster = bgp.cluster
    bgp.reload("router1", {r"^( neighbor \S+) passive": rf"\1 passive\n\1 password {PASSWORD}"})
    try:
        played = bgp.play("-vvv", "--diff", tor={"password": PASSWORD})
        assert played.status == 0, played.output
        assert PASSWORD not in played.output
        eventually("sessions with a password", lambda: bgp.established() == len(NODES), 120)
        peers = cluster.kubectl("get", "bgppeers,bgpadvertisements", "-A", "-o", "yaml")
        assert PASSWORD not in peers
        assert "passwordSecret" in peers
        home = cluster.env.get("ANSIBLE_HOME", cluster.env["HOME"] + "/.ansible")
        assert cluster.run("grep", "-rlF", PASSWORD, home).stdout == ""
        for node in NODES:
            assert cluster.ssh(node, f"grep -rlF {PASSWORD} /root /tmp /var/log /etc || true") == ""
        wrong = bgp.play("-vvv", tor={"password": "wr0ng-" + PASSWORD})
        assert wrong.status != 0
        assert PASSWORD not in wrong.output
        assert bgp.cluster.env["LAB_ROUTER1"] in wrong.text
        assert "another password" in wrong.text.partition("Traffic does not arrive")[2], wrong.text[-3000:]
        assert {cause for cause, _where in wrong.causes()} == {"bgp-session-down"}, wrong.text[-3000:]
    finally:
        bgp.reset("router1")
        played = bgp.play()
    assert played.status == 0, played.output
    assert "metallb-peer-tor" not in cluster.kubectl("get", "secrets", "-n", "metallb-system")


def test_bfd_tells_the_router_at_once(bgp: Bgp) -> None:
    """A cut link: the next hop goes because of BFD, long before the hold time."""
    if bgp.backend == "native":
        pytest.skip("native has no BFD; the settings are refused")
    cluster = bgp.cluster
    bgp.reload("router1", {r"^( neighbor \S+) passive": r"\1 passive\n\1 bfd profile lab"})
    fast = {"fast": {"receive_interval": 300, "transmit_interval": 300, "detect_multiplier": 3}}
    try:
        played = bgp.play(tor={"bfd_profile": "fast"}, bfd_profiles=fast)
        assert played.status == 0, played.output
        prefix, gone = bgp.address("myweb-svc-lb") + "/32", NODES["node3"]

        def up() -> bool:
            peers = bgp.vtysh("show bfd peers")
            return sum(peer["status"] == "up" for peer in peers) == len(NODES)

        eventually("BFD with every node", up, 120)
        eventually("three next hops", lambda: len(bgp.next_hops(prefix)) == len(NODES), 120)
        cut = time.monotonic()
        cluster.lab("cut", "node3")
        try:
            eventually("the next hop is gone", lambda: gone not in bgp.next_hops(prefix), 60)
            print(f"BFD, 300 ms x 3: the next hop was gone {time.monotonic() - cut:.2f} s after the cable was pulled")
            told = bgp.vtysh(f"show bgp neighbors {gone}")[gone]
            assert "BFD Down" in told.get("lastNotificationReason", ""), told
        finally:
            cluster.lab("heal", "node3")
        eventually("it is back", lambda: gone in bgp.next_hops(prefix), 180)
        cluster.kubectl("wait", "--for=condition=Ready", "node/node3", "--timeout=180s")
    finally:
        bgp.reset("router1")


def test_graceful_restart_is_agreed_on(bgp: Bgp) -> None:
    """The router keeps the routes of a speaker that comes back."""
    if bgp.backend == "native":
        pytest.skip("native has no graceful restart; the settings are refused")
    played = bgp.play(tor={"graceful_restart": True})
    assert played.status == 0, played.output

    def modes() -> set[str]:
        neighbours = bgp.vtysh("show bgp neighbors")
        return {
            one.get("gracefulRestartInfo", {}).get("remoteGrMode", "")
            for address, one in neighbours.items()
            if address in NODES.values()
        }

    eventually("graceful restart at all nodes", lambda: modes() == {"Restart"}, 120)


def test_what_a_backend_lacks_is_refused(bgp: Bgp) -> None:
    """Before anything changes, with the backend that has it."""
    if bgp.backend != "native":
        pytest.skip("only native lacks something")
    played = bgp.play(tor={"bfd_profile": "fast"}, bfd_profiles={"fast": {}})
    assert played.status != 0
    assert 'metallb_bgp_backend: "frr-k8s"' in played.text
    assert set(played.changed().values()) == {0}


@pytest.mark.long
def test_the_deprecated_frr_mode_comes_up(cluster: Cluster) -> None:
    """It installs over another backend, and the router learns the address."""
    cluster.add_images("frr")
    frr = Bgp(cluster, "frr")
    played = frr.play()
    assert played.status == 0, played.output
    assert "frr-k8s" not in cluster.kubectl("get", "daemonsets,deployments", "-n", "metallb-system")
    prefix = frr.address("myweb-svc-lb") + "/32"
    eventually("three next hops", lambda: frr.next_hops(prefix) == set(NODES.values()), 180)


def test_back_to_layer2(cluster: Cluster) -> None:
    """The seed's own inventory again: peers, advertisements and pools of BGP are gone."""
    cluster.kubectl("delete", "service", "red")  # nothing could give it an address any more
    played = cluster.playbook("cluster.yml", "-e", "metallb_reassign_addresses=true")
    assert played.status == 0, played.output
    for kind in ("bgppeers", "bgpadvertisements", "bfdprofiles", "communities"):
        assert cluster.objects(kind, "-n", "metallb-system")["items"] == []
    assert cluster.curl("192.168.100.240").startswith("Hello World!")
