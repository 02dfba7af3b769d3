# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The file system of routers and of FRR's images."""

from __future__ import annotations

from pathlib import Path

from kubelab import frr


def test_only_what_bgp_needs_is_kept(tmp_path: Path) -> None:
    programs = tmp_path / "usr/lib/frr"
    programs.mkdir(parents=True)
    for name in (*frr.DAEMONS, "ospfd", "frr-reload", "frr-reload.py", "watchfrr.sh", "frrcommon.sh"):
        (programs / name).touch()
    for name in ("usr/lib/python3.13/test", "usr/lib/python3.13/json", "usr/lib/systemd/system"):
        (tmp_path / name).mkdir(parents=True)
    frr.slim(tmp_path)
    left = {path.name for path in programs.iterdir()}
    assert left == {*frr.DAEMONS, "watchfrr", "frr-reload", "frr-reload.py", "watchfrr.sh", "frrcommon.sh"}
    assert [path.name for path in (tmp_path / "usr/lib/python3.13").iterdir()] == ["json"]
    assert not (tmp_path / "usr/lib/systemd").exists()
