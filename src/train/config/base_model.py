"""Settings of the base model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from dataprep.settings import Settings


class BaseModelKeys(Settings):
    """What is trained on, and what is known of it beyond its files."""

    pretrained_model_name_or_path: str
    """The base model: a diffusers folder, one .safetensors or .ckpt file, or a name on the Hugging
    Face Hub."""
    vae: str = ""
    """Another VAE than the base model's: a folder, a file, or a name on the Hub."""
    tokenizer: Path | None = None
    """A folder with CLIP's vocab.json and merges.txt, for a base in one file (left out: the Hub's
    cache is looked into)."""
    model_config_dir: Path | None = None
    """A diffusers folder whose config.json files describe a base in one file (left out: those of
    its family)."""
    v2: bool | None = None
    """The base is Stable Diffusion 2 (left out: told from the file)."""
    v_parameterization: bool | None = None
    """The base predicts velocity instead of noise (left out: told from the file)."""
    zero_terminal_snr: bool | None = None
    """The noise schedule ends in pure noise (left out: told from the file)."""
    clip_skip: Annotated[int, Field(ge=1)] = 1
    """Which layer of the text encoder is used, counted from the end (anime models: 2); SDXL has its
    own."""
    max_token_length: Annotated[int, Field(ge=75, le=225, multiple_of=75)] = 225
    """Longest caption, tokens: 75, 150 or 225; longer ones are encoded in parts of 75."""
