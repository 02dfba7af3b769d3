# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The proof and the diagnosis where not everything can be looked at: real playbooks, made-up answers of the modules."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from integration.ansible_runs import program

from ansible_collections.kubeaddons.metallb.plugins.modules import diagnosis_info, expected_state_info

ROOT = Path(__file__).resolve().parents[2]
#: two is nobody at home; on three a module breaks down before it knows what to return
INVENTORY = """
[kube_control_plane]
one ansible_connection=local
[kube_node]
two ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1 ansible_ssh_common_args='-o BatchMode=yes'
three ansible_connection=local
[all:vars]
ansible_become=false
metallb_kubeconfig=/dev/null
metallb_enabled=true
metallb_ip_range=["192.0.2.0/28"]
"""
MODULE = """#!/usr/bin/python
# WANT_JSON
import json, sys
with open(sys.argv[1]) as handle:
    node = json.load(handle).get("node", "")
answers = json.loads({answers!r})
answer = answers.get(node) or answers[""]
if answer == "traceback":
    raise RuntimeError("broken down")
print(json.dumps(answer))
"""
NODES = {"one": ["192.0.2.11"], "two": ["192.0.2.12"], "three": ["192.0.2.13"]}
PLAN = {
    "errors": [],
    "warnings": [],
    "enabled": True,
    "namespace": "metallb-system",
    "loadbalancer_class": "",
    "nodes": NODES,
    "probes": [],
    "speaker_enabled": True,
}
STATE = {**expected_state_info.EMPTY, "mode": "ipvs", "sync_period": 30.0, "nodes": NODES, "speakers": ["one"]}
TARGET = {"address": "10.233.0.1", "port": 443, "protocol": "tcp", "request": "connect"}
TABLE = {
    "problem": "",
    "differences": [],
    "differences_total": 0,
    "faults_total": 0,
    "checked": {"virtual_servers": 5, "real_servers": 12, "draining": 0, "foreign": 0},
    "mode": "ipvs",
    "mode_assumed": "",
    "seconds": 0.1,
}
ARP: dict[str, Any] = {"results": [], "interfaces": [], "gateways": [], "settings": {}}
ANSWERS: dict[str, dict[str, Any]] = {
    "metallb_plan": {"": PLAN},
    "wait_for_external_ip": {"": {"results": [{"namespace": "default", "name": "web", "done": True}]}},
    "expected_state_info": {"": {**STATE, "targets": {**STATE["targets"], "inside": []}}},
    "data_plane_verify": {"": TABLE, "three": "traceback"},
    "arp_probe": {"": ARP},
    "diagnosis_info": {"": diagnosis_info.EMPTY},
}
API_AWAY = {**expected_state_info.EMPTY, "failed": True, "msg": "Kubernetes API: no answer (timed out)."}


def collection(folder: Path, answers: dict[str, dict[str, Any]]) -> Path:
    """This collection, with these modules in the place of its own; returns where Ansible finds it."""
    made = folder / "ansible_collections" / "kubeaddons" / "metallb"
    modules = made / "plugins" / "modules"
    modules.mkdir(parents=True)
    own = [ROOT / name for name in ("galaxy.yml", "meta", "playbooks", "roles")]
    for file in (*own, *(ROOT / "plugins").iterdir(), *(ROOT / "plugins/modules").iterdir()):
        target = made / file.relative_to(ROOT)
        if not target.exists() and file.stem not in (*answers, "__pycache__"):
            target.symlink_to(file)
    for name, told in answers.items():
        (modules / f"{name}.py").write_text(MODULE.format(answers=json.dumps(told)), encoding="utf-8")
    return folder


def played(playbook: str, folder: Path, **changes: dict[str, Any]) -> tuple[int, str]:
    """Run a playbook; returns its exit status and what it printed, with blanks run together."""
    tree = collection(folder / "collections", {**ANSWERS, **changes})
    inventory = folder / "inventory.ini"
    inventory.write_text(INVENTORY, encoding="utf-8")
    options = ["-e", json.dumps({"metallb_verify_report_dir": str(folder / "report")})]
    answer = subprocess.run(
        [program("ansible-playbook"), "-i", str(inventory), *options, f"kubeaddons.metallb.{playbook}"],
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(tree),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "COLUMNS": "160",
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.returncode, re.sub(r"\s+", " ", answer.stdout + answer.stderr)


@pytest.mark.parametrize("playbook", ["verify", "diagnose"])
def test_what_could_be_looked_at_is_shown_and_the_run_fails_for_the_rest(playbook: str, tmp_path: Path) -> None:
    """A node without a connection and one on which a module breaks down are unknown, with the reason."""
    status, output = played(playbook, tmp_path)
    assert status == 2, output
    assert "Proof: 2 of 3 nodes" in output
    assert "ok IPVS one 5 virtual servers, 12 real servers all as expected" in output
    assert re.search(r"unknown data plane two looked at no connection to it: ", output), output
    assert re.search(r"unknown data plane three looked at \w", output), output
    assert re.search(
        r"Not everything could be looked at.* two, data plane: no connection .*three, data plane: ", output
    )
    report = json.loads((tmp_path / "report/metallb-proof.json").read_text(encoding="utf-8"))
    assert {one["node"]: (one["looked_at"], one["verdict"]) for one in report["nodes"]} == {
        "one": (True, "ok"),
        "two": (False, "unknown"),
        "three": (True, "unknown"),
    }


def test_without_the_api_nothing_is_proven(tmp_path: Path) -> None:
    """The report of a run before, which may have been green, does not stay."""
    status, output = played("verify", tmp_path, expected_state_info={"": API_AWAY})
    assert status == 2, output
    assert "unknown API Kubernetes API readable Kubernetes API: no answer (timed out)." in output
    assert "Not everything could be looked at, so it is not proven. Kubernetes API, API: " in output
    report = json.loads((tmp_path / "report/metallb-proof.json").read_text(encoding="utf-8"))
    assert (report["verdict"], report["services"]) == ("unknown", [])


def test_a_run_that_ends_before_the_proof_leaves_no_report_of_another(tmp_path: Path) -> None:
    """Refused settings: what lies there would look like this run's proof."""
    (tmp_path / "report").mkdir()
    for name in ("metallb-proof.html", "metallb-proof.json", "metallb-proof.xml", "notes.txt"):
        (tmp_path / "report" / name).write_text("of a run before", encoding="utf-8")
    status, output = played("verify", tmp_path, metallb_plan={"": {**PLAN, "failed": True, "msg": "Refused."}})
    assert status == 2, output
    assert "Refused." in output
    assert [one.name for one in (tmp_path / "report").iterdir()] == ["notes.txt"]


def test_where_everything_was_looked_at_the_run_ends_well(tmp_path: Path) -> None:
    """The made-up modules themselves are no reason to fail."""
    inventory = INVENTORY.replace(
        "ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1", "ansible_connection=local"
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(globals(), "INVENTORY", inventory)
        status, output = played("verify", tmp_path, data_plane_verify={"": TABLE})
    assert status == 0, output
    assert "Proof: 3 of 3 nodes" in output


@pytest.mark.parametrize("playbook", ["verify", "diagnose"])
def test_a_host_outside_that_is_out_of_reach(playbook: str, tmp_path: Path) -> None:
    """Its requests are not proven, everything else is."""
    asked = [{"target": TARGET, "service": "default/web", "check": "EXTERNAL-IP", "node": ""}]
    state = {**STATE, "targets": {**STATE["targets"], "outside": asked}}
    away = "ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1"
    inventory = INVENTORY.replace(away, "ansible_connection=local")
    inventory += f"metallb_verify_outside_host=edge\n[edges]\nedge {away} ansible_ssh_common_args='-o BatchMode=yes'\n"
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(globals(), "INVENTORY", inventory)
        status, output = played(
            playbook,
            tmp_path,
            expected_state_info={"": state},
            data_plane_verify={"": TABLE},
            request_probe={"": {"results": []}},
        )
    assert status == 2, output
    assert "unknown requests edge sent no connection to it: " in output
    assert "4 checks: 3 ok, 1 unknown" in output
    assert re.search(r"Not everything could be looked at.* edge, requests: no connection to it: ", output)


#: tells its host by the folder for its files
ASKED = """#!/usr/bin/python
# WANT_JSON
import json, sys
with open(sys.argv[1]) as handle:
    args = json.load(handle)
number = int(args["_ansible_remote_tmp"].rpartition("/")[2])
near = number >= 9
answers = ["02:00:5e:00:53:0c"] if near and number != 12 else []
print(json.dumps({
    "settings": {},
    "gateways": [],
    "networks": ["192.0.2.0/24"] if near else [],
    "interfaces": [{"name": "eth0", "mac": "02:00:5e:00:53:%02x" % number, "addresses": [], "rp_filter": 0}],
    "results": [
        {"address": one, "on_link": near, "interface": "eth0", "own": False, "macs": answers} for one in args["addresses"]
    ],
}))
"""


def test_of_many_nodes_those_on_the_segment_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are the last four of twelve."""
    nodes = {f"node{number}": [f"192.0.2.{number}"] for number in range(1, 13)}
    service = {
        "service": "default/web",
        "addresses": ["192.0.2.240"],
        "pool": "lan",
        "reason": "",
        "layer2": True,
        "announcers": ["node12"],
        "assigned": "node12",
        "election": {"node": "node12", "reasons": {}},
        "bgp": None,
        "backends": ["10.233.64.5"],
        "age": 400.0,
        "cluster_ips": ["10.233.0.1"],
        "local": False,
        "internal_local": False,
        "local_nodes": [],
        "source_ranges": [],
        "ports": [],
    }
    state = {
        **STATE,
        "nodes": nodes,
        "services": [service],
        "targets": {**STATE["targets"], "arp": ["192.0.2.240"]},
    }
    hosts = "".join(f"{name} ansible_remote_tmp={tmp_path}/{name[4:]}\n" for name in nodes)
    variables = INVENTORY.partition("[all:vars]")[2]
    inventory = f"[kube_control_plane]\nnode1\n[kube_node]\n{hosts}[all:vars]\nansible_connection=local{variables}"
    make = collection

    def with_asked(folder: Path, answers: dict[str, dict[str, Any]]) -> Path:
        found = make(folder, answers)
        module = found / "ansible_collections/kubeaddons/metallb/plugins/modules/arp_probe.py"
        module.write_text(ASKED, encoding="utf-8")
        return found

    monkeypatch.setitem(globals(), "INVENTORY", inventory)
    monkeypatch.setitem(globals(), "collection", with_asked)
    status, output = played(
        "verify",
        tmp_path,
        metallb_plan={"": {**PLAN, "nodes": nodes}},
        expected_state_info={"": state},
        data_plane_verify={"": TABLE},
    )
    assert status == 0, output
    assert "ok ARP segment, 192.0.2.240 one answer, from node12 node12 (02:00:5e:00:53:0c)" in output
