"""Jobs: driven, closed, and as child processes that can always be stopped."""

import io
import sys
import time
from pathlib import Path

import pytest

from dataprep.errors import DataprepError, UsageError
from dataprep.jobs import Job, Progress, child, finish

SPEAKS = """
import json, sys
for i in range(3):
    print(json.dumps({"event": "progress", "done": i, "total": 3, "facts": {"loss": 0.5}}))
print("a stray print of some library")
print(json.dumps({"event": "result", "lora": "löra.safetensors"}))
"""
FAILS = """
import json, sys
print(json.dumps({"event": "error", "message": "no such folder", "hint": "look again"}))
sys.exit(1)
"""
SILENT = """
import pathlib, sys, time
try:
    time.sleep(60)
except KeyboardInterrupt:
    pathlib.Path(sys.argv[1]).write_text("cleaned up")
"""
FAILS_USAGE = FAILS.replace("no such folder", "unknown setting").replace(
    '"hint"', '"exit_code": 2, "hint"'
)
LOGS = """
import sys, time
try:
    print("begins", file=sys.stderr, flush=True)
    print('{"event": "progress", "done": 1}', flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("saved what it had", file=sys.stderr)
"""
DEAF = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print('{"event": "progress", "done": 0}', flush=True)
time.sleep(60)
"""


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def test_finish_shows_all_and_returns_the_report() -> None:
    def job() -> Job[str]:
        yield Progress(1, 2)
        yield Progress(2, 2)
        return "report"

    seen: list[Progress] = []
    assert finish(job(), seen.append) == "report"
    assert [progress.done for progress in seen] == [1, 2]


def test_a_failing_viewer_closes_the_job() -> None:
    closed = []

    def job() -> Job[None]:
        try:
            yield Progress(0)
        finally:
            closed.append(True)

    def show(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finish(job(), show)
    assert closed == [True]


def test_a_child_speaks_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[Progress] = []
    assert finish(child(python(SPEAKS)), seen.append) == {"lora": "löra.safetensors"}
    assert {progress.done for progress in seen} >= {0, 1, 2}
    assert "stray print" in capsys.readouterr().err


def test_a_childs_error_becomes_ours() -> None:
    with pytest.raises(DataprepError) as caught:
        finish(child(python(FAILS)))
    assert (caught.value.message, caught.value.hint) == ("no such folder", "look again")


def test_a_childs_usage_error_keeps_its_exit_code() -> None:
    with pytest.raises(UsageError, match="unknown setting"):
        finish(child(python(FAILS_USAGE)))


def test_a_childs_log_goes_through_our_stderr_to_its_last_line() -> None:
    log = io.StringIO()
    job = child(python(LOGS), log=log)
    while not (progress := next(job)).done:
        assert progress == Progress(0)
    job.close()
    assert log.getvalue() == "begins\nsaved what it had\n"


def test_a_child_that_dies_is_an_error() -> None:
    with pytest.raises(DataprepError, match="exit code 3"):
        finish(child(python("import sys; sys.exit(3)")))


def test_a_silent_child_is_stopped_and_may_clean_up(tmp_path: Path) -> None:
    job = child(python(SILENT, str(tmp_path / "said")))
    deadline = time.monotonic() + 10
    next(job)
    while time.monotonic() < deadline and time.monotonic() < deadline - 9:
        next(job)
    job.close()
    assert time.monotonic() < deadline
    assert (tmp_path / "said").read_text() == "cleaned up"


def test_a_deaf_child_is_killed() -> None:
    job = child(python(DEAF), grace=0.3)
    started = time.monotonic()
    while next(job) != Progress(0):
        pass
    job.close()
    assert time.monotonic() - started < 10
