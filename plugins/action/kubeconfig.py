# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import os
import socket
import tempfile
import typing as t
from urllib.parse import urlsplit

import yaml
from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.kubeaddons.metallb.plugins.module_utils._kubeconfig import (
    Unusable,
    candidates,
    read_config,
    server,
    with_server,
)

CONNECT_TIMEOUT = 3.0


class ActionModule(ActionBase):  # type: ignore[misc]
    """Bring a control plane's kubeconfig to the Ansible controller."""

    _requires_connection = True

    def run(self, tmp: object = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Read the file on the host, make its server reachable, keep it in a private file until Ansible ends."""
        super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(
            {
                "path": {"type": "path", "default": "/etc/kubernetes/admin.conf"},
                "addresses": {"type": "list", "elements": "str", "default": []},
            }
        )
        slurped = self._execute_module(
            module_name="ansible.legacy.slurp", module_args={"src": args["path"]}, task_vars=task_vars
        )
        if slurped.get("failed"):
            raise AnsibleActionFail(
                "cannot read {0} on {1}: {2} Run with -b, name another file in metallb_kubeconfig, or set "
                "metallb_api_host.".format(
                    args["path"], (task_vars or {}).get("inventory_hostname"), slurped.get("msg")
                )
            )
        try:
            config = read_config(base64.b64decode(slurped["content"]))
            url = _reachable(candidates(server(config), args["addresses"]), args["path"])
        except Unusable as exc:
            raise AnsibleActionFail(str(exc)) from exc
        # Ansible removes this directory when it ends, however it ends.
        handle, name = tempfile.mkstemp(prefix="kubeconfig-", dir=C.DEFAULT_LOCAL_TMP)  # made with mode 0600
        with os.fdopen(handle, "w") as file:
            yaml.safe_dump(with_server(config, url), file)
        return {"changed": False, "path": name, "server": url}


def _reachable(urls: list[str], path: str) -> str:
    """Return the first server that takes a connection."""
    tried = []
    for url in urls:
        parts = urlsplit(url)
        try:
            socket.create_connection((parts.hostname or "", parts.port or 443), timeout=CONNECT_TIMEOUT).close()
            return url
        except OSError as exc:
            tried.append("{0} ({1})".format(url, exc))
    raise Unusable(
        "the API server of {0} cannot be reached from here: {1}. Set metallb_api_host to a host that reaches it and has the "
        "kubernetes Python package, or metallb_kubeconfig to a file that works here.".format(path, "; ".join(tried))
    )
