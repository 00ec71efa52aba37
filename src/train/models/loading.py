"""A base model, whole and frozen; and its VAE, which is needed only around the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from dataprep.errors import DataprepError
from train.models import folder, single_file
from train.models.base import Base, Source, TextPart
from train.models.betas import alphas_cumprod
from train.models.configs import SCHEDULER, config_of
from train.models.detect import SCHEDULER_FILE, About, detect, family_of
from train.models.hashes import FileHashes
from train.models.tokenizers import read_tokenizers
from train.models.weights import opened
from train.models.where import KEY, is_file, part_config


def load(
    source: Source,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    about: About | None = None,
) -> Base:
    """Load and freeze UNet and text encoders; ``about`` is what ``detect`` said, if it was asked.

    Raises ``DataprepError`` in a person's words for what is missing, damaged or of another kind,
    ``UsageError`` where a setting is needed or contradicts the files.
    """
    about = about or detect(source)
    tokenizers = read_tokenizers(source, about.family)
    in_one = is_file(source.name)
    parts = _of_file(source, about, device, dtype) if in_one else _of_folder(source, about, dtype)
    unet, encoders, scheduler = parts
    _check_vocabulary(source, encoders, tokenizers)
    rescaled = about.zero_terminal_snr
    return Base(
        family=about.family,
        unet=_frozen(unet, device),
        texts=tuple(
            TextPart(_frozen(encoder, device), tokenizer)
            for encoder, tokenizer in zip(encoders, tokenizers, strict=True)
        ),
        alphas_cumprod=alphas_cumprod(scheduler, rescaled).to(device),
        unscaled_alphas=alphas_cumprod(scheduler, False).to(device) if rescaled else None,
        prediction_type=about.prediction_type,
        zero_terminal_snr=rescaled,
        is_768=about.is_768,
        hashes=FileHashes(Path(source.name)) if in_one else {},
    )


def load_vae(source: Source, device: torch.device, dtype: torch.dtype = torch.float32) -> Any:
    """Load and freeze the VAE: the base's, or the one that ``source.vae`` names.

    Latents are what it gives × ``vae.config.scaling_factor``. Those of SD1 and SDXL overflow in
    fp16. Raises as ``load``.
    """
    name = source.vae or source.name
    if not is_file(name, "vae" if source.vae else KEY):
        return _frozen(folder.read_vae(name, dtype), device)
    family = family_of(source)
    with opened(Path(name)) as weights:
        filling = single_file.Filling(weights, device, dtype)
        return _frozen(single_file.read_vae(filling, family, source.config_dir), device)


Parts = tuple[nn.Module, list[nn.Module], dict[str, Any]]


def _of_file(source: Source, about: About, device: torch.device, dtype: torch.dtype) -> Parts:
    """UNet, text encoders and the scheduler's config out of one file."""
    family, configs = about.family, source.config_dir
    with opened(Path(source.name)) as weights:
        filling = single_file.Filling(weights, device, dtype)
        unet = single_file.read_unet(filling, family, configs)
        encoders = single_file.read_texts(filling, family, configs)
    return unet, encoders, config_of(family, SCHEDULER, configs)


def _of_folder(source: Source, about: About, dtype: torch.dtype) -> Parts:
    """The same out of a diffusers folder."""
    unet = folder.read_unet(source.name, dtype)
    encoders = folder.read_texts(source.name, about.family, dtype)
    return unet, encoders, part_config(source.name, SCHEDULER, SCHEDULER_FILE)


def _check_vocabulary(source: Source, encoders: list[nn.Module], tokenizers: list[Any]) -> None:
    for encoder, tokenizer in zip(encoders, tokenizers, strict=True):
        words = encoder.get_input_embeddings().num_embeddings
        if len(tokenizer) > words:
            raise DataprepError(
                f"{source.name}: its text encoder knows {words} tokens, the tokenizer "
                f"{len(tokenizer)}",
                "tokenizer names a folder with CLIP's own vocab.json and merges.txt",
            )


def _frozen(module: Any, device: torch.device) -> Any:
    return module.to(device).eval().requires_grad_(False)
