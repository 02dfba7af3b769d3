# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _proc


def test_what_is_in_a_file(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "route"
    file.write_bytes(b"eth0 \xff\n")
    assert _proc.read(str(file)) == _proc.read_if_there(str(file)) == "eth0 \N{REPLACEMENT CHARACTER}\n"


def test_a_file_that_is_not_there(tmp_path: pathlib.Path) -> None:
    assert _proc.read_if_there(str(tmp_path / "none")) == ""
    with pytest.raises(FileNotFoundError):
        _proc.read(str(tmp_path / "none"))


def test_a_file_that_cannot_be_read(tmp_path: pathlib.Path) -> None:
    with pytest.raises(IsADirectoryError):
        _proc.read_if_there(str(tmp_path))
