# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The proof as files: JSON for programs, JUnit XML for CI, HTML for people. All three are made from the same document."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import os
import pathlib
import tempfile
import typing as t
import xml.etree.ElementTree as ET

import jinja2
from markupsafe import Markup

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _causes
from ansible_collections.kubeaddons.metallb.plugins.module_utils._look import is_unseen
from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import (
    FAULT,
    LAG,
    NODES,
    NOTE,
    OK,
    UNKNOWN,
    Row,
)
from ansible_collections.kubeaddons.metallb.plugins.module_utils._table import WORDS, summary
from ansible_collections.kubeaddons.metallb.plugins.module_utils._text import plain_all

Object = t.Dict[str, t.Any]

# Changes when a program that reads the JSON has to change; docs/report.schema.json describes it.
SCHEMA_VERSION = 2
NAME = "metallb-proof"
_ENDINGS = ("html", "json", "xml")
# From harmless to bad; what nobody could look at is worse than what moves.
_SEVERITY = (OK, NOTE, LAG, UNKNOWN, FAULT)
# Checks of a node that tell of every Service on it.
NODE_WIDE = ("IPVS", "nftables", "iptables", "data plane", "requests")
_HEADLINES = {
    FAULT: "Traffic does not arrive as it should",
    UNKNOWN: "No fault found, but not everything could be looked at",
    LAG: "No fault found; something is still moving",
}
# What a check shows of a row.
_CHECK = ("verdict", "subject", "check", "where", "expected", "found", "key", "node", "service", "seconds")
_MOST = 500  # lines of a table
_TEMPLATE = pathlib.Path(__file__).with_name("report.html.j2")


def document(
    rows: t.Sequence[Row],
    state: Object,
    looked_at: t.Sequence[str],
    began: float,
    now: float,
    looks: int,
    findings: t.Sequence[Object] | None = None,
) -> Object:
    """Return what is known as plain data, see docs/report.schema.json.

    state: what expected_state_info returned. looked_at: the nodes of this run. began, now: seconds since the epoch.
    findings: what the diagnosis returned; None where nobody asked for causes.
    """
    of_service: dict[str, list[Row]] = {}
    of_node: dict[str, list[Row]] = {}
    seen = set(looked_at)
    wide = worst(row.verdict for row in rows if _node_wide(row))
    for row in rows:
        of_service.setdefault(_about(row), []).append(row)
        if row.subject == NODES:
            of_node.setdefault(row.node, []).append(row)
    data = {
        "schema_version": SCHEMA_VERSION,
        "made": datetime.datetime.fromtimestamp(now, datetime.timezone.utc).isoformat(timespec="seconds"),
        "seconds": round(now - began, 1),
        "looks": looks,
        "verdict": worst(row.verdict for row in rows),
        "summary": {verdict: sum(row.verdict == verdict for row in rows) for verdict in _SEVERITY},
        "kube_proxy_mode": state["mode"],
        "nodes": [
            {
                "node": node,
                "addresses": addresses,
                "looked_at": node in seen,
                "verdict": worst(row.verdict for row in of_node.get(node, [])),
            }
            for node, addresses in state["nodes"].items()
        ],
        "services": [_service(one, of_service.get(one["service"], []), wide) for one in state["services"]],
        "causes": None if findings is None else [_cause(one) for one in findings],
        "checks": [{key: getattr(row, key) for key in _CHECK} for row in rows],
    }
    # Once for all three files. XML has no word for most of what does not print.
    return t.cast(Object, plain_all(data))


def _node_wide(row: Row) -> bool:
    """Return whether what a row says of a node holds for every Service on it."""
    return row.subject == NODES and not row.service and row.check in NODE_WIDE


def worst(verdicts: t.Iterable[str]) -> str:
    """Return the worst of some verdicts, "" for none."""
    return max(verdicts, key=_SEVERITY.index, default="")


def _proves(row: Row) -> bool:
    """Return whether a row says that a request to an EXTERNAL-IP was answered."""
    return row.verdict == OK and row.check == "EXTERNAL-IP" and "/request/" in row.key


def _cause(finding: Object) -> Object:
    keys = ("cause", "subject", "sentence", "evidence", "remedy")
    return {**{key: finding[key] for key in keys}, "docs": _causes.page(finding["cause"])}


def _about(row: Row) -> str:
    """Return the Service that a row tells of, "" for none."""
    return row.service if row.subject == NODES else row.subject


def _service(service: Object, rows: t.Sequence[Row], wide: str) -> Object:
    """Return a Service with its verdict. wide: the worst that is said of whole nodes, "" for nothing."""
    bgp = service["bgp"] or {"expected": {}}
    return {
        "service": service["service"],
        "verdict": worst([*(row.verdict for row in rows), *([wide] if wide else [])]),
        "proven": any(map(_proves, rows)),
        "addresses": service["addresses"],
        "pool": service["pool"],
        "ports": ["{0}/{1}".format(port["port"], port["protocol"]) for port in service["ports"]],
        "layer2_announcers": (service["announcers"] or []) if service["layer2"] else [],
        "bgp_announcers": sorted(bgp["expected"]),
        "bgp_peers": sorted({peer for peers in bgp["expected"].values() for peer in peers}),
        "endpoints": len(service["backends"]),
        "endpoint_nodes": service["local_nodes"],
    }


# JUnit ---------------------------------------------------------------------------------------------------------------


def junit(data: Object) -> bytes:
    """Return the document as JUnit XML: a suite for each subject, a case for each check; a suite for the causes.

    A fault and a cause are failures, and what nobody could look at is an error: the run fails for all of them. What else is
    not known, moves or is a note is skipped, with what was found.
    """
    suites = ET.Element("testsuites", name=NAME, time=str(data["seconds"]))
    subjects: dict[str, list[Object]] = {}
    for check in data["checks"]:
        subjects.setdefault(check["subject"], []).append(check)
    for subject, checks in subjects.items():
        outcomes = [(check, _outcome(check)) for check in checks]
        suite = _suite(suites, subject, [outcome for _check, outcome in outcomes], data["made"])
        for check, outcome in outcomes:
            case = ET.SubElement(
                suite,
                "testcase",
                classname=subject,
                name="{check}, {where}".format(**check),
                time=str(check["seconds"] or 0),
            )
            text = "expected {expected}, found {found}".format(**check)
            if outcome == "skipped":
                text = "{0}: {1}".format(WORDS[check["verdict"]], text)
            if outcome:
                ET.SubElement(case, outcome, message=text)
    if data["causes"]:
        suite = _suite(suites, "causes", ["failure"] * len(data["causes"]), data["made"])
        for one in data["causes"]:
            case = ET.SubElement(
                suite, "testcase", classname="causes", name="{cause}, {subject}".format(**one), time="0"
            )
            failure = ET.SubElement(case, "failure", message=one["sentence"])
            failure.text = "\n".join([*one["evidence"], "Remedy: " + one["remedy"], one["docs"]])
    ET.indent(suites)
    return t.cast(bytes, ET.tostring(suites, encoding="utf-8", xml_declaration=True))


def _outcome(check: Object) -> str:
    """Return the element that says how a check ended, "" for none."""
    if check["verdict"] == OK:
        return ""
    if check["verdict"] == FAULT:
        return "failure"
    return "error" if is_unseen(check["subject"], check["key"]) else "skipped"


def _suite(suites: ET.Element, name: str, outcomes: t.Sequence[str], made: str) -> ET.Element:
    return ET.SubElement(
        suites,
        "testsuite",
        name=name,
        tests=str(len(outcomes)),
        failures=str(outcomes.count("failure")),
        skipped=str(outcomes.count("skipped")),
        errors=str(outcomes.count("error")),
        timestamp=made,
    )


# HTML ----------------------------------------------------------------------------------------------------------------


def html(data: Object) -> str:
    """Return the document as one HTML page that needs nothing else."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source, _mark, script = _TEMPLATE.read_text(encoding="utf-8").partition("{# script #}\n")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    nodes = [one["node"] for one in data["nodes"]]
    lines = matrix(data, nodes)
    paper = [(line, _in_words(line, nodes)) for line in lines]
    return environment.from_string(source).render(
        data=data,
        headline=headline(data),
        banner=banner(data),
        lines=lines,
        on_paper=[(line, in_words) for line, in_words in paper if line.open or in_words],
        fine=[line.name for line, in_words in paper if not line.open and not in_words],
        words=WORDS,
        most=_MOST,
        summary=summary([Row(**check) for check in data["checks"]]),
        open_checks=sorted(
            (check for check in data["checks"] if check["verdict"] not in (OK, NOTE)),
            key=lambda check: -_SEVERITY.index(check["verdict"]),
        ),
        notes=[check for check in data["checks"] if check["verdict"] == NOTE],
        evidence=_embedded(data, lines),
        # Markup: the script is this collection's own text, and the page allows no other.
        script=Markup(script),
        script_hash=digest,
    )


def headline(data: Object) -> str:
    """Return what the proof comes to. "Arrives" is said of Services of which a request was answered, and of no others."""
    services = data["services"]
    unproven = [one for one in services if not one["proven"]]
    if data["verdict"] in _HEADLINES:
        text = _HEADLINES[data["verdict"]]
        if not services and data["verdict"] == FAULT:
            text = "Not everything is in order; there is no Service with an EXTERNAL-IP to prove"
    elif not services:
        text = "There is no Service with an EXTERNAL-IP to prove"
    elif not unproven:
        text = "Traffic arrives"
    elif len(unproven) == len(services):
        text = "Nothing is proven: {0}".format(_why_not(unproven, " Service", " Services"))
    else:
        text = "Traffic arrives at {0} of {1} Services; {2}".format(
            len(services) - len(unproven), len(services), _why_not(unproven)
        )
        text += " and {0} not proven".format("was" if len(unproven) == 1 else "were")
    if data["causes"] and data["verdict"] not in _HEADLINES:
        text += ", but something is wrong"
    return text


def _why_not(unproven: t.Sequence[Object], one: str = "", several: str = "") -> str:
    """Return why Services are not proven. one, several: what follows the first number."""
    idle = sum(not service["endpoints"] for service in unproven)
    reasons = ((idle, "has no endpoint", "have no endpoint"), (len(unproven) - idle, "was not asked", "were not asked"))
    parts = [(number, singular if number == 1 else plural) for number, singular, plural in reasons if number]
    texts = ["{0} {1}".format(number, text) for number, text in parts[1:]]
    first, text = parts[0]
    return ", ".join(["{0}{1} {2}".format(first, one if first == 1 else several, text), *texts])


def banner(data: Object) -> str:
    """Return the verdict that the headline has the colour of; that of a note where nothing is proven."""
    if data["verdict"] in _HEADLINES:
        return str(data["verdict"])
    if data["causes"]:
        return FAULT
    return OK if any(one["proven"] for one in data["services"]) else NOTE


class Line(t.NamedTuple):
    """One line of the matrix."""

    name: str
    find: str  # what the search looks at
    verdict: str
    cells: list[str]  # the worst verdict at each node, "" where nothing was looked at
    open: bool  # whether it is more than a Service that is proven
    listed: bool  # whether it is one of the Services of the report


def matrix(data: Object, nodes: t.Sequence[str]) -> list[Line]:
    """Return the Services, then others that nodes have faults of (ClusterIP), then the nodes themselves."""
    lines = [
        Line(
            one["service"],
            " ".join([one["service"], *one["addresses"], one["pool"]]),
            one["verdict"],
            line,
            one["verdict"] not in (OK, NOTE) or not one["proven"],
            True,
        )
        for one, line in zip(data["services"], cells(data, nodes))
    ]
    listed = {one["service"] for one in data["services"]}
    others: dict[str, dict[str, list[str]]] = {}
    for check in data["checks"]:
        if check["subject"] == NODES and check["service"] not in listed:
            others.setdefault(check["service"] or NODES, {}).setdefault(check["node"], []).append(check["verdict"])
    for name in sorted(others, key=lambda name: name == NODES):
        own = others[name]
        verdict = worst(one for some in own.values() for one in some)
        line = [worst(own.get(node, [])) for node in nodes]
        lines.append(Line(name, name, verdict, line, verdict not in (OK, NOTE), False))
    return lines


def _in_words(line: Line, nodes: t.Sequence[str]) -> str:
    """Return the cells of a line that are not ok as text, for paper: it has no room for many columns."""
    groups: dict[str, list[str]] = {}
    for node, verdict in zip(nodes, line.cells):
        if verdict not in ("", OK):
            groups.setdefault(verdict, []).append(node)
    return "; ".join(
        "{0} at {1}".format(WORDS[verdict], ", ".join(groups[verdict]))
        for verdict in reversed(_SEVERITY)
        if verdict in groups
    )


def cells(data: Object, nodes: t.Sequence[str]) -> list[list[str]]:
    """Return the cells of each Service: the worst verdict at each node, "" where nothing was looked at."""
    wide: dict[str, list[str]] = {}
    own: dict[tuple[str, str], list[str]] = {}
    for row in (Row(**check) for check in data["checks"]):
        if _node_wide(row):
            wide.setdefault(row.node, []).append(row.verdict)
        else:
            own.setdefault((_about(row), row.node), []).append(row.verdict)
    return [
        [worst([*own.get((one["service"], node), []), *wide.get(node, [])]) for node in nodes]
        for one in data["services"]
    ]


def _embedded(data: Object, lines: t.Sequence[Line]) -> Markup:
    """Return the evidence as JSON inside a script element: no text in it can end the element."""
    keys = [key for key in _CHECK if key != "key"]
    text = json.dumps(
        {
            "words": WORDS,
            "wide": NODE_WIDE,
            "services": data["services"],
            "others": [line.name for line in lines if not line.listed],
            "checks": [[check[key] for key in keys] for check in data["checks"]],
        },
        separators=(",", ":"),
    )
    for sign in "<>&":
        text = text.replace(sign, "\\u{0:04x}".format(ord(sign)))
    return Markup(text)


# Files ---------------------------------------------------------------------------------------------------------------


def remove(directory: str) -> list[str]:
    """Remove the files of a run before; return the paths of those that there were."""
    removed = []
    for ending in _ENDINGS:
        path = pathlib.Path(directory).expanduser() / "{0}.{1}".format(NAME, ending)
        try:
            path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            continue
        removed.append(str(path))
    return removed


def write(directory: str, data: Object) -> list[str]:
    """Write all three files; return their paths. Whoever reads meanwhile sees a whole file, old or new."""
    where = pathlib.Path(directory).expanduser()
    where.mkdir(parents=True, exist_ok=True)
    texts = (html(data).encode(), (json.dumps(data, indent=1) + "\n").encode(), junit(data))
    paths = []
    for ending, text in zip(_ENDINGS, texts):
        path = where / "{0}.{1}".format(NAME, ending)
        with tempfile.NamedTemporaryFile(dir=where, delete=False) as partial:
            partial.write(text)
        os.chmod(partial.name, 0o644)
        os.replace(partial.name, path)
        paths.append(str(path))
    return paths
