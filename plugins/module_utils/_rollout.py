# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Is a workload rolled out, does the webhook serve, and if not: why, in words."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils._resources import reference

Object = t.Dict[str, t.Any]

# The API server could not ask the webhook; anything else that a webhook says is its verdict.
_NOT_SERVING = "failed calling webhook"
_RELEASE = re.compile(r"v?(\d+)\.(\d+)\.(\d+)\Z")

# When pods or Service of an EndpointSlice have changed last.
_CHANGED = "endpoints.kubernetes.io/last-change-trigger-time"

PULLING = ("ErrImagePull", "ImagePullBackOff")
_LEAVING = "is being deleted"
_STARTING, _RUNNING = "is being started", "is running but not ready yet"


class Progress(t.NamedTuple):
    """How far one thing has come."""

    name: str
    done: bool
    status: str  # "2 of 3 ready"
    reasons: list[str]  # why it is not done, a sentence each
    nodes: t.Sequence[str] = ()  # of its pods that are not ready, "" for those that are on none or not there
    # Since when its pods are merely on the move, as after a drain; "" where anything else lacks. Of a webhook that has all it
    # needs: since when, for nodes learn of a pod a little later than the API.
    since: str = ""

    def told(self) -> dict[str, t.Any]:
        """Return it as modules do."""
        return {key: value for key, value in self._asdict().items() if key != "since"}


def workload(obj: Object, pods: t.Sequence[Object], events: t.Sequence[Object]) -> Progress:
    """Return how far a Deployment or DaemonSet has been rolled out.

    pods: those of its selector. events: those of its pods, newest last.
    """
    name = reference(obj)
    status = obj.get("status") or {}
    if obj["kind"] == "DaemonSet":
        wanted = int(status.get("desiredNumberScheduled") or 0)
        updated = int(status.get("updatedNumberScheduled") or 0)
        available = int(status.get("numberAvailable") or 0)
        old = 0
    else:
        wanted = int(obj["spec"].get("replicas", 1))
        updated = int(status.get("updatedReplicas") or 0)
        available = int(status.get("availableReplicas") or 0)
        old = int(status.get("replicas") or 0) - updated
    observed = int(status.get("observedGeneration") or 0) >= int(obj["metadata"].get("generation") or 0)
    done = observed and wanted > 0 and updated >= wanted and available >= wanted and old <= 0
    reasons = [] if observed else ["its controller has not taken up the change yet"]
    nodes: set[str] = set()
    since = ""
    if not done:
        since = _moving_since(pods) if observed and wanted > 0 else ""
        reasons += _reasons(name, wanted, pods, events)
        nodes = {(pod.get("spec") or {}).get("nodeName") or "" for pod in pods if pod_problem(pod, [])}
        nodes |= set() if observed and 0 < wanted <= len(pods) else {""}
    return Progress(
        name, done, "{0} of {1} ready".format(min(available, updated), wanted), reasons, tuple(sorted(nodes)), since
    )


def _moving_since(pods: t.Sequence[Object]) -> str:
    """Return when the first of the pods that are not ready came or stopped being ready, "" when one does not just start."""
    times = []
    for pod in pods:
        problem, status = pod_problem(pod, []), pod.get("status") or {}
        if not problem or problem == _LEAVING:
            continue
        restarted = any(one.get("restartCount") for one in status.get("containerStatuses") or [])
        if restarted or problem not in (_STARTING, _RUNNING):
            return ""
        ready = [one.get("lastTransitionTime") for one in status.get("conditions") or [] if one["type"] == "Ready"]
        times.append(str((ready and ready[0]) or pod["metadata"].get("creationTimestamp") or ""))
    return min(times, default="")


def _reasons(name: str, wanted: int, pods: t.Sequence[Object], events: t.Sequence[Object]) -> list[str]:
    if wanted == 0 and name.startswith("DaemonSet"):
        return ["no node fits its node selector and tolerations"]
    if wanted == 0:
        return ["it is scaled to 0 replicas"]
    alike: dict[str, list[str]] = {}
    for pod in pods:
        why = pod_problem(pod, events)
        if why:
            node = (pod.get("spec") or {}).get("nodeName")
            alike.setdefault(why, []).append(pod["metadata"]["name"] + (" on " + node if node else ""))
    found = ["pod {0}: {1}".format(", ".join(names), why) for why, names in alike.items()]
    if len(pods) < wanted:
        found.append("{0} of {1} pods exist so far".format(len(pods), wanted))
    return found


def pod_problem(pod: Object, events: t.Sequence[Object]) -> str:
    """Return why a pod is not ready, "" when it is."""
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return _LEAVING
    containers = status.get("containerStatuses") or []
    for container in (status.get("initContainerStatuses") or []) + containers:
        state = container.get("state") or {}
        waiting = state.get("waiting")
        if waiting and waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            if waiting["reason"] in PULLING:
                return _pull_problem(container["image"], waiting.get("message"))
            return _with_message(
                "{0} in container {1}".format(waiting["reason"], container["name"]), waiting.get("message")
            )
        terminated = state.get("terminated")
        if terminated and terminated.get("exitCode"):
            return _with_message(
                "container {0} ended with exit code {1}".format(container["name"], terminated["exitCode"]),
                terminated.get("message"),
            )
    conditions = {one["type"]: one for one in status.get("conditions") or []}
    if conditions.get("Ready", {}).get("status") == "True":
        return ""
    scheduled = conditions.get("PodScheduled")
    if scheduled and scheduled.get("status") == "False":
        return _with_message("not scheduled", scheduled.get("message"))
    warning = _last_warning(pod, events)
    if warning:
        return warning
    if containers and all(container.get("state", {}).get("running") for container in containers):
        return _RUNNING
    return _STARTING


def _pull_problem(image: str, message: str | None) -> str:
    """Say it alike for both states, between which the kubelet goes to and fro; of the message its end is the reason."""
    reason = one_line(message).rpartition(": ")[2]
    return "ImagePullBackOff for image {0}{1}".format(image, " ({0})".format(reason) if reason else "")


def _last_warning(pod: Object, events: t.Sequence[Object]) -> str:
    own = [
        event
        for event in events
        if event.get("type") == "Warning"
        and (event.get("involvedObject") or {}).get("uid") == pod["metadata"].get("uid")
    ]
    return "{0}: {1}".format(own[-1]["reason"], one_line(own[-1].get("message"))) if own else ""


def webhook(name: str, config: Object | None, slices: t.Sequence[Object]) -> Progress:
    """Return whether the API server has what it needs to call a webhook: the CA and a ready endpoint."""
    if config is None:
        return Progress(name, False, "missing", ["the object does not exist"])
    reasons = []
    if not all(hook["clientConfig"].get("caBundle") for hook in config.get("webhooks") or []):
        reasons.append("its server has not put the certificate authority there")
    ready = [
        endpoint
        for one in slices
        for endpoint in one.get("endpoints") or []
        if (endpoint.get("conditions") or {}).get("ready") is not False
    ]
    if not ready:
        reasons.append("its Service has no ready endpoint")
    if reasons:
        return Progress(name, False, "not serving", reasons)
    changed = [(one["metadata"].get("annotations") or {}).get(_CHANGED) or "" for one in slices]
    return Progress(name, True, "serving", [], since=max(changed))


def not_serving(text: str) -> bool:
    """Return whether an API error says that a webhook could not be asked, as opposed to its denial."""
    return _NOT_SERVING in text


def one_line(text: str | None) -> str:
    """Return a message folded to one line."""
    return " ".join((text or "").split())


def _with_message(text: str, message: str | None) -> str:
    return "{0} ({1})".format(text, one_line(message)) if message else text


def container_of(pod: Object, name: str) -> Object:
    """Return a container of a pod's spec by its name; the first where none has it."""
    containers: list[Object] = pod["containers"]
    return next((one for one in containers if one.get("name") == name), containers[0])


def release_of(own: Object) -> tuple[int, ...] | None:
    """Return the release that the image of a container of MetalLB tells, such as (0, 16, 1); None where it does not."""
    match = _RELEASE.match(str(own.get("image") or "").rpartition(":")[2])
    return tuple(int(part) for part in match.groups()) if match else None
