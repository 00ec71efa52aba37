"""Settings of the captions: where they lie and how each use of a picture varies them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dataprep.settings import Settings
from train.config.kinds import Count, Every, Rate, Strength


class CaptionKeys(Settings):
    """What becomes of a caption each time it is used."""

    caption_extension: Annotated[str, Field(pattern=r"^\.")] = ".txt"
    """Ending of the caption files."""
    shuffle_caption: bool = True
    """Shuffle the tags of a caption each time it is used."""
    keep_tokens: Every = 1
    """How many tags at the front stay in place (the trigger word is the first)."""
    keep_tokens_separator: str = ""
    """A mark such as ||| in a caption: the tags before it stay in place, instead of keep_tokens;
    those behind a second one stay at the end."""
    caption_separator: Annotated[str, Field(min_length=1)] = ","
    """What stands between tags."""
    secondary_separator: str = ""
    """A mark such as ;;; between tags that are moved and dropped as one."""
    enable_wildcard: bool = False
    """Choose among {a|b} in a caption, and among its lines where it has several."""
    caption_prefix: str = ""
    """Put before every caption."""
    caption_suffix: str = ""
    """Put behind every caption."""
    caption_dropout_rate: Rate = 0.0
    """Share of captions replaced by an empty one."""
    caption_dropout_every_n_epochs: Every = 0
    """No captions in every so many epochs; 0: off."""
    caption_tag_dropout_rate: Rate = 0.0
    """Share of tags left out, those kept in front excepted."""
    token_warmup_min: Count = 1
    """Tags of a caption, beside those kept, at the first step of the token warm-up."""
    token_warmup_step: Strength = 0.0
    """Steps after which captions are whole (below 1: share of all steps); 0: no token warm-up."""
    weighted_captions: bool = False
    """(tag:1.2) in a caption strengthens a tag and [tag] weakens it, as in A1111."""
