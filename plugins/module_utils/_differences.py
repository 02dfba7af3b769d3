# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""How a node's data plane differs from what it must hold, whichever way kube-proxy makes it.

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _scope
from ansible_collections.kubeaddons.metallb.plugins.module_utils._expected import Expected, ServicePort

MODES = ("ipvs", "nftables", "iptables")
MIN_READS = 3
GENERAL = ("rule", "leftover")  # kinds that are of no Service and concern all
# Signs, where the kind alone does not tell the cause. That of a rule is its table of iptables.
UNBOUND = "unbound"  # of kind "bind"
NO_SETS = "no-sets"  # of kind "ipset"


class Comparison(t.NamedTuple):
    """How the table differs from the plan; a difference is a dict as the data_plane_verify module returns it."""

    differences: list[dict[str, t.Any]]
    virtual_servers: int
    real_servers: int
    draining: int
    foreign: int


class Problem(t.NamedTuple):
    """One way in which a virtual server differs."""

    kind: str
    backend: str
    expected: str
    found: str
    sign: str = ""


def difference(
    problem: Problem, protocol: str, address: str, port: int, row: t.Optional[ServicePort], sync_period: float
) -> dict[str, t.Any]:
    return {
        "kind": problem.kind,
        "sign": problem.sign,
        "service": row.service if row else "",
        "port_name": row.port_name if row else "",
        "protocol": protocol,
        "address": address,
        "port": port,
        "backend": problem.backend,
        "expected": problem.expected,
        "found": problem.found,
        "age": row.age if row else None,
        # What nobody asked for has no age: it is judged by how long it stays (see confirm).
        "verdict": "lag" if row and row.age < sync_period else "fault",
    }


def _identity(difference: t.Mapping[str, t.Any]) -> tuple[t.Any, ...]:
    return tuple(
        difference[name] for name in ("kind", "service", "port_name", "protocol", "address", "port", "backend")
    )


def confirm(
    observe: t.Callable[[], Comparison],
    settle: float,
    sleep: t.Callable[[float], None],
    clock: t.Callable[[], float],
) -> Comparison:
    """Return the differences that every one of several reads shows: /proc/net/ip_vs is not a snapshot.

    A table without differences is read once. What no Service asks for must be there for ``settle`` seconds.
    """
    began = clock()
    last = observe()
    reads = 1
    kept = {_identity(difference): difference for difference in last.differences}
    while kept:
        unasked = any(difference["age"] is None for difference in kept.values())
        if reads >= MIN_READS and not (unasked and clock() - began < settle):
            break
        if settle > 0:
            sleep(min(1.0, settle / 2))
        last = observe()
        reads += 1
        now = {_identity(difference): difference for difference in last.differences}
        kept = {identity: now[identity] for identity in kept if identity in now}
    return last._replace(differences=list(kept.values()))


def unfit(expected: Expected, node: str) -> str:
    """Return why a node cannot be judged by this table, "" when it can."""
    if expected.mode not in MODES:
        return f"kube-proxy's mode {expected.mode} is not known." if expected.mode else "there is no kube-proxy."
    if node not in expected.zones:
        # Local endpoints and hints would be decided for a node that does not exist.
        return f"the cluster has no node named {node}."
    return ""


def within(comparison: Comparison, scope: t.Sequence[str]) -> Comparison:
    """Return the differences that Services of the scope have, and those that all Services suffer from."""
    if not scope:
        return comparison
    return comparison._replace(
        differences=[
            one
            for one in comparison.differences
            if (_scope.holds(scope, one["service"]) if one["service"] else one["kind"] in GENERAL)
        ]
    )


def report_request(source: str, unparsed: t.Sequence[str]) -> str:
    """Return the sentence that asks the user to report what no reader knows."""
    return "{} lines of the {} were not understood, please report them: {}".format(
        len(unparsed), source, "; ".join(repr(line) for line in unparsed[:3])
    )


def summary(comparison: Comparison, limit: int) -> dict[str, t.Any]:
    """Return a comparison as the data_plane_verify module returns it, with at most ``limit`` differences, faults first."""
    faults = [difference for difference in comparison.differences if difference["verdict"] == "fault"]
    lags = [difference for difference in comparison.differences if difference["verdict"] != "fault"]
    return {
        "differences": (faults + lags)[: max(0, limit)],
        "differences_total": len(comparison.differences),
        "faults_total": len(faults),
        "checked": {
            "virtual_servers": comparison.virtual_servers,
            "real_servers": comparison.real_servers,
            "draining": comparison.draining,
            "foreign": comparison.foreign,
        },
    }
