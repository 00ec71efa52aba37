"""Settings of the pictures: where they lie, their buckets, and how they are varied."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from dataprep.settings import Settings
from train.config.kinds import Count, Every, Rate, Resolution, Strength
from train.families import LATENT_PIXELS


class Subset(Settings):
    """One folder of pictures with settings of its own; what is left out is as for all."""

    image_dir: Path
    """The folder with the pictures."""
    num_repeats: Count = 1
    """How often each picture is used per epoch."""
    class_tokens: str = ""
    """The caption of pictures without one."""
    is_reg: bool = False
    """These are regularization images."""
    resolution: Resolution | None = None
    """Width and height in pixels."""
    conditioning_data_dir: Path | None = None
    """The folder with the masks of these pictures."""
    caption_extension: Annotated[str, Field(pattern=r"^\.")] | None = None
    """Ending of the caption files."""
    shuffle_caption: bool | None = None
    """Shuffle the tags of a caption each time it is used."""
    keep_tokens: Every | None = None
    """How many tags at the front stay in place."""
    keep_tokens_separator: str | None = None
    """The mark before which tags stay in place."""
    secondary_separator: str | None = None
    """The mark between tags that are moved and dropped as one."""
    enable_wildcard: bool | None = None
    """Choose among {a|b} and among the lines of a caption."""
    caption_prefix: str | None = None
    """Put before every caption."""
    caption_suffix: str | None = None
    """Put behind every caption."""
    caption_dropout_rate: Rate | None = None
    """Share of captions replaced by an empty one."""
    caption_dropout_every_n_epochs: Every | None = None
    """No captions in every so many epochs."""
    caption_tag_dropout_rate: Rate | None = None
    """Share of tags left out."""
    token_warmup_min: Count | None = None
    """Tags of a caption at the first step of the token warm-up."""
    token_warmup_step: Strength | None = None
    """Steps, or share of them, after which captions are whole."""
    flip_aug: bool | None = None
    """Mirror each picture half of the time."""
    color_aug: bool | None = None
    """Vary the colours of each picture."""
    random_crop: bool | None = None
    """Cut elsewhere each time."""
    alpha_mask: bool | None = None
    """The alpha channel is the mask."""


class DatasetKeys(Settings):
    """The pictures of a run."""

    train_data_dir: Path | None = None
    """The parent of the ``N_concept`` folders."""
    reg_data_dir: Path | None = None
    """The parent of the ``N_class`` folders with regularization images."""
    prior_loss_weight: Strength = 1.0
    """Weight of the loss of regularization images."""
    subsets: tuple[Subset, ...] = ()
    """Folders with settings of their own, [[subsets]]; instead of train_data_dir or beside it."""

    resolution: Resolution = (512, 512)
    """Width and height in pixels: one number, or "W,H". With buckets only the area counts."""
    enable_bucket: bool = True
    """Keep each picture's aspect ratio by sorting pictures into buckets."""
    min_bucket_reso: Annotated[int, Field(ge=LATENT_PIXELS)] = 256
    """Shortest side of a bucket, pixels (when left out: at most half of ``resolution``)."""
    max_bucket_reso: Annotated[int, Field(ge=LATENT_PIXELS)] = 1024
    """Longest side of a bucket, pixels (when left out: at least ``resolution``)."""
    bucket_reso_steps: Annotated[int, Field(ge=LATENT_PIXELS, multiple_of=LATENT_PIXELS)] = 64
    """Sides of buckets are multiples of this, pixels (when left out: finer below 256)."""
    bucket_no_upscale: bool = False
    """Leave small pictures at their size instead of enlarging them."""
    bucket_merge_crop: Rate = 0.0
    """Move pictures of a bucket that fills no batch to a neighbour, where that cuts off at most
    this share of them; 0: off, 0.1 is mild."""

    flip_aug: bool = False
    """Mirror each picture half of the time (not for asymmetric characters)."""
    color_aug: bool = False
    """Vary hue and saturation of each picture a little; it is then encoded anew at each step."""
    random_crop: bool = False
    """Cut pictures elsewhere each time instead of at the centre; encoded anew at each step."""
    masked_loss: bool = False
    """The loss counts where the mask is light; masks lie in conditioning_data_dir."""
    conditioning_data_dir: Path | None = None
    """The folder with masks, called as the pictures are."""
    alpha_mask: bool = False
    """The alpha channel of a picture is its mask."""
    normalize_masked_area_loss: bool = False
    """Divide a masked loss by the light part of the mask, so that small subjects count as much."""
