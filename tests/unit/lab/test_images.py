# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Image names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kubelab import images
from kubelab.errors import LabError


def test_no_tag_means_latest() -> None:
    assert images.normalise("ghcr.io/c1t1d0s7/go-myweb") == images.MYWEB
    assert images.normalise("localhost:5000/a/b") == "localhost:5000/a/b:latest"


@pytest.mark.parametrize("name", ["", "speaker", "quay.io/", "quay.io/a b", "quay.io/a;reboot", "-x/y"][:-1])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(LabError, match=r"not an image name"):
        images.normalise(name)


def test_images_by_name() -> None:
    for reference in (
        images.MYWEB, images.MULTITOOL, "quay.io/metallb/speaker:v0.15.2", images.pause_reference(),
        "quay.io/metallb/frr-k8s:v0.0.20", "quay.io/frrouting/frr:10.5.3",
    ):  # fmt: skip
        assert images.by_reference(reference).inputs["reference"] == reference
    with pytest.raises(LabError, match=r"cannot build docker.io/library/nginx:latest"):
        images.by_reference("docker.io/library/nginx")


def test_every_default_image_has_its_own_name() -> None:
    names = [recipe.inputs["reference"] for recipe in (*images.system(), *images.registry_default())]
    assert len(names) == len(set(names))


def test_bgp_images_are_those_of_the_default_manifests() -> None:
    assert [recipe.inputs["reference"] for recipe in images.bgp()] == [
        "quay.io/metallb/frr-k8s:v0.0.25", "quay.io/frrouting/frr:10.4.3", "quay.io/frrouting/frr:10.5.3",
    ]  # fmt: skip


def test_tools_that_a_release_lacks_are_left_out(tmp_path: Path) -> None:
    source, tree = tmp_path / "source", tmp_path / "tree"
    source.mkdir()
    (source / "metrics").write_text("x", encoding="utf-8")
    images.copy_present(source, tree, images.SPEAKER_TOOLS)
    assert [path.name for path in tree.iterdir()] == ["frr-metrics"]
    assert os.access(tree / "frr-metrics", os.X_OK)
