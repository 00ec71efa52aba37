"""lora-scripts' train.sh and train.ps1: variables at the top, and the command that uses them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dataprep.errors import UsageError
from train.compat import command_line
from train.compat.foreign import Foreign, Source
from train.compat.report import Left
from train.compat.values import ON, shown

SHELL = re.compile(r"^(\w+)=(\"[^\"\n]*\"|'[^'\n]*'|[^\s#;]*)", re.MULTILINE)
POWERSHELL = re.compile(r"^\$(\w+)\s*=\s*(\"[^\"\n]*\"|'[^'\n]*'|[^\s#;]*)", re.MULTILINE)

OPTION_OF: Mapping[str, str] = {
    "pretrained_model": "pretrained_model_name_or_path",
    "is_v2_model": "v2",
    "parameterization": "v_parameterization",
    "train_data_dir": "train_data_dir",
    "reg_data_dir": "reg_data_dir",
    "network_module": "network_module",
    "network_weights": "network_weights",
    "network_dim": "network_dim",
    "network_alpha": "network_alpha",
    "resolution": "resolution",
    "batch_size": "train_batch_size",
    "max_train_epoches": "max_train_epochs",
    "max_train_epochs": "max_train_epochs",
    "save_every_n_epochs": "save_every_n_epochs",
    "train_unet_only": "network_train_unet_only",
    "train_text_encoder_only": "network_train_text_encoder_only",
    "stop_text_encoder_training": "stop_text_encoder_training",
    "noise_offset": "noise_offset",
    "keep_tokens": "keep_tokens",
    "min_snr_gamma": "min_snr_gamma",
    "lr": "learning_rate",
    "unet_lr": "unet_lr",
    "text_encoder_lr": "text_encoder_lr",
    "lr_scheduler": "lr_scheduler",
    "lr_warmup_steps": "lr_warmup_steps",
    "lr_restart_cycles": "lr_scheduler_num_cycles",
    "optimizer_type": "optimizer_type",
    "use_8bit_adam": "use_8bit_adam",
    "use_lion": "use_lion_optimizer",
    "output_name": "output_name",
    "save_model_as": "save_model_as",
    "save_state": "save_state",
    "resume": "resume",
    "min_bucket_reso": "min_bucket_reso",
    "max_bucket_reso": "max_bucket_reso",
    "persistent_data_loader_workers": "persistent_data_loader_workers",
    "clip_skip": "clip_skip",
    "multi_gpu": "multi_gpu",
    "lowram": "lowram",
    "wandb_api_key": "wandb_api_key",
    "log_tracker_name": "log_tracker_name",
}
"""Variables of the scripts, old and new, and the option that each becomes."""
LYCORIS_ARGUMENTS = {
    "conv_dim": "conv_dim",
    "conv_alpha": "conv_alpha",
    "algo": "algo",
    "dropout": "dropout",
}
MECHANICS = ("ext_args", "launch_args", "extArgs", "launchArgs", "trainer_file", "launch_script")
OWN = ("model_type", "use_wandb", *LYCORIS_ARGUMENTS)
FIXED: Mapping[str, Any] = {
    "enable_bucket": True,
    "output_dir": "./output",
    "logging_dir": "./logs",
    "mixed_precision": "fp16",
    "save_precision": "fp16",
    "seed": 1337,
    "cache_latents": True,
    "prior_loss_weight": 1,
    "max_token_length": 225,
    "caption_extension": ".txt",
    "xformers": True,
    "shuffle_caption": True,
}
"""What every one of these scripts says in its command, for a text that was cut off before it."""


def variables(text: str) -> dict[str, str]:
    """The variables of a script; the first value counts, later ones stand under conditions."""
    pattern = POWERSHELL if POWERSHELL.search(text) else SHELL
    found: dict[str, str] = {}
    for name, value in pattern.findall(text):
        found.setdefault(name, value.strip().strip("\"'"))
    return found


def recognises(text: str) -> bool:
    """Whether a text sets variables of these scripts."""
    known = [name for name in variables(text) if name in OPTION_OF or name in OWN]
    return len(known) >= 2


def read(source: Source) -> Foreign:
    """The options of the command in the script, and those that it adds under conditions."""
    found = variables(source.text)
    name = (
        "train.ps1 of lora-scripts"
        if POWERSHELL.search(source.text)
        else ("train.sh of lora-scripts")
    )
    has_command = command_line.find(source.text) is not None
    told = {key: value for key, value in found.items() if key not in MECHANICS}
    base = command_line.read(source, told) if has_command else Foreign(name, FIXED)
    added, names, ignored = _from_variables(found, base)
    _model_type(source, found, added)
    options = {**base.options, **added}
    if options.get("v2") in (True, *ON):
        options.pop("clip_skip", None)
        ignored.append(Left("clip_skip", "the script does not pass it on for Stable Diffusion 2"))
    return replace(
        base, source=name, options=options, names=names, ignored=(*base.ignored, *ignored)
    )


def _from_variables(
    found: Mapping[str, str], base: Foreign
) -> tuple[dict[str, Any], dict[str, str], list[Left]]:
    options: dict[str, Any] = {}
    names: dict[str, str] = {}
    ignored = [Left(name, "of the script's own doing") for name in MECHANICS if name in found]
    for name, value in found.items():
        option = OPTION_OF.get(name)
        if option is not None:
            options[option], names[option] = value, name
        elif name not in (*MECHANICS, *OWN) and not name.isupper() and not _is_used(base, value):
            options[name] = value
    if found.get("use_wandb", "").lower() in ON:
        options["log_with"], names["log_with"] = "all", "use_wandb"
    elif "use_wandb" in found:
        ignored.append(Left("use_wandb", "off"))
    ignored += _lycoris(found, options)
    return options, names, ignored


def _is_used(base: Foreign, value: str) -> bool:
    """Whether a variable of a person's own reached the command under some option."""
    return any(value and value in str(given) for given in base.options.values())


def _lycoris(found: Mapping[str, str], options: dict[str, Any]) -> list[Left]:
    """The arguments that the scripts give to LyCORIS, and to no other network."""
    given = {name: found[name] for name in LYCORIS_ARGUMENTS if name in found}
    if found.get("network_module") != "lycoris.kohya":
        return [Left(name, "the script uses it with lycoris.kohya only") for name in given]
    if given:
        options["network_args"] = [f"{name}={value}" for name, value in given.items()]
    return []


def _model_type(source: Source, found: Mapping[str, str], options: dict[str, Any]) -> None:
    kind = found.get("model_type", "sd1.5").lower()
    if kind.startswith("sd2"):
        options["v2"] = True
    elif kind not in ("sd1.5", "sdxl", ""):
        raise UsageError(
            f"{source.path}: model_type {shown(kind)} cannot be trained here",
            "Stable Diffusion 1, 2 and XL can",
        )
