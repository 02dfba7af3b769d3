# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _pods

CLUSTER = "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.233.0.10\noptions ndots:5\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (CLUSTER, ("10.233.0.10", "cluster.local")),
        ("nameserver 169.254.25.10\nnameserver 192.0.2.1\nsearch svc.k8s.example\n", ("169.254.25.10", "k8s.example")),
        ("nameserver 192.0.2.53\nsearch example.com\n", ("", "")),
        ("search svc.cluster.local\n", ("", "")),
        ("", ("", "")),
    ],
)
def test_whose_name_server_it_is(text: str, found: tuple[str, str]) -> None:
    assert _pods.parse_resolver(text) == found


class Proc:
    """A made-up /proc; a network namespace is a file, processes of one share it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.add("self", "host")

    def add(self, process: str, network: str, cgroup: str = "0::/kubepods.slice/pod1", **files: str) -> None:
        place = self.root / "proc" / process
        (place / "ns").mkdir(parents=True)
        (self.root / network).touch()
        os.link(self.root / network, place / "ns" / "net")
        (place / "cgroup").write_text(cgroup + "\n")
        (place / "environ").write_text(files.get("environ", ""))
        (place / "root" / "etc").mkdir(parents=True)
        if "resolver" in files:
            (place / "root" / "etc" / "resolv.conf").write_text(files["resolver"])


def test_one_pod_for_each_network_those_with_the_clusters_dns_first(tmp_path: Path) -> None:
    proc = Proc(tmp_path)
    proc.add("7", "host", environ="HOSTNAME=kube-proxy-1\0")
    proc.add("20", "a", environ="PATH=/\0")
    proc.add("21", "a", environ="PATH=/\0HOSTNAME=coredns-1\0", resolver="nameserver 192.0.2.53\n")
    proc.add("22", "a", environ="HOSTNAME=sidecar\0", resolver=CLUSTER)
    proc.add("30", "b", environ="HOSTNAME=web-1\0", resolver=CLUSTER)
    proc.add("40", "c", cgroup="0::/docker/x", environ="HOSTNAME=container\0", resolver=CLUSTER)
    (tmp_path / "proc" / "50").mkdir()  # a process that has just gone
    (tmp_path / "proc" / "sys").mkdir()
    base = str(tmp_path / "proc")
    assert _pods.find(base) == [
        (base + "/30/ns/net", "web-1", "10.233.0.10", "cluster.local"),
        (base + "/21/ns/net", "coredns-1", "", ""),
    ]


def test_a_network_that_is_gone() -> None:
    with pytest.raises(OSError, match="No such file"):
        _pods.enter("/proc/0/ns/net")


def test_only_the_thread_moves() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    found: list[object] = []

    def move() -> None:
        try:
            _pods.enter("/proc/self/ns/net")  # its own: nothing changes, but the call is made
            _pods.enter("/proc/self/ns/uts")
        except OSError as exc:
            found.append(exc)

    thread = threading.Thread(target=move)
    thread.start()
    thread.join()
    assert isinstance(found[0], OSError)
    assert found[0].errno == 22
