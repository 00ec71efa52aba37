"""Views: masks beside pictures and in their alpha, pictures encoded anew, and SDXL's sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_base
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dataprep.errors import DataprepError, UsageError
from dataprep.jobs import finish
from dataprep.report import Issue
from train import data, models, noise
from train.config import Subset, TrainConfig
from train.data import Item, Use
from train.models.base import Source
from train.pictures import views
from train.pictures.pixels import on_latents
from train.pictures.varying import HUE, Shade, cut_of, is_mirrored, letterbox, shade_of, shaded
from train.pictures.views import View, Views
from train.seeds import uniform


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Any:
    source = Source(str(tiny_base.shared(tmp_path_factory)))
    return models.load_vae(source, torch.device("cpu"), torch.float32)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny_base.paint(tmp_path / "img" / "2_thing", 4)
    return tmp_path


def config(root: Path, **values: Any) -> TrainConfig:
    return tiny_base.config(Path("base"), root, **values)


def ready(vae: Any, settings: TrainConfig) -> tuple[Views, list[Issue], tuple[Item, ...]]:
    dataset = data.scan(settings)
    folder = settings.output_dir.parent / views.FOLDER
    found, issues = finish(views.prepare(settings, vae, dataset.items, folder))
    return found, [*dataset.issues, *issues], dataset.items


def half_mask(path: Path, size: tuple[int, int], share: float = 0.5) -> None:
    """Light on the left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = Image.new("L", size)
    mask.paste(255, (0, 0, round(size[0] * share), size[1]))
    mask.save(path)


# looking at pictures


def test_a_view_is_the_draw_that_its_use_names(vae: Any, root: Path) -> None:
    settings = config(root, flip_aug=True)
    found, issues, items = ready(vae, settings)
    assert issues == []
    mirrored = set()
    for epoch in range(1, 9):
        use = Use(items[0], 1)
        view = found.look(use, epoch, 5)
        flip = uniform(42, "flip", epoch, items[0].name, 1) < 0.5
        mirrored.add(flip)
        source = noise.generator(42, "latents", 5, items[0].name, 1)
        assert torch.equal(view.latents, found.latents[items[0].name, flip].sample(source))
        assert (view.is_mirrored, view.mask) == (flip, None)
    assert mirrored == {True, False}


def test_a_view_does_not_depend_on_its_neighbours(vae: Any, root: Path) -> None:
    settings = config(root, color_aug=True, random_crop=True, flip_aug=True, vae_batch_size=2)
    found, _, items = ready(vae, settings)
    uses = [Use(item, repeat) for item in items[:3] for repeat in (0, 1)]
    assert {use.item.bucket for use in uses} == {(64, 64)}
    together = found.look_many(uses, 2, 7)
    for use, view in zip(uses, together, strict=True):
        alone = found.look(use, 2, 7)
        torch.testing.assert_close(alone.latents, view.latents, rtol=2e-3, atol=2e-3)
        assert alone.corner == view.corner


def test_live_pictures_are_encoded_anew_and_nothing_of_them_is_kept(vae: Any, root: Path) -> None:
    settings = config(root, color_aug=True)
    found, _, items = ready(vae, settings)
    assert found.latents == {}
    assert list((root / views.FOLDER).iterdir()) == []
    first, second = (found.look(Use(items[0], repeat), 1, 0).latents for repeat in (0, 1))
    assert not torch.allclose(first, second, atol=0.05)
    assert torch.equal(first, found.look(Use(items[0], 0), 1, 0).latents)


def test_a_live_picture_without_change_is_the_cached_one(vae: Any, root: Path) -> None:
    # square pictures have but one cut
    live, _, items = ready(vae, config(root, random_crop=True))
    cached, _, same = ready(vae, config(root))
    there, here = (v.look(Use(i[0], 0), 1, 3) for v, i in ((live, items), (cached, same)))
    torch.testing.assert_close(there.latents, here.latents, rtol=1e-3, atol=1e-3)
    assert there.corner == here.corner == (0, 0)


def test_a_live_picture_that_broke_is_named(vae: Any, root: Path) -> None:
    settings = config(root, random_crop=True)
    found, _, items = ready(vae, settings)
    items[0].path.write_bytes(b"broken")
    with pytest.raises(DataprepError, match=r"2_thing/0\.png: not an image"):
        found.look(Use(items[0], 0), 1, 0)
    _, issues, _ = ready(vae, settings)
    assert [(issue.file, issue.fatal) for issue in issues] == [("2_thing/0.png", True)]


def test_one_that_is_cut_short_is_found_before_the_first_step(vae: Any, root: Path) -> None:
    settings = config(root, random_crop=True)
    path = root / "img/2_thing/0.png"
    path.write_bytes(path.read_bytes()[:-60])
    _, issues, _ = ready(vae, settings)
    assert [(issue.file, issue.fatal) for issue in issues] == [("2_thing/0.png", True)]


def test_a_wish_to_stop_is_heard(vae: Any, root: Path) -> None:
    dataset = data.scan(config(root))
    job = views.prepare(config(root), vae, dataset.items, root / ".latents", lambda: True)
    found, issues = finish(job)
    assert (found.latents, issues) == ({}, [])


# cuts and colours


def item_of(size: tuple[int, int], bucket: tuple[int, int], **values: bool) -> Item:
    augment = data.Augment(**values)
    return Item("a/b.png", Path("b.png"), "", 1, bucket, size, augment=augment)


@given(
    st.tuples(st.integers(64, 2000), st.integers(64, 2000)),
    st.sampled_from([(512, 512), (384, 640), (640, 384)]),
    st.integers(0, 50),
)
def test_a_drawn_cut_lies_in_the_picture(
    size: tuple[int, int], bucket: tuple[int, int], repeat: int
) -> None:
    use = Use(item_of(size, bucket, random_crop=True), repeat)
    cut = cut_of(use, 1, 1)
    left, top, right, bottom = cut.box
    assert 0 <= left <= right <= cut.width
    assert 0 <= top <= bottom <= cut.height
    assert (right - left, bottom - top) == bucket
    assert cut == cut_of(use, 1, 1)


def test_every_place_is_drawn_about_as_often() -> None:
    item = item_of((100, 96), (96, 96), random_crop=True)
    drawn = [cut_of(Use(item, repeat), 1, 1).left for repeat in range(2000)]
    counts = np.bincount(drawn)
    assert len(counts) == 5
    assert counts.min() > 320


COLOURS = st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=8)
SHADES = st.builds(Shade, st.floats(-HUE, HUE), st.floats(0.8, 1.2), st.floats(0.9, 1.1))


@given(COLOURS, SHADES)
def test_shades_leave_grey_grey_and_stay_near(
    colours: list[tuple[int, int, int]], shade: Shade
) -> None:
    pixels = np.array([colours], np.uint8)
    grey = pixels[..., :1].repeat(3, axis=2)
    assert np.ptp(shaded(grey, shade), axis=2).max() == 0
    assert np.abs(shaded(pixels, shade).astype(int) - pixels).max() <= 110
    assert shaded(pixels, Shade()) is pixels
    nothing = shaded(pixels, Shade(1e-9))
    assert np.abs(nothing.astype(int) - pixels).max() <= 1


def test_shades_are_drawn_only_where_they_are_asked_for() -> None:
    plain, live = item_of((64, 64), (64, 64)), item_of((64, 64), (64, 64), color=True)
    assert shade_of(Use(plain, 0), 1, 1) == Shade()
    drawn = [shade_of(Use(live, repeat), 1, 1) for repeat in range(200)]
    hues = [shade.hue for shade in drawn]
    assert -HUE <= min(hues) < -HUE / 2 < HUE / 2 < max(hues) <= HUE
    assert len(set(drawn)) == 200
    assert not any(is_mirrored(Use(live, repeat), 1, 1) for repeat in range(20))


# SDXL


def sizes(
    item: Item, *, mirrored: bool = False, kohya: bool = False
) -> tuple[int, int, int, int, int, int]:
    use = Use(item, 0)
    view = View(torch.zeros(4, 8, 8), cut_of(use, 1, 1).corner(mirrored), None, mirrored)
    return Views(1, kohya).sizes(use, view)


def test_sdxl_is_told_the_cut_that_was_made() -> None:
    item = item_of((1500, 1000), (1216, 832))
    # 1500×1000 covers 1216×832 as 1248×832, cut 16 from the left
    assert sizes(item) == (1000, 1500, 0, 16, 832, 1216)
    assert sizes(item, kohya=True) == (1000, 1500, 10, 0, 832, 1216)
    tall = item_of((1000, 1501), (832, 1216))
    # 832×1249 (rounded), 33 to cut off: 16 above
    assert sizes(tall) == (1501, 1000, 16, 0, 1216, 832)


def test_a_mirrored_picture_is_cut_at_the_other_side() -> None:
    # 1000×960 covers 512×512 as 533×512: 10 from the left, 11 from the right
    item = item_of((1000, 960), (512, 512))
    assert sizes(item) == (960, 1000, 0, 10, 512, 512)
    assert sizes(item, mirrored=True) == (960, 1000, 0, 11, 512, 512)


@pytest.mark.parametrize(
    ("size", "bucket", "plain", "mirrored"),
    [
        ((1500, 1000), (1216, 832), (0, 10), (0, 10)),
        # 832×1216 into a bucket of another shape: the fit is 700 (699.9) wide
        ((700, 1216), (832, 1216), (66, 0), (66, 0)),
        ((1000, 1501), (832, 1216), (10, 0), (11, 0)),
        ((512, 512), (512, 512), (0, 0), (0, 0)),
    ],
)
def test_what_sd_scripts_tells_instead(
    size: tuple[int, int],
    bucket: tuple[int, int],
    plain: tuple[int, int],
    mirrored: tuple[int, int],
) -> None:
    item = item_of(size, bucket)
    assert (letterbox(item, False), letterbox(item, True)) == (plain, mirrored)


# masks


def test_a_mask_is_cut_and_averaged_as_its_picture(vae: Any, root: Path) -> None:
    # of 64×64 the left half; of 96×64 (bucket 80×48) the left third
    for number, size, share in ((0, (64, 64), 0.5), (3, (96, 64), 1 / 3)):
        half_mask(root / "mask" / "2_thing" / f"{number}.png", size, share)
    settings = config(root, masked_loss=True, conditioning_data_dir=root / "mask")
    found, issues, items = ready(vae, settings)
    mask = found.look(Use(items[0], 0), 1, 0).mask
    assert mask is not None
    assert mask.shape == (1, 8, 8)
    assert mask[0, 0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    wide = found.look(Use(items[3], 0), 1, 0).mask
    assert wide is not None
    assert wide.shape == (1, 6, 10)
    # a third of the width less what is cut off: (80 / 3) of 80, 8 to a latent
    assert wide[0, 0].tolist() == pytest.approx([1, 1, 1, 0.33, 0, 0, 0, 0, 0, 0], abs=0.1)
    bare = {issue.file: (issue.reason, issue.fatal) for issue in issues}
    assert bare == {
        f"2_thing/{n}.png": (f"no mask {n}.png: all of the picture counts", False) for n in (1, 2)
    }
    assert found.look(Use(items[1], 0), 1, 0).mask is None


def test_a_mask_turns_with_its_picture(vae: Any, root: Path) -> None:
    for number in range(4):
        half_mask(root / "mask" / f"{number}.png", (64, 64) if number < 3 else (96, 64), 0.25)
    settings = config(root, masked_loss=True, conditioning_data_dir=root / "mask", flip_aug=True)
    found, _, items = ready(vae, settings)
    seen = {}
    for epoch in range(1, 12):
        view = found.look(Use(items[0], 0), epoch, 0)
        assert view.mask is not None
        seen[view.is_mirrored] = view.mask[0, 0].tolist()
    assert seen == {False: [1, 1, 0, 0, 0, 0, 0, 0], True: [0, 0, 0, 0, 0, 0, 1, 1]}


def test_a_mask_moves_with_a_drawn_cut(vae: Any, root: Path) -> None:
    size = (128, 64)
    Image.new("RGB", size, "white").save(root / "img/2_thing/0.png")
    half_mask(root / "mask" / "2_thing" / "0.png", size)
    settings = config(
        root,
        enable_bucket=False,
        random_crop=True,
        masked_loss=True,
        conditioning_data_dir=root / "mask",
    )
    found, _, items = ready(vae, settings)
    lefts = set()
    for repeat in range(6):
        view = found.look(Use(items[0], repeat), 1, 0)
        assert view.mask is not None
        light = float(view.mask.mean()) * 64
        assert light == pytest.approx(max(0, 64 - view.corner[0]), abs=1)
        lefts.add(view.corner[0])
    assert len(lefts) > 2


def test_the_alpha_channel_is_a_mask(vae: Any, root: Path) -> None:
    image = Image.new("RGBA", (64, 64), (200, 30, 30, 255))
    image.paste((200, 30, 30, 0), (32, 0, 64, 64))
    image.save(root / "img/2_thing/0.png")
    settings = config(root, alpha_mask=True)
    found, issues, items = ready(vae, settings)
    mask = found.look(Use(items[0], 0), 1, 0).mask
    assert mask is not None
    assert mask[0, 0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    # one colour throughout: what is behind the mask is not white
    latents = found.latents[items[0].name, False].mean
    uniform_colour, _, _ = ready(vae, settings.model_copy(update={"alpha_mask": False}))
    assert not torch.allclose(latents, uniform_colour.latents[items[0].name, False].mean)
    assert [issue.reason for issue in issues] == [
        "no alpha channel for a mask: all of the picture counts"
    ] * 3


def test_masks_that_cannot_be(vae: Any, root: Path) -> None:
    half_mask(root / "mask" / "2_thing" / "0.png", (64, 32))
    (root / "mask" / "2_thing" / "1.png").write_bytes(b"no picture")
    half_mask(root / "mask" / "2_thing" / "2.png", (64, 64), 0)
    half_mask(root / "mask" / "2_thing" / "3.png", (960, 640))
    _, issues, _ = ready(vae, config(root, masked_loss=True, conditioning_data_dir=root / "mask"))
    assert {issue.file: (issue.reason, issue.fatal) for issue in issues} == {
        "2_thing/0.png": (
            "its mask 0.png (64×32) is of another shape than the picture (64×64)",
            True,
        ),
        "2_thing/1.png": (
            "its mask 1.png: not an image, or of a kind that cannot be read",
            True,
        ),
        "2_thing/2.png": ("its mask is dark everywhere: nothing of the picture counts", False),
    }


def test_settings_of_masks_that_contradict_each_other(root: Path) -> None:
    with pytest.raises(UsageError, match="masked_loss: there are no masks to go by"):
        data.scan(config(root, masked_loss=True))
    with pytest.raises(UsageError, match=r"conditioning_data_dir .*gone: no such folder"):
        data.scan(config(root, masked_loss=True, conditioning_data_dir=root / "gone"))
    (root / "mask").mkdir()
    (issue,) = data.scan(config(root, conditioning_data_dir=root / "mask")).issues
    assert (issue.file, issue.fatal) == ("2_thing", False)
    assert "masked_loss is off" in issue.reason
    tiny_base.paint(root / "more", 1)
    subset = Subset(image_dir=root / "more", alpha_mask=True)
    (issue,) = data.scan(config(root, masked_loss=True, subsets=(subset,))).issues
    assert issue.reason == "no masks for this folder: all of its pictures count as a whole"


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**31))
def test_a_mask_on_latents_is_its_mean(rows: int, columns: int, seed: int) -> None:
    mask = np.random.default_rng(seed).integers(0, 256, (rows * 8, columns * 8), np.uint8)
    found = on_latents(mask)
    assert found.shape == (1, rows, columns)
    assert float(found[0, 0, 0]) == pytest.approx(mask[:8, :8].mean() / 255, abs=1e-5)
    assert torch.equal(on_latents(mask[:, ::-1]), found.flip(-1))
