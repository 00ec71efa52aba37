"""What a project's next training is told: read, and changed where it outlives an export.

``train.toml`` of the training folder is what the trainer reads. The recipe's [train] is what the
next export writes there. A change is made in both, so neither takes it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dataprep import layout
from dataprep.buckets import Target
from dataprep.errors import DataprepError
from dataprep.exporting.train_file import EPOCHS, RIVALS, SIZE, change_train_file, sizes, values_of
from dataprep.recipes import remember, training_folder
from dataprep.settings import read_recipe
from dataprep.weights import DEMO, SINGLE_FILES, find_base
from dataprep.weights.bases import bases

BASE = "pretrained_model_name_or_path"
SHOWN = 60
"""So many letters of a base model that is no path are quoted."""
CONCEPT = ("trigger_word", "pruned_tags", "kept_tags", "tagger")
"""What an export knows; nobody chooses it for a run."""
PLACES = {"train_data_dir": layout.IMAGES, "output_dir": "model", "output_name": "lora"}
"""What the export will say; here so that a run can be checked before."""
NOVICE = (
    BASE,
    "clip_skip",
    "network_dim",
    "network_alpha",
    "unet_lr",
    "text_encoder_lr",
    "lr_scheduler",
    "train_batch_size",
    "max_train_epochs",
    "mixed_precision",
)
"""The ten that a beginner may want to change; the rest is right as it is."""
GROUPS: dict[str, tuple[str, ...]] = {
    "base model": (
        BASE,
        "vae",
        "clip_skip",
        "max_token_length",
        "v2",
        "v_parameterization",
        "zero_terminal_snr",
        "tokenizer",
        "model_config_dir",
    ),
    "LoRA": (
        "network_type",
        "network_dim",
        "network_alpha",
        "conv_dim",
        "conv_alpha",
        "unit",
        "dora_wd",
        "rs_lora",
        "network_args",
        "network_dropout",
        "rank_dropout",
        "rank_dropout_scale",
        "module_dropout",
        "scale_weight_norms",
        "block_dims",
        "block_alphas",
        "conv_block_dims",
        "conv_block_alphas",
        "down_lr_weight",
        "mid_lr_weight",
        "up_lr_weight",
        "block_lr_zero_threshold",
        "network_weights",
        "dim_from_weights",
        "base_weights",
        "base_weights_multiplier",
    ),
    "learning": (
        "unet_lr",
        "text_encoder_lr",
        "text_encoder2_lr",
        "stop_text_encoder_training",
        "loraplus_lr_ratio",
        "loraplus_unet_lr_ratio",
        "loraplus_text_encoder_lr_ratio",
        "optimizer_type",
        "optimizer_args",
        "weight_decay",
        "lr_scheduler",
        "lr_warmup_steps",
        "lr_decay_steps",
        "lr_scheduler_num_cycles",
        "lr_scheduler_power",
        "lr_scheduler_timescale",
        "lr_scheduler_min_lr_ratio",
        "max_grad_norm",
        "compat",
    ),
    "length": (
        "train_batch_size",
        "gradient_accumulation_steps",
        "max_train_epochs",
        "max_train_steps",
        "seed",
    ),
    "pictures": (
        "resolution",
        "enable_bucket",
        "min_bucket_reso",
        "max_bucket_reso",
        "bucket_reso_steps",
        "bucket_no_upscale",
        "bucket_merge_crop",
        "flip_aug",
        "color_aug",
        "random_crop",
        "masked_loss",
        "alpha_mask",
        "normalize_masked_area_loss",
        "prior_loss_weight",
    ),
    "captions": (
        "shuffle_caption",
        "keep_tokens",
        "keep_tokens_separator",
        "caption_separator",
        "secondary_separator",
        "enable_wildcard",
        "weighted_captions",
        "caption_prefix",
        "caption_suffix",
        "caption_dropout_rate",
        "caption_dropout_every_n_epochs",
        "caption_tag_dropout_rate",
        "token_warmup_min",
        "token_warmup_step",
        "caption_extension",
    ),
    "noise": (
        "min_snr_gamma",
        "debiased_estimation_loss",
        "scale_v_pred_loss_like_noise_pred",
        "v_pred_like_loss",
        "noise_offset",
        "noise_offset_random_strength",
        "adaptive_noise_scale",
        "multires_noise_iterations",
        "multires_noise_discount",
        "ip_noise_gamma",
        "ip_noise_gamma_random_strength",
        "min_timestep",
        "max_timestep",
        "loss_type",
        "huber_schedule",
        "huber_c",
        "huber_scale",
    ),
    "samples": (
        "sample_prompts",
        "sample_every_n_epochs",
        "sample_every_n_steps",
        "sample_at_first",
    ),
    "machine": (
        "mixed_precision",
        "gradient_checkpointing",
        "device",
        "cache_latents_to_disk",
        "vae_batch_size",
        "no_half_vae",
    ),
    "files": (
        "output_name",
        "save_precision",
        "save_every_n_epochs",
        "save_last_n_epochs",
        "save_every_n_steps",
        "save_last_n_steps",
        "save_state",
        "save_state_on_train_end",
        "save_last_n_epochs_state",
        "save_last_n_steps_state",
        "no_metadata",
        "metadata_title",
        "metadata_author",
        "metadata_description",
        "metadata_license",
        "metadata_tags",
        "metadata_usage_hint",
        "training_comment",
    ),
    "log": (
        "logging_dir",
        "log_with",
        "log_prefix",
        "log_tracker_name",
        "wandb_run_name",
    ),
}
"""Every setting of the trainer that is chosen for a run, by what it is about."""
HIDDEN = (
    "train_data_dir",
    "reg_data_dir",
    "conditioning_data_dir",
    "subsets",
    "output_dir",
    "concept",
    "resume",
)
"""Where the export puts things, and where one run goes on from: nobody chooses that for all."""


def is_exported(root: Path) -> bool:
    """Whether there is a training folder to train on."""
    return (training_folder(root) / layout.TRAIN_FILE).is_file()


def read(root: Path, decided: Target | None = None) -> dict[str, Any]:
    """What the next run is told, by key: ``train.toml``, or what an export would begin it with.

    ``decided`` is the size that the pictures were cut to (``target.read``).
    Raises ``DataprepError`` for a file that is no TOML.
    """
    path = training_folder(root) / layout.TRAIN_FILE
    if path.is_file():
        values = values_of(path)
        return {key: value for key, value in values.items() if key not in CONCEPT}
    recipe = read_recipe(root)
    values = {"resolution": SIZE, **sizes(decided), **recipe.get("train", {})}
    if base := recipe.get("export", {}).get("base"):
        values[BASE] = _found(base) or base
    if "max_train_steps" not in values:
        values.setdefault("max_train_epochs", EPOCHS)
    return {**PLACES, **values}


def change(root: Path, changes: Mapping[str, Any]) -> None:
    """Change settings of the next run, and of those after later exports. None takes one out.

    Raises ``DataprepError`` for a file that cannot be read as TOML.
    """
    changes = {**_rivals_gone(changes), **changes}
    path = training_folder(root) / layout.TRAIN_FILE
    recipe = {key: value for key, value in changes.items() if key != BASE}
    if recipe:
        remember(root, "train", recipe)
    if BASE in changes:
        # where the export looks for it first; an older line of [train] must not speak against it
        remember(root, "export", {"base": changes[BASE]})
        if BASE in read_recipe(root).get("train", {}):
            remember(root, "train", {BASE: None})
    if path.is_file():
        base = {BASE: find_base(changes[BASE])} if changes.get(BASE) else {}
        change_train_file(path, {**changes, **base})


def _rivals_gone(changes: Mapping[str, Any]) -> dict[str, None]:
    set_ones = [key for key, value in changes.items() if value is not None]
    return {RIVALS[key]: None for key in set_ones if key in RIVALS}


def changed(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Values with these changes, without what they take out."""
    merged = {**values, **_rivals_gone(changes), **changes}
    return {key: value for key, value in merged.items() if value is not None}


def grouped(keys: Iterable[str]) -> dict[str, list[str]]:
    """All settings that are chosen for a run, by group; none of the trainer's is forgotten."""
    there = [key for key in keys if key not in HIDDEN]
    placed = {key for members in GROUPS.values() for key in members}
    rest = [key for key in there if key not in placed]
    groups = {name: [key for key in members if key in there] for name, members in GROUPS.items()}
    groups["more"] = rest
    return {name: members for name, members in groups.items() if members}


def next_base(current: str, by: int) -> str:
    """The base model before or after this one among those on this machine."""
    found = [model.value for model in bases()]
    places = [find_base(value) for value in found]
    here = _found(current) if current else ""
    return found[(places.index(here) + by) % len(found) if here in places else 0]


def base_name(value: str) -> str:
    """A base model as a person calls it: of a folder or file its own name says enough."""
    if value and value == _found(DEMO):
        return DEMO
    path = Path(value)
    return path.name if path.suffix.lower() in SINGLE_FILES or _is_dir(path) else value


def base_error(value: str, folder: Path) -> str:
    """Why a base model cannot be meant, seen from the folder of train.toml; empty: it can."""
    try:
        beside = folder / value
        find_base(str(beside) if beside.exists() else value)
    except DataprepError as error:
        return error.message
    except (OSError, ValueError) as error:
        return f"{value[:SHOWN]}: {error.strerror if isinstance(error, OSError) else error}"
    return ""


def _found(value: str) -> str:
    """Where a base model lies, or its name on the Hub; empty where it cannot be meant."""
    try:
        return find_base(value)
    except (DataprepError, OSError, ValueError):
        return ""


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # what is being typed may be longer than any system's paths
