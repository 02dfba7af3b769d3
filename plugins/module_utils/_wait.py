# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Waiting with a deadline; the clock and the sleep are given, so that tests need no time."""

from __future__ import annotations

import time
import typing as t


class Waiter:
    """Counts tries until a deadline: at least one, with growing pauses, the last one shortened to end on time."""

    def __init__(
        self,
        timeout: float,
        clock: t.Callable[[], float] = time.monotonic,
        sleep: t.Callable[[float], None] = time.sleep,
        first_pause: float = 0.5,
        longest_pause: float = 4.0,
    ) -> None:
        """timeout, first_pause, longest_pause: seconds."""
        self._clock = clock
        self._sleep = sleep
        self._start = clock()
        self._timeout = timeout
        self._pause = first_pause
        self._longest = longest_pause
        self.tries = 1

    @property
    def elapsed(self) -> float:
        """Seconds since the wait began."""
        return self._clock() - self._start

    def again(self) -> bool:
        """Pause and return True, or return False when the deadline has passed."""
        left = self._timeout - self.elapsed
        if left <= 0:
            return False
        self._sleep(min(self._pause, left))
        self._pause = min(self._pause * 1.5, self._longest)
        self.tries += 1
        return True
