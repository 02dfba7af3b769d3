# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Makes the lab's package importable; the whole folder is skipped by Pythons that the lab does not run on."""

from __future__ import annotations

import sys
from pathlib import Path

OLD = sys.version_info[:2] < (3, 11)
collect_ignore_glob = ["test_*.py"] if OLD else []

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lab"))
