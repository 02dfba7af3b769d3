# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc]
    """Tell the module which process's end is the end of the run."""

    def run(self, tmp: object = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module."""
        super().run(tmp, task_vars)
        args = dict(self._task.args)
        if self._connection.transport == "local":
            # Each task runs in a child of ansible-playbook.
            args.setdefault("guardian", os.getppid())
        found: dict[str, t.Any] = self._execute_module(
            module_name="kubeaddons.metallb.probe_service", module_args=args, task_vars=task_vars
        )
        return found
