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

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _yaml
from ansible_collections.kubeaddons.metallb.plugins.module_utils._settings import Component, Settings

Object = t.Dict[str, t.Any]

URL = "https://raw.githubusercontent.com/metallb/metallb/v{version}/config/manifests/{file}"
FILE = "metallb-native.yaml"
# sha256 of config/manifests/metallb-native.yaml of each release.
SUMS = {
    "0.13.9": "acf9490589d58d94df025228b58e4bf22190a3d8e50c53736a30b814302a9f77",
    "0.13.12": "a5e3b65e073ba8236cc36c283fb33260e764977c7e460d6a462347ccaa91683d",
    "0.14.5": "429e36c1306894feaec80aa4d78387192a1d9862c710e241e445019663d6a3a1",
    "0.14.8": "11b5906021fde56040cf10d1bcbaf5c2b7a4206045ebb103915347dfcc533f0e",
    "0.14.9": "951065e85692aa106f1bb5d5a487d9306154923a794ab1d82122881cbaf588e4",
    "0.15.2": "a1b04c376fb39c93265f551fe23716a3ae6e09b790edb3bf257d3fc784c35a18",
    "0.15.3": "84b4e102f2b65f5d69085f5816c29362b74641873d8ac3de996e5f86a8219176",
    "0.16.1": "bf25feebb7582ca7df845efd52ffbc2960d6cbf4cfc972f47fded9f788b67f0b",
    "0.16.2": "e5f7c268f114c446dc60aaad71b7cabf861f637743e033e354d7d48592807c6d",
}
_MANIFEST_NAMESPACE = "metallb-system"


class BadManifest(ValueError):
    """The manifest is not MetalLB's, or not the one that was asked for."""


class Release(t.NamedTuple):
    """What must be there, in the order in which it is applied, and what must not."""

    present: list[Object]
    absent: list[Object]


def check_sum(data: bytes, wanted: str, source: str) -> None:
    """Raise BadManifest when the data is not what the sha256 says."""
    found = hashlib.sha256(data).hexdigest()
    if found != wanted:
        raise BadManifest(
            "{0} has the sha256 {1}, expected {2}; fetch it again, or name the sum of your own copy in "
            "metallb_manifest_sha256".format(source, found, wanted)
        )


def load(data: bytes) -> list[Object]:
    """Return the manifest's documents."""
    try:
        documents = [doc for doc in _yaml.load_all(data) if doc]
    except _yaml.NotYaml as exc:
        raise BadManifest("the manifest is not YAML: {0}".format(exc)) from exc
    kinds = {doc.get("kind") for doc in documents if isinstance(doc, dict)}
    if not {"CustomResourceDefinition", "Deployment", "DaemonSet"} <= kinds:
        raise BadManifest(
            "the manifest holds no Deployment, DaemonSet and CustomResourceDefinition; use {0}".format(FILE)
        )
    return documents


def release(documents: t.Sequence[Object], settings: Settings) -> Release:
    """Return the objects that the settings make of a release's manifest."""
    present, absent = [], []
    for document in documents:
        obj = copy.deepcopy(document)
        _move(obj, settings.namespace)
        component = (obj["metadata"].get("labels") or {}).get("component")
        if obj["kind"] == "Deployment":
            _workload(obj, settings, settings.controller)
        if obj["kind"] == "DaemonSet" and component == "speaker":
            _workload(obj, settings, settings.speaker)
            if not settings.speaker_enabled:
                absent.append(obj)
                continue
        present.append(obj)
    present.sort(
        key=lambda obj: (
            ("Namespace", "CustomResourceDefinition").index(obj["kind"])
            if obj["kind"] in ("Namespace", "CustomResourceDefinition")
            else 2
        )
    )
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


def _workload(obj: Object, settings: Settings, component: Component) -> None:
    pod = obj["spec"]["template"]["spec"]
    container = pod["containers"][0]
    repo, _colon, tag = container["image"].rpartition(":")
    container["image"] = "{0}:{1}".format(component.image_repo or repo, settings.image_tag or tag)
    args = container["args"]
    if settings.log_level:
        args[:] = [arg for arg in args if not arg.startswith("--log-level=")]
        args.append("--log-level=" + settings.log_level)
    if settings.loadbalancer_class:
        args.append("--lb-class=" + settings.loadbalancer_class)
    if settings.metrics_port:
        _metrics_port(obj, container, settings.metrics_port)
    if settings.limits:
        container["resources"] = {"limits": dict(settings.limits)}
    if component.node_selector:
        pod["nodeSelector"] = dict(pod.get("nodeSelector") or {}, **component.node_selector)
    if component.tolerations:
        own = [toleration for toleration in pod.get("tolerations") or [] if toleration not in component.tolerations]
        pod["tolerations"] = own + list(component.tolerations)


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
