# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Small files of /proc.

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import contextlib


def read(path: str) -> str:
    """Return what is in a file; raise OSError where it cannot be read."""
    with open(path, encoding="ascii", errors="replace") as handle:
        return handle.read()


def read_if_there(path: str) -> str:
    """Return the same, "" where there is no such file: on a kernel without IPv6, or on a machine without Linux."""
    with contextlib.suppress(FileNotFoundError):
        return read(path)
    return ""
