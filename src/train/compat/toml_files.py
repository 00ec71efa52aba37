"""TOML of sd-scripts (--config_file) and of lora-scripts: sections flattened."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from dataprep.errors import UsageError
from train.compat.foreign import Foreign, Source
from train.compat.report import Left
from train.compat.values import shown

SD_SCRIPTS = "a TOML file of sd-scripts"
LORA_SCRIPTS = "a TOML file of lora-scripts"
DATASET = ("datasets",)
OTHER_MODELS = ("flux", "sd3", "lumina", "hunyuan", "anima")
RESTARTS = "lr_restart_cycles"


def tables(source: Source) -> dict[str, Any]:
    """The tables of a TOML text. Raises ``UsageError`` with the line for one that is none."""
    try:
        return tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{source.path}: {reason}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{source.path}: no TOML ({error})") from None


def flat(found: Mapping[str, Any]) -> dict[str, Any]:
    """Every key of all sections and of none; of a key given twice the last counts, as theirs."""
    values: dict[str, Any] = {}
    for name, value in found.items():
        values |= value if isinstance(value, dict) else {name: value}
    return values


def read(source: Source, found: Mapping[str, Any]) -> Foreign:
    """The options in a TOML file. Raises ``UsageError`` for a dataset configuration alone."""
    if any(isinstance(found.get(name), list) for name in DATASET):
        raise UsageError(
            f"{source.path}: a dataset configuration of sd-scripts; it names no base model",
            "give the TOML file or the command line that refers to it with dataset_config",
        )
    options = flat(found)
    names: dict[str, str] = {}
    ignored: list[Left] = []
    is_lora_scripts = RESTARTS in options
    if is_lora_scripts:
        cycles = options.pop(RESTARTS)
        options.setdefault("lr_scheduler_num_cycles", cycles)
        names["lr_scheduler_num_cycles"] = RESTARTS
    kind = options.get("model_train_type")
    if isinstance(kind, str) and kind.startswith(OTHER_MODELS):
        raise UsageError(f"{source.path}: model_train_type {shown(kind)} cannot be trained here")
    if kind:
        ignored.append(Left("model_train_type", "told from the base model's file"))
        del options["model_train_type"]
    source_name = LORA_SCRIPTS if is_lora_scripts else SD_SCRIPTS
    return Foreign(source_name, options, names, ignored=tuple(ignored))
