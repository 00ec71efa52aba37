"""sd-scripts' dataset TOML: [general], [[datasets]] and [[datasets.subsets]] into our subsets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataprep.errors import UsageError
from train.compat import encoding, toml_files
from train.compat.foreign import Source, exists
from train.compat.options import nearest
from train.compat.report import Left
from train.compat.rules import RULES
from train.compat.translation import Translation
from train.compat.values import Convert, flag, is_unset, shown, text, whole

OWN: Mapping[str, Convert] = {
    "image_dir": text,
    "class_tokens": text,
    "is_reg": flag,
    "num_repeats": whole,
}
SHARED = (
    "conditioning_data_dir",
    "caption_extension",
    "shuffle_caption",
    "keep_tokens",
    "keep_tokens_separator",
    "secondary_separator",
    "enable_wildcard",
    "caption_prefix",
    "caption_suffix",
    "caption_dropout_rate",
    "caption_dropout_every_n_epochs",
    "caption_tag_dropout_rate",
    "token_warmup_min",
    "token_warmup_step",
    "flip_aug",
    "color_aug",
    "random_crop",
    "alpha_mask",
)
"""Keys of a subset that are options for all as well."""
OF_DATASET = (
    "enable_bucket",
    "bucket_no_upscale",
    "bucket_reso_steps",
    "min_bucket_reso",
    "max_bucket_reso",
)
"""Keys of a dataset that are for all pictures here."""
REASONS: Mapping[str, str] = {
    "network_multiplier": "every dataset counts alike",
    "metadata_file": "captions are read from the files beside the pictures",
    "face_crop_aug_range": "no cut around faces at training; crop the pictures before",
    "custom_attributes": "no part of training reads them",
    "caption_separator": "one for all pictures",
    "resize_interpolation": "pictures are resampled once, by area or Lanczos",
    "validation_split": "no pictures are held back for validation",
    "validation_seed": "no pictures are held back for validation",
}
IGNORED: Mapping[str, str] = {"cache_info": "the pictures are looked at anew at each start"}
REPLACED = ("train_data_dir", "reg_data_dir", "in_json")
"""Options that sd-scripts does not read beside a dataset configuration."""


def apply(sheet: Translation) -> None:
    """Read the file that dataset_config names, where there is one, into ``subsets``."""
    if not sheet.has("dataset_config"):
        return
    name = sheet.get("dataset_config", text)
    path = sheet.source.beside(name)
    if not exists(path) or not path.is_file():
        sheet.refuse("dataset_config", f"there is no file {shown(name)}")
        return
    source = encoding.read(path)
    tables = toml_files.tables(source)
    sheet.ignore("dataset_config", "its keys were read along")
    for option in REPLACED:
        if sheet.has(option):
            sheet.ignore(option, "dataset_config says where the pictures are")
    _Reading(sheet, source, tables).read()


class _Reading:
    """One reading of a dataset configuration into a work sheet."""

    def __init__(self, sheet: Translation, source: Source, tables: Mapping[str, Any]) -> None:
        self.sheet, self.source = sheet, source
        self.general = self._table(tables.get("general", {}), "general")
        self.datasets = self._tables(tables.get("datasets", []), "datasets")

    def read(self) -> None:
        subsets: list[dict[str, Any]] = []
        for number, dataset in enumerate(self.datasets, start=1):
            own = {key: value for key, value in dataset.items() if key != "subsets"}
            given = self._tables(dataset.get("subsets", []), f"datasets {number} subsets")
            merged = [{**own, **subset} for subset in given]
            subsets += [self._subset(one, f"datasets {number}") for one in merged]
        if not any("image_dir" in subset for subset in subsets):
            raise UsageError(f"{self.source.path}: no subset has an image_dir")
        self._general()
        self._of_datasets()
        size = self.sheet.values.get("resolution")
        found = [
            {key: value for key, value in subset.items() if (key, value) != ("resolution", size)}
            for subset in subsets
            if "image_dir" in subset
        ]
        self.sheet.put("dataset_config", "subsets", found)

    def _subset(self, given: Mapping[str, Any], where: str) -> dict[str, Any]:
        """One of [[subsets]]; a folder alone is as for all."""
        found: dict[str, Any] = {}
        for key, value in given.items():
            if is_unset(value):
                continue
            if key in OWN:
                found[key] = self._value(where, key, value, OWN[key])
            elif key in SHARED or key == "resolution":
                found[key] = self._value(where, key, value, RULES[key].convert)
            elif key not in (*OF_DATASET, "batch_size"):
                self._leave(key)
        for key in ("image_dir", "conditioning_data_dir"):
            if key in found:
                found[key] = str(self.source.beside(found[key]))
        return found

    def _general(self) -> None:
        """[general] stands above the command line, below what a dataset says of itself."""
        for key, value in self.general.items():
            if is_unset(value):
                continue
            if key in (*SHARED, *OF_DATASET, "resolution", "caption_separator"):
                found = self._value("general", key, value, RULES[key].convert)
                self._for_all(key, "general", value, key, found)
            elif key == "batch_size":
                found = self._value("general", key, value, whole)
                self._for_all(key, "general", value, "train_batch_size", found)
            else:
                self._leave(key)

    def _of_datasets(self) -> None:
        """What is for all pictures here is the first dataset's; another's is reported."""
        for key in (*OF_DATASET, "batch_size", "resolution"):
            convert = RULES["train_batch_size" if key == "batch_size" else key].convert
            given = [
                self._value("datasets", key, dataset[key], convert)
                for dataset in self.datasets
                if not is_unset(dataset.get(key))
            ]
            if not given:
                continue
            ours = "train_batch_size" if key == "batch_size" else key
            self._for_all(key, "datasets", given[0], ours, given[0])
            if key != "resolution" and any(value != given[0] for value in given):
                reason = f"one {ours} for all pictures: that of the first dataset"
                self.sheet.refused.append(Left(f"datasets {key}", reason))

    def _for_all(self, key: str, where: str, theirs: Any, ours: str, value: Any) -> None:
        option = f"{where} {key}"
        self.sheet.options[option] = theirs
        if self.sheet.has(ours):
            self.sheet.ignore(ours, "dataset_config says it")
        self.sheet.done |= {ours, option}
        self.sheet.put(option, ours, value)

    def _value(self, where: str, key: str, value: Any, convert: Convert) -> Any:
        try:
            return convert(value)
        except ValueError as error:
            got = shown(value)
            raise UsageError(f"{self.source.path}: [{where}] {key}: {error} (got {got})") from None

    def _leave(self, key: str) -> None:
        if key in IGNORED:
            entry, lists = Left(key, IGNORED[key]), self.sheet.ignored
        else:
            near = nearest(key)
            unknown = f"not known{f'; did you mean {near}?' if near else ''}"
            entry, lists = Left(key, REASONS.get(key, unknown)), self.sheet.refused
        if entry not in lists:
            lists.append(entry)

    def _table(self, table: Any, name: str) -> Mapping[str, Any]:
        if not isinstance(table, dict):
            raise UsageError(f"{self.source.path}: {name} must be a table")
        return table

    def _tables(self, tables: Any, name: str) -> list[dict[str, Any]]:
        if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
            raise UsageError(f"{self.source.path}: {name} must be tables", f"write [[{name}]]")
        return tables
