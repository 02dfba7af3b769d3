# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _verdict
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import FAULT, LAG, NOTE, OK, SEVERAL, UNKNOWN
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.proof_looks import (
    M1,
    M2,
    M3,
    VIP,
    VIP6,
    answered,
    arp,
    look,
    of,
    service,
    target,
    told,
)

Object = dict[str, t.Any]
SECOND = "02:00:5e:00:53:20"


def two_interfaces(node: str) -> Object:
    """A node that is on the segment twice."""
    found = arp(node)
    return {**found, "interfaces": [*found["interfaces"], {"name": "eth1", "mac": SECOND, "rp_filter": 0}]}


ARP: list[tuple[Object, dict[str, Object], str, str]] = [
    # Service, what the nodes saw, verdict, part of what was found
    (
        service(),
        {"node1": arp("node1", M2), "node2": arp("node2"), "node3": arp("node3", M2)},
        OK,
        "node2 (02:00:5e:00:53:02)",
    ),
    (
        service(),
        {"node1": arp("node1", M2, M3), "node2": arp("node2"), "node3": arp("node3", M2)},
        FAULT,
        "node2 (02:00:5e:00:53:02), node3 (02:00:5e:00:53:03)",
    ),
    (service(), {"node1": arp("node1", M3), "node2": arp("node2", M3), "node3": arp("node3")}, FAULT, "node3 ("),
    (
        service(),
        {"node1": arp("node1", "02:00:5e:00:53:ff"), "node2": arp("node2")},
        FAULT,
        "an unknown host (02:00:5e:00:53:ff)",
    ),
    (
        service(),
        {"node1": arp("node1"), "node2": arp("node2"), "node3": arp("node3")},
        FAULT,
        "no answer, asked from node1, node2, node3",
    ),
    (service(announcers=[]), {"node1": arp("node1", M2), "node2": arp("node2")}, FAULT, "no ServiceL2Status names"),
    (
        service(announcers=[]),
        {"node1": arp("node1"), "node2": arp("node2")},
        FAULT,
        "no answer; no ServiceL2Status names",
    ),
    (service(announcers=["node1", "node2"]), {"node1": arp("node1", M2)}, FAULT, "node1 and node2 announce it"),
    # A node does not hear its own answer.
    (service(), {"node2": arp("node2")}, UNKNOWN, "only node2 itself could ask"),
    (
        service(),
        {"node1": arp("node1", on_link=False), "node2": arp("node2", on_link=False)},
        UNKNOWN,
        "is on its segment",
    ),
    (service(), {"node1": {"arp": None}}, UNKNOWN, "is on its segment"),
    # With --limit the announcing node's MAC address is not known.
    (service(), {"node1": arp("node1", M2)}, UNKNOWN, "02:00:5e:00:53:02, and node2 is not in this run"),
    (
        service(),
        {"node1": arp("node1", M2), "node2": {"arp": {}, "problem": "no connection"}},
        UNKNOWN,
        "02:00:5e:00:53:02, and node2 could not be looked at",
    ),
    # Two interfaces of the announcing node, or two machines.
    (
        service(),
        {"node1": arp("node1", M2, M3)},
        UNKNOWN,
        "02:00:5e:00:53:02, 02:00:5e:00:53:03, and node2 is not in this run",
    ),
    (
        service(),
        {"node1": arp("node1", "02:00:5e:00:53:fe", "02:00:5e:00:53:ff"), "node2": arp("node2")},
        FAULT,
        "an unknown host (02:00:5e:00:53:fe), an unknown host (02:00:5e:00:53:ff)",
    ),
    # MetalLB answers by every interface on the segment.
    (
        service(),
        {"node1": arp("node1", M2, SECOND), "node2": two_interfaces("node2")},
        OK,
        "node2 (02:00:5e:00:53:02, 02:00:5e:00:53:20); node2 by each interface there, unless an L2Advertisement",
    ),
    (
        service(announcers=None),
        {"node1": arp("node1", M2, SECOND), "node2": two_interfaces("node2")},
        OK,
        "node2 (02:00:5e:00:53:02, 02:00:5e:00:53:20); node2 by each interface there",
    ),
    (
        service(),
        {"node1": arp("node1", M2, SECOND, M3), "node2": two_interfaces("node2"), "node3": arp("node3")},
        FAULT,
        "node2 (02:00:5e:00:53:02, 02:00:5e:00:53:20), node3 (02:00:5e:00:53:03); node2 by each",
    ),
    (
        service(),
        {
            "node1": arp("node1", SECOND, M2),
            "node2": two_interfaces("node2"),
            "node3": arp("node3", "02:00:5e:00:53:ff"),
        },
        FAULT,
        "an unknown host (02:00:5e:00:53:ff), node2 (02:00:5e:00:53:02, 02:00:5e:00:53:20)",
    ),
    # MetalLB before 0.14.4 has no ServiceL2Status: one node has to answer, whichever it is.
    (service(announcers=None), {"node1": arp("node1", M2), "node2": arp("node2")}, OK, "node2 (02:00:5e:00:53:02)"),
    (
        service(announcers=None),
        {"node1": arp("node1", M2, M3), "node2": arp("node2"), "node3": arp("node3")},
        FAULT,
        "node3",
    ),
    (service(announcers=None), {"node1": arp("node1", M2)}, UNKNOWN, "an unknown host (02:00:5e:00:53:02)"),
    (
        service(announcers=None),
        {"node1": arp("node1", "02:00:5e:00:53:fe", "02:00:5e:00:53:ff"), "node2": arp("node2")},
        FAULT,
        "an unknown host",
    ),
    (
        service(announcers=None),
        {"node1": arp("node1", "02:00:5e:00:53:fe", "02:00:5e:00:53:ff"), "node2": {"arp": {}, "problem": "gone"}},
        UNKNOWN,
        "an unknown host",
    ),
    (
        service(announcers=None),
        {"node1": arp("node1"), "node2": arp("node2")},
        FAULT,
        "no answer, asked from node1, node2",
    ),
]

# What else names a node, what the others heard; verdict and end of what was found, and the notes.
BEFORE = "02:00:5e:00:53:02); ServiceL2Status metallb-system/l2-x, which names node1, is outdated: MetalLB elects node2"
DISAGREE = "the speakers do not agree on which of them run (memberlist)"
ELECTED: list[tuple[str, Object, tuple[str, ...], str, str, list[str]]] = [
    ("a status that is outdated", {"announcers": ["node1"]}, (M2,), FAULT, BEFORE, []),
    ("without an event", {"announcers": ["node1"], "assigned": ""}, (M2,), FAULT, BEFORE, []),
    ("by a rule that is not known", {"announcers": ["node1"], "election": None}, (M2,), FAULT, BEFORE, []),
    (
        "an event that agrees with the status",
        {"announcers": ["node1"], "assigned": "node1"},
        (M2,),
        FAULT,
        "node2 (02:00:5e:00:53:02)",
        ["election: node1: " + DISAGREE],
    ),
    (
        "a node that does as its status says",
        {"announcers": ["node1"]},
        (M1,),
        OK,
        "node1 (02:00:5e:00:53:01)",
        ["election: node1: " + DISAGREE, "event: node2"],
    ),
    (
        "two that answer",
        {"announcers": ["node1"]},
        (M1, M2),
        FAULT,
        "node1 (02:00:5e:00:53:01), node2 (02:00:5e:00:53:02)",
        ["election: node1: " + DISAGREE, "event: node2"],
    ),
    ("no status and all agree", {"announcers": None}, (M2,), OK, "node2 (02:00:5e:00:53:02)", []),
    (
        "no status, and rule and event say otherwise",
        {"announcers": None},
        (M1,),
        FAULT,
        "node1 (02:00:5e:00:53:01)",
        ["election: node1: " + DISAGREE, "event: node2"],
    ),
    (
        "no status and no event",
        {"announcers": None, "assigned": ""},
        (M1,),
        OK,
        "node1 (02:00:5e:00:53:01)",
        ["election: node1: " + DISAGREE],
    ),
    (
        "no status, and an event before the last change",
        {"announcers": None, "assigned": "node1"},
        (M2,),
        OK,
        "node2 (02:00:5e:00:53:02)",
        ["event: node1"],
    ),
    (
        "no status and a rule that is not known",
        {"announcers": None, "election": None, "assigned": "node1"},
        (M2,),
        OK,
        "node2 (02:00:5e:00:53:02)",
        ["event: node1"],
    ),
    (
        "no status, and nobody may",
        {"announcers": None, "assigned": "", "election": {"node": "", "reasons": {"node1": {"id": "x", "text": "no"}}}},
        (M1,),
        OK,
        "node1 (02:00:5e:00:53:01)",
        ["election: node1: " + DISAGREE],
    ),
    ("no status and no answer", {"announcers": None}, (), FAULT, "no answer, asked from node1, node2, node3", []),
    (
        "no status and two that answer",
        {"announcers": None},
        (M1, M2),
        FAULT,
        "node1 (02:00:5e:00:53:01), node2 (02:00:5e:00:53:02)",
        [],
    ),
]


@pytest.mark.parametrize(
    ("changed", "macs", "verdict", "end", "notes"), [one[1:] for one in ELECTED], ids=[one[0] for one in ELECTED]
)
def test_what_elects_and_who_answers(
    changed: Object, macs: tuple[str, ...], verdict: str, end: str, notes: list[str]
) -> None:
    hosts = {node: {"arp": arp(node, *(macs if node == "node3" else ()))} for node in ("node1", "node2", "node3")}
    rows = look(service(**changed), hosts)
    ((found, _where, wanted, text),) = of(rows, "ARP")
    assert (found, text.endswith(end)) == (verdict, True), text
    noted = [row for row in rows if row.check in ("election", "event")]
    assert [f"{row.check}: {row.found}" for row in noted] == notes
    assert {row.verdict for row in noted} <= {NOTE}
    if changed["announcers"] is None:
        together = changed.get("assigned", "node2") == "node2" and "election" not in changed
        assert wanted == "one answer, from {0}".format("node2" if together else "a node")


SPEAKERLESS = {"id": "no-speaker", "text": "has no running speaker"}


def test_only_several_nodes_are_a_sign_of_split_brain() -> None:
    """The wrong node by two interfaces is one wrong node."""
    hosts = {"node1": arp("node1", M2, SECOND), "node2": two_interfaces("node2"), "node3": arp("node3")}
    for announcer, macs, signs in (("node3", (M2, SECOND), ()), ("node2", (M2, M3), (SEVERAL,))):
        hosts["node1"] = arp("node1", *macs)
        rows = look(
            service(announcers=[announcer], assigned=announcer), {node: {"arp": seen} for node, seen in hosts.items()}
        )
        assert [(row.verdict, row.signs) for row in rows if row.check == "ARP"] == [(FAULT, signs)]


@pytest.mark.parametrize(("age", "verdict"), [(400.0, FAULT), (1.0, LAG)])
def test_who_announces_may_change_with_the_endpoints(age: float, verdict: str) -> None:
    """A node without an endpoint announces nothing, and a speaker may be late."""
    hosts = {"node1": arp("node1", M2), "node2": arp("node2"), "node3": arp("node3")}
    rows = look(
        service(announcers=["node3"], assigned="node3", age=age), {node: {"arp": one} for node, one in hosts.items()}
    )
    assert [row.verdict for row in rows if row.check == "ARP"] == [verdict]


REASONS = {"node1": {"id": "labelled", "text": "carries a label"}, "node2": SPEAKERLESS, "node3": SPEAKERLESS}
NOBODY = {"node": "", "reasons": REASONS}


@pytest.mark.parametrize(("one", "nodes", "verdict", "found"), ARP)
@pytest.mark.parametrize(("address", "check"), [(VIP, "ARP"), (VIP6, "NDP")])
def test_who_answers_arp_and_ndp(
    address: str, check: str, one: Object, nodes: dict[str, Object], verdict: str, found: str
) -> None:
    hosts = {node: {"arp": seen.get("arp", seen)} for node, seen in nodes.items()}
    rows = of(look({**one, "addresses": [address]}, hosts), check)
    assert len(rows) == 1
    assert rows[0][:2] == (verdict, "segment, " + address)
    assert found in rows[0][3]


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        ({"assigned": ""}, []),
        ({"announcers": None, "assigned": "node1"}, []),
        ({"announcers": [], "assigned": "node1"}, []),
        ({"assigned": "node1"}, [(NOTE, "API", "nodeAssigned names node2", "node1")]),
    ],
)
def test_the_event_names_the_one_that_announces(changed: Object, found: list[t.Any]) -> None:
    assert of(look(service(**changed), {}), "event") == found


def test_an_address_of_no_segment_that_nobody_answers() -> None:
    hosts = {"node1": {"arp": arp("node1", on_link=False)}}
    silent = answered(target("EXTERNAL-IP", VIP, 80), ok=False)
    assert of(look(service(), hosts, silent), "ARP")[0][::3] == (FAULT, "no node of this run is on its segment")
    # Something routes it to a node; not asked; not all nodes were asked.
    routed = answered(target("EXTERNAL-IP", VIP, 80))
    assert of(look(service(), hosts, routed), "ARP")[0][0] == UNKNOWN
    assert of(look(service(), hosts), "ARP")[0][0] == UNKNOWN
    assert of(look(service(), hosts, silent, nodes=["node1", "node2"]), "ARP")[0][0] == UNKNOWN
    # Not all of them could be looked at.
    hosts["node2"] = {"arp": {}, "problem": "no connection"}
    assert of(look(service(), hosts, silent), "ARP")[0][::3] == (
        UNKNOWN,
        "no node that could be looked at is on its segment",
    )
    del hosts["node2"]
    # Who is kept out hears nothing in any case.
    kept_out = answered(target("EXTERNAL-IP", VIP, 80), ok=False, connections=[f"tcp 192.168.100.1:4000 {VIP}:80"])
    assert of(look(service(source_ranges=["203.0.113.0/24"]), hosts, kept_out), "ARP")[0][0] == UNKNOWN
    assert of(look(service(source_ranges=["192.168.0.0/16"]), hosts, kept_out), "ARP")[0][0] == FAULT


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"election": None}, []),
        ({"announcers": None}, []),  # an old MetalLB does not say
        ({"announcers": []}, []),  # that is for the ARP row
        ({"announcers": ["node1", "node2"]}, []),
        ({"announcers": ["node3"]}, ["node2"]),
        ({"election": NOBODY}, ["nobody: node1 carries a label; node2, node3 has no running speaker"]),
        ({"election": NOBODY, "layer2": False}, []),
    ],
)
def test_the_elected_node_is_the_one_that_announces(changed: Object, expected: list[str]) -> None:
    rows = of(look(service(**changed), {}), "election")
    assert [(row[0], row[2]) for row in rows] == [(NOTE, wanted) for wanted in expected]


def test_why_nobody_answers() -> None:
    """An address that no node may announce."""
    rows = of(look(service(announcers=[], election=NOBODY), {"node1": {"arp": arp("node1")}}), "ARP")
    assert rows[0][0] == FAULT
    assert rows[0][3].endswith("; no node may: node1 carries a label; node2, node3 has no running speaker")


def test_one_node_announces_both_addresses_of_a_service() -> None:
    rows = look(service(addresses=[VIP, VIP6]), {"node1": {"arp": arp("node1", M2)}, "node2": {"arp": arp("node2")}})
    for check, address in (("ARP", VIP), ("NDP", VIP6)):
        assert of(rows, check) == [(OK, "segment, " + address, "one answer, from node2", "node2 (02:00:5e:00:53:02)")]


def test_what_is_not_announced_by_layer2_is_not_asked_by_arp() -> None:
    rows = look(service(layer2=False, addresses=[VIP, VIP6]), {"node1": {"arp": arp("node1")}})
    assert of(rows, "ARP") + of(rows, "NDP") == []


@pytest.mark.parametrize(
    ("speakers", "verdict", "end"), [(["node1"], FAULT, "loadbalanced"), ([], NOTE, "no speaker runs")]
)
def test_an_address_that_nothing_announces(speakers: list[str], verdict: str, end: str) -> None:
    """Without speakers something else is meant to announce, Calico for one."""
    state = {
        "services": [service(layer2=False)],
        "nodes": {},
        "mode": "",
        "sync_period": 0.0,
        "speakers": speakers,
        "bgp": {},
        "scope": [],
    }
    rows = of(_verdict.rows(state, {}, {}, False), "announcement")
    assert [(row[0], row[2]) for row in rows] == [(verdict, "an L2Advertisement or a BGPAdvertisement")]
    assert rows[0][3].startswith("none takes the Service and its pool loadbalanced")
    assert rows[0][3].endswith(end)
    assert of(look(service(layer2=False, bgp=told()), {}), "announcement") == []
    assert of(look(service(), {}), "announcement") == []


def test_a_service_with_an_address_of_one_family_only() -> None:
    rows = look(service(cluster_ips=["10.233.0.17", "fd00::17"]), {})
    assert of(rows, "EXTERNAL-IP")[1:] == [(NOTE, "API", "an address for each ClusterIP's family", "none of IPv6")]
    both = service(cluster_ips=["10.233.0.17", "fd00::17"], addresses=[VIP, VIP6])
    assert len(of(look(both, {}), "EXTERNAL-IP")) == 1
