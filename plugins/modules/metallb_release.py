#!/usr/bin/python
# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: metallb_release
short_description: Install a release of MetalLB
version_added: 0.1.0
description:
  - Applies controller, speaker, custom resource definitions and all that belongs to them from MetalLB's official manifest,
    changed as the settings say. The manifest is checked against its sum.
  - Objects are applied by server-side apply, only where they differ from the live ones. Fields that kubectl or Helm have
    written into them are taken over, so that those which the release does not have go.
  - Objects that another release or another BGP backend has left behind are removed. The namespace never is.
  - Where speakers of before and of now could not talk to each other, all of them are replaced at once.
  - Does not wait for the roll-out; M(kubeaddons.metallb.wait_for_metallb) does.
options:
  cleanup:
    description:
      - Whether to remove what another release or backend has left behind. V(false) leaves it for another call, once the
        release is rolled out and nothing needs it any more; RV(remaining) says whether that is due.
    type: bool
    default: true
  speakers:
    description:
      - Whether to change the speakers, too. V(false) leaves them as they are for another call; RV(remaining) names their
        DaemonSet where that is due.
      - With FRR-K8s, speakers create configurations that its webhook has to admit. They try again at ever greater
        distances, so it should serve before they start.
    type: bool
    default: true
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.api
  - kubeaddons.metallb._metallb
  - kubeaddons.metallb._metallb.manifest
  - kubernetes.core.k8s_auth_options
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Schemas of custom resource definitions are shown by their digest, contents of Secrets not at all.
  idempotent:
    support: full
author:
  - The kubeaddons.metallb authors (@kubeaddons)
seealso:
  - module: kubeaddons.metallb.metallb_config
  - module: kubeaddons.metallb.wait_for_metallb
"""

EXAMPLES = r"""
- name: Install MetalLB from a local copy of the manifest
  kubeaddons.metallb.metallb_release:
    kubeconfig: /etc/kubernetes/admin.conf
    manifest: /srv/mirror/metallb-native-0.16.1.yaml
    settings:
      metallb_enabled: true
      metallb_version: 0.16.1
"""

RETURN = r"""
objects:
  description: The objects that were applied or removed, or would be.
  type: list
  elements: str
  returned: always
  sample: [Deployment/metallb-system/controller]
remaining:
  description: Objects that another call has to bring to their final state, once the release is rolled out.
  type: list
  elements: str
  returned: always
  sample: [Service/metallb-system/webhook-service]
version:
  description: The release of MetalLB.
  type: str
  returned: always
  sample: 0.16.1
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _converge,
    _install,
    _kubernetes,
    _manifest,
    _release,
    _settings,
    _wait,
)

EMPTY: dict[str, t.Any] = {"objects": [], "remaining": [], "version": "", "changed": False}


def apply(api: _kubernetes.Api, module: AnsibleModule) -> dict[str, t.Any]:
    settings, errors, _warnings = _settings.normalise(module.params["settings"])
    if errors:
        return {"failed": True, "msg": " ".join(errors), "version": settings.version}
    try:
        plan = _install.plan(api, settings, module.params)
    except _release.BadManifest as exc:
        return {"failed": True, "msg": "{0}.".format(exc), "version": settings.version}
    if plan.errors:
        return {"failed": True, "msg": " ".join(plan.errors), "version": settings.version}
    cleanup = module.params["cleanup"]
    held = [] if module.params["speakers"] else [change for change in plan.changes if _install.of_speakers(change)]
    changes = [change for change in plan.changes if change not in held] + (plan.later if cleanup else [])
    remaining = [change.name for change in held] + plan.passing + ([] if cleanup else [one.name for one in plan.later])
    done = _converge.converge(api, changes, module.check_mode, _wait.Waiter(timeout=0))
    return {
        "changed": bool(done.names),
        "objects": done.names,
        "remaining": list(dict.fromkeys(remaining)),
        "version": settings.version,
        "diff": done.diffs,
    }


def main() -> None:
    module = AnsibleModule(
        _kubernetes.argument_spec(
            settings={"type": "dict", "required": True},
            cleanup={"type": "bool", "default": True},
            speakers={"type": "bool", "default": True},
            **_manifest.OPTIONS,
        ),
        supports_check_mode=True,
    )
    _kubernetes.run(module, lambda api: apply(api, module), EMPTY)


if __name__ == "__main__":
    main()
