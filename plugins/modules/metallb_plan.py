#!/usr/bin/python
# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: metallb_plan
short_description: Read a cluster once and say what the MetalLB settings mean for it
version_added: 0.1.0
description:
  - Turns the inventory's variables into settings, compares them with the live cluster, and returns what cannot work, what
    deserves a warning, and which steps are due.
  - Reads only. Everything is read in one go, so that a run in which nothing is due costs one module.
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.read_only
  - kubeaddons.metallb._attributes.api
  - kubeaddons.metallb._metallb
  - kubeaddons.metallb._metallb.passwords
  - kubeaddons.metallb._metallb.manifest
  - kubernetes.core.k8s_auth_options
options:
  release:
    description:
      - Whether to compare what the settings ask for with what is there, for which the release's manifest is needed, and the
        right to read Secrets in MetalLB's namespace. Without it RV(release_due), RV(config_due) and RV(probes) are empty
        and RV(ready) is false.
    type: bool
    default: true
author:
  - The kubeaddons.metallb authors (@kubeaddons)
seealso:
  - module: kubeaddons.metallb.metallb_release
  - module: kubeaddons.metallb.metallb_config
"""

EXAMPLES = r"""
- name: See what would have to be done
  kubeaddons.metallb.metallb_plan:
    kubeconfig: /etc/kubernetes/admin.conf
    settings:
      metallb_enabled: true
      metallb_ip_range:
        - 192.0.2.240-192.0.2.249
  register: plan

- name: Refuse what cannot work
  ansible.builtin.fail:
    msg: "{{ plan.errors | join('\n') }}"
  when: plan.errors | length > 0
"""

RETURN = r"""
enabled:
  description: Whether MetalLB is wanted at all (V(metallb_enabled)).
  type: bool
  returned: always
  sample: true
namespace:
  description: The namespace that MetalLB lives in.
  type: str
  returned: always
  sample: metallb-system
loadbalancer_class:
  description: The class of Services that MetalLB serves; empty for Services without a class.
  type: str
  returned: always
  sample: ""
backend:
  description: What speaks BGP, V(native), V(frr) or V(frr-k8s).
  type: str
  returned: always
  sample: native
speaker_enabled:
  description: Whether MetalLB's own speaker announces.
  type: bool
  returned: always
  sample: true
errors:
  description: What cannot work, a sentence each, with variable, value, reason and remedy.
  type: list
  elements: str
  returned: always
  sample: []
warnings_found:
  description: What deserves attention, a sentence each.
  type: list
  elements: str
  returned: always
  sample: []
nodes:
  description: The addresses of every Node, by name.
  type: dict
  returned: always
  sample: {node1: [192.0.2.11]}
kube_proxy:
  description: kube-proxy as it is configured, and whether strict ARP has to be switched on.
  type: dict
  returned: always
  contains:
    present:
      description: Whether kube-proxy runs in the cluster.
      type: bool
    mode:
      description: Its mode, V(ipvs), V(iptables) or V(nftables).
      type: str
    strict_arp:
      description: Whether its configuration has strict ARP.
      type: bool
    needed:
      description: Whether strict ARP is needed, that is in mode V(ipvs) with pools announced by layer2.
      type: bool
    due:
      description: Whether the configuration has to be changed.
      type: bool
  sample: {present: true, mode: ipvs, strict_arp: true, needed: true, due: false}
release_due:
  description: Objects of the release that have to be applied or removed.
  type: list
  elements: str
  returned: always
  sample: [Deployment/metallb-system/controller]
config_due:
  description: Pools and advertisements that have to be applied.
  type: list
  elements: str
  returned: always
  sample: [IPAddressPool/metallb-system/loadbalanced]
ready:
  description: Whether controller and speaker are rolled out and the webhook has certificate and endpoint.
  type: bool
  returned: always
  sample: true
probes:
  description:
    - Ranges of addresses that are new to the cluster and should be looked for on the segment.
    - Input of the filter P(kubeaddons.metallb.segment_errors#filter).
  type: list
  elements: dict
  returned: always
  sample: []
"""

import functools
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _cluster,
    _competitors,
    _configuration,
    _converge,
    _install,
    _kube_proxy,
    _kubernetes,
    _manifest,
    _metallb,
    _release,
    _resources,
    _settings,
)

EMPTY: dict[str, t.Any] = {
    "enabled": False,
    "namespace": "",
    "loadbalancer_class": "",
    "backend": "",
    "speaker_enabled": True,
    "errors": [],
    "warnings_found": [],
    "nodes": {},
    "kube_proxy": {"present": False, "mode": "", "strict_arp": False, "needed": False, "due": False},
    "release_due": [],
    "config_due": [],
    "ready": False,
    "probes": [],
}


def outline(outcome: _settings.Outcome) -> dict[str, t.Any]:
    """Return what can be said without a cluster."""
    return {
        **EMPTY,
        "enabled": outcome.settings.enabled,
        "namespace": outcome.settings.namespace,
        "loadbalancer_class": outcome.settings.loadbalancer_class or "",
        "backend": outcome.settings.backend,
        "speaker_enabled": outcome.settings.speaker_enabled,
        "errors": outcome.errors,
        "warnings_found": outcome.warnings,
    }


class Installed(t.NamedTuple):
    """What there is of MetalLB, and what its release needs."""

    live: list[dict[str, t.Any]]
    ready: bool
    release: _install.Plan
    secrets: dict[str, dict[str, t.Any] | None]


def installed(api: _kubernetes.Api, params: dict[str, t.Any], settings: _settings.Settings) -> Installed:
    """Read what there is. Secrets are among it, which the proof alone need not be allowed to read."""
    names = _cluster.secrets_named(settings)
    secret = "/api/v1/namespaces/{0}/secrets/{1}"
    live, ready, release, *secrets = api.gather(
        [
            lambda: _converge.read_set(api, settings.namespace),
            lambda: _metallb.is_ready(api, settings.namespace, settings.speaker_enabled, settings.backend),
            lambda: _install.plan(api, settings, params),
            *[functools.partial(api.get, secret.format(settings.namespace, name)) for name in names],
        ]
    )
    return Installed(live, ready, release, dict(zip(names, secrets)))


def due(there: Installed, settings: _settings.Settings, services: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    """Compare the settings with what there is."""
    config = _cluster.configuration(settings, there.live, services)
    return {
        "errors": [*_cluster.secret_errors(settings, there.secrets), *config.errors, *there.release.errors],
        "warnings_found": [*config.warnings, *there.release.warnings],
        "release_due": [change.name for change in there.release.changes + there.release.later],
        "config_due": [change.name for change in config.changes],
        "ready": there.ready,
        "probes": _cluster.probes(settings, _configuration.live_ranges(there.live), services),
    }


def plan(api: _kubernetes.Api, params: dict[str, t.Any], outcome: _settings.Outcome) -> dict[str, t.Any]:
    settings = outcome.settings
    results = outline(outcome)
    try:
        nodes, services, kubeadm, config_map, daemon_sets, there = api.gather(
            [
                lambda: api.get_list("/api/v1/nodes"),
                lambda: api.get_list("/api/v1/services"),
                lambda: api.get("/api/v1/namespaces/kube-system/configmaps/kubeadm-config"),
                lambda: api.get(_kube_proxy.CONFIG_PATH),
                lambda: api.get_list(_resources.DAEMON_SETS),
                lambda: installed(api, params, settings) if params["release"] else None,
            ]
        )
        kube_proxy = _kube_proxy.parse(config_map) if config_map else None
    except (_kube_proxy.NotUnderstood, _release.BadManifest) as exc:
        results["errors"] = ["{0}.".format(exc)]
        return results
    needed = _cluster.strict_arp_needed(settings, kube_proxy)
    arp_errors, arp_warnings = _cluster.strict_arp_messages(settings, needed)
    paths = _competitors.more_to_read(daemon_sets)
    more = dict(zip(paths, api.gather([functools.partial(api.get_list, one) for one in paths])))
    others = _competitors.judge(daemon_sets, more, settings.pools, _cluster.peer_addresses(settings))
    # Without the release, what concerns it stays as in EMPTY.
    found = due(there, settings, services) if there else {"errors": [], "warnings_found": []}
    strict = kube_proxy is not None and kube_proxy.strict_arp
    return dict(
        {**results, **found},
        errors=[
            *arp_errors,
            *_cluster.pool_errors(settings, _cluster.taken(settings, nodes, services, kubeadm)),
            *others.errors,
            *found["errors"],
        ],
        warnings_found=[
            *outcome.warnings,
            *arp_warnings,
            *_cluster.announcer_warnings(settings, nodes),
            *others.warnings,
            *found["warnings_found"],
        ],
        nodes={node["metadata"]["name"]: _cluster.node_addresses(node) for node in nodes},
        kube_proxy={
            "present": kube_proxy is not None,
            "mode": kube_proxy.mode if kube_proxy else "",
            "strict_arp": strict,
            "needed": needed,
            "due": needed and not strict,
        },
    )


def main() -> None:
    module = AnsibleModule(
        _kubernetes.argument_spec(
            settings={"type": "dict", "required": True},
            passwords={"type": "dict", "default": {}, "no_log": True},
            release={"type": "bool", "default": True},
            **_manifest.OPTIONS,
        ),
        supports_check_mode=True,
    )
    outcome = _settings.normalise(module.params["settings"], module.params["passwords"])
    if outcome.errors or not outcome.settings.enabled:
        module.exit_json(**outline(outcome))

    def main_with_warnings(api: _kubernetes.Api) -> dict[str, t.Any]:
        results = plan(api, module.params, outcome)
        for warning in results["warnings_found"]:
            module.warn(warning)
        return results

    _kubernetes.run(module, main_with_warnings, EMPTY)


if __name__ == "__main__":
    main()
