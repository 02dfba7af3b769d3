# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _objects, _settings
from ansible_collections.kubeaddons.metallb.plugins.module_utils._names import object_name, spell


@pytest.mark.parametrize(
    ("name", "spelt"),
    [("kube_service_pool", "kube-service-pool"), ("LAN.1", "lan.1"), ("_a_", "a"), ("a", "a"), ("__", "")],
)
def test_object_names(name: str, spelt: str) -> None:
    assert object_name(name) == spelt


def test_names_and_what_refers_to_them() -> None:
    found, warnings = spell(
        {
            "metallb_additional_address_pools": {"other_pool": {"ip_range": "x"}},
            "metallb_config": {
                "address_pools": {"my_pool": {}, "b": {}},
                "layer2": ["my_pool", {"name": "x_y", "address_pools": ["my_pool", "b"]}],
                "layer3": {
                    "metallb_peers": {"tor_1": {"address_pool": ["my_pool"], "bfd_profile": "very_fast"}},
                    "bfd_profiles": {"very_fast": {}},
                    "advertisements": [{"name": "out", "address_pools": ["my_pool"], "peers": ["tor_1"]}],
                },
            },
        }
    )
    assert found == {
        "metallb_additional_address_pools": {"other-pool": {"ip_range": "x"}},
        "metallb_config": {
            "address_pools": {"my-pool": {}, "b": {}},
            "layer2": ["my-pool", {"name": "x_y", "address_pools": ["my-pool", "b"]}],
            "layer3": {
                "metallb_peers": {"tor-1": {"address_pool": ["my-pool"], "bfd_profile": "very-fast"}},
                "bfd_profiles": {"very-fast": {}},
                "advertisements": [{"name": "out", "address_pools": ["my-pool"], "peers": ["tor-1"]}],
            },
        },
    }
    assert len(warnings) == 4
    assert warnings[0] == (
        'metallb_additional_address_pools.other_pool: no Kubernetes object can have this name; it becomes "other-pool".'
    )


@pytest.mark.parametrize("value", [None, 7, "x", [1, None], {"layer3": 3, "layer2": {}, "address_pools": []}])
def test_what_has_another_shape_stays(value: object) -> None:
    assert spell({"metallb_config": value}) == ({"metallb_config": value}, [])


def test_two_names_that_would_become_one_are_refused() -> None:
    pools = {
        name: {"ip_range": "192.0.2.{0}/32".format(at), "protocol": "layer2"} for at, name in enumerate(("a_b", "a-b"))
    }
    outcome = _settings.normalise({"metallb_enabled": True, "metallb_additional_address_pools": pools})
    assert len(outcome.errors) == 1
    assert '"a_b" cannot name a Kubernetes object' in outcome.errors[0]


def test_a_pool_of_kubesprays_samples() -> None:
    pools = {"kube_service_pool": {"ip_range": ["192.0.2.0/28"], "protocol": "layer2"}}
    outcome = _settings.normalise({"metallb_enabled": True, "metallb_additional_address_pools": pools})
    assert outcome.errors == []
    assert [one["metadata"]["name"] for one in _objects.custom_resources(outcome.settings)] == ["kube-service-pool"] * 2
