# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Where things lie: the checkout, the logs of a run, and the cache outside the checkout."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "tests" / "output"
PINS = ROOT / "tests" / "pins"
LAB = ROOT / "tests" / "lab" / "lab"


def cache(environ: Mapping[str, str] = os.environ) -> Path:
    """Directory of everything that is built once; the lab uses the same one. It may be removed at any time."""
    if own := environ.get("KUBEADDONS_CACHE"):
        return Path(own).expanduser().absolute()
    base = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "/root"), ".cache")
    return Path(base).absolute() / "kubeaddons-metallb"
