"""Base models of full size, weights random: what a step costs does not depend on their values."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tiny_base
import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from train.families import Family

CROSS_DOWN, CROSS_UP = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"
UNETS: dict[str, dict[str, Any]] = {
    "sd1": {"sample_size": 64, "cross_attention_dim": 768},
    "sd2": {
        "sample_size": 96,
        "cross_attention_dim": 1024,
        "attention_head_dim": (5, 10, 20, 20),
        "use_linear_projection": True,
    },
    "sdxl": {
        "sample_size": 128,
        "cross_attention_dim": 2048,
        "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", CROSS_DOWN, CROSS_DOWN),
        "up_block_types": (CROSS_UP, CROSS_UP, "UpBlock2D"),
        "attention_head_dim": (5, 10, 20),
        "transformer_layers_per_block": (1, 2, 10),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
}
CLIP_L = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "projection_dim": 768,
}
OPEN_CLIP_H = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_attention_heads": 16,
    "num_hidden_layers": 23,
    "hidden_act": "gelu",
    "projection_dim": 512,
}
OPEN_CLIP_G = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_attention_heads": 20,
    "num_hidden_layers": 32,
    "hidden_act": "gelu",
    "projection_dim": 1280,
}
VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
}


def unet(family: Family) -> UNet2DConditionModel:
    """On the meta device."""
    with torch.device("meta"):
        return UNet2DConditionModel(**UNETS[family])


def text_encoders(family: Family) -> list[nn.Module]:
    """On the meta device."""
    with torch.device("meta"):
        if family == "sdxl":
            return [
                CLIPTextModel(CLIPTextConfig(**CLIP_L)),
                CLIPTextModelWithProjection(CLIPTextConfig(**OPEN_CLIP_G)),
            ]
        shape = CLIP_L if family == "sd1" else OPEN_CLIP_H
        return [CLIPTextModel(CLIPTextConfig(**shape))]


def build(folder: Path, family: Family) -> Path:
    """Write the model as a diffusers folder in bf16: 2 GB, SDXL 7 GB."""
    tokenizer = tiny_base._tokenizer(folder)
    _save(lambda: unet(family), folder / "unet")
    with torch.device("meta"):
        scaling_factor = 0.13025 if family == "sdxl" else 0.18215
        vae = AutoencoderKL(**VAE, scaling_factor=scaling_factor)
    _save(lambda: vae, folder / "vae")
    for number, encoder in enumerate(text_encoders(family)):
        name = "text_encoder" if number == 0 else "text_encoder_2"
        encoder.config.eos_token_id = tokenizer.eos_token_id
        encoder.config.bos_token_id = tokenizer.bos_token_id
        _save(lambda encoder=encoder: encoder, folder / name)
    if family == "sdxl":
        tiny_base._tokenizer(folder, "tokenizer_2", padding="!")
    EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
    ).save_pretrained(folder / "scheduler")
    xl = "XL" if family == "sdxl" else ""
    index = {"_class_name": f"StableDiffusion{xl}Pipeline"}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def _save(make: Callable[[], Any], folder: Path) -> None:
    module = make().to(torch.bfloat16).to_empty(device="cpu")
    source = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in module.named_parameters():
            if value.ndim == 1:
                value.fill_(1.0 if "norm" in name and name.endswith("weight") else 0.0)
            else:
                value.normal_(0, 0.5 / math.sqrt(value[0].numel()), generator=source)
        for name, value in module.named_buffers():
            if "position_ids" in name:
                value.copy_(torch.arange(value.shape[-1]).expand(value.shape))
    module.save_pretrained(folder)
