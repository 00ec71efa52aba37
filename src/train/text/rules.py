"""How captions are varied and encoded, as plain values. Pure."""

from __future__ import annotations

from dataclasses import dataclass


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
