# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Container images without a container engine: an OCI archive is a tar of three blobs and two small files."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EPOCH = "1970-01-01T00:00:00Z"
LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class Image:
    """What an image is called and how it starts."""

    reference: str
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    environment: Sequence[str] = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)
    labels: dict[str, str] = field(default_factory=dict)


def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same bytes every time, whoever built them and when."""
    member.mtime = 0
    member.uname = member.gname = ""
    return member


def write_layer(tree: Path, target: Path) -> str:
    """Tar a directory tree as one layer; returns its sha256."""
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(tree.rglob("*")):
            tar.add(path, arcname=str(path.relative_to(tree)), recursive=False, filter=anonymous)
    with open(target, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical(data: Any) -> bytes:
    """JSON with one spelling."""
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def documents(image: Image, layer_sha: str, layer_size: int) -> tuple[bytes, bytes, bytes]:
    """The config, manifest and index of a one-layer image."""
    config = canonical(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": EPOCH,
            "config": {
                "Entrypoint": list(image.entrypoint),
                "Cmd": list(image.command),
                "Env": list(image.environment),
                "Labels": image.labels,
                "WorkingDir": "/",
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_sha}"]},
            "history": [{"created": EPOCH, "created_by": "lab"}],
        }
    )
    manifest = canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIG, config),
            "layers": [{"mediaType": LAYER, "digest": f"sha256:{layer_sha}", "size": layer_size}],
        }
    )
    annotations = {
        "io.containerd.image.name": image.reference,
        "org.opencontainers.image.ref.name": image.reference.rpartition(":")[2],
    }
    index = canonical(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [
                {
                    **descriptor(MANIFEST, manifest),
                    "annotations": annotations,
                    "platform": {"architecture": "amd64", "os": "linux"},
                }
            ],
        }
    )
    return config, manifest, index


def descriptor(kind: str, content: bytes) -> dict[str, Any]:
    """How one document points to another."""
    return {"mediaType": kind, "digest": f"sha256:{hashlib.sha256(content).hexdigest()}", "size": len(content)}


def write_archive(image: Image, tree: Path, target: Path) -> None:
    """Write an OCI archive of one image whose only layer is the given tree."""
    layer = target.with_suffix(".layer")
    layer_sha = write_layer(tree, layer)
    size = layer.stat().st_size
    config, manifest, index = documents(image, layer_sha, size)
    with tarfile.open(target, "w") as tar:
        add_bytes(tar, "oci-layout", canonical({"imageLayoutVersion": "1.0.0"}))
        add_bytes(tar, "index.json", index)
        for content in (config, manifest):
            add_bytes(tar, f"blobs/sha256/{hashlib.sha256(content).hexdigest()}", content)
        member = tarfile.TarInfo(f"blobs/sha256/{layer_sha}")
        member.size, member.mode = size, 0o644
        with open(layer, "rb") as file:
            tar.addfile(member, file)
    layer.unlink()


def add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """One file from memory."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    tar.addfile(member, io.BytesIO(content))
