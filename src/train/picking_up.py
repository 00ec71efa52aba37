"""Whether a run can go on from a state, and what is not as it was. Pure.

What decides the shape of what is learned must be the same. Everything else may change, and is said:
a longer run or a lower learning rate is often why one goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from dataprep.errors import UsageError
from train.config import TrainConfig

if TYPE_CHECKING:
    from train.data.item import Item

FIXED = (
    "network_type",
    "network_dim",
    "network_alpha",
    "conv_dim",
    "conv_alpha",
    "unit",
    "dora_wd",
    "rs_lora",
    "block_dims",
    "block_alphas",
    "conv_block_dims",
    "conv_block_alphas",
    "network_args",
    "optimizer_type",
)
"""Settings without which the numbers of a state mean something else."""
APART = frozenset(
    {
        "output_dir",
        "output_name",
        "train_data_dir",
        "reg_data_dir",
        "conditioning_data_dir",
        "subsets",
        "tokenizer",
        "model_config_dir",
        "device",
        "gradient_checkpointing",
        "cache_latents_to_disk",
        "vae_batch_size",
        "network_weights",
        "dim_from_weights",
        "resume",
        "no_metadata",
        "training_comment",
        "logging_dir",
        "log_with",
        "log_prefix",
        "log_tracker_name",
        "wandb_run_name",
        "concept",
    }
)
"""Settings that change nothing of what is learned; of folders the pictures themselves tell."""
APART_BEGIN = ("save_", "sample_", "metadata_")
NAMED = 3
"""So many pictures are named."""

Fingerprint = tuple[int, int, int, bool, bool, str]
"""Repeats, width and height of the bucket, is a regularization image, has a mask, digest of the
caption."""


def fingerprints(items: Iterable[Item]) -> dict[str, Fingerprint]:
    """What is remembered of each picture, by its name."""
    return {
        item.name: (
            item.repeats,
            *item.bucket,
            item.is_reg,
            item.alpha_mask or item.mask is not None,
            hashlib.blake2b(item.caption.encode(), digest_size=6).hexdigest(),
        )
        for item in items
    }


def refuse_another(was: Mapping[str, Any], config: TrainConfig, where: str) -> None:
    """Raise ``UsageError`` when network or optimizer are other ones than in ``was``."""
    now = config.model_dump(mode="json")
    for key in FIXED:
        if key in was and _other(key, was[key], now[key]):
            raise UsageError(
                f"{where}: made with {key} = {_shown(was[key])}, the config has {_shown(now[key])}",
                f"set {key} as it was, or begin anew without resume",
            )


def changed_settings(was: Mapping[str, Any], config: TrainConfig) -> list[str]:
    """A sentence for each setting that changes what is learned and is not as in ``was``."""
    return [
        f"{key} was {_shown(was[key])}, is now {_shown(value)}"
        for key, value in config.model_dump(mode="json").items()
        if key in was and not _is_apart(key) and _other(key, was[key], value)
    ]


def changed_pictures(was: Mapping[str, Fingerprint], items: Iterable[Item]) -> list[str]:
    """A sentence for each way in which the pictures are not those of ``was``."""
    now = fingerprints(items)
    both = [name for name in was if name in now]
    found = {
        "new": [name for name in now if name not in was],
        "gone": [name for name in was if name not in now],
        "used more or less often": [name for name in both if was[name][0] != now[name][0]],
        "cut to another size": [name for name in both if was[name][1:3] != now[name][1:3]],
        "regularization images only before or only now": [
            name for name in both if was[name][3] != now[name][3]
        ],
        "masked only before or only now": [name for name in both if was[name][4] != now[name][4]],
        "captioned otherwise": [name for name in both if was[name][5] != now[name][5]],
    }
    return [f"pictures {what}: {_some(names)}" for what, names in found.items() if names]


def changed_versions(was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """A sentence for each program that is another version now."""
    return [
        f"{name} was {was[name]}, is now {version}"
        for name, version in now.items()
        if name in was and was[name] != version
    ]


def _is_apart(key: str) -> bool:
    return key in APART or key.startswith(APART_BEGIN)


def _other(key: str, was: Any, now: Any) -> bool:
    if key == "optimizer_type":
        return str(was).casefold() != str(now).casefold()
    return bool(was != now)


def _shown(value: Any) -> str:
    return "left out" if value is None or value == [] else repr(value)


def _some(names: list[str]) -> str:
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
