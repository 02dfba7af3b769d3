# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Every container image of the lab: its name, its content, and whether nodes have it before they boot."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from kubelab import binaries, frr, host, oci, pins, root
from kubelab.cache import Recipe, ensure
from kubelab.errors import LabError
from kubelab.oci import Image
from kubelab.paths import HERE
from kubelab.proc import run

ARCHIVE = "image.tar"
K8S = "registry.k8s.io"
MYWEB = "ghcr.io/c1t1d0s7/go-myweb:latest"
MULTITOOL = "ghcr.io/c1t1d0s7/network-multitool:latest"
#: What kube-proxy runs in each of its modes
PROXY_PACKAGES = ("iptables", "ipset", "nftables", "conntrack", "kmod", "base-files")
#: path in the image: file of the recipe; releases differ, what one lacks is left out
SPEAKER_TOOLS = {"/cp-tool": "cp-tool", "/frr-metrics": "metrics", "/frr-reloader.sh": "frr-reloader.sh"}
FRR_K8S_COMMANDS = {
    "/frr-k8s": "frr-k8s-controller", "/statuscleaner": "statuscleaner", "/frr-metrics": "metrics",
    "/frr-status": "status", "/frr-reloader.sh": "frr-reloader.sh",
}  # fmt: skip
MULTITOOL_PACKAGES = ("bash", "bind9-dnsutils", "busybox-static", "curl", "ca-certificates", "base-files")


def image(
    image: Image, content: Callable[[Path, Path], None], inputs: Mapping[str, object], needs: tuple[Recipe, ...] = (),
    code: tuple[Callable[..., object], ...] = (), files: tuple[Path, ...] = (),
) -> Recipe:  # fmt: skip
    """A recipe of one image; content fills its only layer."""

    def build(to: Path, log: Path) -> None:
        tree = to / "tree"
        tree.mkdir()
        content(tree, log)
        oci.write_archive(image, tree, to / ARCHIVE)
        (to / "reference").write_text(image.reference, encoding="utf-8")
        shutil.rmtree(tree)

    spec = {"reference": image.reference, "entrypoint": image.entrypoint, "command": image.command, **inputs}
    name = "image-" + image.reference.rsplit("/", 1)[1].split(":")[0]
    code = (*code, oci.documents, oci.write_layer, oci.write_archive)
    return Recipe(name, build, spec, files=files, code=code, needs=needs, title=f"image {image.reference}")


def copy_binary(source: Path, target: Path) -> None:
    """A static binary into a tree."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
    target.chmod(0o755)


def copy_present(source: Path, tree: Path, files: Mapping[str, str]) -> None:
    """Those of some executables which a release has."""
    for path, name in files.items():
        if (source / name).is_file():
            copy_binary(source / name, tree / path.lstrip("/"))


def binary_image(
    reference: str, recipe: Recipe, name: str, path: str, tools: Mapping[str, str] | None = None
) -> Recipe:
    """An image which is nothing but one static binary, and maybe tools beside it."""
    inputs = {"binary": name, "path": path, **({"tools": dict(tools)} if tools else {})}

    def content(tree: Path, _log: Path) -> None:
        copy_binary(ensure(recipe) / name, tree / path.lstrip("/"))
        copy_present(ensure(recipe), tree, tools or {})
        (tree / "tmp").mkdir(mode=0o1777)
        (tree / "etc").mkdir()
        (tree / "etc/passwd").write_text("root:x:0:0:root:/:/\nnobody:x:65534:65534:nobody:/:/\n", encoding="utf-8")

    code = (copy_binary, copy_present) if tools else (copy_binary,)
    return image(Image(reference, entrypoint=[path]), content, inputs, (recipe,), code)


def pause() -> Recipe:
    """The pod sandbox."""
    source = HERE / "images/pause.c"

    def content(tree: Path, log: Path) -> None:
        run(["gcc", "-Os", "-static", "-o", tree / "pause", source], log=log)

    return image(Image(pause_reference(), entrypoint=["/pause"]), content, {}, files=(source,))


def pause_reference() -> str:
    """Name of the pod sandbox, for containerd's configuration."""
    return f"{K8S}/pause:{pins.get('images', 'pause')}"


def link_iptables(tree: Path) -> None:
    """The names that Debian's alternatives would make; legacy, because the nodes' own iptables is too."""
    for name in ("iptables", "ip6tables"):
        for suffix in ("", "-save", "-restore"):
            (tree / "usr/sbin" / f"{name}{suffix}").unlink(missing_ok=True)
            (tree / "usr/sbin" / f"{name}{suffix}").symlink_to("xtables-legacy-multi")


def kube_proxy(version: str) -> Recipe:
    """kube-proxy with the tools of its modes."""
    kube, tree_recipe = binaries.kube(version), root.debian_tree("proxy-tree", PROXY_PACKAGES)

    def content(tree: Path, log: Path) -> None:
        root.unpack(ensure(tree_recipe), tree, log)
        link_iptables(tree)
        copy_binary(ensure(kube) / "kube-proxy", tree / "usr/local/bin/kube-proxy")

    spec = Image(f"{K8S}/kube-proxy:v{pins.kubernetes(version).version}", command=["kube-proxy"])
    return image(spec, content, {}, (kube, tree_recipe), (link_iptables, copy_binary, root.unpack))


def system(version: str = "") -> list[Recipe]:
    """What every node has before it boots."""
    kube, tag = binaries.kube(version), f"v{pins.kubernetes(version).version}"
    components = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    return [
        pause(),
        *[binary_image(f"{K8S}/{name}:{tag}", kube, name, f"/usr/local/bin/{name}") for name in components],
        kube_proxy(version),
        binary_image(f"{K8S}/etcd:{etcd_tag()}", binaries.etcd(), "etcd", "/usr/local/bin/etcd"),
        binary_image(f"{K8S}/coredns/coredns:{coredns_tag()}", binaries.coredns(), "coredns", "/coredns"),
    ]


def etcd_tag() -> str:
    """Tag of the etcd image, for kubeadm's configuration."""
    return f"{pins.get('etcd', 'version')}-0"


def coredns_tag() -> str:
    """Tag of the CoreDNS image, for kubeadm's configuration."""
    return f"v{pins.get('coredns', 'version')}"


def metallb(part: str, version: str = "") -> Recipe:
    """MetalLB's controller or speaker."""
    version = pins.metallb(version)
    tools = SPEAKER_TOOLS if part == "speaker" else None
    return binary_image(f"quay.io/metallb/{part}:v{version}", binaries.metallb(version), part, f"/{part}", tools)


def frr_k8s(version: str = "") -> Recipe:
    """FRR-K8s; its init containers need a shell and cp."""
    commands, tools = binaries.frr_k8s(version), root.debian_tree("multitool-tree", MULTITOOL_PACKAGES)

    def content(tree: Path, log: Path) -> None:
        run(["tar", "-xf", ensure(tools) / "tree.tar", "-C", tree, "./usr/bin/busybox"], log=log)
        for name in ("sh", "cp"):
            (tree / "usr/bin" / name).symlink_to("busybox")
        (tree / "bin").symlink_to("usr/bin")
        copy_present(ensure(commands), tree, FRR_K8S_COMMANDS)

    reference = f"quay.io/metallb/frr-k8s:v{commands.inputs['version']}"
    spec = Image(reference, entrypoint=["/frr-k8s"])
    return image(spec, content, {"commands": FRR_K8S_COMMANDS}, (commands, tools), (copy_present, copy_binary))


def frr_routing(tag: str) -> Recipe:
    """FRR under the name that MetalLB's manifests give it; whatever the tag, it is Debian's version."""
    packages = frr.debian()

    def content(tree: Path, log: Path) -> None:
        root.unpack(ensure(packages), tree, log)
        frr.prepare(tree, log)

    spec = Image(f"quay.io/frrouting/frr:{tag}", entrypoint=["/sbin/tini", "--"], command=["/usr/lib/frr/docker-start"])
    return image(spec, content, frr.INPUTS, (packages,), frr.CODE, (frr.START,))


def bgp() -> list[Recipe]:
    """What MetalLB's default version needs for BGP by FRR."""
    return [frr_k8s(), *[frr_routing(tag) for tag in pins.load()["frr"]["tags"]]]


def oldest() -> list[Recipe]:
    """MetalLB as Kubespray installs it."""
    return [metallb(part, pins.get("metallb", "oldest")) for part in ("controller", "speaker")]


def myweb() -> Recipe:
    """The seed's web server."""
    source = HERE / "images/myweb.go"

    def content(tree: Path, log: Path) -> None:
        shutil.copy(source, tree / "main.go")
        target = tree / "go-myweb"
        run(
            ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", target, "main.go"],
            log=log,
            cwd=tree,
            env=host.go_environment(),
        )
        (tree / "main.go").unlink()

    return image(Image(MYWEB, entrypoint=["/go-myweb"]), content, {}, files=(source,))


def busybox_links(tree: Path) -> None:
    """The applets that a person would type."""
    for name in ("nslookup", "wget", "ping", "ip", "nc", "vi", "ps", "netstat", "traceroute", "arping", "hostname"):
        if not (tree / "usr/bin" / name).exists():
            (tree / "usr/bin" / name).symlink_to("busybox")
    for name in ("bin/sh", "usr/bin/sh"):
        if not os.path.lexists(tree / name):
            (tree / name).symlink_to("bash")


def multitool() -> Recipe:
    """The seed's tool box: a shell, curl, wget, nslookup; sleeps unless told otherwise."""
    tree_recipe = root.debian_tree("multitool-tree", MULTITOOL_PACKAGES)

    def content(tree: Path, log: Path) -> None:
        root.unpack(ensure(tree_recipe), tree, log)
        busybox_links(tree)

    spec = Image(MULTITOOL, command=["/bin/sh", "-c", "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait; done"])
    return image(spec, content, {}, (tree_recipe,), (busybox_links, root.unpack))


def registry_default(version: str = "") -> list[Recipe]:
    """What the registry holds when a lab comes up."""
    return [metallb("controller", version), metallb("speaker", version), myweb(), multitool()]


def normalise(reference: str) -> str:
    """A full reference; no tag means latest."""
    if not re.fullmatch(r"[\w.-]+(:\d+)?(/[\w.-]+)+(:[\w.-]+)?", reference):
        raise LabError(f"'{reference}' is not an image name.", "Give one such as quay.io/metallb/speaker:v0.16.1.")
    return reference if ":" in reference.rsplit("/", 1)[1] else f"{reference}:latest"


def by_reference(reference: str, kubernetes: str = "") -> Recipe:
    """The recipe of any image that the lab can build."""
    reference = normalise(reference)
    match = re.fullmatch(r"quay\.io/metallb/(controller|speaker):v(\d+\.\d+\.\d+)", reference)
    if match:
        return metallb(match[1], match[2])
    match = re.fullmatch(r"quay\.io/metallb/frr-k8s:v(\d+\.\d+\.\d+)", reference)
    if match:
        return frr_k8s(match[1])
    match = re.fullmatch(r"quay\.io/frrouting/frr:(v?\d+\.\d+\.\d+)", reference)
    if match:
        return frr_routing(match[1])
    known = {MYWEB: myweb, MULTITOOL: multitool}
    if reference in known:
        return known[reference]()
    for recipe in system(kubernetes):
        if recipe.inputs["reference"] == reference:
            return recipe
    raise LabError(
        f"The lab cannot build {reference}.",
        f"It builds quay.io/metallb/{{controller,speaker,frr-k8s}}:vX.Y.Z, quay.io/frrouting/frr:X.Y.Z, {MYWEB}, "
        f"{MULTITOOL} and the cluster's own images.",
    )
