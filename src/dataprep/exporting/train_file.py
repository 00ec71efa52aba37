"""train.toml as ``dataprep export`` writes it: kohya's names, in sections for the reader's eye."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from dataprep import files
from dataprep.buckets import Target
from dataprep.captions import tag_key
from dataprep.errors import DataprepError

SIZE = 512
"""Side of the square whose area is trained on when nothing was decided (pixels)."""
EPOCHS = 10

SECTIONS = {
    "model": "the base model, a diffusers folder or one file",
    "dataset": "what is trained on",
    "network": "the size of the LoRA; effective learning rate = lr × alpha / dim",
    "training": "how long and how fast",
    "output": "where the LoRA goes",
    "concept": "what `dataprep score` measures",
}
SECTION_OF = {
    "pretrained_model_name_or_path": "model",
    "clip_skip": "model",
    "train_data_dir": "dataset",
    "reg_data_dir": "dataset",
    "prior_loss_weight": "dataset",
    "conditioning_data_dir": "dataset",
    "masked_loss": "dataset",
    "alpha_mask": "dataset",
    "normalize_masked_area_loss": "dataset",
    "color_aug": "dataset",
    "random_crop": "dataset",
    "bucket_merge_crop": "dataset",
    "caption_extension": "dataset",
    "resolution": "dataset",
    "keep_tokens": "dataset",
    "keep_tokens_separator": "dataset",
    "shuffle_caption": "dataset",
    "enable_bucket": "dataset",
    "min_bucket_reso": "dataset",
    "max_bucket_reso": "dataset",
    "bucket_reso_steps": "dataset",
    "bucket_no_upscale": "dataset",
    "network_dim": "network",
    "network_alpha": "network",
    "network_type": "network",
    "conv_dim": "network",
    "conv_alpha": "network",
    "output_dir": "output",
    "output_name": "output",
    "save_every_n_epochs": "output",
    "trigger_word": "concept",
    "pruned_tags": "concept",
    "kept_tags": "concept",
    "tagger": "concept",
}
"""Sections are for the reader; the trainer flattens them. Whatever is not here is training."""
RIVALS = {"max_train_epochs": "max_train_steps", "max_train_steps": "max_train_epochs"}
"""The two ways to say how long: the trainer takes only one, so setting it takes the other out."""


@dataclass(frozen=True, slots=True)
class Written:
    """How an update of train.toml went."""

    values: dict[str, Any]
    """What was written; the next update is told, to know a person's values from ours."""
    kept: tuple[str, ...]
    """Keys that a person changed since, and that so stay."""


def write_train_file(
    path: Path,
    facts: Mapping[str, Any],
    defaults: Mapping[str, Any],
    last: Mapping[str, Any],
) -> Written:
    """Write or update train.toml; what a person wrote into it stays.

    ``facts`` are brought up to date unless a person changed them since ``last``; one that is None
    is taken out where it stands as ``last`` wrote it. ``defaults`` are written where the key is not
    there yet.
    """
    document = _parsed(path)
    present = _present(document)
    gone = {key for key, value in facts.items() if value is None}
    facts = {key: value for key, value in facts.items() if key not in gone}
    kept = [key for key in facts if _is_a_persons(key, facts, present, last)]
    stated = {key: value for key, value in facts.items() if key not in kept}
    withdrawn = [key for key in gone if key in last and present.get(key) == last[key]]
    fresh = {
        key: value
        for key, value in defaults.items()
        if key not in present and RIVALS.get(key) not in {*present, *stated}
    }
    values = {**fresh, **stated}
    out = dict.fromkeys([*withdrawn, *(RIVALS[key] for key in values if key in RIVALS)])
    _set(document, {**out, **values})
    _save(path, document)
    known = {key: value for key, value in {**last, **values}.items() if key not in gone}
    return Written(known, tuple(kept))


def change_train_file(path: Path, changes: Mapping[str, Any]) -> None:
    """Set keys where they stand, or in their sections; None takes one out. The rest stays."""
    document = _parsed(path)
    _set(document, changes)
    _save(path, document)


def _set(document: tomlkit.TOMLDocument, values: Mapping[str, Any]) -> None:
    order = list(SECTIONS)
    for key in sorted(values, key=lambda key: order.index(SECTION_OF.get(key, "training"))):
        holder = _holder_of(document, key)
        if values[key] is None:
            if holder is not None:
                holder.pop(key)
        elif holder is None:
            _section_of(document, key)[key] = values[key]
        elif holder[key] != values[key]:
            holder[key] = values[key]


def _holder_of(document: tomlkit.TOMLDocument, key: str) -> tomlkit.TOMLDocument | Table | None:
    """The table in which a key stands."""
    if key in document:
        return document
    tables = [table for table in document.values() if isinstance(table, Table)]
    return next((table for table in tables if key in table), None)


def _section_of(document: tomlkit.TOMLDocument, key: str) -> tomlkit.TOMLDocument | Table:
    """The table in which a new key belongs."""
    section = SECTION_OF.get(key, "training")
    if section not in document:
        document[section] = tomlkit.table().comment(SECTIONS[section])
    found = document[section]
    return found if isinstance(found, Table) else document


def _save(path: Path, document: tomlkit.TOMLDocument) -> None:
    text = tomlkit.dumps(document)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        files.write_text(path, text)


def values_of(path: Path) -> dict[str, Any]:
    """Every key of a train.toml with its value, sections left out."""
    return _present(_parsed(path))


def _present(document: tomlkit.TOMLDocument) -> dict[str, Any]:
    """The keys of all sections, and of none, as plain values."""
    found: dict[str, Any] = {}
    for name, entry in document.unwrap().items():
        found |= entry if isinstance(entry, dict) else {name: entry}
    return found


def _is_a_persons(
    key: str, facts: Mapping[str, Any], present: Mapping[str, Any], last: Mapping[str, Any]
) -> bool:
    rival = RIVALS.get(key, "")
    if rival in present and rival not in {*facts, *last}:
        return True
    known = key in last and key in present
    return known and present[key] != last[key] and present[key] != facts[key]


def _parsed(path: Path) -> tomlkit.TOMLDocument:
    if not path.is_file():
        return tomlkit.document()
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8"))
    except (tomlkit.exceptions.ParseError, UnicodeDecodeError) as error:
        raise DataprepError(f"{path}: {error}", "mend the line, or remove the file") from None


def kept_tags(frequency: list[tuple[str, int]], total: int, trigger: str, limit: int) -> list[str]:
    """The most frequent tags that stayed in the captions; the trigger is none of them."""
    often = [tag for tag, count in frequency if count * 2 >= total]
    return [tag for tag in often if tag_key(tag) != tag_key(trigger)][:limit]


def sizes(decided: Target | None) -> dict[str, Any]:
    """The target under the trainer's names, so that it buckets as was cut."""
    if decided is None:
        return {}
    width, height = decided.resolution
    sizes: dict[str, Any] = {"resolution": width if width == height else [width, height]}
    if not decided.buckets:
        return {**sizes, "enable_bucket": False}
    return {
        **sizes,
        "enable_bucket": True,
        "min_bucket_reso": decided.min_size,
        "max_bucket_reso": decided.max_size,
        "bucket_reso_steps": decided.step,
        "bucket_no_upscale": decided.no_upscale,
    }
