# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The edge that finds the release's manifest: a local file, or a download that is kept by its sum."""

from __future__ import annotations

import contextlib
import os
import tempfile
import typing as t

from ansible.module_utils.urls import open_url

from ansible_collections.kubeaddons.metallb.plugins.module_utils._backend import BACKENDS
from ansible_collections.kubeaddons.metallb.plugins.module_utils._release import (
    SUMS,
    URL,
    BadManifest,
    check_sum,
    file_name,
)

OPTIONS: dict[str, t.Any] = {
    "manifest": {"type": "path"},
    "manifest_url": {"type": "str"},
    "manifest_sha256": {"type": "str"},
}


def read(version: str, backend: str, params: t.Mapping[str, t.Any]) -> bytes:
    """Return the manifest's bytes, checked against its sum; raise BadManifest with reason and remedy."""
    wanted = (params["manifest_sha256"] or _known_sum(version, backend)).lower()
    if params["manifest"]:
        return _read_file(_named(params["manifest"], version, backend), wanted, backend)
    cached = os.path.join(_cache(), wanted + ".yaml")
    with contextlib.suppress(BadManifest):  # not there, or damaged: fetched again
        return _read_file(cached, wanted, backend)
    url = _named(params["manifest_url"] or URL, version, backend)
    others = [file_name(other) for other in BACKENDS if other != backend and url.endswith("/" + file_name(other))]
    if others:
        raise BadManifest(
            "metallb_manifest_url names {0}, but {1} is wanted; write {{file}} in its place".format(
                others[0], file_name(backend)
            )
        )
    data = _download(url)
    check_sum(data, wanted, url)
    _keep(cached, data)
    return data


def _known_sum(version: str, backend: str) -> str:
    sums = SUMS.get(version, {})
    if backend in sums:
        return sums[backend]
    if sums:
        raise BadManifest(
            "metallb_version: MetalLB {0} has no {1}; choose one of {2}".format(
                version, file_name(backend), ", ".join(one for one in SUMS if backend in SUMS[one])
            )
        )
    raise BadManifest(
        'metallb_version: the sum of the manifest of "{0}" is not known to this collection; choose one of {1}, or '
        "give the sum in metallb_manifest_sha256".format(version, ", ".join(SUMS))
    )


def _named(template: str, version: str, backend: str) -> str:
    return template.replace("{version}", version).replace("{file}", file_name(backend))


def _read_file(name: str, wanted: str, backend: str) -> bytes:
    try:
        with open(name, "rb") as file:
            data = file.read()
    except OSError as exc:
        raise BadManifest(
            "metallb_manifest: cannot read {0}: {1}; give the path of {2}".format(
                name, exc.strerror, file_name(backend)
            )
        ) from exc
    check_sum(data, wanted, name)
    return data


def _download(url: str) -> bytes:
    try:
        return bytes(open_url(url, timeout=60).read())
    except Exception as exc:  # urllib, ssl and Ansible's own errors have no common class
        raise BadManifest(
            "cannot download {0} ({1}); without internet access, copy the file to this host and name it in "
            "metallb_manifest, or serve it and set metallb_manifest_url".format(url, exc)
        ) from exc


def _cache() -> str:
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(root, "kubeaddons.metallb")


def _keep(name: str, data: bytes) -> None:
    """Put a download into the cache in one step; a cache that cannot be written is done without."""
    try:
        os.makedirs(os.path.dirname(name), mode=0o700, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=os.path.dirname(name))
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(part, name)
    except OSError:
        return
