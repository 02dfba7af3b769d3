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


FINDING = {
    "cause": "weight-zero",
    "subject": "node1",
    "sentence": "A weight is 0.",
    "evidence": ["IPVS weight: node1, expected 1, found 0"],
    "remedy": "Restart it.",
}


def answered(name: str = WEB, verdict: str = OK) -> Row:
    """A request from outside."""
    key = f"{name}/request/outside -> 192.168.100.240:80"
    return Row(verdict, name, "EXTERNAL-IP", "here -> 192.168.100.240:80", "an answer", "200", key)


def document(
    *rows: Row,
    services: t.Sequence[Object] | None = None,
    looked_at: t.Sequence[str] = ("node1",),
    findings: list[Object] | None = None,
) -> Object:
    nodes = {"node1": ["192.168.100.11"], "node2": ["192.168.100.12"]}
    state = {"mode": "ipvs", "nodes": nodes, "services": [service()] if services is None else services}
    return _report.document(rows, state, looked_at, 1790000000.0, 1790000009.34, 2, findings)


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


def test_causes_stand_with_their_page_of_the_docs() -> None:
    data = document(check(FAULT), findings=[FINDING])
    validate(data)
    page = "https://github.com/kubeaddons/metallb/tree/main/docs/causes.md#weight-zero"
    assert data["causes"] == [{**FINDING, "docs": page}]
    assert f'<a href="{page}"' in _report.html(data)
    galaxy = (SCHEMA.parents[1] / "galaxy.yml").read_text(encoding="utf-8")
    assert f"documentation: {page.rpartition('/')[0]}\n" in galaxy
    assert "### `weight-zero`" in SCHEMA.with_name("causes.md").read_text(encoding="utf-8")
    assert document(check(FAULT), findings=[])["causes"] == []
    assert document(check(FAULT))["causes"] is None


IDLE = {"backends": [], "announcers": []}


@pytest.mark.parametrize(
    ("rows", "services", "headline", "banner"),
    [
        ([answered()], [service()], "Traffic arrives", OK),
        ([answered(), check(NOTE)], [service()], "Traffic arrives", OK),
        # Nobody asked: nothing is proven, and nothing is green.
        ([check(NOTE)], [service(**IDLE)], "Nothing is proven: 1 Service has no endpoint", NOTE),
        ([check(OK)], [service()], "Nothing is proven: 1 Service was not asked", NOTE),
        # An answer at the ClusterIP is none at the EXTERNAL-IP.
        (
            [answered()._replace(check="ClusterIP"), check(OK, "default/b")],
            [service(), service("default/b", **IDLE), service("default/c", **IDLE)],
            "Nothing is proven: 2 Services have no endpoint, 1 was not asked",
            NOTE,
        ),
        (
            [answered(), answered("default/b"), answered("default/c"), check(NOTE, "default/d")],
            [service(), service("default/b"), service("default/c"), service("default/d", **IDLE)],
            "Traffic arrives at 3 of 4 Services; 1 has no endpoint and was not proven",
            OK,
        ),
        (
            [answered(), check(OK, "default/b")],
            [service(), service("default/b"), service("default/c", **IDLE)],
            "Traffic arrives at 1 of 3 Services; 1 has no endpoint, 1 was not asked and were not proven",
            OK,
        ),
        ([check(OK, NODES, "node1", "IPVS")], [], "There is no Service with an EXTERNAL-IP to prove", NOTE),
        (
            [check(FAULT, NODES, "node1", "IPVS")],
            [],
            "Not everything is in order; there is no Service with an EXTERNAL-IP to prove",
            FAULT,
        ),
        ([answered(verdict=FAULT)], [service()], "Traffic does not arrive as it should", FAULT),
        ([answered(), check(LAG)], [service()], "No fault found; something is still moving", LAG),
    ],
)
def test_arrives_is_said_of_what_was_asked_only(
    rows: list[Row], services: list[Object], headline: str, banner: str
) -> None:
    data = document(*rows, services=services)
    assert (_report.headline(data), _report.banner(data)) == (headline, banner)
    assert f'<header class="banner {banner}">\n<h1>{headline}</h1>' in _report.html(data)


def test_a_cause_without_a_fault_is_not_green() -> None:
    data = document(answered(), findings=[{**FINDING, "cause": "webhook-not-serving"}])
    assert (_report.headline(data), _report.banner(data)) == ("Traffic arrives, but something is wrong", FAULT)


def test_a_pending_service_has_no_external_ip() -> None:
    page = _report.html(document(answered(), services=[service(), service("default/pending", addresses=[])]))
    assert "<dt>Services with an EXTERNAL-IP</dt><dd>1 of 2</dd>" in page
    assert "<dt>Services with an EXTERNAL-IP</dt><dd>1</dd>" in _report.html(document(answered()))


def test_what_is_of_no_listed_service_has_lines_of_its_own() -> None:
    data = document(
        answered(),
        check(FAULT, NODES, "node2", "IPVS missing", "default/db"),
        check(OK, NODES, "node1", "strict ARP"),
        check(FAULT, NODES, "node1", "IPVS weight", WEB),
    )
    lines = [
        (one.name, one.verdict, one.cells, one.open, one.listed) for one in _report.matrix(data, ["node1", "node2"])
    ]
    assert lines == [
        (WEB, FAULT, [FAULT, ""], True, True),
        ("default/db", FAULT, ["", FAULT], True, False),
        (NODES, OK, [OK, ""], False, False),
    ]


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
    assert {suite.get("errors") for suite in suites} == {"0"}
    assert found[WEB] == ("3", "1", "1")
    assert found[NODES] == ("1", "0", "1")
    assert [len(suite) for suite in suites] == [3, 1, 1]
    failure = suites.find(".//failure")
    assert failure is not None
    assert failure.get("message") == "expected one thing, found another"
    # XML knows no such character, however written.
    assert HOSTILE.replace("\x0b", " ") in found


def test_junit_calls_what_nobody_could_look_at_an_error() -> None:
    lost = Row(UNKNOWN, NODES, "data plane", "node2", "looked at", "no connection to it", "unseen/node2", "node2")
    suites = ET.fromstring(_report.junit(document(lost, check(UNKNOWN, NODES), check(OK, NODES, "node1"))))
    (suite,) = suites
    counts = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["3", "0", "1", "1"]
    assert [[one.tag for one in case] for case in suite] == [["error"], ["skipped"], []]
    assert suite[0][0].get("message") == "expected looked at, found no connection to it"


def test_junit_has_the_causes_that_a_run_fails_for() -> None:
    suites = ET.fromstring(_report.junit(document(answered(), findings=[FINDING])))
    suite = suites[-1]
    assert (suite.get("name"), suite.get("failures")) == ("causes", "1")
    failure = suite[0][0]
    assert (failure.tag, failure.get("message")) == ("failure", "A weight is 0.")
    assert (failure.text or "").splitlines()[:2] == ["IPVS weight: node1, expected 1, found 0", "Remedy: Restart it."]


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
    caused = Page(_report.html(document(check(FAULT), findings=[FINDING])))
    # A link loads nothing before it is followed.
    assert caused.tags.count("a") == len([name for name, _value in caused.attributes if name in ("src", "href")]) == 1
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
