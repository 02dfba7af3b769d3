# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Where the API server keeps the kinds that this collection handles."""

from __future__ import annotations

import typing as t

Object = t.Dict[str, t.Any]

# kind -> (plural, namespaced)
KINDS: dict[str, tuple[str, bool]] = {
    "Namespace": ("namespaces", False),
    "CustomResourceDefinition": ("customresourcedefinitions", False),
    "ServiceAccount": ("serviceaccounts", True),
    "Role": ("roles", True),
    "ClusterRole": ("clusterroles", False),
    "RoleBinding": ("rolebindings", True),
    "ClusterRoleBinding": ("clusterrolebindings", False),
    "ConfigMap": ("configmaps", True),
    "Secret": ("secrets", True),
    "Service": ("services", True),
    "Deployment": ("deployments", True),
    "DaemonSet": ("daemonsets", True),
    "ValidatingWebhookConfiguration": ("validatingwebhookconfigurations", False),
    "Pod": ("pods", True),
    "Event": ("events", True),
    "IPAddressPool": ("ipaddresspools", True),
    "L2Advertisement": ("l2advertisements", True),
    "BFDProfile": ("bfdprofiles", True),
    "Community": ("communities", True),
    "BGPPeer": ("bgppeers", True),
    "BGPAdvertisement": ("bgpadvertisements", True),
}

POOLS = "/apis/metallb.io/v1beta1/namespaces/{namespace}/ipaddresspools"
L2_ADVERTISEMENTS = "/apis/metallb.io/v1beta1/namespaces/{namespace}/l2advertisements"
L2_STATUSES = "/apis/metallb.io/v1beta1/servicel2statuses"
ADDRESS_POOLS = "/apis/metallb.io/v1beta1/addresspools"
DAEMON_SETS = "/apis/apps/v1/daemonsets"
DEPLOYMENTS = "/apis/apps/v1/deployments"
FRR_CONFIGURATIONS = "/apis/frrk8s.metallb.io/v1beta1/namespaces/{namespace}/frrconfigurations"
_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/"
WEBHOOKS = _WEBHOOKS + "metallb-webhook-configuration"
FRR_WEBHOOKS = _WEBHOOKS + "frr-k8s-validating-webhook-configuration"
CONFIGURATION_STATES = "/apis/metallb.io/v1beta1/namespaces/{namespace}/configurationstates"
BGP_ADVERTISEMENTS = "/apis/metallb.io/v1beta1/namespaces/{namespace}/bgpadvertisements"
BGP_PEERS = "/apis/metallb.io/v1beta2/namespaces/{namespace}/bgppeers"
BGP_STATUSES = "/apis/metallb.io/v1beta1/servicebgpstatuses"
BGP_SESSIONS = "/apis/frrk8s.metallb.io/v1beta1/bgpsessionstates"


class UnknownKind(ValueError):
    """An object of a kind that is not in KINDS."""


def reference(obj: Object) -> str:
    """Return "Kind/name" or "Kind/namespace/name", as used in messages and diffs."""
    meta = obj["metadata"]
    return "/".join(part for part in (obj["kind"], meta.get("namespace"), meta["name"]) if part)


def some(names: t.Sequence[str], most: int) -> str:
    """Return the first names in words, and how many more there are."""
    more = len(names) - most
    return ", ".join([*names[:most], *(["and {0} more".format(more)] if more > 0 else [])])


def collection(api_version: str, kind: str, namespace: str = "") -> str:
    """Return the path of the collection that objects of this kind live in."""
    try:
        plural, namespaced = KINDS[kind]
    except KeyError:
        raise UnknownKind("objects of kind {0} ({1}) are not handled here".format(kind, api_version)) from None
    root = "/api/v1" if api_version == "v1" else "/apis/" + api_version
    return "{0}/namespaces/{1}/{2}".format(root, namespace, plural) if namespaced else "{0}/{1}".format(root, plural)


def path(obj: Object) -> str:
    """Return the path of one object."""
    meta = obj["metadata"]
    return "{0}/{1}".format(collection(obj["apiVersion"], obj["kind"], meta.get("namespace", "")), meta["name"])
