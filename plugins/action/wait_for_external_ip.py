# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.plugin_utils._progress import ProgressAction


class ActionModule(ProgressAction):
    """Show which Services are pending while waiting for them."""

    DEFAULT_TIMEOUT = 120
    SUBJECT = "Waiting for EXTERNAL-IP"

    def lines(self, result: t.Mapping[str, t.Any]) -> list[str]:
        """Return the Services that are not done, with the reason."""
        return ["{namespace}/{name}: {reason}".format(**one) for one in result.get("results") or [] if not one["done"]]
