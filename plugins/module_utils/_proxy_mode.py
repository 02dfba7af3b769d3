# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The mode that this node's kube-proxy runs in, in its own words.

Its ConfigMap tells the mode in which it will start the next time. The server of its metrics answers GET /proxyMode with one
word, the mode that it has started in (serveMetrics in cmd/kube-proxy/app/server.go of Kubernetes).

Python 3.8, standard library only: nodes import this file.
"""

from __future__ import annotations

import os
import socket
import time
import typing as t

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _differences, _ipvs

PATIENCE = 1.5  # seconds: a kube-proxy that stands still accepts the connection and says nothing
_REQUEST = b"GET /proxyMode HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_MOST_BYTES = 4096  # an answer has less than 300


class Told(t.NamedTuple):
    """What kube-proxy said."""

    mode: str  # "" where it said nothing
    silence: str  # why it said nothing, "" where it did


def parse(answer: bytes) -> str:
    """Return the mode that an HTTP response names; raise ValueError for anything else."""
    head, _dummy, body = answer.partition(b"\r\n\r\n")
    words = head.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1."):
        raise ValueError("what answers is no HTTP server")
    if words[1] != b"200":
        raise ValueError("what answers does not know it")
    mode = body.decode("ascii", "replace").strip()
    if mode not in _differences.MODES:
        # Not repeated: whatever listens there may have written it.
        raise ValueError("what answers names no mode")
    return mode


def _receive(sock: socket.socket, deadline: float) -> bytes:
    """Return what comes until the end, however slowly and however much; raise OSError or ValueError."""
    answer = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout
        sock.settimeout(left)
        part = sock.recv(_MOST_BYTES)
        if not part:
            return answer
        answer += part
        if len(answer) > _MOST_BYTES:
            raise ValueError("what answers says too much")


def ask(address: str, patience: float = PATIENCE) -> Told:
    """Ask this node's kube-proxy at its address and port for metrics ("": not known), for so many seconds in all."""
    if not address:
        return Told("", "its metricsBindAddress is no address and port")
    host, port = _ipvs.split_endpoint(address)
    deadline = time.monotonic() + patience
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as sock:
            # From the address itself, so that another machine's kube-proxy is not asked.
            sock.bind((host, 0))
            sock.settimeout(patience)
            sock.connect((host, port))
            sock.sendall(_REQUEST)
            return Told(parse(_receive(sock, deadline)), "")
    except socket.timeout:
        return Told("", "no answer")
    except OSError as exc:
        return Told("", os.strerror(exc.errno) if exc.errno else "no answer")
    except ValueError as exc:
        return Told("", str(exc))
