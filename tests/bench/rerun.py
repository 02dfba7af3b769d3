#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""How long a run without changes takes, as a ratio to an empty play that gathers facts, and where the time goes.

On a lab that cluster.yml has run on: tests/run exec tests/lab/lab run -- tests/bench/rerun.py [ROUNDS]
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = ROOT / "tests/acceptance/seed/inventory/mycluster/inventory.ini"
YARDSTICK = "- hosts: all\n  gather_facts: true\n"
PROFILE = re.compile(r"^(.+?) -+ +(\d+\.\d+)s$", re.M)


def play(playbook: Path, *words: str, **environ: str) -> tuple[float, str]:
    """Return the seconds that a playbook took, and what it printed; it must have changed nothing."""
    manifest = f"metallb_manifest_url={os.environ['LAB_MANIFESTS']}/v{{version}}/metallb-native.yaml"
    command = ["ansible-playbook", "-i", str(INVENTORY), str(playbook), "-b", "-e", manifest, *words]
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environ, cwd=ROOT, check=False)
    elapsed = time.monotonic() - start
    if done.returncode or re.search(r"changed=[1-9]", done.stdout):
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return elapsed, done.stdout


def main() -> None:
    """Print the ratios round by round, their medians, and the slowest tasks."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    cluster = ROOT / "cluster.yml"
    ratios: dict[str, list[float]] = {"without proof": [], "with proof": []}
    with tempfile.TemporaryDirectory() as directory:
        yardstick = Path(directory) / "yardstick.yml"
        yardstick.write_text(YARDSTICK, encoding="utf-8")
        for number in range(1, rounds + 1):
            base, _output = play(yardstick)
            without, _output = play(cluster, "-e", "metallb_verify=false")
            proven, _output = play(cluster)
            ratios["without proof"].append(without / base)
            ratios["with proof"].append(proven / base)
            print(
                f"round {number}: facts {base:.1f} s, without proof {without:.1f} s, with proof {proven:.1f} s",
                flush=True,
            )
    for name, figures in ratios.items():
        print(
            f"{name}: {min(figures):.2f} / {statistics.median(figures):.2f} / {max(figures):.2f} x (min, median, max)"
        )
    _seconds, output = play(cluster, ANSIBLE_CALLBACKS_ENABLED="ansible.posix.profile_tasks")
    print("\nslowest tasks, seconds:")
    for task, seconds in PROFILE.findall(output)[:15]:
        print(f"  {float(seconds):5.2f}  {task}")


if __name__ == "__main__":
    main()
