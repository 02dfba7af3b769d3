# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever others put into their names, answers, events and messages: it is shown as text, and nothing obeys it."""

from __future__ import annotations

import html.parser
import json
import pathlib
import socket
import typing as t
import xml.etree.ElementTree as ET

import hypothesis
import pytest
from hypothesis import strategies as st

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _diagnosis,
    _folding,
    _probe,
    _row,
    _table,
    _verdict,
)
from ansible_collections.kubeaddons.metallb.plugins.plugin_utils import _report

Object = dict[str, t.Any]

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>--><img src=x onerror=alert(1)>",
    "\" onmouseover='alert(1)' x=\"",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;&#0;",
    "\x1b[2J\x1b]0;taken\x07\x9b31m",
    "one\r\ntwo\n\n  FAULT  three\u2028four\x85five",
    "\u202egnp.exe\u2066\u200b\ufeff",
    "\ud800\udfff\ud83d",
    "\0\x08\x0b\x0c\x7f\ufffe\uffff",
    "x" * 10_000,
    "\x1b" * 1_000,
    "",
]
TEXTS = st.one_of(
    st.sampled_from(HOSTILE),
    # all of Unicode, surrogates as well, which JSON can bring
    st.text(st.characters(exclude_categories=()), max_size=40),
    st.lists(st.sampled_from(HOSTILE[:10]), min_size=2, max_size=3).map("".join),
)
settings = hypothesis.settings(derandomize=True, deadline=None, database=None, max_examples=60)


def state(text: str) -> Object:
    service = {
        "service": "default/" + text,
        "addresses": ["192.168.100.240"],
        "pool": text,
        "reason": "",
        "layer2": True,
        "announcers": [text],
        "statuses": [text],
        "assigned": text + "3",
        "backends": [text],
        "election": {"node": "", "reasons": {text: {"id": text, "text": text}}},
        "bgp": {"expected": {text: [text]}, "announced": {text: []}, "uncarried": [], "reasons": {}},
        "age": 400.0,
        "cluster_ips": ["10.233.0.17"],
        "local": False,
        "internal_local": False,
        "local_nodes": [text],
        "source_ranges": [],
        "ports": [{"name": text, "port": 80, "protocol": text, "node_port": 0, "request": "http"}],
    }
    session = {
        "node": text,
        "peer": text,
        "address": "192.0.2.1",
        "port": 179,
        "said": text or None,
        "said_before": 3.0,
        "bfd": text,
    }
    return {
        "services": [service, {**service, "service": "default/pending", "reason": text or "pending"}],
        "nodes": {text: [text], "node2": []},
        "mode": text,
        "sync_period": 30.0,
        "speakers": [text],
        "scope": [text],
        "bgp": {"backend": "frr-k8s", "age": 400.0, "sessions": [session]},
    }


def hosts(text: str) -> Object:
    difference = {
        "kind": text,
        "sign": text,
        "service": text,
        "protocol": text,
        "address": text,
        "port": 80,
        "backend": text,
    }
    difference.update(expected=text, found=text, verdict="fault")
    checked = {"virtual_servers": 1, "real_servers": 1, "draining": 0}
    table = {"differences": [difference], "differences_total": 1, "faults_total": 1, "checked": checked}
    answers = [{"address": "192.168.100.240", "on_link": True, "macs": [text, text + "2"], "interface": text}]
    settings_ = {"strict_arp": False, "arp_ignore": text, "arp_announce": text}
    arp = {"interfaces": [{"mac": text, "name": text + "4", "rp_filter": 1}], "results": answers, "settings": settings_}
    asked = {"address": text, "port": 80, "protocol": "tcp", "origin": "pod", "request": "connect"}
    target = {"target": asked, "service": "default/" + text}
    result = {"ok": False, "answered": 0, "answer": text, "answers": [text], "error": text, "seconds": 0.1}
    result.update(failed=text, connections=[text], resolved=text, neighbour=text)
    other = {**result, "ok": True}
    inside = {"targets": [{**target, "check": one, "node": ""} for one in ("ClusterIP", text)]}
    return {
        text: {
            "data_plane": {**table, "problem": "", "seconds": 0.1},
            "arp": arp,
            "inside": {**inside, "results": [result, other], "seen": {text: [text, text]}, "ways_back": {text: text}},
            "tcp": [{"address": "192.0.2.1", "port": 179, "connected": None}],
        },
        "node2": {"data_plane": {**table, "problem": text or "why", "seconds": 0.1}, "arp": arp},
    }


def facts(text: str) -> Object:
    return {
        "pending": [
            {"service": text, "cause": "no-pool", "text": text},
            {"service": text, "cause": "pool-gone", "text": text},
        ],
        "workloads": [
            {
                "name": "Deployment/" + text,
                "done": False,
                "status": text,
                "reasons": [text, "ErrImagePull " + text],
                "nodes": [text, ""],
            }
        ],
        "webhooks": [{"name": text, "reasons": [text]}],
        "legacy_configmap": text,
        "strict_arp": True,
        "kube_proxy": {text: text},
        "stale": [text],
        "foreign_addresses": {"default/" + text: text},
        "competitors": [text],
        "pool_overlaps": [text],
        "nodes_not_ready": {text: text},
        "announce_failures": [{"service": "default/" + text, "text": text}],
    }


def rows(text: str) -> list[_row.Row]:
    outside: Object = {"targets": [], "results": []}
    return _verdict.rows(state(text), hosts(text), outside, True)


class Page(html.parser.HTMLParser):
    """The elements and attributes that a browser would make."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names.update(name for name, _value in attrs)


def document(text: str) -> Object:
    finding = {"cause": "weight-zero", "subject": text, "sentence": text, "evidence": [text], "remedy": text}
    return _report.document(rows(text), state(text), list(hosts(text)), 1790000000.0, 1790000009.0, 2, [finding])


def printable(lines: t.Iterable[str]) -> bool:
    return all(line.isprintable() for line in lines)


@settings
@hypothesis.given(TEXTS)
def test_the_terminal_gets_printable_lines(text: str) -> None:
    found = rows(text)
    for most in (None, 5):
        lines = [line.text for line in _table.render("Proof: " + text, _folding.folded(found), 120, most)]
        assert printable(lines)
    assert printable(_table.fault_sentences(found))
    causes = _diagnosis.findings(facts(text), state(text), [row._asdict() for row in found])
    assert causes
    assert printable(_diagnosis.text(causes))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("report")


def read(path: pathlib.Path) -> str:
    return path.read_text(encoding="utf-8")


@settings
@hypothesis.given(text=TEXTS)
def test_the_report_has_no_markup_but_its_own(directory: pathlib.Path, text: str) -> None:
    page, data, junit = map(pathlib.Path, _report.write(str(directory), document(text)))
    own = Page(_report.html(document("node1")))
    found = Page(read(page))
    assert set(found.tags) <= set(own.tags)
    assert found.tags.count("script") == 2
    assert found.names <= own.names
    assert printable(read(page).replace("\n", ""))
    checks = json.loads(read(data))["checks"]
    assert len(checks) == len(rows(text))
    assert printable(str(one[key]) for one in checks for key in one)
    # Parses, which it does not with a character that XML lacks.
    assert ET.parse(junit).getroot().get("name") == "metallb-proof"


@settings
@hypothesis.given(TEXTS)
def test_the_embedded_evidence_is_the_documents(text: str) -> None:
    data = document(text)
    page = _report.html(data)
    inner = page.partition('<script type="application/json" id="data">')[2].partition("</script>")[0]
    assert "<" not in inner
    assert json.loads(inner)["services"] == data["services"]


# What answers a request ------------------------------------------------------------------------------------------------


def test_an_http_server_that_sends_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    @settings
    @hypothesis.given(
        st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]),
        st.one_of(st.binary(max_size=200), TEXTS.map(lambda text: text[:3000].encode("utf-8", "surrogatepass"))),
    )
    def served(head: bytes, body: bytes) -> None:
        ours, theirs = socket.socketpair()
        theirs.sendall(head + body)
        theirs.shutdown(socket.SHUT_WR)
        ours.settimeout(3.0)
        monkeypatch.setattr(_probe, "_connect", lambda _target, _timeout, _opened: ours)
        (found,) = _probe.probe([_probe.Target("192.0.2.1", 80, request="http")], 3.0, 1)
        theirs.close()
        ours.close()
        assert printable([found["answer"], found["error"], *found["answers"]])
        assert len(found["answer"]) <= _probe.MAX_ANSWER
        assert found["ok"] or found["error"]

    served()


@settings
@hypothesis.given(st.binary(max_size=60))
def test_a_dns_server_that_sends_anything(data: bytes) -> None:
    def send(_target: _probe.Target, _timeout: float, _opened: _probe.Opened) -> str:
        return _probe.parse_response(0x1234, data)

    answer = _probe.ask(_probe.Target("192.0.2.1", 53, "udp", "dns"), 3.0, send)
    assert printable([answer.text, answer.error])
