# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shutil
import time
import typing as t

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.kubeaddons.metallb.plugins.module_utils import (
    _bgp_rows,
    _cluster,
    _expected,
    _folding,
    _look,
    _node_rows,
    _row,
    _table,
    _text,
    _verdict,
)

COLOURS = {
    _row.OK: C.COLOR_OK,
    _row.FAULT: C.COLOR_ERROR,
    _row.LAG: C.COLOR_WARN,
    _row.UNKNOWN: C.COLOR_WARN,
    _row.NOTE: C.COLOR_VERBOSE,
}
WIDEST = 160


def _looked_at(args: dict[str, t.Any]) -> list[str]:
    return [node for node, host in args["hosts"].items() if node in args["state"]["nodes"] and not host.get("problem")]


def _title(args: dict[str, t.Any]) -> str:
    state = args["state"]
    addressed = sum(bool(one["addresses"]) for one in state["services"])
    pending = len(state["services"]) - addressed
    return "Proof: {0} of {1} nodes, {2} with an EXTERNAL-IP{3}, kube-proxy in {4}".format(
        len(_looked_at(args)),
        len(state["nodes"]),
        "1 Service" if addressed == 1 else "{0} Services".format(addressed),
        ", {0} without".format(pending) if pending else "",
        _node_rows.modes_text(args["hosts"], state),
    )


class ActionModule(ActionBase):  # type: ignore[misc]
    """Judge what a look found; print the proof when it is final."""

    def run(self, tmp: object = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return whether another look is needed; when none is, print the table and return the faults."""
        super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(
            {
                "state": {"type": "dict", "required": True},
                "hosts": {"type": "dict", "required": True},
                "outside": {"type": "dict", "required": True},
                "routers": {"type": "dict", "default": {}},
                "strict_arp": {"type": "bool", "default": False},
                "look": {"type": "int", "default": 1},
                "earlier": {"type": "dict", "default": {}},
                "timeout": {"type": "int", "default": 90},
                "report_dir": {"type": "path", "default": ""},
            }
        )
        args["hosts"] = {
            node: _expected.loads(found) if isinstance(found, str) else found for node, found in args["hosts"].items()
        }
        now = time.time()
        earlier = args["earlier"]
        began = float(earlier.get("began") or now)
        found = _verdict.rows(args["state"], args["hosts"], args["outside"], args["strict_arp"], args["routers"])
        patience = max(float(args["state"]["sync_period"]), _bgp_rows.BGP_PATIENCE if args["state"]["bgp"] else 0.0)
        decision = _verdict.decide(
            found,
            {key: float(seen) for key, seen in (earlier.get("first_seen") or {}).items()},
            now,
            args["look"],
            patience,
            began + args["timeout"],
        )
        result: dict[str, t.Any] = {
            "changed": False,
            "again": decision.again,
            "look": args["look"],
            "started": float(earlier.get("started") or now),
            "began": began,
            "ended": now,
            "looked_at": _looked_at(args),
            "gateways": _cluster.gateways({node: host.get("arp") or {} for node, host in args["hosts"].items()}),
            "first_seen": decision.first_seen,
            "rows": [dict(row._asdict(), signs=list(row.signs)) for row in decision.rows],
            "faults": [],
            "unseen": [],
        }
        if decision.again:
            return result
        rows = _folding.folded(decision.rows)
        self._print(rows, args)
        result["faults"] = _table.fault_sentences(rows)
        result["unseen"] = [_text.plain(one) for one in _look.unseen(decision.rows)]
        return result

    @staticmethod
    def _print(rows: list[_row.Row], args: dict[str, t.Any]) -> None:
        display = Display()
        width = min(shutil.get_terminal_size((120, 40)).columns, WIDEST)
        most = None if display.verbosity else _table.MOST_LINES
        for line in _table.render(_title(args), rows, width, most, bool(args["report_dir"])):
            display.display(line.text, color=COLOURS.get(line.verdict))
