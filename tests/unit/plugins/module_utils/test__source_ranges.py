# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _source_ranges

VIP, VIP6 = "192.168.100.240", "2001:db8::240"


@pytest.mark.parametrize(
    ("ranges", "check", "address", "client", "admitted"),
    [
        ([], "EXTERNAL-IP", VIP, "192.0.2.1", True),
        ([], "EXTERNAL-IP", VIP, "", True),
        (["192.0.2.0/24"], "EXTERNAL-IP", VIP, "192.0.2.1", True),
        (["192.0.2.0/24"], "EXTERNAL-IP", VIP, "198.51.100.1", False),
        (["192.0.2.0/24"], "EXTERNAL-IP", VIP, "", None),
        (["192.0.2.7/24", " 198.51.100.1/32 "], "EXTERNAL-IP", VIP, "198.51.100.1", True),
        (["192.000.002.0/24"], "EXTERNAL-IP", VIP, "192.0.2.1", True),
        (["0.0.0.0/0"], "EXTERNAL-IP", VIP, "192.0.2.1", True),
        (["192.0.2.0/24"], "EXTERNAL-IP", VIP6, "2001:db8::1", True),
        (["2001:db8::/127"], "EXTERNAL-IP", VIP6, "2001:db8::1", True),
        (["2001:db8::/127"], "EXTERNAL-IP", VIP6, "2001:db8::2", False),
        (["", "/", "192.0.2.0", "x/24", "192.0.2.0/x", "192.0.2.0/33"], "EXTERNAL-IP", VIP, "198.51.100.1", True),
        # kube-proxy guards neither.
        (["192.0.2.0/24"], "NodePort", "192.168.100.11", "198.51.100.1", True),
        (["192.0.2.0/24"], "ClusterIP", "10.233.0.17", "", True),
    ],
)
def test_who_is_let_in(ranges: list[str], check: str, address: str, client: str, admitted: bool | None) -> None:
    assert _source_ranges.admitted({"source_ranges": ranges}, check, address, client) is admitted
