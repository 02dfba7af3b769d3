# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _release
from ansible_collections.kubeaddons.metallb.plugins.module_utils._backend import BACKENDS, by_frr, choose, since
from ansible_collections.kubeaddons.metallb.plugins.module_utils._reader import Reader

NEWEST = (0, 16, 1)
OLD = (0, 13, 9)
GRACEFUL = by_frr((0, 14, 6), frr_k8s=(0, 14, 9))

#: what is asked for, the user's choice, the release, the backend, why, and the errors
CHOICES = [
    ([], "", NEWEST, "native", "", []),
    ([since((0, 16, 0))], "", NEWEST, "native", "", []),
    ([by_frr()], "", NEWEST, "frr-k8s", "x0 needs it", []),
    ([since((0, 16, 0)), by_frr()], "", NEWEST, "frr-k8s", "x1 needs it", []),
    ([by_frr()], "", OLD, "frr", "x0 needs it, and MetalLB 0.13.9 has it in frr only", []),
    ([GRACEFUL], "", (0, 14, 8), "frr", "x0 needs it, and MetalLB 0.14.8 has it in frr only", []),
    ([GRACEFUL], "", (0, 14, 9), "frr-k8s", "x0 needs it", []),
    ([], "frr-k8s", NEWEST, "frr-k8s", "metallb_bgp_backend says so", []),
    ([], "native", NEWEST, "native", "metallb_bgp_backend says so", []),
    (
        [by_frr()],
        "native",
        NEWEST,
        "native",
        "metallb_bgp_backend says so",
        [
            "x0: 'value' is not possible with the backend native; set metallb_bgp_backend: \"frr-k8s\", or remove it.",
        ],
    ),
    (
        [GRACEFUL],
        "frr-k8s",
        (0, 14, 8),
        "frr-k8s",
        "metallb_bgp_backend says so",
        ["x0: 'value' is not possible with the backend frr-k8s; set metallb_bgp_backend: \"frr\", or remove it."],
    ),
    (
        [since((0, 16, 0))],
        "",
        (0, 15, 3),
        "frr",
        "",
        ["x0: 'value' needs MetalLB 0.16.0 or later; set metallb_version, or remove it."],
    ),
    (
        [by_frr((0, 15, 0))],
        "native",
        (0, 14, 9),
        "native",
        "metallb_bgp_backend says so",
        ["x0: 'value' needs MetalLB 0.15.0 or later; set metallb_version, or remove it."],
    ),
    (
        [by_frr()],
        "frr-k8s",
        OLD,
        "frr-k8s",
        "metallb_bgp_backend says so",
        [
            "metallb_bgp_backend: 'frr-k8s' needs MetalLB 0.14.5 or later; set metallb_version, or choose another.",
        ],
    ),
]


@pytest.mark.parametrize(("needs", "wanted", "version", "backend", "reason", "errors"), CHOICES)
def test_backend_by_need_or_by_choice(
    needs: list[dict[str, tuple[int, ...]]],
    wanted: str,
    version: tuple[int, ...],
    backend: str,
    reason: str,
    errors: list[str],
) -> None:
    read = Reader({})
    for number, need in enumerate(needs):
        read.need("x{0}".format(number), "value", need)
    assert choose(read, wanted, version) == (backend, reason)
    assert read.errors == [error.replace("'", '"') for error in errors]


def test_what_it_is_about_the_value_is_said() -> None:
    read = Reader({})
    read.need("x", "2001:db8::/64", by_frr(), "is IPv6, and beside BGP it")
    choose(read, "native", NEWEST)
    assert read.errors[0].startswith('x: "2001:db8::/64" is IPv6, and beside BGP it is not possible with the backend')


@pytest.mark.parametrize(("version", "warned"), [(NEWEST, 1), (OLD, 0)])
def test_frr_is_deprecated_where_frr_k8s_is_there(version: tuple[int, ...], warned: int) -> None:
    read = Reader({})
    choose(read, "frr", version)
    assert len(read.warnings) == warned


def test_backends_are_there_in_releases_whose_manifest_is_known() -> None:
    known = {tuple(map(int, version.split("."))) for version in _release.SUMS}
    assert set(BACKENDS.values()) <= known
