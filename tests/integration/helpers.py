# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What the tests of the modules share: runs in a row, objects at the API server without this collection's code."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from integration.ansible_runs import Ansible
from kubernetes import client, dynamic
from kubernetes.client.exceptions import ApiException

from ansible_collections.kubeaddons.metallb.plugins.module_utils._kubernetes import Api

Object = dict[str, Any]
Result = dict[str, Any]

PREFIX = "kubeaddons.metallb."

#: check mode, and whether a change is reported
FOUR_RUNS = ((True, True), (False, True), (True, False), (False, False))


def sequence(ansible: Ansible, *tasks: Object) -> list[Result]:
    """Run tasks in one run of Ansible, each whatever the others said; returns their results."""
    named = [{"name": f"task {number}", "ignore_errors": True, **task} for number, task in enumerate(tasks, 1)]
    results = ansible.playbook([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": named}])
    assert len(results) == len(tasks), results
    return results


def four_runs(ansible: Ansible, module: str, **options: Any) -> list[Result]:
    """Check, do, check, do in one run of Ansible: the first two report a change, the last two none.

    module: the name of one of ours, or the full name of another.
    """
    name = module if "." in module else PREFIX + module
    results = sequence(ansible, *({name: options, "check_mode": check} for check, _changed in FOUR_RUNS))
    for number, ((check, changed), result) in enumerate(zip(FOUR_RUNS, results, strict=True), 1):
        run = f"run {number} of {module} ({'check mode' if check else 'for real'})"
        assert not result.get("failed"), f"{run} failed: {result}"
        assert result["changed"] is changed, f"{run} should report changed={changed}: {result}"
    return results


class Plain:
    """The API by paths, by the plain Kubernetes client."""

    def __init__(self, api: client.ApiClient) -> None:
        self.api = api

    def send(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """Send a request; returns what the server answers, None where there is nothing."""
        headers = {"Accept": "application/json", "Content-Type": kind}
        request = self.api.param_serialize(
            method, path, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        answer = self.api.call_api(*request)
        data = answer.read()
        if answer.status == 404:
            return None
        if not 200 <= answer.status <= 299:
            raise ApiException(status=answer.status, reason=data.decode())
        return json.loads(data)

    def get(self, path: str) -> Any:
        """Return an object or a list."""
        return self.send("GET", path)

    def create(self, path: str, body: Object) -> Any:
        """Create an object in a collection."""
        return self.send("POST", path, body)

    def refused(self, path: str, body: Object) -> str | None:
        """Return why an object cannot be created; None when it can."""
        try:
            self.create(path, body)
        except ApiException as problem:
            return str(problem.reason)
        return None

    def patch(self, path: str, body: Object) -> Any:
        """Change an object, or its status."""
        return self.send("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path: str) -> Any:
        """Remove an object at once."""
        return self.send("DELETE", path, {"gracePeriodSeconds": 0, "kind": "DeleteOptions", "apiVersion": "v1"})

    def versions(self, *collections: str) -> dict[str, str]:
        """Return the version of every object of some collections."""
        return {
            f"{collection}/{item['metadata'].get('namespace', '')}/{item['metadata']['name']}": item["metadata"][
                "resourceVersion"
            ]
            for collection in collections
            for item in (self.get(collection) or {"items": []})["items"]
        }


def direct(api: client.ApiClient) -> Api:
    """The collection's own way to the API, for runs without Ansible around them."""
    return Api(dynamic.DynamicClient(api, discoverer=lambda _client, _cache: None))


class Counting:
    """The collection's own way to the API, which keeps the method and path of every request in "sent"."""

    def __init__(self, edge: Api) -> None:
        self.edge = edge
        self.sent: list[tuple[str, str]] = []
        for name in ("get", "get_list", "gather"):  # they send by the request below
            setattr(self, name, getattr(type(edge), name).__get__(self))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.edge, name)

    def request(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """Send a request."""
        self.sent.append((method, path))
        return self.edge.request(method, path, body, **params)


@contextmanager
def meanwhile(act: Callable[[], None], every: float = 0.2) -> Iterator[None]:
    """Do something again and again while the context lasts: the part of a controller."""
    end = threading.Event()
    problems: list[BaseException] = []

    def run() -> None:
        while not end.wait(every):
            try:
                act()
            except BaseException as problem:
                problems.append(problem)
                return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
    if problems:
        raise problems[0]


def pool(name: str, *addresses: str, **spec: Any) -> Object:
    """An IPAddressPool."""
    return {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": {"name": name},
        "spec": {"addresses": list(addresses), **spec},
    }


def service(name: str, *ports: int, labels: Mapping[str, str] | None = None, **spec: Any) -> Object:
    """A Service."""
    listed = [{"name": f"p{port}", "port": port, "protocol": "TCP"} for port in ports]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": dict(labels or {})},
        "spec": {"selector": {"app": name}, "ports": listed, **spec},
    }
