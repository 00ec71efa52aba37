"""The buckets preview: what it counts, what it says, and that it decides nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dataprep import target as targets
from dataprep.cli import main
from dataprep.dataset import Dataset
from dataprep.decisions import Crop
from dataprep.errors import UsageError
from dataprep.focus.cut import Cutter, whole
from dataprep.focus.tally import Use, aligned, mean_lost, rows_of, to_recrop
from dataprep.jobs import finish
from dataprep.report import Report
from dataprep.stages import buckets, crop
from dataprep.stages.buckets import Settings
from dataprep.store import Picture

SHAPES = {
    "wide1.png": (1024, 512), "wide2.png": (1600, 800), "wide3.png": (900, 400),
    "square.jpg": (700, 700), "small.png": (200, 100), "strip.png": (2000, 200),
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    for name, size in SHAPES.items():
        Image.new("RGB", size, "teal").save(root / name)
    (root / "broken.png").write_bytes(b"no picture")
    return root


def preview(root: Path, **given: object) -> Report:
    with Dataset.open(root) as dataset:
        return finish(buckets.run(dataset, Settings(**given)))


def decide(root: Path, **given: object) -> Report:
    with Dataset.open(root) as dataset:
        return finish(crop.run(dataset, crop.Settings(**given)))


def picture(name: str, width: int, height: int) -> Picture:
    return Picture(name, 0, 0, "", width, height, "PNG", "RGB", 1, 1, "")


def test_it_previews_512_before_anything_was_decided_and_decides_nothing(root: Path) -> None:
    report = preview(root, batch_size=2)
    assert report.lines[0] == (
        "512 px buckets, sides 256 to 1024 by 64 (crop has decided nothing yet)"
    )
    assert [issue.file for issue in report.issues] == ["broken.png"]
    assert report.facts["batches"] == 4
    assert report.facts["fewest_batches"] == 3
    with Dataset.open(root) as dataset:
        assert dataset.decisions() == {}
        assert dataset.history() == []


def test_the_rows_are_the_trainers_buckets(root: Path) -> None:
    rows = {
        (row["width"], row["height"]): row for row in preview(root, batch_size=2).facts["buckets"]
    }
    assert {bucket: row["pictures"] for bucket, row in rows.items()} == {
        (704, 320): 4, (512, 512): 1, (1024, 256): 1,
    }  # fmt: skip
    assert (rows[704, 320]["batches"], rows[704, 320]["last"]) == (2, 0)
    assert (rows[512, 512]["batches"], rows[512, 512]["last"]) == (1, 1)
    assert rows[704, 320]["enlarged"] == 1


def test_what_crop_decided_is_what_is_counted(root: Path) -> None:
    cut = decide(root, size=256, buckets=True, step=32)
    report = preview(root)
    assert report.lines[0].endswith("(decided by crop)")
    assert report.facts["decided"] is True
    counted = {
        f"{row['width']}x{row['height']}": row["pictures"] for row in report.facts["buckets"]
    }
    assert counted == cut.facts["sizes"]
    assert report.facts["pixels_lost"] == cut.facts["pixels_lost"]
    assert preview(root, size=512).facts["target"]["resolution"] == (512, 512)


def test_a_preview_of_other_sizes_is_what_crop_would_decide(root: Path) -> None:
    decide(root, size=256)
    shown = preview(root, size=768, step=32, upscale=False)
    assert "a preview" in shown.lines[0]
    cut = decide(root, size=768, step=32, upscale=False, buckets=True)
    assert shown.facts["target"] == cut.facts["target"]
    assert shown.facts["pixels_lost"] == cut.facts["pixels_lost"]
    assert shown.facts["enlarged"] == {}


def test_a_cut_at_a_foreign_size_counts_where_the_trainer_puts_it(root: Path) -> None:
    decide(root, buckets=True)
    decide(root, size=768, only=("square.jpg",))
    rows = preview(root).facts["buckets"]
    assert {"width": 512, "height": 512} in [
        {key: row[key] for key in ("width", "height")} for row in rows
    ]
    assert not any(row["width"] == 768 and row["height"] == 768 for row in rows)


def test_the_worst_are_named_with_their_reasons(root: Path) -> None:
    facts = preview(root).facts
    assert facts["recrop"] == {
        "small.png": ["is enlarged 3.52× (from 200×91 to 704×320)"],
        "strip.png": [
            "loses 60% (2000×200 cut for 1024×256)",
            "is enlarged 1.28× (from 800×200 to 1024×256)",
        ],
    }
    assert next(iter(facts["recrop"])) == "small.png", "nearly two doublings weigh more than 60 %"
    assert next(iter(facts["worst"])) == "strip.png"
    assert facts["enlarged"] == {"small.png": 3.52, "strip.png": 1.28}


def test_what_a_person_left_out_is_no_loss_to_mend(root: Path) -> None:
    decide(root, buckets=True)
    decide(root, mode="box", box="0,0,400,400", only=("square.jpg",))
    facts = preview(root).facts
    assert facts["worst"]["square.jpg"] > 0.6
    assert facts["recrop"]["square.jpg"] == ["is enlarged 1.28× (from 400×400 to 512×512)"]


def test_boxes_by_hand_are_previewed_by_their_region(root: Path) -> None:
    decide(root, buckets=True)
    decide(root, mode="box", box="0,0,200,200", only=("strip.png",))
    rows = {(row["width"], row["height"]): row for row in preview(root, size=256).facts["buckets"]}
    assert rows[256, 256]["pictures"] == 2


def test_kohyas_rule_and_one_size_are_compared(root: Path) -> None:
    report = preview(root)
    ways = report.facts["pixels_lost_from_the_centre"]
    assert ways["buckets"] < ways["one_size"]
    assert ways["buckets"] == report.facts["pixels_lost"]
    assert any("by kohya's rule" in line for line in report.lines)
    assert preview(root, rule="kohya").facts["pixels_lost"] == ways["kohya"]


def test_repeats_fill_batches(root: Path) -> None:
    once, often = preview(root, batch_size=4), preview(root, batch_size=4, repeats=4)
    assert once.facts["batches"] > once.facts["fewest_batches"]
    assert often.facts["batches"] == often.facts["fewest_batches"] == 6


def test_a_size_off_the_step_is_refused_with_what_would_do(root: Path) -> None:
    with pytest.raises(UsageError, match="size: must be a multiple of 64, such as 512 or 576"):
        preview(root, size=544)
    assert preview(root, size=544, step=32).facts["target"]["step"] == 32


def test_an_empty_folder_has_no_table(tmp_path: Path) -> None:
    report = preview(tmp_path)
    assert report.facts["batches"] == 0
    assert report.facts["pixels_lost"] == 0


def test_the_table_stands_in_columns(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["buckets", str(root), "--batch-size", "2"]) == 1
    lines = capsys.readouterr().out.splitlines()
    table = [line for line in lines if line.startswith("  ") and "×" in line.split()[0]]
    assert lines[1].split()[:3] == ["bucket", "pictures", "batches"]
    assert {len(line) for line in table} == {len(lines[1])}


@given(
    st.lists(st.tuples(st.integers(20, 3000), st.integers(20, 3000)), max_size=30),
    st.integers(1, 9),
    st.integers(1, 12),
)
def test_the_rows_hold_every_picture_once(
    shapes: list[tuple[int, int]], batch_size: int, repeats: int
) -> None:
    cutter = Cutter(targets.of_size(512))
    uses = [
        Use(one, cutter.centred(whole(one)))
        for one in (picture(str(n), *shape) for n, shape in enumerate(shapes))
    ]
    rows = rows_of(uses, batch_size, repeats)
    assert sum(len(row.uses) for row in rows) == len(shapes)
    for row in rows:
        held = len(row.uses) * repeats
        assert (row.batches - 1) * batch_size < held <= row.batches * batch_size
        assert row.last == held - (row.batches - 1) * batch_size or row.last == 0
        assert {use.bucket for use in row.uses} == {row.bucket}
    assert 0 <= mean_lost(uses) < 1


def test_pictures_are_ranked_by_loss_and_enlargement() -> None:
    half = Use(picture("half", 1000, 500), Crop((0, 0, 500, 500), 512, 512))
    tiny = Use(picture("tiny", 100, 100), Crop((0, 0, 100, 100), 512, 512))
    good = Use(picture("good", 600, 600), Crop((0, 0, 600, 600), 512, 512))
    face = Use(picture("face", 1000, 500), Crop((0, 0, 500, 500), 512, 512, "face"))
    assert [use.picture.name for use in to_recrop([good, half, face, tiny])] == ["tiny", "half"]


def test_columns_are_flush_right() -> None:
    assert aligned([("a", "bb"), ("ccc", "d")]) == ["    a  bb", "  ccc   d"]
