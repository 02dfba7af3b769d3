# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What is asked of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubelab import host
from kubelab.errors import LabError


def test_root_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(LabError, match=r"must run as root.*sudo"):
        host.require_root()


def test_tun_is_required(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"tun.*modprobe tun"):
        host.require_tun(tmp_path / "tun")


def test_memory() -> None:
    host.require_memory(host.GIB, available=host.GIB)
    with pytest.raises(LabError, match=r"about 9.0 GiB .* 3.5 GiB are available.*--nodes"):
        host.require_memory(9 * host.GIB, available=int(3.5 * host.GIB))


def test_mappings_are_raised_and_never_lowered(tmp_path: Path) -> None:
    setting = tmp_path / "max_map_count"
    for before, after in (("65530\n", host.MAPPINGS), (str(2 * host.MAPPINGS), 2 * host.MAPPINGS)):
        setting.write_text(before)
        assert host.allow_mappings(setting) == ""
        assert int(setting.read_text()) == after


def test_mappings_that_cannot_be_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = tmp_path / "max_map_count"
    setting.write_text("65530\n")

    def refuse(*_words: object, **_more: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "write_text", refuse)
    assert "sysctl vm.max_map_count=1048576" in host.allow_mappings(setting)


def test_disk(tmp_path: Path) -> None:
    host.require_disk(host.GIB, tmp_path / "not" / "yet", available=host.GIB)
    with pytest.raises(LabError, match=r"KUBEADDONS_CACHE"):
        host.require_disk(14 * host.GIB, tmp_path, available=host.GIB)


def test_meminfo() -> None:
    assert host.meminfo_available("MemTotal: 24 kB\nMemAvailable:   2048 kB\n") == 2 << 20
    assert host.meminfo_available("") == 0


@pytest.mark.parametrize(
    ("text", "version"),
    [("go version go1.26.8 linux/amd64", (1, 26)), ("go version go1.9 linux/amd64", (1, 9)), ("", (0, 0))],
)
def test_go_version(text: str, version: tuple[int, int]) -> None:
    assert host.parse_go_version(text) == version
