"""Counted tags as a table: for people, for spreadsheets, for machines. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataprep.columns import padded, printable, wide
from dataprep.tagcounts import Count, Counts


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    """For machines."""
    title: str
    """For people."""
    value: Callable[[Count], Any]
    shown: Callable[[Any], str] = str
    words: bool = False
    """It holds words, which begin at the left, and no numbers."""


def columns(
    counts: Counts, categories: Mapping[str, str], *, beside: bool, by_folder: bool
) -> list[Column]:
    """The columns of a table; ``categories`` by ``captions.tag_key``."""
    found = [
        Column("tag", "tag", lambda row: row.tag, printable, words=True),
        Column("pictures", "pictures", lambda row: row.pictures),
        Column("share", "share", lambda row: round(row.share, 4), _percent),
        Column("place", "place", lambda row: row.place, lambda place: f"{place:g}"),
        Column("category", "category", lambda row: categories.get(row.key, ""), words=True),
    ]
    if beside:
        found += [
            Column("with", "with it", lambda row: row.beside),
            Column("with_share", "share", lambda row: round(row.beside_share, 4), _percent),
            Column("lift", "lift", lambda row: round(row.lift, 3), lambda lift: f"{lift:.2f}"),
        ]
    if by_folder:
        found += [_folder(name, size) for name, size in counts.folders.items()]
    return found


def _folder(name: str, size: int) -> Column:
    return Column(
        f"in {name or '.'}", f"{printable(name) or '.'} ({size})", lambda row: row.folders[name]
    )


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def records(table: Sequence[Column], rows: Sequence[Count]) -> list[dict[str, Any]]:
    """A mapping for each tag."""
    return [{column.name: column.value(row) for column in table} for row in rows]


def as_csv(table: Sequence[Column], rows: Sequence[Count]) -> str:
    """Lines for a spreadsheet, the first with the names; shares from 0 to 1."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column.name for column in table)
    writer.writerows([column.value(row) for column in table] for row in rows)
    return text.getvalue()


def as_lines(table: Sequence[Column], rows: Sequence[Count]) -> list[str]:
    """Lines for people, the first with the titles; none without a tag."""
    if not rows:
        return []
    blocks = []
    for column in table:
        cells = [column.title, *(column.shown(column.value(row)) for row in rows)]
        width = max(map(wide, cells))
        blocks.append([padded(cell, width, right=not column.words) for cell in cells])
    return ["  ".join(cells).rstrip() for cells in zip(*blocks, strict=True)]
