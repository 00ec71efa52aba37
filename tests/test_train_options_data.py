"""Settings of captions and pictures: each reaches the loop and does what it says.

Runs of a few steps on a tiny base; what a setting does is seen in losses and weights.
"""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny_base
import tiny_single
import torch
from diffusers import AutoencoderKL
from PIL import Image
from safetensors.torch import save_file
from tiny_runs import SHORT, UNET, run


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base.shared(tmp_path_factory)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny_base.paint(tmp_path / "img" / "2_thing", 2)
    return tmp_path


def caption(root: Path, words: str, folder: str = "img/2_thing") -> None:
    for path in (root / folder).glob("*.png"):
        path.with_suffix(".txt").write_text(words)


# Captions

LONG = "zumi, " + ", ".join(itertools.islice(itertools.cycle(["red", "blue"]), 50))
"""103 tokens."""


def test_longer_captions_are_read_as_far_as_allowed(base: Path, root: Path) -> None:
    def losses(words: str, length: int) -> list[float]:
        caption(root, words)
        values = {**UNET, "max_train_steps": 1, "shuffle_caption": False}
        return run(base, root, **values, max_token_length=length).losses

    whole = losses(LONG, 150)
    assert losses(LONG, 225) == whole
    assert losses(LONG, 75) != whole
    assert losses(f"{LONG}, circle", 75) == losses(LONG, 75)
    assert losses("zumi, red", 150) == losses("zumi, red", 75)


def test_weights_in_captions(base: Path, root: Path) -> None:
    def losses(words: str, weighted: bool) -> list[float]:
        caption(root, words)
        values = {**UNET, "max_train_steps": 1, "shuffle_caption": False}
        return run(base, root, **values, weighted_captions=weighted).losses

    plain = losses("zumi, red, circle", False)
    assert losses("zumi, red, circle", True) == plain
    assert losses("zumi, (red:1.0), circle", True) == pytest.approx(plain, rel=1e-6)
    strong = losses("zumi, (red:1.5), circle", True)
    assert strong != pytest.approx(plain, rel=1e-6)
    assert losses("zumi, (red:0.5), circle", True) != pytest.approx(strong, rel=1e-6)
    assert losses("zumi, (red:1.5), circle", False) != pytest.approx(strong, rel=1e-6)


def test_captions_are_varied(base: Path, root: Path) -> None:
    caption(root, "zumi, red, circle, background, blue, square")
    for path in (root / "img" / "2_thing").glob("*.png"):
        path.with_suffix(".caption").write_text("thing")
    settings: list[dict[str, Any]] = [
        {},
        {"caption_prefix": "hair,"},
        {"caption_suffix": ", hair"},
        {"caption_dropout_rate": 1.0},
        {"caption_tag_dropout_rate": 0.5},
        {"token_warmup_step": 10},
        {"keep_tokens": 4},
        {"shuffle_caption": False},
        {"caption_extension": ".caption"},
        {"clip_skip": 2},
        {"seed": 1},
    ]
    found = [tuple(run(base, root, **{**UNET, **values}).losses) for values in settings]
    assert len(set(found)) == len(found)
    # epochs 1 and 2 without captions
    none = run(base, root, **UNET, caption_dropout_every_n_epochs=1)
    assert tuple(none.losses) == found[3]


# Pictures


@pytest.mark.parametrize(("weight", "matters"), [(0.0, False), (1.0, True)])
def test_regularization_pictures_count_by_their_weight(
    base: Path, root: Path, weight: float, matters: bool
) -> None:
    tiny_base.paint(root / "reg" / "1_circle", 2)
    values = {**SHORT, "max_train_steps": 6, "train_batch_size": 1}
    values |= {"reg_data_dir": root / "reg", "prior_loss_weight": weight}
    one = run(base, root, **values)
    learned = one.weights
    assert one.about["ss_num_reg_images"] == "4"
    assert any(loss == 0 for loss in one.losses) == (not matters)
    caption(root, "square, hair, green", "reg/1_circle")
    other = run(base, root, **values)
    assert all(torch.equal(learned[key], it) for key, it in other.weights.items()) != matters


def mask(folder: Path, light: tuple[int, int, int, int] | None) -> dict[str, Any]:
    """Masks for two pictures, light inside a box (None: nowhere); the settings that use them."""
    folder.mkdir(exist_ok=True)
    for number in range(2):
        drawn = Image.new("L", (64, 64), 0)
        if light:
            drawn.paste(255, light)
        drawn.save(folder / f"{number}.png")
    return {**UNET, "masked_loss": True, "conditioning_data_dir": folder}


def test_masks_and_alpha_channels(base: Path, root: Path) -> None:
    plain = run(base, root, **UNET).losses
    everywhere = run(base, root, **mask(root / "mask", (0, 0, 64, 64))).losses
    assert everywhere == plain
    assert run(base, root, **mask(root / "mask", None)).losses == [0, 0]
    left = mask(root / "mask", (0, 0, 32, 64))
    half = run(base, root, **left).losses
    assert all(0 < part < whole for part, whole in zip(half, plain, strict=True))
    grown = run(base, root, **left, normalize_masked_area_loss=True).losses
    # the second step begins with other weights: Adam's first step does not depend on the scale
    assert grown == pytest.approx([2 * loss for loss in half], rel=1e-2)
    for number in range(2):
        path = root / "img" / "2_thing" / f"{number}.png"
        picture = Image.open(path)
        picture.putalpha(Image.open(root / "mask" / f"{number}.png"))
        picture.save(path)
    assert run(base, root, **UNET, alpha_mask=True).losses == half


@pytest.mark.parametrize("key", ["color_aug", "random_crop", "flip_aug", "enable_bucket"])
def test_pictures_are_varied(base: Path, root: Path, key: str) -> None:
    wide = root / "img" / "2_thing"
    shutil.rmtree(wide)
    wide.mkdir()
    picture = Image.linear_gradient("L").resize((128, 64)).rotate(90, expand=True)
    Image.merge("RGB", [picture.resize((128, 64))] * 2 + [Image.new("L", (128, 64))]).save(
        wide / "0.png"
    )
    caption(root, "zumi")
    plain = {**UNET, "max_train_steps": 3, "train_batch_size": 1, "enable_bucket": False}
    still = run(base, root, **plain).losses
    varied = run(base, root, **{**plain, key: True}).losses
    assert varied != still
    assert run(base, root, **{**plain, key: True}).losses == varied


def test_another_vae_in_a_folder_or_a_file(base: Path, root: Path) -> None:
    own = run(base, root, **UNET).losses
    with torch.random.fork_rng():
        torch.manual_seed(7)
        vae = AutoencoderKL.from_config(AutoencoderKL.load_config(base, subfolder="vae"))
    vae.save_pretrained(root / "vae")
    tensors = {name: it.contiguous() for name, it in tiny_single.vae_states(vae).items()}
    save_file(tensors, root / "vae.safetensors")
    in_folder = run(base, root, **UNET, vae=str(root / "vae"))
    single = tiny_single.write(base, root / "base.safetensors")
    in_file = run(
        single,
        root,
        **UNET,
        tokenizer=base / "tokenizer",
        model_config_dir=base,
        vae=str(root / "vae.safetensors"),
    )
    assert in_folder.losses != own
    assert in_file.losses == in_folder.losses
    assert in_file.about["ss_vae_name"] == "vae.safetensors"
