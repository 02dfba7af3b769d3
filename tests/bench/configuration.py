#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What a run without changes costs with 500 pools and 500 advertisements: module time, requests, and the ratio to one pool.

Starts an API server of its own: tests/run exec tests/bench/configuration.py [POOLS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from integration.apiserver import serving  # noqa: E402
from integration.conftest import create_metallb_crds  # noqa: E402
from integration.helpers import Counting, direct  # noqa: E402
from kubernetes import client, config  # noqa: E402

from ansible_collections.kubeaddons.metallb.plugins.modules import metallb_config  # noqa: E402


def settings(number: int) -> dict[str, Any]:
    """A pool of 16 addresses and an L2Advertisement each, in a namespace for each number."""
    pools = {
        f"pool-{index}": {"ip_range": [f"10.{200 + index // 4096}.{index // 16 % 256}.{index % 16 * 16}/28"]}
        for index in range(number)
    }
    config_ = {"address_pools": pools, "layer2": list(pools)}
    return {"metallb_enabled": True, "metallb_namespace": f"bench-{number}", "metallb_config": config_}


def measure(api: client.ApiClient, number: int) -> tuple[float, int]:
    """Apply so many pools, then return seconds and requests of a second run, which changes nothing."""
    wanted = settings(number)
    client.CoreV1Api(api).create_namespace({"metadata": {"name": wanted["metallb_namespace"]}})
    module = SimpleNamespace(params={"settings": wanted, "passwords": {}, "timeout": 0}, check_mode=False)
    first = metallb_config.apply(direct(api), module)
    assert len(first["objects"]) == 2 * number, first
    counting = Counting(direct(api))
    start = time.monotonic()
    second = metallb_config.apply(counting, module)
    elapsed = time.monotonic() - start
    assert not second["changed"], second["objects"]
    return elapsed, len(counting.sent)


def main() -> None:
    """Print both, and the ratio."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as directory, serving(Path(directory)) as server:
        api = config.new_client_from_config(str(server.kubeconfig))
        create_metallb_crds(api)
        one, few = measure(api, 1)
        many, requests = measure(api, number)
    print(f"1 pool, 1 advertisement:         {one:6.2f} s, {few} requests")
    print(f"{number} pools, {number} advertisements: {many:6.2f} s, {requests} requests, {many / one:.1f}x")


if __name__ == "__main__":
    main()
