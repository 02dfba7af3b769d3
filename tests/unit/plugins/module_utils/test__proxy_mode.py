# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import socket
import threading
import time
import typing as t
from collections.abc import Callable, Iterator

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _proxy_mode

Serve = Callable[[Callable[[socket.socket], None]], str]

# As kube-proxy 1.34 answers.
HEAD = (
    b"HTTP/1.0 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
    b"Date: Thu, 26 Nov 2026 08:00:00 GMT\r\nContent-Length: 4\r\n\r\n"
)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a TCP server that hands its one connection to a function; returns its address and port."""
    with contextlib.ExitStack() as listeners:

        def start(answer: Callable[[socket.socket], None]) -> str:
            listener = listeners.enter_context(socket.create_server(("127.0.0.1", 0)))

            def once() -> None:
                with contextlib.suppress(OSError), listener.accept()[0] as connection:
                    answer(connection)

            threading.Thread(target=once, daemon=True).start()
            return "127.0.0.1:{0}".format(listener.getsockname()[1])

        yield start


def saying(*parts: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        for part in parts:
            connection.sendall(part)

    return answer


@pytest.mark.parametrize("mode", ["ipvs", "iptables", "nftables"])
def test_the_word_of_kube_proxy(mode: str) -> None:
    assert _proxy_mode.parse(HEAD + mode.encode()) == mode
    assert _proxy_mode.parse(b"HTTP/1.1 200\r\n\r\n" + mode.encode() + b"\n") == mode


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "no HTTP server"),
        (b"ipvs", "no HTTP server"),
        (b"\r\n\r\nipvs", "no HTTP server"),
        (b"SSH-2.0-OpenSSH_9.2p1 200\r\n\r\nipvs", "no HTTP server"),
        (b"HTTP/1.0\r\n\r\nipvs", "no HTTP server"),
        (b"HTTP/1.0 404 Not Found\r\n\r\nipvs", "does not know it"),
        (b"HTTP/1.0 2000 OK\r\n\r\nipvs", "does not know it"),
        (b"HTTP/1.0 302 ipvs\r\nLocation: http://192.0.2.1/\r\n\r\n", "does not know it"),
        (HEAD, "names no mode"),
        (HEAD + b"ipv", "names no mode"),
        (HEAD + b"kernelspace", "names no mode"),
        (HEAD + b"userspace", "names no mode"),
        (HEAD + b"IPVS", "names no mode"),
        (HEAD + b"ipvs iptables", "names no mode"),
        (HEAD + b"ipvs\0", "names no mode"),
        (HEAD + b"\xff\xfe<b>\x1b[2J", "names no mode"),
        (HEAD.strip() + b"\r\nipvs", "names no mode"),
    ],
)
def test_other_answers_are_none(answer: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        _proxy_mode.parse(answer)
    assert str(caught.value).isprintable()


def test_kube_proxy_is_asked(serve: Serve) -> None:
    asked: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        asked.append(connection.recv(4096))
        for part in (HEAD[:20], HEAD[20:], b"ip", b"vs"):
            connection.sendall(part)

    assert _proxy_mode.ask(serve(answer), 5) == ("ipvs", "")
    assert asked[0].startswith(b"GET /proxyMode HTTP/1.0\r\n")


def test_a_proxy_of_the_environment_is_not_asked(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://{0}".format(serve(saying(HEAD + b"nftables"))))
    assert _proxy_mode.ask(serve(saying(HEAD + b"ipvs")), 5) == ("ipvs", "")


def slowly(connection: socket.socket) -> None:
    """Say the right thing, with every byte well within the patience, and all of it not."""
    connection.recv(4096)
    for number in range(len(HEAD)):
        connection.sendall(HEAD[number : number + 1])
        time.sleep(0.02)
    connection.sendall(b"ipvs")


def without_end(connection: socket.socket) -> None:
    connection.recv(4096)
    while True:
        connection.sendall(HEAD + b"ipvs" + b" " * 65536)


def at_length(connection: socket.socket) -> None:
    """A mode, and more blanks than anybody reads."""
    connection.recv(4096)
    connection.sendall(HEAD + b"ipvs" + b" " * 65536)


@pytest.mark.parametrize(
    ("answer", "patience", "silence"),
    [
        (lambda connection: connection.recv(4096), 5.0, "what answers is no HTTP server"),
        (saying(HEAD + b"winkernel"), 5.0, "what answers names no mode"),
        (lambda connection: time.sleep(1), 0.2, "no answer"),  # as a stopped kube-proxy, whose kernel accepts
        (slowly, 0.2, "no answer"),
        (without_end, 5.0, "what answers says too much"),
        (at_length, 5.0, "what answers says too much"),
    ],
)
def test_what_says_nothing(
    serve: Serve, answer: Callable[[socket.socket], None], patience: float, silence: str
) -> None:
    assert _proxy_mode.ask(serve(answer), patience) == ("", silence)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert _proxy_mode.ask("127.0.0.1:{0}".format(port), 5) == ("", "Connection refused")


@pytest.mark.parametrize("address", ["192.0.2.1:10249", "[2001:db8::1]:10249"])
def test_another_machine_is_not_asked(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    def connect(*_words: t.Any) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(_proxy_mode.socket, "socket", type("Own", (socket.socket,), {"connect": connect}))
    mode, silence = _proxy_mode.ask(address, 5)
    assert (mode, bool(silence)) == ("", True)


def test_an_address_that_is_none_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_proxy_mode.socket, "socket", None)
    assert _proxy_mode.ask("") == ("", "its metricsBindAddress is no address and port")
