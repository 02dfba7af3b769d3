# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The one edge to the Kubernetes API: authentication by kubernetes.core, requests by the kubernetes client.

Paths instead of discovery: the kinds that this collection touches are known (see _resources), and discovery costs more
than all other requests of a run together and does not see custom resources that the same run installs.
"""

from __future__ import annotations

import concurrent.futures
import copy
import datetime
import email.utils
import json
import os
import time
import traceback
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _yaml
from ansible_collections.kubeaddons.metallb.plugins.module_utils._text import plain
from ansible_collections.kubeaddons.metallb.plugins.module_utils._wait import Waiter

Object = t.Dict[str, t.Any]

IMPORT_ERRORS: dict[str, str] = {}
try:
    from kubernetes.client import ApiClient
    from kubernetes.client.exceptions import ApiException
    from kubernetes.dynamic import DynamicClient
    from urllib3.exceptions import HTTPError
except ImportError:
    IMPORT_ERRORS["kubernetes"] = traceback.format_exc()
try:
    from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
    from ansible_collections.kubernetes.core.plugins.module_utils.k8s.client import (
        _create_auth_spec,
        _create_configuration,
        _create_headers,
    )
except ImportError:
    IMPORT_ERRORS["kubernetes.core (Ansible collection)"] = traceback.format_exc()
    AUTH_ARG_SPEC = {}
if _yaml.IMPORT_ERROR:
    IMPORT_ERRORS["PyYAML"] = _yaml.IMPORT_ERROR

# Statuses by which an API server, or what stands before it, says that it is away for now; 0: no answer at all.
AWAY = frozenset({0, 429, 502, 503, 504})
PATIENCE = 60.0  # longer than one answer may take, so that a busy server is asked again
TIMEOUTS = (10, 30)  # seconds to connect, to wait for the answer


class ApiError(Exception):
    """A request that the API server answered with an error, or did not answer (status 0)."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text

    @property
    def away(self) -> bool:
        """Whether the server is away for now, as opposed to refusing."""
        return self.status in AWAY


class Api:
    """Requests to one API server, as plain dictionaries."""

    def __init__(self, client: t.Any, patience: float = 0, sleep: t.Callable[[float], None] = time.sleep) -> None:
        """patience: seconds for which a request is sent again while the server is away, as during its restart."""
        self._client = client
        self._patience = patience
        self._sleep = sleep
        self.server_time: datetime.datetime | None = None  # of the newest response, in UTC

    def request(self, method: str, path: str, body: Object | None = None, **params: t.Any) -> Object:
        """Send one request and return the decoded answer; raise ApiError."""
        waiter = Waiter(self._patience, sleep=self._sleep)
        while True:
            try:
                return self._once(method, path, body, params)
            except ApiError as exc:
                # A creation whose answer got lost may have happened; everything else may be sent twice.
                if method == "post" or not exc.away or not waiter.again():
                    raise

    def _once(self, method: str, path: str, body: Object | None, params: t.Mapping[str, t.Any]) -> Object:
        try:
            response = self._client.request(
                method, path, body=body, serialize=False, _request_timeout=TIMEOUTS, **params
            )
        except ApiException as exc:
            raise ApiError(int(exc.status or 0), _message(exc)) from exc
        except HTTPError as exc:
            raise ApiError(0, "no answer ({0})".format(getattr(exc, "reason", None) or exc)) from exc
        date = response.headers.get("Date")
        if date:
            self.server_time = email.utils.parsedate_to_datetime(date)
        try:
            answer: Object = json.loads(response.data)
        except ValueError as exc:
            text = plain(response.data[:200].decode(errors="replace"))
            raise ApiError(200, "the answer is not JSON, so it is not from a Kubernetes API: {0}".format(text)) from exc
        return answer

    def get(self, path: str) -> Object | None:
        """Return the object at path, or None where there is none."""
        try:
            return self.request("get", path)
        except ApiError as exc:
            if exc.status == 404:
                return None
            raise

    def get_list(
        self, path: str, label_selector: str | None = None, whole: bool = False, field_selector: str | None = None
    ) -> list[Object] | None:
        """Return the items of a collection, in the server's order; None where the kind is not installed.

        whole: in one request however long, for kinds of small objects.
        """
        found: list[Object] = []
        token: str | None = None
        while True:
            try:
                page = self.request(
                    "get",
                    path,
                    label_selector=label_selector,
                    field_selector=field_selector,
                    limit=None if whole else 500,
                    _continue=token,
                )
            except ApiError as exc:
                if exc.status == 404:
                    return None
                if exc.status == 410 and token:  # the server has forgotten how the list was when it began
                    found, token = [], None
                    continue
                raise
            found.extend(page.get("items") or [])
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return found

    def gather(self, calls: t.Sequence[t.Callable[[], t.Any]]) -> list[t.Any]:
        """Run independent reads side by side; results in the order of the calls."""
        if not calls:
            return []
        with concurrent.futures.ThreadPoolExecutor(max_workers=min(8, len(calls))) as pool:
            return [future.result() for future in [pool.submit(call) for call in calls]]

    def apply(self, path: str, body: Object, manager: str, dry_run: bool = False) -> Object:
        """Server-side apply, taking over conflicting fields; return the object as the server has it."""
        return self.request(
            "patch",
            path,
            body=body,
            content_type="application/apply-patch+yaml",
            field_manager=manager,
            force_conflicts=True,
            dry_run="All" if dry_run else None,
        )

    def create(self, path: str, body: Object, dry_run: bool = False) -> Object:
        """Create an object in the collection at path."""
        return self.request("post", path, body=body, dry_run="All" if dry_run else None)

    def merge(self, path: str, body: Object, manager: str, dry_run: bool = False) -> Object:
        """JSON merge patch."""
        return self.request(
            "patch",
            path,
            body=body,
            content_type="application/merge-patch+json",
            field_manager=manager,
            dry_run="All" if dry_run else None,
        )

    def replace(self, path: str, body: Object, dry_run: bool = False) -> Object:
        """Put an object in the place of one; return it as the server has it."""
        return self.request("put", path, body=body, dry_run="All" if dry_run else None)

    def kept(self) -> Api:
        """Return a connection of its own that outlives this process's files, by which the client holds its credentials."""
        configuration = copy.copy(self._client.client.configuration)
        for name in ("ssl_ca_cert", "cert_file", "key_file"):
            path = getattr(configuration, name)
            if path:
                with open(path, "rb") as handle:
                    descriptor = os.memfd_create(name)
                    os.write(descriptor, handle.read())
                setattr(configuration, name, "/proc/self/fd/{0}".format(descriptor))
        client = ApiClient(configuration)
        client.default_headers.update(self._client.client.default_headers)
        return Api(DynamicClient(client, discoverer=lambda _client, _cache: None), PATIENCE)

    def delete(self, path: str, dry_run: bool = False, uid: str = "") -> bool:
        """Delete an object, with a uid only that very one; return whether there was one."""
        body = {"preconditions": {"uid": uid}} if uid else None
        try:
            self.request("delete", path, body=body, dry_run="All" if dry_run else None)
        except ApiError as exc:
            if exc.status == 404:
                return False
            raise
        return True


def _message(exc: t.Any) -> str:
    """Return the text that the API server gave for an error, without headers and stack."""
    try:
        status = json.loads(exc.body)
        return str(status["message"])
    except (TypeError, ValueError, KeyError):
        return "{0} {1}".format(exc.status, exc.reason)


def argument_spec(**options: t.Any) -> dict[str, t.Any]:
    """Return the options of a module together with kubernetes.core's authentication options."""
    return dict(AUTH_ARG_SPEC, **options)


def connect(module: AnsibleModule) -> Api:
    """Return a connection made from the module's authentication options; end the module with one sentence if not."""
    for library, trace in IMPORT_ERRORS.items():
        module.fail_json(msg=missing_required_lib(library), exception=trace)
    try:
        configuration = _create_configuration(_create_auth_spec(module))
        configuration.retries = False  # Api does it, and knows which requests may be repeated
        client = ApiClient(configuration)
        for header, value in _create_headers(module).items():
            client.set_default_header(header, value)
    except Exception as exc:  # whatever the kubeconfig's parser raises
        module.fail_json(
            msg="cannot use these Kubernetes credentials: {0}".format(exc), exception=traceback.format_exc()
        )
    return Api(DynamicClient(client, discoverer=lambda _client, _cache: None), PATIENCE)


Results = t.Dict[str, t.Any]


def run(module: AnsibleModule, main: t.Callable[[Api], Results], empty: Results) -> t.NoReturn:
    """Run a module's main function and end the module: the same keys on failure as on success.

    empty holds every return value as it is when nothing could be found out.
    """
    try:
        results = main(connect(module))
    except ApiError as exc:
        module.fail_json(msg="Kubernetes API: {0}".format(exc.text), exception=traceback.format_exc(), **empty)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as exc:
        # Objects are as somebody wrote them where no webhook looked, and what nobody thought of must not end in a traceback.
        text = "an object of the API is not as it was expected: {0}: {1}".format(type(exc).__name__, exc)
        module.fail_json(msg=text, exception=traceback.format_exc(), **empty)
    failed = results.pop("failed", False)
    if failed:
        module.fail_json(**dict(empty, **results))
    module.exit_json(**dict(empty, **results))
    raise AssertionError("exit_json has ended the module")
