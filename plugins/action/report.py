# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.kubeaddons.metallb.plugins.module_utils._row import Row
from ansible_collections.kubeaddons.metallb.plugins.plugin_utils import _report


class ActionModule(ActionBase):  # type: ignore[misc]
    """Write the report, or take that of a run before away."""

    def run(self, tmp: object = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the paths of the files."""
        super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(
            {
                "directory": {"type": "path", "required": True},
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                "expected": {"type": "dict"},
                "proof": {"type": "dict"},
                "findings": {"type": "list", "elements": "dict"},
            },
            required_if=[("state", "present", ("expected", "proof"))],
        )
        result: dict[str, t.Any] = {"changed": False, "report": []}
        try:
            if args["state"] == "absent":
                result["report"] = _report.remove(args["directory"])
            else:
                result["report"] = _report.write(args["directory"], self._document(args))
                Display().display("Report: {0}".format(result["report"][0]))
        except OSError as exc:
            result["failed"] = True
            result["msg"] = (
                'metallb_verify_report_dir: "{0}" takes no report ({1}); name a directory that the '
                "user of the Ansible controller may write to, or none.".format(args["directory"], exc.strerror)
            )
        return result

    @staticmethod
    def _document(args: dict[str, t.Any]) -> dict[str, t.Any]:
        proof = args["proof"]
        return _report.document(
            [Row(**row) for row in proof["rows"]],
            args["expected"],
            proof["looked_at"],
            proof["started"],
            proof["ended"],
            proof["look"],
            args["findings"],
        )
