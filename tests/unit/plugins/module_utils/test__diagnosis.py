# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _announcers, _causes, _diagnosis
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import (
    ASTRAY,
    BGP,
    CLUSTER_IP,
    DATA_PLANE,
    DNS_NAME,
    EXTERNAL_IP,
    FAULT,
    FROM_POD,
    LED,
    NODES,
    OFF_LINK,
    OK,
    OUTDATED,
    PROXY_MODE,
    REPLACED,
    ROUTES,
    SESSION,
    SEVERAL,
    SILENT,
    STRANGER,
    STRICT_ARP,
    UNKNOWN,
    WAY_BACK,
    Row,
)
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import Walked

Object = dict[str, t.Any]
WEB = "default/web"
VIP = "192.168.100.240"


def facts(**changes: t.Any) -> Object:
    healthy: Object = {
        "pending": [],
        "workloads": [],
        "webhooks": [],
        "legacy_configmap": "",
        "strict_arp": True,
        "kube_proxy": {},
        "announce_failures": [],
        "stale": [],
        "foreign_addresses": {},
        "competitors": [],
        "pool_overlaps": [],
        "nodes_not_ready": {},
    }
    return {**healthy, **changes}


def service(**changes: t.Any) -> Object:
    healthy: Object = {
        "service": WEB,
        "addresses": [VIP],
        "pool": "main",
        "reason": "",
        "layer2": True,
        "announcers": ["node1"],
        "election": {"node": "node1", "reasons": {}},
        "bgp": None,
        "backends": ["10.233.64.4", "10.233.65.4", "10.233.66.4"],
    }
    return {**healthy, **changes}


def state(*services: Object, speakers: t.Sequence[str] = ("node1", "node2")) -> Object:
    return {"services": list(services), "speakers": list(speakers)}


def row(*signs: str, verdict: str = FAULT, subject: str = WEB, node: str = "") -> Object:
    return Row(verdict, subject, "check", "there", "this", "another", f"{subject}/k", node, signs=signs)._asdict()


def data_plane(kind: str, sign: str = "", node: str = "node2") -> Object:
    return row(DATA_PLANE, kind, sign, subject=NODES, node=node)


def in_pod(verdict: str) -> Object:
    return row(CLUSTER_IP, FROM_POD, verdict=verdict)


def outside(verdict: str) -> Object:
    return row(EXTERNAL_IP, verdict=verdict)


def by_pod(verdict: str = FAULT) -> Object:
    return row(EXTERNAL_IP, FROM_POD, verdict=verdict)


def session(node: str = "node1") -> Object:
    return row(SESSION, subject=NODES, node=node)


def part(name: str, *reasons: str, nodes: t.Sequence[str] = ()) -> Object:
    return {"name": name, "done": False, "status": "0 of 1 ready", "reasons": list(reasons), "nodes": list(nodes)}


def pending(cause: str, text: str = "why", name: str = WEB) -> Object:
    return {"service": name, "cause": cause, "text": text}


def named(
    found_facts: Object | None = None, found_state: Object | None = None, rows: t.Sequence[Object] = ()
) -> list[tuple[str, str]]:
    found = _diagnosis.findings(found_facts or facts(), found_state or state(service()), rows)
    assert all(one.evidence for one in found), found
    return [(one.cause, one.subject) for one in found]


CONTROLLER, SPEAKER = "Deployment/metallb-system/controller", "DaemonSet/metallb-system/speaker"
PULL = "pod speaker-x on node3: ImagePullBackOff for image quay.io/metallb/speaker:v0.16.1 (not found)"


def test_a_healthy_cluster_has_no_cause() -> None:
    assert named(rows=[row(SILENT, verdict=OK), row(verdict=OK)]) == []


@pytest.mark.parametrize(
    ("changes", "causes"),
    [
        ({"workloads": [part(SPEAKER, PULL)]}, [("image-not-pulled", "cluster")]),
        ({"workloads": [part(CONTROLLER, PULL)]}, [("image-not-pulled", "cluster")]),
        (
            {"workloads": [part(SPEAKER, PULL, "pod speaker-y on node1: CrashLoopBackOff in container speaker")]},
            [("image-not-pulled", "cluster"), ("speaker-down", "cluster")],
        ),
        ({"workloads": [part(CONTROLLER, "it is scaled to 0 replicas")]}, [("controller-down", "cluster")]),
        ({"workloads": [part(SPEAKER)]}, [("speaker-down", "cluster")]),
        ({"webhooks": [part("ValidatingWebhookConfiguration/x", "no answer")]}, [("webhook-not-serving", "cluster")]),
        # The controller serves the webhook and gives the addresses.
        (
            {
                "workloads": [part(CONTROLLER, "it does not exist")],
                "webhooks": [part("ValidatingWebhookConfiguration/x", "its Service has no ready endpoint")],
                "pending": [pending("controller-down")],
            },
            [("controller-down", "cluster")],
        ),
        ({"pending": [pending("no-pool"), pending("no-pool", name="default/b")]}, [("no-pool", "cluster")]),
        (
            {"pending": [pending("no-pool")], "legacy_configmap": "ConfigMap/metallb-system/config"},
            [("legacy-configmap", "cluster")],
        ),
        ({"legacy_configmap": "ConfigMap/metallb-system/config"}, []),
        (
            {"pending": [pending("pool-exhausted"), pending("foreign-class", name="default/b")]},
            [("pool-exhausted", WEB), ("foreign-class", "default/b")],
        ),
    ],
)
def test_what_the_api_says_of_metallb(changes: Object, causes: list[tuple[str, str]]) -> None:
    assert named(facts(**changes)) == causes


NOBODY: Object = {"announcers": [], "election": {"node": "", "reasons": {}}}


def why(**ids: str) -> Object:
    return {node: {"id": one, "text": "is as it is"} for node, one in ids.items()}


def hindered(**ids: str) -> Object:
    return {"announcers": [], "election": {"node": "", "reasons": why(**ids)}}


@pytest.mark.parametrize(
    ("changes", "causes"),
    [
        ({"reason": f"has {VIP}, which no IPAddressPool holds"}, [("pool-gone", WEB)]),
        ({"backends": [], "announcers": []}, [("no-endpoint", WEB)]),
        ({"announcers": ["node1", "node2"]}, [("split-brain", WEB)]),
        ({"layer2": False, "announcers": [], "election": None}, [("no-advertisement", WEB)]),
        (hindered(node1=_announcers.LABELLED, node2=_announcers.NOT_SELECTED), [("nodes-excluded", WEB)]),
        (hindered(node1=_announcers.NOT_SELECTED), [("no-node-selected", WEB)]),
        (hindered(node1=_announcers.NO_ENDPOINT, node2=_announcers.NO_SPEAKER), [("local-without-endpoint", WEB)]),
        (hindered(node1=_announcers.NO_SPEAKER), [("speaker-down", "cluster")]),
        (hindered(node1=_announcers.NO_NETWORK), []),
        (
            {"layer2": False, "election": None, "bgp": {"expected": {}, "reasons": why(node1=_announcers.LABELLED)}},
            [("nodes-excluded", WEB)],
        ),
        # By the other protocol it is announced.
        ({"bgp": {"expected": {}, "reasons": why(node1=_announcers.NO_PEER)}}, []),
    ],
)
def test_who_announces(changes: Object, causes: list[tuple[str, str]]) -> None:
    assert named(found_state=state(service(**changes))) == causes


def test_an_address_that_something_else_gave() -> None:
    homeless = service(reason=f"has {VIP}, which no IPAddressPool holds")
    told = facts(foreign_addresses={WEB: "it lacks the annotation"}, competitors=["kube-vip runs"])
    (found,) = _diagnosis.findings(told, state(homeless, service(service="default/b")), [row()])
    assert (found.cause, found.subject) == ("other-load-balancer", WEB)
    assert found.evidence == [
        f"{WEB} has {VIP}, which no IPAddressPool holds",
        "it lacks the annotation",
        "kube-vip runs",
    ]
    # By then it has one of a pool.
    assert named(told) == []


def test_a_service_without_an_address_is_explained() -> None:
    told = facts(pending=[pending("no-pool")])
    waiting = state(service(addresses=[], reason="there is no IPAddressPool"))
    rows = [row()]
    assert named(told, waiting, rows) == [("no-pool", "cluster")]


def test_a_pool_that_overlaps_is_named_and_explains_nothing() -> None:
    told = facts(pool_overlaps=["IPAddressPool main: overlaps", "IPAddressPool more: overlaps"])
    (found,) = _diagnosis.findings(told, state(service()), [])
    assert (found.cause, found.subject, found.evidence) == ("pool-overlap", "cluster", told["pool_overlaps"])
    assert named(told, rows=[row()]) == [("pool-overlap", "cluster"), ("unexplained", WEB)]


def test_what_leaves_traffic_alone_explains_no_fault_of_it() -> None:
    told = facts(webhooks=[part("ValidatingWebhookConfiguration/x", "no answer")])
    rows = [row()]
    assert named(told, rows=rows) == [("webhook-not-serving", "cluster"), ("unexplained", WEB)]


def test_the_deployment_of_frr_k8s_is_no_controller() -> None:
    told = facts(
        workloads=[part("Deployment/metallb-system/frr-k8s-statuscleaner", "it is scaled to 0 replicas")],
        pending=[pending("controller-silent")],
    )
    assert named(told) == [("speaker-down", "cluster"), ("controller-silent", WEB)]


def test_without_any_speaker_something_else_announces() -> None:
    unannounced = service(layer2=False, announcers=[], election=None)
    assert named(found_state=state(unannounced, speakers=[])) == []


def test_an_event_of_the_past_is_no_cause() -> None:
    told = facts(announce_failures=[{"service": WEB, "text": "the interfaces ... doesn't exist in assigned node"}])
    silent = [row(SILENT)]
    assert named(told, rows=silent) == [("interface-missing", WEB)]
    assert named(told) == []


@pytest.mark.parametrize("number", [1, 20])
def test_events_are_gone_through_once_whatever_the_number_of_services(number: int) -> None:
    names = [f"default/web-{at:02}" for at in range(number)]
    events = Walked([{"service": name, "text": text} for name in names for text in ("before", "at last")])
    silent = [row(SILENT, subject=name) for name in names]
    found = _diagnosis.findings(facts(announce_failures=events), state(), silent)
    assert [(one.cause, one.subject, one.evidence[1:]) for one in found] == [
        ("interface-missing", name, ["at last"]) for name in names
    ]
    assert events.walks == 1


@pytest.mark.parametrize(
    ("rows", "causes"),
    [
        ([data_plane("weight")], [("weight-zero", "node2")]),
        ([data_plane("missing"), data_plane("absent")], [("kube-proxy-stuck", "node2")]),
        (
            [data_plane("missing"), data_plane("missing", node="node1")],
            [("kube-proxy-stuck", "node1"), ("kube-proxy-stuck", "node2")],
        ),
        ([data_plane("orphan")], [("stray-entry", "node2")]),
        ([data_plane("bind")], [("address-left-bound", "node2")]),
        ([data_plane("bind", "unbound")], [("kube-proxy-stuck", "node2")]),
        ([data_plane("rule", "filter")], [("rules-broken", "node2")]),
        ([data_plane("rule", "filter")] * 7, [("kernel-feature-missing", "node2")]),
        ([data_plane("rule")] * 7, [("rules-broken", "node2")]),
        ([data_plane("rule", "filter"), data_plane("rule", "nat")] * 7, [("rules-broken", "node2")]),
        ([data_plane("ipset")], [("sets-wrong", "node2")]),
        # What stands still is behind with all of it.
        (
            [data_plane("ipset"), data_plane("missing"), data_plane("orphan"), data_plane("bind")],
            [("kube-proxy-stuck", "node2")],
        ),
        (
            [data_plane("ipset"), data_plane("missing", node="node1")],
            [("kube-proxy-stuck", "node1"), ("sets-wrong", "node2")],
        ),
        ([data_plane("ipset", "no-sets")], [("kernel-feature-missing", "node2")]),
        ([data_plane("leftover")], [("left-overs", "node2")]),
        ([row(STRANGER, SEVERAL)], [("duplicate-address", WEB)]),
        ([row(SILENT)], [("announcer-silent", WEB)]),
        # Requests then come in by another node than the status names, too.
        ([row(OUTDATED), row(ASTRAY), row()], [("status-outdated", WEB)]),
        ([row(OUTDATED, verdict=OK)], []),
        ([row(SEVERAL)], [("split-brain", WEB)]),
        ([row(SEVERAL), row(STRICT_ARP, subject=NODES, node="node2")], [("strict-arp-not-applied", "node2")]),
        ([session()], [("bgp-session-down", "node1")]),
        ([row(BGP)], [("bgp-not-announced", WEB)]),
        ([row(ROUTES)], [("routes-not-received", WEB)]),
        ([row(BGP), row(ROUTES)], [("bgp-not-announced", WEB)]),
        # A symptom of a session that is down, of a node, of the cluster.
        ([session(), row(BGP)], [("bgp-session-down", "node1")]),
        ([data_plane("weight"), row()], [("weight-zero", "node2")]),
        ([row()], [("unexplained", WEB)]),
        ([row(LED)], [("backend-silent", WEB)]),
        ([row(OFF_LINK)], [("pool-off-link", WEB)]),
        ([row(OFF_LINK, verdict=UNKNOWN)], []),
        ([row(WAY_BACK)], [("return-path", WEB)]),
        ([row(REPLACED)], [("client-address-lost", WEB)]),
        ([row(ASTRAY)], [("path-outdated", WEB)]),
        # A namespace called like a kind of row.
        ([row(BGP, subject="session/web")], [("bgp-not-announced", "session/web")]),
        # Of two machines that answer, the other one may get the requests.
        ([row(ASTRAY), row(STRANGER, SEVERAL)], [("duplicate-address", WEB)]),
        ([outside(OK), by_pod()], [("closed-to-pods", WEB)]),
        ([outside(OK), row(EXTERNAL_IP, FROM_POD, LED)], [("backend-silent", WEB)]),
        ([outside(OK), by_pod(OK)], []),
        ([outside(FAULT), by_pod()], [("unexplained", WEB)]),
        ([by_pod()], [("unexplained", WEB)]),
        ([outside(OK), by_pod(), in_pod(FAULT)], [("unexplained", WEB)]),
        ([outside(OK), by_pod(), data_plane("weight")], [("weight-zero", "node2")]),
        ([row(DNS_NAME, FROM_POD), in_pod(OK)], [("cluster-dns", WEB)]),
        ([row(DNS_NAME, FROM_POD), row(CLUSTER_IP, verdict=OK)], [("unexplained", WEB)]),
        ([row(DNS_NAME, FROM_POD), in_pod(FAULT)], [("unexplained", WEB)]),
        ([row(DNS_NAME, FROM_POD), in_pod(OK), row(CLUSTER_IP)], [("unexplained", WEB)]),
        ([row(DNS_NAME, FROM_POD)], [("unexplained", WEB)]),
    ],
)
def test_what_the_proof_found(rows: list[Object], causes: list[tuple[str, str]]) -> None:
    assert named(rows=rows) == causes


def astray(node: str, verdict: str = FAULT) -> Object:
    return {**row(PROXY_MODE, verdict=verdict, subject=NODES, node=node), "where": node}


@pytest.mark.parametrize(
    ("rows", "causes"),
    [
        ([astray("node1")], [("mode-not-applied", "cluster")]),
        ([astray("node1"), astray("node2")], [("mode-not-applied", "cluster")]),
        ([astray("node1", "lag"), astray("node2", "note")], []),
        # What is left over of the mode that is to come is none of this node's, but of another's it is.
        ([data_plane("leftover"), astray("node2")], [("mode-not-applied", "cluster")]),
        ([astray("node1"), data_plane("leftover")], [("mode-not-applied", "cluster"), ("left-overs", "node2")]),
        # A table that is wrong in the mode that runs is a fault of its own, and so is a Service that does not answer.
        ([astray("node2"), data_plane("weight")], [("mode-not-applied", "cluster"), ("weight-zero", "node2")]),
        (
            [astray("node2"), row()],
            [("mode-not-applied", "cluster"), ("unexplained", WEB)],
        ),
    ],
)
def test_a_mode_that_was_changed_without_a_restart(rows: list[Object], causes: list[tuple[str, str]]) -> None:
    assert named(rows=rows) == causes


def test_the_nodes_in_another_mode_are_the_evidence() -> None:
    (found,) = _diagnosis.findings(facts(), state(), [astray("node1"), astray("node2")])
    assert found.evidence == [f"check: {node}, expected this, found another" for node in ("node1", "node2")]


def test_kube_proxy_that_does_not_run_explains_its_nodes_rows() -> None:
    told = facts(kube_proxy={"node2": "pod kube-proxy-x: CrashLoopBackOff in container kube-proxy"})
    assert named(told, rows=[data_plane("missing"), data_plane("weight")]) == [("kube-proxy-down", "node2")]


DOWN = ("node-not-ready", "node2")
STRAY = {"announcers": ["node1", "node2"]}
GONE = {"announcers": ["node2"], "election": {"node": "node2", "reasons": {}}}
OLD = {"announcers": None, "election": {"node": "node2", "reasons": {}}}
RUNS_NOT = {"node2": "pod kube-proxy-x: is running but not ready yet"}


@pytest.mark.parametrize(
    ("changes", "web", "rows", "causes"),
    [
        ({}, {}, [], [DOWN]),
        # What is no wonder there.
        ({"kube_proxy": RUNS_NOT}, {}, [data_plane("missing")], [DOWN]),
        ({}, {}, [data_plane("missing"), session("node2"), row(BGP), row(ROUTES)], [DOWN]),
        ({"workloads": [part(SPEAKER, "pod x on node2: ...", nodes=["node2"])]}, {}, [], [DOWN]),
        (
            {
                "workloads": [part(CONTROLLER, "pod x on node2: ...", nodes=["node2"])],
                "pending": [pending("controller-down")],
                "webhooks": [part("ValidatingWebhookConfiguration/x", "no answer")],
            },
            {},
            [],
            [DOWN],
        ),
        ({}, {}, [row()], [DOWN]),
        ({}, STRAY, [], [DOWN]),
        ({}, GONE, [row(SILENT)], [DOWN]),
        ({}, OLD, [row(SILENT)], [DOWN]),
        # What is one more cause.
        ({}, {}, [row(ASTRAY), row()], [("path-outdated", WEB), DOWN]),
        ({}, {}, [data_plane("weight")], [DOWN, ("weight-zero", "node2")]),
        ({}, {}, [data_plane("missing", node="node1")], [DOWN, ("kube-proxy-stuck", "node1")]),
        ({}, {}, [session("node1")], [("bgp-session-down", "node1"), DOWN]),
        ({}, {}, [row(SILENT)], [("announcer-silent", WEB), DOWN]),
        ({}, {"announcers": ["node1", "node2", "node3"]}, [], [("split-brain", WEB), DOWN]),
        (
            {"workloads": [part(SPEAKER, "pods x on node1, y on node2: ...", nodes=["node1", "node2"])]},
            {},
            [],
            [("speaker-down", "cluster"), DOWN],
        ),
        ({"workloads": [part(SPEAKER, "1 of 3", nodes=["", "node2"])]}, {}, [], [("speaker-down", "cluster"), DOWN]),
        ({"workloads": [part(SPEAKER)]}, {}, [], [("speaker-down", "cluster"), DOWN]),
    ],
)
def test_a_node_that_is_down(changes: Object, web: Object, rows: list[Object], causes: list[tuple[str, str]]) -> None:
    told = facts(nodes_not_ready={"node2": "NodeStatusUnknown: Kubelet stopped posting node status."}, **changes)
    assert named(told, state(service(**web)), rows) == causes
    (found,) = [one for one in _diagnosis.findings(told, state(service(**web)), rows) if one.cause == "node-not-ready"]
    assert found.evidence == ["node2: NodeStatusUnknown: Kubelet stopped posting node status."]


@pytest.mark.parametrize(
    ("configured", "causes"),
    [
        (True, [("strict-arp-not-applied", "node1"), ("strict-arp-not-applied", "node2")]),
        (False, [("strict-arp-off", "cluster")]),
    ],
)
def test_strict_arp(configured: bool, causes: list[tuple[str, str]]) -> None:
    rows = [row(STRICT_ARP, subject=NODES, node=node) for node in ("node1", "node2")]
    assert named(facts(strict_arp=configured), rows=rows) == causes


def test_a_configuration_that_was_not_taken_up() -> None:
    told = facts(stale=["speaker-node1: peer tor refers to missing BFD profile fast"])
    assert named(told) == [("configuration-stale", "cluster")]
    assert named(told, rows=[session(), row(BGP)]) == [("configuration-stale", "cluster")]


def test_silence_is_a_symptom_of_a_speaker_that_does_not_run() -> None:
    rows = [row(SILENT)]
    assert named(facts(workloads=[part(SPEAKER, "no node fits")]), rows=rows) == [("speaker-down", "cluster")]


def test_silence_is_a_symptom_where_nobody_may_announce() -> None:
    nobody = service(**hindered(node1=_announcers.LABELLED))
    rows = [row(SILENT)]
    assert named(found_state=state(nobody), rows=rows) == [("nodes-excluded", WEB)]


def test_the_text_has_sentence_evidence_and_remedy() -> None:
    found = _diagnosis.findings(facts(), state(), [data_plane("weight")])
    cause = _causes.CAUSES["weight-zero"]
    assert _diagnosis.text(found) == [
        "Diagnosis: 1 cause",
        "",
        "weight-zero (node2)",
        f"  {cause.sentence}",
        "  - check: there, expected this, found another",
        f"  Remedy: {cause.remedy}",
    ]
    assert _diagnosis.text([]) == ["Diagnosis: no cause for complaint."]


def test_much_evidence_is_cut() -> None:
    lines = _diagnosis.text([_diagnosis.Finding("no-pool", "cluster", [f"{number} is pending" for number in range(9)])])
    assert "  - and 4 more like these" in lines
    assert "  - 5 is pending" not in lines


def test_a_request_by_name_that_a_backend_does_not_answer_is_no_matter_of_dns() -> None:
    assert named(rows=[in_pod(OK), row(DNS_NAME, FROM_POD, LED)]) == [("backend-silent", WEB)]
