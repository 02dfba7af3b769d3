# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""MetalLB's official manifest -> the objects that the settings ask for, changed as structures and never as text."""

from __future__ import annotations

import copy
import hashlib
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _resources, _yaml
from ansible_collections.kubeaddons.metallb.plugins.module_utils._backend import NATIVE
from ansible_collections.kubeaddons.metallb.plugins.module_utils._settings import Settings

Object = t.Dict[str, t.Any]

URL = "https://raw.githubusercontent.com/metallb/metallb/v{version}/config/manifests/{file}"
FILE = "metallb-{backend}.yaml"
# sha256 of the manifests in config/manifests of each release, by backend.
SUMS = {
    "0.13.9": {
        "native": "acf9490589d58d94df025228b58e4bf22190a3d8e50c53736a30b814302a9f77",
        "frr": "4e11bf7b245d5f7fb3c40f4014bd10f881ad102426c780032dd74ac7002df105",
    },
    "0.13.12": {
        "native": "a5e3b65e073ba8236cc36c283fb33260e764977c7e460d6a462347ccaa91683d",
        "frr": "2ca860276d2902b1e9ec53a9a70bb90432d3f4a00a6b57dde03bb6c1a8941fc9",
    },
    "0.14.5": {
        "native": "429e36c1306894feaec80aa4d78387192a1d9862c710e241e445019663d6a3a1",
        "frr": "5cae67314abfa8a44b2bfe9831536d06571711b5b0f61ed368695d31c10f9acb",
        "frr-k8s": "64b052d9febe78c02d0b0fc02ed1e2931fe8a0581a9359309d94f62206ec93ad",
    },
    "0.14.8": {
        "native": "11b5906021fde56040cf10d1bcbaf5c2b7a4206045ebb103915347dfcc533f0e",
        "frr": "1dde0b883ac1af3549bc7f49c654d0cb526fb8cd43a5bff51370b7eeddb506d5",
        "frr-k8s": "9aad14411b451417d111ec26e98fa22845fcff0e8737ebaa16de4d9da09fd0b2",
    },
    "0.14.9": {
        "native": "951065e85692aa106f1bb5d5a487d9306154923a794ab1d82122881cbaf588e4",
        "frr": "79ee3c6a65c7040d636ce6a55722cd9df81675213aeef363bd985480ba1d10fd",
        "frr-k8s": "f2084b3221d5459c33b500be32d860662a4a1a707074bbc19c01179e792a43ec",
    },
    "0.15.2": {
        "native": "a1b04c376fb39c93265f551fe23716a3ae6e09b790edb3bf257d3fc784c35a18",
        "frr": "64cae8e2bb5a7e7cb3d8d27894c6ae6db3d677e7b8504f88b2f0dea67d0b89d5",
        "frr-k8s": "267dd45df04499a477840308988b551cd8435b01f55f92443f931b56095ea171",
    },
    "0.15.3": {
        "native": "84b4e102f2b65f5d69085f5816c29362b74641873d8ac3de996e5f86a8219176",
        "frr": "5a0c44ad4059e9912d8af0b12fb035d47a75619e913737f5a2759620e7ab5769",
        "frr-k8s": "eabbcb0f119c6d6e466a663f2bf48623de7f8db85637181c1db3046ac30aeebc",
    },
    "0.16.1": {
        "native": "bf25feebb7582ca7df845efd52ffbc2960d6cbf4cfc972f47fded9f788b67f0b",
        "frr": "2b3574f8a257270117f1ab58c4268c99c56cf3e92f2525e6b88aff0b2208f131",
        "frr-k8s": "19313e5031714cc1489b3b0ed0ae6e58be0e92538b4a5ed9c529c847ef2bac62",
    },
    "0.16.2": {
        "native": "e5f7c268f114c446dc60aaad71b7cabf861f637743e033e354d7d48592807c6d",
        "frr": "0af5658ae8382fc5ada7b6df9d05a0e2c1e13ab2e5f5ff318007b33b51398b5b",
        "frr-k8s": "1b8ef872edea571336d3c2defcd3e09c0118632e44d7603e93763226d12a523b",
    },
}
WORKLOADS = ("Deployment", "DaemonSet")
_MANIFEST_NAMESPACE = "metallb-system"
_LOG_LEVEL = "--log-level="


class BadManifest(ValueError):
    """The manifest is not MetalLB's, or not the one that was asked for."""


class Release(t.NamedTuple):
    """What must be there, in the order in which it is applied, and what must not."""

    present: list[Object]
    absent: list[Object]


def file_name(backend: str) -> str:
    """Return the name of the manifest in MetalLB's repository."""
    return FILE.format(backend=backend)


def check_sum(data: bytes, wanted: str, source: str) -> None:
    """Raise BadManifest when the data is not what the sha256 says."""
    found = hashlib.sha256(data).hexdigest()
    if found != wanted:
        names = [
            " ({0} of MetalLB {1})".format(file_name(backend), version)
            for version, sums in SUMS.items()
            for backend, known in sums.items()
            if known == found
        ]
        raise BadManifest(
            "{0} has the sha256 {1}{2}, expected {3}; fetch it again, or name the sum of your own copy in "
            "metallb_manifest_sha256".format(source, found, "".join(names), wanted)
        )


def load(data: bytes, backend: str) -> list[Object]:
    """Return the documents of a backend's manifest."""
    try:
        documents = [doc for doc in _yaml.load_all(data) if isinstance(doc, dict)]
    except _yaml.NotYaml as exc:
        raise BadManifest("the manifest is not YAML: {0}".format(exc)) from exc
    kinds = {doc.get("kind") for doc in documents}
    if not {"CustomResourceDefinition", "Deployment", "DaemonSet"} <= kinds:
        raise BadManifest(
            "the manifest holds no Deployment, DaemonSet and CustomResourceDefinition; use {0}".format(
                file_name(backend)
            )
        )
    unknown = sorted(str(kind) for kind in kinds - _resources.KINDS.keys())
    if unknown:
        raise BadManifest(
            "the manifest holds objects of kind {0}, which this collection does not handle; use {1}".format(
                ", ".join(unknown), file_name(backend)
            )
        )
    found = _backend_of(documents)
    if found != backend:
        raise BadManifest(
            "the manifest is that of the BGP backend {0}, and {1} is wanted; use {2}, or set metallb_bgp_backend".format(
                found, backend, file_name(backend)
            )
        )
    return documents


def _backend_of(documents: t.Sequence[Object]) -> str:
    """Return the backend that a manifest sets MetalLB up for: it says so to its containers, unless it is native."""
    for workload in documents:
        if workload["kind"] in WORKLOADS:
            for container in workload["spec"]["template"]["spec"]["containers"]:
                for variable in container.get("env") or []:
                    if variable["name"] == "METALLB_BGP_TYPE":
                        return str(variable["value"])
    return NATIVE


def release(documents: t.Sequence[Object], settings: Settings) -> Release:
    """Return the objects that the settings make of a release's manifest."""
    present: list[Object] = []
    absent: list[Object] = []
    for document in documents:
        obj = copy.deepcopy(document)
        _move(obj, settings.namespace)
        if obj["kind"] in WORKLOADS:
            _workload(obj, settings)
        unwanted = obj["kind"] == "DaemonSet" and not settings.speaker_enabled
        (absent if unwanted else present).append(obj)
    first = ("Namespace", "CustomResourceDefinition")
    present.sort(key=lambda obj: first.index(obj["kind"]) if obj["kind"] in first else len(first))
    return Release(present, absent)


def _move(obj: Object, namespace: str) -> None:
    """Put an object of the manifest into another namespace, with all that points there."""
    meta = obj["metadata"]
    if obj["kind"] == "Namespace":
        meta["name"] = namespace
    elif meta.get("namespace") == _MANIFEST_NAMESPACE:
        meta["namespace"] = namespace
    for subject in obj.get("subjects") or []:
        if subject.get("namespace") == _MANIFEST_NAMESPACE:
            subject["namespace"] = namespace
    hooks = [hook.get("clientConfig") for hook in obj.get("webhooks") or []]
    conversion = (obj.get("spec") or {}).get("conversion") or {}
    hooks.append((conversion.get("webhook") or {}).get("clientConfig"))
    for client in hooks:
        if client and client.get("service"):
            client["service"]["namespace"] = namespace
            # The controller puts its own certificate there; applying the manifest's placeholder would undo that.
            client.pop("caBundle", None)


def _workload(obj: Object, settings: Settings) -> None:
    """Change what is common to all workloads; FRR-K8s's go where MetalLB's own of the same kind goes."""
    pod = obj["spec"]["template"]["spec"]
    component = settings.controller if obj["kind"] == "Deployment" else settings.speaker
    for container in [*(pod.get("initContainers") or []), *pod["containers"]]:
        container["image"] = _image(container["image"], settings)
        args = container.get("args") or []
        if settings.log_level and any(arg.startswith(_LOG_LEVEL) for arg in args):
            args[:] = [arg for arg in args if not arg.startswith(_LOG_LEVEL)]
            args.append(_LOG_LEVEL + settings.log_level)
        if container["name"] == (obj["metadata"].get("labels") or {}).get("component"):
            _metallbs_own(obj, container, settings)
    if component.node_selector:
        pod["nodeSelector"] = dict(pod.get("nodeSelector") or {}, **component.node_selector)
    if component.tolerations:
        own = [toleration for toleration in pod.get("tolerations") or [] if toleration not in component.tolerations]
        pod["tolerations"] = own + list(component.tolerations)


def _image(image: str, settings: Settings) -> str:
    """Return where to pull an image from; MetalLB's own two may come from a place and with a tag of their own."""
    repo, _colon, tag = image.rpartition(":")
    registry, _slash, name = repo.partition("/")
    repo = "{0}/{1}".format(settings.mirrors.get(registry, registry), name)
    own = {"metallb/controller": settings.controller, "metallb/speaker": settings.speaker}.get(name)
    if own:
        repo, tag = own.image_repo or repo, settings.image_tag or tag
    return "{0}:{1}".format(repo, tag)


def _metallbs_own(obj: Object, container: Object, settings: Settings) -> None:
    """Change what only controller and speaker have."""
    if settings.loadbalancer_class:
        container["args"].append("--lb-class=" + settings.loadbalancer_class)
    if settings.metrics_port:
        _metrics_port(obj, container, settings.metrics_port)
    if settings.limits:
        container["resources"] = {"limits": dict(settings.limits)}


def _metrics_port(obj: Object, container: Object, port: int) -> None:
    old = next((arg for arg in container["args"] if arg.startswith("--port=")), None)
    if old is None:
        raise BadManifest("the container {0} has no --port argument to change".format(container["name"]))
    number = int(old.partition("=")[2])
    container["args"] = ["--port={0}".format(port) if arg == old else arg for arg in container["args"]]
    for entry in container.get("ports") or []:
        if entry["containerPort"] == number:
            entry["containerPort"] = port
    annotations = obj["spec"]["template"]["metadata"].get("annotations") or {}
    if "prometheus.io/port" in annotations:
        annotations["prometheus.io/port"] = str(port)
