# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""kube-proxy's ConfigMap and DaemonSet: what they say, and strict ARP switched on with the least change."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _addresses, _yaml
from ansible_collections.kubeaddons.metallb.plugins.module_utils._rollout import pod_problem

Object = t.Dict[str, t.Any]

CONFIG_PATH = "/api/v1/namespaces/kube-system/configmaps/kube-proxy"
DAEMONSET_PATH = "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"
PODS_PATH = "/api/v1/namespaces/kube-system/pods"
POD_SELECTOR = "k8s-app=kube-proxy"
CONFIG_KEY = "config.conf"
DEFAULT_SYNC_PERIOD = 30.0
METRICS_PORT = 10249

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_STRICT_ARP = re.compile(r"^(\s+strictARP:)[ \t]*\S*[ \t]*$", re.MULTILINE)


class KubeProxy(t.NamedTuple):
    """kube-proxy as it is configured (kubeproxy.config.k8s.io/v1alpha1)."""

    mode: str  # "ipvs", "iptables" or "nftables"
    strict_arp: bool
    scheduler: str
    sync_period: float  # seconds
    node_port_cidrs: list[str]
    exclude_cidrs: list[str]
    metrics: str  # address and port at which each node's own metrics are to be had; "" where it is none
    bind_address: str = ""  # what every node takes for its own address; "": the Node's, as the API has it


class NotUnderstood(ValueError):
    """The ConfigMap holds something else than kube-proxy's configuration."""


def parse(config_map: Object) -> KubeProxy:
    """Return what the ConfigMap kube-system/kube-proxy says; raise NotUnderstood."""
    config = _load(config_map)
    ipvs = config.get("ipvs") or {}
    mode = config.get("mode") or "iptables"  # the default on Linux
    # Without a scheduler kube-proxy takes round robin.
    return KubeProxy(
        mode=mode,
        strict_arp=bool(ipvs.get("strictARP")),
        scheduler=ipvs.get("scheduler") or "rr",
        sync_period=seconds((config.get(mode) or {}).get("syncPeriod")) or DEFAULT_SYNC_PERIOD,
        node_port_cidrs=config.get("nodePortAddresses") or [],
        exclude_cidrs=ipvs.get("excludeCIDRs") or [],
        metrics=_metrics(config),
        bind_address=_bind_address(config),
    )


def _bind_address(config: Object) -> str:
    text = str(config.get("bindAddress") or "")
    return text if _addresses.is_address(text) and not ipaddress.ip_address(text).is_unspecified else ""


def _metrics(config: Object) -> str:
    """Return where kube-proxy serves its metrics, seen from the node itself (SetDefaults_KubeProxyConfiguration)."""
    text = str(config.get("metricsBindAddress") or "")
    if not text:
        text = "::1" if ":" in str(config.get("bindAddress") or "") else "127.0.0.1"
    host, port = text, str(METRICS_PORT)
    if not _addresses.is_address(text):
        host, _dummy, port = text.rpartition(":")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        if not _addresses.is_address(host) or not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
            return ""
    if host in ("0.0.0.0", "::"):
        # Go listens in both families for either, and not every node has ::1.
        host = "127.0.0.1"
    return ("[{0}]:{1}" if ":" in host else "{0}:{1}").format(host, port)


def with_strict_arp(config_map: Object) -> str:
    """Return the text of config.conf with strict ARP on and all else as it was."""
    wanted = _load(config_map)
    wanted.setdefault("ipvs", {})
    if wanted["ipvs"] is None:
        wanted["ipvs"] = {}
    wanted["ipvs"]["strictARP"] = True
    text: str = config_map["data"][CONFIG_KEY]
    edited = _STRICT_ARP.sub(r"\1 true", text, count=1)
    if _yaml.load(edited) == wanted:
        return edited
    return _yaml.dump(wanted)


def seconds(duration: object) -> float:
    """Return a Go duration such as "1m30s" in seconds; 0 for none."""
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(str(duration or "")))


def _load(config_map: Object) -> Object:
    try:
        config = _yaml.load(config_map["data"][CONFIG_KEY])
    except (KeyError, TypeError, _yaml.NotYaml) as exc:
        raise NotUnderstood(
            "ConfigMap kube-system/kube-proxy has no readable {0}: {1}".format(CONFIG_KEY, exc)
        ) from exc
    if not isinstance(config, dict):
        raise NotUnderstood("ConfigMap kube-system/kube-proxy: {0} is not a mapping".format(CONFIG_KEY))
    if not isinstance(config.get("mode") or "", str):
        raise NotUnderstood("ConfigMap kube-system/kube-proxy: mode of {0} is no text".format(CONFIG_KEY))
    for mode in ("ipvs", "iptables", "nftables"):
        if not isinstance(config.get(mode) or {}, dict):
            raise NotUnderstood(
                "ConfigMap kube-system/kube-proxy: {0} of {1} is not a mapping".format(mode, CONFIG_KEY)
            )
    return config


def problems(nodes: t.Sequence[Object], pods: t.Sequence[Object]) -> dict[str, str]:
    """Return Node -> why kube-proxy does not run there. pods: those of kube-proxy."""
    found = {node["metadata"]["name"]: "there is no pod of kube-proxy on it" for node in nodes}
    for pod in pods:
        problem = pod_problem(pod, [])
        node = pod["spec"].get("nodeName") or ""
        found[node] = "pod {0}: {1}".format(pod["metadata"]["name"], problem) if problem else ""
    return {node: problem for node, problem in found.items() if node and problem}
