# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc]
    """Run the module of the same name; a router that is out of reach has a problem instead of ending the play.

    With any_errors_fatal, ignore_unreachable would not keep the play from ending.
    """

    def run(self, tmp: object = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return what the module returns, with the same keys where it cannot be run."""
        super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(
            {
                "prefixes": {"type": "list", "elements": "str", "default": []},
                "vtysh": {"type": "list", "elements": "str", "default": ["vtysh"]},
            }
        )
        try:
            found: dict[str, t.Any] = self._execute_module(
                module_name="kubeaddons.metallb.frr_info", module_args=args, task_vars=task_vars
            )
        except AnsibleError as exc:
            return _problem(str(exc), args["prefixes"])
        # A module that ran says something of each, also when it did not like its arguments.
        if "problem" not in found:
            text = str(found.get("module_stderr") or found.get("msg") or "the module says nothing")
            return _problem(text, args["prefixes"])
        return found


def _problem(text: str, prefixes: list[str]) -> dict[str, t.Any]:
    return {
        "changed": False,
        "version": "",
        "addresses": [],
        "sessions": [],
        "results": [{"prefix": prefix, "paths": []} for prefix in prefixes],
        "problem": " ".join(text.split()).rstrip(".") + ".",
    }
