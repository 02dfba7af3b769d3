# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""A control plane's kubeconfig made fit for use from elsewhere."""

from __future__ import annotations

import copy
import ipaddress
import typing as t
from urllib.parse import urlsplit

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _yaml

Object = t.Dict[str, t.Any]

# A name that every kubeadm certificate carries: the address may be one that the certificate does not know.
TLS_NAME = "kubernetes"


class Unusable(ValueError):
    """The kubeconfig cannot be used, with reason and remedy."""


def read_config(data: bytes) -> Object:
    """Return the kubeconfig; raise Unusable when it is none."""
    try:
        config = _yaml.load(data)
    except _yaml.NotYaml as exc:
        raise Unusable("the kubeconfig is not YAML: {0}".format(exc)) from exc
    if not isinstance(config, dict) or not config.get("clusters"):
        raise Unusable("the kubeconfig names no cluster; name another file in metallb_kubeconfig.")
    _cluster(config)
    return config


def server(config: Object) -> str:
    """Return the server of the current context's cluster."""
    return str(_cluster(config)["server"])


def candidates(url: str, addresses: t.Sequence[str]) -> list[str]:
    """Return the URLs to try: the file's own unless it is a loopback address there, then the host's addresses."""
    parts = urlsplit(url)
    found = [] if _loopback(parts.hostname or "") else [url]
    for address in addresses:
        if address and not _loopback(address):
            host = "[{0}]".format(address) if ":" in address else address
            candidate = "{0}://{1}:{2}".format(parts.scheme, host, parts.port or 443)
            if candidate not in found:
                found.append(candidate)
    return found


def with_server(config: Object, url: str) -> Object:
    """Return a copy that talks to url, and still checks the certificate."""
    changed = copy.deepcopy(config)
    cluster = _cluster(changed)
    if cluster["server"] != url:
        cluster["server"] = url
        cluster.setdefault("tls-server-name", TLS_NAME)
    return changed


def _cluster(config: Object) -> Object:
    try:
        contexts = {one["name"]: one["context"] for one in config.get("contexts") or []}
        clusters = {one["name"]: one["cluster"] for one in config["clusters"]}
        context = contexts.get(config.get("current-context"), next(iter(contexts.values()), None))
        cluster: Object = next(iter(clusters.values())) if context is None else clusters[context["cluster"]]
        urlsplit(cluster["server"])
    except (KeyError, TypeError, ValueError) as exc:
        raise Unusable(
            "the kubeconfig's current context names no server; name another file in metallb_kubeconfig."
        ) from exc
    return cluster


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
