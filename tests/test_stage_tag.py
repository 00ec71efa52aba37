"""`tag` on real files: captions to the letter, nothing run twice, nothing lost to a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dataprep import scoring
from dataprep.dataset import Dataset
from dataprep.decisions import Background, Crop, encode_background, encode_crop
from dataprep.errors import DataprepError, UsageError
from dataprep.images import decode
from dataprep.jobs import Progress, finish
from dataprep.report import Report
from dataprep.scoring import FAST
from dataprep.settings import build
from dataprep.stages.tag import Settings, run
from dataprep.taggers import Tagger, manifest, read_model, select
from dataprep.taggers.pixels import prepare
from tests.tiny_onnx import SIDE, TAGS, tagger_scores, write_tagger

ROOT = Path(__file__).parents[1]


def picture(seed: int, size: tuple[int, int] = (60, 80)) -> Image.Image:
    rng = np.random.default_rng(seed)
    fields = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8))
    return fields.resize(size, Image.Resampling.NEAREST)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tagger(tmp_path / "models" / "tiny")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    picture(1).save(folder / "a.png")
    picture(2, (90, 40)).save(folder / "b.jpg", quality=95)
    picture(3).convert("CMYK").save(folder / "c.jpg")
    picture(4).quantize(16).save(folder / "d.png")
    picture(5).convert("L").save(folder / "e.webp", lossless=True)
    half = picture(6).convert("RGBA")
    half.putalpha(Image.linear_gradient("L").resize(half.size))
    half.save(folder / "f.png")
    return folder


def tag(folder: Path, model: Path, dry_run: bool = False, **values: Any) -> Report:
    settings = build(Settings, {"model": str(model), **values}, "test")
    with Dataset.open(folder, dry_run=dry_run) as dataset:
        return finish(run(dataset, settings))


def captions(folder: Path) -> dict[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.txt")}


def expected(path: Path, general: float = 0.35, character: float = 0.85) -> list[str]:
    """Decoded whole, prepared and scored plainly."""
    scores = tagger_scores(prepare(decode(path), SIDE, manifest()))
    return select(scores, TAGS, {"general": general, "character": character})


def test_captions_are_the_networks_to_the_letter(folder: Path, model: Path) -> None:
    report = tag(folder, model)
    assert captions(folder) == {
        path.stem: ", ".join(expected(path)) + "\n" for path in folder.glob("[a-f].*[!t]")
    }
    assert len(set(captions(folder).values())) > 3
    assert (report.done, report.unchanged, report.issues, report.exit_code) == (6, 0, (), 0)
    facts = dict(report.facts)
    assert facts["key"] == read_model(model).key + FAST
    assert (facts["model"], facts["device"]) == ("tiny", "cpu")
    assert (facts["written"], facts["cached"]) == (6, 0)
    mean = sum(len(text.split(",")) for text in captions(folder).values()) / 6
    assert report.lines == (f"tagged 6 pictures with tiny (cpu): {mean:.1f} tags each",)


def test_nothing_is_run_twice_and_captions_are_kept(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "b.txt").write_text("mine, alone\n")
    tag(folder, model)
    before = captions(folder)
    assert before["b"] == "mine, alone\n"

    def refuse(*_: object) -> Tagger:
        raise AssertionError("the network was opened")

    monkeypatch.setattr(scoring, "open_tagger", refuse)
    again = tag(folder, model)
    assert (again.done, again.unchanged, again.facts["cached"]) == (0, 6, 5)
    assert captions(folder) == before
    assert again.lines == (
        "tagged 0 pictures with tiny (scores remembered); 6 keep the caption they have",
    )
    monkeypatch.undo()
    moved = tag(folder, model, general=0.9, overwrite=True, touch_edited=True)
    assert moved.facts["written"] > 0
    assert captions(folder)["b"] == ", ".join(expected(folder / "b.jpg", 0.9)) + "\n"


def test_append_adds_and_undo_takes_back(folder: Path, model: Path) -> None:
    tags = expected(folder / "a.png")
    (folder / "a.txt").write_text(f"mine, {tags[-1].upper()}\n")
    tag(folder, model, append=True)
    first = captions(folder)["a"]
    assert first == ", ".join(["mine", tags[-1].upper(), *tags[:-1]]) + "\n"
    assert tag(folder, model, append=True).done == 0
    assert captions(folder)["a"] == first
    with Dataset.open(folder) as dataset:
        dataset.undo()
    assert captions(folder) == {"a": f"mine, {tags[-1].upper()}\n"}


def test_a_dry_run_writes_no_caption(folder: Path, model: Path) -> None:
    report = tag(folder, model, dry_run=True)
    assert captions(folder) == {}
    assert report.dry_run
    assert report.lines[0].startswith("would tag 6 pictures")
    changes = {change.name: change.after for change in report.changes}
    assert changes["a.png"] == ", ".join(expected(folder / "a.png")) + "\n"
    assert tag(folder, model).facts["cached"] == 6


def test_a_bad_picture_stops_nothing(folder: Path, model: Path) -> None:
    whole = (folder / "b.jpg").read_bytes()
    (folder / "b.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "z.png").write_bytes(b"no picture")
    (folder / "d.txt").write_bytes(b"\xff\xfe tags")
    report = tag(folder, model)
    assert {issue.file for issue in report.issues} == {"b.jpg", "d.png", "z.png"}
    assert (report.exit_code, report.done) == (1, 4)
    assert report.lines[0].endswith("; 3 skipped")
    assert (folder / "d.txt").read_bytes() == b"\xff\xfe tags"


def test_a_picture_that_breaks_after_the_scan_is_reported(folder: Path, model: Path) -> None:
    with Dataset.open(folder) as dataset:
        job = run(dataset, Settings(model=str(model)))
        for progress in job:
            if progress.note == "loading tiny":
                (folder / "c.jpg").unlink()
                break
        report = finish(job)
    assert [(issue.file, issue.reason) for issue in report.issues] == [
        ("c.jpg", "the file is gone")
    ]
    assert report.done == 5


def test_pictures_that_share_a_caption_file_get_one(folder: Path, model: Path) -> None:
    picture(9).save(folder / "a.webp", lossless=True)
    report = tag(folder, model)
    assert captions(folder)["a"] == ", ".join(expected(folder / "a.png")) + "\n"
    assert [(issue.file, issue.fatal) for issue in report.issues] == [("a.webp", False)]
    assert tag(folder, model).done == 0


def test_equal_files_are_looked_at_once(folder: Path, model: Path) -> None:
    (folder / "g.png").write_bytes((folder / "a.png").read_bytes())
    with Dataset.open(folder) as dataset:
        seen = list(run(dataset, Settings(model=str(model))))
    assert seen[-1].total == 6
    assert captions(folder)["g"] == captions(folder)["a"]


def test_the_tagger_sees_the_render(folder: Path, model: Path) -> None:
    tag(folder, model)
    before = captions(folder)
    with Dataset.open(folder) as dataset:
        crop = encode_crop(Crop((0, 0, 30, 40), 64, 64))
        dataset.edit("cut", [dataset.decision_change("a.png", "crop", crop)])
        gone = encode_background(Background("no-such-model", "#ffffff"))
        dataset.edit("cut out", [dataset.decision_change("b.jpg", "background", gone)])
        dataset.edit("out", [dataset.decision_change("c.jpg", "verdict", '"reject"')])
    report = tag(folder, model, overwrite=True)
    assert report.facts["cached"] == 3
    assert [(issue.file, "mask is gone" in issue.reason) for issue in report.issues] == [
        ("b.jpg", True)
    ]
    assert captions(folder)["a"] != before["a"]
    assert captions(folder)["b"] == before["b"]


def test_without_any_tag_the_caption_is_empty_and_said(folder: Path, model: Path) -> None:
    report = tag(folder, model, general=1, character=1)
    assert set(captions(folder).values()) == {"\n"}
    assert {issue.kind for issue in report.issues} == {"no tags"}
    assert report.exit_code == 0
    assert tag(folder, model).facts["written"] == 6


def test_an_empty_folder_is_no_error(tmp_path: Path, model: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert tag(tmp_path / "empty", model).exit_code == 0


def test_wrong_settings_and_models_are_said_before_any_work(folder: Path, model: Path) -> None:
    with pytest.raises(UsageError, match="overwrite, append and prepend exclude each other"):
        tag(folder, model, overwrite=True, append=True)
    with pytest.raises(UsageError, match=r"general: .*greater than or equal to 0\.05"):
        tag(folder, model, general=0.01)
    with pytest.raises(UsageError, match="neither a folder nor a known name"):
        tag(folder, Path("nonesuch"))
    (model / "model.onnx").write_bytes(b"no network")
    with pytest.raises(DataprepError, match="cannot be loaded"):
        tag(folder, model)
    assert captions(folder) == {}


def many(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        picture(number, (48, 48)).save(folder / f"{number:03}.png")


def test_closing_ends_the_threads_and_keeps_what_was_reported(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "PATIENCE", 0.0)
    many(tmp_path / "many", 60)
    before = set(threading.enumerate())
    with Dataset.open(tmp_path / "many") as dataset:
        job = run(dataset, Settings(model=str(model), batch_size=4))
        progress = next(p for p in job if "img_per_s" in p.facts)
        job.close()
        assert set(threading.enumerate()) == before
        stored = len(dataset.store.scores(read_model(model).key + FAST))
        assert progress.done <= stored < 60
    assert captions(tmp_path / "many") == {}
    report = tag(tmp_path / "many", model)
    assert (report.facts["cached"], report.facts["written"]) == (stored, 60)


def test_slow_pictures_are_reported_one_by_one(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "PATIENCE", 0.0)
    with Dataset.open(folder) as dataset:
        seen: list[Progress] = list(run(dataset, Settings(model=str(model))))
    done = [progress.done for progress in seen if "img_per_s" in progress.facts]
    assert done == [1, 2, 3, 4, 5, 6, 6]


DRIVER = """
import sys, time
from pathlib import Path
from dataprep import scoring
from dataprep.dataset import Dataset
from dataprep.stages.tag import Settings, run

scoring.PATIENCE = 0.0
with Dataset.open(Path(sys.argv[1])) as dataset:
    for progress in run(dataset, Settings(model=sys.argv[2])):
        if "img_per_s" in progress.facts:
            print(progress.done, flush=True)
            time.sleep(0.02)
"""


def killed_after(folder: Path, model: Path, wanted: int) -> int:
    """Tag in a process of its own and kill it; how many pictures it had reported as done."""
    child = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), str(model)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert child.stdout is not None
    reported = 0
    while reported < wanted:
        line = child.stdout.readline()
        assert line, "the child ended by itself"
        reported = int(line)
    time.sleep(0.013)
    child.send_signal(signal.SIGKILL)
    rest, _ = child.communicate(timeout=10)
    assert child.returncode == -signal.SIGKILL
    return max([reported, *map(int, rest.split())])


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_kill_9_loses_nothing_that_was_reported(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "many"
    many(folder, 200)
    stored = 0
    for wanted in (40, 60):
        reported = stored + killed_after(folder, model, wanted)
        assert captions(folder) == {}
        with Dataset.open(folder) as dataset:
            stored = len(dataset.store.scores(read_model(model).key + FAST))
        assert reported <= stored < 200
    report = tag(folder, model)
    assert report.facts["cached"] == stored
    assert len(captions(folder)) == 200
    assert captions(folder)["007"] == ", ".join(expected(folder / "007.png")) + "\n"
