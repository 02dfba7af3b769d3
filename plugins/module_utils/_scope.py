# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Which Services a proof is for: a list of namespaces and of "namespace/name"; empty for all.

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import typing as t


def holds(scope: t.Sequence[str], service: str) -> bool:
    """Return whether a Service, as "namespace/name", is in the scope."""
    return not scope or service in scope or service.partition("/")[0] in scope


def name_of(service: t.Mapping[str, t.Any]) -> str:
    """Return a v1 Service as "namespace/name"."""
    return "{namespace}/{name}".format(**service["metadata"])


def is_balancer(service: t.Mapping[str, t.Any]) -> bool:
    """Return whether a v1 Service is of type LoadBalancer."""
    return bool(service["spec"].get("type") == "LoadBalancer")


def problem(
    scope: t.Sequence[str],
    services: t.Sequence[t.Mapping[str, t.Any]],
    proxied: t.Callable[[t.Any], bool],
) -> str:
    """Return a sentence on the entries that hold nothing to prove, "" when all do.

    services: v1 Services. proxied: whether kube-proxy serves one.
    """
    known = {name_of(one) for one in services if is_balancer(one) or proxied(one)}
    known |= {one.partition("/")[0] for one in known}
    idle = [one for one in scope if one not in known]
    if not idle:
        return ""
    balancers = sorted(name_of(one) for one in services if is_balancer(one))
    return (
        "metallb_verify_services: {0} {1} no Service of type LoadBalancer, none other that kube-proxy serves, and no "
        "namespace of one; of type LoadBalancer there {2}.".format(
            ", ".join('"{0}"'.format(one) for one in idle),
            "is" if len(idle) == 1 else "are",
            "are " + ", ".join(balancers) if balancers else "is none",
        )
    )
