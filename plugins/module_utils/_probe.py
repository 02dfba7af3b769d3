# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Requests to addresses and ports, and what answered.

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import errno
import http.client
import random
import socket
import struct
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

MAX_ANSWER = 120
MAX_BODY = 1024
MAX_THREADS = 32

DNS_NAME = "kubernetes.default.svc.cluster.local"

# This machine knows no way, or nobody answers at its end.
_UNREACHABLE = {errno.ENETUNREACH: "no route", errno.EHOSTUNREACH: "host unreachable"}
_RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")


class Target(t.NamedTuple):
    """One address and port with the request to send there."""

    address: str
    port: int
    protocol: str = "tcp"
    request: str = "connect"
    path: str = "/"
    host: str = ""  # "": the address
    name: str = DNS_NAME


class Answer(t.NamedTuple):
    """What one request brought."""

    ok: bool
    text: str
    error: str
    seconds: float


class BadAnswer(Exception):
    """Something answered, but not what was asked for."""


def short(text: str) -> str:
    """Return the printable characters of a text on one line, at most MAX_ANSWER."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line[:MAX_ANSWER]


def describe_error(exc: BaseException) -> str:
    """Return one sentence for a failed request."""
    if isinstance(exc, BadAnswer):
        return str(exc)
    if isinstance(exc, socket.gaierror):
        return "the address cannot be resolved"
    if isinstance(exc, (socket.timeout, TimeoutError)):
        return "timed out"
    if isinstance(exc, http.client.RemoteDisconnected):
        return "closed without an answer"
    if isinstance(exc, ConnectionRefusedError):
        return "refused"
    if isinstance(exc, (ConnectionResetError, BrokenPipeError)):
        return "reset"
    if isinstance(exc, http.client.HTTPException):
        return f"not HTTP: {short(str(exc) or type(exc).__name__)}"
    if isinstance(exc, OSError) and exc.strerror:
        return _UNREACHABLE.get(exc.errno or 0, exc.strerror)
    return str(exc) or type(exc).__name__


def build_query(identifier: int, name: str) -> bytes:
    """Return a DNS query (RFC 1035) for the A records of a name."""
    labels = b"".join(struct.pack("!B", len(label)) + label for label in name.rstrip(".").encode("idna").split(b"."))
    return struct.pack("!HHHHHH", identifier, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)


def parse_response(identifier: int, data: bytes) -> str:
    """Return a short text for a DNS response; raise BadAnswer when it is none of this query's."""
    if len(data) < 12:
        raise BadAnswer(f"not DNS: {len(data)} bytes")
    found, flags, _dummy, answers, _dummy2, _dummy3 = struct.unpack_from("!HHHHHH", data)
    if found != identifier or not flags & 0x8000:
        raise BadAnswer("not DNS: no response to this query")
    code = flags & 0xF
    return "{}, {} answers".format(_RCODES[code] if code < len(_RCODES) else f"RCODE {code}", answers)


def _http(target: Target, timeout: float) -> str:
    deadline = time.monotonic() + timeout
    connection = http.client.HTTPConnection(target.address, target.port, timeout=timeout)
    headers = {"User-Agent": "kubeaddons.metallb", "Connection": "close"}
    if target.host:
        headers["Host"] = target.host
    try:
        connection.request("GET", target.path, headers=headers)
        response = connection.getresponse()
        body = b""
        # A server that keeps on sending must not hold the probe: each part has the timeout, and so has the whole.
        while len(body) < MAX_BODY and not response.isclosed() and time.monotonic() < deadline:
            try:
                part = response.read1(MAX_BODY - len(body))
            except socket.timeout:
                break
            if not part:
                break
            body += part
    finally:
        connection.close()
    return short("{} {}".format(response.status, body.decode("utf-8", "replace")))


def _receive(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise BadAnswer("closed without an answer")
        data += part
    return data


def _tcp(target: Target, timeout: float) -> str:
    with socket.create_connection((target.address, target.port), timeout) as sock:
        if target.request == "connect":
            return "connected"
        identifier = random.getrandbits(16)
        query = build_query(identifier, target.name)
        sock.sendall(struct.pack("!H", len(query)) + query)
        size = struct.unpack("!H", _receive(sock, 2))[0]
        return parse_response(identifier, _receive(sock, size))


def _udp(target: Target, timeout: float) -> str:
    family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        # Connected, so that an ICMP refusal reaches this socket.
        sock.connect((target.address, target.port))
        if target.request == "dns":
            identifier = random.getrandbits(16)
            sock.send(build_query(identifier, target.name))
            return parse_response(identifier, sock.recv(65535))
        sock.send(b"")
        return short(f"{len(sock.recv(65535))} bytes")


def send_request(target: Target, timeout: float) -> str:
    """Send one request; return the answer as a short text or raise."""
    if target.request == "http":
        return _http(target, timeout)
    return _udp(target, timeout) if target.protocol == "udp" else _tcp(target, timeout)


def ask(
    target: Target,
    timeout: float,
    send: t.Callable[[Target, float], str] = send_request,
    clock: t.Callable[[], float] = time.monotonic,
) -> Answer:
    """Send one request and time it."""
    began = clock()
    try:
        text = send(target, timeout)
    except (OSError, http.client.HTTPException, BadAnswer, ValueError) as exc:
        return Answer(False, "", describe_error(exc), clock() - began)
    return Answer(True, text, "", clock() - began)


def result(target: Target, answers: t.Sequence[Answer]) -> dict[str, t.Any]:
    """Sum up the requests that one target got."""
    texts: list[str] = []
    for answer in answers:
        if answer.ok and answer.text not in texts:
            texts.append(answer.text)
    errors = [answer.error for answer in answers if not answer.ok]
    return {
        "address": target.address,
        "port": target.port,
        "protocol": target.protocol,
        "request": target.request,
        "ok": bool(answers) and not errors,
        "answered": len(answers) - len(errors),
        "answer": texts[0] if texts else "",
        "answers": texts,
        "error": errors[0] if errors else "",
        "seconds": round(max((answer.seconds for answer in answers), default=0.0), 3),
    }


def probe(
    targets: t.Sequence[Target],
    timeout: float,
    attempts: int,
    send: t.Callable[[Target, float], str] = send_request,
    clock: t.Callable[[], float] = time.monotonic,
) -> list[dict[str, t.Any]]:
    """Return one result for each target, in order; targets are asked side by side, the attempts of one in turn."""
    if not targets:
        return []

    def run(target: Target) -> dict[str, t.Any]:
        return result(target, [ask(target, timeout, send, clock) for dummy in range(attempts)])

    with ThreadPoolExecutor(max_workers=min(MAX_THREADS, len(targets))) as pool:
        return list(pool.map(run, targets))
