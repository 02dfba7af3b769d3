# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The playbook that runs Kubespray without its MetalLB role and then this collection, with a stand-in for Kubespray."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from integration.ansible_runs import program
from integration.apiserver import Server, built

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = ROOT / "collections" / "ansible_collections" / "kubeaddons" / "metallb" / "playbooks" / "kubespray.yml"
INVENTORY = """
[kube_control_plane]
one ansible_connection=local
[kube_node]
one
two ansible_connection=local metallb_enabled=true
"""
SEEN = "{{ [metallb_enabled, kube_proxy_strict_arp | default('unset'), metallb_ip_range] }}"


def see(name: str) -> dict[str, Any]:
    """A task that records what it was given."""
    return {"name": name, "ansible.builtin.debug": {"msg": SEEN}}


@dataclass(frozen=True)
class Site:
    """A user's directory: an inventory, and Kubespray's checkout beside it."""

    path: Path
    server: Server

    @property
    def kubespray(self) -> Path:
        return self.path / "kubespray"

    def write(self, name: str, content: Any) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")

    def lay_out(self, **variables: Any) -> None:
        """A stand-in that is built as Kubespray is: a playbook that imports one with roles of its own."""
        self.write("inventory/inventory.ini", INVENTORY)
        self.write("inventory/group_vars/k8s_cluster/addons.yml", {"metallb_ip_range": ["192.0.2.0/28"], **variables})
        more = {
            "metallb_kubeconfig": str(self.server.kubeconfig),
            "metallb_manifest": str(next(built("manifests").glob("**/metallb-native.yaml"))),
            "metallb_probe_addresses": False,
        }
        self.write("inventory/group_vars/all.yml", more)
        self.write("inventory/host_vars/one.yml", variables)
        self.write("kubespray/ansible.cfg", "[defaults]\nroles_path = roles\n")
        for name in ("cluster", "upgrade_cluster"):
            self.write(f"kubespray/{name}.yml", [{"import_playbook": f"playbooks/{name}.yml"}])
            group = {"hosts": "all", "gather_facts": False, "tasks": [{"group_by": {"key": "k8s_cluster"}}]}
            role = {"hosts": "k8s_cluster", "gather_facts": False, "roles": ["app"], "vars": {"name_of_it": name}}
            self.write(f"kubespray/playbooks/{name}.yml", [group, role])
        self.write("kubespray/roles/app/defaults/main.yml", {"metallb_enabled": True, "kube_proxy_strict_arp": False})
        self.write(
            "kubespray/roles/app/tasks/main.yml",
            [see("Kubespray"), {"debug": {"msg": "{{ name_of_it }}"}, "name": "name"}],
        )

    def run(
        self, *words: str, directory: str = "kubespray", playbook: str = str(PLAYBOOK), **environ: str
    ) -> tuple[dict[str, dict[str, Any]], str]:
        """Run the playbook in check mode; the results of the tasks by name and host, and all that was said."""
        inventory = self.path / "inventory" / "inventory.ini"
        answer = subprocess.run(
            [program("ansible-playbook"), "-i", str(inventory), "--check", playbook, *words],
            env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", **environ},
            cwd=self.path / directory,
            capture_output=True,
            text=True,
            check=False,
        )
        said = answer.stdout + answer.stderr
        if not answer.stdout.lstrip().startswith("{"):
            return {}, said
        report = json.loads(answer.stdout[answer.stdout.index("{") :])
        tasks = [task for play in report["plays"] for task in play["tasks"]]
        return {task["task"]["name"]: task["hosts"] for task in tasks}, said


@pytest.fixture
def site(tmp_path: Path, api_server: Server) -> Site:
    return Site(tmp_path, api_server)


def messages(results: dict[str, Any]) -> dict[str, Any]:
    return {host: result["msg"] for host, result in results.items()}


def plan(results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What this collection's part has found out."""
    (found,) = results["kubeaddons.metallb.preflight : Read the cluster and check the settings"].values()
    assert not found.get("failed"), found
    return found


RANGE = ["192.0.2.0/28"]
BOTH = ("one", "two")
WITHOUT_METALLB = {host: [False, True, RANGE] for host in BOTH}


def test_kubespray_does_not_see_metallb_and_this_collection_does(site: Site) -> None:
    site.lay_out(metallb_enabled=True, kube_proxy_strict_arp=False)
    results, said = site.run()
    assert messages(results["app : Kubespray"]) == WITHOUT_METALLB, said
    assert messages(results["app : name"]) == dict.fromkeys(BOTH, "cluster")
    assert plan(results)["enabled"]
    assert "Deployment/metallb-system/controller" in plan(results)["release_due"]
    # The run has seen to it; there is nothing to warn of.
    assert plan(results)["warnings_found"] == []


def test_inventories_that_keep_kubesprays_switch_off(site: Site) -> None:
    site.lay_out(metallb_enabled=False, kubeaddons_metallb_enabled=True)
    results, _said = site.run()
    assert messages(results["app : Kubespray"]) == WITHOUT_METALLB
    assert plan(results)["enabled"]


def test_without_either_switch_nothing_of_ours_runs(site: Site) -> None:
    site.lay_out(metallb_enabled=False)
    site.write("inventory/inventory.ini", INVENTORY.replace("metallb_enabled=true", ""))
    results, _said = site.run()
    assert messages(results["app : Kubespray"]) == WITHOUT_METALLB
    assert not plan(results)["enabled"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["-e", "metallb_enabled=true"], "metallb_enabled is given on the command line"),
        (["-e", '{"metallb_enabled": true}'], "metallb_enabled is given on the command line"),
        (["-e", "metallb_enabled=false"], "metallb_enabled is given on the command line"),  # a text: true for Kubespray
        (["-e", "metallb_enabled=true", "--limit", "two"], "metallb_enabled is given on the command line"),
        (["-e", "metallb_enabled=true", "--tags", "other"], "metallb_enabled is given on the command line"),
        (["-e", "kube_proxy_strict_arp=false"], "kube_proxy_strict_arp is given on the command line"),
    ],
)
def test_what_would_defeat_the_switch_is_refused(site: Site, words: list[str], reason: str) -> None:
    site.lay_out(metallb_enabled=True)
    results, said = site.run(*words)
    assert reason in said
    assert "app : Kubespray" not in results


def test_the_command_line_may_switch_ours(site: Site) -> None:
    site.lay_out(metallb_enabled=True)
    results, _said = site.run("-e", "kubeaddons_metallb_enabled=false")
    assert messages(results["app : Kubespray"]) == WITHOUT_METALLB
    assert not plan(results)["enabled"]


def test_another_playbook_by_its_path(site: Site) -> None:
    site.lay_out(metallb_enabled=True)
    ours = ("-e", "kubeaddons_metallb_enabled=false")  # what follows Kubespray's part takes its time
    results, _said = site.run("-e", "kubespray_playbook=upgrade_cluster.yml", *ours)
    assert messages(results["app : name"]) == dict.fromkeys(BOTH, "upgrade_cluster")
    config = str(site.kubespray / "ansible.cfg")
    words = ("-e", "kubespray_playbook=kubespray/upgrade_cluster.yml", *ours)
    results, said = site.run(*words, directory=".", ANSIBLE_CONFIG=config)
    assert messages(results["app : name"]) == dict.fromkeys(BOTH, "upgrade_cluster"), said


def test_a_playbook_of_kubesprays_collection(site: Site) -> None:
    site.lay_out(metallb_enabled=True)
    collection = "collections/ansible_collections/kubernetes_sigs/kubespray"
    (site.path / collection).parent.mkdir(parents=True)
    (site.path / collection).symlink_to(site.kubespray)
    site.write(f"{collection}/galaxy.yml", {"namespace": "kubernetes_sigs", "name": "kubespray", "version": "1.0.0"})
    paths = f"{site.path / 'collections'}:{ROOT / 'collections'}:{os.environ.get('ANSIBLE_COLLECTIONS_PATH', '')}"
    words = ("-e", "kubespray_playbook=kubernetes_sigs.kubespray.cluster")
    own = "kubeaddons.metallb.kubespray"
    results, said = site.run(*words, directory="inventory", playbook=own, ANSIBLE_COLLECTIONS_PATH=paths)
    assert messages(results.get("kubernetes_sigs.kubespray.app : Kubespray", {})) == WITHOUT_METALLB, said
    assert plan(results)["enabled"]


def test_a_playbook_that_is_not_there_is_not_taken_for_ours(site: Site) -> None:
    """This collection has a cluster.yml as well, beside the playbook."""
    site.lay_out(metallb_enabled=True)
    results, said = site.run(directory="inventory")
    assert results == {}
    assert str(site.path / "inventory" / "cluster.yml") in said
