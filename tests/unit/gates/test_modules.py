# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors

from __future__ import annotations

from gates import modules
from gates.syntax import code_lines


def test_long_module_is_found(project):
    found = modules.problems(project({"plugins/modules/long.py": "x = 1\n" * modules.LIMIT}))
    assert len(found) == 1
    assert found[0].startswith("plugins/modules/long.py: 150 lines")


def test_documentation_does_not_count(project):
    text = 'DOCUMENTATION = r"""\n' + "a: b\n" * 500 + '"""\n' + "# comment\n\n" * 500 + "x = 1\n"
    root = project({"plugins/modules/short.py": text})
    assert code_lines(root / "plugins/modules/short.py") == 1
    assert modules.problems(root) == []


def test_utility_without_a_test_file_is_found(project):
    files = {"plugins/module_utils/_a.py": "", "plugins/module_utils/_b.py": "", "tests/unit/x/test__a.py": ""}
    assert modules.problems(project(files)) == ["plugins/module_utils/_b.py: there is no test__b.py below tests/unit"]
