# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The edge that sees to it that MetalLB takes over pools which Services had addresses of.

Up to 0.14 the controller keeps an address that its pool has lost, says "cannot own ... under new config" again and again,
and hands out addresses of pools that are gone, until it is started anew.
"""

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _metallb, _resources
from ansible_collections.kubeaddons.metallb.plugins.module_utils._configuration import outside
from ansible_collections.kubeaddons.metallb.plugins.module_utils._converge import restart
from ansible_collections.kubeaddons.metallb.plugins.module_utils._kubernetes import Api
from ansible_collections.kubeaddons.metallb.plugins.module_utils._wait import Waiter

# Releases that take pools over by themselves do it in a second or two.
PATIENCE = 15.0


class Outcome(t.NamedTuple):
    """How it ended."""

    left: list[str]  # "address of namespace/name" that no pool holds still
    restarted: list[str]  # controllers that had to be started anew


def settle(api: Api, namespace: str, loadbalancer_class: str | None, waiter: Waiter) -> Outcome:
    """Wait until no Service has an address that no pool holds; start the controller anew when it does not see to it."""
    restarted: list[str] = []
    while True:
        services = api.get_list("/api/v1/services") or []
        pools = _metallb.live_pools(api, namespace)
        left = outside(services, pools, loadbalancer_class)
        if not left:
            return Outcome([], restarted)
        if not restarted and waiter.elapsed >= PATIENCE:
            for one in _metallb.controllers(api, namespace):
                restart(api, _resources.path(one))
                restarted.append(_resources.reference(one))
        if not waiter.again():
            return Outcome(left, restarted)
