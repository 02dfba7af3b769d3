# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""python -m gates [--write] [NAME...]: pass the gates; each problem is one line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gates import (
    assertions,
    causes,
    galaxy,
    headers,
    machine_paths,
    modules,
    naming,
    node_code,
    role_arguments,
    variables,
)

ROOT = Path(__file__).resolve().parents[2]
GATES: dict[str, Callable[[Path], list[str]]] = {
    "headers": headers.problems,
    "machine-paths": machine_paths.problems,
    "modules": modules.problems,
    "node-code": node_code.problems,
    "assertions": assertions.problems,
    "naming": naming.problems,
    "role-arguments": role_arguments.problems,
    "variables": variables.problems,
    "causes": causes.problems,
    "galaxy": galaxy.problems,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status tells whether all gates were passed."""
    parser = argparse.ArgumentParser(prog="gates", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *GATES], help=", ".join(GATES))
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout to read")
    parser.add_argument("--write", action="store_true", help="write docs/variables.md and docs/causes.md anew first")
    options = parser.parse_args(arguments)
    if options.write:
        variables.write(options.root)
        causes.write(options.root)
    status = 0
    for name in options.names or GATES:
        found = GATES[name](options.root)
        print(f"{name}: {len(found)} problem(s)" if found else f"{name}: ok")
        for problem in found:
            print(f"  {problem}")
        status |= bool(found)
    return status


if __name__ == "__main__":
    sys.exit(main())
