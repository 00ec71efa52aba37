"""Redo: it carries out again what was undone, as long as nothing else was edited since."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dataprep.cli import main
from dataprep.dataset import Dataset
from dataprep.errors import DataprepError, UsageError
from dataprep.exporting.manifest import MANIFEST
from dataprep.jobs import finish
from dataprep.journal import PROJECT
from dataprep.report import Report
from dataprep.stages import STAGES, scan
from dataprep.standing import standing

Streams = pytest.CaptureFixture[str]
NAMES = ("a.png", "b.png", "c.png")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return painted(tmp_path)


def painted(folder: Path) -> Path:
    for name in NAMES:
        Image.new("RGB", (16, 16)).save(folder / name)
        (folder / name).with_suffix(".txt").write_text("1girl\n")
    with Dataset.open(folder) as dataset:
        finish(scan.refresh(dataset))
    return folder


def run(verb: str, folder: Path, dry_run: bool = False, **values: Any) -> Report:
    model, function = STAGES[verb].load()
    with Dataset.open(folder, dry_run=dry_run) as dataset:
        return finish(function(dataset, model(**values)))


def texts(folder: Path) -> list[str]:
    return [(folder / name).with_suffix(".txt").read_text() for name in NAMES]


def states(dataset: Dataset) -> list[str]:
    return [edit.state for edit in dataset.history()]


def give(dataset: Dataset, tag: str, names: tuple[str, ...] = NAMES) -> None:
    dataset.edit(tag, [dataset.caption_change(name, [tag]) for name in names])


def test_redo_brings_captions_and_decisions_back(folder: Path) -> None:
    with Dataset.open(folder) as dataset:
        reject = dataset.decision_change("a.png", "verdict", '"reject"')
        dataset.edit("both", [dataset.caption_change("b.png", ["x"]), reject])
        dataset.undo()
        assert dataset.decisions() == {}
        edit, conflicts = dataset.redo()
        assert (edit.name, conflicts) == ("both", ())
        assert dataset.decisions()["a.png"].verdict == "reject"
        assert states(dataset) == ["done"]
        with pytest.raises(DataprepError, match="nothing to redo"):
            dataset.redo()
    assert texts(folder) == ["1girl\n", "x\n", "1girl\n"]


def test_what_was_undone_before_another_edit_is_not_redone(folder: Path) -> None:
    with Dataset.open(folder) as dataset:
        for tag in ("one", "two"):
            give(dataset, tag)
        dataset.undo()
        give(dataset, "three")
        dataset.undo()
        assert states(dataset) == ["done", "dropped", "undone"]
        assert dataset.redo()[0].name == "three"
        assert dataset.redoes() is None
        assert states(dataset) == ["done", "dropped", "done"]
        # and the order of undoing goes past what was dropped
        assert [dataset.undo()[0].name for _ in range(2)] == ["three", "one"]
        assert [dataset.redo()[0].name for _ in range(2)] == ["one", "three"]


def test_a_caption_that_was_changed_since_stays_and_is_named(folder: Path) -> None:
    run("add", folder, tags=("x",))
    run("undo", folder)
    (folder / "b.txt").write_text("by hand\n")
    (folder / "c.txt").write_bytes(b"\xff\xfe")
    for dry_run in (True, False):
        report = run("redo", folder, dry_run)
        assert sorted(issue.file for issue in report.issues) == ["b.png", "c.png"]
        assert (report.done, report.unchanged, report.exit_code) == (1, 2, 1)
        assert report.lines[0].startswith("carried out again: add: x in 3 captions (made ")
    assert (folder / "a.txt").read_text() == "1girl, x\n"
    assert (folder / "b.txt").read_text() == "by hand\n"
    assert (folder / "c.txt").read_bytes() == b"\xff\xfe"


@pytest.mark.parametrize("origin", ["machine", "bulk", "hand"])
def test_a_caption_counts_as_by_whom_it_was_made(folder: Path, origin: Any) -> None:
    (folder / "a.txt").unlink()
    with Dataset.open(folder) as dataset:
        dataset.edit("write", [dataset.caption_change(name, ["x"]) for name in NAMES], origin)
        before = dataset.edited(dataset.pictures())
        dataset.undo()
        assert dataset.edited(dataset.pictures()) == {"b.png", "c.png"}
        dataset.redo()
        assert dataset.edited(dataset.pictures()) == before
    assert (
        before
        == {
            "machine": set(),
            "bulk": {"b.png", "c.png"},
            "hand": set(NAMES),
        }[origin]
    )


def test_several_are_undone_and_redone_at_once(folder: Path) -> None:
    for tag in ("one", "two", "three"):
        run("add", folder, tags=(tag,))
    full = texts(folder)
    for dry_run in (True, False):
        report = run("undo", folder, dry_run, to=1)
        assert report.facts["edits"] == [3, 2]
        assert (report.done, report.issues) == (6, ())
    assert texts(folder) == ["1girl, one\n"] * 3
    run("undo", folder, to=0)
    assert texts(folder) == ["1girl\n"] * 3
    assert run("undo", folder, to=0).lines == ("nothing to do",)
    for dry_run in (True, False):
        assert run("redo", folder, dry_run, to=2).facts["edits"] == [1, 2]
    assert run("redo", folder, to=3).facts["name"] == "add: three in 3 captions"
    assert texts(folder) == full
    with pytest.raises(UsageError, match="number 2 can be redone"):
        run("redo", folder, to=2)
    with pytest.raises(UsageError, match="number 9 stands"):
        run("undo", folder, to=9)


def test_the_history_tells_what_can_be_redone(folder: Path, capsys: Streams) -> None:
    root = str(folder)
    for tag in ("one", "two"):
        assert main(["add", root, tag]) == 0
        assert main(["undo", root]) == 0
    capsys.readouterr()
    assert main(["history", root]) == 0
    newest, oldest = capsys.readouterr().out.splitlines()
    assert "(undone) add: two" in newest
    assert "(undone for good) add: one" in oldest
    assert main(["redo", root]) == 0
    assert "carried out again: add: two" in capsys.readouterr().out
    assert main(["redo", root]) == 1
    assert "nothing to redo" in capsys.readouterr().err


moves = st.lists(st.sampled_from(["edit", "edit", "undo", "redo", "reopen"]), max_size=14)


@given(moves, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_edits_undos_and_redos_are_a_list_and_a_place_in_it(
    made: list[str], draw: random.Random
) -> None:
    """The model: the captions after each edit that stands or can be redone, and which is now."""
    with tempfile.TemporaryDirectory() as name:
        folder = painted(Path(name))
        line, place = [(texts(folder), "")], 0
        dataset = Dataset.open(folder)
        for number, move in enumerate(made):
            if move == "reopen":
                dataset.close()
                dataset = Dataset.open(folder)
            elif move == "edit":
                meant = tuple(name for name in NAMES if draw.random() < 0.6) or NAMES[:1]
                rows = [dataset.caption_change(name, [f"t{number}"]) for name in meant]
                decision = dataset.decision_change(PROJECT, "concept", f'"t{number}"')
                dataset.edit(f"t{number}", [*rows, decision])
                line, place = [*line[: place + 1], (texts(folder), f'"t{number}"')], place + 1
            else:
                step = -1 if move == "undo" else 1
                if 0 <= place + step < len(line):
                    place += step
                    dataset.undo() if move == "undo" else dataset.redo()
                else:
                    with pytest.raises(DataprepError, match=f"nothing to {move}"):
                        dataset.undo() if move == "undo" else dataset.redo()
            decided = dataset.store.decision(PROJECT, "concept") or ""
            assert (texts(folder), decided) == line[place]
            assert (dataset.undoes() is not None) == (place > 0)
            assert (dataset.redoes() is not None) == (place < len(line) - 1)
        dataset.close()


def test_a_redo_cut_short_is_completed_at_the_next_opening(folder: Path) -> None:
    with Dataset.open(folder) as dataset:
        give(dataset, "x")
        dataset.undo()
        number = dataset.history()[0].id
        dataset.store.turn_edit(number, "redoing", "2026-01-01T00:00:00+00:00")
        (folder / "b.txt").write_text("x\n")
        (folder / "c.txt").write_text("by hand\n")
    with Dataset.open(folder) as dataset:
        assert states(dataset) == ["done"]
        assert texts(folder) == ["x\n", "x\n", "by hand\n"]
        assert dataset.edited(dataset.pictures()) == {"a.png", "b.png", "c.png"}


GOING = """
import sys
from pathlib import Path
from dataprep.dataset import Dataset
with Dataset.open(Path(sys.argv[1])) as dataset:
    print("open", flush=True)
    while True:
        dataset.undo()
        print("undone", flush=True)
        dataset.redo()
        print("done", flush=True)
"""


def killed_while_it_goes_to_and_fro(folder: Path, times: int) -> None:
    for number in range(60):
        Image.new("RGB", (8, 8)).save(folder / f"{number:02}.png")
    with Dataset.open(folder) as dataset:
        finish(scan.refresh(dataset))
        names = tuple(sorted(dataset.store.pictures()))
        give(dataset, "x", names)
    draw = random.Random(3)
    for _ in range(times):
        child = subprocess.Popen(
            [sys.executable, "-c", GOING, str(folder)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        time.sleep(draw.uniform(0, 0.2))
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=30)
        with Dataset.open(folder) as dataset:
            (edit,) = dataset.history()
            found = {dataset.caption(name) for name in names}
            assert found == {"done": {"x"}, "undone": {None}}[edit.state]
            if edit.state == "undone":
                dataset.redo()
        assert not list((folder / ".dataprep").glob("edit-*"))


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_kill_9_while_undoing_and_redoing(tmp_path: Path) -> None:
    killed_while_it_goes_to_and_fro(tmp_path, 6)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_kill_9_while_undoing_and_redoing_many_times(tmp_path: Path) -> None:
    killed_while_it_goes_to_and_fro(tmp_path, 60)


VERSION_3 = """
CREATE TABLE edits (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'undoing', 'undone')),
    origin TEXT NOT NULL DEFAULT 'bulk');
CREATE TABLE changes (edit INTEGER NOT NULL REFERENCES edits (id), position INTEGER NOT NULL,
    kind TEXT NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL, before TEXT, after TEXT,
    PRIMARY KEY (edit, position)) WITHOUT ROWID;
INSERT INTO edits VALUES (1, 'one', '2026-01-01T00:00:00+00:00', 'undone', 'machine'),
    (4, 'two', '2026-01-02T00:00:00+00:00', 'done', 'hand');
INSERT INTO changes VALUES (4, 0, 'caption', 'a.png', '', NULL, '1girl' || char(10));
PRAGMA user_version = 3;
"""


def test_a_project_that_knew_no_redo_is_taken_over(folder: Path) -> None:
    for file in (folder / ".dataprep").glob("state.sqlite*"):
        file.unlink()
    with sqlite3.connect(folder / ".dataprep" / "state.sqlite") as old:
        old.executescript(VERSION_3)
    old.close()
    with Dataset.open(folder) as dataset:
        rows = [(e.id, e.name, e.state, e.origin, e.turned) for e in dataset.history()]
        assert rows == [(1, "one", "dropped", "machine", ""), (4, "two", "done", "hand", "")]
        dataset.undo()
        assert not (folder / "a.txt").exists()
        dataset.redo()
        assert (folder / "a.txt").read_text() == "1girl\n"
        give(dataset, "x")
        assert [edit.id for edit in dataset.history()] == [1, 4, 5]
    with Dataset.open(folder) as dataset:
        assert states(dataset) == ["dropped", "done", "done"]


def test_an_undo_makes_an_export_stale_and_a_round_trip_after_it_does_not(folder: Path) -> None:
    def export_state(dataset: Dataset) -> str:
        return standing(dataset, [], {}, {})["export"].state

    with Dataset.open(folder) as dataset:
        give(dataset, "x")
        manifest = folder / "lora" / MANIFEST
        manifest.parent.mkdir()
        manifest.write_text("{}")
        assert export_state(dataset) == "done"
        hour_ago = time.time() - 3600
        os.utime(manifest, (hour_ago, hour_ago))
        assert export_state(dataset) == "stale"
        dataset.undo()
        # made after the export and undone: what was exported holds still
        assert export_state(dataset) == "done"
        dataset.redo()
        later = time.time() + 3600
        os.utime(manifest, (later, later))
        assert export_state(dataset) == "done"
        dataset.store.turn_edit(1, "undone", "2999-01-01T00:00:00+00:00")
        assert export_state(dataset) == "stale"
