# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""A row of the proof, and the words that its makers and its readers share."""

from __future__ import annotations

import typing as t

OK, FAULT, LAG, UNKNOWN, NOTE = "ok", "fault", "lag", "unknown", "note"
NODES = "nodes"  # the subject of what is not of one Service
OUTSIDE = "outside"
CONTROLLER = "Ansible controller"
IN_POD = "in a pod"
UNKNOWN_HOST = "an unknown host"

# Signs: what the diagnosis goes by, never shown, so that every text may be worded anew. First what a row is of.
STRICT_ARP = "strict-arp"
DATA_PLANE = "data-plane"  # with the kind of the difference and its own sign, see _differences
PROXY_MODE = "proxy-mode"  # runs in another mode than it is configured for
SESSION = "session"
BGP = "bgp"
ROUTES = "routes"
CLUSTER_IP = "cluster-ip"
DNS_NAME = "dns-name"
EXTERNAL_IP = "external-ip"
FROM_POD = "from-pod"
# Then what was found.
OFF_LINK = "off-link"  # no node could ask
STRANGER = "stranger"  # a host that is none of the nodes answers
SEVERAL = "several"  # more than one answers
SILENT = "silent"  # nobody answers
OUTDATED = "outdated"  # the node that MetalLB elects answers, and its status names another one
LED = "led"  # without an answer, but a node led it to a backend
ASTRAY = "astray"  # goes to a node that does not announce the Service
WAY_BACK = "way-back"  # the answer would leave by another interface
REPLACED = "replaced"  # the backend sees another address than the client's

_MOST_NAMES = 6


class Row(t.NamedTuple):
    """One line of the proof."""

    verdict: str
    subject: str  # "namespace/name" of a Service, or "nodes"
    check: str
    where: str
    expected: str
    found: str
    key: str  # what stays the same from look to look
    node: str = ""  # the Node that it tells of, "" for none or several
    service: str = ""  # the Service that it tells of where the subject is "nodes"
    seconds: float | None = None  # how long the look at it took, where that was measured
    signs: tuple[str, ...] = ()


def names(some: t.Sequence[str]) -> str:
    """Return names as text, few of many."""
    if len(some) <= _MOST_NAMES:
        return ", ".join(some)
    return "{0} and {1} more".format(", ".join(some[: _MOST_NAMES - 1]), len(some) - _MOST_NAMES + 1)


def reasons_text(reasons: t.Mapping[str, t.Mapping[str, str]]) -> str:
    """Return "node1, node2 carries ...; node3 ..."; nodes with the same reason go together."""
    groups: dict[str, list[str]] = {}
    for node, reason in reasons.items():
        groups.setdefault(reason["text"], []).append(node)
    return "; ".join("{0} {1}".format(names(nodes), reason) for reason, nodes in groups.items()) or "there is none"
