"""Export of several concepts, in other formats, with masks, and with repeats that were chosen."""

from __future__ import annotations

import io
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dataprep.buckets import Target
from dataprep.dataset import Dataset
from dataprep.decisions import Background, Crop, encode_background, encode_crop
from dataprep.errors import UsageError
from dataprep.exporting.train_file import change_train_file, values_of
from dataprep.jobs import finish
from dataprep.journal import PROJECT
from dataprep.report import Report
from dataprep.settings import build, for_stage
from dataprep.stages import export
from dataprep.target import KEY, encoded

MODEL = "painted"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    captions = {
        "7_cat/a.png": "cat, night", "7_cat/b.png": "cat", "dog/a.jpg": "dog", "x.png": "night",
        "y.png": "",
    }  # fmt: skip
    for name, caption in captions.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.linear_gradient("L").resize((96, 64)).convert("RGB").save(path)
        if caption:
            path.with_suffix(".txt").write_text(caption + "\n", encoding="utf-8")
    return root


def run(root: Path, out: Path, **values: Any) -> Report:
    settings = build(export.Settings, {"out": out, **values}, "dataprep export")
    with Dataset.open(root) as dataset:
        return finish(export.run(dataset, settings))


def told(out: Path) -> dict[str, Any]:
    return values_of(out / "train.toml")


def folders(out: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in sorted(out.rglob("*")):
        if path.suffix in {".png", ".jpg", ".webp"}:
            found.setdefault(path.parent.relative_to(out).as_posix(), []).append(path.name)
    return found


def test_folders_of_the_project_become_concepts(root: Path, tmp_path: Path) -> None:
    report = run(root, tmp_path / "out", by_folder=True, repeats=3)
    assert folders(tmp_path / "out") == {
        "img/7_cat": ["a.png", "b.png"], "img/3_dog": ["a.png"],
    }  # fmt: skip
    left = [issue.file for issue in report.issues if issue.kind == "left out"]
    assert left == ["x.png", "y.png"]
    assert report.exit_code == 0


def test_parts_go_by_name_or_tag_and_the_rest_to_the_concept(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = run(
        root, out, parts=("2_night=tag:night",), reg=("1_dog=dog/*",), concept="all", repeats=4
    )
    assert folders(out) == {
        "img/2_night": ["7_cat_a.png", "x.png"], "img/4_all": ["7_cat_b.png", "y.png"],
        "reg/1_dog": ["a.png"],
    }  # fmt: skip
    assert (out / "reg/1_dog/a.txt").read_text() == "dog\n"
    assert report.facts["folders"] == {"img/2_night": 2, "img/4_all": 2, "reg/1_dog": 1}
    sums = "(2 images × 2 repeats + 2 images × 4 repeats) × 2 with the regularization pictures"
    assert any(f"{sums} × 10 epochs ÷ 1 = 240 steps" in line for line in report.lines)
    assert report.facts["steps"] == 240
    assert [issue.kind for issue in report.issues] == ["no caption"]
    assert told(out)["reg_data_dir"] == "reg"


def test_what_a_person_says_of_masks_and_regularization_outlives_an_export(
    root: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(root, out, reg=("1_dog=dog/*",), concept="all", repeats=4)
    change_train_file(out / "train.toml", {"alpha_mask": True, "masked_loss": True})
    run(root, out, concept="all", repeats=4)
    assert "reg_data_dir" not in told(out)
    assert (told(out)["alpha_mask"], told(out)["masked_loss"]) == (True, True)
    change_train_file(out / "train.toml", {"reg_data_dir": "elsewhere"})
    run(root, out, concept="all", repeats=4)
    assert told(out)["reg_data_dir"] == "elsewhere"


def test_a_concept_that_is_no_more_leaves_nothing_of_ours(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(root, out, by_folder=True, concept="all", repeats=4)
    (out / "img/4_dog/notes.txt").write_text("mine")
    (out / "img/4_dog/own.jpg").write_bytes((root / "dog/a.jpg").read_bytes())
    report = run(root, out, concept="all", repeats=4)
    assert folders(out) == {
        "img/4_all": ["7_cat_a.png", "7_cat_b.png", "dog_a.png", "x.png", "y.png"],
        "img/4_dog": ["own.jpg"],
    }  # fmt: skip
    assert (out / "img/4_dog/notes.txt").read_text() == "mine"
    assert report.facts["removed"] == 3
    assert not (out / "img/7_cat").exists()


def test_a_file_that_no_export_wrote_is_named(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(root, out, concept="all", repeats=4)
    (out / "img/4_all/own.png").write_bytes((root / "x.png").read_bytes())
    (out / "img/4_all/x.npz").write_bytes(b"latents")
    issues = run(root, out, concept="all", repeats=4).issues
    assert [i.file for i in issues if i.kind == "unknown"] == ["img/4_all/own.png"]


@pytest.mark.parametrize(("form", "ending"), [("png", ".png"), ("webp", ".webp"), ("jpg", ".jpg")])
def test_formats(root: Path, tmp_path: Path, form: str, ending: str) -> None:
    out = tmp_path / "out"
    run(root, out, concept="all", repeats=1, format=form)
    with Image.open(out / f"img/1_all/x{ending}") as image:
        image.load()
        assert (image.size, image.mode) == ((96, 64), "RGB")
        original = np.asarray(Image.open(root / "x.png"), int)
        assert np.abs(np.asarray(image, int) - original).max() <= (0 if form != "jpg" else 4)
    assert run(root, out, concept="all", repeats=1, format=form).done == 0


def test_another_format_replaces_the_files_of_the_last_one(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(root, out, concept="all", repeats=1, format="jpg")
    sizes = [path.stat().st_size for path in sorted(out.rglob("*.jpg"))]
    run(root, out, concept="all", repeats=1, format="jpg", quality=30)
    assert all(
        path.stat().st_size < before
        for path, before in zip(sorted(out.rglob("*.jpg")), sizes, strict=True)
    )
    run(root, out, concept="all", repeats=1)
    assert {path.suffix for path in (out / "img/1_all").iterdir()} == {".png", ".txt"}


def with_mask(root: Path, name: str, composite: str) -> None:
    """Decide a background for a picture, its mask a half that is the subject."""
    with Dataset.open(root) as dataset:
        finish(export.refresh(dataset))
        picture = dataset.store.pictures()[name]
        mask = Image.new("L", (picture.width, picture.height))
        mask.paste(255, (0, 0, picture.width // 2, picture.height))
        mask.save(dataset.mask_path(picture, MODEL))
        crop = encode_crop(Crop((0, 0, picture.width, picture.height), 64, 64))
        background = encode_background(Background(MODEL, composite))
        changes = [
            dataset.decision_change(name, "background", background),
            dataset.decision_change(name, "crop", crop),
        ]
        dataset.edit("background", changes)


def test_masks_lie_in_a_folder_of_their_own(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with_mask(root, "x.png", "#ffffff")
    run(root, out, concept="all", repeats=2, masks="folder")
    assert folders(out)["mask/2_all"] == ["x.png"]
    assert (told(out)["conditioning_data_dir"], told(out)["masked_loss"]) == ("mask", True)
    with Image.open(out / "mask/2_all/x.png") as mask:
        assert (mask.mode, mask.size) == ("L", (64, 64))
        assert (mask.getpixel((10, 30)), mask.getpixel((55, 30))) == (255, 0)
    run(root, out, concept="all", repeats=2)
    assert "mask/2_all" not in folders(out)
    assert not {"conditioning_data_dir", "masked_loss", "alpha_mask"} & set(told(out))


def test_masks_as_alpha_keep_the_colours_behind(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with_mask(root, "x.png", "#ff0000")
    run(root, out, concept="all", repeats=2, masks="alpha")
    assert (told(out)["alpha_mask"], told(out)["masked_loss"]) == (True, True)
    assert "conditioning_data_dir" not in told(out)
    with Image.open(out / "img/2_all/x.png") as image:
        assert image.mode == "RGBA"
        assert image.getpixel((58, 30)) == (255, 0, 0, 0)
    with Image.open(out / "img/2_all/y.png") as image:
        assert image.mode == "RGB", "it has no mask"


def test_jpg_and_transparency_do_not_go_together(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="jpg has no alpha"):
        run(root, tmp_path / "out", concept="all", format="jpg", masks="alpha")
    with_mask(root, "x.png", "alpha")
    with pytest.raises(UsageError, match=r"x\.png has a transparent background"):
        run(root, tmp_path / "out", concept="all", format="jpg")
    assert not (tmp_path / "out").exists()


def test_repeats_are_chosen_for_the_steps_wished_for(root: Path, tmp_path: Path) -> None:
    (root / "dataprep.toml").write_text(
        "[train]\nmax_train_epochs = 5\ntrain_batch_size = 2\n", encoding="utf-8"
    )
    report = run(root, tmp_path / "out", concept="all", steps=125)
    assert list(folders(tmp_path / "out")) == ["img/10_all"]
    assert "125 steps × 2 ÷ (5 images × 5 epochs) = 10.0 repeats" in report.lines[1]
    assert "5 images × 10 repeats × 5 epochs ÷ 2 = 125 steps" in report.lines[2]
    assert report.facts["steps"] == 125


def test_the_target_that_was_cut_to_is_what_the_trainer_is_told(root: Path, tmp_path: Path) -> None:
    decided = Target((768, 768), buckets=True, min_size=320, step=32, no_upscale=True)
    with Dataset.open(root) as dataset:
        dataset.edit("target", [dataset.decision_change(PROJECT, KEY, encoded(decided))])
    run(root, tmp_path / "out", concept="all")
    path = tmp_path / "out" / "train.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))["dataset"]
    assert data["resolution"] == 768
    assert (data["min_bucket_reso"], data["max_bucket_reso"]) == (320, 1024)
    assert (data["bucket_reso_steps"], data["bucket_no_upscale"]) == (32, True)


def test_a_value_changed_by_hand_is_kept_and_said_ours_is_brought_up_to_date(
    root: Path, tmp_path: Path
) -> None:
    recipe = root / "dataprep.toml"
    recipe.write_text("[train]\nnetwork_dim = 4\nseed = 1\n", encoding="utf-8")
    run(root, tmp_path / "out", concept="all")
    path = tmp_path / "out" / "train.toml"
    path.write_text(path.read_text().replace("network_dim = 4", "network_dim = 32"))
    recipe.write_text("[train]\nnetwork_dim = 8\nseed = 2\n", encoding="utf-8")
    for _ in range(2):
        report = run(root, tmp_path / "out", concept="all")
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        assert tables["network"]["network_dim"] == 32
        assert tables["training"]["seed"] == 2
        said = [issue.reason for issue in report.issues if issue.file == "train.toml"]
        assert said == ["network_dim was changed by hand, and is kept"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "give --concept NAME"),
        ({"concept": "10_zumi"}, "is without the repeats: give zumi"),
        ({"parts": ("city=x",)}, "must be N_concept=selector"),
        ({"reg": ("0_city=x",)}, "repeats must be 1 or more"),
        ({"concept": "a", "repeats": -1}, "greater than or equal to 0"),
    ],
)
def test_wrong_names_are_refused_before_anything_is_done(
    root: Path, values: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        for_stage(export.Settings, "export", root, {"out": "lora", **values})


def test_metadata_is_kept_only_when_asked(root: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x013B] = "somebody"
    stream = io.BytesIO()
    Image.new("RGB", (64, 64)).save(stream, "JPEG", exif=exif)
    (root / "x.png").unlink()
    (root / "x.jpg").write_bytes(stream.getvalue())
    for asked in (False, True):
        run(root, tmp_path / "out", concept="all", repeats=1, metadata=asked)
        with Image.open(tmp_path / "out/img/1_all/x.png") as image:
            assert image.getexif().get(0x013B) == ("somebody" if asked else None)
