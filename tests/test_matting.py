"""`background` through rembg itself, offline: masks, decisions, caches, and clear refusals."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dataprep import matting
from dataprep.dataset import Dataset
from dataprep.decisions import Decisions
from dataprep.errors import DataprepError, UsageError
from dataprep.images import decode
from dataprep.jobs import finish
from dataprep.report import Report
from dataprep.settings import build
from dataprep.stages.background import Settings, run
from tests.tiny_onnx import write_matting


def bright_on_dark(size: tuple[int, int] = (200, 120), box: float = 0.5) -> Image.Image:
    """A bright yellow rectangle of ``box`` of each side, in the middle of dark blue."""
    image = Image.new("RGB", size, (10, 10, 40))
    width, height = size
    margin = (1 - box) / 2
    area = (width * margin, height * margin, width * (1 - margin) - 1, height * (1 - margin) - 1)
    ImageDraw.Draw(image).rectangle(area, fill=(250, 240, 120))
    return image


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_matting(tmp_path / "models" / "tiny matte.onnx")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    bright_on_dark().save(folder / "a.png")
    bright_on_dark((90, 160)).save(folder / "b.jpg", quality=95)
    bright_on_dark().convert("CMYK").save(folder / "c.jpg", quality=95)
    bright_on_dark().quantize(8).save(folder / "d.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    bright_on_dark((120, 60)).save(folder / "e.jpg", quality=95, exif=turned)
    return folder


def cut_out(folder: Path, model: Path | str, dry_run: bool = False, **values: Any) -> Report:
    settings = build(Settings, {"model": str(model), **values}, "test")
    with Dataset.open(folder, dry_run=dry_run) as dataset:
        return finish(run(dataset, settings))


def reference(image: Image.Image) -> np.ndarray:
    """rembg's own recipe around that network, in numpy: (height, width), 0..255."""
    small = np.asarray(image.convert("RGB").resize((320, 320), Image.Resampling.LANCZOS), float)
    normal = (small / small.max() - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    said = 1 / (1 + np.exp(-normal.mean(2)))
    said = (said - said.min()) / (said.max() - said.min())
    mask = Image.fromarray((said * 255).astype(np.uint8))
    return np.asarray(mask.resize(image.size, Image.Resampling.LANCZOS), float)


def test_masks_are_rembgs_on_the_whole_upright_picture(folder: Path, model: Path) -> None:
    report = cut_out(folder, model)
    assert (report.done, report.issues, report.exit_code) == (5, (), 0)
    key = report.facts["model"]
    assert key.startswith("tiny-matte@")
    with Dataset.open(folder) as dataset:
        for picture in dataset.pictures():
            mask = Image.open(dataset.mask_path(picture, key))
            assert (mask.mode, mask.size) == ("L", (picture.width, picture.height))
            wanted = reference(decode(folder / picture.name))
            assert np.abs(np.asarray(mask, float) - wanted).max() <= 2
            assert report.facts["coverage"][picture.name] == pytest.approx(0.25, abs=0.05)


def test_the_render_stands_before_the_colour(folder: Path, model: Path) -> None:
    cut_out(folder, model, composite="lime")
    with Dataset.open(folder) as dataset:
        picture = dataset.store.pictures()["a.png"]
        chosen = dataset.decisions()["a.png"]
        assert chosen.background is not None
        assert chosen.background.composite == "#00ff00"
        out = dataset.render(picture, chosen)
        assert out.mode == "RGB"
        assert out.getpixel((2, 2)) == pytest.approx((0, 255, 0), abs=10)
        assert out.getpixel((100, 60)) == pytest.approx((250, 240, 120), abs=15)
        whole = dataset.render(picture, Decisions())
        assert whole.getpixel((2, 2)) == (10, 10, 40)
    cut_out(folder, model, composite="alpha")
    with Dataset.open(folder) as dataset:
        out = dataset.render(dataset.store.pictures()["a.png"], dataset.decisions()["a.png"])
        assert out.mode == "RGBA"
        assert out.getpixel((2, 2))[3] < 10


def test_masks_are_made_once_and_the_decision_is_one_edit(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    originals = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    cut_out(folder, model)

    def refuse(*_: object) -> None:
        raise AssertionError("the network was opened")

    monkeypatch.setattr("dataprep.stages.background.open_matter", refuse)
    again = cut_out(folder, model)
    assert (again.done, again.unchanged, again.facts["cached"]) == (0, 5, 5)
    black = cut_out(folder, model, composite="#000")
    assert (black.done, black.facts["composite"]) == (5, "#000000")
    with Dataset.open(folder) as dataset:
        names = [edit.name for edit in dataset.history()]
        assert names == [
            "background #ffffff by tiny matte",
            "background #000000 by tiny matte",
        ]
        dataset.undo()
        stored = dataset.store.decision("a.png", "background")
        assert stored is not None
        assert json.loads(stored)["composite"] == "#ffffff"
    assert originals == {
        path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()
    }
    with pytest.raises(AssertionError):
        cut_out(folder, model, redo=True)


def test_a_mask_that_a_kill_left_half_is_made_again(folder: Path, model: Path) -> None:
    key = cut_out(folder, model).facts["model"]
    with Dataset.open(folder) as dataset:
        path = dataset.mask_path(dataset.store.pictures()["a.png"], key)
    whole = path.read_bytes()
    path.unlink()
    stale = path.with_name(f"{path.name}.1.dataprep-tmp")
    stale.write_bytes(whole[:100])
    report = cut_out(folder, model)
    assert report.facts["cached"] == 4
    assert path.read_bytes() == whole
    assert not stale.exists()


def test_a_dry_run_decides_nothing(folder: Path, model: Path) -> None:
    report = cut_out(folder, model, dry_run=True)
    assert (report.dry_run, len(report.changes)) == (True, 5)
    with Dataset.open(folder) as dataset:
        assert dataset.decisions() == {}


def test_no_subject_is_a_remark_and_remembered(folder: Path, model: Path) -> None:
    Image.new("RGB", (50, 50), (90, 90, 90)).save(folder / "flat.png")
    bright_on_dark((100, 100), 0.05).save(folder / "speck.png")
    for _ in range(2):
        report = cut_out(folder, model)
        found = {(issue.file, issue.kind, issue.fatal) for issue in report.issues}
        assert found == {("flat.png", "mask", False), ("speck.png", "mask", False)}
        assert report.exit_code == 0


def test_a_file_called_model_is_named_after_its_folder(tmp_path: Path) -> None:
    source = matting.read_matting(str(write_matting(tmp_path / "my matte" / "model.onnx")))
    assert (source.name, source.key[:9]) == ("my matte", "my-matte@")


def test_a_bad_picture_stops_nothing(folder: Path, model: Path) -> None:
    (folder / "x.png").write_bytes(b"no picture")
    with Dataset.open(folder) as dataset:
        job = run(dataset, Settings(model=str(model)))
        for progress in job:
            if progress.note.startswith("loading"):
                (folder / "b.jpg").unlink()
                break
        report = finish(job)
    assert [issue.file for issue in report.issues] == ["x.png", "b.jpg"]
    assert (report.exit_code, report.done) == (1, 4)


def test_transparent_pixels_do_not_hide_a_subject(model: Path, tmp_path: Path) -> None:
    matter = matting.open_matter(matting.read_matting(str(model)))
    image = bright_on_dark().convert("RGBA")
    image.putalpha(0)
    assert matter.mask(image).getextrema() == (0, 0)


def test_models_that_cannot_be_used_say_so(folder: Path, model: Path, tmp_path: Path) -> None:
    for name in ("no such model", "sam", "u2net_custom"):
        with pytest.raises(UsageError, match=f"background model '{name}' is not known"):
            cut_out(folder, name)
    for name in ("u2nett", "withoutbg"):
        with pytest.raises(UsageError, match="not one that rembg runs on this machine"):
            cut_out(folder, name)
    with pytest.raises(UsageError, match="no such file"):
        cut_out(folder, tmp_path / "none.onnx")
    with pytest.raises(DataprepError, match=r"not pictures of 320×320"):
        cut_out(folder, write_matting(tmp_path / "large.onnx", 64))
    model.write_bytes(b"no network")
    with pytest.raises(DataprepError, match="cannot be loaded"):
        cut_out(folder, model)
    with pytest.raises(UsageError, match=r"composite: must be"):
        cut_out(folder, model, composite="nocolour")


def test_weights_that_cannot_be_fetched_are_one_sentence(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pooch

    def offline(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "weights"))
    monkeypatch.setattr(pooch, "retrieve", offline)
    with Dataset.open(folder) as dataset:
        job = run(dataset, Settings(model="isnet-anime"))
        notes = []
        with pytest.raises(DataprepError) as caught:
            notes.extend(progress.note for progress in job)
    place = tmp_path / "weights" / "models" / "isnet-anime" / "isnet-anime.onnx"
    assert "the weights of isnet-anime are not on this machine" in caught.value.message
    assert "Name or service not known" in caught.value.message
    assert str(place) in caught.value.hint


def test_rembgs_own_models_run_from_the_disk(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "weights"))
    write_matting(tmp_path / "weights" / "u2netp.onnx")
    report = cut_out(folder, "u2netp")
    assert (report.done, report.facts["model"]) == (5, "u2netp")


def test_numba_is_as_it_was_after_rembg_is_loaded(model: Path) -> None:
    matting.open_matter(matting.read_matting(str(model)))
    assert not sys.modules["numba"].config.DISABLE_JIT
