# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import http.client
import socket
import struct
import threading
import typing as t
from collections.abc import Callable, Iterator

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _probe

Serve = Callable[[Callable[[socket.socket], None]], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start TCP servers on the loopback; each connection is handed to a function."""
    listeners = []

    def start(answer: Callable[[socket.socket], None], address: str = "127.0.0.1") -> int:
        listener = socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        listeners.append(listener)

        def loop() -> None:
            while True:
                try:
                    connection, _peer = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        answer(connection)
                    except OSError:
                        pass

        threading.Thread(target=loop, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.close()


def page(body: bytes, status: bytes = b"200 OK") -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    return answer


def probe(port: int, timeout: float = 5.0, attempts: int = 1, **changes: t.Any) -> dict[str, t.Any]:
    target = _probe.Target(changes.pop("address", "127.0.0.1"), port)._replace(**changes)
    (found,) = _probe.probe([target], timeout, attempts)
    return found


def test_a_page(serve: Serve) -> None:
    found = probe(serve(page(b"Hello World!\nmyweb-rs-x7k2p\n")), request="http")
    assert found["ok"]
    assert found["answer"] == "200 Hello World! myweb-rs-x7k2p"
    assert found["error"] == ""


def test_any_status_is_an_answer(serve: Serve) -> None:
    found = probe(serve(page(b"gone away", b"503 Service Unavailable")), request="http")
    assert (found["ok"], found["answer"]) == (True, "503 gone away")


def test_the_request_line_and_the_host_header(serve: Serve) -> None:
    seen = []

    def answer(connection: socket.socket) -> None:
        seen.append(connection.recv(4096).decode().split("\r\n"))
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    port = serve(answer)
    assert probe(port, request="http", path="/ready?x=1", host="web.example.com")["answer"] == "204"
    probe(port, request="http")
    assert seen[0][0] == "GET /ready?x=1 HTTP/1.1"
    assert "Host: web.example.com" in seen[0]
    assert [line for line in seen[0] if line.lower().startswith("host:")] == ["Host: web.example.com"]
    assert f"Host: 127.0.0.1:{port}" in seen[1]


def test_a_long_binary_answer_is_short_and_printable(serve: Serve) -> None:
    found = probe(serve(page(b"\x00\x1b[31m" + b"x" * 5000)), request="http")
    assert len(found["answer"]) == 120
    assert found["answer"].isprintable()


def test_different_answers_are_collected(serve: Serve) -> None:
    names = iter([b"one", b"two", b"one", b"three"])

    def answer(connection: socket.socket) -> None:
        page(next(names))(connection)

    found = probe(serve(answer), request="http", attempts=4)
    assert found["answers"] == ["200 one", "200 two", "200 three"]
    assert (found["answer"], found["answered"]) == ("200 one", 4)


def test_a_server_that_never_ends_is_cut_off(serve: Serve) -> None:
    release = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nhello")
        release.wait(20)

    try:
        found = probe(serve(answer), request="http", timeout=0.2)
    finally:
        release.set()
    assert (found["ok"], found["answer"]) == (True, "200 hello")


def test_connect(serve: Serve) -> None:
    found = probe(serve(lambda connection: None))
    assert (found["ok"], found["answer"]) == (True, "connected")


@pytest.mark.parametrize("request_kind", ["connect", "http", "dns"])
def test_refused(request_kind: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        found = probe(unused.getsockname()[1], request=request_kind)
    assert (found["ok"], found["error"], found["answer"], found["answers"]) == (False, "refused", "", [])


def test_refused_over_udp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert probe(port, protocol="udp", request="dns")["error"] == "refused"


def test_something_else_than_http(serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(b"SSH-2.0-OpenSSH_10.0\r\n")
        connection.recv(4096)

    assert probe(serve(answer), request="http")["error"] == "not HTTP: SSH-2.0-OpenSSH_10.0"


def test_closed_without_an_answer(serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(4096)

    port = serve(answer)
    assert probe(port, request="http")["error"] == "closed without an answer"
    assert probe(port, request="dns")["error"] == "closed without an answer"


def test_a_reset(serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert probe(serve(answer), request="http")["error"] == "reset"


def test_a_timeout(serve: Serve) -> None:
    release = threading.Event()
    try:
        found = probe(serve(lambda connection: t.cast("None", release.wait(20))), request="http", timeout=0.1)
    finally:
        release.set()
    assert (found["ok"], found["error"]) == (False, "timed out")


@pytest.mark.parametrize(
    ("exc", "sentence"),
    [
        (TimeoutError("timed out"), "timed out"),
        (TimeoutError(errno.ETIMEDOUT, "Connection timed out"), "timed out"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "refused"),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "reset"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "reset"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "host unreachable"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "no route"),
        (socket.gaierror(-2, "Name or service not known"), "the address cannot be resolved"),
        (http.client.RemoteDisconnected(""), "closed without an answer"),
        (http.client.BadStatusLine("hello"), "not HTTP: hello"),
        (OSError(errno.EACCES, "Permission denied"), "Permission denied"),
        (ValueError("odd"), "odd"),
    ],
)
def test_errors_are_one_sentence(exc: BaseException, sentence: str) -> None:
    assert _probe.describe_error(exc) == sentence


QUERY = (
    "abcd 0100 0001 0000 0000 0000"
    "0a 6b756265726e65746573 07 64656661756c74 03 737663 07 636c7573746572 05 6c6f63616c 00 0001 0001"
)


def test_a_query() -> None:
    assert _probe.build_query(0xABCD, "kubernetes.default.svc.cluster.local") == bytes.fromhex(QUERY)
    assert _probe.build_query(0xABCD, "kubernetes.default.svc.cluster.local.") == bytes.fromhex(QUERY)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("abcd 8180 0001 0001 0000 0000", "NOERROR, 1 answers"),
        ("abcd 8183 0001 0000 0001 0000", "NXDOMAIN, 0 answers"),
        ("abcd 8185 0000 0000 0000 0000", "REFUSED, 0 answers"),
        ("abcd 818f 0000 0000 0000 0000", "RCODE 15, 0 answers"),
    ],
)
def test_a_response(data: str, text: str) -> None:
    assert _probe.parse_response(0xABCD, bytes.fromhex(data)) == text


@pytest.mark.parametrize("data", ["", "abcd 8180", "abce 8180 0001 0001 0000 0000", "abcd 0100 0001 0001 0000 0000"])
def test_what_is_no_response(data: str) -> None:
    with pytest.raises(_probe.BadAnswer, match="not DNS"):
        _probe.parse_response(0xABCD, bytes.fromhex(data))


def test_dns_over_tcp(serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        size = struct.unpack("!H", connection.recv(2))[0]
        response = connection.recv(size)[:2] + bytes.fromhex("8180 0001 0001 0000 0000")
        # In two pieces, as TCP may.
        connection.sendall(struct.pack("!H", len(response)) + response[:5])
        connection.sendall(response[5:])

    assert probe(serve(answer), request="dns")["answer"] == "NOERROR, 1 answers"


@pytest.fixture
def echo() -> Iterator[int]:
    """A UDP server that answers every datagram, marking DNS headers as responses."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))

    def loop() -> None:
        while True:
            try:
                data, peer = sock.recvfrom(4096)
                if data == b"stop":
                    return
                sock.sendto(data[:2] + b"\x81\x80" + data[4:] if data else b"hi", peer)
            except OSError:
                return

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    port = sock.getsockname()[1]
    yield port
    sock.sendto(b"stop", ("127.0.0.1", port))
    thread.join(5)
    sock.close()


def test_dns_over_udp(echo: int) -> None:
    assert probe(echo, protocol="udp", request="dns")["answer"] == "NOERROR, 0 answers"


def test_a_datagram_that_is_answered(echo: int) -> None:
    found = probe(echo, protocol="udp")
    assert (found["ok"], found["answer"]) == (True, "2 bytes")


def test_ipv6(serve: Serve) -> None:
    try:
        port = t.cast("t.Any", serve)(page(b"six"), "::1")
    except OSError:
        pytest.skip("no IPv6 here")
    assert probe(port, address="::1", request="http")["answer"] == "200 six"
    assert probe(port, address="::1")["ok"]


def test_results_keep_the_order_and_targets_run_side_by_side() -> None:
    barrier = threading.Barrier(3, timeout=10)

    def send(target: _probe.Target, timeout: float, _opened: _probe.Opened) -> str:
        barrier.wait()
        if target.port == 2:
            raise ConnectionRefusedError
        return f"{target.port} within {timeout}"

    targets = [_probe.Target("192.0.2.1", port) for port in (3, 2, 1)]
    found = _probe.probe(targets, 1.5, 1, send, lambda: 0.0)
    assert [(row["port"], row["ok"], row["answer"], row["error"]) for row in found] == [
        (3, True, "3 within 1.5", ""),
        (2, False, "", "refused"),
        (1, True, "1 within 1.5", ""),
    ]


def test_one_failure_among_many_is_no_success() -> None:
    outcomes: list[str | Exception] = ["one", ConnectionRefusedError(), "two", TimeoutError()]
    times = iter([0.0, 0.1, 0.1, 0.6, 0.6, 0.7, 0.7, 0.8])

    connections = iter(["one", "two", "three", "four"])

    def send(_target: _probe.Target, _timeout: float, opened: _probe.Opened) -> str:
        opened(next(connections))
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    (found,) = _probe.probe([_probe.Target("192.0.2.1", 80)], 1.0, 4, send, lambda: next(times))
    assert found == {
        "address": "192.0.2.1",
        "port": 80,
        "protocol": "tcp",
        "request": "connect",
        "ok": False,
        "answered": 2,
        "answer": "one",
        "answers": ["one", "two"],
        "error": "refused",
        "failed": "two",
        "seconds": 0.5,
        "connections": ["one", "two", "three", "four"],
        "pod": "",
        "resolved": "",
    }


def test_the_connection_of_a_request_is_told(serve: Serve) -> None:
    port = serve(page(b"hi"))
    found = probe(port, request="http", attempts=2)
    assert len(set(found["connections"])) == 2
    for one in found["connections"]:
        protocol, source, destination = one.split(" ")
        assert (protocol, destination) == ("tcp", f"127.0.0.1:{port}")
        assert source.startswith("127.0.0.1:")
    assert found["failed"] == ""


def test_of_a_datagram_as_well(echo: int) -> None:
    (one,) = probe(echo, protocol="udp")["connections"]
    assert one.startswith("udp 127.0.0.1:")
    assert one.endswith(f" 127.0.0.1:{echo}")


def test_a_connection_that_nobody_answers_is_told() -> None:
    # A queue of one that is full: further SYNs are dropped.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(("127.0.0.1", port))
            found = probe(port, timeout=0.05)
    assert (found["ok"], found["error"]) == (False, "timed out")
    assert found["connections"] == [found["failed"]]
    assert found["failed"].startswith("tcp 127.0.0.1:")


NEIGHBOURS = """\
IP address       HW type     Flags       HW address            Mask     Device
192.168.100.240  0x1         0x6         52:54:00:AA:00:02     *        br0
192.168.100.241  0x1         0x0         00:00:00:00:00:00     *        br0
192.168.100.101  0x1         0x2         52:54:00:aa:00:02     *        br0
"""


def test_complete_neighbours() -> None:
    assert _probe.parse_neighbours(NEIGHBOURS) == {
        "192.168.100.240": "52:54:00:aa:00:02",
        "192.168.100.101": "52:54:00:aa:00:02",
    }
    assert _probe.parse_neighbours("") == {}


ANSWER = (
    "abcd 8180 0001 0003 0000 0000 03 776562 00 0001 0001"  # web, A
    "c00c 0005 0001 0000001e 0002 c00c"  # an alias
    "c00c 0001 0001 0000001e 0004 0ae90011"
    "03 776562 00 001c 0001 0000001e 0010 fd000000000000000000000000000011"
)


def test_addresses_of_a_name() -> None:
    assert _probe.parse_addresses(0xABCD, bytes.fromhex(ANSWER)) == ["10.233.0.17", "fd00::11"]


@pytest.mark.parametrize("size", range(16, len(bytes.fromhex(ANSWER)), 3))
def test_a_name_servers_answer_that_is_cut_off(size: int) -> None:
    with pytest.raises(_probe.BadAnswer, match="cut off"):
        _probe.parse_addresses(0xABCD, bytes.fromhex(ANSWER)[:size])


class Network:
    """What pods reach: entering is told, requests are answered by script."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *reach: str) -> None:
        self.entered: list[str] = []
        self.reach = reach
        monkeypatch.setattr(_probe._pods, "enter", self.enter)
        monkeypatch.setattr(_probe, "ask", self.ask)
        monkeypatch.setattr(_probe, "_resolve", self.resolve)

    def enter(self, namespace: str) -> None:
        if namespace == "gone":
            raise OSError(errno.ENOENT, "No such file or directory")
        self.entered.append(namespace)

    def ask(self, target: _probe.Target, _timeout: float) -> _probe.Answer:
        ok = self.entered[-1] in self.reach
        return _probe.Answer(ok, target.address if ok else "", "" if ok else "timed out", 0.1, self.entered[-1])

    def resolve(self, name: str, pod: _probe._pods.Pod, _timeout: float) -> str:
        if name == "nope.default.svc":
            raise _probe.BadAnswer("not there")
        return "10.233.0.17"


POD = _probe._pods.Pod("a", "web-1", "10.233.0.10", "cluster.local")
CORE_DNS = _probe._pods.Pod("b", "coredns-1", "", "")


def from_pods(*targets: _probe.Target, pods: t.Sequence[_probe._pods.Pod]) -> list[dict[str, t.Any]]:
    return _probe.probe_from_pods(targets, pods, 1.0, 1)


def told(found: dict[str, t.Any]) -> tuple[bool, str, str, str]:
    return (found["ok"], found["error"], found["pod"], found["resolved"])


CLUSTER_IP = _probe.Target("10.233.0.17", 80, origin="pod")
NAME = _probe.Target("web.default.svc", 80, origin="pod")


def test_from_a_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    Network(monkeypatch, "a")
    found = from_pods(CLUSTER_IP, NAME, pods=[POD, CORE_DNS])
    assert [told(one) for one in found] == [(True, "", "web-1", ""), (True, "", "web-1", "10.233.0.17")]
    assert [one["address"] for one in found] == ["10.233.0.17", "web.default.svc"]
    assert [one["answer"] for one in found] == ["10.233.0.17", "10.233.0.17"]


def test_what_one_pod_does_not_reach_is_asked_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch, "b")
    (found,) = from_pods(CLUSTER_IP, pods=[POD, POD._replace(namespace="gone"), CORE_DNS])
    assert told(found) == (True, "", "coredns-1", "")
    assert network.entered == ["a", "b"]


def test_of_several_pods_that_get_no_answer_the_first_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch)
    pods = [POD, *(POD._replace(namespace=str(number), name=str(number)) for number in range(5))]
    (found,) = from_pods(CLUSTER_IP, pods=pods)
    assert told(found) == (False, "timed out", "web-1", "")
    assert network.entered == ["a", "0", "1"]


def test_without_pods_and_without_the_clusters_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    Network(monkeypatch, "b")
    assert [told(one)[1] for one in from_pods(CLUSTER_IP, NAME, pods=[])] == [_probe.NO_POD, _probe.NO_POD]
    found = from_pods(CLUSTER_IP, NAME, pods=[CORE_DNS])
    assert [told(one)[:2] for one in found] == [(True, ""), (False, _probe.NO_DNS)]


def test_a_name_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    Network(monkeypatch, "a")
    (found,) = from_pods(NAME._replace(address="nope.default.svc"), pods=[POD])
    assert told(found)[1] == "the name cannot be resolved (not there by 10.233.0.10)"


def test_no_targets() -> None:
    assert _probe.probe([], 1.0, 1) == []
