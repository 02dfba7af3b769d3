# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import os
import pathlib
import stat
import typing as t

import pytest
import yaml
from ansible.errors import AnsibleActionFail

from ansible_collections.kubeaddons.metallb.plugins.action import kubeconfig
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.actions import action

Object = dict[str, t.Any]


def admin(server: str) -> bytes:
    return yaml.safe_dump(
        {
            "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority-data": "Y2E="}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
            "users": [{"name": "u", "user": {"client-key-data": "a2V5"}}],
        }
    ).encode()


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> list[str]:
    """The addresses that take connections."""
    answering: list[str] = []

    class Socket:
        def close(self) -> None:
            pass

    def connect(address: tuple[str, int], timeout: float) -> Socket:
        assert timeout > 0
        if "{0}:{1}".format(*address) not in answering:
            raise ConnectionRefusedError("refused")
        return Socket()

    monkeypatch.setattr(kubeconfig.socket, "create_connection", connect)
    monkeypatch.setattr(kubeconfig.C, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return answering


def run(answer: Object | bytes, **args: t.Any) -> Object:
    asked: list[Object] = []

    def slurp(module_name: str, module_args: Object, **_rest: t.Any) -> Object:
        asked.append({module_name: module_args})
        return {"content": base64.b64encode(answer).decode()} if isinstance(answer, bytes) else answer

    result = action(kubeconfig.ActionModule, args, slurp).run(task_vars={"inventory_hostname": "node1"})
    assert asked == [{"ansible.legacy.slurp": {"src": args.get("path", "/etc/kubernetes/admin.conf")}}]
    return t.cast(Object, result)


def test_the_files_own_server(network: list[str], tmp_path: pathlib.Path) -> None:
    network.append("192.0.2.11:6443")
    result = run(admin("https://192.0.2.11:6443"), addresses=["198.51.100.11"])
    assert (result["changed"], result["server"]) == (False, "https://192.0.2.11:6443")
    path = pathlib.Path(result["path"])
    assert path.parent == tmp_path  # which Ansible removes when it ends
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert yaml.safe_load(path.read_text()) == yaml.safe_load(admin("https://192.0.2.11:6443"))


def test_a_loopback_address_is_replaced(network: list[str]) -> None:
    network.extend(["127.0.0.1:6443", "198.51.100.11:6443"])
    result = run(
        admin("https://127.0.0.1:6443"), addresses=["", "192.0.2.11", "198.51.100.11"], path="/root/admin.conf"
    )
    assert result["server"] == "https://198.51.100.11:6443"
    cluster = yaml.safe_load(pathlib.Path(result["path"]).read_text())["clusters"][0]["cluster"]
    assert cluster == {
        "server": "https://198.51.100.11:6443",
        "certificate-authority-data": "Y2E=",
        "tls-server-name": "kubernetes",
    }


def test_nothing_answers(network: list[str], tmp_path: pathlib.Path) -> None:
    with pytest.raises(AnsibleActionFail) as caught:
        run(admin("https://192.0.2.11:6443"), addresses=["198.51.100.11"])
    for part in (
        "/etc/kubernetes/admin.conf",
        "https://192.0.2.11:6443 (refused)",
        "https://198.51.100.11:6443 (refused)",
        "metallb_api_host",
        "metallb_kubeconfig",
    ):
        assert part in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_the_file_cannot_be_read(network: list[str]) -> None:
    with pytest.raises(AnsibleActionFail) as caught:
        run({"failed": True, "msg": "file not found: /etc/kubernetes/admin.conf."})
    for part in ("/etc/kubernetes/admin.conf on node1: file not found", "-b", "metallb_kubeconfig", "metallb_api_host"):
        assert part in str(caught.value)


def test_the_file_is_something_else(network: list[str]) -> None:
    with pytest.raises(AnsibleActionFail, match="names no cluster; name another file in metallb_kubeconfig"):
        run(b"text")
