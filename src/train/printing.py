"""A config as the text of a train.toml: sections, and for each key what it is for."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from dataprep.settings import Settings
from dataprep.training_values import NOVICE
from train.config import Concept, TrainConfig
from train.config.base_model import BaseModelKeys
from train.config.captions import CaptionKeys
from train.config.dataset import DatasetKeys
from train.config.diffusion import DiffusionKeys
from train.config.learning import LearningKeys
from train.config.network import NetworkKeys
from train.config.running import RunKeys

SECTIONS: Mapping[str, type[Settings]] = {
    "model": BaseModelKeys,
    "dataset": DatasetKeys,
    "captions": CaptionKeys,
    "network": NetworkKeys,
    "training": LearningKeys,
    "noise": DiffusionKeys,
    "output": RunKeys,
}
"""Sections are for the reader; the trainer flattens them."""
WIDTH = 96
PLACES = ("train_data_dir", "output_dir")
"""Without them nothing can begin, so they are always shown."""
FROM_RESOLUTION = ("min_bucket_reso", "max_bucket_reso", "bucket_reso_steps")
"""When left out they follow from the resolution, so their default says nothing."""


def dump(values: TrainConfig | Mapping[str, Any], *, expert: bool = False) -> str:
    """The text of a train.toml that says the same as a config, or as values for one.

    The ten keys of a beginner and all that is given stand there, each with what it is for; with
    ``expert`` every other key as well, those without a value as a comment. Reading the text gives
    the same config again, in whatever folder it lies if its paths are absolute.
    """
    said = _of_config(values) if isinstance(values, TrainConfig) else dict(values)
    said = _value(said)
    document = tomlkit.document()
    for name, section in SECTIONS.items():
        shown = [key for key in section.model_fields if _is_shown(key, said, expert)]
        if shown:
            document.add(name, _section(shown, said))
    _add_tables(document, said)
    return tomlkit.dumps(document)


def _of_config(config: TrainConfig) -> dict[str, Any]:
    """What a config says that leaving it out would not say."""
    values = {key: getattr(config, key) for key in TrainConfig.model_fields}
    return {
        key: value.model_dump(exclude_defaults=True) if isinstance(value, Concept) else value
        for key, value in values.items()
        if key in FROM_RESOLUTION or value != TrainConfig.model_fields[key].default
    } | {"subsets": [subset.model_dump(exclude_unset=True) for subset in config.subsets]}


def _value(value: Any) -> Any:
    """A value in the kinds that TOML has; nothing is left out."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _value(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list | tuple):
        return [_value(entry) for entry in value]
    return value


def _is_shown(key: str, said: Mapping[str, Any], expert: bool) -> bool:
    return key != "subsets" and (expert or key in said or key in (*NOVICE, *PLACES))


def _section(keys: Iterable[str], said: Mapping[str, Any]) -> Table:
    table = tomlkit.table()
    for key in keys:
        field = TrainConfig.model_fields[key]
        words = (field.description or "").replace("``", "").split()
        for line in textwrap.wrap(" ".join(words), WIDTH):
            table.add(tomlkit.comment(line))
        has_default = not field.is_required() and key not in FROM_RESOLUTION
        value = said.get(key, _value(field.default) if has_default else None)
        if value is None:
            table.add(tomlkit.comment(f"{key} ="))
        else:
            table.add(key, value)
    return table


def _add_tables(document: tomlkit.TOMLDocument, said: Mapping[str, Any]) -> None:
    """[concept] and each of [[subsets]] are tables of their own."""
    if said.get("concept"):
        document.add("concept", tomlkit.item(said["concept"]))
    if said.get("subsets"):
        tables = tomlkit.aot()
        for subset in said["subsets"]:
            tables.append(tomlkit.item(subset))
        document.add("subsets", tables)
