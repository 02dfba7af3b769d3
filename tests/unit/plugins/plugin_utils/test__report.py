# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import html.parser
import json
import pathlib
import typing as t
import xml.etree.ElementTree as ET

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import (
    FAULT,
    LAG,
    NODES,
    NOTE,
    OK,
    UNKNOWN,
    Row,
)
from ansible_collections.kubeaddons.metallb.plugins.plugin_utils import _report

Object = dict[str, t.Any]
SCHEMA = pathlib.Path(__file__).parents[4] / "docs" / "report.schema.json"
WEB, HOSTILE = "default/web", "default/</script><img src=x onerror=alert(1)>&\"'\x0b"


def service(name: str = WEB, **changed: t.Any) -> Object:
    return {
        "service": name,
        "addresses": ["192.168.100.240"],
        "pool": "loadbalanced",
        "ports": [{"port": 80, "protocol": "TCP"}],
        "layer2": True,
        "announcers": ["node2"],
        "election": None,
        "bgp": None,
        "backends": ["10.233.64.4", "10.233.65.4", "10.233.66.4"],
        "local_nodes": ["node1"],
        **changed,
    }


def check(verdict: str, subject: str = WEB, node: str = "", name: str = "ARP", service: str = "") -> Row:
    key = f"{subject}/{name}/{node}/{service}"
    return Row(verdict, subject, name, "somewhere", "one thing", "another", key, node, service, 0.25)


def document(*rows: Row, services: t.Sequence[Object] | None = None, looked_at: t.Sequence[str] = ("node1",)) -> Object:
    nodes = {"node1": ["192.168.100.11"], "node2": ["192.168.100.12"]}
    state = {"mode": "ipvs", "nodes": nodes, "services": [service()] if services is None else services}
    return _report.document(rows, state, looked_at, 1790000000.0, 1790000009.34, 2)


def validate(data: Object) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(data, json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_the_document_is_as_its_schema_says() -> None:
    bgp = {"expected": {"node2": ["tor", "core"], "node1": ["tor"]}}
    data = document(
        check(OK),
        check(FAULT, NODES, "node1", "IPVS weight", WEB),
        check(NOTE, NODES, "node2", "data plane"),
        services=[service(bgp=bgp), service("default/pending", addresses=[], layer2=False, announcers=None)],
    )
    validate(data)
    assert (data["made"], data["seconds"], data["looks"]) == ("2026-09-21T14:13:29+00:00", 9.3, 2)
    assert data["summary"] == {"ok": 1, "note": 1, "lag": 0, "unknown": 0, "fault": 1}
    assert [(one["node"], one["looked_at"], one["verdict"]) for one in data["nodes"]] == [
        ("node1", True, "fault"),
        ("node2", False, "note"),
    ]
    web, pending = data["services"]
    assert (web["verdict"], web["bgp_announcers"], web["bgp_peers"]) == ("fault", ["node1", "node2"], ["core", "tor"])
    assert (web["layer2_announcers"], pending["layer2_announcers"]) == (["node2"], [])
    assert (web["ports"], web["endpoints"]) == (["80/TCP"], 3)
    assert pending["verdict"] == "note"


def test_a_document_about_nothing() -> None:
    data = document(services=[])
    validate(data)
    assert data["verdict"] == ""
    assert "There is no Service with an EXTERNAL-IP to prove" in _report.html(data)


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ([check(OK, node="node1")], [OK, ""]),
        ([check(OK, node="node1"), check(FAULT, NODES, "node1", "IPVS weight", WEB)], [FAULT, ""]),
        ([check(OK, node="node1"), check(FAULT, NODES, "node1", "IPVS weight", "default/other")], [OK, ""]),
        # What is not known of a node is not known of its Services.
        ([check(OK, node="node2"), check(UNKNOWN, NODES, "node2", "data plane")], ["", UNKNOWN]),
        ([check(OK, NODES, "node1", "IPVS")], [OK, ""]),
        ([check(OK, node="node1"), check(UNKNOWN, NODES, "node1", "nftables")], [UNKNOWN, ""]),
        ([check(OK, node="node1"), check(UNKNOWN, NODES, "node1", "iptables")], [UNKNOWN, ""]),
        ([check(OK, node="node1"), check(UNKNOWN, NODES, "node1", "requests")], [UNKNOWN, ""]),
        # A node's own settings say nothing of one Service.
        ([check(OK, NODES, "node1", "IPVS"), check(FAULT, NODES, "node1", "strict ARP")], [OK, ""]),
        ([check(LAG, node="node1"), check(UNKNOWN, node="node1"), check(NOTE, node="node2")], [UNKNOWN, NOTE]),
        # A check of the whole Service is no check of a node.
        ([check(OK)], ["", ""]),
    ],
)
def test_a_cell_is_as_bad_as_the_worst_check_behind_it(rows: list[Row], line: list[str]) -> None:
    assert _report.cells(document(*rows), ["node1", "node2"]) == [line]


def test_what_is_not_known_of_any_service_is_no_success() -> None:
    page = _report.html(document(check(UNKNOWN, NODES, "", "API"), services=[]))
    assert "No fault found, but not everything could be looked at" in page


def test_a_service_is_not_ok_where_a_node_could_not_be_looked_at() -> None:
    data = document(check(OK, node="node1"), check(UNKNOWN, NODES, "node2", "data plane"))
    assert data["services"][0]["verdict"] == UNKNOWN
    assert data["verdict"] == UNKNOWN
    assert "No fault found, but not everything could be looked at" in _report.html(data)


def test_junit_counts_faults_as_failures_and_what_is_open_as_skipped() -> None:
    rows = [
        check(OK),
        check(FAULT, node="node1"),
        check(LAG, node="node2"),
        check(UNKNOWN, NODES),
        check(NOTE, HOSTILE),
    ]
    suites = ET.fromstring(_report.junit(document(*rows)))
    found = {suite.get("name"): (suite.get("tests"), suite.get("failures"), suite.get("skipped")) for suite in suites}
    assert found[WEB] == ("3", "1", "1")
    assert found[NODES] == ("1", "0", "1")
    assert [len(suite) for suite in suites] == [3, 1, 1]
    failure = suites.find(".//failure")
    assert failure is not None
    assert failure.get("message") == "expected one thing, found another"
    # XML knows no such character, however written.
    assert HOSTILE.replace("\x0b", " ") in found


class Page(html.parser.HTMLParser):
    """What a browser would make of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        if self.tags:
            self.texts.setdefault(self.tags[-1], []).append(data)


def test_nothing_that_is_named_gets_into_the_page_as_markup() -> None:
    page = Page(_report.html(document(check(FAULT, HOSTILE, "node1"), services=[service(HOSTILE, pool=HOSTILE)])))
    assert "img" not in page.tags
    assert page.tags.count("script") == 2
    assert not [name for name, _value in page.attributes if name.startswith("on")]
    evidence = json.loads(page.texts["script"][0])
    assert evidence["services"][0]["service"] == HOSTILE.replace("\x0b", " ")
    assert evidence["checks"][0][:2] == [FAULT, HOSTILE.replace("\x0b", " ")]


def test_the_page_needs_nothing_else_and_runs_no_other_script() -> None:
    page = Page(_report.html(document(check(OK))))
    assert not {"link", "img", "iframe", "object"} & set(page.tags)
    assert not [value for name, value in page.attributes if name in ("src", "href")]
    policy = next(value for _name, value in page.attributes if value and value.startswith("default-src"))
    assert "default-src 'none'" in policy
    assert "script-src 'sha256-" in policy


def test_files_take_the_place_of_those_of_the_run_before(tmp_path: pathlib.Path) -> None:
    directory = tmp_path / "new" / "reports"
    first = _report.write(str(directory), document(check(OK)))
    second = _report.write(str(directory), document(check(FAULT)))
    assert (
        first
        == second
        == [str(directory / name) for name in ("metallb-proof.html", "metallb-proof.json", "metallb-proof.xml")]
    )
    assert sorted(one.name for one in directory.iterdir()) == sorted(pathlib.Path(path).name for path in second)
    assert json.loads((directory / "metallb-proof.json").read_text(encoding="utf-8"))["verdict"] == FAULT
    assert ET.parse(directory / "metallb-proof.xml").getroot().find(".//failure") is not None
