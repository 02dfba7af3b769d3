# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors

from __future__ import annotations

from gates import causes

SOURCE = '''
class Cause(t.NamedTuple):
    """One."""

    id: str
    sentence: str
    remedy: str


GROUPS: dict[str, list[Cause]] = {
    "Addresses": [
        Cause("no-pool", "There is " "none.", "Make one."),
    ],
}
'''


def test_page_tells_everything(project):
    page = causes.render(project({str(causes.SOURCE): SOURCE}))
    wanted = ["## Addresses", "### `no-pool`", "There is none.", "**Remedy.** Make one."]
    assert [line for line in page.splitlines() if line in wanted] == wanted


def test_stale_page_is_found(project):
    root = project({str(causes.SOURCE): SOURCE, "docs/x.md": ""})
    assert causes.problems(root)
    causes.write(root)
    assert causes.problems(root) == []
    (root / causes.SOURCE).write_text(SOURCE.replace("Make one", "Make two"), encoding="utf-8")
    assert len(causes.problems(root)) == 1
