"""A small local server that answers like the Hugging Face Hub, its CDN, and a plain HTTP proxy."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 1000
"""Files of this size and more are kept as the hub keeps large ones: at the CDN, by SHA-256."""
PIECE = 4096


@dataclass
class Asked:
    """A request as it came."""

    method: str
    host: str
    path: str
    headers: Mapping[str, str]
    sent: int = 0
    """Bytes of the body that went out."""


@dataclass
class TinyHub:
    """What the hub holds, how it misbehaves, and what it was asked."""

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    cut_after: list[int] = field(default_factory=list)
    """For each coming body: after so many bytes the connection is cut."""
    busy: int = 0
    """So many coming requests are answered 503."""
    corrupt: int = 0
    """So many coming bodies have one wrong byte."""
    announced: dict[str, int] = field(default_factory=dict)
    """Sizes that are not true, by path."""
    hold_at: int | None = None
    """A body stops after so many bytes until ``go_on`` is set."""
    ranges: bool = True
    page: int = 100
    """Rows of one page of a listing."""
    answers: bool = True
    """False: it is some web server, but no hub."""
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.go_on = threading.Event()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Bound", (_Handler,), {"hub": self})
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def cdn(self) -> str:
        # another origin for a client, the same server
        return f"http://localhost:{self.port}/cdn"

    def bodies(self, name: str = "") -> list[Asked]:
        """The requests for the content of large files."""
        found = [one for one in self.asked if one.method == "GET" and one.path.startswith("/cdn/")]
        return [one for one in found if one.path.endswith(name)]


class _Handler(BaseHTTPRequestHandler):
    hub: TinyHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._route()

    def do_GET(self) -> None:
        self._route()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _route(self) -> None:
        address = urlsplit(self.path)
        self.now = Asked(
            self.command,
            address.netloc or self.headers.get("Host", ""),
            unquote(address.path),
            dict(self.headers),
        )
        self.hub.asked.append(self.now)
        if self.hub.busy:
            self.hub.busy -= 1
            self._answer(503, b"")
            return
        if not self.hub.answers:
            self._answer(200, b"<html>please log in</html>", {"Content-Type": "text/html"})
            return
        parts = self.now.path.strip("/").split("/")
        if parts[0] == "cdn":
            self._body(self.hub.repositories["/".join(parts[1:3])]["/".join(parts[3:])])
        elif parts[0] == "api":
            self._api(parts[2:], address.query)
        elif len(parts) > 4 and parts[2] == "resolve":
            self._resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:
            self._refuse(404, "EntryNotFound")

    def _api(self, parts: list[str], query: str) -> None:
        repository = "/".join(parts[:2])
        if not self._allowed(repository):
            return
        files = self.hub.repositories[repository]
        if parts[2] == "revision":
            if parts[3] not in {"main", COMMIT}:
                self._refuse(404, "RevisionNotFound")
                return
            self._json({"id": repository, "sha": COMMIT})
            return
        rows = [{"type": "directory", "path": "x", "oid": "0", "size": 0}]
        rows += [_row(path, data) for path, data in files.items()]
        start = int(query.rpartition("cursor=")[2]) if "cursor=" in query else 0
        end = start + self.hub.page
        more = f'<{self.hub.url}{self.now.path}?cursor={end}>; rel="next"'
        self._json(rows[start:end], {"Link": more} if end < len(rows) else {})

    def _resolve(self, repository: str, revision: str, path: str) -> None:
        if not self._allowed(repository):
            return
        files = self.hub.repositories[repository]
        if revision not in {"main", COMMIT}:
            self._refuse(404, "RevisionNotFound")
        elif path not in files:
            self._refuse(404, "EntryNotFound")
        elif len(data := files[path]) < LARGE:
            self._body(data, {"ETag": f'"{_etag(data)}"', "X-Repo-Commit": COMMIT})
        else:
            size = self.hub.announced.get(path, len(data))
            headers = {
                "Location": f"{self.hub.cdn}/{repository}/{path}",
                "X-Repo-Commit": COMMIT,
                "X-Linked-Etag": f'"{_etag(data)}"',
                "X-Linked-Size": str(size),
                "ETag": '"of-the-answer"',
            }
            self._answer(302, b"moved", headers)

    def _allowed(self, repository: str) -> bool:
        token = self.headers.get("Authorization")
        if token == "Bearer wrong":
            self._refuse(401, "", "Invalid credentials in Authorization header")
        elif repository not in self.hub.repositories:
            self._refuse(404 if token else 401, "RepoNotFound")
        elif repository in self.hub.gated and token != "Bearer good":
            self._refuse(403 if token else 401, "GatedRepo")
        else:
            return True
        return False

    def _body(self, data: bytes, headers: Mapping[str, str] | None = None) -> None:
        """The content of a file, from where it is asked for, with whatever goes wrong."""
        start, status = 0, 200
        extra = dict(headers or {})
        asked = self.headers.get("Range")
        if asked and self.hub.ranges:
            start, status = int(asked.removeprefix("bytes=").rstrip("-")), 206
            if start >= len(data):
                self._answer(416, b"", extra)
                return
            extra["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        body = data[start:]
        if self.command == "GET" and self.hub.corrupt and len(data) >= LARGE:
            self.hub.corrupt -= 1
            body = bytes([body[0] ^ 1]) + body[1:]
        self.send_response(status)
        for name, value in {**extra, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self._send(body, large=len(data) >= LARGE)

    def _send(self, body: bytes, *, large: bool) -> None:
        cut = self.hub.cut_after.pop(0) if large and self.hub.cut_after else None
        while self.now.sent < len(body):
            at = self.now.sent
            if large and self.hub.hold_at is not None and at >= self.hub.hold_at:
                self.wfile.flush()
                self.hub.go_on.wait()
                self.close_connection = True
                return
            if cut is not None and at >= cut:
                self.close_connection = True
                return
            end = min(at + PIECE, len(body), *([cut] if cut is not None else []))
            try:
                self.wfile.write(body[at:end])
            except OSError:
                self.close_connection = True
                return
            self.now.sent = end

    def _json(self, value: object, headers: Mapping[str, str] | None = None) -> None:
        more = {"Content-Type": "application/json", **(headers or {})}
        self._answer(200, json.dumps(value).encode(), more)

    def _refuse(self, status: int, code: str, message: str = "") -> None:
        self._answer(status, b"", {"X-Error-Code": code, "X-Error-Message": message or code})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def _row(path: str, data: bytes) -> dict[str, object]:
    git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    row: dict[str, object] = {"type": "file", "path": path, "oid": git, "size": len(data)}
    if len(data) >= LARGE:
        row["lfs"] = {"oid": _etag(data), "size": len(data), "pointerSize": 134}
    return row


def _etag(data: bytes) -> str:
    if len(data) >= LARGE:
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
