# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import json
import typing as t

import pytest
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import MaxRetryError, ReadTimeoutError

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _kubernetes
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import Response, Server, failure

PODS = "/api/v1/namespaces/default/pods"
Calls = list[tuple[str, str, dict[str, t.Any]]]


class Client:
    """Answers the requests with what was prepared, in its order."""

    def __init__(self, *answers: t.Any, date: str = "Mon, 23 Nov 2026 21:58:00 GMT") -> None:
        self.answers = list(answers)
        self.calls: Calls = []
        self.headers = {"Date": date} if date else {}

    def request(self, method: str, path: str, **params: t.Any) -> Response:
        self.calls.append((method, path, params))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Response(answer if isinstance(answer, bytes) else json.dumps(answer).encode(), self.headers)


def with_body(status: int, body: str | None) -> ApiException:
    exc = ApiException(status=status, reason="Service Unavailable")
    exc.body = body
    return exc


ERRORS: list[tuple[Exception | bytes, int, str]] = [
    (failure(403, 'pods is forbidden: User "dev"'), 403, 'pods is forbidden: User "dev"'),
    (with_body(503, "<html><body>Bad gateway</body></html>"), 503, "503 Service Unavailable"),
    (with_body(503, '["no", "status"]'), 503, "503 Service Unavailable"),
    (with_body(503, '{"kind": "Status"}'), 503, "503 Service Unavailable"),
    (with_body(502, None), 502, "502 Service Unavailable"),
    (ApiException(status=0, reason="SSLError"), 0, "0 SSLError"),
    (
        MaxRetryError(t.cast(t.Any, None), "/", Exception("refused")),
        0,
        "no answer (",  # and what urllib3 says, which differs by version
    ),
    (
        ReadTimeoutError(t.cast(t.Any, None), "/", "Read timed out."),
        0,
        "no answer (",  # and what urllib3 says, which differs by version
    ),
    # A proxy or a portal in between, with a status that says that all is well.
    (b"<html>Sign in</html>", 200, "the answer is not JSON, so it is not from a Kubernetes API: <html>Sign in</html>"),
]


@pytest.mark.parametrize(("answer", "status", "text"), ERRORS)
def test_every_failure_is_one_kind_of_error(answer: Exception | bytes, status: int, text: str) -> None:
    with pytest.raises(_kubernetes.ApiError) as caught:
        _kubernetes.Api(Client(answer)).get(PODS + "/web")
    assert caught.value.status == status
    assert caught.value.text.startswith(text) if text.endswith("(") else caught.value.text == text


def test_what_is_not_there_is_none() -> None:
    not_found = failure(404, 'pods "web" not found')
    assert _kubernetes.Api(Client(not_found)).get(PODS + "/web") is None
    assert _kubernetes.Api(Client(not_found)).get_list(PODS) is None
    assert _kubernetes.Api(Client(not_found)).delete(PODS + "/web") is False


@pytest.mark.parametrize("call", ["get", "get_list", "delete"])
def test_a_denial_is_not_an_absence(call: str) -> None:
    api = _kubernetes.Api(Client(failure(403, "forbidden")))
    with pytest.raises(_kubernetes.ApiError, match="forbidden"):
        getattr(api, call)(PODS)


def test_a_list_is_read_page_by_page() -> None:
    client = Client(
        {"items": [{"n": 1}, {"n": 2}], "metadata": {"continue": "two"}},
        {"items": None, "metadata": {"continue": "three"}},
        {"items": [{"n": 3}], "metadata": {}},
    )
    assert _kubernetes.Api(client).get_list(PODS, "app=web") == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert [call[2]["_continue"] for call in client.calls] == [None, "two", "three"]
    assert {(call[2]["label_selector"], call[2]["limit"]) for call in client.calls} == {("app=web", 500)}


def test_a_list_whose_pages_have_expired_is_read_anew() -> None:
    client = Client(
        {"items": [{"n": 1}], "metadata": {"continue": "two"}},
        failure(410, "The provided continue parameter is too old"),
        {"items": [{"n": 1}, {"n": 2}], "metadata": {}},
    )
    assert _kubernetes.Api(client).get_list(PODS) == [{"n": 1}, {"n": 2}]
    assert [call[2]["_continue"] for call in client.calls] == [None, "two", None]


def test_server_time_is_that_of_the_newest_answer() -> None:
    client = Client({}, {})
    api = _kubernetes.Api(client)
    assert api.server_time is None
    api.get(PODS)
    assert api.server_time == datetime.datetime(2026, 11, 23, 21, 58, tzinfo=datetime.UTC)
    client.headers = {}
    api.get(PODS)
    assert api.server_time == datetime.datetime(2026, 11, 23, 21, 58, tzinfo=datetime.UTC)


def test_writes_say_who_writes_and_dry_runs_say_so() -> None:
    client = Client(*[{}] * 6)
    api = _kubernetes.Api(client)
    for dry_run in (False, True):
        api.apply(PODS + "/web", {"a": 1}, "me", dry_run=dry_run)
        api.merge(PODS + "/web", {"a": 1}, "me", dry_run=dry_run)
        api.create(PODS, {"a": 1}, dry_run=dry_run)
    assert [
        (method, params.get("content_type"), params.get("field_manager"), params.get("force_conflicts"))
        for method, _path, params in client.calls[:3]
    ] == [
        ("patch", "application/apply-patch+yaml", "me", True),
        ("patch", "application/merge-patch+json", "me", None),
        ("post", None, None, None),
    ]
    assert [call[2]["dry_run"] for call in client.calls] == [None] * 3 + ["All"] * 3
    assert all(call[2]["_request_timeout"] for call in client.calls)


def test_gather_keeps_the_order_and_raises() -> None:
    server = Server()
    api = server.api
    assert api.gather([]) == []
    assert api.gather([lambda number=number: number * 2 for number in range(20)]) == list(range(0, 40, 2))
    server.fail("get", PODS, 500, "etcd is away")
    with pytest.raises(_kubernetes.ApiError, match="etcd is away"):
        api.gather([lambda: 1, lambda: api.get(PODS), lambda: 3])


class Ended(Exception):
    """exit_json or fail_json was called."""


class Module:
    """The part of AnsibleModule that run() uses."""

    def __init__(self) -> None:
        self.params: dict[str, t.Any] = {"kubeconfig": None}
        self.failed: bool | None = None
        self.results: dict[str, t.Any] = {}

    def exit_json(self, **results: t.Any) -> t.NoReturn:
        self.failed, self.results = False, results
        raise Ended

    def fail_json(self, **results: t.Any) -> t.NoReturn:
        self.failed, self.results = True, results
        raise Ended


def raise_api_error(_api: t.Any) -> t.NoReturn:
    raise _kubernetes.ApiError(403, "forbidden")


@pytest.mark.parametrize(
    ("main", "failed", "expected"),
    [
        (lambda _api: {"found": 1}, False, {"found": 1, "rest": []}),
        (lambda _api: {"failed": True, "msg": "no.", "found": 1}, True, {"msg": "no.", "found": 1, "rest": []}),
        (lambda _api: {"failed": False, "found": 2}, False, {"found": 2, "rest": []}),
        (raise_api_error, True, {"msg": "Kubernetes API: forbidden", "found": 0, "rest": []}),
        (
            lambda _api: [][0],
            True,
            {
                "msg": "an object of the API is not as it was expected: IndexError: list index out of range",
                "found": 0,
                "rest": [],
            },
        ),
    ],
)
def test_failure_returns_the_same_keys_as_success(
    monkeypatch: pytest.MonkeyPatch, main: t.Any, failed: bool, expected: dict[str, t.Any]
) -> None:
    monkeypatch.setattr(_kubernetes, "connect", lambda _module: None)
    module = Module()
    with pytest.raises(Ended):
        _kubernetes.run(t.cast(t.Any, module), main, {"found": 0, "rest": []})
    module.results.pop("exception", None)
    assert (module.failed, module.results) == (failed, expected)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_kubernetes.IMPORT_ERRORS, "kubernetes", "Traceback")
    module = Module()
    with pytest.raises(Ended):
        _kubernetes.connect(t.cast(t.Any, module))
    assert module.failed
    assert "Failed to import the required Python library (kubernetes)" in module.results["msg"]
    assert module.results["exception"] == "Traceback"


def test_the_environment_has_what_the_modules_need() -> None:
    assert _kubernetes.IMPORT_ERRORS == {}
    assert "kubeconfig" in _kubernetes.argument_spec(own={"type": "str"})
    assert _kubernetes.argument_spec(own={"type": "str"})["own"] == {"type": "str"}


def test_a_server_that_is_away_is_asked_again() -> None:
    """As during its restart: refused, not ready, back."""
    pauses: list[float] = []
    refused = MaxRetryError(t.cast(t.Any, None), "/", Exception("refused"))
    client = Client(refused, with_body(503, None), {"kind": "Pod"})
    assert _kubernetes.Api(client, 30, pauses.append).get(PODS + "/web") == {"kind": "Pod"}
    assert len(pauses) == 2


def test_what_may_have_happened_is_not_sent_twice() -> None:
    client = Client(with_body(504, None), {"kind": "Pod"})
    with pytest.raises(_kubernetes.ApiError):
        _kubernetes.Api(client, 30, lambda _seconds: None).create(PODS, {})
    assert len(client.calls) == 1
