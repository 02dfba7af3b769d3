#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""How long the report of 1,000 Services on 50 nodes takes to be written and opened, and as a ratio to a small one.

tests/run exec tests/bench/report.py [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from browser.chromium import chromium
from browser.made_up import made_up

from ansible_collections.kubeaddons.metallb.plugins.plugin_utils import _report

SIZES = {"6 Services, 3 nodes": (6, 3), "1000 Services, 50 nodes": (1000, 50)}


def main() -> None:
    """Print seconds and ratios of the medians."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    opened: list[float] = []
    with tempfile.TemporaryDirectory() as directory, chromium(Path(directory) / "profile") as browser:
        for name, size in SIZES.items():
            data = made_up(*size)
            started = time.monotonic()
            page = Path(_report.write(directory, data)[0])
            written = time.monotonic() - started
            seconds = []
            for _round in range(rounds):
                started = time.monotonic()
                browser.get(page.as_uri())
                seconds.append(time.monotonic() - started)
            opened.append(statistics.median(seconds))
            print(
                f"{name}: {page.stat().st_size / 1e6:.2f} MB, written in {written:.2f} s, opened in "
                f"{min(seconds):.2f} / {opened[-1]:.2f} / {max(seconds):.2f} s (min, median, max)"
            )
    print(f"ratio: {opened[1] / opened[0]:.1f}")


if __name__ == "__main__":
    main()
