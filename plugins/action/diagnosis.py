# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _causes, _diagnosis


class ActionModule(ActionBase):  # type: ignore[misc]
    """Name the causes and print them."""

    def run(self, tmp: object = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the findings."""
        super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(
            {
                "facts": {"type": "dict", "required": True},
                "state": {"type": "dict", "required": True},
                "rows": {"type": "list", "elements": "dict", "required": True},
            }
        )
        found = _diagnosis.findings(args["facts"], args["state"], args["rows"])
        display = Display()
        for line in _diagnosis.text(found):
            # A line that is not indented names a cause.
            display.display(line, color=None if line.startswith(" ") else C.COLOR_ERROR if found else C.COLOR_OK)
        if found:
            display.display("")
            display.display("More about each of them: {0}".format(_causes.page("")))
        return {"changed": False, "findings": [self._told(one) for one in found]}

    @staticmethod
    def _told(finding: _diagnosis.Finding) -> dict[str, t.Any]:
        cause = _causes.CAUSES[finding.cause]
        return dict(finding._asdict(), sentence=cause.sentence, remedy=cause.remedy)
