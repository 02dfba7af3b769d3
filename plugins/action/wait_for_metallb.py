# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.plugin_utils._progress import ProgressAction


class ActionModule(ProgressAction):
    """Show how MetalLB comes up while waiting for it."""

    DEFAULT_TIMEOUT = 600
    SUBJECT = "Waiting for MetalLB"

    def lines(self, result: t.Mapping[str, t.Any]) -> list[str]:
        """Return the parts that are not ready, with the reasons."""
        return [
            "{0}: {1}{2}".format(part["name"], part["status"], "".join("; " + reason for reason in part["reasons"]))
            for part in result.get("parts") or []
            if not part["done"]
        ]
