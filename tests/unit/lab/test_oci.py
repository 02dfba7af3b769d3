# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The OCI archive writer."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

from kubelab import oci


def make_tree(base: Path) -> Path:
    tree = base / "tree"
    (tree / "bin").mkdir(parents=True)
    (tree / "bin/server").write_text("binary", encoding="utf-8")
    (tree / "bin/server").chmod(0o755)
    (tree / "bin/alias").symlink_to("server")
    return tree


def read(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}  # type: ignore[union-attr]


def test_every_document_points_to_content_that_is_there(tmp_path: Path) -> None:
    image = oci.Image("quay.io/metallb/speaker:v0.16.1", entrypoint=["/speaker"])
    oci.write_archive(image, make_tree(tmp_path), tmp_path / "image.tar")
    files = read(tmp_path / "image.tar")
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = json.loads(files["index.json"])["manifests"]
    assert entry["annotations"]["io.containerd.image.name"] == "quay.io/metallb/speaker:v0.16.1"
    assert entry["annotations"]["org.opencontainers.image.ref.name"] == "v0.16.1"
    manifest = json.loads(blob(files, entry))
    config = json.loads(blob(files, manifest["config"]))
    assert config["config"]["Entrypoint"] == ["/speaker"]
    (layer,) = manifest["layers"]
    # the layer is not compressed: its digest is its diff id
    assert config["rootfs"]["diff_ids"] == [layer["digest"]]
    blob(files, layer)


def blob(files: dict[str, bytes], descriptor: dict[str, object]) -> bytes:
    content = files["blobs/" + str(descriptor["digest"]).replace(":", "/")]
    assert hashlib.sha256(content).hexdigest() == str(descriptor["digest"]).removeprefix("sha256:")
    assert len(content) == descriptor["size"]
    return content


def test_layer_keeps_modes_and_links(tmp_path: Path) -> None:
    oci.write_layer(make_tree(tmp_path), tmp_path / "layer")
    with tarfile.open(tmp_path / "layer") as tar:
        assert tar.getnames() == ["bin", "bin/alias", "bin/server"]
        assert tar.getmember("bin/server").mode == 0o755
        assert tar.getmember("bin/alias").linkname == "server"


def test_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    sums = []
    for number in ("one", "two"):
        base = tmp_path / number
        base.mkdir()
        oci.write_archive(oci.Image("a/b:c"), make_tree(base), base / "image.tar")
        sums.append((base / "image.tar").read_bytes())
    assert sums[0] == sums[1]
