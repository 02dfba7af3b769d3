# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _objects, _resources
from ansible_collections.kubeaddons.metallb.plugins.module_utils._settings import Settings, normalise


def settings(**variables: t.Any) -> Settings:
    outcome = normalise({"metallb_enabled": True, **variables})
    assert outcome.errors == []
    return outcome.settings


def test_pools_and_then_what_announces_them() -> None:
    objects = _objects.custom_resources(
        settings(
            metallb_namespace="lb",
            metallb_config={
                "address_pools": {
                    "one": {"ip_range": ["192.0.2.0/28", "192.0.2.20-192.0.2.29"], "auto_assign": False},
                    "two": {"ip_range": ["2001:db8::/120"], "avoid_buggy_ips": True},
                },
                "layer2": ["two"],
            },
        )
    )
    assert [_resources.reference(obj) for obj in objects] == [
        "IPAddressPool/lb/one",
        "IPAddressPool/lb/two",
        "L2Advertisement/lb/two",
    ]
    assert [obj["spec"] for obj in objects] == [
        {"addresses": ["192.0.2.0/28", "192.0.2.20-192.0.2.29"], "autoAssign": False, "avoidBuggyIPs": False},
        {"addresses": ["2001:db8::/120"], "autoAssign": True, "avoidBuggyIPs": True},
        {"ipAddressPools": ["two"]},
    ]
    assert {obj["apiVersion"] for obj in objects} == {"metallb.io/v1beta1"}


def test_what_others_refer_to_comes_first() -> None:
    peer = {
        "peer_address": "192.0.2.1",
        "peer_asn": 64513,
        "my_asn": 64512,
        "bfd_profile": "fast",
        "address_pool": ["a"],
    }
    found = _objects.custom_resources(
        settings(
            metallb_config={
                "address_pools": {"a": {"ip_range": ["198.51.100.0/24"]}, "b": {"ip_range": ["203.0.113.0/28"]}},
                "layer2": ["b"],
                "layer3": {
                    "communities": {"NO_ADVERTISE": "65535:65282"},
                    "bfd_profiles": {"fast": {"receive_interval": 100}},
                    "metallb_peers": {"tor": {**peer, "password": "s3cret", "communities": ["NO_ADVERTISE"]}},
                },
            }
        )
    )
    assert [_resources.reference(obj) for obj in found] == [
        "BFDProfile/metallb-system/fast",
        "Community/metallb-system/no-advertise",
        "IPAddressPool/metallb-system/a",
        "IPAddressPool/metallb-system/b",
        "Secret/metallb-system/metallb-peer-tor",
        "BGPPeer/metallb-system/tor",
        "L2Advertisement/metallb-system/b",
        "BGPAdvertisement/metallb-system/tor",
    ]
    secret, peer_object = found[4], found[5]
    assert secret["type"] == "kubernetes.io/basic-auth"
    assert base64.b64decode(secret["data"]["password"]) == b"s3cret"
    assert peer_object["apiVersion"] == "metallb.io/v1beta2"
    assert peer_object["spec"] == {
        "peerAddress": "192.0.2.1",
        "peerASN": 64513,
        "myASN": 64512,
        "bfdProfile": "fast",
        "passwordSecret": {"name": "metallb-peer-tor"},
    }
    assert found[7]["spec"] == {"ipAddressPools": ["a"], "communities": ["NO_ADVERTISE"], "peers": ["tor"]}
    assert "s3cret" not in str(found)


def test_pools_for_some_services_come_before_the_pool_for_everybody() -> None:
    def pool(number: int, **allocation: t.Any) -> dict[str, t.Any]:
        return {"ip_range": ["192.0.2.{0}/32".format(number)], "service_allocation": allocation}

    pools = {
        "everybody": pool(1),
        "everybody-first": pool(2, priority=1),
        "last": pool(3, priority=0, namespaces=["web"]),
        "second": pool(4, priority=20, namespaces=["web"]),
        "first": pool(5, priority=10, service_selectors=[{"app": "web"}]),
    }
    made = _objects.custom_resources(settings(metallb_config={"address_pools": pools, "layer2": list(pools)}))
    found = [one["metadata"]["name"] for one in made if one["kind"] == "IPAddressPool"]
    assert found == ["first", "second", "last", "everybody-first", "everybody"]
