# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _kubespray
from ansible_collections.kubeaddons.metallb.plugins.module_utils._kubespray import losses

Variables = dict[str, t.Any]


BASE = {"peer_address": "192.0.2.1", "peer_asn": 64513, "my_asn": 64512, "address_pool": ["a"]}


def layer3(**entries: t.Any) -> Variables:
    return {"metallb_config": {"layer3": {"defaults": {"peer_port": 179}, "metallb_peers": {"a": BASE}, **entries}}}


def peers(*entries: Variables, **more: t.Any) -> Variables:
    found = {"peer{0}".format(number): {**BASE, **entry} for number, entry in enumerate(entries, 1)}
    return layer3(metallb_peers=found, **more)


PEER = "metallb_config.layer3.metallb_peers.peer1"
LOSSES: list[tuple[Variables, list[str]]] = [
    ({}, []),
    ({"metallb_enabled": True, "metallb_speaker_enabled": True, "metallb_namespace": "x"}, []),
    ({"metallb_ip_range": []}, []),
    ({"metallb_version": "0.13.9"}, []),
    ({"metallb_version": "v0.13.9"}, []),
    ({"metallb_version": "0.16.1"}, ["metallb_version changes the images only"]),
    (
        {
            "metallb_config": {
                "address_pools": {"a": {"service_allocation": {"priority": 1}, "labels": {}}},
                "layer2": ["a", {"name": "x"}],
            }
        },
        ["metallb_config.address_pools.a.service_allocation is not", "metallb_config.layer2[1] breaks the template"],
    ),
    (
        {"metallb_config": {"speaker": {"tollerations": []}}},
        ["metallb_config.speaker.tollerations is not read."],
    ),
    (layer3(), []),
    (layer3(metallb_peers={}), ["metallb_config.layer3 without metallb_peers ends the run"]),
    (
        layer3(bfd_profiles={"fast": {}}, advertisements=[]),
        ["metallb_config.layer3.bfd_profiles is not read.", "metallb_config.layer3.advertisements is not read."],
    ),
    (layer3(defaults={"peer_port": 179, "my_asn": 1}), ["metallb_config.layer3.defaults.my_asn is not read."]),
    (
        layer3(communities={"vpn-only": "1:1", "NO_ADVERTISE": "2:2"}),
        ["metallb_config.layer3.communities.NO_ADVERTISE"],
    ),
    (peers({}, defaults={}), [PEER + " without peer_port ends the run after the pools were applied."]),
    (peers({"peer_port": 179}, defaults={}), []),
    (peers({"address_pool": []}), [PEER + " without address_pool ends the run"]),
    (peers({"my_asn": None}), [PEER + " without my_asn ends the run"]),
    (peers({"source_address": "192.0.2.1"}), [PEER + ".source_address is not read."]),
    (peers({"bfd_profile": "x", "vrf": ""}), [PEER + ".bfd_profile is not read."]),
    (
        peers({"password": "x"}),
        [PEER + ".password stands in a file on the first control plane that everybody may read"],
    ),
    (peers({"communities": ["a"]}), []),
    (peers({"communities": ["a", "b"]}), [PEER + ".communities keeps only its last"]),
    (
        peers({}, {"address_pool": ["b"]}),
        [PEER + ".address_pool does not bind", PEER.replace("1", "2") + ".address_pool does"],
    ),
    (peers({"aggregation_length": 24}), [PEER + ".aggregation_length makes an advertisement with the field localpref"]),
    (peers({"aggregation_length": 24, "localpref": 5}), [PEER + ".aggregation_length makes an advertisement"]),
    (peers({"aggregation_length": 31}), [PEER + ".aggregation_length is not read because it is more than 30."]),
    (peers({"aggregation_length": "24"}), [PEER + ".aggregation_length breaks the template"]),
    (peers({"localpref": "100"}), [PEER + ".localpref is not read."]),
    # nothing of the shape that is meant: normalising refuses it, here it says nothing
    ({"metallb_config": "x"}, []),
    ({"metallb_config": {"address_pools": [1], "layer2": "x", "layer3": "y", "speaker": 1}}, []),
]


@pytest.mark.parametrize(("variables", "starts"), LOSSES)
def test_what_kubespray_drops_or_breaks(variables: Variables, starts: list[str]) -> None:
    found = losses(variables)
    assert len(found) == len(starts), found
    assert all(one.startswith(start) and one.endswith(".") for one, start in zip(found, starts, strict=True)), found


@pytest.mark.parametrize("name", list(_kubespray.DROPPED))
def test_every_dropped_variable_is_named(name: str) -> None:
    (found,) = losses({name: "x"})
    assert found.startswith(name + " ")
