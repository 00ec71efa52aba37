"""What a training run is told: one frozen, validated model with kohya's names. No torch here.

A config is a TOML file. Its sections are for the reader's eye and are flattened, as sd-scripts
does; only ``[concept]`` is a table of its own. Relative paths start at the file's folder.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from dataprep.errors import UsageError
from dataprep.settings import Settings, build, check_names, read_toml

FILE_NAME = "train.toml"
PATH_KEYS = ("train_data_dir", "output_dir")
MODEL_KEY = "pretrained_model_name_or_path"
SAMPLE_KEYS = (
    "sample_every_n_epochs",
    "sample_every_n_steps",
    "sample_at_first",
    "sample_prompts",
)
LATENT_PIXELS = 8
"""Pixels per latent in each direction: the downscaling of the VAE of SD 1.5."""


def _resolution(value: Any) -> Any:
    """``512``, ``"512,768"`` and ``[512, 768]`` are all a (width, height)."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if isinstance(value, int) or (isinstance(value, list) and len(value) == 1):
        side = value if isinstance(value, int) else value[0]
        value = [side, side]
    return value


def _texts(value: Any) -> Any:
    """One text is a list of one."""
    return (value,) if isinstance(value, str) else value


def _no_file(prompt: str) -> str:
    """kohya's sample_prompts may name a file; to draw its name would be no answer."""
    if prompt.endswith((".txt", ".json", ".toml")):
        raise ValueError("write the prompts themselves as a list, not the name of a file")
    return prompt


Side = Annotated[int, Field(ge=LATENT_PIXELS)]
Resolution = Annotated[tuple[Side, Side], BeforeValidator(_resolution)]
Rate = Annotated[float, Field(ge=0, le=1)]
Prompt = Annotated[str, Field(min_length=1), AfterValidator(_no_file)]


class Concept(Settings):
    """What the LoRA is meant to learn: written into the file and used for the proof."""

    trigger_word: str = ""
    """The word that calls the concept."""
    pruned_tags: tuple[str, ...] = ()
    """Tags taken out of the captions, which the trigger word has to learn."""
    kept_tags: tuple[str, ...] = ()
    """Tags left in the captions, which stay separate from the trigger word."""
    tagger: str = ""
    """Which tagger wrote the captions."""


class TrainConfig(Settings):
    """Everything that decides the outcome of a run."""

    pretrained_model_name_or_path: str
    """The base model: a diffusers folder, or the name of one on the Hugging Face Hub."""
    train_data_dir: Path
    """The parent of the ``N_concept`` folders."""
    output_dir: Path
    """Where the LoRA files go."""
    output_name: Annotated[str, Field(min_length=1, pattern=r"^[^/\\]+$")] = "lora"
    """File name of the LoRA, without ending."""
    caption_extension: Annotated[str, Field(pattern=r"^\.")] = ".txt"
    """Ending of the caption files."""

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

    shuffle_caption: bool = True
    """Shuffle the tags of a caption each time it is used."""
    keep_tokens: Annotated[int, Field(ge=0)] = 1
    """How many tags at the front stay in place (the trigger word is the first)."""
    keep_tokens_separator: str = ""
    """A mark such as ||| in a caption: the tags before it stay in place, instead of keep_tokens;
    those behind a second one stay at the end."""
    caption_dropout_rate: Rate = 0.0
    """Share of captions replaced by an empty one."""
    caption_tag_dropout_rate: Rate = 0.0
    """Share of tags left out, those kept in front excepted."""
    flip_aug: bool = False
    """Mirror each picture half of the time (not for asymmetric characters)."""

    train_batch_size: Annotated[int, Field(ge=1)] = 1
    """Pictures per step."""
    max_train_epochs: Annotated[int, Field(ge=1)] | None = None
    """How many times to go through all repeats of all pictures."""
    max_train_steps: Annotated[int, Field(ge=1)] | None = None
    """How many optimizer steps to take; give either this or the epochs."""
    unet_lr: Annotated[float, Field(ge=0)] = 1e-4
    """Learning rate of the UNet's LoRA."""
    text_encoder_lr: Annotated[float, Field(ge=0)] = 5e-5
    """Learning rate of the text encoder's LoRA; 0 trains the UNet only."""
    network_dim: Annotated[int, Field(ge=1)] = 16
    """Rank of the LoRA."""
    network_alpha: Annotated[float, Field(gt=0)] = 16.0
    """The LoRA is scaled by alpha / dim, and with it what a learning rate means."""
    optimizer_type: Literal["AdamW"] = "AdamW"
    """The optimizer."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Decoupled weight decay of AdamW: weights shrink by lr × this at each step."""
    lr_scheduler: Literal["constant", "cosine"] = "constant"
    """How the learning rate goes on after the warm-up."""
    lr_warmup_steps: Annotated[int, Field(ge=0)] = 0
    """Steps over which the learning rate rises from 0."""
    max_grad_norm: Annotated[float, Field(ge=0)] = 1.0
    """Gradients longer than this are shortened to it; 0 leaves them."""
    min_snr_gamma: Annotated[float, Field(gt=0)] | None = None
    """Weight of easy timesteps (min-SNR, arXiv 2303.09556); 5 is usual, left out: off."""
    noise_offset: Annotated[float, Field(ge=0)] = 0.0
    """Adds a constant per picture and channel to the noise, for darker darks; 0: off."""
    clip_skip: Annotated[int, Field(ge=1)] = 1
    """Which layer of the text encoder is used, counted from the end (anime models: 2)."""
    seed: Annotated[int, Field(ge=0)] = 42
    """Everything random follows from it."""

    mixed_precision: Literal["no", "bf16", "fp16"] = "no"
    """Number format of the forward pass; fp16 needs a GPU."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; auto takes a GPU when there is one."""
    cache_latents_to_disk: bool = True
    """Keep encoded pictures beside the data for the next run."""
    save_every_n_epochs: Annotated[int, Field(ge=1)] = 1
    """Write a LoRA file after every so many epochs."""
    save_precision: Literal["float", "fp16", "bf16"] = "fp16"
    """Number format of the LoRA file."""
    sample_every_n_epochs: Annotated[int, Field(ge=1)] | None = None
    """Draw samples after every so many epochs (left out: only when one wishes)."""
    sample_every_n_steps: Annotated[int, Field(ge=1)] | None = None
    """Draw samples after every so many steps."""
    sample_at_first: bool = False
    """Draw samples before the first step as well, to compare with."""
    sample_prompts: Annotated[tuple[Prompt, ...], BeforeValidator(_texts)] = ()
    """What is drawn, a picture each (left out: the trigger word, alone and with the kept tags)."""
    concept: Concept = Concept()
    """What the LoRA is meant to learn."""

    @model_validator(mode="before")
    @classmethod
    def _bucket_defaults(cls, values: Any) -> Any:
        sides = _resolution(values.get("resolution", 512)) if isinstance(values, dict) else None
        if not isinstance(sides, list | tuple) or not all(isinstance(s, int) for s in sides):
            return values
        shortest = min(sides)
        fine = max(LATENT_PIXELS, shortest // 4 // LATENT_PIXELS * LATENT_PIXELS)
        return {
            "min_bucket_reso": max(LATENT_PIXELS, min(256, shortest // 2)),
            "max_bucket_reso": max(1024, *sides),
            "bucket_reso_steps": min(64, fine),
            **values,
        }

    @model_validator(mode="after")
    def _agree(self) -> TrainConfig:
        if (self.max_train_epochs is None) == (self.max_train_steps is None):
            raise ValueError("give either max_train_epochs or max_train_steps")
        if self.unet_lr == 0 and self.text_encoder_lr == 0:
            raise ValueError("unet_lr and text_encoder_lr are both 0: nothing would be trained")
        if self.enable_bucket:
            self._check_buckets()
        elif any(side % LATENT_PIXELS for side in self.resolution):
            raise ValueError(f"without buckets, resolution must be a multiple of {LATENT_PIXELS}")
        return self

    def _check_buckets(self) -> None:
        if self.min_bucket_reso > min(self.resolution):
            raise ValueError(
                f"min_bucket_reso ({self.min_bucket_reso}) must be at most the resolution "
                f"({min(self.resolution)})"
            )
        if self.max_bucket_reso < max(self.resolution):
            raise ValueError(
                f"max_bucket_reso ({self.max_bucket_reso}) must be at least the resolution "
                f"({max(self.resolution)})"
            )
        if self.bucket_reso_steps > min(self.resolution):
            raise ValueError(
                f"bucket_reso_steps ({self.bucket_reso_steps}) must be at most the resolution "
                f"({min(self.resolution)})"
            )

    @property
    def scale(self) -> float:
        """alpha / dim: a learning rate of x moves the weights as x × this does at alpha = dim."""
        return self.network_alpha / self.network_dim


def load(path: Path | str, overrides: Iterable[str] = ()) -> TrainConfig:
    """The config in a TOML file, or in the ``train.toml`` of a folder.

    ``overrides`` are ``key=value`` with a TOML value (or a bare word); they win over the file.
    Raises ``UsageError`` naming file and key.
    """
    path = Path(path)
    path = path / FILE_NAME if path.is_dir() else path
    values = _flatten(read_toml(path, "dataprep export writes a train.toml"), path)
    _check_keys(values, str(path))
    where = f"{path} with --set" if (overrides := list(overrides)) else str(path)
    for override in overrides:
        _set(values, override)
    _check_keys(values, where)
    return build(TrainConfig, _from_folder(values, path.resolve().parent), where)


def _check_keys(values: Mapping[str, Any], where: str) -> None:
    check_names(TrainConfig, values, where)
    check_names(Concept, values.get("concept", {}), f"{where} [concept]")


def _flatten(tables: Mapping[str, Any], path: Path) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in tables.items():
        section = value if isinstance(value, dict) and name != "concept" else {name: value}
        for key, entry in section.items():
            if key in values:
                raise UsageError(f"{path}: {key} stands in two sections", "keep one of them")
            values[key] = entry
    if not isinstance(values.get("concept", {}), dict):
        raise UsageError(f"{path}: concept must be a table", "write it as [concept]")
    return values


def _set(values: dict[str, Any], override: str) -> None:
    key, sign, text = override.partition("=")
    if not sign:
        raise UsageError(f"--set {override}: not key=value", "for example --set max_train_epochs=4")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    table, dot, inner = key.strip().partition(".")
    if dot:
        values[table] = {**values.get(table, {}), inner: value}
    else:
        values[table] = value
    # the two ways to say how long contradict each other: the one just set replaces the other
    rival = {"max_train_epochs": "max_train_steps", "max_train_steps": "max_train_epochs"}
    values.pop(rival.get(key.strip(), ""), None)


def _from_folder(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    resolved = dict(values)
    for key in PATH_KEYS:
        if isinstance(values.get(key), str):
            resolved[key] = folder / Path(values[key]).expanduser()
    model = values.get(MODEL_KEY)
    # a name that is no file beside the config may be a repository of the Hub
    if isinstance(model, str) and (folder / Path(model).expanduser()).exists():
        resolved[MODEL_KEY] = str(folder / Path(model).expanduser())
    return resolved
