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

from ansible_collections.kubeaddons.metallb.plugins.module_utils._addresses import AddressRange
from ansible_collections.kubeaddons.metallb.plugins.module_utils._eras import translate
from ansible_collections.kubeaddons.metallb.plugins.module_utils._pools import Layer2, Pool, read_pools
from ansible_collections.kubeaddons.metallb.plugins.module_utils._reader import Reader, label, no_effect

DEFAULT_VERSION = "0.16.1"
# What roles/preflight says where the inventory says nothing, of the variables that have older names.
DEFAULTS = {"metallb_protocol": "layer2", "metallb_version": DEFAULT_VERSION, "metallb_auto_assign": True}
BROKEN_VERSIONS = {"0.16.0": "its probes and its Helm chart are broken and 0.16.1 followed within a week"}
OLDEST_VERSION = (0, 13, 9)

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)\Z")

# Settings of Kubespray's that say something about BGP: refused until this collection configures BGP.
BGP_VARIABLES = ("metallb_peers",)
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
    strict_arp: bool | None  # kube_proxy_strict_arp; None: the inventory does not say
    reserved: list[tuple[AddressRange, str]]  # addresses that no pool may hold, each with what it is
    adopt: bool  # objects of other making are taken over
    reassign_addresses: bool  # addresses in use may leave their pool
    mirrors: dict[str, str]  # registry that the manifests name -> where to pull from
    backend: str = "native"  # what speaks BGP: native, frr or frr-k8s

    def announces(self, pool: str) -> bool:
        """Return whether something announces a pool."""
        return any(pool in one.pools for one in self.layer2)


class Outcome(t.NamedTuple):
    """Settings are complete only when there are no errors."""

    settings: Settings
    errors: list[str]
    warnings: list[str]


def normalise(variables: t.Mapping[str, t.Any]) -> Outcome:
    """Return the settings that a host's variables mean.

    variables: name -> value of every metallb_* variable and of OTHER_VARIABLES where defined, templates resolved.
    """
    variables, renamed = translate(variables, DEFAULTS)
    read = Reader(variables)
    read.warnings.extend(renamed)
    _report_names(read)
    config = read.mapping("metallb_config", variables.get("metallb_config"))
    version = _version(read)
    pools, layer2 = read_pools(read, config, tuple(int(part) for part in version.split(".")))
    enabled = _enabled(read)
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
            resource: str(variables[name])
            for resource, name in (("cpu", "metallb_limits_cpu"), ("memory", "metallb_limits_mem"))
            if read.has(name)
        },
        controller=_component(read, config, "controller"),
        speaker=_component(read, config, "speaker"),
        pools=pools,
        layer2=layer2,
        strict_arp=read.flag("kube_proxy_strict_arp", False) if read.has("kube_proxy_strict_arp") else None,
        reserved=_reserved(read),
        adopt=read.flag("metallb_adopt", False),
        reassign_addresses=read.flag("metallb_reassign_addresses", False),
        mirrors={registry: read.text(name) or registry for registry, name in REGISTRIES.items()},
    )
    if enabled and not pools and not read.errors:
        read.warnings.append(
            "metallb_ip_range: no addresses are given, so every Service of type LoadBalancer will stay <pending>; "
            "add a range of unused addresses of the nodes' network."
        )
    if enabled and settings.speaker_enabled:
        read.warnings.extend(_competitors(read))
    return Outcome(settings, read.errors, read.warnings)


def _enabled(read: Reader) -> bool:
    """Our own switch counts where it says something, else Kubespray's."""
    own = "kubeaddons_metallb_enabled"
    return read.flag(own if read.has(own) else "metallb_enabled", False)


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
        elif name in BGP_VARIABLES:
            read.error(
                name,
                read.variables[name],
                'asks for BGP, which this version cannot configure; remove it and use metallb_protocol: "layer2"',
            )
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


def _port(read: Reader, name: str) -> int | None:
    if not read.has(name):
        return None
    text = str(read.variables[name])
    if text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    read.error(name, read.variables[name], "is not a port; write a number from 1 to 65535")
    return None


def _component(read: Reader, config: dict[str, t.Any], component: str) -> Component:
    origin = "metallb_config." + component
    own = read.mapping(origin, config.get(component))
    for key in own:
        if key not in ("nodeselector", "tolerations"):
            near = difflib.get_close_matches(key, ("nodeselector", "tolerations"), 1)
            read.warnings.append(no_effect("{0}.{1} is not known".format(origin, key), near))
    prefix = "metallb_" + component
    selector = {
        **read.mapping(prefix + "_nodeselector", read.variables.get(prefix + "_nodeselector")),
        **read.mapping(origin + ".nodeselector", own.get("nodeselector")),
    }
    tolerations = [
        *read.listing(prefix + "_tolerations", read.variables.get(prefix + "_tolerations")),
        *read.listing(origin + ".tolerations", own.get("tolerations")),
    ]
    return Component(
        image_repo=read.text(prefix + "_image_repo"),
        node_selector={str(key): label(value) for key, value in selector.items()} or None,
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
        "metallb_verify",
        "metallb_verify_probe",
        "metallb_verify_timeout",
        "metallb_verify_requests",
    }
)
