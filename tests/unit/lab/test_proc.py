# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Who is who in /proc."""

from __future__ import annotations

import os

from kubelab import proc


def test_stat_of_a_name_with_blanks_and_brackets() -> None:
    rest = " ".join(str(number) for number in range(4, 30))
    state, session, started = proc.parse_stat(f"42 (a) S (b c) R {rest}")
    assert (state, session, started) == ("R", 6, 22)


def test_own_process_is_alive_and_another_start_time_is_not() -> None:
    me = proc.identify(os.getpid())
    assert me.alive()
    assert not proc.Process(me.pid, me.started + 1).alive()


def test_no_such_process() -> None:
    assert proc.start_time(2**22 + 1) == 0
    assert proc.namespace(2**22 + 1) == 0
