"""``dataprep move``: tags to the front or the end of the captions that have them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, model_validator

from dataprep import bulk
from dataprep.bulk import in_captions, unknown
from dataprep.captions import SEPARATOR
from dataprep.dataset import Dataset
from dataprep.edits.patterns import patterns
from dataprep.edits.places import End, meaningless, moving
from dataprep.jobs import Job
from dataprep.report import Report
from dataprep.settings import Selected as Base
from dataprep.stages.replace import refuse_trigger


class Settings(Base):
    """Which tags, and where they go."""

    tags: str = Field(default="", json_schema_extra={"positional": True})
    """Tags to move, separated by commas; they stand in this order then. * and ? stand for
    anything; re:EXPRESSION must fit a whole tag."""
    to: End = "end"
    """Where they go; the trigger word and what else stays in place is not passed."""
    meaningless: bool = False
    """Also the tags that say nothing of what is shown, such as transparent background."""

    @model_validator(mode="after")
    def _says_something(self) -> Settings:
        if not self.tags.replace(SEPARATOR, "").strip(" ,") and not self.meaningless:
            raise ValueError("give tags, --meaningless, or both")
        if self.meaningless and self.to == "front":
            raise ValueError("meaningless tags go to the end")
        return self


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Move tags within the captions that have them, as one edit."""
    named = patterns(settings.tags)
    work = yield from bulk.opened(dataset, settings)
    refuse_trigger(named, work.concept.trigger)
    work.issues.extend(unknown(work.captions.values(), named))
    wanted = [*named, *(meaningless() if settings.meaningless else ())]
    edit = moving(wanted, settings.to, work.fixed)

    def edit_of(_: str, tags: Sequence[str]) -> list[str]:
        return edit(tags)

    changes = yield from bulk.changed(work, edit_of)
    said = [own.text for own in named] + ["meaningless tags"] * settings.meaningless
    title = f"move: {', '.join(said)} to the {settings.to} {in_captions(len(changes))}"
    return bulk.finished(work, "move", title, changes)
