"""Edits: written down first, carried out, undone, and completed after a kill."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dataprep.dataset import Dataset
from dataprep.errors import DataprepError
from dataprep.jobs import finish
from dataprep.journal import Change, diff_lines, inverted, settle
from dataprep.stages import scan

texts = st.one_of(st.none(), st.text(max_size=8))
changes = st.builds(Change, st.just("caption"), st.text(min_size=1), st.just(""), texts, texts)


@given(st.lists(changes))
def test_inverting_twice_is_nothing(rows: list[Change]) -> None:
    assert list(inverted(inverted(rows))) == rows


@given(changes, texts)
def test_a_foreign_value_is_never_written_over(change: Change, current: str | None) -> None:
    action = settle(change, current)
    assert (action == "conflict") == (current not in (change.before, change.after))
    assert (action == "write") == (current == change.before != change.after)


def test_diff_names_what_goes_and_what_comes() -> None:
    change = Change("caption", "a.png", "", "1girl, green hair", "zumi, 1girl")
    assert diff_lines(change) == ["a.png:", "  - green hair", "  + zumi"]


AS_IT_WAS = "\ufeff1girl,  smile\r\n".encode()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        Image.new("RGB", (80, 64), "#4080c0").save(tmp_path / f"{name}.png")
    (tmp_path / "a.txt").write_bytes(AS_IT_WAS)
    return tmp_path


def opened(root: Path) -> Dataset:
    dataset = Dataset.open(root)
    finish(scan.refresh(dataset))
    return dataset


def test_edit_and_undo_restore_files_exactly(project: Path) -> None:
    with opened(project) as dataset:
        rows = [dataset.caption_change(name, ["zumi"]) for name in ("a.png", "b.png")]
        dataset.edit("try", rows)
        assert (project / "a.txt").read_bytes() == b"zumi\n"
    with opened(project) as dataset:
        edit, conflicts = dataset.undo()
    assert (edit.name, conflicts) == ("try", ())
    assert (project / "a.txt").read_bytes() == AS_IT_WAS
    assert not (project / "b.txt").exists()


def test_undo_leaves_a_caption_that_somebody_changed_since(project: Path) -> None:
    with opened(project) as dataset:
        dataset.edit("try", [dataset.caption_change(f"{n}.png", ["zumi"]) for n in "abc"])
        (project / "b.txt").write_text("by hand", encoding="utf-8")
        _, conflicts = dataset.undo()
    assert conflicts == ("b.png",)
    assert (project / "b.txt").read_text(encoding="utf-8") == "by hand"
    assert not (project / "c.txt").exists()


def test_nothing_to_undo_says_so(project: Path) -> None:
    with opened(project) as dataset, pytest.raises(DataprepError, match="nothing to undo"):
        dataset.undo()


def test_a_dry_run_proposes_and_writes_nothing(project: Path) -> None:
    with Dataset.open(project, dry_run=True) as dataset:
        finish(scan.refresh(dataset))
        made = dataset.edit("try", [dataset.caption_change("a.png", ["zumi"])])
        assert [change.after for change in made] == ["zumi\n"]
        assert dataset.history() == []
    assert (project / "a.txt").read_bytes() == AS_IT_WAS


def test_an_edit_left_pending_is_completed_at_the_next_opening(project: Path) -> None:
    with opened(project) as dataset:
        rows = tuple(dataset.caption_change(f"{n}.png", ["zumi"]) for n in "abc")
        dataset.store.begin_edit("cut short", "2026-01-01T00:00:00", "bulk", rows)
        (project / "b.txt").write_text("zumi\n", encoding="utf-8")
        (project / "c.txt").write_text("by hand\n", encoding="utf-8")
    with opened(project) as dataset:
        assert [edit.state for edit in dataset.history()] == ["done"]
        assert [dataset.caption(f"{n}.png") for n in "abc"] == ["zumi", "zumi", "by hand"]


EDITOR = """
import sys
from pathlib import Path
from dataprep.dataset import Dataset
with Dataset.open(Path(sys.argv[1])) as dataset:
    names = sorted(dataset.store.pictures())
    for round in range(10_000):
        dataset.edit(f"round {round}", [dataset.caption_change(n, [f"r{round}"]) for n in names])
        print(round, flush=True)
"""


def test_kill_9_between_and_within_edits_loses_nothing_reported(tmp_path: Path) -> None:
    for number in range(30):
        Image.new("RGB", (64, 64)).save(tmp_path / f"{number:02}.png")
    opened(tmp_path).close()
    process = subprocess.Popen(
        [sys.executable, "-c", EDITOR, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.35)
    os.kill(process.pid, signal.SIGKILL)
    reported = [int(line) for line in process.stdout.read().split()] or [0]
    process.wait()
    with Dataset.open(tmp_path) as dataset:
        captions = {dataset.caption(name) for name in dataset.store.pictures()}
        states = {edit.state for edit in dataset.history()}
    assert states == {"done"}
    assert len(captions) == 1, "one edit is all or nothing once the project is open again"
    last = int(captions.pop().removeprefix("r"))
    assert last in (reported[-1], reported[-1] + 1)
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".dataprep-tmp"]
