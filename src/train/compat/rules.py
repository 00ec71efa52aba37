"""Options of sd-scripts that are one key of ours each; most have the same name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from train.compat.translation import Translation
from train.compat.values import (
    Convert,
    extension,
    flag,
    listed,
    number,
    numbers,
    resolution,
    text,
    whole,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """How one option becomes one key."""

    convert: Convert
    key: str = ""
    """Our key; left out: it has the same name."""
    zero_is_off: bool = False
    """0 means that the option is not used, which is said by leaving our key out."""


TEXT = Rule(text)
FLAG = Rule(flag)
NUMBER = Rule(number)
WHOLE = Rule(whole)
STRENGTH = Rule(number, zero_is_off=True)
COUNT = Rule(whole, zero_is_off=True)

RULES: Mapping[str, Rule] = {
    "pretrained_model_name_or_path": TEXT,
    "vae": TEXT,
    "clip_skip": COUNT,
    "max_token_length": COUNT,
    "train_data_dir": TEXT,
    "reg_data_dir": TEXT,
    "prior_loss_weight": NUMBER,
    "resolution": Rule(resolution),
    "enable_bucket": FLAG,
    "min_bucket_reso": WHOLE,
    "max_bucket_reso": WHOLE,
    "bucket_reso_steps": WHOLE,
    "bucket_no_upscale": FLAG,
    "flip_aug": FLAG,
    "color_aug": FLAG,
    "random_crop": FLAG,
    "masked_loss": FLAG,
    "conditioning_data_dir": TEXT,
    "alpha_mask": FLAG,
    "caption_extension": Rule(extension),
    "shuffle_caption": FLAG,
    "keep_tokens": WHOLE,
    "keep_tokens_separator": TEXT,
    "caption_separator": TEXT,
    "secondary_separator": TEXT,
    "enable_wildcard": FLAG,
    "caption_prefix": TEXT,
    "caption_suffix": TEXT,
    "caption_dropout_rate": NUMBER,
    "caption_dropout_every_n_epochs": WHOLE,
    "caption_tag_dropout_rate": NUMBER,
    "token_warmup_min": COUNT,
    "token_warmup_step": NUMBER,
    "weighted_captions": FLAG,
    "network_weights": TEXT,
    "dim_from_weights": FLAG,
    "base_weights": Rule(listed),
    "base_weights_multiplier": Rule(numbers),
    "network_dropout": NUMBER,
    "scale_weight_norms": STRENGTH,
    "train_batch_size": WHOLE,
    "gradient_accumulation_steps": COUNT,
    "stop_text_encoder_training": COUNT,
    "lr_decay_steps": NUMBER,
    "lr_scheduler_num_cycles": COUNT,
    "lr_scheduler_power": STRENGTH,
    "lr_scheduler_timescale": COUNT,
    "lr_scheduler_min_lr_ratio": NUMBER,
    "max_grad_norm": NUMBER,
    "loraplus_lr_ratio": STRENGTH,
    "loraplus_unet_lr_ratio": STRENGTH,
    "loraplus_text_encoder_lr_ratio": STRENGTH,
    "min_snr_gamma": STRENGTH,
    "debiased_estimation_loss": FLAG,
    "scale_v_pred_loss_like_noise_pred": FLAG,
    "v_pred_like_loss": NUMBER,
    "noise_offset": NUMBER,
    "noise_offset_random_strength": FLAG,
    "adaptive_noise_scale": STRENGTH,
    "multires_noise_iterations": WHOLE,
    "multires_noise_discount": NUMBER,
    "ip_noise_gamma": NUMBER,
    "ip_noise_gamma_random_strength": FLAG,
    "min_timestep": WHOLE,
    "max_timestep": COUNT,
    "loss_type": TEXT,
    "huber_schedule": TEXT,
    "huber_c": STRENGTH,
    "huber_scale": STRENGTH,
    "output_dir": TEXT,
    "output_name": TEXT,
    "mixed_precision": TEXT,
    "no_half_vae": FLAG,
    "gradient_checkpointing": FLAG,
    "cache_latents_to_disk": FLAG,
    "vae_batch_size": COUNT,
    "save_every_n_epochs": WHOLE,
    "save_every_n_steps": WHOLE,
    "save_last_n_epochs": COUNT,
    "save_last_n_steps": COUNT,
    "save_precision": TEXT,
    "save_state": FLAG,
    "save_state_on_train_end": FLAG,
    "save_last_n_epochs_state": COUNT,
    "save_last_n_steps_state": COUNT,
    "no_metadata": FLAG,
    "training_comment": TEXT,
    "metadata_title": TEXT,
    "metadata_author": TEXT,
    "metadata_description": TEXT,
    "metadata_license": TEXT,
    "metadata_tags": Rule(listed),
    "metadata_usage_hint": TEXT,
    "logging_dir": TEXT,
    "log_with": TEXT,
    "log_prefix": TEXT,
    "log_tracker_name": TEXT,
    "wandb_run_name": TEXT,
    "sample_at_first": FLAG,
    "sample_every_n_epochs": COUNT,
    "sample_every_n_steps": COUNT,
}


def apply(sheet: Translation) -> None:
    """Take every option that is one key of ours."""
    for option, rule in RULES.items():
        if option not in sheet.done and sheet.has(option):
            value = sheet.get(option, rule.convert)
            if rule.zero_is_off and not value:
                sheet.ignore(option, "0: off")
            else:
                sheet.put(option, rule.key or option, value)


DEFAULTS: tuple[tuple[str, str, object], ...] = (
    ("caption_extension", ".caption", ".caption"),
    ("shuffle_caption", "off", False),
    ("keep_tokens", "0", 0),
    ("max_token_length", "75", 75),
    ("enable_bucket", "off", False),
    ("save_every_n_epochs", "at the end only", 0),
    ("save_precision", "float", "float"),
    ("output_name", "last", "last"),
)
"""Where sd-scripts does something else than we do when it is told nothing."""
BUCKETS = (("min_bucket_reso", 256), ("max_bucket_reso", 1024), ("bucket_reso_steps", 64))


def defaults(sheet: Translation) -> None:
    """What sd-scripts would do where the file is silent and our default is another."""
    for key, said, value in DEFAULTS:
        if key not in sheet.values:
            sheet.assume(key, said, key, value)
    if not sheet.has("seed"):
        sheet.assume("seed", "a random one; here always the same", "seed", 42)
    sides = sheet.values.get("resolution")
    if sides and sheet.values.get("enable_bucket"):
        _buckets(sheet, sides)


def _buckets(sheet: Translation, sides: list[int]) -> None:
    """kohya's limits, unless they cannot go with the resolution: it would refuse them too."""
    fits = {
        "min_bucket_reso": min(sides) >= 256,
        "max_bucket_reso": max(sides) <= 1024,
        "bucket_reso_steps": min(sides) >= 64,
    }
    for key, value in BUCKETS:
        if key not in sheet.values and fits[key]:
            sheet.assume(key, str(value), key, value)
