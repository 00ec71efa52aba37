"""Training runs that outlive whoever started them: found, read as they grow, asked, killed."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import load_file

from dataprep import lora_files, runs
from dataprep.errors import DataprepError, UsageError
from dataprep.jobs import Progress, finish
from dataprep.runs import Run, folder
from dataprep.runs.reading import COLUMNS, POINTS, Events
from dataprep.weights import find_base

PATIENCE = 60.0
LONG = 100_000


def until(condition: Callable[[], Any], what: str = "") -> Any:
    """Wait for something to come true."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited in vain {what}"
        time.sleep(0.02)
    return value


# What the events say


def line(step: int, **facts: Any) -> bytes:
    values = {name: float(step) for name in COLUMNS[1:]} | facts
    progress = Progress(step, 10 * LONG, "epoch 1", values, "training")
    return (json.dumps(progress.to_json()) + "\n").encode()


def told(*events: dict[str, Any]) -> bytes:
    return b"".join((json.dumps(event) + "\n").encode() for event in events)


STORY = (
    told({"event": "started", "id": "a", "pid": 1})
    + b'{"event": "progress", "done": 0, "note": "starting torch", "stage": "loading"}\n'
    + line(1)
    + b"a stray print\n"
    + line(2, loss=float("nan"))
    + told({"event": "saved", "step": 2, "epoch": 1, "path": "é.safetensors"})
    + told({"event": "sample", "step": 2, "prompt": "夏の海", "seed": 7, "path": "2.png"})
    + line(2, paused=True)
    + line(3)
    + told({"event": "unheard of"})
    + told({"event": "result", "lora": "é.safetensors", "steps": 3, "stopped": False})
)


def facts_of(events: Events) -> str:
    said = (events.progress, events.training, events.samples, events.saved, events.result)
    return repr((events.history(), *said))


@given(cuts=st.lists(st.integers(0, len(STORY)), max_size=12))
def test_the_story_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    whole, pieces = Events(), Events()
    named = whole.feed(STORY)
    edges = itertools.pairwise([0, *sorted(cuts), len(STORY)])
    assert [event for a, b in edges for event in pieces.feed(STORY[a:b])] == named
    assert facts_of(pieces) == facts_of(whole)
    assert whole.history().step == (1, 2, 3)
    assert [event["event"] for event in named] == [
        "started", "saved", "sample", "unheard of", "result",
    ]  # fmt: skip
    assert whole.samples[0].prompt == "夏の海"
    assert whole.saved[0].path == "é.safetensors"
    assert whole.result == {"lora": "é.safetensors", "steps": 3, "stopped": False}


SHORT = b'{"event": "progress", "done": %d, "facts": {"loss": %d}}\n'


@settings(max_examples=20, deadline=None)
@given(sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=6))
def test_a_history_is_thinned_evenly_and_ends_at_the_newest(sizes: list[int]) -> None:
    events, step = Events(), 0
    for size in sizes:
        events.feed(b"".join(SHORT % (step + n, step + n) for n in range(1, size + 1)))
        step += size
        steps = events.history().step
        assert steps[0] == 1
        assert steps[-1] == step
        assert len(steps) <= POINTS + 1
        gaps = [b - a for a, b in itertools.pairwise(steps)]
        assert all(gap > 0 for gap in gaps)
        # no stretch is much coarser than it must be; the last gap ends where the run stands
        must = -(-step // POINTS)
        assert max(gaps[:-1], default=1) <= (4 * must if step >= POINTS else 1)
        assert events.history().loss == tuple(float(step) for step in steps)


def test_a_long_run_is_read_anew_in_no_time(tmp_path: Path) -> None:
    run = recorded(tmp_path, b"".join(line(step) for step in range(1, LONG + 1)))
    with (run.folder / folder.EVENTS).open("ab") as stream:
        stream.write(told({"event": "result", "lora": "x", "stopped": False}))
    begun = time.process_time()
    reading = run.read()
    seconds = time.process_time() - begun
    assert seconds < 0.3, seconds
    assert reading.training is not None
    assert reading.training.done == reading.history.step[-1] == LONG
    assert POINTS / 2 <= len(reading.history.step) <= POINTS + 1
    assert reading.state == "finished"
    begun = time.process_time()
    run.read()
    assert time.process_time() - begun < 0.02


# A run's folder


def recorded(out: Path, events: bytes = b"", run_id: str = "") -> Run:
    """A run as it would have left its folder; nobody holds its lock."""
    path = folder.run_folder(out / "train.toml")
    path.mkdir(parents=True, exist_ok=True)
    record = folder.new_record(out / "train.toml", (), ("python",))
    record = replace(record, id=run_id or record.id)
    folder.write_record(path, record)
    begin = told({"event": folder.STARTED, "id": record.id, "pid": 1})
    (path / folder.EVENTS).write_bytes(begin + events)
    run = runs.find(out)
    assert run is not None
    return run


def test_where_nothing_was_trained_nothing_is_found(tmp_path: Path) -> None:
    assert runs.find(tmp_path) is None
    assert runs.find(tmp_path / "nowhere") is None
    path = folder.run_folder(tmp_path / "train.toml")
    path.mkdir(parents=True)
    for text in ("", "{", "[]", '{"id": "a"}', "\xff"):
        (path / folder.RUN).write_text(text, encoding="latin-1")
        assert runs.find(tmp_path) is None


def test_without_a_last_word_and_without_a_process_a_run_is_lost(tmp_path: Path) -> None:
    run = recorded(tmp_path, line(1) + line(2) + line(3)[:40])
    saved = told({"event": "saved", "step": 2, "epoch": 1, "path": "two.safetensors"})
    assert run.state == "lost"
    assert "killed (last heard of at step 2)\n  nothing was saved yet" in run.read().error
    run = recorded(tmp_path, line(2) + saved)
    assert "last saved: two.safetensors" in run.read().error
    with pytest.raises(DataprepError, match="no training run is under way here"):
        run.wish("save")
    with pytest.raises(DataprepError, match="was killed"):
        finish(runs.follow(run))


def test_a_lock_that_is_held_is_a_run_that_lives(tmp_path: Path) -> None:
    run = recorded(tmp_path, line(1))
    with folder.hold(run.folder):
        assert run.state == "running"
        with (run.folder / folder.EVENTS).open("ab") as stream:
            stream.write(line(1, paused=True))
        assert run.state == "paused"
        with pytest.raises(DataprepError, match=f"under way here .process {os.getpid()}."):
            folder.hold(run.folder).__enter__()
        # another run's lock is no sign of life of this one
        old = run
        recorded(tmp_path, run_id="next")
        assert old.state == "lost"
        assert old.read().history.step == (1,)


@pytest.mark.parametrize(
    ("event", "state"),
    [
        ({"event": "result", "stopped": False}, "finished"),
        ({"event": "result", "stopped": True}, "stopped"),
        ({"event": "error", "message": "no such model", "hint": "look again"}, "failed"),
    ],
)
def test_the_last_word_says_how_it_ended(tmp_path: Path, event: Any, state: str) -> None:
    run = recorded(tmp_path, told(event))
    reading = run.read()
    assert (reading.state, reading.alive) == (state, False)
    assert reading.error == ("no such model\n  look again" if state == "failed" else "")
    assert reading.ended_at == pytest.approx(time.time(), abs=60)
    assert run.read().events == ()


def test_wishes_come_in_the_order_in_which_they_were_made(tmp_path: Path) -> None:
    assert folder.take_wishes(tmp_path) == []
    for wish in ("pause", "save", "pause", "continue"):
        folder.make_wish(tmp_path, wish)  # type: ignore[arg-type]
    (tmp_path / folder.WISHES / "of another program").touch()
    assert folder.take_wishes(tmp_path) == ["pause", "save", "pause", "continue"]
    assert folder.take_wishes(tmp_path) == []


def test_the_tail_of_a_log_is_what_one_would_see(tmp_path: Path) -> None:
    run = recorded(tmp_path)
    assert run.log_tail(5) == []
    log = run.folder / folder.LOG
    log.write_bytes(b"old\n" * 50_000 + "10%\r50%\rdone\n\nlöss\r\nhalf".encode())
    assert run.log_tail(4) == ["old", "done", "löss", "half"]
    assert run.log_tail(0) == []


# Real ones


CONFIG = """
pretrained_model_name_or_path = {base}
train_data_dir = "img"
output_dir = "model"
resolution = 64
train_batch_size = 2
max_train_epochs = 1000
network_dim = 2
network_alpha = 2
"""


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A training folder with a thousand epochs to go; whatever is left of a run is ended."""
    folder_of_pictures = tmp_path / "img" / "3_thing"
    folder_of_pictures.mkdir(parents=True)
    for number, color in enumerate(("red", "green", "blue", "white")):
        Image.new("RGB", (64, 64), color).save(folder_of_pictures / f"{number}.png")
        (folder_of_pictures / f"{number}.txt").write_text(f"zumi, {color}\n")
    base = json.dumps(str(find_base("demo")))
    (tmp_path / "train.toml").write_text(CONFIG.format(base=base))
    # in steps of milliseconds threads only wait for each other
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield tmp_path
    run = runs.find(tmp_path)
    if run is not None and folder.is_held(run.folder):
        os.kill(run.pid, signal.SIGTERM)
        until(lambda: not folder.is_held(run.folder))


def steps(run: Run) -> int:
    reading = run.read()
    assert reading.alive, reading.error
    return reading.training.done if reading.training else 0


def test_a_run_from_its_start_to_its_end(out: Path) -> None:
    run = runs.start(out, ["output_name=zumi"])
    assert run.state == "running"
    assert run.record.overrides == ("output_name=zumi",)
    with pytest.raises(DataprepError, match=f"under way here .process {run.pid}."):
        runs.start(out)
    until(lambda: steps(run) >= 3)

    run.wish("pause")
    until(lambda: run.read().state == "paused")
    at = steps(run)
    run.wish("save")
    run.wish("sample")
    until(lambda: run.read().samples)
    reading = run.read()
    assert (reading.state, steps(run)) == ("paused", at)
    assert Path(reading.samples[0].path).parent == out / "log" / "samples" / run.id
    assert Path(reading.saved[-1].path).name == f"zumi-step{at:08d}.safetensors"
    run.wish("continue")
    until(lambda: steps(run) > at + 2)

    # another one finds it and follows it to its end
    found = runs.find(out)
    assert found is not None
    assert found.id == run.id
    seen: list[Progress] = []

    def show(progress: Progress) -> None:
        if not seen:
            found.wish("stop")
        seen.append(progress)

    report = finish(runs.follow(found), show)
    assert seen[0].total == 6000
    assert report.stage == "train"
    assert report.facts["stopped"] is True
    reading = run.read()
    assert reading.state == "stopped"
    assert reading.history.step == tuple(range(1, report.done + 1))
    assert all(0 < value < 1e6 for value in reading.history.memory_mb)
    assert reading.history.lr_text_encoder[0] == pytest.approx(5e-5)
    assert "saved" in "\n".join(run.log_tail(5))
    # every file says of which run it is
    assert lora_files.metadata(Path(report.facts["lora"]))[lora_files.STARTED] == str(
        run.started_at
    )


STARTS = """
import sys
from pathlib import Path
from dataprep import runs
run = runs.start(Path(sys.argv[1]))
print(run.id, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL and SIGHUP")
def test_a_run_outlives_the_process_that_started_it_until_it_is_killed(out: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", STARTS, str(out)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout is not None
    run_id = parent.stdout.readline().strip()
    # the terminal closes: everything in it hears of it
    os.killpg(parent.pid, signal.SIGHUP)
    parent.kill()
    parent.wait()
    run = runs.find(out)
    assert run is not None
    assert run.id == run_id
    os.kill(run.pid, signal.SIGHUP)
    until(lambda: steps(run) > 12 and run.read().saved)

    os.kill(run.pid, signal.SIGKILL)
    until(lambda: run.read().state == "lost")
    for saved in run.read().saved:
        assert load_file(saved.path)
    assert run.read().saved[-1].path in run.read().error

    # the folder is free again; what fails there later is found with its reason
    after = runs.start(out, ["pretrained_model_name_or_path=nowhere"])
    until(lambda: after.read().state == "failed")
    assert "nowhere: no such model\n" in after.read().error
    with pytest.raises(DataprepError, match="no such model"):
        finish(runs.follow(after))
    assert run.read().state == "lost"


@pytest.mark.parametrize(
    ("overrides", "kind", "sentence"),
    [
        (["seeed=1"], UsageError, "did you mean 'seed'"),
        (["train_batch_size=0"], UsageError, "train_batch_size"),
    ],
)
def test_a_run_that_cannot_begin_says_why_and_leaves_no_record(
    out: Path, overrides: list[str], kind: type[DataprepError], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        runs.start(out, overrides)
    assert runs.find(out) is None


def test_a_folder_that_cannot_hold_a_run_is_named(out: Path) -> None:
    (out / "log").write_text("no folder")
    with pytest.raises(DataprepError, match="cannot be written"):
        runs.start(out)
    (out / "log").unlink()
    (folder.run_folder(out / "train.toml") / folder.EVENTS).mkdir(parents=True)
    with pytest.raises(DataprepError, match=r"events\.jsonl: cannot be written"):
        runs.start(out)


def test_where_nothing_was_exported_nothing_is_started(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        runs.start(tmp_path)
