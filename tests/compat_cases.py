"""The files in ``compat_files``, each with what a LoRA that was trained from it has to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from train.families import Family

STEPS = "max_train_steps=3"
FLOAT = "mixed_precision=no"
"""fp16 is for GPUs only."""


@dataclass(frozen=True)
class Case:
    """A file, the base that it is for, and what the LoRA's metadata is to say (ss_ left out)."""

    name: str
    lora: str
    says: Mapping[str, str]
    family: Family = "sd1"
    prediction: str = "epsilon"
    overrides: tuple[str, ...] = (STEPS,)
    report: tuple[str, ...] = ()
    """Lines of the report, or parts of them."""
    quick: bool = False
    """Whether its run by the command is part of the short suite."""


CASES = (
    Case(
        "easy.json",
        "lora/model/zumi_v2.safetensors",
        {
            "network_dim": "32",
            "network_alpha": "16.0",
            "unet_lr": "0.0001",
            "text_encoder_lr": "5e-05",
            "optimizer": "AdamW8bit(weight_decay=0.01)",
            "lr_scheduler": "cosine_with_restarts",
            "lr_warmup_steps": "0.05",
            "clip_skip": "2",
            "keep_tokens": "1",
            "shuffle_caption": "True",
            "max_token_length": "150",
            "seed": "1234",
            "prior_loss_weight": "0.8",
            "bucket_no_upscale": "True",
            "resolution": "(64, 96)",
            "reg_dataset_dirs": '{"reg/1_girl": {"n_repeats": 1, "img_count": 4}}',
            "training_comment": "trigger: zumi // see {notes},]",
        },
        report=("  max_train_epochs, resume, lora_network_weights, model_list,",),
        quick=True,
    ),
    Case(
        "easy_saved.json",
        "lora/out/zumi.safetensors",
        {
            "network_dim": "16",
            "network_alpha": "8.0",
            "learning_rate": "0.0001",
            "text_encoder_lr": "0.0001",
            "optimizer": "Lion(weight_decay=0.0,betas=0.9,0.99)",
            "lr_scheduler": "cosine",
            "lr_warmup_steps": "0.1",
            "keep_tokens": "1",
            "seed": "7",
            "max_token_length": "150",
            "tag_frequency": '{"2_zumi": {"background": 4, "circle": 4, "zumi": 4, '
            '"red": 2, "blue": 1, "green": 1}}',
        },
        overrides=(STEPS, FLOAT),
        report=("in its own names",),
    ),
    Case(
        "kohya_ss.json",
        "lora/model/zumi_xl.safetensors",
        {
            "network_module": "lycoris.kohya",
            "network_args": '{"algo": "locon", "conv_dim": "8", "conv_alpha": "4.0", '
            '"module_dropout": "0.1", "dora_wd": "True"}',
            "optimizer": "AdamW8bit(weight_decay=0.1,betas=0.9,0.99)",
            "unet_lr": "0.0003",
            "text_encoder_lr": "0.0",
            "max_grad_norm": "0.5",
            "min_snr_gamma": "5.0",
            "noise_offset": "0.0357",
            "scale_weight_norms": "1.0",
            "caption_dropout_rate": "0.05",
            "zero_terminal_snr": "True",
            "base_model_version": "sdxl_base_v1-0",
            "gradient_checkpointing": "True",
        },
        "sdxl",
        "v_prediction",
        report=(
            "2 not done",
            "  sample_prompts --ss: samples have no such option\n",
            "  a_key_of_long_ago\n",
            "  epoch = 12 ",
        ),
    ),
    Case(
        "lora_scripts.toml",
        "output/zumi.safetensors",
        {
            "network_dim": "32",
            "network_alpha": "16.0",
            "text_encoder_lr": "1e-05",
            "optimizer": "AdamW8bit(weight_decay=0.01)",
            "clip_skip": "2",
            "keep_tokens": "0",
            "max_token_length": "225",
            "seed": "1337",
        },
        overrides=(STEPS, FLOAT),
        report=("a TOML file of lora-scripts", "  sample_sampler: samples are drawn with DDIM"),
    ),
    Case(
        "train.sh",
        "output/zumi.safetensors",
        {
            "network_module": "lycoris.kohya",
            "network_args": '{"algo": "loha", "conv_dim": "4", "conv_alpha": "2.0"}',
            "network_dim": "32",
            "min_snr_gamma": "5.0",
            "lr_warmup_steps": "20",
            "clip_skip": "2",
            "seed": "2023",
            "resolution": "(64, 96)",
        },
        report=("train.sh of lora-scripts", "  lr_restart_cycles = 2 "),
    ),
    Case(
        "train.ps1",
        "output/zumi.safetensors",
        {
            "network_module": "networks.lora",
            "network_dim": "32",
            "network_alpha": "32.0",
            "unet_lr": "0.0001",
            "text_encoder_lr": "0.0",
            "noise_offset": "0.0357",
            "min_snr_gamma": "5.0",
            "keep_tokens": "1",
            "base_model_version": "sdxl_base_v1-0",
        },
        "sdxl",
        report=("(UTF-8 with a mark)", "  text_encoder_lr: train_unet_only is on"),
    ),
    Case(
        "train_old.ps1",
        "output/zumi.safetensors",
        {
            "network_dim": "32",
            "network_alpha": "32.0",
            "unet_lr": "5e-05",
            "text_encoder_lr": "6e-06",
            "optimizer": "Lion(weight_decay=0.0)",
            "lr_warmup_steps": "50",
            "clip_skip": "2",
            "max_token_length": "225",
            "keep_tokens": "0",
        },
        overrides=(STEPS, FLOAT),
        report=("(GBK)", "  use_lion = 1 "),
        quick=True,
    ),
    Case(
        "command_bash.txt",
        "lora/out put/zumi.safetensors",
        {
            "network_module": "networks.lora",
            "network_args": '{"conv_dim": "8", "conv_alpha": "4.0", "rank_dropout": "0.1", '
            '"rank_dropout_scale": "True"}',
            "optimizer": "AdamW8bit(weight_decay=0.05,betas=0.9,0.99)",
            "lr_scheduler": "cosine",
            "noise_offset": "0.05",
            "adaptive_noise_scale": "-0.01",
            "keep_tokens": "1",
            "bucket_no_upscale": "True",
            "num_train_images": "48",
            "num_reg_images": "48",
            "reg_dataset_dirs": '{"reg/reg": {"n_repeats": 1, "img_count": 4}}',
        },
        report=(
            "2 not done, 1 not known",
            "  networkdim (did you mean network_dim?)\n",
            "  fp8_base: the base model is kept",
        ),
    ),
    Case(
        "command_powershell.txt",
        "My Loras/zumi/out/zumi_xl.safetensors",
        {
            "network_module": "lycoris.kohya",
            "network_args": '{"conv_dim": "8", "conv_alpha": "8.0", "algo": "lokr", "factor": "8"}',
            "optimizer": "Prodigy(weight_decay=0.01,decouple=True)",
            "unet_lr": "1.0",
            "text_encoder_lr": "0.0",
            "keep_tokens": "1",
            "base_model_version": "sdxl_base_v1-0",
            "reg_dataset_dirs": '{"reg/1_girl": {"n_repeats": 1, "img_count": 4}}',
        },
        "sdxl",
        report=("  network_train_unet_only = True ", "  sdpa: attention is torch's own"),
        quick=True,
    ),
    Case(
        "sd_scripts.toml",
        "out/zumi.safetensors",
        {
            "network_module": "networks.dylora",
            "network_args": '{"unit": "4", "module_dropout": "0.1"}',
            "optimizer": "Adafactor(weight_decay=0.0,relative_step=False,scale_parameter=False,"
            "warmup_init=False)",
            "unet_lr": "0.0002",
            "text_encoder_lr": "1e-05",
            "base_model_version": "sd_v2_v",
            "v2": "True",
            "max_token_length": "None",
        },
        "sd2",
        "v_prediction",
        report=("  network_dimm (did you mean network_dim?)\n", "  validation_split: no pictures"),
    ),
)
