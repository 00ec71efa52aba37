"""``dataprep trigger``: the trigger word, first in every caption; set, changed or removed.

It is a tag of its own before all others, ``|||`` included, and stands once. What the project
decides of it changes in the same edit; later taggings and exports go by that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from dataprep import bulk, concept
from dataprep.bulk import Bulk, in_captions, note, unknown
from dataprep.captions import SEPARATOR, prune, tag_key
from dataprep.dataset import Dataset
from dataprep.edits import Fixed
from dataprep.edits.cleaning import WIDE_COMMAS
from dataprep.edits.patterns import Pattern
from dataprep.errors import UsageError
from dataprep.jobs import Job
from dataprep.journal import PROJECT, Change
from dataprep.report import Issue, Report
from dataprep.settings import Selected as Base


def one_tag(value: str) -> str:
    """A trigger word as captions hold it. Raises ``ValueError`` where it would be several tags."""
    if any(mark in value for mark in (",", "\n", "\r", "{", "}", SEPARATOR, *WIDE_COMMAS)):
        raise ValueError(
            "must be one word or phrase, without commas, braces or |||; further tags that stay "
            "in front are added with `dataprep add DIR TAGS --front` and keep_tokens"
        )
    return " ".join(value.split())


class Settings(Base):
    """Which word, and whether it comes or goes."""

    word: Annotated[str, AfterValidator(one_tag)] = Field(
        default="", json_schema_extra={"positional": True}
    )
    """The trigger word; in the place of the one there was, in every caption."""
    remove: bool = False
    """Take the trigger word out of every caption; without a word, the project's own."""
    uncaptioned: bool = False
    """Pictures without a caption get one that is the word alone; else they stay without, for
    `dataprep tag` to caption."""

    @model_validator(mode="after")
    def _says_something(self) -> Settings:
        if not self.word and not self.remove:
            raise ValueError("give the trigger word, or --remove")
        return self


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Bring the word to the front of the captions meant, or out of them, as one edit."""
    work = yield from bulk.opened(dataset, settings)
    old = work.concept.trigger
    gone = (settings.word or old) if settings.remove else old
    if settings.remove and not gone:
        raise UsageError("the project has no trigger word", "name the one to take out")
    new = "" if settings.remove else settings.word
    if settings.remove and tag_key(gone) != tag_key(old):
        # another word goes; the project's own stays
        new = old
        work.issues.extend(unknown(work.captions.values(), [Pattern(gone, tag_key(gone))]))
    elif settings.remove or tag_key(gone) != tag_key(new):
        work.issues.extend(_left_over(work, gone))
    decision = _decision(work, new, whole=not settings.where)

    def edit(_: str, tags: Sequence[str]) -> list[str]:
        kept = prune(tags, [gone] if gone else [])
        return Fixed(new).lead(kept) if settings.remove else prune(kept, (), new)

    # what is to lead is the new word
    changes = yield from bulk.changed(
        replace(work, fixed=Fixed(new)), edit, bare=settings.uncaptioned and not settings.remove
    )
    said = _said(gone, settings.word, settings.remove)
    return bulk.finished(
        work,
        "trigger",
        f"trigger: {said} {in_captions(len(changes))}",
        [*decision, *changes],
        lines=[f"trigger word: {said}"],
        facts={"trigger": new if decision or not settings.where else old, "before": old},
    )


def _decision(work: Bulk, new: str, whole: bool) -> list[Change]:
    """What the project knows of its trigger word; with a filter it stays as it was."""
    old = work.concept.trigger
    if new == old:
        return []
    if not whole:
        stays = f"stays '{old}'" if old else "stays undecided"
        reason = f"the project's trigger word {stays}: --where chose only some captions"
        work.issues.append(note("trigger word", reason))
        return []
    value = concept.encoded(replace(work.concept, trigger=new))
    return [work.dataset.decision_change(PROJECT, concept.KEY, value)]


def _left_over(work: Bulk, gone: str) -> list[Issue]:
    """A remark when the old word also stands within other tags or sentences, which stay."""
    if not gone:
        return []
    word = re.compile(rf"(?<!\w){re.escape(gone)}(?!\w)", re.IGNORECASE)
    key = tag_key(gone)
    number = sum(
        any(tag_key(tag) != key and word.search(tag) for tag in tags)
        for tags in work.captions.values()
    )
    reason = f"'{gone}' also stands within other tags or sentences {in_captions(number)}; it stays"
    return [note("trigger word", reason)] if number else []


def _said(gone: str, word: str, remove: bool) -> str:
    if remove:
        return f"'{gone}' out"
    return f"'{gone}' → '{word}'" if gone and gone != word else f"'{word}' first"
