"""Base models of each family, so small that a step takes milliseconds; weights random."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from PIL import Image, ImageDraw
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)

from train.config import TrainConfig
from train.families import Family

# in steps of milliseconds threads wait for each other; and one gives equal sums everywhere
torch.set_num_threads(1)

WORDS = ("thing", "zumi", "red", "blue", "green", "circle", "square", "background", "hair")
WIDTH = 32
"""Width of the text encoder and of the cross attention."""


def shared(
    factory: pytest.TempPathFactory,
    family: Family = "sd1",
    prediction_type: str = "epsilon",
) -> Path:
    """The model, built once for all tests of a session."""
    name = "tiny_base" if (family, prediction_type) == ("sd1", "epsilon") else ""
    folder = factory.getbasetemp() / (name or f"tiny_{family}_{prediction_type}")
    built = (folder / "model_index.json").exists()
    return folder if built else build(folder, prediction_type, family)


def paint(folder: Path, count: int = 6) -> None:
    """Pictures of circles with captions, in three sizes, into ``folder``."""
    folder.mkdir(parents=True)
    kinds = itertools.product([(64, 64), (96, 64), (64, 96)], ["red", "blue", "green"])
    for number, (size, color) in enumerate(itertools.islice(itertools.cycle(kinds), count)):
        image = Image.new("RGB", size, "white")
        ImageDraw.Draw(image).ellipse((8 + number, 8, 48, 48), fill=color)
        image.save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(f"zumi, {color}, circle, background\n")


def config(base: Path, root: Path, **values: Any) -> TrainConfig:
    """A run of 10 small steps per epoch over ``root/img``."""
    return TrainConfig(
        **{
            "pretrained_model_name_or_path": str(base),
            "train_data_dir": root / "img",
            "output_dir": root / "model",
            "resolution": 64,
            "bucket_reso_steps": 16,
            "train_batch_size": 2,
            "max_train_epochs": 1,
            "network_dim": 4,
            "network_alpha": 2,
            "device": "cpu",
            **values,
        }
    )


def build(folder: Path, prediction_type: str = "epsilon", family: Family = "sd1") -> Path:
    """Write the model as a diffusers folder; the same weights each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        _pipeline(folder, prediction_type, family).save_pretrained(folder)
    return folder


def _pipeline(folder: Path, prediction_type: str, family: Family) -> Any:
    tokenizer = _tokenizer(folder)
    if family == "sdxl":
        return StableDiffusionXLPipeline(
            vae=_vae(scaling_factor=0.13025),
            text_encoder=_text_encoder(tokenizer),
            text_encoder_2=_second_text_encoder(tokenizer),
            tokenizer=tokenizer,
            # the same words; what follows the end is filled with the first of them
            tokenizer_2=_tokenizer(folder, "tokenizer_2", padding="!"),
            unet=_sdxl_unet(),
            scheduler=_scheduler(prediction_type),
        )
    second = family == "sd2"
    if second:
        tokenizer = _tokenizer(folder, padding="!")
    return StableDiffusionPipeline(
        vae=_vae(),
        text_encoder=_text_encoder(tokenizer, **({"hidden_act": "gelu"} if second else {})),
        tokenizer=tokenizer,
        unet=_unet(**({"use_linear_projection": True} if second else {})),
        scheduler=_scheduler(prediction_type),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _unet(**values: Any) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        **{
            "sample_size": 8,
            "block_out_channels": (32, 64),
            "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
            "layers_per_block": 1,
            "attention_head_dim": 4,
            "norm_num_groups": 8,
            "cross_attention_dim": WIDTH,
            **values,
        }
    )


def _sdxl_unet() -> UNet2DConditionModel:
    """Three depths as the large one: convolutions only, then attention of one and two layers."""
    return _unet(
        block_out_channels=(16, 32, 64),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=2,
        attention_head_dim=(2, 4, 8),
        transformer_layers_per_block=(1, 1, 2),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + WIDTH // 2,
        cross_attention_dim=WIDTH + WIDTH // 2,
    )


def _vae(**values: Any) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=4,
        sample_size=64,
        **values,
    )


def _text_encoder(tokenizer: CLIPTokenizer, **values: Any) -> CLIPTextModel:
    return CLIPTextModel(_text_config(tokenizer, **values))


def _second_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModelWithProjection:
    half = {"hidden_size": WIDTH // 2, "intermediate_size": WIDTH, "projection_dim": WIDTH // 2}
    more = {"hidden_act": "gelu", "num_hidden_layers": 4}
    return CLIPTextModelWithProjection(_text_config(tokenizer, **half, **more))


def _text_config(tokenizer: CLIPTokenizer, **values: Any) -> CLIPTextConfig:
    return CLIPTextConfig(
        **{
            "vocab_size": len(tokenizer),
            "hidden_size": WIDTH,
            "intermediate_size": 2 * WIDTH,
            "projection_dim": WIDTH,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "max_position_embeddings": 77,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
            **values,
        }
    )


def _scheduler(prediction_type: str) -> DDIMScheduler:
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type=prediction_type,
    )


def _tokenizer(folder: Path, name: str = "tokenizer", padding: str = "") -> CLIPTokenizer:
    """Bytes, and each of ``WORDS`` as one token, in CLIP's two files.

    ``padding`` is the token that fills up what is short; CLIP's own is the end mark.
    """
    letters = [chr(code) for code in range(33, 127)]
    vocabulary = [*letters, *(f"{letter}</w>" for letter in letters)]
    merges: list[str] = []
    for word in WORDS:
        pieces = [*word[:-1], f"{word[-1]}</w>"]
        while len(pieces) > 1:
            # from the end backwards: "g</w>" is one piece from the beginning
            pair, pieces = pieces[-2:], [*pieces[:-2], pieces[-2] + pieces[-1]]
            if " ".join(pair) not in merges:
                merges.append(" ".join(pair))
                vocabulary.append(pieces[-1])
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    target = folder / name
    target.mkdir(parents=True, exist_ok=True)
    ids = {token: number for number, token in enumerate(dict.fromkeys(vocabulary))}
    (target / "vocab.json").write_text(json.dumps(ids))
    (target / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    fill = {"pad_token": padding} if padding else {}
    return CLIPTokenizer.from_pretrained(target, model_max_length=77, **fill)
