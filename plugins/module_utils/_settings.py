# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Inventory variables -> settings: what the user wants, in one shape, or one sentence for each thing that cannot be."""

from __future__ import annotations

import difflib
import ipaddress
import re
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _bgp_rules
from ansible_collections.kubeaddons.metallb.plugins.module_utils._addresses import AddressRange, single
from ansible_collections.kubeaddons.metallb.plugins.module_utils._backend import BACKENDS, choose
from ansible_collections.kubeaddons.metallb.plugins.module_utils._bgp import Bgp, read_bgp
from ansible_collections.kubeaddons.metallb.plugins.module_utils._eras import translate
from ansible_collections.kubeaddons.metallb.plugins.module_utils._names import spell
from ansible_collections.kubeaddons.metallb.plugins.module_utils._pools import Layer2, Pool, read_pools
from ansible_collections.kubeaddons.metallb.plugins.module_utils._reader import Reader, no_effect
from ansible_collections.kubeaddons.metallb.plugins.module_utils._secrets import join
from ansible_collections.kubeaddons.metallb.plugins.module_utils._selectors import labels

DEFAULT_VERSION = "0.16.1"
# What roles/preflight says where the inventory says nothing, of the variables that have older names.
DEFAULTS = {"metallb_protocol": "layer2", "metallb_version": DEFAULT_VERSION, "metallb_auto_assign": True}
BROKEN_VERSIONS = {"0.16.0": "its probes and its Helm chart are broken and 0.16.1 followed within a week"}
OLDEST_VERSION = (0, 13, 9)

TOLERATION = ("key", "operator", "value", "effect", "tolerationSeconds")
_QUANTITY = re.compile(r"[0-9]+(\.[0-9]*)?(m|[kMGTPE]|[KMGTPE]i)?\Z")
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)\Z")

# Kubespray's variables that have no effect there either, or only on its own download role.
IGNORED_VARIABLES = {
    "metallb_memberlist_port": "Kubespray only ever changed a container port's label with it; MetalLB listens on 7946",
    "metallb_controller_digest_checksum": "it belongs to Kubespray's download role",
    "metallb_speaker_digest_checksum": "it belongs to Kubespray's download role",
}
# Kubespray's switches of what announces the addresses of Services as well, and what to do about each.
COMPETITORS = {
    "kube_vip_services_enabled": "kube-vip hands out and announces addresses of Services as well",
    "cilium_l2announcements": "Cilium answers ARP for addresses of Services as well",
    "calico_advertise_service_loadbalancer_ips": "Calico announces addresses of Services by BGP as well",
}
# Kubespray's variables for the registries that MetalLB's manifests name.
REGISTRIES = {"quay.io": "quay_image_repo", "gcr.io": "gcr_image_repo"}
# Read from the inventory besides metallb_*.
OTHER_VARIABLES = (
    *COMPETITORS,
    "kube_proxy_strict_arp",
    "kube_pods_subnet",
    "kube_service_addresses",
    "kube_vip_address",
    "loadbalancer_apiserver",
    *REGISTRIES.values(),
)


class Component(t.NamedTuple):
    """What may be chosen for the controller or the speaker; None: as the release's manifest has it."""

    image_repo: str | None
    node_selector: dict[str, str] | None
    tolerations: list[dict[str, t.Any]] | None


class Settings(t.NamedTuple):
    """Everything that the user wants of MetalLB."""

    enabled: bool
    speaker_enabled: bool
    namespace: str
    version: str
    image_tag: str | None
    log_level: str | None
    loadbalancer_class: str | None
    metrics_port: int | None
    limits: dict[str, str]
    controller: Component
    speaker: Component
    pools: list[Pool]
    layer2: list[Layer2]  # what is announced by ARP and NDP
    bgp: Bgp  # what is announced by BGP, and to whom
    backend: str  # MetalLB's BGP backend: native, frr or frr-k8s
    backend_reason: str  # why it is that one, where something says so
    strict_arp: bool | None  # kube_proxy_strict_arp; None: the inventory does not say
    reserved: list[tuple[AddressRange, str]]  # addresses that no pool may hold, each with what it is
    adopt: bool  # objects of other making are taken over
    reassign_addresses: bool  # addresses in use may leave their pool
    mirrors: dict[str, str]  # registry that the manifests name -> where to pull from

    def by_layer2(self, pool: str) -> bool:
        """Return whether a pool is announced by ARP and NDP."""
        return any(pool in one.pools for one in self.layer2)

    def announces(self, pool: str) -> bool:
        """Return whether something announces a pool."""
        return self.by_layer2(pool) or any(pool in one.pools for one in self.bgp.advertisements)


class Outcome(t.NamedTuple):
    """Settings are complete only when there are no errors."""

    settings: Settings
    errors: list[str]
    warnings: list[str]


def normalise(variables: t.Mapping[str, t.Any], passwords: t.Mapping[str, str] | None = None) -> Outcome:
    """Return the settings that a host's variables mean.

    variables: name -> value of every metallb_* variable and of OTHER_VARIABLES where defined, templates resolved.
    passwords: what _secrets.split() took out of them; None where nobody needs them.
    """
    variables, renamed = translate(join(variables, passwords), DEFAULTS)
    variables, spelt = spell(variables)
    read = Reader(variables)
    read.warnings.extend([*renamed, *spelt])
    _report_names(read)
    config = read.mapping("metallb_config", variables.get("metallb_config"))
    version = _version(read)
    found = read_pools(read, config)
    bgp = read_bgp(read, config, found)
    release = tuple(int(part) for part in version.split("."))
    _bgp_rules.needs_of_pools(read, bgp, found.pools, release)
    backend, reason = choose(read, _backend(read), release)
    _bgp_rules.check(read, bgp, found.pools, backend, release)
    enabled = read.flag("kubeaddons_metallb_enabled", read.flag("metallb_enabled", False))
    settings = Settings(
        enabled=enabled,
        speaker_enabled=read.flag("metallb_speaker_enabled", True),
        namespace=read.name("metallb_namespace", read.text("metallb_namespace") or "metallb-system"),
        version=version,
        image_tag=read.text("metallb_image_tag"),
        log_level=_log_level(read),
        loadbalancer_class=read.text("metallb_loadbalancer_class"),
        metrics_port=_port(read, "metallb_port"),
        limits={
            resource: _limit(read, name)
            for resource, name in (("cpu", "metallb_limits_cpu"), ("memory", "metallb_limits_mem"))
            if read.has(name)
        },
        controller=_component(read, config, "controller"),
        speaker=_component(read, config, "speaker"),
        pools=found.pools,
        layer2=found.layer2,
        bgp=bgp,
        backend=backend,
        backend_reason=reason,
        strict_arp=read.flag("kube_proxy_strict_arp", False) if read.has("kube_proxy_strict_arp") else None,
        reserved=[*_reserved(read), *_peers(bgp)],
        adopt=read.flag("metallb_adopt", False),
        reassign_addresses=read.flag("metallb_reassign_addresses", False),
        mirrors={registry: read.text(name) or registry for registry, name in REGISTRIES.items()},
    )
    if enabled and not settings.pools and not read.errors:
        read.warnings.append(
            "metallb_ip_range: no addresses are given, so every Service of type LoadBalancer will stay <pending>; "
            "add a range of unused addresses of the nodes' network."
        )
    if enabled and settings.speaker_enabled:
        read.warnings.extend(_competitors(read))
    read.warnings.extend(_unannounced(settings))
    read.warnings.extend(_about_bgp(settings, config, release))
    return Outcome(settings, read.errors, read.warnings)


def _about_bgp(settings: Settings, config: t.Mapping[str, t.Any], version: tuple[int, ...]) -> list[str]:
    """Return a warning for each thing about BGP that would do nothing."""
    if config.get("layer3") and not settings.bgp.peers:
        return ["metallb_config.layer3 has no metallb_peers, so nothing is announced by BGP; add them, or remove it."]
    if not settings.speaker_enabled:
        return _bgp_rules.without_speaker(settings.bgp)
    return _bgp_rules.remarks(settings.bgp, settings.pools, settings.backend, version)


def _unannounced(settings: Settings) -> list[str]:
    """Return a warning for each pool that nothing announces."""
    return [
        '{0} is announced by nothing, so nobody can reach its addresses; add "{1}" to metallb_config.layer2, or to '
        "address_pool of a peer of metallb_config.layer3.".format(pool.origin, pool.name)
        for pool in settings.pools
        if not settings.announces(pool.name)
    ]


def _competitors(read: Reader) -> list[str]:
    """Return a warning for each other announcer that the inventory switches on."""
    return [
        "{0}: {1}; switch one of the two off, MetalLB's part by metallb_speaker_enabled: false.".format(name, what)
        for name, what in COMPETITORS.items()
        if read.has(name) and str(read.variables[name]).lower() not in ("false", "no", "off")
    ]


def _report_names(read: Reader) -> None:
    known = KNOWN_VARIABLES
    for name in sorted(read.variables):
        if not read.has(name):
            continue
        if name in IGNORED_VARIABLES:
            read.warnings.append("{0} has no effect: {1}.".format(name, IGNORED_VARIABLES[name]))
        elif name == "metallb":
            read.error(
                name,
                read.variables[name],
                "is not a dictionary, which it was in Kubespray before 2.14; write metallb_ip_range, metallb_protocol "
                "and so on",
            )
        elif name not in known and name not in OTHER_VARIABLES:
            # The names begin alike, which makes them look more alike than they are.
            near = difflib.get_close_matches(name, sorted(known), 1, cutoff=0.8)
            read.warnings.append(no_effect("{0} is not a variable of this collection".format(name), near))


def _version(read: Reader) -> str:
    value = read.text("metallb_version") or DEFAULT_VERSION
    match = _VERSION.match(value)
    if match is None:
        read.error("metallb_version", value, 'is not a release of MetalLB; write it as "{0}"'.format(DEFAULT_VERSION))
        return DEFAULT_VERSION
    version = value.lstrip("v")
    if version in BROKEN_VERSIONS:
        read.error(
            "metallb_version",
            value,
            'is refused because {0}; use "{1}"'.format(BROKEN_VERSIONS[version], DEFAULT_VERSION),
        )
    elif tuple(int(part) for part in match.groups()) < OLDEST_VERSION:
        read.error(
            "metallb_version",
            value,
            'is older than 0.13.9, the oldest that is supported; use "{0}"'.format(DEFAULT_VERSION),
        )
    return version


def _log_level(read: Reader) -> str | None:
    if not read.has("metallb_log_level"):
        return None
    return read.choice("metallb_log_level", ("all", "debug", "info", "warn", "error", "none"), "info")


def _backend(read: Reader) -> str:
    if not read.has("metallb_bgp_backend"):
        return ""
    return read.choice("metallb_bgp_backend", tuple(BACKENDS), "")


def _port(read: Reader, name: str) -> int | None:
    if not read.has(name):
        return None
    text = str(read.variables[name])
    if text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    read.error(name, read.variables[name], "is not a port; write a number from 1 to 65535")
    return None


def _limit(read: Reader, name: str) -> str:
    value = read.variables[name]
    if isinstance(value, (str, int, float)) and _QUANTITY.match(str(value)):
        return str(value)
    read.error(name, value, 'is not a quantity of Kubernetes\'s; write it as "100m" or "100Mi"')
    return ""


def _component(read: Reader, config: dict[str, t.Any], component: str) -> Component:
    origin = "metallb_config." + component
    own = read.mapping(origin, config.get(component))
    read.known(origin, own, ("nodeselector", "tolerations"))
    prefix = "metallb_" + component
    selector, tolerations = {}, []
    for path, value in (
        (prefix + "_nodeselector", read.variables.get(prefix + "_nodeselector")),
        (origin + ".nodeselector", own.get("nodeselector")),
    ):
        selector.update(labels(read, path, read.mapping(path, value)))
    for path, value in (
        (prefix + "_tolerations", read.variables.get(prefix + "_tolerations")),
        (origin + ".tolerations", own.get("tolerations")),
    ):
        for index, one in enumerate(read.listing(path, value)):
            where = "{0}[{1}]".format(path, index)
            entry = read.mapping(where, one)
            read.known(where, entry, TOLERATION)
            tolerations.append({key: entry[key] for key in TOLERATION if key in entry})
    return Component(
        image_repo=read.text(prefix + "_image_repo"),
        node_selector=selector or None,
        tolerations=tolerations or None,
    )


def _reserved(read: Reader) -> list[tuple[AddressRange, str]]:
    """Addresses and networks that the inventory names and that a pool must not hold."""
    found = []
    api = read.variables.get("loadbalancer_apiserver")
    candidates = [
        ("kube_pods_subnet", read.variables.get("kube_pods_subnet"), "the pod network"),
        ("kube_service_addresses", read.variables.get("kube_service_addresses"), "the Service network"),
        ("kube_vip_address", read.variables.get("kube_vip_address"), "the address of kube-vip"),
        (
            "loadbalancer_apiserver.address",
            api.get("address") if isinstance(api, dict) else None,
            "the address of the API server",
        ),
    ]
    for name, value, what in candidates:
        if value in (None, ""):
            continue
        try:
            network = ipaddress.ip_network(str(value), strict=False)
        except ValueError:
            continue  # Kubespray's own setting: its preflight judges it
        found.append(
            (
                AddressRange(network.network_address, network.broadcast_address, str(value)),
                "{0} ({1})".format(what, name),
            )
        )
    return found


def _peers(bgp: Bgp) -> list[tuple[AddressRange, str]]:
    """The addresses of BGP peers, which no Service may get either."""
    return [
        (single(peer.spec["peerAddress"]), "the address of a BGP peer ({0})".format(peer.origins["peerAddress"]))
        for peer in bgp.peers
        if "peerAddress" in peer.spec
    ]


KNOWN_VARIABLES = frozenset(
    {
        "kubeaddons_metallb_enabled",
        "metallb_enabled",
        "metallb_speaker_enabled",
        "metallb_namespace",
        "metallb_version",
        "metallb_image_tag",
        "metallb_log_level",
        "metallb_loadbalancer_class",
        "metallb_port",
        "metallb_limits_cpu",
        "metallb_limits_mem",
        "metallb_ip_range",
        "metallb_protocol",
        "metallb_pool_name",
        "metallb_auto_assign",
        "metallb_avoid_buggy_ips",
        "metallb_additional_address_pools",
        "metallb_config",
        "metallb_adopt",
        "metallb_reassign_addresses",
        "metallb_peers",
        "metallb_bgp_backend",
        "metallb_controller_image_repo",
        "metallb_speaker_image_repo",
        "metallb_controller_nodeselector",
        "metallb_speaker_nodeselector",
        "metallb_controller_tolerations",
        "metallb_speaker_tolerations",
        # How the run itself goes; used by the roles, not part of the settings.
        "metallb_api_host",
        "metallb_control_plane",
        "metallb_kubeconfig",
        "metallb_manifest",
        "metallb_manifest_url",
        "metallb_manifest_sha256",
        "metallb_wait_timeout",
        "metallb_probe_addresses",
        "metallb_routers_vtysh",
        "metallb_verify",
        "metallb_verify_probe",
        "metallb_verify_timeout",
        "metallb_verify_report_dir",
        "metallb_verify_requests",
        "metallb_verify_services",
        "metallb_verify_outside_host",
    }
)
