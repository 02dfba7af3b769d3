# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Where things are: the checkout's own files, the build cache, the labs' state."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

#: tests/lab in the checkout
HERE = Path(__file__).resolve().parent.parent


def root(environ: Mapping[str, str] = os.environ) -> Path:
    """The directory of everything that the lab builds or runs; outside the checkout, never required."""
    if own := environ.get("KUBEADDONS_CACHE"):
        return Path(own).expanduser().absolute()
    base = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base).absolute() / "kubeaddons-metallb"


def lab_dir(name: str) -> Path:
    """State of one lab: sockets, copy-on-write files, process ids, kubeconfig."""
    return root() / "labs" / name


def log_dir() -> Path:
    """Logs of build steps."""
    path = root() / "logs"
    path.mkdir(parents=True, exist_ok=True)
    return path
