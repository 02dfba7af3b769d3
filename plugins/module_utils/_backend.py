# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""MetalLB's BGP backends: which of them, and which release, has what the settings ask for."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.kubeaddons.metallb.plugins.module_utils._reader import Reader

Version = t.Tuple[int, ...]
Since = t.Mapping[
    str, Version
]  # backend -> the first release in which it has something; backends without it are left out

NATIVE, FRR, FRR_K8S = "native", "frr", "frr-k8s"
# The first release whose manifest of each backend is supported here.
BACKENDS: Since = {NATIVE: (0, 13, 9), FRR: (0, 13, 9), FRR_K8S: (0, 14, 5)}
# By need: the smallest that has everything; frr only for releases whose frr-k8s does not, because MetalLB deprecates it.
BY_NEED = (NATIVE, FRR_K8S, FRR)
VARIABLE = "metallb_bgp_backend"


class Need(t.NamedTuple):
    """Something that not every backend or release has."""

    origin: str  # path of the variable
    value: object
    since: Since
    what: str  # what it is about the value, where the value alone does not tell

    def met(self, backend: str, version: Version) -> bool:
        return backend in self.since and version >= self.since[backend]


def since(first: Version) -> Since:
    """Return that every backend has something since a release."""
    return {backend: max(first, oldest) for backend, oldest in BACKENDS.items()}


def by_frr(first: Version = BACKENDS[FRR], frr_k8s: Version = BACKENDS[FRR_K8S]) -> Since:
    """Return that only the backends with FRR have something, and since when."""
    return {FRR: first, FRR_K8S: max(first, frr_k8s)}


def choose(read: Reader, wanted: str, version: Version) -> tuple[str, str]:
    """Return the backend and why it is that one; errors for what it lacks go to the reader.

    wanted: the user's choice, "" for by need.
    """
    if wanted:
        if version >= BACKENDS[wanted]:
            _refuse(read, wanted, version)
            if wanted == FRR and version >= BACKENDS[FRR_K8S]:
                read.warnings.append("{0}: MetalLB deprecates {1}; {2} does the same.".format(VARIABLE, FRR, FRR_K8S))
        else:
            rest = "needs MetalLB {0} or later; set metallb_version, or choose another".format(_text(BACKENDS[wanted]))
            read.error(VARIABLE, wanted, rest)
        return wanted, "{0} says so".format(VARIABLE)
    for backend in BY_NEED:
        if version >= BACKENDS[backend] and all(need.met(backend, version) for need in read.needs):
            return backend, _reason(read.needs, backend, version)
    _refuse(read, FRR, version)
    return FRR, ""


def _reason(needs: t.Sequence[Need], backend: str, version: Version) -> str:
    if backend == NATIVE:
        return ""
    reason = "{0} needs it".format(next(need.origin for need in needs if not need.met(NATIVE, version)))
    return reason if backend == FRR_K8S else "{0}, and MetalLB {1} has it in frr only".format(reason, _text(version))


def _refuse(read: Reader, backend: str, version: Version) -> None:
    """Keep an error for each thing that the backend lacks in this release."""
    for need in read.needs:
        if need.met(backend, version):
            continue
        others = [other for other in BY_NEED if need.met(other, version)]
        if others:
            rest = 'is not possible with the backend {0}; set {1}: "{2}", or remove it'.format(
                backend, VARIABLE, others[0]
            )
        else:
            first = need.since.get(backend) or min(need.since.values())
            rest = "needs MetalLB {0} or later; set metallb_version, or remove it".format(_text(first))
        read.error(need.origin, need.value, " ".join(filter(None, (need.what, rest))))


def _text(version: Version) -> str:
    return ".".join(map(str, version))
