# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _competitors, _settings

Object = dict[str, t.Any]
POOLS = _settings.normalise({"metallb_enabled": True, "metallb_ip_range": ["192.0.2.240-192.0.2.249"]}).settings.pools


def daemon_set(name: str, image: str = "x", labels: dict[str, str] | None = None, **env: str) -> Object:
    container = {"image": image, "env": [{"name": key, "value": value} for key, value in env.items()]}
    return {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def named(name: str, **spec: t.Any) -> Object:
    return {"metadata": {"name": name}, "spec": spec}


def judge(
    *daemon_sets: Object, more: t.Mapping[str, t.Sequence[Object]] | None = None, **peers: str
) -> _competitors.Found:
    return _competitors.judge(daemon_sets, more or {}, POOLS, {address: name for name, address in peers.items()})


def test_an_ordinary_cluster_has_none() -> None:
    found = judge(daemon_set("kube-proxy"), daemon_set("calico-node"), daemon_set("cilium"))
    assert found == _competitors.Found([], [])


def test_more_is_read_only_where_it_can_be() -> None:
    assert _competitors.more_to_read([daemon_set("kube-proxy"), daemon_set("kube-flannel")]) == []
    assert _competitors.more_to_read([daemon_set("calico-node")]) == [
        _competitors.CALICO_CONFIG,
        _competitors.CALICO_PEERS,
    ]
    assert _competitors.more_to_read([daemon_set("cilium")]) == list(_competitors.CILIUM_POOLS)


def test_kube_vip_counts_when_it_serves_services() -> None:
    image = "ghcr.io/kube-vip/kube-vip:v0.8.0"
    assert judge(daemon_set("kube-vip-ds", image, cp_enable="true")).warnings == []
    (warning,) = judge(daemon_set("kube-vip-ds", image, svc_enable="true")).warnings
    assert "kube-vip (kube-vip-ds)" in warning
    assert "kube_vip_services_enabled: false" in warning


def test_the_load_balancer_of_k3s() -> None:
    labels = {"svccontroller.k3s.cattle.io/svcname": "traefik"}
    (warning,) = judge(daemon_set("svclb-traefik-1234", labels=labels)).warnings
    assert "serves traefik" in warning


@pytest.mark.parametrize("path", _competitors.CILIUM_POOLS)
def test_ciliums_own_pools(path: str) -> None:
    (warning,) = judge(more={path: [named("blue")]}).warnings
    assert "CiliumLoadBalancerIPPool blue" in warning


def test_calico_announces_addresses_of_a_pool() -> None:
    def config(cidr: str) -> dict[str, list[Object]]:
        return {_competitors.CALICO_CONFIG: [named("default", serviceLoadBalancerIPs=[{"cidr": cidr}])]}

    assert judge(more=config("192.0.2.0/28")).warnings == []
    (warning,) = judge(more=config("192.0.2.0/24")).warnings
    assert warning.startswith("metallb_ip_range: Calico announces 192.0.2.0/24 by BGP")


@pytest.mark.parametrize(
    ("peer", "address"),
    [("192.0.2.1", "192.0.2.1"), ("192.0.2.1:1790", "192.0.2.1"), ("[2001:db8::1]:179", "2001:db8:0::1")],
)
def test_a_router_that_calico_has_a_session_with(peer: str, address: str) -> None:
    more = {_competitors.CALICO_PEERS: [named("tor", peerIP=peer), named("other", peerIP="192.0.2.9"), named("all")]}
    (error,) = judge(more=more, **{"metallb_peers[0]": address}).errors
    assert error.startswith("metallb_peers[0]: ")
    assert "BGPPeer tor" in error
    assert judge(more=more, **{"metallb_peers[0]": "192.0.2.7"}).errors == []


def given(**meta: t.Any) -> str:
    return _competitors.given_by_another({"metadata": meta, "spec": {}})


def test_who_gave_an_address() -> None:
    key = "ip-allocated-from-pool"
    assert given(annotations={"metallb.io/" + key: "main"}) == ""
    assert given(annotations={"metallb.universe.tf/" + key: "main"}) == ""
    text = "it lacks the annotation metallb.io/ip-allocated-from-pool, which MetalLB writes beside an address"
    assert given() == given(annotations=None, managedFields=None) == text
    written = [
        {"manager": "kubectl-client-side-apply"},
        {"manager": "kube-vip", "subresource": "status"},
        {"subresource": "status"},
    ]
    assert given(managedFields=written) == text + "; its status was written by kube-vip"
