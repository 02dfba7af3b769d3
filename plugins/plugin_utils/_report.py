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
SCHEMA_VERSION = 1
NAME = "metallb-proof"
# From harmless to bad; what nobody could look at is worse than what moves.
_SEVERITY = (OK, NOTE, LAG, UNKNOWN, FAULT)
# Checks of a node that tell of every Service on it.
_NODE_WIDE = ("IPVS", "nftables", "iptables", "data plane", "requests")
_HEADLINES = {
    FAULT: "Traffic does not arrive as it should",
    UNKNOWN: "No fault found, but not everything could be looked at",
    LAG: "No fault found; something is still moving",
}
_TEMPLATE = pathlib.Path(__file__).with_name("report.html.j2")


def document(
    rows: t.Sequence[Row], state: Object, looked_at: t.Sequence[str], began: float, now: float, looks: int
) -> Object:
    """Return what is known as plain data, see docs/report.schema.json.

    state: what expected_state_info returned. looked_at: the nodes of this run. began, now: seconds since the epoch.
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
        # Without their signs, which are between the proof and the diagnosis.
        "checks": [{name: value for name, value in row._asdict().items() if name != "signs"} for row in rows],
    }
    # Once for all three files. XML has no word for most of what does not print.
    return t.cast(Object, plain_all(data))


def _node_wide(row: Row) -> bool:
    """Return whether what a row says of a node holds for every Service on it."""
    return row.subject == NODES and not row.service and row.check in _NODE_WIDE


def worst(verdicts: t.Iterable[str]) -> str:
    """Return the worst of some verdicts, "" for none."""
    return max(verdicts, key=_SEVERITY.index, default="")


def _about(row: Row) -> str:
    """Return the Service that a row tells of, "" for none."""
    return row.service if row.subject == NODES else row.subject


def _service(service: Object, rows: t.Sequence[Row], wide: str) -> Object:
    """Return a Service with its verdict. wide: the worst that is said of whole nodes, "" for nothing."""
    bgp = service["bgp"] or {"expected": {}}
    return {
        "service": service["service"],
        "verdict": worst([*(row.verdict for row in rows), *([wide] if wide else [])]),
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
    """Return the document as JUnit XML: a suite for each subject, a case for each check.

    A fault is a failure. What is not known, moves or is a note is skipped, with what was found.
    """
    suites = ET.Element("testsuites", name=NAME, time=str(data["seconds"]))
    subjects: dict[str, list[Object]] = {}
    for check in data["checks"]:
        subjects.setdefault(check["subject"], []).append(check)
    for subject, checks in subjects.items():
        suite = ET.SubElement(
            suites,
            "testsuite",
            name=subject,
            tests=str(len(checks)),
            failures=str(sum(check["verdict"] == FAULT for check in checks)),
            skipped=str(sum(check["verdict"] not in (OK, FAULT) for check in checks)),
            errors="0",
            timestamp=data["made"],
        )
        for check in checks:
            case = ET.SubElement(
                suite,
                "testcase",
                classname=subject,
                name="{check}, {where}".format(**check),
                time=str(check["seconds"] or 0),
            )
            text = "expected {expected}, found {found}".format(**check)
            if check["verdict"] == FAULT:
                ET.SubElement(case, "failure", message=text)
            elif check["verdict"] != OK:
                ET.SubElement(case, "skipped", message="{0}: {1}".format(WORDS[check["verdict"]], text))
    ET.indent(suites)
    return t.cast(bytes, ET.tostring(suites, encoding="utf-8", xml_declaration=True))


# HTML ----------------------------------------------------------------------------------------------------------------


def html(data: Object) -> str:
    """Return the document as one HTML page that needs nothing else."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source, _mark, script = _TEMPLATE.read_text(encoding="utf-8").partition("{# script #}\n")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    nodes = [one["node"] for one in data["nodes"]]
    if not data["services"] and data["verdict"] != UNKNOWN:
        headline = "There is no Service with an EXTERNAL-IP to prove"
    else:
        headline = _HEADLINES.get(data["verdict"], "Traffic arrives")
    return environment.from_string(source).render(
        data=data,
        headline=headline,
        cells=cells(data, nodes),
        nodes=nodes,
        words=WORDS,
        summary=summary([Row(**check) for check in data["checks"]]),
        open_checks=[check for check in data["checks"] if check["verdict"] not in (OK, NOTE)],
        evidence=_embedded(data),
        # Markup: the script is this collection's own text, and the page allows no other.
        script=Markup(script),
        script_hash=digest,
    )


def cells(data: Object, nodes: t.Sequence[str]) -> list[list[str]]:
    """Return the matrix, a line for each Service: the worst verdict at each node, "" where nothing was looked at."""
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


def _embedded(data: Object) -> Markup:
    """Return the evidence as JSON inside a script element: no text in it can end the element."""
    keys = ("verdict", "subject", "check", "where", "expected", "found", "node", "service", "seconds")
    text = json.dumps(
        {
            "words": WORDS,
            "services": data["services"],
            "checks": [[check[key] for key in keys] for check in data["checks"]],
        },
        separators=(",", ":"),
    )
    for sign in "<>&":
        text = text.replace(sign, "\\u{0:04x}".format(ord(sign)))
    return Markup(text)


# Files ---------------------------------------------------------------------------------------------------------------


def write(directory: str, data: Object) -> list[str]:
    """Write all three files; return their paths. Whoever reads meanwhile sees a whole file, old or new."""
    where = pathlib.Path(directory).expanduser()
    where.mkdir(parents=True, exist_ok=True)
    texts = {
        "html": html(data).encode(),
        "json": (json.dumps(data, indent=1) + "\n").encode(),
        "xml": junit(data),
    }
    paths = []
    for ending, text in texts.items():
        path = where / "{0}.{1}".format(NAME, ending)
        with tempfile.NamedTemporaryFile(dir=where, delete=False) as partial:
            partial.write(text)
        os.chmod(partial.name, 0o644)
        os.replace(partial.name, path)
        paths.append(str(path))
    return paths
