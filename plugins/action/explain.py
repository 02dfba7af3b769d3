# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import yaml
from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _apply,
    _cluster,
    _kubespray,
    _objects,
    _settings,
)


class ActionModule(ActionBase):  # type: ignore[misc]
    """Print what the variables of an inventory mean, without a cluster."""

    def run(self, tmp: object = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the objects, the warnings and what Kubespray's own role would do otherwise; print them."""
        super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(
            {
                "settings": {"type": "dict", "required": True},
                "passwords": {"type": "dict", "default": {}, "no_log": True},
            }
        )
        # As plain data: Ansible's own kinds of text carry where they come from, which YAML cannot write.
        variables = json.loads(json.dumps(args["settings"]))
        settings, errors, notes = _settings.normalise(variables, args["passwords"])
        errors = errors or _cluster.pool_errors(settings, settings.reserved)
        result: dict[str, t.Any] = {
            "changed": False,
            # A Secret shows that it is there, and not what it holds.
            "objects": [] if errors else [_apply.readable(one) for one in _objects.custom_resources(settings)],
            "errors": errors,
            "notes": notes,
            "kubespray": _kubespray.losses(variables),
        }
        self._print(settings, result)
        if errors:
            result.update(failed=True, msg=" ".join(errors))
        return result

    @staticmethod
    def _print(settings: _settings.Settings, result: dict[str, t.Any]) -> None:
        say = Display().display
        say("Settings:\n" + _yaml(_chosen(settings)))
        if not settings.enabled:
            say("MetalLB is switched off (metallb_enabled): a run would do nothing.", color=C.COLOR_WARN)
        for obj in result["objects"]:
            say("---\n" + _yaml(obj))
        for title, sentences, colour in (
            ("Refused:", result["errors"], C.COLOR_ERROR),
            ("Said:", result["notes"], C.COLOR_WARN),
            ("Kubespray's own role would do otherwise:", result["kubespray"], C.COLOR_VERBOSE),
        ):
            if sentences:
                say("\n".join(["", title, *("  " + one for one in sentences)]), color=colour)


def _chosen(settings: _settings.Settings) -> dict[str, t.Any]:
    """Return what is said about the release itself, without what stays as MetalLB has it."""
    names = ("version", "namespace", "speaker_enabled", "image_tag", "log_level", "loadbalancer_class", "metrics_port")
    found = {name: getattr(settings, name) for name in (*names, "limits")}
    if settings.bgp.peers or settings.backend_reason:
        found["bgp_backend"] = settings.backend
        found["bgp_backend_reason"] = settings.backend_reason or None
    for component in ("controller", "speaker"):
        own = getattr(settings, component)._asdict()
        found[component] = {name: value for name, value in own.items() if value is not None}
    return {name: value for name, value in found.items() if value not in (None, {})}


def _yaml(value: t.Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False)).rstrip()
