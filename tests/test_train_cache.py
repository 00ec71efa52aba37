"""Cached latents: right when valid, made anew when anything they depend on changed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import tiny_base
import torch
from PIL import Image

from dataprep.files import content_hash
from dataprep.jobs import finish
from dataprep.report import Issue
from train import data, models
from train.data import Item
from train.models.base import Source
from train.pictures import cache
from train.pictures.cache import Key
from train.pictures.encoding import Encoder, Latents
from train.pictures.pixels import centred, cut_out, picture_of, to_tensor


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Any:
    source = Source(str(tiny_base.shared(tmp_path_factory)))
    return models.load_vae(source, torch.device("cpu"), torch.float32)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny_base.paint(tmp_path / "img" / "3_thing")
    return tmp_path


def scanned(root: Path, **values: Any) -> tuple[Item, ...]:
    return data.scan(tiny_base.config(Path("base"), root, **values)).items


def pixels(item: Item, is_mirrored: bool = False) -> torch.Tensor:
    return to_tensor(cut_out(picture_of(item), centred(item)), is_mirrored)


def prepare(
    vae: Any, root: Path, at_once: int = 4, **values: Any
) -> tuple[dict[Key, Latents], list[Issue], int]:
    """Latents, issues, and how many had to be encoded."""
    encoder = Encoder(vae, at_once)
    job = cache.prepare(encoder, scanned(root, **values), root / ".latents", keep=True)
    total = {}

    def show(progress: Any) -> None:
        total[progress.note] = progress.total

    found, issues = finish(job, show)
    return found, issues, total.get("encoding pictures", 0)


def test_a_second_run_encodes_nothing_and_gets_the_same(vae: Any, root: Path) -> None:
    first, _, encoded = prepare(vae, root)
    again, _, encoded_again = prepare(vae, root)
    assert (encoded, encoded_again) == (6, 0)
    for key, latents in first.items():
        assert torch.equal(latents.mean, again[key].mean)
        assert torch.equal(latents.std, again[key].std)


def test_latents_are_what_the_vae_gives_for_the_cut_picture(vae: Any, root: Path) -> None:
    found, _, _ = prepare(vae, root)
    (item,) = [item for item in scanned(root) if item.name == "3_thing/3.png"]
    image = pixels(item)
    assert image.shape == (3, 48, 80)
    assert (image.min(), image.max()) == (-1, 1)
    latents = found["3_thing/3.png", False]
    spread = vae.encode(image[None]).latent_dist
    torch.testing.assert_close(latents.mean.float(), spread.mean[0], rtol=1e-3, atol=1e-3)
    assert latents.mean.shape == (4, 6, 10)
    drawn = latents.sample(torch.Generator().manual_seed(1))
    assert torch.equal(drawn, latents.sample(torch.Generator().manual_seed(1)))
    assert not torch.equal(drawn, latents.sample(torch.Generator().manual_seed(2)))


def test_how_many_are_encoded_at_once_changes_nothing(vae: Any, root: Path) -> None:
    together, _, _ = prepare(vae, root, at_once=4)
    for file in (root / ".latents").iterdir():
        file.unlink()
    alone, _, encoded = prepare(vae, root, at_once=1)
    assert encoded == 6
    for key, latents in together.items():
        torch.testing.assert_close(alone[key].mean, latents.mean, rtol=1e-3, atol=1e-3)


def test_the_names_of_older_runs_still_hold(vae: Any, root: Path) -> None:
    prepare(vae, root, flip_aug=True)
    names = sorted(path.name for path in (root / ".latents").iterdir())
    digest = content_hash(root / "img/3_thing/0.png")[:32]
    vae_hash = cache.weights_hash(vae)
    assert f"{digest}_64x64_{vae_hash}.safetensors" in names
    assert f"{digest}_64x64_mirrored_{vae_hash}.safetensors" in names
    assert len(names) == 12


@pytest.mark.parametrize("damage", ["changed", "resolution", "vae", "cut", "nan", "shape"])
def test_nothing_stale_is_used(vae: Any, root: Path, damage: str) -> None:
    prepare(vae, root)
    picture = root / "img" / "3_thing" / "0.png"
    files = sorted((root / ".latents").iterdir())
    values: dict[str, Any] = {}
    expected = 1
    if damage == "changed":
        Image.new("RGB", (64, 64), "black").save(picture)
    elif damage == "resolution":
        values, expected = {"resolution": 96}, 6
    elif damage == "vae":
        weight = next(vae.parameters())
        weight.data[0] += 1
        expected = 6
    elif damage == "cut":
        files[0].write_bytes(files[0].read_bytes()[:-40])
    else:
        kept = Latents(torch.full((4, 8, 8), float("nan")).half(), torch.ones(4, 8, 8).half())
        small = Latents(torch.ones(4, 2, 2).half(), torch.ones(4, 2, 2).half())
        cache.write(files[0], kept if damage == "nan" else small)
    try:
        found, issues, encoded = prepare(vae, root, **values)
    finally:
        if damage == "vae":
            weight.data[0] -= 1
    assert (len(found), issues, encoded) == (6, [], expected)


def test_mirrored_pictures_are_cached_beside_the_others(vae: Any, root: Path) -> None:
    found, _, encoded = prepare(vae, root, flip_aug=True)
    assert (len(found), encoded) == (12, 12)
    item = scanned(root)[0]
    assert torch.equal(pixels(item).flip(2), pixels(item, is_mirrored=True))
    name = "3_thing/0.png"
    assert not torch.equal(found[name, False].mean, found[name, True].mean)


def test_a_cut_picture_becomes_an_issue_and_the_rest_goes_on(vae: Any, root: Path) -> None:
    picture = root / "img" / "3_thing" / "0.png"
    picture.write_bytes(picture.read_bytes()[:120])
    found, issues, _ = prepare(vae, root, flip_aug=True)
    assert len(found) == 10
    assert [(issue.file, issue.fatal) for issue in issues] == [("3_thing/0.png", True)]


def test_latents_that_are_not_finite_become_an_issue(vae: Any, root: Path) -> None:
    weight = next(vae.parameters())
    kept = weight.data.clone()
    weight.data.fill_(float("nan"))
    try:
        found, issues, _ = prepare(vae, root)
    finally:
        weight.data.copy_(kept)
    assert found == {}
    assert {issue.reason for issue in issues} == {
        "the VAE gives values that are not finite numbers"
    }
    assert list((root / ".latents").iterdir()) == []


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    folder = tmp_path / "img" / "1_a"
    folder.mkdir(parents=True)
    Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(folder / "a.png")
    (item,) = scanned(tmp_path)
    assert pixels(item).eq(1).all()
    (masked,) = scanned(tmp_path, alpha_mask=True)
    assert pixels(masked)[0].eq(1).all()
    assert pixels(masked)[1:].eq(-1).all(), "behind a mask the colours stay"


def test_a_picture_gone_since_the_scan_is_named(vae: Any, root: Path) -> None:
    items = scanned(root)
    (root / "img/3_thing/0.png").unlink()
    found, issues = finish(cache.prepare(Encoder(vae), items, root / ".latents", keep=True))
    assert len(found) == 5
    assert [(issue.file, issue.fatal) for issue in issues] == [("3_thing/0.png", True)]


class Overflowing(torch.nn.Module):
    """A real VAE that overflows in half precision where a picture is mostly dark."""

    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.vae = vae

    def encode(self, images: torch.Tensor) -> Any:
        spread = self.vae.encode(images)
        if images.dtype == torch.float16:
            dark = images.mean((1, 2, 3)) < 0
            spread.latent_dist.mean[dark] = float("nan")
        return spread


def test_what_overflows_in_half_precision_is_encoded_in_float32(
    vae: Any, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Image.new("RGB", (64, 64), "black").save(root / "img" / "3_thing" / "0.png")
    truth, _, _ = prepare(vae, root)
    half = copy.deepcopy(vae).half()
    with caplog.at_level("WARNING", "train"):
        found, issues, encoded = prepare(Overflowing(half), root, flip_aug=True)
    assert (len(found), issues, encoded) == (12, [], 12)
    for key, latents in truth.items():
        torch.testing.assert_close(found[key].mean, latents.mean, rtol=0.05, atol=0.05)
    assert [record.getMessage() for record in caplog.records] == [
        "encoded in float32, since the VAE overflows in half precision (1): 3_thing/0.png"
    ]
    assert next(half.parameters()).dtype == torch.float16


def test_leftovers_of_a_killed_run_are_swept(vae: Any, root: Path) -> None:
    (root / ".latents").mkdir()
    stale = root / ".latents" / "a.safetensors.1.dataprep-tmp"
    stale.write_bytes(b"half")
    prepare(vae, root)
    assert not stale.exists()
