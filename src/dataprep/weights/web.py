"""One client for a whole fetch: proxies, certificates, the token, and what refusals mean.

The client is of the library that huggingface_hub itself speaks with. It is made anew for every
fetch, so that variables set since the start count: huggingface_hub reads most of its own once.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from dataprep import __version__
from dataprep.errors import DataprepError, UsageError
from dataprep.weights.places import TRUE
from dataprep.weights.watch import Patience, Watch

T = TypeVar("T")

ENDPOINT = "https://huggingface.co"
MIRROR = "https://hf-mirror.com"
SECONDS = 10.0
"""A server that is silent for longer is lost."""
LONGEST = 60.0
"""A server that asks to come again later than this is asked again after it all the same."""
HOPS = 8
BUSY = {408, 429, 500, 502, 503, 504}
"""Answers after which another attempt may help."""


class Lost(Exception):
    """An attempt failed; another may help. ``seconds``: what the server asks to wait."""

    def __init__(self, reason: str, seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.seconds = seconds


def endpoint() -> str:
    """The address of the hub or of a mirror: HF_ENDPOINT as it stands now.

    Raises ``UsageError`` for something that is no address.
    """
    chosen = os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or ENDPOINT
    if not chosen.startswith(("http://", "https://")) or not urlsplit(chosen).hostname:
        raise UsageError(
            f"HF_ENDPOINT is '{chosen}', which is no web address",
            f"it begins with https://, such as {MIRROR}",
        )
    return chosen


class Web:
    """Asks and fetches, patiently. Use it as a context."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self._library = _library()
        self._client = self._made()
        self._token = _token()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    @property
    def has_token(self) -> bool:
        """Whether this machine is logged in at the hub."""
        return self._token is not None

    def ask(self, method: str, url: str, what: str, hint: str) -> Any:
        """The answer to a small request, after a few attempts where one helps.

        A redirection is followed unless it carries what the hub says of a large file. Answers of
        400 and above are the caller's. Raises ``DataprepError`` that begins with ``what``.
        """

        def once() -> Any:
            request = self._request(method, url)
            for _ in range(HOPS):
                answer = self._client.send(request, follow_redirects=False)
                if answer.next_request is None or "x-linked-etag" in answer.headers:
                    return not_busy(answer)
                # the library leaves the token out where the host is another
                request = answer.next_request
            raise Lost("redirected in a circle")

        return self.patient(once, what, hint)

    @contextmanager
    def stream(self, url: str, start: int) -> Generator[Any, None, None]:
        """The answer for a file from byte ``start`` on, its body still to come; one attempt.

        Raises ``Lost``.
        """
        request = self._request("GET", url, {"Range": f"bytes={start}-"} if start else {})
        with self._as_lost():
            answer = self._client.send(request, stream=True, follow_redirects=True)
            try:
                with self.watch.listening(lambda: _cut(answer)):
                    yield not_busy(answer)
            finally:
                answer.close()

    def patient(self, attempt: Callable[[], T], what: str, hint: str) -> T:
        """What ``attempt`` returns, tried again where it is lost."""
        patience = Patience(self.watch, what, hint)
        while True:
            try:
                with self._as_lost():
                    return attempt()
            except Lost as lost:
                patience.lose(str(lost), lost.seconds)

    def _request(self, method: str, url: str, more: Mapping[str, str] | None = None) -> Any:
        # compressed, a file's size would not be known
        headers = {"Accept-Encoding": "identity", **(more or {})}
        if self._token is not None and url.startswith(f"{endpoint()}/"):
            headers["Authorization"] = f"Bearer {self._token}"
        return self._client.build_request(method, url, headers=headers)

    @contextmanager
    def _as_lost(self) -> Generator[None, None, None]:
        try:
            yield
        except (self._library.UnsupportedProtocol, self._library.InvalidURL) as error:
            raise DataprepError(f"no web address: {error}", "look at HF_ENDPOINT") from None
        except self._library.HTTPError as error:
            self.watch.check()
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise DataprepError(
                    f"the certificate of {endpoint()} is not trusted on this machine ({error})",
                    "where a firewall looks into connections, SSL_CERT_FILE names its certificates",
                ) from None
            raise Lost(_reason(error)) from None

    def _made(self) -> Any:
        try:
            return self._library.Client(
                timeout=SECONDS, headers={"User-Agent": f"lora-dataprep/{__version__}"}
            )
        except (ImportError, ValueError) as error:
            raise DataprepError(
                f"the proxy of this machine cannot be used: {error}",
                "look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY",
            ) from None


def not_busy(answer: Any) -> Any:
    """The same answer. Raises ``Lost`` when the server asks to come again."""
    if answer.status_code not in BUSY:
        return answer
    asked = answer.headers.get("retry-after", "")
    seconds = min(float(asked), LONGEST) if asked.isdigit() else 0.0
    raise Lost(f"the server answered {answer.status_code} {answer.reason_phrase}", seconds)


def _library() -> Any:
    """httpx, under the name by which the installed huggingface_hub has it (httpx or httpx2)."""
    errors = import_module("huggingface_hub.errors")
    base = errors.HfHubHTTPError.__mro__[1]
    return import_module(base.__module__.partition(".")[0])


def _token() -> str | None:
    """HF_TOKEN, or what `hf auth login` left; never shown, never written."""
    if os.environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").upper() in TRUE:
        return None
    token: str | None = import_module("huggingface_hub").get_token()
    return token


def _cut(answer: Any) -> None:
    """End a connection that another thread waits for."""
    stream = answer.extensions.get("network_stream")
    wire = stream.get_extra_info("socket") if stream is not None else None
    if wire is None:
        return
    try:
        wire.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended by itself


def _reason(error: Exception) -> str:
    """An error of the network in a few words."""
    kind = type(error).__name__
    if "Timeout" in kind:
        return f"the server was silent for {SECONDS:.0f} s"
    if kind == "ProxyError":
        return f"the proxy refused ({error})"
    return str(error).rstrip(".") or kind
