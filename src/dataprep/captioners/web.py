"""POST requests that are tried again, and that can be cut off. Standard library only."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
"""HTTP statuses after which another try may fare better."""
FIRST_PAUSE = 1.0
"""Seconds before the second try; each pause after it is twice as long."""
LONGEST_PAUSE = 60.0
LONGEST_WISH = 600.0
"""A server that wishes a longer pause is not waited for: its day is over."""
CONNECT_SECONDS = 10.0
"""A server that cannot be connected to for so long is not there."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back in the end."""

    status: int
    """HTTP; 0 when there was no answer."""
    body: bytes = b""
    reason: str = ""
    """Why there was no answer."""
    tries: int = 1

    @property
    def text(self) -> str:
        """The body as text, whatever it is."""
        return self.body.decode("utf-8", "replace")


class Web:
    """A server by its base URL. Threads may post at once; ``close`` cuts all of them off."""

    def __init__(self, url: str, key: str, timeout: float, tries: int) -> None:
        self._url, self._timeout, self._tries = url, timeout, tries
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._closed = threading.Event()
        self._reached = threading.Event()
        self._lines = _Lines()
        self._opener = urllib.request.build_opener(
            _Plain(self._lines), _Secure(self._lines), _NoRedirect()
        )

    @property
    def was_reached(self) -> bool:
        """Whether the server has answered anything yet."""
        return self._reached.is_set()

    def close(self) -> None:
        """Cut off what is under way and let no one begin again."""
        self._closed.set()
        self._lines.cut()

    def post(self, path: str, body: dict[str, Any]) -> Reply:
        """Post JSON; after failures that may pass, again after a pause, as the server wishes."""
        data = json.dumps(body).encode()
        reply, tries = Reply(0, reason="stopped"), 0
        while tries < self._tries and not self._closed.is_set():
            tries += 1
            reply, wish = self._once(path, data)
            if reply.status:
                self._reached.set()
            elif not self.was_reached:
                break  # an address that was never right does not become so
            if reply.status == 200 and not _is_json(reply.body):
                reply = Reply(0, reason="the server's answer is not JSON")
            elif reply.status and reply.status not in AGAIN:
                break
            if wish is not None and wish > LONGEST_WISH:
                break
            if tries < self._tries:
                pause = min(FIRST_PAUSE * 2 ** (tries - 1), LONGEST_PAUSE)
                self._pause(pause if wish is None else wish)
        return Reply(reply.status, reply.body, reply.reason, tries)

    def _pause(self, seconds: float) -> None:
        """Wait, unless somebody closes meanwhile."""
        self._closed.wait(seconds)

    def _once(self, path: str, data: bytes) -> tuple[Reply, float | None]:
        """One try, and for how many seconds the server wishes to be left alone."""
        request = urllib.request.Request(self._url + path, data, self._headers, method="POST")
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return Reply(answer.status, answer.read()), None
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, _body(error)), _wish(error.headers.get("Retry-After"))
        except TimeoutError:
            return self._late(), None
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                return self._late(), None
            return Reply(0, reason=_unreachable(error.reason)), None
        except (OSError, http.client.HTTPException) as error:
            return Reply(0, reason=f"the connection broke ({type(error).__name__})"), None

    def _late(self) -> Reply:
        return Reply(0, reason=f"no answer within {self._timeout:g} seconds")


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def _body(error: urllib.error.HTTPError) -> bytes:
    try:
        return bytes(error.read())
    except (OSError, http.client.HTTPException):
        return b""


def _wish(text: str | None) -> float | None:
    """``Retry-After`` in seconds: a number, or a date (RFC 9110, section 10.2.3)."""
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _unreachable(reason: object) -> str:
    if isinstance(reason, ConnectionRefusedError):
        return "nobody answers there"
    if isinstance(reason, socket.gaierror):
        return "there is no such host"
    return f"it cannot be reached ({getattr(reason, 'strerror', None) or reason})"


class _Lines:
    """The connections that are open, so that another thread can end a wait."""

    def __init__(self) -> None:
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_cut = False

    def add(self, line: socket.socket) -> None:
        with self._lock:
            self._sockets = {old for old in self._sockets if old.fileno() != -1}
            self._sockets.add(line)
            is_cut = self._is_cut
        if is_cut:
            _shut(line)

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            sockets = list(self._sockets)
        for line in sockets:
            _shut(line)


def _shut(line: socket.socket) -> None:
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already


def _connect(
    connection: http.client.HTTPConnection, connect: Callable[[], None], lines: _Lines
) -> None:
    """Connect soon or not at all; then wait as long as was wished."""
    patience = connection.timeout
    connection.timeout = CONNECT_SECONDS
    connect()
    connection.sock.settimeout(patience)
    lines.add(connection.sock)


class _Plain(urllib.request.HTTPHandler):
    def __init__(self, lines: _Lines) -> None:
        super().__init__()
        self._lines = lines

    def http_open(self, req: urllib.request.Request) -> Any:
        lines = self._lines

        class Connection(http.client.HTTPConnection):
            def connect(self) -> None:
                _connect(self, super().connect, lines)

        return self.do_open(Connection, req)


class _Secure(urllib.request.HTTPSHandler):
    def __init__(self, lines: _Lines) -> None:
        super().__init__()
        self._lines = lines

    def https_open(self, req: urllib.request.Request) -> Any:
        lines = self._lines

        class Connection(http.client.HTTPSConnection):
            def connect(self) -> None:
                _connect(self, super().connect, lines)

        return self.do_open(Connection, req)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to whatever address the server names."""

    def redirect_request(self, *_: Any) -> None:
        """Never another request."""
        return
