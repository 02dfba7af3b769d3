# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import yaml

from ansible_collections.kubeaddons.metallb.plugins.filter.filters import FilterModule
from ansible_collections.kubeaddons.metallb.plugins.module_utils import _expected

PLUGINS = pathlib.Path(__file__).parents[4] / "plugins"


def test_filters_by_name() -> None:
    filters = FilterModule().filters()
    assert filters["node_name"]({"node1": ["192.0.2.11"]}, "first", ["192.0.2.11"]) == "node1"
    wanted = [{"origin": "metallb_ip_range", "text": "192.0.2.0/28", "layer2": True, "addresses": ["192.0.2.7"]}]
    seen = {"node1": {"results": [{"address": "192.0.2.7", "on_link": False, "macs": []}], "gateways": []}}
    assert len(filters["segment_errors"](wanted, seen)) == 1


def test_who_asks() -> None:
    state = {"targets": {"arp": ["192.0.2.7"]}, "services": [{"addresses": ["192.0.2.7"], "announcers": ["node2"]}]}
    found = FilterModule().filters()["askers"](state, {"one": {}, "two": {"networks": ["192.0.2.0/24"]}}, 1)
    assert found == {"hosts": {"two": ["192.0.2.7"], "one": ["192.0.2.7"]}, "nodes": {"node2": ["192.0.2.7"]}}


def test_what_failed_on_a_node_is_kept() -> None:
    found = FilterModule().filters()["found_on"]({"arp": {"failed": True, "msg": "no raw sockets"}})
    assert _expected.loads(found) == {"arp": {}, "tcp": [], "problem": "", "failures": {"arp": "no raw sockets"}}


def test_passwords_go_apart() -> None:
    filters = FilterModule().filters()
    variables = {"metallb_peers": [{"password": "s3cret"}]}
    assert filters["without_passwords"](variables) == {"metallb_peers": [{"password": "(hidden)"}]}
    assert filters["passwords"](variables) == {"metallb_peers[0].password": "czNjcmV0"}


def test_every_filter_is_documented() -> None:
    documented = {
        yaml.safe_load(file.read_text(encoding="utf-8"))["DOCUMENTATION"]["name"]
        for file in (PLUGINS / "filter").glob("*.yml")
    }
    assert documented == set(FilterModule().filters())
