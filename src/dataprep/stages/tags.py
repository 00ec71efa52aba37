"""``dataprep tags``: how often each tag appears, at which place, beside which others."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from dataprep import concept, files, remembered
from dataprep.captions import tag_key
from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.jobs import Job
from dataprep.report import Report
from dataprep.settings import Selected as Base
from dataprep.stages.scan import refresh
from dataprep.tagcounts import TRIGGER, Counts, Sort, counted, ordered
from dataprep.tagtable import as_csv, as_lines, columns, records
from dataprep.vocabulary import Category

STDOUT = Path("-")


class Settings(Base):
    """What is listed, and how."""

    top: int = Field(default=0, ge=0)
    """How many tags to list; 0 lists all."""
    sort: Sort = "count"
    """The first to be listed: the most frequent, by name, by its place in the captions, by
    category, or by the lift over chance (with --with)."""
    category: tuple[Category, ...] = ()
    """Only tags of these categories, as the taggers that ran here know them."""
    with_: str = Field(default="", json_schema_extra={"metavar": "TAG"})
    """Only tags that stand beside this one: how often, and by how much more than by chance."""
    by_folder: bool = False
    """Count in every concept folder too: N_concept, or the folders at the top of the project."""
    csv: Path | None = Field(default=None, json_schema_extra={"metavar": "FILE"})
    """Write the table as CSV (UTF-8) to this file, or "-" to the terminal."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.sort == "lift" and not self.with_:
            raise ValueError("--sort lift goes with --with TAG")
        return self


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Count the tags of all usable pictures."""
    issues = yield from refresh(dataset, settings)
    captions = dataset.all_tags()
    counts = counted(captions, settings.with_)
    if settings.with_ and counts.captioned and not counts.beside:
        raise _stranger(settings.with_, captions.values())
    known = _categories(dataset)
    if settings.category and counts.captioned and not known.keys() - {_trigger(dataset)}:
        raise UsageError("the categories of tags are not known", "run `dataprep tag` first")
    wanted = set(settings.category)
    rows = [row for row in counts.rows if not wanted or known.get(row.key) in wanted]
    shown = ordered(rows, settings.sort, known, bool(settings.with_))
    shown = shown[: settings.top] if settings.top else shown
    table = columns(counts, known, beside=bool(settings.with_), by_folder=settings.by_folder)
    if settings.csv not in (None, STDOUT):
        _write(settings.csv, as_csv(table, shown))
    if settings.csv is None:
        lines = (_sum(len(rows), len(captions), counts, settings), *as_lines(table, shown))
    elif settings.csv == STDOUT:
        lines = tuple(as_csv(table, shown).splitlines())
    else:
        lines = (f"{len(shown)} tags written to {settings.csv}",)
    return Report(
        "tags",
        done=counts.captioned,
        issues=tuple(issues),
        facts={
            "pictures": len(captions),
            "captioned": counts.captioned,
            **({"with": settings.with_, "with_pictures": counts.beside} if settings.with_ else {}),
            **({"folders": counts.folders} if settings.by_folder else {}),
            "tags": {row.tag: row.beside if settings.with_ else row.pictures for row in shown},
            "rows": records(table, shown),
        },
        lines=lines,
    )


def _categories(dataset: Dataset) -> dict[str, str]:
    """The category of every tag that is known, by key, and the trigger word."""
    known: dict[str, str] = {**remembered.categories(dataset)}
    if trigger := _trigger(dataset):
        known[trigger] = TRIGGER
    return known


def _trigger(dataset: Dataset) -> str:
    return tag_key(concept.read(dataset.store).trigger)


def _stranger(tag: str, captions: Iterable[Sequence[str]]) -> UsageError:
    known = {tag_key(other) for caption in captions for other in caption}
    close = difflib.get_close_matches(tag_key(tag), list(known), n=1)
    hint = f"did you mean '{close[0]}'?" if close else "see `dataprep tags`"
    return UsageError(f"no caption has the tag '{tag}'", hint)


def _sum(tags: int, pictures: int, counts: Counts, settings: Settings) -> str:
    if settings.with_:
        these = f"{counts.beside} of {counts.captioned} pictures have '{settings.with_}'"
        return f"{these}; {tags} tags stand beside it"
    return f"{tags} tags in {counts.captioned} of {pictures} pictures"


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises ``UsageError``."""
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"{path}: cannot be written", "name a file in a folder that is there")
    with files.replacing(path) as temp:
        temp.write_text(text, encoding="utf-8", newline="")
