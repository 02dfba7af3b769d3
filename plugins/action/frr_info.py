# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

EMPTY: dict[str, t.Any] = {"version": "", "addresses": [], "sessions": [], "results": []}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Run the module of the same name; a router that is out of reach has a problem instead of ending the play.

    With any_errors_fatal, ignore_unreachable would not keep the play from ending.
    """

    def run(self, tmp: object = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return what the module returns, with the same keys where it cannot be run."""
        super().run(tmp, task_vars)
        try:
            found: dict[str, t.Any] = self._execute_module(
                module_name="kubeaddons.metallb.frr_info", module_args=self._task.args, task_vars=task_vars
            )
        except AnsibleError as exc:
            return self._problem(str(exc))
        # A module that ran tells its arguments, also when it did not like them.
        if found.get("failed") and "invocation" not in found:
            return self._problem(str(found.get("module_stderr") or found.get("msg") or "it says nothing"))
        return found

    def _problem(self, text: str) -> dict[str, t.Any]:
        results = [{"prefix": prefix, "paths": []} for prefix in self._task.args.get("prefixes") or []]
        words = " ".join(text.split()).rstrip(".")
        return {"changed": False, **EMPTY, "results": results, "problem": words + "."}
