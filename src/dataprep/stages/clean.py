"""``dataprep clean``: captions set to rights: separators, spaces, spelling, repeats."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import model_validator

from dataprep import bulk
from dataprep.bulk import Bulk, in_captions
from dataprep.dataset import Dataset
from dataprep.edits.cleaning import Cleaning, cleaning, has_wide_commas
from dataprep.images import BadImage
from dataprep.jobs import Job, Progress
from dataprep.journal import Change
from dataprep.report import Report
from dataprep.settings import Selected as Base

MARK = "\ufeff"


class Settings(Base):
    """What is set to rights besides blanks, repeats and trailing commas."""

    underscores: bool = False
    """Put underscores between the words of a tag; else they become spaces. Faces such as ^_^,
    names such as score_9, and the trigger word keep theirs."""
    keep_underscores: bool = False
    """Leave underscores and spaces as they are."""
    parentheses: Literal["keep", "escape", "plain"] = "keep"
    r"""Write them \(so\), plain, or leave them as they are."""
    lowercase: bool = False
    """Write tags in small letters."""
    wide_commas: bool = True
    """Make full-width and ideographic commas separate like others: trainers split only at ",".
    """

    @model_validator(mode="after")
    def _one_way(self) -> Settings:
        if self.underscores and self.keep_underscores:
            raise ValueError("underscores and keep_underscores exclude each other")
        return self

    @property
    def how(self) -> Cleaning:
        """The same for one caption."""
        words: Literal["spaces", "underscores", "keep"] = (
            "keep" if self.keep_underscores else "underscores" if self.underscores else "spaces"
        )
        return Cleaning(words, self.parentheses, self.lowercase, self.wide_commas)


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Set every caption meant to rights, as one edit."""
    work = yield from bulk.opened(dataset, settings)
    clean = cleaning(settings.how, work.fixed)
    changes: list[Change] = []
    wide = 0
    for done, name in enumerate(work.captions, start=1):
        try:
            text = dataset.caption(name)
        except BadImage:
            continue  # reported by the scan
        if text:
            wide += settings.wide_commas and has_wide_commas(text)
            changes += _changes(work, name, clean(text))
        if done % bulk.STEP == 0 or done == len(work.captions):
            yield Progress(done, len(work.captions), name)
    said = f"full-width commas separate now {in_captions(wide)} (--no-wide-commas leaves them)"
    title = f"clean: spelling and separators {in_captions(len(changes))}"
    return bulk.finished(
        work,
        "clean",
        title,
        changes,
        lines=[said] if wide else [],
        facts={"wide_commas": wide},
    )


def _changes(work: Bulk, name: str, line: str) -> list[Change]:
    """The change of a caption to this line, if it is one; a byte-order mark goes with it."""
    change = work.dataset.text_change(name, line)
    if change.is_noop and (change.before or "").startswith(MARK):
        # a trainer would take it for a part of the first tag
        change = replace(change, after=line + "\n")
    return [] if change.is_noop else [change]
