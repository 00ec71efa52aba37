"""Crop: every mode on real files, the target it leaves behind, and that the trainer agrees."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dataprep import target as targets
from dataprep.buckets import Target
from dataprep.dataset import Dataset
from dataprep.decisions import (
    Background,
    Box,
    Crop,
    Decisions,
    View,
    encode_background,
    encode_views,
)
from dataprep.errors import DataprepError, UsageError
from dataprep.focus.cut import Cutter
from dataprep.focus.place import size_of
from dataprep.jobs import finish
from dataprep.report import Report
from dataprep.stages import crop
from dataprep.stages.crop import Settings
from tests.tiny_yunet import write_yunet
from train import data
from train.config import TrainConfig


def save(path: Path, size: tuple[int, int], at: tuple[int, int], colour: str = "red") -> None:
    """A grey picture with a square of 64 pixels whose left top corner is ``at``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size, "grey")
    image.paste(colour, (*at, at[0] + 64, at[1] + 64))
    image.save(path, quality=95)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project: subjects at the left of a wide picture and low in a tall one; one cut short."""
    root = tmp_path / "project"
    save(root / "wide.jpg", (640, 320), (32, 96))
    save(root / "sub/tall.png", (320, 640), (96, 512))
    Image.new("RGB", (300, 300), "navy").save(root / "even.webp")
    (root / "broken.jpg").write_bytes((root / "wide.jpg").read_bytes()[:500])
    return root


def run(root: Path, *, dry_run: bool = False, **given: object) -> Report:
    with Dataset.open(root, dry_run=dry_run) as dataset:
        return finish(crop.run(dataset, Settings(**{"size": 256, **given})))


def crops(root: Path) -> dict[str, Crop]:
    with Dataset.open(root) as dataset:
        decided = dataset.decisions()
        return {name: one.crop for name, one in decided.items() if one.crop}


def kinds(report: Report) -> dict[str, str]:
    return {issue.file: issue.kind for issue in report.issues if issue.kind != "unreadable"}


def stored(root: Path) -> Target | None:
    with Dataset.open(root) as dataset:
        return targets.read(dataset.store)


def test_the_centre_is_cut_as_one_edit_that_is_undone(root: Path) -> None:
    report = run(root)
    assert (report.done, report.unchanged) == (3, 0)
    assert crops(root) == {
        "wide.jpg": Crop((160, 0, 480, 320), 256, 256),
        "sub/tall.png": Crop((0, 160, 320, 480), 256, 256),
        "even.webp": Crop((0, 0, 300, 300), 256, 256),
    }
    assert [issue.file for issue in report.issues if issue.fatal] == ["broken.jpg"]
    assert report.facts["sizes"] == {"256x256": 3}
    assert report.lines[0] == "3 pictures: 3 at 256×256; 33% of their pixels are cut away"
    assert report.lines[1] == "with --buckets it would be 11%"
    assert (run(root).done, run(root).unchanged) == (0, 3)
    with Dataset.open(root) as dataset:
        dataset.undo()
    assert crops(root) == {}
    assert stored(root) is None


def test_what_is_enlarged_is_said(root: Path) -> None:
    reasons = [issue.reason for issue in run(root, size=512).issues if issue.kind == "small"]
    assert "is enlarged 1.60× to reach 512×512" in reasons
    assert run(root, size=512, buckets=True, upscale=False, step=32).facts["enlarged"] == 0


def test_saliency_moves_the_cut_to_where_something_is(root: Path) -> None:
    report = run(root, mode="saliency")
    found = crops(root)
    assert found["wide.jpg"].box == (0, 0, 320, 320)
    assert found["sub/tall.png"].box == (0, 320, 320, 640)
    assert found["wide.jpg"].mode == "saliency"
    assert report.lines[1] == "a place found in 3 of 3"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATAPREP_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "none"))
    return tmp_path / "models"


def test_faces_lead_and_a_picture_without_one_is_named(root: Path, models: Path) -> None:
    write_yunet(models / "yunet" / "face_detection_yunet_2023mar.onnx")
    report = run(root, mode="face", margin=0)
    found = crops(root)
    assert found["wide.jpg"].box == (0, 0, 320, 320)
    assert found["sub/tall.png"].box == (0, 320, 320, 640)
    assert found["even.webp"] == Crop((0, 0, 300, 300), 256, 256)
    assert kinds(report) == {"even.webp": "no-face"}
    assert report.facts["placed"] == 2
    assert report.exit_code == 1, "for the broken file alone"


def test_without_its_model_the_face_mode_decides_nothing(root: Path, models: Path) -> None:
    with pytest.raises(DataprepError, match="finds faces is not on this machine"):
        run(root, mode="face")
    assert crops(root) == {}


def put_mask(root: Path, name: str, box: Box | None, **tools: object) -> None:
    """Give a picture the foreground mask that ``dataprep background`` would."""
    with Dataset.open(root) as dataset:
        picture = next(p for p in dataset.pictures() if p.name == name)
        mask = Image.new("L", (picture.width, picture.height), 0)
        if box:
            mask.paste(255, box)
        mask.save(dataset.mask_path(picture, "m"))
        background = encode_background(Background("m", "white", **tools))
        dataset.edit("mask", [dataset.decision_change(name, "background", background)])


def test_the_foreground_is_held_with_its_margin(root: Path) -> None:
    run(root, mode="none")
    put_mask(root, "wide.jpg", (500, 40, 600, 300))
    put_mask(root, "even.webp", None)
    report = run(root, mode="foreground", margin=0.1)
    found = crops(root)
    assert found["wide.jpg"].box == (320, 0, 640, 320)
    assert kinds(report) == {"sub/tall.png": "no-mask", "even.webp": "no-subject"}
    assert found["sub/tall.png"].mode == "centre"


def test_the_masks_own_tools_count(root: Path) -> None:
    run(root, mode="none")
    put_mask(root, "wide.jpg", (0, 0, 540, 320), invert=True)
    run(root, mode="foreground")
    assert crops(root)["wide.jpg"].box[2] == 640


def test_tight_goes_close_but_enlarges_nothing(root: Path) -> None:
    run(root, mode="none")
    put_mask(root, "wide.jpg", (500, 100, 560, 160))
    run(root, mode="foreground", tight=True, size=128, min_size=64)
    cut = crops(root)["wide.jpg"]
    assert cut.box == (466, 66, 594, 194)
    run(root, mode="foreground", tight=True, size=256, margin=0)
    assert size_of(crops(root)["wide.jpg"].box) == (256, 256)
    put_mask(root, "wide.jpg", (100, 0, 200, 320))
    run(root, mode="foreground", tight=True, size=256, buckets=True, min_size=64, margin=0)
    tall = crops(root)["wide.jpg"]
    assert tall.height > tall.width, "the aspect is that of the subject"


def test_without_any_mask_the_foreground_mode_decides_nothing(root: Path) -> None:
    with pytest.raises(DataprepError, match="no picture has a foreground mask"):
        run(root, mode="foreground")
    assert crops(root) == {}


def test_a_box_by_hand_outlives_later_runs(root: Path) -> None:
    run(root)
    run(root, mode="box", box="0,0,200,300", only=("wide.jpg",))
    assert crops(root)["wide.jpg"] == Crop((0, 0, 300, 300), 256, 256, "box")
    report = run(root, buckets=True, step=32)
    cut = crops(root)["wide.jpg"]
    assert (cut.mode, cut.width, cut.height) == ("box", 192, 320), "the bucket of 200×300"
    assert cut.box == (4, 0, 196, 320), "around the same middle, as high as the picture allows"
    assert report.facts["by_hand"] == 1
    assert "1 boxes given by hand are kept" in " ".join(report.lines)
    run(root)
    assert crops(root)["wide.jpg"] == Crop((0, 0, 300, 300), 256, 256, "box")
    run(root, mode="none")
    assert crops(root)["wide.jpg"].mode == "box"
    run(root, redo=True)
    assert crops(root)["wide.jpg"] == Crop((160, 0, 480, 320), 256, 256)


def test_a_box_that_another_program_decided_is_a_persons_too(root: Path) -> None:
    run(root)
    with Dataset.open(root) as dataset:
        mine = '{"box":[10,20,110,120],"height":256,"mode":"box","width":256}'
        dataset.edit("by hand", [dataset.decision_change("wide.jpg", "crop", mine)])
    run(root, size=64)
    assert crops(root)["wide.jpg"] == Crop((10, 20, 110, 120), 64, 64, "box")


def test_a_run_about_one_picture_takes_the_projects_sizes(root: Path) -> None:
    run(root, buckets=True, step=32)
    project = stored(root)
    with Dataset.open(root) as dataset:
        finish(crop.run(dataset, Settings(mode="box", box="50%,0,100%,100%", only=("WIDE*",))))
    cut = crops(root)["wide.jpg"]
    assert project is not None
    assert (cut.width, cut.height) in project.sizes()
    assert stored(root) == project
    report = run(root, size=512, only=("wide.jpg",))
    assert stored(root) == project
    assert kinds(report)["wide.jpg"] == "size"
    assert "no size of the project's" in report.issues[-1].reason


def test_a_box_outside_of_a_picture_is_said_and_changes_nothing(root: Path) -> None:
    report = run(root, mode="box", box="400,0,500,100", only=("*",))
    fatal = {issue.file: issue.reason for issue in report.issues if issue.kind == "box"}
    assert fatal.keys() == {"sub/tall.png", "even.webp"}
    assert "lies outside its 300×300" in fatal["even.webp"]
    assert crops(root).keys() == {"wide.jpg"}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"size": 100}, "size: must be a multiple of 64, such as 64 or 128"),
        ({"min_size": 96}, "min_size: must be a multiple of 64, such as 64 or 128"),
        ({"size": 5000}, "less"),
        ({"step": 48}, "multiple of 32"),
        ({"upscale": False}, "--no-upscale needs --buckets"),
        ({"tight": True}, "--tight goes with"),
        ({"mode": "box", "box": "0,0,9,9"}, "--only"),
        ({"box": "0,0,9,9", "only": ("a",)}, "--mode box"),
        ({"box": "0,0,9", "mode": "box", "only": ("a",)}, "left, top, right, bottom"),
    ],
)
def test_settings_that_do_not_agree_are_refused(given: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Settings(**given)


def test_a_name_that_no_picture_has_is_said(root: Path) -> None:
    with pytest.raises(UsageError, match="no picture is called 'nobody'"):
        run(root, only=("nobody",))


def test_letterbox_bands_are_left_out(root: Path) -> None:
    band = Image.new("RGB", (400, 500), "black")
    rng = np.random.default_rng(3)
    band.paste(Image.fromarray(rng.integers(90, 255, (300, 400, 3), np.uint8)), (0, 100))
    band.save(root / "film.png")
    report = run(root, trim=True, only=("film.png",))
    assert crops(root)["film.png"].box == (50, 100, 350, 400)
    assert report.facts["trimmed"] == 1
    run(root, trim=True, buckets=True, only=("film.png",))
    film = crops(root)["film.png"]
    assert 100 <= film.box[1] < film.box[3] <= 400
    assert film.box[2] - film.box[0] == 400
    assert film.width > film.height


def test_a_view_is_cut_like_a_picture(root: Path) -> None:
    run(root, mode="none")
    with Dataset.open(root) as dataset:
        views = encode_views([View("left", (0, 0, 200, 320))])
        dataset.edit("split", [dataset.decision_change("wide.jpg", "views", views)])
    run(root, mode="saliency")
    with Dataset.open(root) as dataset:
        cut = dataset.decisions()["wide@left.jpg"].crop
        view = next(p for p in dataset.pictures() if p.name == "wide@left.jpg")
        rendered = dataset.render(view, Decisions(crop=cut))
    assert cut is not None
    assert size_of(cut.box) == (200, 200)
    # the square of 64 pixels at (32, 96) is in it, at 256/200 of its size
    assert np.asarray(rendered)[..., 0].max() > 240


def test_none_takes_everything_back(root: Path) -> None:
    run(root)
    report = run(root, mode="none")
    assert crops(root) == {}
    assert stored(root) is None
    assert report.lines == ("whole pictures: nothing is cut",)


def test_a_dry_run_decides_nothing(root: Path) -> None:
    report = run(root, mode="saliency", dry_run=True)
    assert report.done == 3
    assert crops(root) == {}
    assert stored(root) is None


@pytest.mark.parametrize("mode", ["saliency", "face"])
def test_it_can_be_stopped_at_any_moment(root: Path, models: Path, mode: str) -> None:
    write_yunet(models / "yunet" / "any.onnx")
    steps = 0
    while True:
        with Dataset.open(root) as dataset:
            job = crop.run(dataset, Settings(size=256, mode=mode, trim=True))
            try:
                for _ in range(steps + 1):
                    next(job)
            except StopIteration:
                break
            job.close()
        assert crops(root) == {}
        steps += 1
    assert steps > 6
    assert len(crops(root)) == 3


def test_a_picture_that_is_cut_short_later_keeps_its_decision(root: Path) -> None:
    run(root)
    before = crops(root)["wide.jpg"]
    path, stat = root / "wide.jpg", (root / "wide.jpg").stat()
    # as if the disk had failed: same size, same time, other bytes
    path.write_bytes(bytes(stat.st_size))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    report = run(root, size=128, mode="saliency")
    assert ("wide.jpg", True) in {(issue.file, issue.fatal) for issue in report.issues}
    assert crops(root)["wide.jpg"] == before


def config_of(target: Target, folder: Path) -> TrainConfig:
    """The trainer's configuration for a target, as the export writes it."""
    return TrainConfig(
        pretrained_model_name_or_path="demo",
        train_data_dir=folder,
        output_dir=folder,
        max_train_epochs=1,
        resolution=target.resolution,
        enable_bucket=target.buckets,
        min_bucket_reso=target.min_size,
        max_bucket_reso=target.max_size,
        bucket_reso_steps=target.step,
        bucket_no_upscale=target.no_upscale,
    )


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"buckets": True},
        {"buckets": True, "step": 32},
        {"buckets": True, "upscale": False, "step": 32},
        {"buckets": True, "upscale": False},
    ],
)
def test_the_trainer_takes_every_picture_at_the_size_it_was_rendered(
    root: Path, tmp_path: Path, given: dict[str, object]
) -> None:
    Image.new("RGB", (900, 70), "olive").save(root / "thin.png")
    run(root, mode="saliency", **given)
    folder = tmp_path / "img" / "1_it"
    folder.mkdir(parents=True)
    sizes = {}
    with Dataset.open(root) as dataset:
        for picture in dataset.usable():
            image = dataset.render(picture, dataset.decisions()[picture.name])
            name = picture.name.replace("/", "_") + ".png"
            image.save(folder / name)
            sizes[f"1_it/{name}"] = image.size
    target = stored(root)
    assert target is not None
    found = data.scan(config_of(target, folder.parent))
    assert {item.name: item.bucket for item in found.items} == sizes
    assert len(sizes) == 4


@settings(max_examples=50)
@given(st.integers(20, 5000), st.integers(20, 5000))
def test_buckets_lose_no_more_than_a_square(width: int, height: int) -> None:
    def kept(target: Target) -> int:
        across, down = size_of(Cutter(target).centred((0, 0, width, height)).box)
        return across * down

    square = Target((512, 512))
    assert kept(Target((512, 512), buckets=True)) >= kept(square) * 0.99


def test_two_thousand_pictures_are_centred_in_no_time(tmp_path: Path) -> None:
    root = tmp_path / "many"
    root.mkdir()
    Image.new("RGB", (90, 60), "red").save(root / "0.png")
    for number in range(1, 2000):
        os.link(root / "0.png", root / f"{number}.png")
    run(root, mode="none")
    started = time.perf_counter()
    report = run(root, size=64)
    assert report.done == 2000
    # a tenth of a second on a quiet machine, most of it for looking whether files changed
    assert time.perf_counter() - started < 2
