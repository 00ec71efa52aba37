"""How captions are varied and encoded, as plain values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from train.config import TrainConfig
    from train.families import Family


@dataclass(frozen=True, slots=True)
class CaptionRules:
    """What becomes of a caption at each use; the names are those of the settings."""

    shuffle_caption: bool = False
    keep_tokens: int = 0
    keep_tokens_separator: str = ""
    caption_separator: str = ","
    secondary_separator: str = ""
    enable_wildcard: bool = False
    caption_prefix: str = ""
    caption_suffix: str = ""
    caption_dropout_rate: float = 0.0
    caption_dropout_every_n_epochs: int = 0
    caption_tag_dropout_rate: float = 0.0
    token_warmup_min: int = 1
    token_warmup_step: float = 0.0


@dataclass(frozen=True, slots=True)
class TextRules:
    """How captions become what the UNet is conditioned on."""

    clip_skip: int = 1
    max_token_length: int = 75
    weighted_captions: bool = False
    split_tags: bool = False
    """Cut parts of 75 tokens in the middle of a tag, as sd-scripts does."""
    full_length: bool = False
    """As many parts as ``max_token_length`` allows for every caption, as sd-scripts does."""
    restore_mean: bool = True
    """After weighting, bring states back to their mean, as A1111 does and sd-scripts does not."""


def rules_of(config: TrainConfig, family: Family) -> TextRules:
    """The rules that a config gives; SDXL takes the same layers whatever ``clip_skip`` says."""
    return TextRules(
        clip_skip=1 if family == "sdxl" else config.clip_skip,
        max_token_length=config.max_token_length,
        weighted_captions=config.weighted_captions,
        split_tags=config.is_kohya,
        full_length=config.is_kohya,
        restore_mean=not config.is_kohya,
    )
