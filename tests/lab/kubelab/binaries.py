# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Static binaries, built from Go modules."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from kubelab import host, pins
from kubelab.cache import Recipe
from kubelab.errors import LabError
from kubelab.paths import HERE
from kubelab.proc import run

KUBE_COMMANDS = (
    "kube-apiserver", "kubectl", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubeadm", "kubelet",
)  # fmt: skip
SUMS = HERE / "metallb-manifests.sha256"


def module_dir(module: str, version: str, log: Path) -> Path:
    """Download a module; where its source lies in the module cache."""
    result = run(
        ["go", "mod", "download", "-json", f"{module}@v{version}"],
        env=host.go_environment(),
        cwd=Path("/"),
        check=False,
    )
    with open(log, "a", encoding="utf-8") as file:
        file.write(result.stdout + result.stderr)
    if result.returncode != 0:
        raise LabError(
            f"The Go module {module} v{version} cannot be had.", "Check 'go env GOPROXY' and the version in pins.toml."
        )
    return Path(json.loads(result.stdout)["Dir"])


def kube_go_mod(module: str, version: str, staging: str, original: str) -> str:
    """A go.mod to build the commands of k8s.io/kubernetes from outside.

    Its own go.mod replaces the staging modules by folders which are not in the published module: take the
    published staging modules instead.
    """
    lines = ["module lab", ""]
    lines += re.findall(r"^(?:go|godebug) \S.*$", original, re.MULTILINE)
    lines += ["", f"require {module} v{version}", "", "replace ("]
    lines += [
        f"\t{name} => {name} v{staging}" for name in re.findall(r"^\s*(\S+) => \./staging/", original, re.MULTILINE)
    ]
    return "\n".join([*lines, ")", ""])


def build_commands(packages: list[str], version_flag: str, to: Path, work: Path, log: Path) -> None:
    """One go build of several commands; go.mod is completed on the way."""
    flags = f"-s -w {version_flag}".strip()
    command = ["go", "build", "-mod=mod", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", f"{to}/", *packages]
    run(command, log=log, cwd=work, env=host.go_environment(), contained=True)


def kube(version: str = "") -> Recipe:
    """The seven Kubernetes commands."""
    pin = pins.kubernetes(version)

    def build(to: Path, log: Path) -> None:
        work = to / "work"
        work.mkdir()
        original = (module_dir(pin.module, pin.version, log) / "go.mod").read_text(encoding="utf-8")
        (work / "go.mod").write_text(kube_go_mod(pin.module, pin.version, pin.staging, original), encoding="utf-8")
        packages = [f"{pin.module}/cmd/{name}" for name in KUBE_COMMANDS]
        # kubeadm and kubelet derive image tags and supported skews from their own version
        flag = f"-X k8s.io/component-base/version.gitVersion=v{pin.version}"
        build_commands(packages, flag, to, work, log)
        shutil.rmtree(work)

    inputs = {"module": pin.module, "version": pin.version, "staging": pin.staging, "commands": KUBE_COMMANDS}
    code = (build_commands, kube_go_mod)
    return Recipe("kube", build, inputs, code=code, title=f"Kubernetes {pin.version} (5 minutes)")


def single(name: str, module: str, version: str) -> Recipe:
    """A module whose root is the one command wanted."""

    def build(to: Path, log: Path) -> None:
        work = to / "work"
        work.mkdir()
        original = (module_dir(module, version, log) / "go.mod").read_text(encoding="utf-8")
        go = re.search(r"^go \S+$", original, re.MULTILINE)
        lines = ["module lab", "", go[0] if go else "", f"require {module} v{version}", ""]
        (work / "go.mod").write_text("\n".join(lines), encoding="utf-8")
        build_commands([module], "", to, work, log)
        built = re.sub(r"^v\d+$", "", module.rsplit("/", 1)[1]) or module.rsplit("/", 2)[1]
        if built != name:
            (to / built).rename(to / name)
        shutil.rmtree(work)

    inputs = {"module": module, "version": version, "name": name}
    return Recipe(name, build, inputs, code=(build_commands,), title=f"{name} {version}")


def etcd() -> Recipe:
    """The etcd server."""
    return single("etcd", pins.get("etcd", "module"), pins.get("etcd", "version"))


def coredns() -> Recipe:
    """The CoreDNS server."""
    return single("coredns", pins.get("coredns", "module"), pins.get("coredns", "version"))


def module_commands(
    name: str, module: str, version: str, packages: Sequence[str], files: Sequence[str], title: str
) -> Recipe:
    """Commands of a module, built in a copy of it so that its own replace lines count, and single files of it.

    Releases differ: what one does not have is left out.
    """

    def build(to: Path, log: Path) -> None:
        work = to / "work"
        shutil.copytree(module_dir(module, version, log), work)
        run(["chmod", "-R", "u+w", work])
        build_commands([package for package in packages if (work / package).is_dir()], "", to, work, log)
        for file in files:
            if (work / file).is_file():
                shutil.copy(work / file, to)
        shutil.rmtree(work)

    inputs = {"module": module, "version": version, "packages": packages, "files": files}
    return Recipe(name, build, inputs, code=(build_commands, module_commands), title=title)


def metallb(version: str = "") -> Recipe:
    """MetalLB's controller and speaker, and the speaker's tools of frr mode."""
    version = pins.metallb(version)
    if version in pins.load()["metallb"]["manifests_only"]:
        raise LabError(
            f"MetalLB {version} cannot be built: a module it depends on cannot be had.", "Use another version."
        )
    packages = ("./controller", "./speaker", "./frr-tools/cp-tool", "./frr-tools/metrics")
    files = ("frr-tools/reloader/frr-reloader.sh",)
    title = f"MetalLB {version} (1.5 minutes)"
    return module_commands("metallb", pins.get("metallb", "module"), version, packages, files, title)


def frr_k8s(version: str = "") -> Recipe:
    """FRR-K8s, which configures FRR for MetalLB."""
    version = version or pins.get("frr_k8s", "default")
    packages = ("./cmd/frr-k8s-controller", "./cmd/statuscleaner", "./cmd/metrics", "./cmd/status")
    files = ("cmd/reloader/frr-reloader.sh",)
    title = f"FRR-K8s {version} (2 minutes)"
    return module_commands("frr-k8s", pins.get("frr_k8s", "module"), version, packages, files, title)


def parse_sums(text: str) -> dict[str, dict[str, str]]:
    """Release to file name to sha256, from the lines 'version sum file'."""
    sums: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            version, digest, file = line.split()
            sums.setdefault(version, {})[file] = digest
    return sums


def releases() -> list[str]:
    """Every MetalLB version whose manifests have recorded sums."""
    return list(parse_sums(SUMS.read_text(encoding="utf-8")))


def manifests(version: str = "") -> Recipe:
    """The release manifests of one MetalLB version, checked against the recorded sums."""
    version = pins.metallb(version)
    module = pins.get("metallb", "module")
    sums = parse_sums(SUMS.read_text(encoding="utf-8")).get(version)
    if not sums:
        raise LabError(f"The manifests of MetalLB {version} have no recorded sum.", f"Add them to {SUMS.name}.")

    def build(to: Path, log: Path) -> None:
        origin = module_dir(module, version, log) / "config/manifests"
        for name, digest in sums.items():
            content = (origin / name).read_bytes()
            if hashlib.sha256(content).hexdigest() != digest:
                raise LabError(
                    f"{name} of MetalLB {version} is not the released one.", f"Compare {origin} with {SUMS.name}."
                )
            (to / name).write_bytes(content)

    return Recipe(
        "metallb-manifests",
        build,
        {"module": module, "version": version, "sums": sums},
        title=f"MetalLB {version} manifests",
    )
