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
import functools
import http.client
import ipaddress
import os
import random
import select
import socket
import struct
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.thread import BrokenThreadPool

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _addresses, _conntrack, _pods

MAX_ANSWER = 120
MAX_BODY = 1024
MAX_THREADS = 32
# A pod may be held back by a NetworkPolicy: what it does not reach is asked from the next, so many in all.
MAX_PODS = 3
# Seconds for an answer to an empty datagram, which few servers give.
DATAGRAM_PATIENCE = 1.0
ATF_COM = 0x2  # <linux/if_arp.h>
NO_POD = "there is no pod here to ask from"
NO_DNS = "no pod here uses the cluster's DNS"

DNS_NAME = "kubernetes.default.svc.cluster.local"

# This machine knows no way, or nobody answers at its end.
_UNREACHABLE = {errno.ENETUNREACH: "no route", errno.EHOSTUNREACH: "host unreachable"}
DNS_KINDS = (1, 28)  # A, AAAA
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
    origin: str = "node"  # or "pod"


Opened = t.Callable[[str], None]  # told the connection, see _conntrack
Send = t.Callable[[Target, float, Opened], str]


class Answer(t.NamedTuple):
    """What one request brought."""

    ok: bool
    text: str
    error: str
    seconds: float
    connection: str  # "" where none was opened


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


def build_query(identifier: int, name: str, kind: int = 1) -> bytes:
    """Return a DNS query (RFC 1035) for the records of a name, by default A."""
    labels = b"".join(struct.pack("!B", len(label)) + label for label in name.rstrip(".").encode("idna").split(b"."))
    return struct.pack("!HHHHHH", identifier, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, 1)


def parse_response(identifier: int, data: bytes) -> str:
    """Return a short text for a DNS response; raise BadAnswer when it is none of this query's."""
    if len(data) < 12:
        raise BadAnswer(f"not DNS: {len(data)} bytes")
    found, flags, _dummy, answers, _dummy2, _dummy3 = struct.unpack_from("!HHHHHH", data)
    if found != identifier or not flags & 0x8000:
        raise BadAnswer("not DNS: no response to this query")
    code = flags & 0xF
    return "{}, {} answers".format(_RCODES[code] if code < len(_RCODES) else f"RCODE {code}", answers)


def parse_addresses(identifier: int, data: bytes) -> list[str]:
    """Return the addresses in a DNS response; raise BadAnswer when it is none of this query's."""
    text = parse_response(identifier, data)
    questions, answers = struct.unpack_from("!HH", data, 4)
    found = []
    try:
        offset = 12
        for _question in range(questions):
            offset = _after_name(data, offset) + 4
        for _answer in range(answers):
            offset = _after_name(data, offset)
            kind, _dummy, _dummy_ttl, length = struct.unpack_from("!HHIH", data, offset)
            value = data[offset + 10 : offset + 10 + length]
            if len(value) < length:
                raise IndexError(length)
            if (kind, length) in ((1, 4), (28, 16)):
                found.append(str(ipaddress.ip_address(value)))
            offset += 10 + length
    except (struct.error, IndexError, ValueError) as exc:
        raise BadAnswer("not DNS: {0}, but cut off".format(text)) from exc
    return found


def _after_name(data: bytes, offset: int) -> int:
    """Return where a name ends: at its last label, or at a pointer to another one."""
    while data[offset]:
        if data[offset] >= 0xC0:
            return offset + 2
        offset += data[offset] + 1
    return offset + 1


def _connect(target: Target, timeout: float, opened: Opened) -> socket.socket:
    """Return a connected socket; the connection is told even where nobody answers."""
    failure: OSError = OSError("no address")
    for family, kind, protocol, _dummy, address in socket.getaddrinfo(
        target.address, target.port, type=socket.SOCK_STREAM
    ):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            code = sock.connect_ex(address)
            source = sock.getsockname()
            if source[1]:
                opened(_conntrack.connection("tcp", source[:2], (str(address[0]), target.port)))
            if code == errno.EINPROGRESS:
                poll = select.poll()
                poll.register(sock, select.POLLOUT)
                if not poll.poll(timeout * 1000):
                    raise socket.timeout("timed out")
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, os.strerror(code))
            sock.settimeout(timeout)
            return sock
        except OSError as exc:
            sock.close()
            failure = exc
    raise failure


def _http(target: Target, timeout: float, opened: Opened) -> str:
    deadline = time.monotonic() + timeout
    connection = http.client.HTTPConnection(target.address, target.port, timeout=timeout)
    connection.sock = _connect(target, timeout, opened)
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


def _tcp(target: Target, timeout: float, opened: Opened) -> str:
    with _connect(target, timeout, opened) as sock:
        if target.request == "connect":
            return "connected"
        identifier = random.getrandbits(16)
        query = build_query(identifier, target.name)
        sock.sendall(struct.pack("!H", len(query)) + query)
        size = struct.unpack("!H", _receive(sock, 2))[0]
        return parse_response(identifier, _receive(sock, size))


def _udp(target: Target, timeout: float, opened: Opened) -> str:
    family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        # Connected, so that an ICMP refusal reaches this socket.
        sock.connect((target.address, target.port))
        opened(_conntrack.connection("udp", sock.getsockname()[:2], (target.address, target.port)))
        if target.request == "dns":
            identifier = random.getrandbits(16)
            sock.send(build_query(identifier, target.name))
            return parse_response(identifier, sock.recv(65535))
        sock.settimeout(min(timeout, DATAGRAM_PATIENCE))
        sock.send(b"")
        return short(f"{len(sock.recv(65535))} bytes")


def send_request(target: Target, timeout: float, opened: Opened) -> str:
    """Send one request; return the answer as a short text or raise."""
    if target.request == "http":
        return _http(target, timeout, opened)
    return _udp(target, timeout, opened) if target.protocol == "udp" else _tcp(target, timeout, opened)


def ask(
    target: Target,
    timeout: float,
    send: Send = send_request,
    clock: t.Callable[[], float] = time.monotonic,
) -> Answer:
    """Send one request and time it."""
    began = clock()
    opened: list[str] = []
    try:
        text = send(target, timeout, opened.append)
    except (OSError, http.client.HTTPException, BadAnswer, ValueError) as exc:
        return Answer(False, "", describe_error(exc), clock() - began, "".join(opened[-1:]))
    return Answer(True, text, "", clock() - began, "".join(opened[-1:]))


def parse_neighbours(text: str) -> dict[str, str]:
    """Return address -> hardware address of the complete entries in /proc/net/arp."""
    found = {}
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) >= 6 and int(words[2], 16) & ATF_COM:
            found[words[0]] = words[3].lower()
    return found


def result(target: Target, answers: t.Sequence[Answer], pod: str = "", resolved: str = "") -> dict[str, t.Any]:
    """Sum up the requests that one target got. pod: the one that asked. resolved: the address of a name."""
    texts: list[str] = []
    for answer in answers:
        if answer.ok and answer.text not in texts:
            texts.append(answer.text)
    failed = [answer for answer in answers if not answer.ok]
    return {
        "address": target.address,
        "port": target.port,
        "protocol": target.protocol,
        "request": target.request,
        "ok": bool(answers) and not failed,
        "answered": len(answers) - len(failed),
        "answer": texts[0] if texts else "",
        "answers": texts,
        "error": failed[0].error if failed else "",
        "failed": failed[0].connection if failed else "",
        "seconds": round(max((answer.seconds for answer in answers), default=0.0), 3),
        "connections": [answer.connection for answer in answers],
        "pod": pod,
        "resolved": resolved,
    }


def probe(
    targets: t.Sequence[Target],
    timeout: float,
    attempts: int,
    send: Send = send_request,
    clock: t.Callable[[], float] = time.monotonic,
) -> list[dict[str, t.Any]]:
    """Return one result for each target, in order; targets are asked side by side, the attempts of one in turn."""
    if not targets:
        return []

    def run(target: Target) -> dict[str, t.Any]:
        return result(target, [ask(target, timeout, send, clock) for dummy in range(attempts)])

    with ThreadPoolExecutor(max_workers=min(MAX_THREADS, len(targets))) as pool:
        return list(pool.map(run, targets))


def _resolve(name: str, pod: _pods.Pod, timeout: float) -> str:
    """Return the first address of a Service's name as a pod finds it; raise OSError or BadAnswer."""
    for kind in DNS_KINDS:
        with socket.socket(socket.AF_INET6 if ":" in pod.nameserver else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(timeout)
            sock.connect((pod.nameserver, 53))
            identifier = random.getrandbits(16)
            sock.send(build_query(identifier, "{0}.{1}".format(name, pod.domain), kind))
            found = parse_addresses(identifier, sock.recv(65535))
        if found:
            return found[0]
    raise BadAnswer("{0} knows no {1}.{2}".format(pod.nameserver, name, pod.domain))


def _from_pod(pod: _pods.Pod, timeout: float, attempts: int, target: Target) -> dict[str, t.Any]:
    """Ask a target from the thread's network, which is the pod's."""
    resolved = ""
    asked = target
    if not _addresses.is_address(target.address):
        if not pod.domain:
            return result(target, [Answer(False, "", NO_DNS, 0.0, "")])
        try:
            resolved = _resolve(target.address, pod, timeout)
        except (OSError, BadAnswer) as exc:
            text = "the name cannot be resolved ({0} by {1})".format(describe_error(exc), pod.nameserver)
            return result(target, [Answer(False, "", text, 0.0, "")], pod.name)
        asked = target._replace(address=resolved, host=target.host or target.address)
    return result(target, [ask(asked, timeout) for dummy in range(attempts)], pod.name, resolved)


def probe_from_pods(
    targets: t.Sequence[Target], pods: t.Sequence[_pods.Pod], timeout: float, attempts: int
) -> list[dict[str, t.Any]]:
    """Return one result for each target, in order, asked from within the network of a pod."""
    results = [result(target, [Answer(False, "", NO_POD, 0.0, "")]) for target in targets]
    for pod in pods[:MAX_PODS]:
        late = [index for index, one in enumerate(results) if not one["ok"]]
        if not late:
            break
        try:
            with ThreadPoolExecutor(min(MAX_THREADS, len(late)), "", _pods.enter, (pod.namespace,)) as pool:
                ask_it = functools.partial(_from_pod, pod, timeout, attempts)
                found = list(pool.map(ask_it, [targets[index] for index in late]))
        except BrokenThreadPool:
            continue  # the pod has gone
        for index, one in zip(late, found):
            # The first failure is told, unless it was only that this pod does not use the cluster's DNS.
            if one["ok"] or results[index]["error"] in (NO_POD, NO_DNS):
                results[index] = one
    return results
