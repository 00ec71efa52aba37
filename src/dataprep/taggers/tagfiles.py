"""The files in which taggers list their tags, in the order of their outputs.

- ``csv``: a table with a header (the WD taggers, PixAI, Z3D-E621);
- ``lines``: a tag a line, blank lines aside (DeepDanbooru, JoyTag);
- ``mapping``: JSON by output number, ``{"0": {"tag": …, "category": …}}`` or the two tables
  ``idx_to_tag`` and ``tag_to_category`` (cl_tagger's two forms);
- ``metadata``: JSON with those two tables under ``dataset_info.tag_mapping`` (Camie);
- ``checkpoint``: inside the model file (A1111's DeepDanbooru).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dataprep.errors import DataprepError
from dataprep.taggers.manifest import Manifest
from dataprep.vocabulary import Category, Entry

Tags = tuple[Entry, ...]
HINT = "take it again from where the model comes from, or say its form in a tagger.toml beside it"


def read_tags(path: Path, contract: Manifest) -> Tags:
    """The tags of a file, or of a model file that holds them. Raises ``DataprepError``."""
    try:
        tags = _read(path, contract)
    except OSError as error:
        raise DataprepError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise DataprepError(f"{path}: is not a list of tags (not UTF-8)", HINT) from None
    except (ValueError, RecursionError, csv.Error) as error:
        raise DataprepError(f"{path}: is not a list of tags ({error})", HINT) from None
    if not tags:
        raise DataprepError(f"{path}: holds no tags", HINT)
    return tags


def columns(path: Path) -> tuple[str, ...]:
    """The header of a table; nothing when it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return tuple(next(csv.reader(stream), ()))
    except (OSError, ValueError, csv.Error):
        return ()


def of_lines(lines: Iterable[str], categories: Mapping[str, Category]) -> Tags:
    """Tags whose category is told by how they begin; the longest beginning counts."""
    beginnings = sorted(categories, key=len, reverse=True)
    tags = [line.strip() for line in lines]
    return tuple(_by_beginning(tag, beginnings, categories) for tag in tags if tag)


def _read(path: Path, contract: Manifest) -> Tags:
    if contract.schema == "checkpoint":
        from dataprep.taggers import deepbooru

        return of_lines(deepbooru.read(path).tags, contract.categories)
    if contract.schema == "csv":
        return _table(path, contract)
    text = path.read_text(encoding="utf-8-sig")
    if contract.schema == "lines":
        return of_lines(text.splitlines(), contract.categories)
    data = json.loads(text)
    return _by_number(data if contract.schema == "mapping" else _inside(data), contract)


def _table(path: Path, contract: Manifest) -> Tags:
    name, category = contract.columns.get("name", "name"), contract.columns.get("category")
    count = contract.columns.get("count", "")
    tags: list[Entry] = []
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        header = reader.fieldnames or ()
        for needed in (name, category):
            if needed and needed not in header:
                raise ValueError(f"it has no column '{needed}'" if header else "it is empty")
        for row in reader:
            place = f"line {reader.line_num}"
            if not row[name] or None in row or None in row.values():
                raise ValueError(f"{place}: it has other columns than the first line")
            kind = _category(row[category] if category else "", contract, place)
            tags.append(Entry(row[name], kind, _count(row.get(count), place)))
    return tuple(tags)


def _count(cell: str | None, place: str) -> int:
    try:
        return int(float(cell)) if cell else 0
    except (ValueError, OverflowError):
        raise ValueError(f"{place}: '{cell}' is not a number of pictures") from None


def _inside(data: Any) -> Any:
    for key in ("dataset_info", "tag_mapping"):
        data = data.get(key) if isinstance(data, dict) else None
    if data is None:
        raise ValueError("it has no dataset_info.tag_mapping")
    return data


def _by_number(data: Any, contract: Manifest) -> Tags:
    """Either form: every number from 0 on must be there, and every tag's category."""
    if not isinstance(data, dict):
        raise ValueError("it is no object")
    if "idx_to_tag" in data:
        by_tag = data.get("tag_to_category")
        if not isinstance(data["idx_to_tag"], dict) or not isinstance(by_tag, dict):
            raise ValueError("its idx_to_tag and tag_to_category are no objects")
        rows = {
            number: (tag, by_tag.get(tag) if isinstance(tag, str) else None)
            for number, tag in data["idx_to_tag"].items()
        }
    else:
        rows = {number: _pair(number, row) for number, row in data.items()}
    return tuple(_numbered(str(number), rows, contract) for number in range(len(rows)))


def _pair(number: str, row: Any) -> tuple[Any, Any]:
    if not isinstance(row, dict):
        raise ValueError(f"number {number} has no tag and category")
    return row.get("tag"), row.get("category")


def _numbered(number: str, rows: Mapping[str, tuple[Any, Any]], contract: Manifest) -> Entry:
    if number not in rows:
        raise ValueError(f"number {number} is missing")
    tag, category = rows[number]
    if not isinstance(tag, str) or not isinstance(category, str):
        raise ValueError(f"number {number} has no tag and category")
    return Entry(tag, _category(category, contract, f"number {number}"))


def _category(name: str, contract: Manifest, place: str) -> Category:
    if name not in contract.categories:
        known = ", ".join(contract.categories)
        raise ValueError(f"{place}: category '{name}' is none of {known}")
    return contract.categories[name]


def _by_beginning(tag: str, beginnings: Iterable[str], categories: Mapping[str, Category]) -> Entry:
    for beginning in beginnings:
        if tag.startswith(beginning):
            return Entry(tag, categories[beginning])
    raise ValueError(f"no category is known for '{tag}'")
