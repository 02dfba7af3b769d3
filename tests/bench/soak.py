#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The same thing many times in a row: fresh installs, or proofs of a healthy cluster. Ends with how many went wrong.

On a lab: tests/run exec tests/lab/lab run -- tests/bench/soak.py installs|proofs [TIMES]
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = ROOT / "tests/acceptance/seed/inventory/mycluster/inventory.ini"


def play(playbook: str) -> subprocess.CompletedProcess[str]:
    """Run a playbook of this checkout."""
    manifest = f"metallb_manifest_url={os.environ['LAB_MANIFESTS']}/v{{version}}/metallb-native.yaml"
    command = ["ansible-playbook", "-i", str(INVENTORY), str(ROOT / playbook), "-b", "-e", manifest]
    environ = os.environ | {"MOLECULE_PROJECT_DIRECTORY": str(ROOT)}
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, env=environ, check=False
    )


def main() -> None:
    """Repeat, one line a time; the output of what went wrong is printed."""
    if len(sys.argv) < 2 or sys.argv[1] not in ("installs", "proofs"):
        sys.exit(__doc__)
    times = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    bad = 0
    for number in range(1, times + 1):
        if sys.argv[1] == "installs":
            before = play("molecule/shared/virgin.yml")
            if before.returncode:
                sys.exit(f"MetalLB could not be removed between two installs:\n{before.stdout}")
        start = time.monotonic()
        done = play("cluster.yml" if sys.argv[1] == "installs" else "playbooks/verify.yml")
        bad += done.returncode != 0
        print(
            f"{number} of {times}: {'failed' if done.returncode else 'ok'}, {time.monotonic() - start:.0f} s",
            flush=True,
        )
        if done.returncode:
            print(done.stdout, flush=True)
    print(f"{sys.argv[1]}: {times - bad} of {times} ok")
    sys.exit(bad != 0)


if __name__ == "__main__":
    main()
