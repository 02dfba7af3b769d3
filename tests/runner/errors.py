# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What stops a level before it can check anything."""

from __future__ import annotations


class SetupError(Exception):
    """Something that the checks need is missing: one sentence with the reason and the remedy."""
