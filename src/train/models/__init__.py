"""The base model: its parts out of a diffusers folder, and the device they run on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dataprep.errors import DataprepError
from dataprep.inference import first_line

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
DTYPES = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True)
class Base:
    """The frozen parts of a model of the SD 1.5 family."""

    unet: nn.Module
    text_encoder: nn.Module
    tokenizer: Any
    alphas_cumprod: torch.Tensor
    """ᾱ by timestep, (timesteps,)."""
    prediction_type: str
    """What the UNet's output means: ``epsilon`` or ``v_prediction``."""


def pick_device(wanted: str) -> torch.device:
    """The device of that name; ``auto`` takes a GPU when there is one."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if wanted == "cuda" and not torch.cuda.is_available():
        raise DataprepError(
            "device cuda was asked for, but torch sees no GPU",
            f'torch {torch.__version__}; device = "auto" takes the CPU when there is none',
        )
    return torch.device(wanted)


def pick_dtype(mixed_precision: str, device: torch.device) -> torch.dtype:
    """The number format of the forward pass."""
    if mixed_precision == "fp16" and device.type == "cpu":
        raise DataprepError("mixed_precision fp16 needs a GPU", "on a CPU use no or bf16")
    return DTYPES[mixed_precision]


def load(name: str, device: torch.device, dtype: torch.dtype = torch.float32) -> Base:
    """Load and freeze UNet and text encoder. Raises ``DataprepError`` in a person's words."""
    from diffusers import DDPMScheduler, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer
    from transformers.utils.logging import disable_progress_bar

    _check_name(name)
    # how far we are is told in our own way
    disable_progress_bar()
    with _explained(name):
        unet = UNet2DConditionModel.from_pretrained(name, subfolder="unet", torch_dtype=dtype)
        _check_family(name, unet.config)
        text_encoder = CLIPTextModel.from_pretrained(name, subfolder="text_encoder", dtype=dtype)
        tokenizer = CLIPTokenizer.from_pretrained(name, subfolder="tokenizer")
        scheduler = DDPMScheduler.from_pretrained(name, subfolder="scheduler")
    return Base(
        unet=_frozen(unet, device),
        text_encoder=_frozen(text_encoder, device),
        tokenizer=tokenizer,
        alphas_cumprod=scheduler.alphas_cumprod.float().to(device),
        prediction_type=scheduler.config.prediction_type,
    )


def load_vae(name: str, device: torch.device) -> Any:
    """Load and freeze the VAE, always in float32: that of SD 1.5 overflows in fp16.

    Latents are what it gives × ``vae.config.scaling_factor``.
    """
    from diffusers import AutoencoderKL

    _check_name(name)
    with _explained(name):
        vae = AutoencoderKL.from_pretrained(name, subfolder="vae", torch_dtype=torch.float32)
    return _frozen(vae, device)


def _frozen(module: Any, device: torch.device) -> Any:
    return module.to(device).eval().requires_grad_(False)


def _check_name(name: str) -> None:
    path = Path(name)
    if path.is_file():
        raise DataprepError(
            f"{name}: a single-file model cannot be read yet",
            "convert it to a diffusers folder (StableDiffusionPipeline.from_single_file, "
            "then save_pretrained)",
        )
    if path.is_dir() and not (path / "unet" / "config.json").is_file():
        raise DataprepError(
            f"{name}: not a diffusers model folder (unet/config.json is missing)",
            "pretrained_model_name_or_path is the folder that holds model_index.json",
        )
    if not path.exists() and not HUB_NAME.fullmatch(name):
        raise DataprepError(f"{name}: no such model folder")


def _check_family(name: str, config: Any) -> None:
    family = None
    if getattr(config, "addition_embed_type", None) == "text_time":
        family = "SDXL"
    elif config.cross_attention_dim == 1024:
        family = "Stable Diffusion 2"
    if family is not None:
        raise DataprepError(f"{name}: this is {family}; only the SD 1.5 family can be trained yet")


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn what the libraries raise for missing or broken files into one sentence."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        where = "a file of the model is missing or broken"
        if not Path(name).exists():
            where = "no such folder here, and it could not be had from the Hub"
        raise DataprepError(f"{name}: {where}", first_line(error)) from None


@contextmanager
def explained_memory() -> Iterator[None]:
    """Turn running out of GPU memory into an error that says what to lower."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise DataprepError(
            f"the GPU is out of memory ({str(error).splitlines()[0]})",
            'lower train_batch_size or resolution, or use mixed_precision = "bf16"',
        ) from None


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """The context in which a forward pass mixes float32 LoRA weights with the base's."""
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
