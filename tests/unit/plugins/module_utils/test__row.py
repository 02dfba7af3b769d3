# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _bgp_rows,
    _diagnosis,
    _differences,
    _routers,
    _row,
    _targets,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import Row
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.proof_looks import (
    BGP,
    M1,
    M2,
    VIP,
    answered,
    arp,
    difference,
    look,
    of,
    service,
    session,
    session_rows,
    tables,
    target,
    told,
)

Object = dict[str, t.Any]


def test_many_nodes_are_few_words() -> None:
    routes = {"node{0}".format(number): ["router1"] for number in range(1, 41)}
    rows = of(look(service(layer2=False, bgp=told(expected=routes, announced={})), {}), "BGP")
    assert rows[0][2] == "announced by node1, node10, node11, node12, node13 and 35 more to router1"


CLIENT = "192.168.100.1"
CONNECTION = f"tcp {CLIENT}:40001 {VIP}:80"


def neighbours(*macs: str, announcers: t.Sequence[str] = ("node2",), on_link: bool = True) -> list[Row]:
    hosts = {"node1": {"arp": arp("node1", *macs, on_link=on_link)}, "node2": {"arp": arp("node2", on_link=on_link)}}
    return look(service(announcers=list(announcers)), hosts)


def node_rows(**found: t.Any) -> list[Row]:
    return look(service(reason="pending"), {"node1": found}, strict_arp=True)


def differing(kind: str, sign: str = "") -> list[Row]:
    return node_rows(data_plane=tables(difference(kind=kind, sign=sign)))


def asked(node: str = "node2", neighbour: str = "", ok: bool = False, **changed: t.Any) -> list[Row]:
    """Return the rows of a request from outside which came in at this node, "" for none."""
    request = target("EXTERNAL-IP", VIP, 80)
    outside = answered(request, ok=ok, connections=[CONNECTION], neighbour=neighbour)
    seen = {CONNECTION: ["10.233.64.4:8080", changed.pop("reply_to", CLIENT)]} if node else {}
    hosts = {one: {"arp": arp(one), "inside": {"seen": seen if one == node else {}}} for one in ("node1", "node2")}
    return look(service(**changed), hosts, outside)


def inside() -> list[Row]:
    targets = _targets.inside([service()])
    results = [answered(one)["results"][0] for one in targets]
    return look(service(), {"node1": {"inside": {"targets": targets, "results": results}}})


def back(interface: str) -> list[Row]:
    found = {"arp": arp("node2", rp_filter=1), "inside": {"ways_back": {CLIENT: interface}}}
    return look(service(), {"node2": found})


def received(wrong: str) -> list[Row]:
    finding = _routers.Finding("tor", "default/web", f"{VIP}/32", ["node1"], [], wrong, "", "")
    return [_bgp_rows.route_row(finding, {}, BGP["age"])]


OUTDATED = (_row.OUTDATED,)
VIA_VIP = (_row.EXTERNAL_IP,)
STRANGE = "02:00:5e:00:53:ff"
SIGNS: list[tuple[str, list[Row], str, list[tuple[str, ...]]]] = [
    ("one node answers", neighbours(M2), "ARP", [()]),
    ("nobody answers", neighbours(), "ARP", [(_row.SILENT,)]),
    ("nobody answers, and none says that it should", neighbours(announcers=[]), "ARP", [(_row.SILENT,)]),
    ("two nodes answer", neighbours(M1, M2), "ARP", [(_row.SEVERAL,)]),
    ("two nodes answer, and none says that it should", neighbours(M1, M2, announcers=[]), "ARP", [(_row.SEVERAL,)]),
    ("two nodes say that they should", neighbours(M1, M2, announcers=["node1", "node2"]), "ARP", [()]),
    ("another host answers", neighbours(STRANGE), "ARP", [(_row.STRANGER,)]),
    ("another host answers as well", neighbours(M2, STRANGE), "ARP", [(_row.STRANGER, _row.SEVERAL)]),
    ("another node answers", neighbours(M1, announcers=["node2"]), "ARP", [()]),
    ("the elected node answers, and the status names another", neighbours(M2, announcers=["node1"]), "ARP", [OUTDATED]),
    ("no node could ask", neighbours(on_link=False), "ARP", [(_row.OFF_LINK,)]),
    ("only the announcing node could ask", look(service(), {"node2": {"arp": arp("node2")}}), "ARP", [()]),
    ("a request that is answered", asked(ok=True), "EXTERNAL-IP", [(), VIA_VIP]),
    ("a request that was led to a backend", asked(), "EXTERNAL-IP", [(), (_row.LED, *VIA_VIP)]),
    ("a request that came in nowhere", asked("", M2), "EXTERNAL-IP", [(), VIA_VIP]),
    ("a neighbour cache with another node", asked("", M1), "EXTERNAL-IP", [(), (_row.ASTRAY, *VIA_VIP)]),
    ("an EXTERNAL-IP from a pod", inside(), "EXTERNAL-IP", [(), (*VIA_VIP, _row.FROM_POD)]),
    ("in by the announcing node", asked(), "path", [()]),
    ("in by another node", asked("node1"), "path", [(_row.ASTRAY,)]),
    ("the client's address", asked(local=True), "client address", [()]),
    ("another address", asked(local=True, reply_to="192.168.100.12"), "client address", [(_row.REPLACED,)]),
    ("a way back that is dropped", back("eth1"), "way back", [(_row.WAY_BACK,)]),
    ("a name", inside(), "DNS name", [(_row.DNS_NAME, _row.FROM_POD)]),
    ("a ClusterIP", inside(), "ClusterIP", [(_row.CLUSTER_IP,), (_row.CLUSTER_IP, _row.FROM_POD)]),
    ("strict ARP", node_rows(arp=arp("node1", strict=False)), "strict ARP", [(_row.STRICT_ARP,)]),
    ("a difference", differing("weight"), "IPVS weight", [(_row.DATA_PLANE, "weight", "")]),
    (
        "a difference with a sign",
        differing("bind", _differences.UNBOUND),
        "IPVS bind",
        [(_row.DATA_PLANE, "bind", _differences.UNBOUND)],
    ),
    ("more differences", node_rows(data_plane=tables(more=["fault"])), "IPVS", [(_row.DATA_PLANE,), ()]),
    ("another mode", node_rows(data_plane=tables(mode="iptables")), "kube-proxy mode", [(_row.PROXY_MODE,)]),
    (
        "a mode that is not said",
        node_rows(data_plane=tables(difference(), mode="ipvs", mode_assumed="no answer")),
        "kube-proxy mode",
        [()],
    ),
    ("a session", session_rows([session()], False), "BGP session", [(_row.SESSION,)]),
    ("BGP", look(service(layer2=False, bgp=told(announced={})), {}), "BGP", [(_row.BGP,)]),
    ("a route", received("not received"), "BGP routes", [(_row.ROUTES,)]),
]


@pytest.mark.parametrize(("rows", "check", "signs"), [one[1:] for one in SIGNS], ids=[one[0] for one in SIGNS])
def test_what_the_diagnosis_goes_by(rows: list[Row], check: str, signs: list[tuple[str, ...]]) -> None:
    assert [row.signs for row in rows if row.check == check] == signs


def test_every_sign_that_the_diagnosis_reads_has_its_situation() -> None:
    names = vars(_row).keys() & vars(_diagnosis).keys() - {"FAULT", "NODES"}
    read = {getattr(_row, name) for name in names if name.isupper()}
    assert read == {sign for _id, _rows, _check, some in SIGNS for signs in some for sign in signs} & read
    assert len(read) > 10
