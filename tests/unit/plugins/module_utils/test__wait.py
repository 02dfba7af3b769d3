# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import Clock


@pytest.mark.parametrize(
    ("timeout", "pauses"),
    [
        (0, []),
        (0.25, [0.25]),
        (1, [0.5, 0.5]),
        # growing by half, never above four seconds, the last one shortened to end on time
        (20, [0.5, 0.75, 1.125, 1.6875, 2.53125, 3.796875, 4.0, 4.0, 1.609375]),
    ],
)
def test_tries_until_the_deadline(timeout: float, pauses: list[float]) -> None:
    clock = Clock()
    waiter = clock.waiter(timeout)
    while waiter.again():
        pass
    assert clock.pauses == pauses
    assert waiter.tries == len(pauses) + 1
    assert waiter.elapsed == timeout


def test_time_that_a_try_takes_counts() -> None:
    clock = Clock()
    waiter = clock.waiter(10)
    clock.now += 9.9
    assert waiter.again()
    assert clock.pauses == [pytest.approx(0.1)]
    assert not waiter.again()


def test_a_try_that_outlives_the_deadline_is_the_last() -> None:
    clock = Clock()
    waiter = clock.waiter(5)
    clock.now += 60
    assert not waiter.again()
    assert clock.pauses == []
