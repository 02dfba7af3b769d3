# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors

from __future__ import annotations

import pytest

from gates import headers

GOOD = f"# {headers.LICENCE}\n# Copyright (c) 2026, {headers.AUTHORS}\n"


@pytest.mark.parametrize("name", ["a.py", "b.sh", "run"])
def test_code_without_header_is_found(project, name):
    found = headers.problems(project({name: "#!/usr/bin/env python3\nprint(1)\n"}))
    assert [problem.split(":")[0] for problem in found] == [name]


def test_header_below_the_top_does_not_count(project):
    assert headers.problems(project({"a.py": "\n" * headers.LINES + GOOD}))


def test_headers_and_empty_files_and_prose_pass(project):
    assert headers.problems(project({"a.py": GOOD, "b/__init__.py": "", "c.md": "# prose\n"})) == []
