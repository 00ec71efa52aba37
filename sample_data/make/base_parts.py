"""The parts of the demo base and the folder they are written to."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from .loop import MODELS, replaced
from .words import LENGTH, learned_merges, vocabulary, world_words, write_tokenizer

OUT = MODELS / "demo-base"
TEXT_WIDTH = 128
# Stable Diffusion's own noise schedule.
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def build_unet() -> UNet2DConditionModel:
    """SD 1.5's blocks with three levels, narrow."""
    return UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(64, 96, 128),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=4,
    )


def build_text_encoder() -> CLIPTextModel:
    """CLIP's text tower in small, over the tokenizer of the world's words."""
    size = len(vocabulary(learned_merges(world_words())))
    config = CLIPTextConfig(
        vocab_size=size,
        hidden_size=TEXT_WIDTH,
        intermediate_size=2 * TEXT_WIDTH,
        projection_dim=TEXT_WIDTH,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=LENGTH,
        bos_token_id=size - 2,
        eos_token_id=size - 1,
        pad_token_id=size - 1,
    )
    return CLIPTextModel(config)


def training_noise() -> DDPMScheduler:
    """The schedule that adds the noise in training."""
    return DDPMScheduler(num_train_timesteps=1000, clip_sample=False, **BETAS)


def sampling_noise() -> DDIMScheduler:
    """The schedule the folder is sampled with unless another is asked for."""
    return DDIMScheduler(clip_sample=False, set_alpha_to_one=False, steps_offset=1, **BETAS)


def write_base(
    vae: AutoencoderKL,
    text_encoder: CLIPTextModel,
    unet: UNet2DConditionModel,
    folder: Path = OUT,
) -> None:
    """A diffusers folder in half precision, put in place in one move."""
    with replaced(folder) as fresh:
        write_tokenizer(fresh / "tokenizer")
        pipeline = StableDiffusionPipeline(
            vae=vae,
            text_encoder=text_encoder,
            tokenizer=CLIPTokenizer.from_pretrained(fresh / "tokenizer"),
            unet=unet,
            scheduler=sampling_noise(),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipeline.to(dtype=torch.float16)
        pipeline.save_pretrained(fresh)
        _keep_plain_tokenizer(fresh / "tokenizer")
        _name_like_sd15(fresh / "text_encoder" / "model.safetensors")
        _open_in_single_precision(fresh / "text_encoder" / "config.json")
        for file in fresh.rglob("*.safetensors"):
            file.chmod(0o644)


def _keep_plain_tokenizer(folder: Path) -> None:
    """vocab.json and merges.txt, which every version of transformers reads, and no second form."""
    for extra in folder.iterdir():
        extra.unlink()
    write_tokenizer(folder)


def _name_like_sd15(file: Path) -> None:
    """Old and new transformers both read names under `text_model.`; only new ones read without."""
    tensors = load_file(file)
    prefix = "text_model."
    named = {key if key.startswith(prefix) else prefix + key: t for key, t in tensors.items()}
    save_file(named, file, metadata={"format": "pt"})


def _open_in_single_precision(file: Path) -> None:
    """transformers opens weights as its config says, diffusers in single: both must say the same.

    Half precision is how the numbers are stored, not how a processor should multiply them.
    """
    config = json.loads(file.read_text(encoding="utf-8"))
    config["dtype"] = "float32"
    file.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
