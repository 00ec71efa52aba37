"""`background` offline: masks equal to rembg's own, decisions, caches, and clear refusals."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from dataprep import matting
from dataprep.dataset import Dataset
from dataprep.decisions import Background, Decisions, View, encode_views
from dataprep.errors import DataprepError, UsageError
from dataprep.images import decode
from dataprep.inference import open_session
from dataprep.jobs import finish
from dataprep.matting import contracts
from dataprep.matting.network import Network
from dataprep.matting.source import rembg
from dataprep.report import Report
from dataprep.settings import build
from dataprep.stages import scan
from dataprep.stages.background import Settings, run
from tests.tiny_onnx import write_clothes, write_matting, write_tagger


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

    monkeypatch.setattr("dataprep.matting.finding.open_matter", refuse)
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
    assert matter.masks([matter.prepare(image)])[0].max() == 0


def test_models_that_cannot_be_used_say_so(folder: Path, model: Path, tmp_path: Path) -> None:
    for name in ("no such model", "sam", "u2net_custom"):
        with pytest.raises(UsageError, match=f"background model '{name}' is not known"):
            cut_out(folder, name)
    for name in ("u2nett", "withoutbg"):
        with pytest.raises(UsageError, match="not one that rembg runs on this machine"):
            cut_out(folder, name)
    with pytest.raises(UsageError, match="no such file"):
        cut_out(folder, tmp_path / "none.onnx")
    with pytest.raises(
        DataprepError, match=r"takes \['batch', 64, 64, 3\] .* not \(batch, 3, side"
    ):
        cut_out(folder, write_tagger(tmp_path / "tagger") / "model.onnx")
    with pytest.raises(UsageError, match="u2netp does not keep the contract 'birefnet'"):
        cut_out(folder, "u2netp", contract="birefnet")
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


def test_a_file_is_run_without_rembg(folder: Path, model: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from dataprep.matting import open_matter, read_matting\n"
        "open_matter(read_matting(sys.argv[1]))\n"
        "print({'rembg', 'numba', 'pymatting'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(model)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == "set()\n"


def test_numba_is_as_it_was_after_rembg_is_loaded() -> None:
    rembg("rembg.sessions")
    assert not sys.modules["numba"].config.DISABLE_JIT


FAMILIES = {
    "u2netp": {},
    "isnet-general-use": {"side": 1024},
    "isnet-anime": {"side": 1024},
    "birefnet-general-lite": {"side": 1024, "logits": True},
    "bria-rmbg": {"side": "side"},
}
"""A model of each family, and what is like it in its files."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where rembg finds its weights."""
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "weights"))
    return tmp_path / "weights"


@pytest.mark.parametrize("name", FAMILIES)
def test_masks_of_every_family_are_those_of_rembg(home: Path, folder: Path, name: str) -> None:
    write_matting(home / f"{name}.onnx", **FAMILIES[name])
    shaded(1400, 1300).save(folder / "f.jpg", quality=95)
    report = cut_out(folder, name, only=("a.png", "e.jpg", "f.jpg"))
    assert (report.done, report.facts["model"]) == (3, name)
    theirs = rembg("rembg").new_session(name)
    with Dataset.open(folder) as dataset:
        for picture in (p for p in dataset.pictures() if p.name in report.facts["coverage"]):
            with Image.open(dataset.mask_path(picture, name)) as mask:
                ours = np.asarray(mask, float)
            wanted = np.asarray(theirs.predict(decode(folder / picture.name))[0], float)
            assert np.abs(ours - wanted).mean() <= 1, picture.name


def shaded(width: int, height: int) -> Image.Image:
    """A bright disc that fades, before fine stripes: every level of grey, at several scales."""
    y, x = np.mgrid[0:height, 0:width]
    distance = np.hypot((x - width / 2) / width, (y - height / 2) / height)
    disc = 255 / (1 + np.exp((distance - 0.3) * 14))
    stripes = 12 * np.sin(x / 3)
    grey = np.clip(disc + stripes, 0, 255).astype(np.uint8)
    return Image.fromarray(np.dstack([grey, grey // 2 + 60, 255 - grey // 3]))


def test_every_model_of_rembg_has_a_contract_or_is_run_by_rembg(home: Path) -> None:
    known = rembg("rembg.sessions").sessions
    ours = [name for found in contracts.contracts().values() for name in found.models]
    special = set(known) - set(ours) - matting.source.NOT_OFFERED
    assert len(ours) == len(set(ours))
    assert set(ours) <= set(known)
    assert {name for name in special if known[name].is_local()} == {"u2net_cloth_seg"}
    assert {"auto", *contracts.contracts()} == set(get_args(contracts.Name))


@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(contracts.contracts())), st.booleans())
@hypothesis_settings(max_examples=30, deadline=None)
def test_every_mask_is_stretched_by_itself(seed: int, family: str, flat: bool) -> None:
    rng = np.random.default_rng(seed)
    said = rng.normal(0, rng.uniform(0.1, 30), (3, 2, 5, 7)).astype(np.float32)
    said[1, 0] = 4.0 if flat else said[1, 0]
    found = contracts.masks(said, contracts.contracts()[family])
    assert (found.dtype, found.shape) == (np.uint8, (3, 5, 7))
    assert found.min(axis=(1, 2)).tolist() == [0, 0, 0]
    assert found.max(axis=(1, 2)).tolist() == [255, 0 if flat else 255, 255]


def test_a_model_with_a_predict_of_its_own_is_run_by_rembg(home: Path, folder: Path) -> None:
    write_clothes(home / "u2net_cloth_seg.onnx")
    report = cut_out(folder, "u2net_cloth_seg", only=("a.png",))
    assert report.facts["coverage"] == {"a.png": pytest.approx(0.25, abs=0.05)}


def test_a_file_of_another_square_is_fed_as_the_contract_says(folder: Path, tmp_path: Path) -> None:
    path = write_matting(tmp_path / "large.onnx", 640, logits=True)
    report = cut_out(folder, path)
    assert report.lines[1] == "large.onnx takes 640×640: fed like isnet (see --contract)"
    chosen = cut_out(folder, path, contract="birefnet")
    assert chosen.facts["model"] == f"{report.facts['model']}.birefnet"
    assert chosen.lines[1:] == ()
    with Dataset.open(folder) as dataset:
        picture = dataset.store.pictures()["a.png"]
        masks = [
            np.asarray(Image.open(dataset.mask_path(picture, key)), int)
            for key in (report.facts["model"], chosen.facts["model"])
        ]
    assert np.abs(masks[0] - masks[1]).max() > 2


class Small:
    """A real session beside so little memory that more than ``most`` pictures do not fit."""

    def __init__(self, session: Any, most: int) -> None:
        self._session, self._most, self.asked = session, most, []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def get_providers(self) -> list[str]:
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    def run(self, names: list[str], feed: dict[str, np.ndarray]) -> Any:
        count = len(feed["input"])
        self.asked.append(count)
        if count > self._most:
            # an input that is not there: onnxruntime itself raises
            feed = {"no such input": feed["input"], "input": feed["input"][:, :2]}
        return self._session.run(names, feed)


def test_batches_are_halved_until_they_fit_and_stay_so(tmp_path: Path) -> None:
    path = write_matting(tmp_path / "free.onnx", batch="batch")
    session = Small(open_session(path, "cpu")[0], most=9)
    matter = Network("free", session, contracts.contracts()["u2net"])
    assert (matter.device, matter.at_once) == ("cuda", 32)
    shades = [Image.new("RGB", (320, 320), (20 + 5 * n, 90, 9)) for n in range(20)]
    for number, shade in enumerate(shades):
        shade.paste("white", (number, 0, number + 40, 320))
    found = matter.masks([matter.prepare(shade) for shade in shades])
    assert session.asked == [20, 10, 5, 5, 5, 5]
    assert matter.at_once == 5
    for number, mask in enumerate(found):
        assert mask[0].argmax() == number
    with pytest.raises(DataprepError, match="model free failed"):
        Network("free", Small(session, 0), contracts.contracts()["u2net"]).masks(
            [np.asarray(shade)]
        )


def test_cuda_that_is_not_there_is_refused_in_a_sentence(folder: Path, model: Path) -> None:
    with pytest.raises(DataprepError, match="this onnxruntime has no CUDA"):
        cut_out(folder, model, device="cuda")
    assert cut_out(folder, model).facts["device"] == "cpu"


def test_a_run_that_is_closed_keeps_what_it_counted(folder: Path, model: Path) -> None:
    for number in range(12):
        bright_on_dark((100 + number, 80)).save(folder / f"m{number}.png")
    threads = threading.active_count()
    with Dataset.open(folder) as dataset:
        job = run(dataset, Settings(model=str(model)))
        counted = next(p.done for p in job if "img_per_s" in p.facts and p.done >= 3)
        job.close()
        assert dataset.decisions() == {}
    assert threading.active_count() == threads
    again = cut_out(folder, model)
    assert again.facts["cached"] >= counted
    assert (again.done, again.issues) == (17, ())


def test_pictures_of_one_content_are_looked_at_once(folder: Path, model: Path) -> None:
    (folder / "copy.png").write_bytes((folder / "a.png").read_bytes())
    report = cut_out(folder, model)
    assert report.lines[0].startswith("5 subjects found")
    assert report.facts["coverage"]["copy.png"] == report.facts["coverage"]["a.png"]
    assert report.done == 6


def test_a_view_has_a_mask_and_a_background_of_its_own(folder: Path, model: Path) -> None:
    with Dataset.open(folder) as dataset:
        finish(scan.run(dataset, scan.Settings()))
        views = encode_views([View("left", (0, 0, 100, 120))])
        dataset.edit("split", [dataset.decision_change("a.png", "views", views)])
    report = cut_out(folder, model, composite="black", only=("a@left.png",))
    assert report.done == 1
    with Dataset.open(folder) as dataset:
        view = next(p for p in dataset.pictures() if p.name == "a@left.png")
        out = dataset.render(view, dataset.decisions()[view.name])
        assert out.size == (100, 120)
        assert out.getpixel((98, 60)) == pytest.approx((250, 240, 120), abs=15)
        assert out.getpixel((2, 2)) == pytest.approx((0, 0, 0), abs=10)


def test_the_palette_deals_each_content_one_colour_for_good(folder: Path, model: Path) -> None:
    (folder / "copy.png").write_bytes((folder / "a.png").read_bytes())
    for number in range(20):
        bright_on_dark((60 + number, 80)).save(folder / f"m{number}.png")
    palette = ("red", "#00f", "gold")
    cut_out(folder, model, palette=palette)
    first = composites(folder)
    assert set(first.values()) == {"#ff0000", "#0000ff", "#ffd700"}
    assert first["copy.png"] == first["a.png"]
    assert cut_out(folder, model, palette=palette).done == 0
    cut_out(folder, model, palette=palette, seed=1)
    assert composites(folder) != first


def composites(folder: Path) -> dict[str, str]:
    with Dataset.open(folder) as dataset:
        chosen = {name: found.background for name, found in dataset.decisions().items()}
    return {name: found.composite for name, found in chosen.items() if found}


def test_without_a_model_only_what_is_given_changes(folder: Path, model: Path) -> None:
    key = cut_out(folder, model, only=("a.png", "b.jpg"), grow=3).facts["model"]
    report = cut_out(folder, "", composite="blur")
    assert report.done == 2
    assert [issue.file for issue in report.issues] == ["c.jpg", "d.png", "e.jpg"]
    assert "give --model" in report.issues[0].reason
    assert report.exit_code == 0
    with Dataset.open(folder) as dataset:
        assert dataset.decisions()["a.png"].background == Background(key, "blur", grow=3)
    cut_out(folder, "", invert=True, only=("b.jpg",))
    with Dataset.open(folder) as dataset:
        wanted = Background(key, "blur", invert=True, grow=3)
        assert dataset.decisions()["b.jpg"].background == wanted
        dataset.mask_path(dataset.store.pictures()["a.png"], key).unlink()
    gone = cut_out(folder, "", composite="red", only=("a.png", "b.jpg"))
    assert [(issue.file, issue.fatal) for issue in gone.issues] == [("a.png", True)]
    assert (gone.done, gone.exit_code) == (1, 1)


def test_no_model_at_all_is_a_mistake(folder: Path) -> None:
    with pytest.raises(UsageError, match="no picture has a background yet"):
        cut_out(folder, "", composite="blur")
    with pytest.raises(UsageError, match="give --model, or what is to change"):
        cut_out(folder, "")


def test_coverage_is_that_of_the_finished_mask(folder: Path, model: Path) -> None:
    whole = cut_out(folder, model).facts["coverage"]["a.png"]
    turned = cut_out(folder, "", invert=True).facts["coverage"]["a.png"]
    assert turned == pytest.approx(1 - whole, abs=0.001)
    report = cut_out(folder, "", invert=False, grow=-200)
    assert report.lines == ("5 backgrounds decided: no invert, grow -200",)
    assert {(issue.file, issue.kind) for issue in report.issues} == {
        (name, "mask") for name in ("a.png", "b.jpg", "c.jpg", "d.png", "e.jpg")
    }
    assert "no subject found (0 % of the picture)" in report.issues[0].reason


def test_a_dry_run_neither_runs_the_network_nor_fetches_it(home: Path, folder: Path) -> None:
    report = cut_out(folder, "isnet-anime", dry_run=True)
    assert report.lines == (
        "5 subjects would be found with isnet-anime, 0 remembered; "
        "5 backgrounds would be decided: #ffffff",
        "rembg would fetch isnet-anime first",
    )
    assert list((folder / ".dataprep" / "masks").iterdir()) == []
