"""``dataprep add``: tags into captions, at a place."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, model_validator

from dataprep import bulk
from dataprep.bulk import in_captions, unknown
from dataprep.captions import SEPARATOR, tag_key
from dataprep.dataset import Dataset
from dataprep.edits.patterns import Pattern, pattern
from dataprep.edits.places import Place, adding
from dataprep.errors import UsageError
from dataprep.jobs import Job
from dataprep.report import Report
from dataprep.settings import Selected as Base
from dataprep.stages.replace import refuse_trigger


class Settings(Base):
    """Which tags, and where they go."""

    tags: tuple[str, ...] = Field(json_schema_extra={"positional": True})
    """Tags to add, separated by commas; a caption that has one keeps it where it stands."""
    front: bool = False
    """Behind the trigger word and what else stays at the front."""
    back: bool = False
    """At the end; this is where they go when nothing is said."""
    after: str = ""
    """Behind this tag; captions without it stay. * and ? stand for anything."""
    before: str = ""
    """Before this tag; captions without it stay. * and ? stand for anything."""
    uncaptioned: bool = False
    """Pictures without a caption get one, too; else they stay without, for `dataprep tag`."""

    @model_validator(mode="after")
    def _one_place(self) -> Settings:
        if not any(tag.strip() for tag in self.tags):
            raise ValueError("tags: must name a tag")
        if any(SEPARATOR in tag for tag in self.tags):
            raise ValueError(f"tags: must not hold {SEPARATOR}")
        if self.front + self.back + bool(self.after) + bool(self.before) > 1:
            raise ValueError("front, back, after and before exclude each other")
        return self

    @property
    def place(self) -> Place:
        """Where they go."""
        if self.after or self.before:
            return "after" if self.after else "before"
        return "front" if self.front else "back"


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Add the tags to every caption meant, in their order, as one edit."""
    beside = settings.after or settings.before
    anchor = pattern(beside) if beside else None
    work = yield from bulk.opened(dataset, settings)
    trigger = work.concept.trigger
    refuse_trigger([Pattern(tag, tag_key(tag)) for tag in settings.tags], trigger)
    if settings.before and anchor and anchor.regex is None and work.fixed.is_trigger(beside):
        raise UsageError(f"'{beside}' is the trigger word and stays first", "use --front")
    if anchor:
        work.issues.extend(unknown(work.captions.values(), [anchor]))
    edit = adding(settings.tags, settings.place, anchor, work.fixed)

    def edit_of(_: str, tags: Sequence[str]) -> list[str]:
        # a caption of its own begins as all others do
        return edit(tags or [trigger] if trigger else tags)

    changes = yield from bulk.changed(work, edit_of, bare=settings.uncaptioned and not anchor)
    title = f"add: {', '.join(settings.tags)} {in_captions(len(changes))}"
    return bulk.finished(work, "add", title, changes)
