"""The LoRA file: kohya's safetensors with the metadata that other programs read."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize

from dataprep import files
from dataprep.errors import DataprepError
from train.config import TrainConfig
from train.config.reading import MODEL_KEY, PATH_KEYS, SAMPLE_KEYS
from train.data import Dataset
from train.networks import KOHYA_MODULES
from train.plan import Plan

DTYPES = {"float": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
CONFIG_KEY = "lora_dataprep_config"
"""The metadata entry with the whole config as JSON; ``TrainConfig`` reads it back."""


def save(
    path: Path, weights: Mapping[str, torch.Tensor], metadata: Mapping[str, str], precision: str
) -> None:
    """Write the file whole or not at all; the same weights and metadata give the same bytes."""
    stored = {
        key: value.detach().to("cpu", DTYPES[precision]).contiguous()
        for key, value in weights.items()
    }
    only_kohya = {key: value for key, value in metadata.items() if key.startswith("ss_")}
    hashes = model_hashes(_bytes(stored, only_kohya))
    files.write_bytes(path, _bytes(stored, {**metadata, **hashes}))


def load(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The weights and the metadata of a file. Raises ``DataprepError``."""
    try:
        with safe_open(path, framework="pt") as opened:
            names = list(opened.keys())
            return {name: opened.get_tensor(name) for name in names}, opened.metadata() or {}
    except FileNotFoundError:
        raise DataprepError(f"{path}: no such LoRA file") from None
    except (SafetensorError, OSError) as error:
        raise DataprepError(f"{path}: not a safetensors file ({error})") from None


def _bytes(weights: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> bytes:
    """The safetensors form with its metadata in order (the library's changes from run to run)."""
    raw = serialize(dict(weights), dict(metadata))
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    header["__metadata__"] = dict(sorted(metadata.items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + raw[8 + length :]


def model_hashes(raw: bytes) -> dict[str, str]:
    """The two hashes by which A1111 and its kin know a LoRA again."""
    begin = 8 + int.from_bytes(raw[:8], "little")
    return {
        "sshs_model_hash": hashlib.sha256(raw[begin:]).hexdigest(),
        "sshs_legacy_hash": hashlib.sha256(raw[0x100000:0x110000]).hexdigest()[:8],
    }


def metadata(
    config: TrainConfig,
    dataset: Dataset,
    plan: Plan,
    *,
    epoch: int,
    step: int,
    started_at: float,
    prediction_type: str = "epsilon",
) -> dict[str, str]:
    """What the file says about itself: all strings, nested values as JSON."""
    values = {
        **_network(config),
        **_run(config, plan, epoch, step, started_at),
        **_dataset(dataset, plan),
        **_modelspec(config, started_at, prediction_type),
        CONFIG_KEY: _shareable(config),
    }
    return {key: _text(value) for key, value in values.items()}


def _shareable(config: TrainConfig) -> dict[str, Any]:
    """The config with folder names cut off paths: a LoRA is passed on, a home folder is not.

    What was drawn on the way is left out: it changes nothing of what was learned.
    """
    values: dict[str, Any] = config.model_dump(mode="json", exclude=set(SAMPLE_KEYS))
    return {
        **values,
        **{key: Path(values[key]).name for key in (*PATH_KEYS, MODEL_KEY) if values[key]},
    }


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _network(config: TrainConfig) -> dict[str, Any]:
    return {
        "ss_base_model_version": "sd_v1",
        "ss_v2": False,
        "ss_network_module": KOHYA_MODULES["lora"],
        "ss_network_dim": config.network_dim,
        "ss_network_alpha": config.network_alpha,
        "ss_network_args": None,
        "ss_output_name": config.output_name,
        "ss_sd_model_name": Path(config.pretrained_model_name_or_path).name,
        "ss_clip_skip": config.clip_skip,
    }


def _run(
    config: TrainConfig, plan: Plan, epoch: int, step: int, started_at: float
) -> dict[str, Any]:
    return {
        "ss_training_started_at": started_at,
        "ss_epoch": epoch,
        "ss_steps": step,
        "ss_num_epochs": plan.epochs,
        "ss_max_train_steps": plan.steps,
        "ss_num_batches_per_epoch": plan.steps_per_epoch,
        "ss_num_train_images": sum(plan.buckets.values()),
        "ss_num_reg_images": 0,
        "ss_batch_size_per_device": config.train_batch_size,
        "ss_learning_rate": config.unet_lr,
        "ss_unet_lr": config.unet_lr,
        "ss_text_encoder_lr": config.text_encoder_lr,
        "ss_optimizer": config.optimizer_type,
        "ss_lr_scheduler": config.lr_scheduler,
        "ss_lr_warmup_steps": config.lr_warmup_steps,
        "ss_max_grad_norm": config.max_grad_norm,
        "ss_min_snr_gamma": config.min_snr_gamma,
        "ss_noise_offset": config.noise_offset or None,
        "ss_mixed_precision": config.mixed_precision,
        "ss_seed": config.seed,
        "ss_caption_dropout_rate": config.caption_dropout_rate,
    }


def _dataset(dataset: Dataset, plan: Plan) -> dict[str, Any]:
    buckets = {
        str(number): {"resolution": [width, height], "count": uses}
        for number, ((width, height), uses) in enumerate(plan.buckets.items())
    }
    return {
        "ss_tag_frequency": {
            folder: tag_frequency([item.caption for item in items])
            for folder, items in dataset.folders.items()
        },
        "ss_dataset_dirs": {
            folder: {"n_repeats": facts["repeats"], "img_count": facts["images"]}
            for folder, facts in plan.folders.items()
        },
        "ss_bucket_info": {"buckets": buckets},
    }


def tag_frequency(captions: Sequence[str]) -> dict[str, int]:
    """How many captions carry each tag, in their spelling, most frequent first."""
    tags = (tag for caption in captions for tag in {t.strip() for t in caption.split(",")} if tag)
    counts = Counter(tags)
    return dict(sorted(counts.items(), key=lambda row: (-row[1], row[0])))


def _modelspec(config: TrainConfig, started_at: float, prediction_type: str) -> dict[str, Any]:
    width, height = config.resolution
    spec = {
        "sai_model_spec": "1.0.1",
        "architecture": "stable-diffusion-v1/lora",
        "implementation": "diffusers",
        "title": config.output_name,
        "resolution": f"{width}x{height}",
        "date": datetime.fromtimestamp(started_at, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "prediction_type": "v" if prediction_type == "v_prediction" else "epsilon",
        "encoder_layer": config.clip_skip,
        "trigger_phrase": config.concept.trigger_word,
    }
    return {f"modelspec.{key}": value for key, value in spec.items() if value != ""}
