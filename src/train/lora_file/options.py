"""The settings of a run in the keys that sd-scripts has for them."""

from __future__ import annotations

from typing import Any

from train.config import TrainConfig
from train.models.base import Base
from train.networks import files_module
from train.networks.ranks import conv_alpha

LYCORIS = "lycoris.kohya"
AS_THEY_ARE = (
    "unet_lr",
    "lr_scheduler",
    "lr_warmup_steps",
    "max_grad_norm",
    "gradient_checkpointing",
    "gradient_accumulation_steps",
    "mixed_precision",
    "seed",
    "prior_loss_weight",
    "min_snr_gamma",
    "adaptive_noise_scale",
    "noise_offset_random_strength",
    "ip_noise_gamma_random_strength",
    "loss_type",
    "huber_schedule",
    "huber_c",
    "huber_scale",
    "scale_weight_norms",
    "enable_bucket",
    "bucket_no_upscale",
    "min_bucket_reso",
    "max_bucket_reso",
    "shuffle_caption",
    "keep_tokens",
    "caption_dropout_rate",
    "caption_dropout_every_n_epochs",
    "caption_tag_dropout_rate",
    "flip_aug",
    "color_aug",
    "random_crop",
)
"""Settings whose key is their name after ``ss_``."""
NONE_AT_ZERO = ("noise_offset", "multires_noise_iterations", "ip_noise_gamma", "training_comment")
"""Settings that sd-scripts calls None where we say 0 or nothing."""
NETWORK_OPTIONS = (
    "block_dims",
    "block_alphas",
    "conv_block_dims",
    "conv_block_alphas",
    "down_lr_weight",
    "mid_lr_weight",
    "up_lr_weight",
    "block_lr_zero_threshold",
    "rank_dropout",
    "rank_dropout_scale",
    "module_dropout",
    "loraplus_lr_ratio",
    "loraplus_unet_lr_ratio",
    "loraplus_text_encoder_lr_ratio",
    "dora_wd",
    "rs_lora",
)
"""Settings that sd-scripts and LyCORIS are given as network_args."""


def options(config: TrainConfig, base: Base) -> dict[str, Any]:
    """What was set for learning, noise, loss, pictures and captions, by ``ss_*`` keys."""
    width, height = config.resolution
    return {
        **{f"ss_{name}": getattr(config, name) for name in AS_THEY_ARE},
        **{f"ss_{name}": getattr(config, name) or None for name in NONE_AT_ZERO},
        "ss_learning_rate": config.unet_lr,
        "ss_text_encoder_lr": _text_encoder_lr(config, base),
        "ss_optimizer": _optimizer(config),
        "ss_debiased_estimation": config.debiased_estimation_loss,
        "ss_multires_noise_discount": config.multires_noise_discount,
        "ss_zero_terminal_snr": base.zero_terminal_snr,
        # SDXL has its own layers, and sd-scripts says None for a length of 75
        "ss_clip_skip": None if base.family == "sdxl" else config.clip_skip,
        "ss_max_token_length": None if config.max_token_length == 75 else config.max_token_length,
        "ss_resolution": f"({width}, {height})",
    }


def _text_encoder_lr(config: TrainConfig, base: Base) -> Any:
    rates = [config.rates[part] for part in base.facts.text_parts]
    return rates[0] if len(set(rates)) == 1 else rates


def _optimizer(config: TrainConfig) -> str:
    # with compat = "kohya" it is the optimizer's own unless it was set
    is_own = config.is_kohya and "weight_decay" not in config.model_fields_set
    decay = () if is_own else (f"weight_decay={config.weight_decay}",)
    return f"{config.optimizer_type}({','.join((*decay, *config.optimizer_args))})"


def network_args(config: TrainConfig) -> dict[str, str]:
    """What the network's module is given beside dim and alpha; texts, as sd-scripts keeps them."""
    values: dict[str, Any] = {name: getattr(config, name) for name in NETWORK_OPTIONS}
    own = {**_algo(config), **_convs(config), **{key: _arg(v) for key, v in values.items() if v}}
    given = dict(pair.split("=", 1) for pair in config.network_args)
    return {**own, **given}


def _algo(config: TrainConfig) -> dict[str, str]:
    if config.network_type == "dylora":
        return {"unit": str(config.unit)}
    by_lycoris = files_module(config) == LYCORIS and config.network_type != "lycoris"
    return {"algo": config.network_type} if by_lycoris else {}


def _convs(config: TrainConfig) -> dict[str, str]:
    dim = config.conv_dim
    if dim is None and config.network_type == "locon":
        dim = config.network_dim
    if dim is None:
        # LyCORIS would train them at network_dim where nothing is said
        return {"conv_dim": "0"} if files_module(config) == LYCORIS else {}
    return {"conv_dim": str(dim), "conv_alpha": str(conv_alpha(config, dim))}


def _arg(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
