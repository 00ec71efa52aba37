"""``dataprep replace``: rename, split and merge tags."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, model_validator

from dataprep import bulk
from dataprep.bulk import in_captions, unknown
from dataprep.captions import SEPARATOR
from dataprep.dataset import Dataset
from dataprep.edits.patterns import Pattern, check_template, patterns
from dataprep.edits.replacing import replacing
from dataprep.errors import UsageError
from dataprep.jobs import Job
from dataprep.report import Report
from dataprep.settings import Selected as Base


class Settings(Base):
    """Which tags, and what takes their place."""

    old: str = Field(json_schema_extra={"positional": True})
    r"""The tag to replace, or several, separated by commas: each of them. * and ? stand for
    anything; re:EXPRESSION must fit a whole tag."""
    new: str = Field(json_schema_extra={"positional": True})
    r"""What takes its place; with commas, several tags. \1 is what the first * or group found."""
    all: bool = False
    """Only in captions that have all of the old tags, which together become the new one."""

    @model_validator(mode="after")
    def _says_something(self) -> Settings:
        if not self.old.replace(SEPARATOR, "").strip(" ,"):
            raise ValueError("old: must name a tag")
        if not self.new.strip(" ,"):
            raise ValueError("new: must be a tag; `dataprep prune` takes tags out")
        if SEPARATOR in self.new:
            raise ValueError(f"new: must not hold {SEPARATOR}")
        return self


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Replace tags where they stand, as one edit; the result holds none twice."""
    olds = patterns(settings.old)
    check_template(olds, settings.new)
    work = yield from bulk.opened(dataset, settings)
    refuse_trigger(olds, work.concept.trigger)
    work.issues.extend(unknown(work.captions.values(), olds))
    edit = replacing(olds, settings.new, every=settings.all, fixed=work.fixed)

    def edit_of(_: str, tags: Sequence[str]) -> list[str]:
        return edit(tags)

    changes = yield from bulk.changed(work, edit_of)
    olds_said = (" and " if settings.all else ", ").join(old.text for old in olds)
    title = f"replace: {olds_said} → {settings.new.strip()} {in_captions(len(changes))}"
    return bulk.finished(work, "replace", title, changes)


def refuse_trigger(wanted: Sequence[Pattern], trigger: str) -> None:
    """Raise ``UsageError`` when the trigger word is named where it must not be changed."""
    for own in wanted:
        if trigger and own.regex is None and own.matches(trigger):
            raise UsageError(
                f"'{own.text}' is the trigger word", "`dataprep trigger` changes or removes it"
            )
