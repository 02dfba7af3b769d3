# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _ipvs
from ansible_collections.kubeaddons.metallb.plugins.modules import ipvs_info

Run = t.Callable[..., dict[str, t.Any]]

PROC = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0A864F0:0050 rr  
  -> 0AE94005:1F90      Masq    1      2          0         
"""  # noqa: W291 - as the kernel writes it
ODD = PROC + "XTP  C0A864F0:0050 rr  \n"
IPVSADM = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  192.168.100.240:80 rr
  -> 10.233.64.5:8080             Masq    1      2          0         
"""  # noqa: W291 - as ipvsadm writes it


class Node:
    """A node whose /proc file and ipvsadm are the test's."""

    def __init__(self, path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path / "ip_vs"
        self.binary: str | None = "/usr/sbin/ipvsadm"
        self.output = (0, IPVSADM, "")
        self.commands: list[list[str]] = []
        read, available = _ipvs.read_proc, _ipvs.available
        monkeypatch.setattr(_ipvs, "read_proc", lambda: read(str(self.path), 250))
        monkeypatch.setattr(_ipvs, "available", lambda: available(str(self.path)))
        base = "ansible.module_utils.basic.AnsibleModule."
        monkeypatch.setattr(base + "get_bin_path", lambda *args, **options: self.binary)
        monkeypatch.setattr(base + "run_command", self.run_command)

    def run_command(self, command: list[str]) -> tuple[int, str, str]:
        self.commands.append(command)
        return self.output


@pytest.fixture
def node(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    return Node(tmp_path, monkeypatch)


SERVER = {
    "protocol": "TCP",
    "address": "192.168.100.240",
    "port": 80,
    "firewall_mark": 0,
    "scheduler": "rr",
    "flags": [],
    "persistence": 0,
    "persistence_netmask": "",
    "real_servers": [
        {
            "address": "10.233.64.5",
            "port": 8080,
            "forward": "Masq",
            "weight": 1,
            "active_connections": 2,
            "inactive_connections": 0,
        }
    ],
}


@pytest.mark.parametrize(("source", "used"), [("auto", "proc"), ("proc", "proc"), ("ipvsadm", "ipvsadm")])
@pytest.mark.parametrize("check_mode", [False, True])
def test_both_sources_return_the_same(run_module: Run, node: Node, source: str, used: str, check_mode: bool) -> None:
    node.path.write_text(PROC)
    found = run_module(ipvs_info, check_mode, source=source)
    assert not found["failed"]
    assert not found["changed"]
    assert (found["available"], found["source"], found["unparsed"]) == (True, used, [])
    assert found["virtual_servers"] == [SERVER]
    assert found["warnings"] == []
    assert node.commands == ([["/usr/sbin/ipvsadm", "-Ln"]] if used == "ipvsadm" else [])


@pytest.mark.parametrize("source", ["auto", "proc", "ipvsadm"])
def test_a_kernel_without_ipvs(run_module: Run, node: Node, source: str) -> None:
    found = run_module(ipvs_info, source=source)
    assert not found["failed"]
    assert (found["available"], found["source"], found["virtual_servers"]) == (False, "", [])
    # It would load the kernel's module.
    assert node.commands == []


def test_lines_that_are_not_understood_are_returned_with_a_warning(run_module: Run, node: Node) -> None:
    node.path.write_text(ODD)
    found = run_module(ipvs_info, source="proc")
    assert found["virtual_servers"] == [SERVER]
    assert found["unparsed"] == ["XTP  C0A864F0:0050 rr  "]
    assert any("please report" in warning for warning in found["warnings"])


@pytest.mark.parametrize("text", [ODD, PROC[:-5]])
def test_auto_turns_to_ipvsadm_when_the_file_is_not_understood(run_module: Run, node: Node, text: str) -> None:
    node.path.write_text(text)
    found = run_module(ipvs_info)
    assert (found["source"], found["unparsed"], found["virtual_servers"]) == ("ipvsadm", [], [SERVER])


def test_auto_without_ipvsadm_keeps_what_it_has(run_module: Run, node: Node) -> None:
    node.path.write_text(ODD)
    node.binary = None
    found = run_module(ipvs_info)
    assert (found["source"], found["failed"], len(found["unparsed"])) == ("proc", False, 1)


@pytest.mark.parametrize(
    ("source", "text", "binary", "output", "message"),
    [
        ("proc", PROC[:-5], "/usr/sbin/ipvsadm", (0, IPVSADM, ""), "truncated"),
        ("auto", PROC[:-5], None, (0, IPVSADM, ""), "truncated"),
        ("ipvsadm", PROC, None, (0, IPVSADM, ""), "not installed"),
        ("ipvsadm", PROC, "/usr/sbin/ipvsadm", (1, "", "Permission denied (you must be root)"), "you must be root"),
        ("ipvsadm", PROC, "/usr/sbin/ipvsadm", (0, IPVSADM[:-5], ""), "truncated"),
    ],
)
def test_failures_return_the_same_keys(
    run_module: Run,
    node: Node,
    source: str,
    text: str,
    binary: str | None,
    output: tuple[int, str, str],
    message: str,
) -> None:
    node.path.write_text(text)
    node.binary, node.output = binary, output
    found = run_module(ipvs_info, source=source)
    assert found["failed"]
    assert message in found["msg"]
    assert {"available", "source", "virtual_servers", "unparsed"} <= set(found)
