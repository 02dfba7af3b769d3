# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _askers, _cluster, _expected, _look, _secrets


class FilterModule:
    """Decisions of the roles that need no module of their own."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {
            "askers": _askers.pick,
            "node_name": _cluster.node_of,
            # One string for each node: without native Jinja, Ansible would make a text of all, and parse that.
            "found_on": lambda results: _expected.dumps(_look.found_on(results)),
            "segment_errors": _cluster.segment_errors,
            "passwords": lambda variables: _secrets.split(variables)[1],
            "without_passwords": lambda variables: _secrets.split(variables)[0],
        }
