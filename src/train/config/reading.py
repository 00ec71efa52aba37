"""Reading a train.toml: sections flattened, ``key=value`` on top, paths from its folder."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dataprep.errors import UsageError
from dataprep.fields import listed
from dataprep.settings import build, check_names, read_toml
from train.config import Concept, Subset, TrainConfig

FILE_NAME = "train.toml"
PATH_KEYS = (
    "train_data_dir",
    "reg_data_dir",
    "conditioning_data_dir",
    "output_dir",
    "logging_dir",
    "network_weights",
    "resume",
    "tokenizer",
    "model_config_dir",
)
MODEL_KEY = "pretrained_model_name_or_path"
MODEL_KEYS = (MODEL_KEY, "vae")
"""Folders or files beside the config, or else names on the Hub."""
SUBSET_PATH_KEYS = ("image_dir", "conditioning_data_dir")
SAMPLE_KEYS = (
    "sample_every_n_epochs",
    "sample_every_n_steps",
    "sample_at_first",
    "sample_prompts",
)
TABLES = ("concept", "subsets")
"""Keys that are tables of their own; every other table is a section."""


def load(path: Path | str, overrides: Iterable[str] = ()) -> TrainConfig:
    """The config in a TOML file, or in the ``train.toml`` of a folder.

    ``overrides`` are ``key=value`` with a TOML value (or a bare word); they win over the file.
    Raises ``UsageError`` naming file and key.
    """
    path = Path(path)
    path = path / FILE_NAME if path.is_dir() else path
    values = flatten(read_toml(path, "dataprep export writes a train.toml"), path)
    check_keys(values, str(path))
    where = f"{path} with --set" if (overrides := list(overrides)) else str(path)
    for override in overrides:
        set_value(values, override)
    check_keys(values, where)
    return build(TrainConfig, from_folder(values, path.resolve().parent), where)


def check_keys(values: Mapping[str, Any], where: str) -> None:
    """Raise ``UsageError`` for a key that is no setting, with the nearest that is one."""
    check_names(TrainConfig, values, where)
    check_names(Concept, values.get("concept", {}), f"{where} [concept]")
    for number, subset in enumerate(values.get("subsets", ()), start=1):
        check_names(Subset, subset, f"{where} [[subsets]] {number}")


def flatten(tables: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The keys of all sections; ``UsageError`` for one that stands in two."""
    values: dict[str, Any] = {}
    for name, value in tables.items():
        section = value if isinstance(value, dict) and name not in TABLES else {name: value}
        for key, entry in section.items():
            if key in values:
                raise UsageError(f"{path}: {key} stands in two sections", "keep one of them")
            values[key] = entry
    if not isinstance(values.get("concept", {}), dict):
        raise UsageError(f"{path}: concept must be a table", "write it as [concept]")
    subsets = values.get("subsets", [])
    if not isinstance(subsets, list) or not all(isinstance(it, dict) for it in subsets):
        raise UsageError(f"{path}: subsets must be tables", "write each as [[subsets]]")
    return values


def set_value(values: dict[str, Any], override: str) -> None:
    """Put ``key=value`` into the values; ``UsageError`` for what is no such pair."""
    key, sign, text = override.partition("=")
    if not sign:
        raise UsageError(f"--set {override}: not key=value", "for example --set max_train_epochs=4")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    table, dot, inner = key.strip().partition(".")
    if dot:
        values[table] = {**values.get(table, {}), inner: value}
    else:
        values[table] = value
    # the two ways to say how long contradict each other: the one just set replaces the other
    rival = {"max_train_epochs": "max_train_steps", "max_train_steps": "max_train_epochs"}
    values.pop(rival.get(key.strip(), ""), None)


def from_folder(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The values with relative paths seen from the config's folder."""
    resolved = {**values, **_placed(values, PATH_KEYS, folder)}
    for key in MODEL_KEYS:
        if isinstance(values.get(key), str):
            resolved[key] = _here_or_hub(values[key], folder)
    if isinstance(weights := values.get("base_weights"), str | list):
        resolved["base_weights"] = [
            str(folder / Path(name).expanduser()) if isinstance(name, str) else name
            for name in (listed(weights) if isinstance(weights, str) else weights)
        ]
    if "subsets" in values:
        resolved["subsets"] = [
            {**subset, **_placed(subset, SUBSET_PATH_KEYS, folder)} for subset in values["subsets"]
        ]
    return resolved


def _placed(values: Mapping[str, Any], keys: Iterable[str], folder: Path) -> dict[str, Path]:
    return {
        key: folder / Path(values[key]).expanduser()
        for key in keys
        if isinstance(values.get(key), str)
    }


def _here_or_hub(name: str, folder: Path) -> str:
    """A path beside the config; what is none there may be a repository of the Hub."""
    path = folder / Path(name).expanduser()
    return str(path) if name and path.exists() else name
