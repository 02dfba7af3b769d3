# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _kube_proxy
from ansible_collections.kubeaddons.metallb.plugins.modules import kube_proxy_strict_arp
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import Clock, Server, fixture

CONFIG, DAEMON_SET, PODS = _kube_proxy.CONFIG_PATH, _kube_proxy.DAEMONSET_PATH, _kube_proxy.PODS_PATH
POD = PODS + "/kube-proxy-7xk2p"
RESTARTED = ["DaemonSet/kube-system/kube-proxy"]


def cluster(mode: str = "ipvs", strict: bool = False) -> Server:
    server = Server(*fixture("kube_proxy"))
    config = server.objects[CONFIG]["data"]
    config["config.conf"] = config["config.conf"].replace("mode: ipvs", "mode: " + mode)
    if strict:
        config["config.conf"] = config["config.conf"].replace("strictARP: false", "strictARP: true")
    return server


def ensure(
    server: Server,
    restart: t.Sequence[str] = (),
    check_mode: bool = False,
    timeout: float = 0,
    clock: Clock | None = None,
) -> dict[str, t.Any]:
    waiter = (clock or Clock()).waiter(timeout)
    return kube_proxy_strict_arp.ensure(server.api, list(restart), check_mode, waiter)


def test_the_patch_holds_one_key_and_the_restart_is_kubectls() -> None:
    server = cluster()
    before = server.objects[CONFIG]["data"]["config.conf"]
    result = ensure(server)
    assert server.writes == ["patch " + CONFIG, "patch " + DAEMON_SET]
    after = before.replace("strictARP: false", "strictARP: true")
    assert server.bodies[0] == {"data": {"config.conf": after}}
    annotations = server.bodies[1]["spec"]["template"]["metadata"]["annotations"]
    assert list(annotations) == ["kubectl.kubernetes.io/restartedAt"]
    assert (result["changed"], result["restarted"], result["mode"]) == (True, RESTARTED, "ipvs")
    assert (result["diff"]["before"], result["diff"]["after"]) == (before, after)


def test_check_mode_says_the_same_and_changes_nothing() -> None:
    server, untouched = cluster(), cluster()
    checked = ensure(server, check_mode=True)
    assert server.objects == untouched.objects
    assert server.writes == ["patch {0} (dry run)".format(path) for path in (CONFIG, DAEMON_SET)]
    assert checked == ensure(server)


@pytest.mark.parametrize("mode", ["iptables", "nftables", "''"])
def test_other_modes_are_left_alone(mode: str) -> None:
    server = cluster(mode)
    assert ensure(server, ["node1"]) == {"mode": mode.strip("'") or "iptables"}
    assert server.writes == []


def test_without_kube_proxy_there_is_nothing_to_do() -> None:
    assert ensure(Server()) == {}


def test_strict_arp_already() -> None:
    server = cluster(strict=True)
    assert ensure(server) == {"mode": "ipvs"}
    assert server.writes == []


def test_nodes_whose_kernel_does_not_have_it() -> None:
    server = cluster(strict=True)
    assert ensure(server, ["node1"], check_mode=True)["restarted"] == ["node1"]
    assert ensure(server, ["node2"])["changed"]
    assert POD in server.objects
    assert ensure(server, ["node1"])["restarted"] == ["node1"]
    assert [one for one in server.writes if "(dry run)" not in one] == ["delete " + POD]


def test_another_config_map() -> None:
    server = cluster()
    server.objects[CONFIG]["data"] = {"other": "text"}
    result = ensure(server)
    assert result["failed"]
    assert result["msg"].startswith("ConfigMap kube-system/kube-proxy has no readable config.conf")
    assert server.writes == []


def test_it_waits_until_every_pod_is_new() -> None:
    server, clock = cluster(), Clock()
    server.objects[DAEMON_SET]["metadata"]["generation"] = 2

    def rolled_out(server: Server, path: str) -> None:
        if path == DAEMON_SET and len(clock.pauses) == 2:
            server.objects[DAEMON_SET]["status"]["observedGeneration"] = 2

    server.after_get = rolled_out
    result = ensure(server, timeout=60, clock=clock)
    assert not result.get("failed")
    assert len(clock.pauses) == 3


NOT_RESTARTED: list[tuple[dict[str, t.Any], dict[str, t.Any], str]] = [
    (
        {"numberAvailable": 0},
        {"conditions": [{"type": "Ready", "status": "False"}]},
        "(0 of 1 ready): pod kube-proxy-7xk2p on node1: is being started",
    ),
    ({"observedGeneration": 0}, {}, "(1 of 1 ready): its controller has not taken up the change yet"),
]


@pytest.mark.parametrize(("daemon_set", "pod", "reason"), NOT_RESTARTED)
def test_a_timeout_says_what_is_missing(daemon_set: dict[str, t.Any], pod: dict[str, t.Any], reason: str) -> None:
    server = cluster()
    server.objects[DAEMON_SET]["status"].update(daemon_set)
    server.objects[POD]["status"].update(pod)
    result = ensure(server, timeout=30)
    assert result["failed"]
    assert result["changed"]  # the ConfigMap was
    assert result["msg"] == "kube-proxy was not restarted everywhere after 30 s " + reason


def test_a_pod_that_does_not_go_away() -> None:
    server = cluster()
    server.objects[POD]["metadata"]["deletionTimestamp"] = "2026-11-23T20:00:00Z"
    result = ensure(server, timeout=5)
    assert (
        result["msg"]
        == "kube-proxy was not restarted everywhere after 5 s (1 of 1 ready): a pod is still being deleted"
    )
