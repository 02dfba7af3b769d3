# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Inventory variables -> settings: what the user wants, in one shape, or one sentence for each thing that cannot be."""

from __future__ import annotations

import difflib
import ipaddress
import json
import re
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._addresses import AddressRange, parse_range
from ansible_collections.kubeaddons.metallb.plugins.module_utils._eras import EMPTY, translate

DEFAULT_VERSION = "0.16.1"
DEFAULT_POOL = "loadbalanced"  # the name that Kubespray gives to the pool of metallb_ip_range
# What roles/preflight says where the inventory says nothing, of the variables that have older names.
DEFAULTS = {"metallb_protocol": "layer2", "metallb_version": DEFAULT_VERSION, "metallb_auto_assign": True}
BROKEN_VERSIONS = {"0.16.0": "its probes and its Helm chart are broken and 0.16.1 followed within a week"}
OLDEST_VERSION = (0, 13, 9)

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)\Z")

# Settings of Kubespray's that say something about BGP: refused until this collection configures BGP.
BGP_VARIABLES = ("metallb_peers",)
# Kubespray's variables that have no effect there either, or only on its own download role.
IGNORED_VARIABLES = {
    "metallb_memberlist_port": "Kubespray only ever changed a container port's label with it; MetalLB listens on 7946",
    "metallb_controller_digest_checksum": "it belongs to Kubespray's download role",
    "metallb_speaker_digest_checksum": "it belongs to Kubespray's download role",
}
# Read from the inventory besides metallb_*.
OTHER_VARIABLES = (
    "kube_proxy_strict_arp",
    "kube_pods_subnet",
    "kube_service_addresses",
    "kube_vip_address",
    "loadbalancer_apiserver",
    "quay_image_repo",
)


class Pool(t.NamedTuple):
    """One IPAddressPool."""

    name: str
    ranges: list[AddressRange]
    auto_assign: bool
    avoid_buggy_ips: bool
    origin: str  # the variable that it comes from, for messages


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
    layer2: list[str]  # names of the pools that are announced by ARP and NDP
    strict_arp: bool | None  # kube_proxy_strict_arp; None: the inventory does not say
    reserved: list[tuple[AddressRange, str]]  # addresses that no pool may hold, each with what it is


class Outcome(t.NamedTuple):
    """Settings are complete only when there are no errors."""

    settings: Settings
    errors: list[str]
    warnings: list[str]


class _Reader:
    """Takes values out of the variables by type and keeps a sentence for each that has the wrong one."""

    def __init__(self, variables: t.Mapping[str, t.Any]) -> None:
        self.variables = variables
        self.errors: list[str] = []
        self.warnings: list[str] = []

    def error(self, name: str, value: object, rest: str) -> None:
        """Keep an error: name, value, then the reason and the remedy."""
        sentence = _sentence("{0}: {1} {2}".format(name, _shown(value), rest))
        if sentence not in self.errors:  # a variable may be read more than once
            self.errors.append(sentence)

    def has(self, name: str) -> bool:
        """Return whether the variable says something; null and what is empty say nothing."""
        return self.variables.get(name) not in EMPTY

    def flag(self, name: str, default: bool) -> bool:
        value = self.variables.get(name)
        return self.as_flag(name, value, default) if self.has(name) else default

    def as_flag(self, name: str, value: object, default: bool) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "yes", "on"):
            return True
        if isinstance(value, str) and value.lower() in ("false", "no", "off"):
            return False
        self.error(name, value, "is not a truth value; write true or false")
        return default

    def text(self, name: str) -> str | None:
        if not self.has(name):
            return None
        value = self.variables[name]
        if isinstance(value, str):
            return value
        self.error(name, value, "is not text; write it in quotes")
        return None

    def choice(self, name: str, choices: t.Sequence[str], default: str) -> str:
        value = self.variables.get(name) if self.has(name) else default
        if value in choices:
            return str(value)
        near = difflib.get_close_matches(str(value), choices, 1)
        self.error(
            name,
            value,
            "is not known; {0}".format(
                'did you mean "{0}"?'.format(near[0]) if near else "choose one of {0}".format(", ".join(choices))
            ),
        )
        return default

    def mapping(self, name: str, value: object) -> dict[str, t.Any]:
        if value in EMPTY:
            return {}
        if isinstance(value, dict):
            return value
        self.error(name, value, 'is not a mapping; write it as "key: value" lines below {0}'.format(name))
        return {}

    def listing(self, name: str, value: object) -> list[t.Any]:
        if value in EMPTY:
            return []
        if isinstance(value, list):
            return value
        self.error(name, value, 'is not a list; write it as "- value" lines below {0}'.format(name))
        return []


def normalise(variables: t.Mapping[str, t.Any]) -> Outcome:
    """Return the settings that a host's variables mean.

    variables: name -> value of every metallb_* variable and of OTHER_VARIABLES where defined, templates resolved.
    """
    variables, renamed = translate(variables, DEFAULTS)
    read = _Reader(variables)
    read.warnings.extend(renamed)
    _report_names(read)
    config = read.mapping("metallb_config", variables.get("metallb_config"))
    pools, layer2 = _pools(read, config)
    enabled = read.flag("metallb_enabled", False)
    settings = Settings(
        enabled=enabled,
        speaker_enabled=read.flag("metallb_speaker_enabled", True),
        namespace=_name(read, "metallb_namespace", read.text("metallb_namespace") or "metallb-system"),
        version=_version(read),
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
    )
    if enabled and not pools and not read.errors:
        read.warnings.append(
            "metallb_ip_range: no addresses are given, so every Service of type LoadBalancer will stay <pending>; "
            "add a range of unused addresses of the nodes' network."
        )
    return Outcome(settings, read.errors, read.warnings)


def _report_names(read: _Reader) -> None:
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
            read.warnings.append(_no_effect("{0} is not a variable of this collection".format(name), near))


def _pools(read: _Reader, config: dict[str, t.Any]) -> tuple[list[Pool], list[str]]:
    for key in config:
        if key not in ("address_pools", "layer2", "controller", "speaker", "layer3"):
            near = difflib.get_close_matches(key, ("address_pools", "layer2", "controller", "speaker"), 1)
            read.warnings.append(_no_effect("metallb_config.{0} is not known".format(key), near))
    if config.get("layer3"):
        read.error(
            "metallb_config.layer3",
            config["layer3"],
            "asks for BGP, which this version cannot configure; remove it and list the pools in metallb_config.layer2",
        )
    _layer2_only(read, "metallb_protocol", read.variables.get("metallb_protocol"))
    if config.get("address_pools"):
        for name in ("metallb_ip_range", "metallb_additional_address_pools"):
            if read.has(name):
                read.warnings.append(
                    "{0} has no effect beside metallb_config.address_pools; move its addresses there.".format(name)
                )
        return _config_pools(read, config)
    if config.get("layer2"):
        read.error(
            "metallb_config.layer2",
            config["layer2"],
            "names pools, and metallb_config.address_pools has none; add them there, or remove metallb_config.layer2: "
            "pools of metallb_ip_range are announced anyway",
        )
    return _flat_pools(read)


def _config_pools(read: _Reader, config: dict[str, t.Any]) -> tuple[list[Pool], list[str]]:
    origin = "metallb_config.address_pools"
    pools = [
        _pool(read, "{0}.{1}".format(origin, name), str(name), entry)
        for name, entry in read.mapping(origin, config["address_pools"]).items()
    ]
    layer2 = []
    for index, name in enumerate(read.listing("metallb_config.layer2", config.get("layer2"))):
        if name not in [pool.name for pool in pools]:
            read.error(
                "metallb_config.layer2[{0}]".format(index),
                name,
                "is not a pool of metallb_config.address_pools; add the pool or remove the line",
            )
        elif name not in layer2:
            layer2.append(str(name))
    for pool in pools:
        if pool.name not in layer2:
            read.warnings.append(
                '{0} is announced by nothing, so nobody can reach its addresses; add "{1}" to '
                "metallb_config.layer2.".format(pool.origin, pool.name)
            )
    return pools, layer2


def _flat_pools(read: _Reader) -> tuple[list[Pool], list[str]]:
    pools = []
    if read.has("metallb_ip_range"):
        entry = {
            "ip_range": read.variables["metallb_ip_range"],
            "auto_assign": read.variables.get("metallb_auto_assign"),
            "avoid_buggy_ips": read.variables.get("metallb_avoid_buggy_ips"),
        }
        pools.append(_pool(read, "metallb_ip_range", read.text("metallb_pool_name") or DEFAULT_POOL, entry))
    extra = "metallb_additional_address_pools"
    for name, value in read.mapping(extra, read.variables.get(extra)).items():
        origin = "{0}.{1}".format(extra, name)
        if name in [pool.name for pool in pools]:
            read.error(
                origin, name, "is also the name of the pool of metallb_ip_range; give each pool a name of its own"
            )
        pools.append(_pool(read, origin, str(name), value))
        if isinstance(value, dict):
            _layer2_only(read, origin + ".protocol", value.get("protocol"))
    return pools, [pool.name for pool in pools]


def _layer2_only(read: _Reader, name: str, value: object) -> None:
    if value == "bgp":
        read.error(name, value, 'cannot be configured by this version; use "layer2"')
    elif value not in (None, "", "layer2"):
        read.error(name, value, 'is not a protocol of MetalLB\'s; use "layer2"')


def _pool(read: _Reader, origin: str, name: str, value: object) -> Pool:
    entry = read.mapping(origin, value)
    flat = origin == "metallb_ip_range"
    ranges_name = origin if flat else origin + ".ip_range"
    for key in entry:
        if key not in ("ip_range", "auto_assign", "avoid_buggy_ips", "protocol"):
            read.warnings.append("{0}.{1} is not known and has no effect.".format(origin, key))

    def flag(key: str, default: bool) -> bool:
        given = entry.get(key)
        return (
            default
            if given in EMPTY
            else read.as_flag("metallb_" + key if flat else origin + "." + key, given, default)
        )

    return Pool(
        name=_name(read, "metallb_pool_name" if flat else origin, name),
        ranges=_ranges(read, ranges_name, entry.get("ip_range")) if entry or value in EMPTY else [],
        auto_assign=flag("auto_assign", True),
        avoid_buggy_ips=flag("avoid_buggy_ips", False),
        origin=ranges_name,
    )


def _ranges(read: _Reader, name: str, value: object) -> list[AddressRange]:
    if value in EMPTY:
        read.error(name, value, 'holds no addresses; add a range such as "192.0.2.10-192.0.2.20"')
    found = []
    for index, text in enumerate([value] if isinstance(value, str) and value else read.listing(name, value)):
        try:
            found.append(parse_range(text))
        except ValueError as exc:
            read.error(name if isinstance(value, str) else "{0}[{1}]".format(name, index), text, str(exc))
    return found


def _name(read: _Reader, variable: str, name: str) -> str:
    if not _NAME.match(name) or len(name) > 253:
        read.error(variable, name, 'cannot name a Kubernetes object; use lower-case letters, digits and "-"')
    return name


def _version(read: _Reader) -> str:
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


def _log_level(read: _Reader) -> str | None:
    if not read.has("metallb_log_level"):
        return None
    return read.choice("metallb_log_level", ("all", "debug", "info", "warn", "error", "none"), "info")


def _port(read: _Reader, name: str) -> int | None:
    if not read.has(name):
        return None
    text = str(read.variables[name])
    if text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    read.error(name, read.variables[name], "is not a port; write a number from 1 to 65535")
    return None


def _component(read: _Reader, config: dict[str, t.Any], component: str) -> Component:
    origin = "metallb_config." + component
    own = read.mapping(origin, config.get(component))
    for key in own:
        if key not in ("nodeselector", "tolerations"):
            near = difflib.get_close_matches(key, ("nodeselector", "tolerations"), 1)
            read.warnings.append(_no_effect("{0}.{1} is not known".format(origin, key), near))
    prefix = "metallb_" + component
    selector = {
        **read.mapping(prefix + "_nodeselector", read.variables.get(prefix + "_nodeselector")),
        **read.mapping(origin + ".nodeselector", own.get("nodeselector")),
    }
    tolerations = [
        *read.listing(prefix + "_tolerations", read.variables.get(prefix + "_tolerations")),
        *read.listing(origin + ".tolerations", own.get("tolerations")),
    ]
    repo = read.text(prefix + "_image_repo")
    quay = read.text("quay_image_repo")
    return Component(
        image_repo=repo or ("{0}/metallb/{1}".format(quay, component) if quay else None),
        node_selector={str(key): _label(value) for key, value in selector.items()} or None,
        tolerations=tolerations or None,
    )


def _reserved(read: _Reader) -> list[tuple[AddressRange, str]]:
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


def _label(value: object) -> str:
    """Return a label's value; what YAML takes for a truth value was meant as a text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _no_effect(what: str, near: t.Sequence[str]) -> str:
    return _sentence("{0} and has no effect{1}".format(what, "; did you mean {0}?".format(near[0]) if near else ""))


def _sentence(text: str) -> str:
    return text if text.endswith("?") else text + "."


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


KNOWN_VARIABLES = frozenset(
    {
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
