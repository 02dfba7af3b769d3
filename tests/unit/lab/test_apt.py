# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The machine's own mirror, from its apt configuration."""

from __future__ import annotations

import pytest

from kubelab import apt
from kubelab.errors import LabError

DEB822 = """\
Types: deb deb-src
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites:
 bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://other.example/debian
Suites: trixie

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
"""

ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/etc/apt/key.gpg] https://tools.example/apt stable main
deb   http://mirror.example/debian/ bookworm main contrib
deb-src http://mirror.example/debian bookworm main
"""


def test_deb822() -> None:
    assert apt.parse_sources(DEB822, deb822=True) == [
        ("http://mirror.example/debian", "bookworm"),
        ("http://mirror.example/debian", "bookworm-updates"),
        ("http://mirror.example/debian-security", "bookworm-security"),
    ]


def test_one_line() -> None:
    assert apt.parse_sources(ONE_LINE, deb822=False) == [
        ("https://tools.example/apt", "stable"),
        ("http://mirror.example/debian/", "bookworm"),
    ]


def test_mirror_is_the_one_of_the_own_release() -> None:
    sources = apt.parse_sources(ONE_LINE, deb822=False)
    assert apt.choose_mirror(sources, "bookworm") == "http://mirror.example/debian"


def test_no_mirror_is_said_so() -> None:
    with pytest.raises(LabError, match="No Debian mirror for 'bookworm'"):
        apt.choose_mirror([("http://mirror.example/debian-security", "bookworm-security")], "bookworm")
