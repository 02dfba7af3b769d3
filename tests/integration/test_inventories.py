# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Kubespray's inventories of all ages: every node gets the variables, whatever its groups and directories are called."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest
from integration.ansible_runs import program

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOKS = ROOT / "collections" / "ansible_collections" / "kubeaddons" / "metallb" / "playbooks"

NEW = """
[kube_control_plane]
one
[etcd:children]
kube_control_plane
[kube_node]
one
two
"""
NEW_CHILDREN = (
    NEW
    + """
[k8s_cluster:children]
kube_control_plane
kube_node
"""
)
OLD = """
[kube-master]
one
[kube-node]
one
two
[calico-rr]
[k8s-cluster:children]
kube-master
kube-node
calico-rr
"""
AFTER_GROUPS = {
    "hosts": "k8s_cluster",
    "gather_facts": False,
    "tasks": [
        {
            "name": "See",
            "ansible.builtin.debug": {"msg": "{{ [metallb_ip_range, groups['kube_control_plane'] | first] }}"},
        }
    ],
}


@pytest.mark.parametrize(
    ("inventory", "directory"),
    [
        pytest.param(NEW, "k8s_cluster", id="without k8s_cluster"),
        pytest.param(NEW_CHILDREN, "k8s_cluster", id="with k8s_cluster"),
        pytest.param(OLD, "k8s-cluster", id="old groups, old directory"),
        pytest.param(OLD, "k8s_cluster", id="old groups, new directory"),
        pytest.param(NEW_CHILDREN, "k8s-cluster", id="new groups, old directory"),
    ],
)
def test_variables_reach_every_node(tmp_path: Path, inventory: str, directory: str) -> None:
    """group_vars are read for the groups that Kubespray's playbooks make, too."""
    hosts = tmp_path / "inventory.ini"
    hosts.write_text(inventory, encoding="utf-8")
    variables = tmp_path / "group_vars" / directory / "addons.yml"
    variables.parent.mkdir(parents=True)
    variables.write_text('metallb_ip_range: ["192.0.2.0/28"]\n', encoding="utf-8")
    playbook = tmp_path / "playbook.yml"
    plays = [{"ansible.builtin.import_playbook": str(PLAYBOOKS / "groups.yml")}, AFTER_GROUPS]
    playbook.write_text(json.dumps(plays), encoding="utf-8")
    answer = subprocess.run(
        [program("ansible-playbook"), "-i", str(hosts), str(playbook)],
        env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    report = json.loads(answer.stdout[answer.stdout.index("{") :])
    (seen,) = (task["hosts"] for play in report["plays"] for task in play["tasks"] if task["task"]["name"] == "See")
    expected = [["192.0.2.0/28"], "one"]
    assert {host: result["msg"] for host, result in seen.items()} == {"one": expected, "two": expected}


def test_explain_needs_no_cluster_and_no_nodes(tmp_path: Path) -> None:
    """Objects, renamed variables, and what Kubespray would do otherwise."""
    hosts = tmp_path / "inventory.ini"
    hosts.write_text(NEW, encoding="utf-8")
    variables = tmp_path / "group_vars" / "k8s_cluster" / "addons.yml"
    variables.parent.mkdir(parents=True)
    text = 'metallb_enabled: true\nmetallb: {ip_range: "192.0.2.0/28"}\nmetallb_protocol: layer2\n'
    variables.write_text(text, encoding="utf-8")
    command = [program("ansible-playbook"), "-i", str(hosts), str(PLAYBOOKS / "explain.yml")]
    answer = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    for words in (
        "kind: IPAddressPool",
        "- 192.0.2.0/28",
        "metallb.ip_range is read as metallb_ip_range; rename it.",
        "metallb_protocol is not read since Kubespray 2.22.",
    ):
        assert words in answer.stdout
    # What the inventory does not set is not spoken of.
    assert "metallb_auto_assign" not in answer.stdout


def test_explain_opens_the_vault_and_shows_no_password(tmp_path: Path) -> None:
    """A password from the vault is a text like any other, and neither it nor its Base64 is printed, however much else is."""
    hosts = tmp_path / "inventory.ini"
    hosts.write_text(NEW, encoding="utf-8")
    key = tmp_path / "key"
    key.write_text("open sesame", encoding="utf-8")
    command = [program("ansible-vault"), "encrypt_string", "--vault-password-file", str(key), "s3cret-of-tor"]
    vaulted = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=True).stdout
    variables = tmp_path / "group_vars" / "k8s_cluster" / "addons.yml"
    variables.parent.mkdir(parents=True)
    lines = [
        "metallb_enabled: true",
        'metallb_ip_range: ["198.51.100.0/28"]',
        "metallb_protocol: bgp",
        "bgp_password: from-a-variable",
        "metallb_peers:",
        "  - {peer_address: 192.0.2.1, peer_asn: 64513, my_asn: 64512, password: '{{ bgp_password }}'}",
        "  - peer_address: 192.0.2.2",
        "    peer_asn: 64513",
        "    my_asn: 64512",
        "    password: " + "\n    ".join(vaulted.strip().splitlines()),
    ]
    variables.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [program("ansible-playbook"), "-vvvv", "-i", str(hosts), "--vault-password-file", str(key)]
    command.append(str(PLAYBOOKS / "explain.yml"))
    answer = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.count("password: (hidden)") >= 2
    for secret in ("s3cret-of-tor", "from-a-variable"):
        encoded = base64.b64encode(secret.encode()).decode()
        assert secret not in answer.stdout + answer.stderr
        assert encoded not in answer.stdout + answer.stderr
