"""kill -9 at random moments of a tagging run and of a bulk edit: nothing half, nothing lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dataprep.dataset import Dataset
from dataprep.jobs import finish
from dataprep.stages import scan
from tests.tiny_onnx import write_tagger

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")

PICTURES = 120

TAGGING = """
import sys
from pathlib import Path
from dataprep import scoring
from dataprep.dataset import Dataset
from dataprep.stages.tag import Settings, run
scoring.PATIENCE = 0.01
folder, model, general = sys.argv[1:]
with Dataset.open(Path(folder)) as dataset:
    print("open", flush=True)
    settings = Settings(model=(model,), general=float(general), redo=True, overwrite=True)
    for progress in run(dataset, settings):
        print(progress.facts.get("img_per_s", 0) and progress.done, flush=True)
    print("written", flush=True)
"""

EDITING = """
import sys
from pathlib import Path
from dataprep.dataset import Dataset
with Dataset.open(Path(sys.argv[1])) as dataset:
    names = sorted(dataset.store.pictures())
    print("open", flush=True)
    word, count = sys.argv[2], 0
    while True:
        count += 1
        tags = [f"{word}{count}", "tag", "end"] if count % 3 else ["other", "end"]
        dataset.edit(f"{word} {count}", [dataset.caption_change(n, tags) for n in names])
        print(count, flush=True)
        if count % 4 == 0:
            dataset.undo()
            print(f"undone {count}", flush=True)
            if count % 8 == 0:
                dataset.redo()
                print(f"redone {count}", flush=True)
"""


def kill_during(code: str, *arguments: str, moment: float) -> list[str]:
    """Run it, kill it so many seconds after it opened the project; the lines it had printed."""
    child = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    time.sleep(moment)
    child.send_signal(signal.SIGKILL)
    rest, _ = child.communicate(timeout=30)
    return rest.split("\n")[:-1]


def captions(folder: Path) -> dict[str, str]:
    return {path.name: path.read_bytes().decode() for path in folder.glob("*.txt")}


def project(folder: Path) -> Path:
    folder.mkdir()
    for number in range(PICTURES):
        rng = np.random.default_rng(number)
        Image.fromarray(rng.integers(0, 256, (24, 24, 3), np.uint8)).save(
            folder / f"{number:03}.png"
        )
    with Dataset.open(folder) as dataset:
        finish(scan.run(dataset, scan.Settings()))
    return folder


def assert_whole(folder: Path) -> None:
    """Every caption is what the last standing edit made it, and nothing lies about."""
    with Dataset.open(folder) as dataset:
        edits = dataset.history()
        assert {edit.state for edit in edits} <= {"done", "undone", "dropped"}
        standing = [dataset.store.edit(edit.id) for edit in edits if edit.state == "done"]
    if standing:
        wanted = {change.name: change.after for edit in standing for change in edit.changes}
        found = captions(folder)
        for name, text in wanted.items():
            assert found[Path(name).with_suffix(".txt").name] == text
    assert not list((folder / ".dataprep").glob("edit-*"))
    assert not list(folder.glob(".*dataprep-tmp"))


def taggings(tmp_path: Path, times: int) -> None:
    folder, model = project(tmp_path / "pictures"), write_tagger(tmp_path / "tiny")
    draw = random.Random(4)
    for number in range(times):
        before = captions(folder)
        general = f"{0.2 + 0.02 * (number % 20):.2f}"
        lines = kill_during(TAGGING, str(folder), str(model), general, moment=draw.uniform(0, 0.9))
        assert_whole(folder)
        if "written" not in lines and captions(folder) != before:
            # killed while it wrote: opening the project completed the edit, and undo takes it back
            with Dataset.open(folder) as dataset:
                dataset.undo()
            assert captions(folder) == before
        done = max((int(line) for line in lines if line.isdigit()), default=0)
        with Dataset.open(folder) as dataset:
            rows = dataset.store.taggers()
            stored = len(dataset.store.scores(rows[-1].key)) if rows else 0
        assert stored >= done


def edits(tmp_path: Path, times: int) -> None:
    folder = project(tmp_path / "pictures")
    draw = random.Random(9)
    for number in range(times):
        lines = kill_during(EDITING, str(folder), f"w{number}x", moment=draw.uniform(0, 0.6))
        assert_whole(folder)
        with Dataset.open(folder) as dataset:
            history = {edit.name: edit.state for edit in dataset.history()}
            turned = {line.split()[1]: line.split()[0] for line in lines if " " in line}
            for line in lines:
                if line.isdigit():
                    state = history[f"w{number}x {line}"]
                    if turned.get(line) == "undone" and int(line) % 8:
                        assert state in ("undone", "dropped")
                    elif turned.get(line) == "redone":
                        assert state == "done"
            before = captions(folder)
            if any(state == "done" for state in history.values()):
                edit, conflicts = dataset.undo()
                assert not conflicts
                taken = {Path(c.name).with_suffix(".txt").name: c for c in edit.changes}
                for name, text in captions(folder).items():
                    assert text == (taken[name].before if name in taken else before[name])


def test_a_tagging_run_is_killed(tmp_path: Path) -> None:
    taggings(tmp_path, 4)


def test_a_bulk_edit_is_killed(tmp_path: Path) -> None:
    edits(tmp_path, 6)


@pytest.mark.slow
def test_a_tagging_run_is_killed_twenty_times(tmp_path: Path) -> None:
    taggings(tmp_path, 20)


@pytest.mark.slow
def test_a_bulk_edit_is_killed_twenty_times(tmp_path: Path) -> None:
    edits(tmp_path, 20)
