"""Cached latents: right when valid, made anew when anything they depend on changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny_base
import torch
from PIL import Image

from dataprep.jobs import finish
from dataprep.report import Issue
from train import cache, data, models
from train.cache import Key, Latents


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return models.load_vae(str(tiny_base.shared(tmp_path_factory)), torch.device("cpu"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny_base.paint(tmp_path / "img" / "3_thing")
    return tmp_path


def prepare(
    vae: Any, root: Path, mirrored: bool = False, **values: Any
) -> tuple[dict[Key, Latents], list[Issue], int]:
    """Latents, issues, and how many had to be encoded."""
    notes: list[str] = []
    items = data.scan(tiny_base.config(Path("base"), root, **values)).items
    job = cache.prepare(vae, items, root / ".latents", mirrored=mirrored, keep=True)
    total = {}

    def show(progress: Any) -> None:
        notes.append(progress.note)
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
    pixels = cache.pixels(root / "img/3_thing/3.png", (80, 48))
    assert pixels.shape == (3, 48, 80)
    assert (pixels.min(), pixels.max()) == (-1, 1)
    latents = found["3_thing/3.png", False]
    spread = vae.encode(pixels[None]).latent_dist
    torch.testing.assert_close(latents.mean.float(), spread.mean[0], rtol=1e-3, atol=1e-3)
    assert latents.mean.shape == (4, 6, 10)
    drawn = latents.sample(torch.Generator().manual_seed(1))
    assert torch.equal(drawn, latents.sample(torch.Generator().manual_seed(1)))
    assert not torch.equal(drawn, latents.sample(torch.Generator().manual_seed(2)))


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
    found, _, encoded = prepare(vae, root, mirrored=True)
    assert (len(found), encoded) == (12, 12)
    picture = root / "img/3_thing/0.png"
    there, back = cache.pixels(picture, (64, 64)), cache.pixels(picture, (64, 64), mirrored=True)
    assert torch.equal(there.flip(2), back)
    name = "3_thing/0.png"
    assert not torch.equal(found[name, False].mean, found[name, True].mean)


def test_a_cut_picture_becomes_an_issue_and_the_rest_goes_on(vae: Any, root: Path) -> None:
    picture = root / "img" / "3_thing" / "0.png"
    picture.write_bytes(picture.read_bytes()[:120])
    found, issues, _ = prepare(vae, root, mirrored=True)
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
    Image.new("RGBA", (32, 32), (255, 0, 0, 0)).save(tmp_path / "a.png")
    assert cache.pixels(tmp_path / "a.png", (32, 32)).eq(1).all()


def test_leftovers_of_a_killed_run_are_swept(vae: Any, root: Path) -> None:
    (root / ".latents").mkdir()
    stale = root / ".latents" / "a.safetensors.1.dataprep-tmp"
    stale.write_bytes(b"half")
    prepare(vae, root)
    assert not stale.exists()
