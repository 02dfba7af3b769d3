# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""go.mod of Kubernetes, and the sums of the manifests."""

from __future__ import annotations

import pytest

from kubelab import binaries, pins
from kubelab.errors import LabError

ORIGINAL = """\
module k8s.io/kubernetes

go 1.24.0

godebug default=go1.24

require (
\tk8s.io/api v0.0.0
)

replace (
\tk8s.io/api => ./staging/src/k8s.io/api
\tk8s.io/client-go => ./staging/src/k8s.io/client-go
)
"""


def test_go_mod_takes_published_staging_modules() -> None:
    text = binaries.kube_go_mod("k8s.io/kubernetes", "1.34.4", "0.34.4", ORIGINAL)
    assert text.splitlines() == [
        "module lab", "", "go 1.24.0", "godebug default=go1.24", "", "require k8s.io/kubernetes v1.34.4", "",
        "replace (",
        "\tk8s.io/api => k8s.io/api v0.34.4", "\tk8s.io/client-go => k8s.io/client-go v0.34.4", ")",
    ]  # fmt: skip


def test_sums_of_one_release() -> None:
    text = "# comment\n0.16.1 aa metallb-native.yaml\n0.16.2 bb metallb-native.yaml\n"
    assert binaries.parse_sums(text)["0.16.1"] == {"metallb-native.yaml": "aa"}
    assert {"0.13.9", "0.16.1"} <= set(binaries.releases())


def test_default_release_has_sums_and_can_be_built() -> None:
    assert "metallb-native.yaml" in binaries.manifests().inputs["sums"]
    assert binaries.metallb().inputs["version"] == pins.get("metallb", "default")


def test_release_without_its_dependency_is_refused() -> None:
    with pytest.raises(LabError, match=r"0.15.3 cannot be built"):
        binaries.metallb("0.15.3")
    assert binaries.manifests("v0.15.3").inputs["version"] == "0.15.3"


def test_unknown_kubernetes_names_the_known_ones() -> None:
    assert pins.kubernetes("1.34") == pins.kubernetes("v1.34.4") == pins.kubernetes()
    with pytest.raises(LabError, match=r"1\.20 is not pinned \(known: 1\.34\.4"):
        pins.kubernetes("1.20")
