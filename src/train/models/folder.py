"""A base in parts: a diffusers folder, or a model on the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from dataprep.weights import is_offline
from train.families import FAMILIES, Family
from train.models.where import explained, variant

DIFFUSERS_STEM, TRANSFORMERS_STEM = "diffusion_pytorch_model", "model"


def read_unet(name: str, dtype: torch.dtype) -> nn.Module:
    """The UNet. Raises ``DataprepError`` in a person's words, as the others do."""
    from diffusers import UNet2DConditionModel

    return _model(UNet2DConditionModel, name, "unet", dtype)


def read_texts(name: str, family: Family, dtype: torch.dtype) -> list[nn.Module]:
    """The text encoders, in the family's order."""
    from transformers import CLIPTextModel, CLIPTextModelWithProjection
    from transformers.utils.logging import disable_progress_bar

    # how far we are is told in our own way
    disable_progress_bar()
    kinds = (CLIPTextModel, CLIPTextModelWithProjection)
    with explained(name):
        return [
            kind.from_pretrained(name, dtype=dtype, **_where(name, part, TRANSFORMERS_STEM))
            for kind, part in zip(kinds, FAMILIES[family].text_parts, strict=False)
        ]


def read_vae(name: str, dtype: torch.dtype) -> nn.Module:
    """The VAE of a model, or one that is a folder or a name on the Hub of its own."""
    from diffusers import AutoencoderKL

    is_own = (Path(name) / "config.json").is_file()
    if not is_own and not Path(name).exists():
        is_own = not _has_vae_part(name)
    return _model(AutoencoderKL, name, "" if is_own else "vae", dtype)


def _has_vae_part(name: str) -> bool:
    """Whether a model on the Hub is a whole one, whose VAE is one of its parts."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        hf_hub_download(name, "vae/config.json", local_files_only=is_offline())
    except (EntryNotFoundError, OSError):
        return False
    return True


def _model(kind: Any, name: str, part: str, dtype: torch.dtype) -> nn.Module:
    with explained(name):
        found: nn.Module = kind.from_pretrained(
            name, torch_dtype=dtype, **_where(name, part, DIFFUSERS_STEM)
        )
        return found


def _where(name: str, part: str, stem: str) -> dict[str, Any]:
    """Which files of a model are meant, as the libraries are told."""
    return {
        "subfolder": part,
        "variant": variant(name, part, stem),
        "local_files_only": is_offline(),
    }
