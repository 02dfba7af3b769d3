# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import io
import pathlib
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _manifest
from ansible_collections.kubeaddons.metallb.plugins.module_utils._release import SUMS, BadManifest

DATA = b"kind: Namespace\n"
SUM = hashlib.sha256(DATA).hexdigest()
OTHER = b"<html>Sign in</html>"


@pytest.fixture
def cache(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kubeaddons.metallb" / (SUM + ".yaml")


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[dict[str, bytes | Exception]]:
    """What the web holds, by URL; the last entry tells which were asked for."""
    pages: dict[str, bytes | Exception] = {}

    def open_url(url: str, timeout: float) -> io.BytesIO:
        assert timeout > 0
        page = pages.pop(url)
        if isinstance(page, Exception):
            raise page
        return io.BytesIO(page)

    monkeypatch.setattr(_manifest, "open_url", open_url)
    yield pages
    assert pages == {}, "these pages were not asked for"


def options(**given: str) -> dict[str, t.Any]:
    return {**dict.fromkeys(_manifest.OPTIONS), **given}


OFFICIAL = "https://raw.githubusercontent.com/metallb/metallb/v0.16.1/config/manifests/metallb-native.yaml"


def test_a_download_is_kept_and_not_repeated(cache: pathlib.Path, web: dict[str, bytes]) -> None:
    web[OFFICIAL] = DATA
    given = options(manifest_sha256=SUM)
    assert _manifest.read("0.16.1", "native", given) == DATA
    assert cache.read_bytes() == DATA
    assert cache.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in cache.parent.iterdir()] == [cache.name]
    assert _manifest.read("0.16.1", "native", given) == DATA  # the page is gone


def test_an_own_server(cache: pathlib.Path, web: dict[str, bytes]) -> None:
    web["http://192.0.2.1/metallb/v0.16.1/metallb-native.yaml"] = DATA
    given = options(manifest_sha256=SUM, manifest_url="http://192.0.2.1/metallb/v{version}/{file}")
    assert _manifest.read("0.16.1", "native", given) == DATA


def test_a_damaged_copy_is_fetched_again(cache: pathlib.Path, web: dict[str, bytes]) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_bytes(DATA[:5])
    web[OFFICIAL] = DATA
    assert _manifest.read("0.16.1", "native", options(manifest_sha256=SUM)) == DATA
    assert cache.read_bytes() == DATA


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: pathlib.Path, web: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    web[OFFICIAL] = DATA
    assert _manifest.read("0.16.1", "native", options(manifest_sha256=SUM)) == DATA


def test_something_else_is_refused_and_not_kept(cache: pathlib.Path, web: dict[str, bytes]) -> None:
    web[OFFICIAL] = OTHER
    with pytest.raises(BadManifest) as caught:
        _manifest.read("0.16.1", "native", options(manifest_sha256=SUM))
    for part in (OFFICIAL, hashlib.sha256(OTHER).hexdigest(), SUM, "fetch it again", "metallb_manifest_sha256"):
        assert part in str(caught.value)
    assert not cache.exists()


@pytest.mark.parametrize("problem", [OSError("no route to host"), TimeoutError("timed out")])
def test_no_internet(cache: pathlib.Path, web: dict[str, Exception], problem: Exception) -> None:
    web[OFFICIAL] = problem
    with pytest.raises(BadManifest) as caught:
        _manifest.read("0.16.1", "native", options(manifest_sha256=SUM))
    for part in (OFFICIAL, str(problem), "metallb_manifest,", "metallb_manifest_url"):
        assert part in str(caught.value)


def test_a_file(tmp_path: pathlib.Path, cache: pathlib.Path, web: dict[str, bytes]) -> None:
    name = tmp_path / "metallb.yaml"
    name.write_bytes(DATA)
    assert _manifest.read("0.16.1", "native", options(manifest=str(name), manifest_sha256=SUM)) == DATA
    # A sum is often copied in capitals.
    assert _manifest.read("0.16.1", "native", options(manifest=str(name), manifest_sha256=SUM.upper())) == DATA
    assert not cache.exists()


def test_a_file_of_another_release(tmp_path: pathlib.Path) -> None:
    name = tmp_path / "metallb.yaml"
    name.write_bytes(DATA)
    with pytest.raises(BadManifest) as caught:
        _manifest.read("0.16.1", "native", options(manifest=str(name)))
    for part in (str(name), SUM, SUMS["0.16.1"]["native"], "metallb_manifest_sha256"):
        assert part in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(BadManifest) as caught:
        _manifest.read("0.16.1", "native", options(manifest=str(tmp_path / "no.yaml")))
    for part in ("metallb_manifest", str(tmp_path / "no.yaml"), "No such file", "metallb-native.yaml"):
        assert part in str(caught.value)


def test_a_release_without_a_known_sum(web: dict[str, bytes]) -> None:
    with pytest.raises(BadManifest) as caught:
        _manifest.read("0.99.0", "native", options())
    for part in ("metallb_version", '"0.99.0"', "0.16.1", "metallb_manifest_sha256"):
        assert part in str(caught.value)


def test_each_backend_has_its_own_manifest(
    cache: pathlib.Path, web: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SUMS, "0.16.1", {"frr-k8s": SUM, "native": hashlib.sha256(OTHER).hexdigest()})
    web[OFFICIAL.replace("native", "frr-k8s")] = DATA
    web[OFFICIAL] = OTHER
    assert _manifest.read("0.16.1", "frr-k8s", options()) == DATA
    assert _manifest.read("0.16.1", "native", options()) == OTHER
    assert _manifest.read("0.16.1", "frr-k8s", options()) == DATA
    assert len(list(cache.parent.iterdir())) == 2


def test_names_with_version_and_file(cache: pathlib.Path, web: dict[str, bytes], tmp_path: pathlib.Path) -> None:
    web["http://192.0.2.1/0.16.1/metallb-frr.yaml"] = DATA
    given = options(manifest_url="http://192.0.2.1/{version}/{file}", manifest_sha256=SUM)
    assert _manifest.read("0.16.1", "frr", given) == DATA
    (tmp_path / "0.16.1-metallb-frr.yaml").write_bytes(DATA)
    given = options(manifest=str(tmp_path / "{version}-{file}"), manifest_sha256=SUM)
    assert _manifest.read("0.16.1", "frr", given) == DATA


def test_the_url_of_another_backends_manifest_is_not_asked(cache: pathlib.Path, web: dict[str, bytes]) -> None:
    given = options(manifest_url="http://192.0.2.1/v{version}/metallb-native.yaml", manifest_sha256=SUM)
    with pytest.raises(
        BadManifest, match=r"names metallb-native.yaml, but metallb-frr-k8s.yaml is wanted; write {file}"
    ):
        _manifest.read("0.16.1", "frr-k8s", given)


def test_a_backend_that_the_release_does_not_have(web: dict[str, bytes]) -> None:
    with pytest.raises(BadManifest, match=r"MetalLB 0.13.9 has no metallb-frr-k8s.yaml; choose one of 0.14.5, "):
        _manifest.read("0.13.9", "frr-k8s", options())


def test_the_file_of_another_backend_is_named(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SUMS, "0.16.1", {"frr": "0" * 64, "native": SUM})
    name = tmp_path / "metallb.yaml"
    name.write_bytes(DATA)
    with pytest.raises(BadManifest, match=r"metallb-native.yaml of MetalLB 0.16.1\), expected 0000"):
        _manifest.read("0.16.1", "frr", options(manifest=str(name)))
