# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Debian packages: the machine's own mirror, missing host packages, downloads from another suite."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from kubelab import paths
from kubelab.errors import LabError
from kubelab.proc import run
from kubelab.progress import step

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def parse_sources(text: str, deb822: bool) -> list[tuple[str, str]]:
    """(URI, suite) pairs of the binary sources in an apt source file, one-line or deb822 style."""
    found: list[tuple[str, str]] = []
    if not deb822:
        for line in text.splitlines():
            match = re.match(r"deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)", line.strip())
            if match:
                found.append((match[1], match[2]))
        return found
    for paragraph in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        last = ""
        for line in paragraph.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace() and last:
                fields[last] += " " + line.strip()
            elif ":" in line:
                last, _, value = line.partition(":")
                last = last.strip().lower()
                fields[last] = value.strip()
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").lower() != "no":
            found += [
                (uri, suite) for uri in fields.get("uris", "").split() for suite in fields.get("suites", "").split()
            ]
    return found


def choose_mirror(sources: Iterable[tuple[str, str]], codename: str) -> str:
    """The URI which serves the machine's own release: the one Debian mirror that surely is reachable."""
    for uri, suite in sources:
        if suite == codename and not uri.startswith("cdrom:"):
            return uri.rstrip("/")
    raise LabError(
        f"No Debian mirror for '{codename}' in /etc/apt/sources.list*.",
        "Run the lab on Debian with a configured mirror.",
    )


def mirror() -> str:
    """The Debian mirror that this machine is configured with."""
    sources: list[tuple[str, str]] = []
    etc = Path("/etc/apt")
    for file in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        if file.suffix in (".list", ".sources") and file.is_file():
            sources += parse_sources(file.read_text(encoding="utf-8", errors="replace"), file.suffix == ".sources")
    release = Path("/etc/os-release").read_text(encoding="utf-8")
    codename = re.search(r"^VERSION_CODENAME=(\S+)", release, re.MULTILINE)
    return choose_mirror(sources, codename[1] if codename else "")


def missing(packages: Iterable[str]) -> list[str]:
    """Those of the packages which this machine lacks."""
    query = ["dpkg-query", "-W", "-f", r"${Package} ${db:Status-Status}\n", *packages]
    result = subprocess.run(query, text=True, capture_output=True, check=False)
    there = {line.split()[0] for line in result.stdout.splitlines() if line.endswith(" installed")}
    return [package for package in packages if package not in there]


def install(packages: Iterable[str]) -> None:
    """Install what is missing; the package lists are fetched only when they are needed."""
    lacking = missing(list(packages))
    if not lacking:
        return
    log = paths.log_dir() / "apt-install.log"
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends", *lacking]
    with step(f"installing {' '.join(lacking)}"):
        if run(command, log=log, env=env, check=False).returncode != 0:
            run(["apt-get", "-o", "DPkg::Lock::Timeout=300", "update"], log=log, env=env)
            run(command, log=log, env=env)


def download(package: str, suite: str, destination: Path, log: Path) -> Path:
    """Fetch one package of another suite with an apt configuration of our own; the machine's is left alone."""
    private = destination / ".apt"
    for name in ("etc/preferences.d", "etc/sources.list.d", "etc/apt.conf.d", "lists/partial", "archives/partial"):
        (private / name).mkdir(parents=True, exist_ok=True)
    (private / "etc/sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror()} {suite} main\n", encoding="utf-8")
    options = {
        "Dir::Etc": private / "etc", "Dir::State": private, "Dir::State::lists": private / "lists",
        "Dir::State::status": "/dev/null", "Dir::Cache": private, "Dir::Cache::archives": private / "archives",
        "APT::Sandbox::User": "root", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
    }  # fmt: skip
    words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    run(["apt-get", *words, "update"], log=log)
    run(["apt-get", *words, "download", package], log=log, cwd=destination)
    shutil.rmtree(private)
    found = sorted(destination.glob(f"{package}_*.deb"), key=os.path.getmtime)
    if not found:
        raise LabError(f"apt-get downloaded no {package} from {suite}.", f"Log: {log}")
    return found[-1]
