"""What a LoRA file says about itself, in kohya's keys (``ss_*``) and Stability's (modelspec)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from train.config import TrainConfig
from train.config.reading import MODEL_KEYS, PATH_KEYS, SAMPLE_KEYS, SUBSET_PATH_KEYS
from train.data.item import Item
from train.lora_file.modelspec import modelspec
from train.lora_file.options import network_args, options
from train.lora_file.tags import ar_error, folders, tag_frequency
from train.models.base import Base
from train.networks import files_module
from train.plan import Plan

CONFIG_KEY = "lora_dataprep_config"
"""The metadata entry with the whole config as JSON; ``TrainConfig`` reads it back."""
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
NEEDED = (
    "ss_v2",
    "ss_base_model_version",
    "ss_network_module",
    "ss_network_dim",
    "ss_network_alpha",
    "ss_network_args",
)
"""What ``no_metadata`` leaves: by these programs tell which base a LoRA is for."""


def metadata(
    config: TrainConfig,
    base: Base,
    items: Sequence[Item],
    plan: Plan,
    *,
    epoch: int,
    step: int,
    started_at: float,
) -> dict[str, str]:
    """All that a file says about itself: texts, nested values as JSON, nothing as "None".

    ``started_at`` is in seconds since 1970. Keys and values are those of sd-scripts
    (train_network.py) and of modelspec 1.0.1. Left out is what would make equal runs give
    different files: the session's number and when the run ended.
    """
    values: dict[str, Any] = {
        **_model(config, base),
        **_network(config),
        **_run(config, items, plan, epoch, step, started_at),
        **options(config, base),
        **_pictures(config, items, plan),
        **modelspec(config, base, started_at),
        CONFIG_KEY: _shareable(config),
    }
    if config.no_metadata:
        values = {key: values[key] for key in NEEDED}
    return {key: _text(value) for key, value in values.items()}


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _model(config: TrainConfig, base: Base) -> dict[str, Any]:
    values: dict[str, Any] = {
        "ss_base_model_version": version(base),
        "ss_v2": base.family == "sd2",
        "ss_sd_model_name": leaf(config.pretrained_model_name_or_path),
        **base.hashes,
    }
    return {**values, "ss_vae_name": leaf(config.vae)} if config.vae else values


def version(base: Base) -> str:
    """kohya's word for a family: sd_v1, sd_v2, each with _v for velocity, sdxl_base_v1-0."""
    if base.family == "sdxl":
        return "sdxl_base_v1-0"
    plain = {"sd1": "sd_v1", "sd2": "sd_v2"}[base.family]
    return f"{plain}_v" if base.prediction_type == "v_prediction" else plain


def leaf(name: str) -> str:
    """A path without its folders; a name on the Hub whole."""
    path = Path(name)
    return name if HUB_NAME.fullmatch(name) and not path.exists() else path.name


def _network(config: TrainConfig) -> dict[str, Any]:
    return {
        "ss_network_module": files_module(config),
        "ss_network_dim": config.network_dim,
        "ss_network_alpha": config.network_alpha,
        "ss_network_dropout": config.network_dropout or None,
        "ss_network_args": network_args(config) or None,
        "ss_output_name": config.output_name,
    }


def _run(
    config: TrainConfig,
    items: Sequence[Item],
    plan: Plan,
    epoch: int,
    step: int,
    started_at: float,
) -> dict[str, Any]:
    learned = sum(item.repeats for item in items if not item.is_reg)
    return {
        "ss_training_started_at": started_at,
        "ss_epoch": epoch,
        "ss_steps": step,
        "ss_num_epochs": plan.epochs,
        "ss_max_train_steps": plan.steps,
        "ss_num_batches_per_epoch": sum(plan.batch_sizes.values()),
        "ss_num_train_images": learned,
        "ss_num_reg_images": sum(plan.buckets.values()) - learned,
        "ss_batch_size_per_device": config.train_batch_size,
        "ss_total_batch_size": config.train_batch_size * config.gradient_accumulation_steps,
    }


def _pictures(config: TrainConfig, items: Sequence[Item], plan: Plan) -> dict[str, Any]:
    learned = [item for item in items if not item.is_reg]
    buckets: dict[str, Any] = {
        "buckets": {
            str(number): {"resolution": [width, height], "count": uses}
            for number, ((width, height), uses) in enumerate(plan.buckets.items())
        }
    }
    error = ar_error(items)
    return {
        # the tags of regularization images are not what the LoRA is called by
        "ss_tag_frequency": {
            folder: tag_frequency([item.caption for item in found], config.caption_separator)
            for folder, found in folders(learned).items()
        },
        "ss_dataset_dirs": _folders([item for item in items if not item.is_reg]),
        "ss_reg_dataset_dirs": _folders([item for item in items if item.is_reg]),
        "ss_bucket_info": buckets if error is None else {**buckets, "mean_img_ar_error": error},
    }


def _folders(items: Sequence[Item]) -> dict[str, dict[str, int]]:
    return {
        folder: {"n_repeats": found[0].repeats, "img_count": len(found)}
        for folder, found in folders(items).items()
    }


def _shareable(config: TrainConfig) -> dict[str, Any]:
    """The config with folder names cut off paths: a LoRA is passed on, a home folder is not.

    What was drawn on the way is left out, and that the run was taken up again: neither changes
    anything of what was learned.
    """
    values: dict[str, Any] = config.model_dump(mode="json", exclude={*SAMPLE_KEYS, "resume"})
    return {
        **values,
        **_cut(values, PATH_KEYS),
        **{key: leaf(values[key]) for key in MODEL_KEYS if values[key]},
        "base_weights": [Path(name).name for name in values["base_weights"]],
        "subsets": [{**subset, **_cut(subset, SUBSET_PATH_KEYS)} for subset in values["subsets"]],
    }


def _cut(values: dict[str, Any], keys: Sequence[str]) -> dict[str, str]:
    return {key: Path(values[key]).name for key in keys if values.get(key)}
