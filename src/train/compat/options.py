"""The names of sd-scripts' options, and how they stand on a command line."""

from __future__ import annotations

import difflib

from train.compat.reasons import IGNORED, REFUSED
from train.compat.rules import RULES

TOGETHER = (
    "v2",
    "v_parameterization",
    "zero_terminal_snr",
    "caption_extention",
    "metadata_trigger_phrase",
    "sample_prompts",
    "learning_rate",
    "unet_lr",
    "text_encoder_lr",
    "network_train_unet_only",
    "network_train_text_encoder_only",
    "optimizer_type",
    "optimizer_args",
    "use_8bit_adam",
    "use_lion_optimizer",
    "lr_scheduler",
    "lr_warmup_steps",
    "max_train_epochs",
    "max_train_steps",
    "seed",
    "save_n_epoch_ratio",
    "save_model_as",
    "network_module",
    "network_args",
    "network_dim",
    "network_alpha",
    "dataset_config",
)
"""Options that a function looks at together with others."""
KNOWN = frozenset((*RULES, *IGNORED, *REFUSED, *TOGETHER))

LISTS = frozenset(
    (
        "optimizer_args",
        "network_args",
        "lr_scheduler_args",
        "text_encoder_lr",
        "base_weights",
        "base_weights_multiplier",
    )
)
"""Options that take all words up to the next option."""
FLAGS = frozenset(
    [
        "v2",
        "v_parameterization",
        "zero_terminal_snr",
        "cache_info",
        "shuffle_caption",
        "enable_wildcard",
        "color_aug",
        "flip_aug",
        "random_crop",
        "debug_dataset",
        "cache_latents",
        "cache_latents_to_disk",
        "skip_cache_check",
        "enable_bucket",
        "bucket_no_upscale",
        "alpha_mask",
        "save_state_to_huggingface",
        "resume_from_huggingface",
        "async_upload",
        "save_state",
        "save_state_on_train_end",
        "mem_eff_attn",
        "torch_compile",
        "xformers",
        "sdpa",
        "persistent_data_loader_workers",
        "gradient_checkpointing",
        "full_fp16",
        "full_bf16",
        "fp8_base",
        "ddp_gradient_as_bucket_view",
        "ddp_static_graph",
        "log_config",
        "noise_offset_random_strength",
        "ip_noise_gamma_random_strength",
        "lowram",
        "highvram",
        "sample_at_first",
        "output_config",
        "masked_loss",
        "deepspeed",
        "zero3_init_flag",
        "zero3_save_16bit_model",
        "fp16_master_weights_and_gradients",
        "use_8bit_adam",
        "use_lion_optimizer",
        "fused_backward_pass",
        "scale_v_pred_loss_like_noise_pred",
        "debiased_estimation_loss",
        "weighted_captions",
        "cpu_offload_checkpointing",
        "no_metadata",
        "fp8_base_unet",
        "network_train_unet_only",
        "network_train_text_encoder_only",
        "dim_from_weights",
        "no_half_vae",
        "skip_until_initial_step",
        "cache_text_encoder_outputs",
        "cache_text_encoder_outputs_to_disk",
        "disable_mmap_load_safetensors",
        "console_log_simple",
    ]
)
"""Options that take no word."""


def full_name(name: str) -> str:
    """An option by its beginning, where only one begins so, as sd-scripts takes it."""
    if name in KNOWN:
        return name
    found = [known for known in KNOWN if known.startswith(name)]
    return found[0] if len(found) == 1 else name


def nearest(name: str) -> str:
    """The option that a name resembles most, or none."""
    return next(iter(difflib.get_close_matches(name, sorted(KNOWN), n=1)), "")
