# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Documents that kubeadm and the CNI plugins are given."""

from __future__ import annotations

from kubelab import cluster
from kubelab.plan import Plan


def by_kind(plan: Plan) -> dict[str, dict[str, object]]:
    return {str(each["kind"]): each for each in cluster.init_documents(plan, "abc.def", "")}


def test_proxy_is_as_kubespray_leaves_it() -> None:
    proxy = by_kind(Plan("lab0"))["KubeProxyConfiguration"]
    assert proxy["mode"] == "ipvs"
    assert proxy["ipvs"] == {"strictARP": False, "scheduler": "rr"}


def test_ranges_are_kubesprays() -> None:
    networking = by_kind(Plan("lab0"))["ClusterConfiguration"]["networking"]
    assert networking == {"dnsDomain": "cluster.local", "podSubnet": "10.233.64.0/18", "serviceSubnet": "10.233.0.0/18"}


def test_dual_stack_has_both_ranges() -> None:
    documents = by_kind(Plan("lab0", dual_stack=True))
    assert str(documents["KubeProxyConfiguration"]["clusterCIDR"]).count(",") == 1
    assert documents["ClusterConfiguration"]["networking"]["podSubnet"].count(",") == 1  # type: ignore[index]


def test_only_control_planes_join_as_such() -> None:
    plan = Plan("lab0", nodes=4, control_planes=3)
    joined = [("controlPlane" in cluster.join_document(plan, node, "t", "k")) for node in plan.machines()]
    assert joined == [True, True, True, False]


def test_routes_lead_to_the_other_nodes_shares() -> None:
    plan = Plan("lab0", nodes=2)
    shares = {"node1": ["10.233.65.0/24"], "node2": ["10.233.64.0/24"]}
    script = cluster.network_script(plan, plan.machines()[0], shares)
    assert "ip route replace 10.233.64.0/24 via 192.168.100.101" in script
    assert "10.233.65.0/24 via" not in script


def test_dual_stack_routes_use_the_right_family() -> None:
    plan = Plan("lab0", nodes=2, dual_stack=True)
    script = cluster.network_script(plan, plan.machines()[0], {"node2": ["10.233.64.0/24", "fd85::100/120"]})
    assert "fd85::100/120 via fd00:192:168:100::101" in script
    assert "ip6tables" in script


def test_written_file_is_literal() -> None:
    text = cluster.write_file("/etc/x", "a $b 'c'\n")
    assert text == "install -D -m 0644 /dev/stdin /etc/x <<'END-OF-FILE'\na $b 'c'\nEND-OF-FILE\n"
