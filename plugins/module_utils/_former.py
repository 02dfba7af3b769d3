# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What was installed before: which release, by whom, what of it must go, and how its speakers are replaced."""

from __future__ import annotations

import copy
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._apply import MANAGED_BY, MANAGER
from ansible_collections.kubeaddons.metallb.plugins.module_utils._managed_fields import LAST_APPLIED
from ansible_collections.kubeaddons.metallb.plugins.module_utils._resources import KINDS, path, reference, some
from ansible_collections.kubeaddons.metallb.plugins.module_utils._rollout import container_of, release_of
from ansible_collections.kubeaddons.metallb.plugins.module_utils._settings import Settings

Object = t.Dict[str, t.Any]

OURS, KUBESPRAY, HELM, OTHER = "this collection", "Kubespray's role", "Helm", "kubectl or the like"
MOST_NAMED = 5

_RBAC = "rbac.authorization.k8s.io/v1"
_EXTENSIONS = "apiextensions.k8s.io/v1"
# What manifests have named that not all of them name, in the order in which it is removed: MetalLB's official ones of every
# release and backend, and those of Kubespray's role (config-watcher is of its time before 0.13).
_FORMER: list[tuple[str, str, str]] = [
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "frr-k8s-validating-webhook-configuration"),
    ("apps/v1", "Deployment", "frr-k8s-statuscleaner frr-k8s-webhook-server"),
    ("apps/v1", "DaemonSet", "frr-k8s-daemon"),
    (
        "v1",
        "Service",
        "webhook-service metallb-webhook-service frr-k8s-webhook-service frr-k8s-metrics-service",
    ),
    ("v1", "Secret", "webhook-server-cert metallb-webhook-cert frr-k8s-webhook-server-cert"),
    ("v1", "ConfigMap", "metallb-excludel2 frr-startup frr-k8s-frr-startup"),
    (_RBAC, "RoleBinding", "config-watcher frr-k8s-daemon-rolebinding frr-k8s-nodestate-cleaner-rolebinding"),
    (_RBAC, "Role", "config-watcher frr-k8s-daemon-role frr-k8s-nodestate-cleaner-role"),
    (
        _RBAC,
        "ClusterRoleBinding",
        "{namespace}:controller {namespace}:speaker frr-k8s-daemon-rolebinding frr-k8s-proxy-rolebinding",
    ),
    (
        _RBAC,
        "ClusterRole",
        "{namespace}:controller {namespace}:speaker frr-k8s-daemon-role frr-k8s-proxy-role frr-k8s-metrics-reader",
    ),
    ("v1", "ServiceAccount", "frr-k8s-daemon"),
    (
        _EXTENSIONS,
        "CustomResourceDefinition",
        "addresspools.metallb.io servicel2statuses.metallb.io servicebgpstatuses.metallb.io "
        "configurationstates.metallb.io frrconfigurations.frrk8s.metallb.io frrk8sconfigurations.frrk8s.metallb.io "
        "frrnodestates.frrk8s.metallb.io bgpsessionstates.frrk8s.metallb.io",
    ),
]
ADDRESS_POOLS = "addresspools.metallb.io"


class Found(t.NamedTuple):
    """A MetalLB that is installed."""

    name: str  # of its controller
    namespace: str
    version: str  # "" where the image does not tell
    made_by: str
    put_back: bool  # it was ours before


class Leavings(t.NamedTuple):
    """What a release leaves behind for the next one."""

    gone: list[Object]
    errors: list[str]
    warnings: list[str]


def found_release(controller: Object) -> Found:
    """Return what a live Deployment of MetalLB's controller tells."""
    meta = controller["metadata"]
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    ours = labels.get(MANAGED_BY) == MANAGER
    pod = controller["spec"]["template"]["spec"]
    # MetalLB's own manifests have no priority class, and Kubespray's role applies its objects by kubectl.
    if LAST_APPLIED in annotations and pod.get("priorityClassName") == "system-cluster-critical":
        made_by = KUBESPRAY
    elif labels.get(MANAGED_BY) == "Helm":
        made_by = HELM
    else:
        made_by = OURS if ours else OTHER
    version = release_of(container_of(pod, "controller"))
    text = ".".join(str(part) for part in version) if version else ""
    return Found(meta["name"], meta["namespace"], text, made_by, ours and made_by == KUBESPRAY)


def takeover(found: t.Sequence[Found], settings: Settings) -> tuple[list[str], list[str]]:
    """Return errors and warnings about what is installed: one in the wrong place, one of other making."""
    errors, warnings = [], []
    for one in found:
        what = "MetalLB {0}".format(one.version) if one.version else "a MetalLB"
        if one.namespace != settings.namespace:
            errors.append(
                'metallb_namespace: "{0}" would be a second MetalLB besides the one in namespace "{1}" ({2}, by {3}); set '
                'metallb_namespace: "{1}", or remove that one.'.format(
                    settings.namespace, one.namespace, what, one.made_by
                )
            )
        elif one.name != "controller":
            errors.append(
                "{0} was installed by {1} as {2}/{3}, and this collection's would be a second one beside it; remove it "
                "first (the pools stay when the custom resource definitions stay).".format(
                    what, one.made_by, one.namespace, one.name
                )
            )
        elif one.put_back:
            warnings.append(
                "Kubespray's role has put {0} back over this collection's; it becomes {1}. Run Kubespray by the playbook "
                "kubeaddons.metallb.kubespray to prevent that.".format(what, settings.version)
            )
        elif one.made_by != OURS:
            warnings.append(
                "{0} was installed by other means ({1}); it becomes {2}.".format(what, one.made_by, settings.version)
            )
    return errors, warnings


def candidates(namespace: str, known: t.Sequence[Object]) -> list[Object]:
    """Return what former releases and other backends may have left, in the order in which it is removed.

    known: the objects of the release, which are not among them.
    """
    wanted = {path(obj) for obj in known}
    found = []
    for version, kind, names in _FORMER:
        for name in names.format(namespace=namespace).split():
            meta = {"name": name, "namespace": namespace} if KINDS[kind][1] else {"name": name}
            obj = {"apiVersion": version, "kind": kind, "metadata": meta}
            if path(obj) not in wanted:
                found.append(obj)
    return found


def of_frr_k8s(obj: Object) -> bool:
    """Return whether an object is one of FRR-K8s's that a cluster has once."""
    name = obj["metadata"]["name"]
    return not KINDS[obj["kind"]][1] and (name.startswith("frr-k8s-") or name.endswith(".frrk8s.metallb.io"))


def leavings(
    live: t.Sequence[Object],
    pools: t.Sequence[Object],
    configurations: t.Sequence[Object],
    daemons: t.Sequence[Object],
    settings: Settings,
) -> Leavings:
    """Return what has to be removed once the release runs.

    live: those of candidates() that are there. pools: all AddressPools. configurations: all FRRConfigurations and
    FRRK8sConfigurations. daemons: the DaemonSets of FRR-K8s in all namespaces.
    """
    errors, warnings = [], []
    kept: set[str] = set()
    if pools:
        errors.append(
            "metallb_version: MetalLB {0} does not know the kind AddressPool any more, and there is {1}; give their ranges in "
            "metallb_ip_range or metallb_config.address_pools and delete them, or stay with 0.13.12.".format(
                settings.version, some([reference(one) for one in pools], MOST_NAMED)
            )
        )
        kept.update(path(obj) for obj in live if obj["metadata"]["name"] == ADDRESS_POOLS)
    foreign = [one for one in configurations if not _of_metallb(one, settings.namespace)]
    elsewhere = {one["metadata"]["namespace"] for one in daemons} - {settings.namespace}
    shared = [obj for obj in live if of_frr_k8s(obj)]
    if elsewhere:
        kept.update(path(obj) for obj in shared)
    elif foreign and shared:
        kept.update(path(obj) for obj in shared if obj["kind"] == "CustomResourceDefinition")
        warnings.append(
            "{0} of other making stays, but FRR-K8s, which is what reads it, is removed with this backend.".format(
                some([reference(one) for one in foreign], MOST_NAMED)
            )
        )
    return Leavings([obj for obj in live if path(obj) not in kept], errors, warnings)


def second_frr_k8s(daemons: t.Sequence[Object], namespace: str) -> list[str]:
    """Return an error when FRR-K8s runs in another namespace already; two would fight for the nodes' ports."""
    others = [reference(one) for one in daemons if one["metadata"]["namespace"] != namespace]
    if not others:
        return []
    return [
        "metallb_bgp_backend: frr-k8s brings an FRR-K8s of its own, and there is {0} already; remove that one, or choose "
        "another backend.".format(some(others, MOST_NAMED))
    ]


def _of_metallb(configuration: Object, namespace: str) -> bool:
    """Return whether MetalLB's speaker has made a configuration of FRR-K8s: one for each node, named after it."""
    meta = configuration["metadata"]
    named = str(meta["name"]).startswith("metallb-") and meta.get("namespace") == namespace
    return named and configuration["kind"] == "FRRConfiguration"


def at_once(live: Object, desired: Object) -> Object | None:
    """Return the desired speaker with all of its pods replaced at once; None where they may go one after the other.

    Speakers with different keys do not hear each other, so that two of them would answer for every address. The strategy
    goes with the new pod template in one request, so that nothing can come between the two.
    """
    if _gossip(live) == _gossip(desired):
        return None
    changed = copy.deepcopy(desired)
    changed["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}}
    return changed


def _gossip(speaker: Object) -> str:
    """Return how the speakers of a DaemonSet encrypt what they tell each other."""
    own = container_of(speaker["spec"]["template"]["spec"], "speaker")
    version = release_of(own)
    if version is None:
        return str(own["image"])
    # Until 0.13.7 the key came in the environment; Kubespray's role still puts it there, where 0.13.9 does not look.
    where = "METALLB_ML_SECRET_KEY_PATH" if version > (0, 13, 7) else "METALLB_ML_SECRET_KEY"
    if not any(variable["name"] == where for variable in own.get("env") or []):
        return "in the open"
    return "AES-128" if version < (0, 14, 0) else "AES-256"
