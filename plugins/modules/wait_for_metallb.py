#!/usr/bin/python
# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wait_for_metallb
short_description: Wait until MetalLB is rolled out and its webhook serves
version_added: 0.1.0
description:
  - Waits for the Deployment of the controller, the DaemonSet of the speaker, and the webhook, each found by its labels, and
    for those of FRR-K8s where that speaks BGP.
  - The webhook counts as serving when the API server got an answer from it to a server-side dry run. Since MetalLB 0.16 a
    ready controller does not imply that.
  - While something is missing it says what and why, such as an image that cannot be pulled on one node. In a playbook the
    wait is shown as it goes on.
extends_documentation_fragment:
  - kubeaddons.metallb._attributes
  - kubeaddons.metallb._attributes.read_only
  - kubeaddons.metallb._attributes.api
  - kubeaddons.metallb._metallb.namespace
  - kubernetes.core.k8s_auth_options
options:
  speaker:
    description:
      - Whether a speaker is expected.
    type: bool
    default: true
  backend:
    description:
      - What speaks BGP. With V(frr-k8s) its own workloads and webhook are waited for as well.
    type: str
    choices: [native, frr, frr-k8s]
    default: native
  timeout:
    description:
      - Seconds to wait; V(0) looks once.
    type: int
    default: 600
author:
  - The kubeaddons.metallb authors (@kubeaddons)
"""

EXAMPLES = r"""
- name: Wait until pools can be applied
  kubeaddons.metallb.wait_for_metallb:
    kubeconfig: /etc/kubernetes/admin.conf
    timeout: 300
"""

RETURN = r"""
done:
  description: Whether everything is ready.
  type: bool
  returned: always
  sample: true
parts:
  description: How far each part has come.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: The part.
      type: str
    done:
      description: Whether it is ready.
      type: bool
    status:
      description: How far it is.
      type: str
    reasons:
      description: Why it is not ready, a sentence each.
      type: list
      elements: str
    nodes:
      description: The nodes of its pods that are not ready, and an empty name for what is on none.
      type: list
      elements: str
  sample:
    - name: DaemonSet/metallb-system/speaker
      done: false
      status: 2 of 3 ready
      reasons:
        - "pod speaker-x7k2p on node3: ImagePullBackOff for image quay.io/metallb/speaker:v0.16.1 (Back-off pulling image)"
      nodes: [node3]
check_count:
  description: How often the cluster was looked at.
  type: int
  returned: always
  sample: 1
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _backend,
    _kubernetes,
    _metallb,
    _rollout,
    _wait,
)

EMPTY: dict[str, t.Any] = {"done": False, "parts": [], "check_count": 0, "changed": False}


def look(api: _kubernetes.Api, namespace: str, speaker: bool, backend: str) -> list[_rollout.Progress]:
    """Return the parts; a control plane that is away while everything starts is one that is not ready."""
    try:
        return [
            *_metallb.progress(api, namespace, speaker, backend),
            *_metallb.webhooks(api, namespace, backend, ask=True),
        ]
    except _kubernetes.ApiError as exc:
        # An API server that has just started forbids everything until it has read its roles; preflight has read with the
        # same credentials a moment ago.
        if not exc.away and exc.status != 403:
            raise
        return [_rollout.Progress("Kubernetes API", False, "away", [exc.text])]


def wait(api: _kubernetes.Api, params: dict[str, t.Any], waiter: _wait.Waiter) -> dict[str, t.Any]:
    while True:
        parts = look(api, params["metallb_namespace"], params["speaker"], params["backend"])
        results: dict[str, t.Any] = {
            "done": all(part.done for part in parts),
            "parts": [part.told() for part in parts],
            "check_count": waiter.tries,
        }
        if results["done"]:
            return results
        if not waiter.again():
            return dict(results, failed=True, msg=timeout_message(parts, params["timeout"]))


def timeout_message(parts: list[_rollout.Progress], timeout: int) -> str:
    lacking = [
        "{0} ({1}): {2}".format(part.name, part.status, "; ".join(part.reasons) or "no reason is known")
        for part in parts
        if not part.done
    ]
    return "MetalLB was not ready after {0} s. {1}".format(timeout, " ".join(lacking))


def main() -> None:
    module = AnsibleModule(
        _kubernetes.argument_spec(
            metallb_namespace={"type": "str", "default": "metallb-system"},
            speaker={"type": "bool", "default": True},
            backend={"type": "str", "default": "native", "choices": list(_backend.BACKENDS)},
            timeout={"type": "int", "default": 600},
        ),
        supports_check_mode=True,
    )
    waiter = _wait.Waiter(timeout=module.params["timeout"])
    _kubernetes.run(module, lambda api: wait(api, module.params, waiter), EMPTY)


if __name__ == "__main__":
    main()
