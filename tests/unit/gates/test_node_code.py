# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors

from __future__ import annotations

import pytest

from gates import node_code

FUTURE = "from __future__ import annotations\n"
MODULE = f'DOCUMENTATION = "extends: {node_code.FRAGMENT}"\n{FUTURE}'
IMPORT = f"from {node_code.OWN}_reader import read\n"
UTILITY = "plugins/module_utils/_reader.py"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (FUTURE + "match 1:\n    case 1:\n        pass\n", "not Python 3.8"),
        (FUTURE + "with (open('a') as a, open('b') as b):\n    pass\n", "not Python 3.8"),
        ("import os\n", "lacks 'from __future__ import annotations'"),
        (FUTURE + "import yaml\n", "imports yaml"),
        (FUTURE + "def f():\n    from kubernetes import client\n", "imports kubernetes"),
        (FUTURE + "import tomllib\n", "imports tomllib"),
    ],
)
def test_what_a_node_cannot_run_is_found(project, text, complaint):
    found = node_code.problems(project({"plugins/modules/m.py": MODULE + IMPORT, UTILITY: text}))
    assert any(problem.startswith(UTILITY) and complaint in problem for problem in found)


def test_what_the_controller_runs_is_free(project):
    files = {"plugins/modules/m.py": FUTURE + IMPORT, UTILITY: "import yaml\n"}
    assert node_code.problems(project(files)) == []


def test_utilities_are_followed_in_turn(project):
    files = {
        "plugins/modules/m.py": MODULE + IMPORT,
        UTILITY: FUTURE + f"import {node_code.OWN}_deep\n",
        "plugins/module_utils/_deep.py": FUTURE + "import socket\nimport requests\n",
    }
    found = node_code.problems(project(files))
    assert found == ["plugins/module_utils/_deep.py: imports requests, which nodes need not have"]
