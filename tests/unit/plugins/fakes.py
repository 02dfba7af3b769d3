# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An API server in memory, a clock that only sleeping moves, and objects that count: what tests of the API side stand on."""

from __future__ import annotations

import copy
import json
import pathlib
import re
import typing as t

import yaml
from kubernetes.client.exceptions import ApiException

from ansible_collections.kubeaddons.metallb.plugins.module_utils._kubernetes import Api
from ansible_collections.kubeaddons.metallb.plugins.module_utils._resources import path
from ansible_collections.kubeaddons.metallb.plugins.module_utils._wait import Waiter

Object = dict[str, t.Any]

FIXTURES = pathlib.Path(__file__).parent / "fixtures"
_ROOT = re.compile(r"/(?:api/v1|apis/[^/]+/[^/]+)")


def fixture(name: str) -> list[Object]:
    """Return the objects of a YAML fixture."""
    return t.cast("list[Object]", yaml.safe_load((FIXTURES / (name + ".yaml")).read_text(encoding="utf-8")))


class Walked(list[Object]):
    """Objects that count how often somebody walks over all of them."""

    walks = 0

    def __iter__(self) -> t.Iterator[Object]:
        self.walks += 1
        return super().__iter__()


class Clock:
    """A clock for Waiter; sleeping is the only thing that takes time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def waiter(self, timeout: float) -> Waiter:
        return Waiter(timeout, clock=self, sleep=self.sleep)


class Response:
    """What the kubernetes client returns for serialize=False."""

    def __init__(self, data: bytes, headers: t.Mapping[str, str]) -> None:
        self.data = data
        self.headers = headers


class Server:
    """Stands in for kubernetes.dynamic.DynamicClient: get, list, create, patch and delete over a dictionary."""

    def __init__(self, *objects: Object, without: t.Sequence[str] = (), date: str = "") -> None:
        """without: API groups that are not installed, such as "metallb.io"."""
        self.objects: dict[str, Object] = {}
        self.without = without
        self.date = date
        self.writes: list[str] = []  # "patch /api/v1/..." and so on, " (dry run)" behind those
        self.bodies: list[t.Any] = []
        self.failures: dict[tuple[str, str], list[Exception]] = {}
        self.after_get: t.Callable[[Server, str], None] = lambda _server, _path: None
        for obj in objects:
            self.put(obj)

    @property
    def api(self) -> Api:
        return Api(self)

    def put(self, obj: Object, at: str = "") -> None:
        self.objects[at or path(obj)] = copy.deepcopy(obj)

    def fail(self, method: str, at: str, status: int, message: str, times: int = 1) -> None:
        """Answer the next requests of this kind with an error."""
        self.failures.setdefault((method, at), []).extend([failure(status, message)] * times)

    def request(self, method: str, path: str, body: t.Any = None, **params: t.Any) -> Response:
        assert params.pop("serialize") is False
        assert all(seconds > 0 for seconds in params.pop("_request_timeout"))
        planned = self.failures.get((method, path))
        dry_run = params.get("dry_run") == "All"
        if method != "get":
            self.writes.append("{0} {1}{2}".format(method, path, " (dry run)" if dry_run else ""))
            self.bodies.append(body)
        if planned:
            raise planned.pop(0)
        if any("/apis/" + group + "/" in path for group in self.without):
            raise failure(404, "the server could not find the requested resource")
        answer = json.dumps(getattr(self, "_" + method)(path, body, params, dry_run)).encode()
        if method == "get":
            self.after_get(self, path)
        return Response(answer, {"Date": self.date} if self.date else {})

    def _get(self, path: str, _body: t.Any, params: t.Mapping[str, t.Any], _dry_run: bool) -> Object:
        if path in self.objects:
            return self.objects[path]
        plural, namespace = _collection(path)
        if not plural:
            raise failure(404, "{0} not found".format(path))
        wanted = dict(one.split("=") for one in (params.get("label_selector") or "").split(",") if one)
        items = []
        for at, obj in sorted(self.objects.items()):
            own, own_namespace = _collection(at.rpartition("/")[0])
            labels = obj["metadata"].get("labels") or {}
            if own == plural and namespace in ("", own_namespace) and wanted.items() <= labels.items():
                # The items of a list do not carry their kind.
                items.append({key: value for key, value in obj.items() if key not in ("kind", "apiVersion")})
        return {"items": items, "metadata": {}}

    def _patch(self, path: str, body: t.Any, params: t.Mapping[str, t.Any], dry_run: bool) -> Object:
        assert params["field_manager"]
        apply = params["content_type"] == "application/apply-patch+yaml"
        if apply:
            assert params["force_conflicts"] is True
        elif path not in self.objects:
            raise failure(404, "{0} not found".format(path))
        found = _merged(self.objects.get(path), body)
        if not dry_run:
            self.objects[path] = found
        return found

    def _post(self, path: str, body: t.Any, _params: t.Mapping[str, t.Any], dry_run: bool) -> Object:
        name = body["metadata"].get("name") or body["metadata"]["generateName"] + "x7k2p"
        at = "{0}/{1}".format(path, name)
        if at in self.objects:
            raise failure(409, "{0} already exists".format(at))
        if not dry_run:
            self.objects[at] = copy.deepcopy(body)
        return {**body, "metadata": {**body["metadata"], "uid": "u-{0}".format(len(self.bodies))}}

    def _put(self, path: str, body: t.Any, _params: t.Mapping[str, t.Any], dry_run: bool) -> Object:
        assert dry_run, "nothing replaces a whole object"
        return t.cast(Object, body)

    def _delete(self, path: str, _body: t.Any, _params: t.Mapping[str, t.Any], dry_run: bool) -> Object:
        if path not in self.objects:
            raise failure(404, "{0} not found".format(path))
        if not dry_run:
            del self.objects[path]
        return {}


def failure(status: int, message: str) -> ApiException:
    """Return what the kubernetes client raises for an answer of the API server."""
    exc = ApiException(status=status, reason="A Reason")
    exc.body = json.dumps({"kind": "Status", "message": message, "code": status})
    return exc


def _collection(path: str) -> tuple[str, str]:
    """Return plural with its API group and the namespace when the path is one of a collection, else "" and ""."""
    root = _ROOT.match(path)
    assert root, path
    parts = path[root.end() + 1 :].split("/")
    if len(parts) == 1:
        return root.group() + "/" + parts[0], ""
    if len(parts) == 3 and parts[0] == "namespaces":
        return root.group() + "/" + parts[2], parts[1]
    return "", ""


def _merged(live: t.Any, body: t.Any) -> t.Any:
    if isinstance(live, dict) and isinstance(body, dict):
        return {**live, **{key: _merged(live.get(key), value) for key, value in body.items()}}
    return copy.deepcopy(body)
