# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The versions in pins.toml, typed."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kubelab.errors import LabError
from kubelab.paths import HERE


@dataclass(frozen=True)
class Kubernetes:
    """One supported minor release."""

    module: str
    version: str
    staging: str


@lru_cache(maxsize=1)
def load() -> dict[str, Any]:
    """The whole file."""
    with open(HERE / "pins.toml", "rb") as file:
        return tomllib.load(file)


def get(section: str, key: str) -> str:
    """One pinned word."""
    return str(load()[section][key])


def kubernetes(wanted: str = "") -> Kubernetes:
    """The pinned patch release of a minor version such as 1.34 (default: pins.toml's)."""
    section = load()["kubernetes"]
    wanted = (wanted or section["default"]).lstrip("v")
    minor = ".".join(wanted.split(".")[:2])
    release = section["releases"].get(minor)
    if release is None or wanted not in (minor, release["version"]):
        known = ", ".join(r["version"] for r in section["releases"].values())
        raise LabError(
            f"Kubernetes {wanted} is not pinned (known: {known}).", "Choose one of these, or add it to pins.toml."
        )
    return Kubernetes(section["module"], release["version"], release["staging"])


def metallb(wanted: str = "") -> str:
    """A MetalLB version without its leading v (default: pins.toml's)."""
    version = (wanted or get("metallb", "default")).lstrip("v")
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise LabError(f"'{wanted}' is not a MetalLB version.", "Give one such as 0.16.1.")
    return version
