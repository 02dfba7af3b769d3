# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import select

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _guard
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import Clock


@pytest.mark.parametrize(("lives", "looks"), [(0, 0), (3, 3), (100, 10)])
def test_it_acts_at_the_end_or_after_its_patience(lives: int, looks: int) -> None:
    clock = Clock()
    end = clock.now + lives
    undone: list[float] = []
    _guard.watch(lambda: clock.now < end, lambda: undone.append(clock.now), 10, clock.sleep, clock)
    assert (undone, len(clock.pauses)) == ([100.0 + looks], looks)


def test_who_is_alive() -> None:
    assert _guard.is_alive(os.getpid())
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert not _guard.is_alive(child)


def test_it_stands_in_a_session_of_its_own() -> None:
    read, write = os.pipe()
    here = os.getsid(0)
    _guard.stand(lambda: False, lambda: os.write(write, str(os.getsid(0)).encode()) and None, 10)
    os.close(write)
    assert select.select([read], [], [], 30)[0], "it did not act"
    assert int(os.read(read, 100)) != here
    os.close(read)
