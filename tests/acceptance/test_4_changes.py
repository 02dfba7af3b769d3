# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The settings change while Services have addresses, and other people change the cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ansible_collections.kubeaddons.metallb.tests.acceptance.outside import VIP, Cluster, Playbook, eventually

NAMESPACE = ("-n", "metallb-system")
MOVED = {"metallb_ip_range": ["192.168.100.245-192.168.100.249"]}
NEW_VIP = "192.168.100.245"


def run(cluster: Cluster, *words: str, **variables: object) -> Playbook:
    """Run cluster.yml with other settings."""
    return cluster.playbook("cluster.yml", "-e", json.dumps(variables), *words)


def names(cluster: Cluster, kind: str = "ipaddresspools") -> set[str]:
    """Return what there is of a kind of MetalLB's."""
    return {one["metadata"]["name"] for one in cluster.objects(kind, *NAMESPACE)["items"]}


def address(cluster: Cluster) -> str:
    """Return the EXTERNAL-IP of the user's Service."""
    return cluster.address("myweb-svc-lb")


@pytest.fixture
def other_pool(cluster: Cluster) -> Iterator[str]:
    """A pool that somebody has made by hand, whose addresses overlap with nothing."""
    pool = {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": {"name": "by-hand", "namespace": "metallb-system"},
        "spec": {"addresses": ["192.168.100.220/31"], "autoAssign": False, "serviceAllocation": {"priority": 5}},
    }
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(pool))
    yield "by-hand"
    cluster.kubectl("delete", "ipaddresspool", "by-hand", *NAMESPACE, "--ignore-not-found")


def test_an_address_in_use_is_not_taken_away(cluster: Cluster) -> None:
    """One sentence with the Service, and nothing has changed."""
    before = cluster.objects("ipaddresspools", *NAMESPACE)["items"]
    played = run(cluster, **MOVED)
    assert played.status != 0
    assert f"metallb_ip_range: {VIP} of default/myweb-svc-lb would leave the pool while in use" in played.text
    assert "metallb_reassign_addresses: true" in played.text
    assert set(played.changed().values()) == {0}
    assert cluster.objects("ipaddresspools", *NAMESPACE)["items"] == before


def test_check_mode_shows_the_move_and_does_not_move(cluster: Cluster) -> None:
    """The fields that change, and no others."""
    played = run(cluster, "--check", "--diff", metallb_reassign_addresses=True, **MOVED)
    assert played.status == 0, played.output
    lines = [" ".join(line.split()) for line in played.output.splitlines() if line.startswith(("+ ", "- "))]
    changed = [line for line in lines if "kubeaddons.metallb/applied:" not in line]
    assert changed == ["- - 192.168.100.240-192.168.100.249", "+ - 192.168.100.245-192.168.100.249"]
    assert address(cluster) == VIP


def test_the_move_is_carried_through_and_proven(cluster: Cluster) -> None:
    """There and back again."""
    for wanted, variables in ((NEW_VIP, MOVED), (VIP, {"metallb_ip_range": ["192.168.100.240-192.168.100.244"]})):
        played = run(cluster, metallb_reassign_addresses=True, **variables)
        assert played.status == 0, played.output
        assert "Proof: 3 of 3 nodes" in played.output
        assert address(cluster) == wanted
        assert cluster.curl(wanted).startswith("Hello World!")
    played = run(cluster)
    assert played.status == 0, played.output
    assert address(cluster) == VIP


def test_what_leaves_the_variables_leaves_the_cluster(cluster: Cluster) -> None:
    """A second pool comes and goes; the first one and its Service do not notice."""
    second = {"second": {"ip_range": ["192.168.100.250/31"], "protocol": "layer2"}}
    played = run(cluster, metallb_additional_address_pools=second, metallb_verify=False)
    assert played.status == 0, played.output
    assert names(cluster) == names(cluster, "l2advertisements") == {"loadbalanced", "second"}
    checked = run(cluster, "--check", "--diff")
    assert "--- before: IPAddressPool/metallb-system/second" in checked.output
    played = run(cluster)
    assert played.status == 0, played.output
    assert names(cluster) == names(cluster, "l2advertisements") == {"loadbalanced"}
    assert address(cluster) == VIP


def test_what_others_made_is_left_alone_and_named(cluster: Cluster, other_pool: str) -> None:
    """Until the inventory says otherwise."""
    played = run(cluster, metallb_verify=False)
    assert played.status == 0, played.output
    assert played.changed() == dict.fromkeys(played.changed(), 0)
    assert f"IPAddressPool/metallb-system/{other_pool} is made by other means" in played.text
    assert other_pool in names(cluster)
    played = run(cluster, metallb_verify=False, metallb_adopt=True)
    assert played.status == 0, played.output
    assert other_pool not in names(cluster)


def test_a_denial_ends_the_run_with_metallbs_own_words(cluster: Cluster, other_pool: str) -> None:
    """Its webhook knows of a pool that is not ours."""
    overlap = {"second": {"ip_range": ["192.168.100.220/31"], "protocol": "layer2"}}
    played = run(cluster, metallb_additional_address_pools=overlap, metallb_verify=False)
    assert played.status != 0
    assert 'CIDR "192.168.100.220/31" in pool "second" overlaps with already defined CIDR' in played.text
    assert names(cluster) == {"loadbalanced", other_pool}


def test_a_hand_on_our_objects_is_seen_and_undone(cluster: Cluster) -> None:
    """Drift, also where check mode only compares."""
    cluster.kubectl("delete", "l2advertisement", "loadbalanced", *NAMESPACE)
    checked = run(cluster, "--check", "--diff")
    assert "+++ after: L2Advertisement/metallb-system/loadbalanced" in checked.output
    assert run(cluster).status == 0
    eventually("an answer", lambda: cluster.curl(VIP).startswith("Hello World!"))
