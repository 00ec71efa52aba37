"""Captions from a server: a small one of our own that answers as OpenAI's does, or badly."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dataprep.captioners import web
from dataprep.captioners.endpoint import data_url, read_key, read_server
from dataprep.captioners.web import _wish
from dataprep.dataset import Dataset
from dataprep.errors import DataprepError, UsageError
from dataprep.jobs import finish
from dataprep.report import Report
from dataprep.settings import build
from dataprep.stages.caption import Settings, run
from tests.test_captioners import painted

KEY = "sk-proj-0123456789abcdefghij"
VARIABLE = "CAPTION_TEST_KEY"
Body = dict[str, Any]
Handle = Callable[["Server", BaseHTTPRequestHandler, Body], None]


class Server:
    """What was asked, and how it answers; ``handle`` may be changed at any time."""

    def __init__(self) -> None:
        self.bodies: list[Body] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.busy = self.most_busy = 0
        self.lock = threading.Lock()
        self.handle: Handle = describe
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer.lock:
                    outer.bodies.append(body)
                    outer.headers.append(dict(self.headers))
                    outer.paths.append(self.path)
                    outer.busy += 1
                    outer.most_busy = max(outer.busy, outer.most_busy)
                try:
                    outer.handle(outer, self, body)
                except OSError:
                    return  # the other side has gone
                finally:
                    with outer.lock:
                        outer.busy -= 1

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


def reply(
    handler: BaseHTTPRequestHandler, status: int, body: Any, headers: dict[str, str] | None = None
) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)


def completion(text: str | None, why: str = "stop", **message: Any) -> Body:
    return {"choices": [{"message": {"content": text, **message}, "finish_reason": why}]}


def picture_of(body: Body) -> Image.Image:
    content = body["messages"][-1]["content"]
    url = next(part["image_url"]["url"] for part in content if part["type"] == "image_url")
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def text_of(body: Body) -> str:
    return next(part["text"] for part in body["messages"][-1]["content"] if part["type"] == "text")


def describe(server: Server, handler: BaseHTTPRequestHandler, body: Body) -> None:
    size = picture_of(body).size
    reply(handler, 200, completion(f"a picture of {size[0]} by {size[1]}\npixels"))


def failing(status: int, message: str, times: int = 1000, **headers: str) -> Handle:
    """The first requests fail, the later ones do not."""

    def handle(server: Server, handler: BaseHTTPRequestHandler, body: Body) -> None:
        if len(server.bodies) > times:
            return describe(server, handler, body)
        return reply(handler, status, {"error": {"message": message}}, headers)

    return handle


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(web, "FIRST_PAUSE", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    one = Server()
    yield one
    one.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        painted(number, (60, 50 + number)).save(folder / f"{number}.png")
    return folder


def ask(folder: Path, server: Server, dry_run: bool = False, **values: Any) -> Report:
    given = {"model": "seer", "endpoint": f"{server.url}/v1", **values}
    with Dataset.open(folder, dry_run=dry_run) as dataset:
        return finish(run(dataset, build(Settings, given, "test")))


def captions(folder: Path) -> dict[str, str]:
    return {path.stem: path.read_text() for path in folder.glob("*.txt")}


EXPECTED = {str(n): f"a picture of 60 by {50 + n} pixels\n" for n in range(3)}


def test_pictures_are_described(folder: Path, server: Server) -> None:
    report = ask(folder, server, prompt="What is {name}?", system="You caption.")
    assert captions(folder) == EXPECTED
    assert set(server.paths) == {"/v1/chat/completions"}
    body = next(body for body in server.bodies if text_of(body) == "What is 1?")
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("seer", 0, 300)
    assert "top_p" not in body
    assert body["messages"][0] == {"role": "system", "content": "You caption."}
    assert picture_of(body).format == "JPEG"
    assert all("Authorization" not in headers for headers in server.headers)
    assert report.facts["endpoint"] == f"{server.url}/v1"
    host = server.url.removeprefix("http://")
    assert report.lines == (f"captioned 3 pictures with seer ({host}): 7.0 words each",)
    again = ask(folder, server, prompt="What is {name}?", system="You caption.", overwrite=True)
    assert (again.facts["asked"], again.done, len(server.bodies)) == (0, 0, 3)


def test_equal_runs_send_equal_requests(folder: Path, server: Server) -> None:
    ask(folder, server, dry_run=True)
    ask(folder, server, dry_run=True, redo=True, requests=1)
    by_picture = sorted(map(json.dumps, server.bodies[:3]))
    assert by_picture == sorted(map(json.dumps, server.bodies[3:]))
    assert len({body["seed"] for body in server.bodies}) == 3
    ask(folder, server, dry_run=True, nucleus=True, temperature=0.6)
    assert (server.bodies[-1]["temperature"], server.bodies[-1]["top_p"]) == (0.6, 0.9)


def test_pictures_are_sent_no_larger_than_wished(folder: Path, server: Server) -> None:
    ask(folder, server, max_pixels=1000)
    for body in server.bodies:
        width, height = picture_of(body).size
        assert 850 < width * height <= 1000


def test_so_many_are_in_flight_and_no_more(folder: Path, server: Server) -> None:
    for number in range(3, 12):
        painted(number).save(folder / f"{number}.png")
    together = threading.Barrier(3)

    def slowly(server: Server, handler: BaseHTTPRequestHandler, body: Body) -> None:
        together.wait(10)
        describe(server, handler, body)

    server.handle = slowly
    ask(folder, server, requests=3)
    assert server.most_busy == 3
    assert len(captions(folder)) == 12


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(status: int, folder: Path, server: Server) -> None:
    server.handle = failing(status, "slow down", times=4)
    report = ask(folder, server, requests=2)
    assert captions(folder) == EXPECTED
    assert (len(server.bodies), report.exit_code) == (7, 0)


@pytest.mark.parametrize(
    ("wish", "expected"),
    [({}, [0.01, 0.02, 0.04]), ({"Retry-After": "0.03"}, [0.03, 0.03, 0.03])],
)
def test_pauses_grow_unless_the_server_has_a_wish(
    wish: dict[str, str],
    expected: list[float],
    folder: Path,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(web.Web, "_pause", lambda _, seconds: pauses.append(seconds))
    server.handle = failing(429, "slow down", times=3, **wish)
    ask(folder, server, requests=1)
    assert pauses == expected
    assert captions(folder) == EXPECTED


def test_wishes_are_seconds_or_a_date() -> None:
    assert _wish("7") == 7
    assert _wish(None) is None
    assert _wish("soon") is None
    assert _wish(formatdate(0, usegmt=True)) == 0
    assert 0 < (_wish(formatdate(time.time() + 6000, usegmt=True)) or 0) <= 6000


def test_a_server_that_wishes_hours_is_not_waited_for(folder: Path, server: Server) -> None:
    server.handle = failing(429, "come back tomorrow", **{"Retry-After": "86400"})
    report = ask(folder, server)
    reasons = {issue.reason for issue in report.issues}
    assert reasons == {"the server failed once (HTTP 429): come back tomorrow"}


def test_a_server_that_always_fails_is_left_alone(folder: Path, server: Server) -> None:
    for number in range(3, 30):
        painted(number).save(folder / f"{number:02}.png")
    server.handle = failing(500, "out of order")
    report = ask(folder, server, tries=2, requests=1)
    assert len(server.bodies) == 10
    assert captions(folder) == {}
    assert report.exit_code == 1
    of_pictures = [issue for issue in report.issues if issue.file]
    assert {i.reason for i in of_pictures} == {"the server failed 2 times (HTTP 500): out of order"}
    assert report.issues[-1].reason == (
        "5 pictures in a row failed, so 25 were not asked; run it again to go on"
    )
    assert "5 skipped" in report.lines[0]
    server.handle = describe
    assert ask(folder, server).done == 30


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"choices": [{"mess', "the server's answer is not JSON (2 times)"),
        (b"{}", "the server's answer is no chat completion"),
        (b"[1]", "the server's answer is no chat completion"),
        (b'{"choices": []}', "the server's answer is no chat completion"),
        (
            json.dumps({"error": {"message": "no credit"}}).encode(),
            "the server's answer is no chat completion: no credit",
        ),
        (json.dumps(completion(None)).encode(), "no caption: the model said nothing"),
        (
            json.dumps(completion(None, refusal="I do not do that.")).encode(),
            "the model refused: I do not do that.",
        ),
    ],
)
def test_answers_that_are_none(body: bytes, reason: str, folder: Path, server: Server) -> None:
    (folder / "0.txt").write_text("old\n")
    server.handle = lambda server, handler, _: reply(handler, 200, body)
    report = ask(folder, server, tries=2, overwrite=True, touch_edited=True)
    assert {issue.reason for issue in report.issues} == {reason}
    assert captions(folder) == {"0": "old\n"}


def test_answers_of_other_shapes(folder: Path, server: Server) -> None:
    said = [
        completion("<think>Hm.\n</think>\n\nA girl."),
        completion([{"type": "text", "text": "A "}, {"type": "text", "text": "cat."}]),
        completion("A hat, and", "length"),
    ]
    server.handle = lambda server, handler, _: reply(handler, 200, said.pop(0))
    report = ask(folder, server, requests=1)
    assert sorted(captions(folder).values()) == ["A cat.\n", "A girl.\n", "A hat, and\n"]
    assert [issue.kind for issue in report.issues] == ["cut"]
    assert "1 were cut at 300 tokens" in report.lines[1]


def test_a_connection_that_breaks_is_tried_again(folder: Path, server: Server) -> None:
    def broken(server: Server, handler: BaseHTTPRequestHandler, body: Body) -> None:
        match len(server.bodies):
            case 2:
                handler.connection.close()
            case 3:
                handler.send_response(200)
                handler.send_header("Content-Length", "1000")
                handler.end_headers()
                handler.wfile.write(b'{"choices"')
                handler.wfile.flush()
                handler.connection.close()
            case _:
                describe(server, handler, body)

    server.handle = broken
    report = ask(folder, server, requests=1)
    assert captions(folder) == EXPECTED
    assert (len(server.bodies), report.exit_code) == (5, 0)


def test_a_server_that_is_too_slow_is_given_up(folder: Path, server: Server) -> None:
    over = threading.Event()

    def slow(server: Server, handler: BaseHTTPRequestHandler, body: Body) -> None:
        if len(server.bodies) > 1:
            over.wait(10)
        describe(server, handler, body)

    server.handle = slow
    report = ask(folder, server, requests=1, tries=2, timeout=0.2)
    over.set()
    assert {issue.reason for issue in report.issues} == {"no answer within 0.2 seconds (2 times)"}
    assert len(captions(folder)) == 1


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, "does not accept the key"),
        (403, "does not allow this"),
        (404, "no chat completions, or no model 'seer'"),
    ],
)
def test_what_holds_for_all_pictures_ends_the_run(
    status: int,
    sentence: str,
    folder: Path,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    said = f"Wrong: {KEY}, {KEY[:12]}..., ...{KEY[-9:]}! " + "x" * 1000
    server.handle = failing(status, said)
    with pytest.raises(DataprepError, match=sentence) as raised:
        ask(folder, server, key_from=VARIABLE)
    assert "Wrong: [key], [key]..., ...[key]!" in str(raised.value)
    assert KEY[:8] not in str(raised.value)
    assert KEY[-8:] not in str(raised.value)
    assert len(str(raised.value)) < 600


def test_a_picture_that_the_server_refuses_stops_nothing(folder: Path, server: Server) -> None:
    def refuses(server: Server, handler: BaseHTTPRequestHandler, body: Body) -> None:
        if picture_of(body).size == (60, 51):
            return reply(handler, 400, {"error": {"message": "image too small"}})
        return describe(server, handler, body)

    server.handle = refuses
    report = ask(folder, server)
    assert [(issue.file, issue.reason) for issue in report.issues] == [
        ("1.png", "the server does not take it (HTTP 400): image too small")
    ]
    assert set(captions(folder)) == {"0", "2"}


def test_models_that_take_other_settings(folder: Path, server: Server) -> None:
    def newer(server: Server, handler: BaseHTTPRequestHandler, body: Body) -> None:
        for name, code in (("max_tokens", "parameter"), ("temperature", "value")):
            if name in body:
                error = {"message": "no", "param": name, "code": f"unsupported_{code}"}
                return reply(handler, 400, {"error": error})
        return describe(server, handler, body)

    server.handle = newer
    report = ask(folder, server)
    assert captions(folder) == EXPECTED
    assert server.bodies[-1]["max_completion_tokens"] == 300
    assert "seer takes no temperature: left out" in report.lines


def test_the_key_goes_to_the_server_and_nowhere_else(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, f" {KEY}\n")
    report = ask(folder, server, key_from=VARIABLE)
    assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {KEY}"}
    assert KEY not in json.dumps(report.to_json())
    assert KEY not in "".join(capfd.readouterr())
    for path in folder.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes()


def test_a_redirect_is_not_followed_with_the_key(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    elsewhere = Server()
    target = {"Location": f"{elsewhere.url}/v1/chat/completions"}
    for status in (302, 307):
        server.handle = lambda _, handler, body, s=status: reply(handler, s, {}, target)
        with pytest.raises(DataprepError, match="sends on to another address"):
            ask(folder, server, key_from=VARIABLE)
    elsewhere.close()
    assert elsewhere.bodies == []


def test_keys_are_named_and_never_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_key("") == ""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UsageError, match="variable OPENAI_API_KEY is not set"):
        read_key("OPENAI_API_KEY")
    for given in (KEY, "gsk_abcdefghijkl"):
        with pytest.raises(UsageError) as raised:
            read_key(given)
        assert given not in str(raised.value)
    monkeypatch.setenv(VARIABLE, f"{KEY}\r\nX-Evil: 1")
    with pytest.raises(UsageError, match="cannot be a key") as raised:
        read_key(VARIABLE)
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("http://localhost:8000/", "http://localhost:8000/v1"),
        ("https://api.openai.com/v1/", "https://api.openai.com/v1"),
        ("http://h/api/v1/chat/completions", "http://h/api/v1"),
    ],
)
def test_base_urls(given: str, url: str) -> None:
    assert read_server(given, "m").url == url


def test_urls_that_are_none() -> None:
    for wrong in ("localhost:8000", "ftp://x/v1", "/v1"):
        with pytest.raises(UsageError, match="is not the URL of a server"):
            read_server(wrong, "m")
    for secret in (f"http://me:{KEY}@host/v1", f"http://host/v1?key={KEY}"):
        with pytest.raises(UsageError, match="takes no user") as raised:
            read_server(secret, "m")
        assert KEY not in str(raised.value)


def test_nobody_there_is_said_at_once(folder: Path, server: Server) -> None:
    server.close()
    with pytest.raises(DataprepError, match="nobody answers there") as raised:
        ask(folder, server)
    assert "is the server running" in raised.value.hint


def test_stopping_cuts_off_what_is_under_way(folder: Path, server: Server) -> None:
    over = threading.Event()
    waited_in_vain = threading.Event()

    def half(server: Server, handler: BaseHTTPRequestHandler, body: Body) -> None:
        if len(server.bodies) > 1 and not over.wait(30):
            waited_in_vain.set()
        describe(server, handler, body)

    server.handle = half
    with Dataset.open(folder) as dataset:
        given = {"model": "seer", "endpoint": server.url, "requests": 1}
        job = run(dataset, build(Settings, given, "test"))
        before = set(threading.enumerate())
        next(progress for progress in job if progress.done == 1)
        while len(server.bodies) < 2:
            next(job)
        job.close()
    assert not waited_in_vain.is_set()
    over.set()
    new = set(threading.enumerate()) - before
    assert not {thread for thread in new if thread.name.startswith("ThreadPool")}
    assert captions(folder) == {}
    server.handle = describe
    again = ask(folder, server, endpoint=server.url)
    assert (again.facts["cached"], again.facts["asked"]) == (1, 2)
    assert captions(folder) == EXPECTED


def test_a_data_url_is_the_picture() -> None:
    image = painted(1)
    head, _, data = data_url(image).partition(",")
    assert head == "data:image/jpeg;base64"
    back = Image.open(io.BytesIO(base64.b64decode(data)))
    assert (back.format, back.size) == ("JPEG", image.size)
