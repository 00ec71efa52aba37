"""``dataprep prune``: take out the tags that are the concept itself, put the trigger first.

What every caption says the LoRA learns to need; what no caption says, but every picture shows,
goes to the trigger word.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import AfterValidator, model_validator

from dataprep import concept
from dataprep.captions import frequency, prune, tag_key
from dataprep.concept import Concept
from dataprep.dataset import Dataset
from dataprep.jobs import Job, Progress
from dataprep.journal import PROJECT, Change
from dataprep.report import Issue, Report
from dataprep.settings import Selected as Base
from dataprep.stages.scan import refresh


def _one_tag(value: str) -> str:
    if "," in value or "\n" in value:
        raise ValueError("must be one word or phrase, without a comma")
    return " ".join(value.split())


class Settings(Base):
    """What goes, and what comes first."""

    remove: tuple[str, ...] = ()
    """Tags to take out of every caption, separated by commas."""
    trigger: Annotated[str, AfterValidator(_one_tag)] = ""
    """The trigger word, put first in every caption."""

    @model_validator(mode="after")
    def _says_something(self) -> Settings:
        if not self.remove and not self.trigger:
            raise ValueError("give --remove, --trigger or both")
        return self


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Prune every usable picture's caption, as one edit. Running it again changes nothing."""
    issues = yield from refresh(dataset, settings)
    captions = dataset.all_tags()
    old = concept.read(dataset.store)
    new = _merged(old, settings)
    gone = [*settings.remove, old.trigger] if new.trigger != old.trigger else settings.remove
    issues += _unknown(captions.values(), settings.remove, old.pruned)
    changes: list[Change] = [dataset.decision_change(PROJECT, concept.KEY, concept.encoded(new))]
    for done, (name, tags) in enumerate(captions.items(), start=1):
        changes.append(dataset.caption_change(name, prune(tags, gone, new.trigger)))
        yield Progress(done, len(captions), name)
    made = dataset.edit(_title(settings), changes)
    changed = sum(change.kind == "caption" for change in made)
    return Report(
        "prune",
        done=changed,
        unchanged=len(captions) - changed,
        issues=tuple(issues),
        changes=made,
        facts={"trigger": new.trigger, "pruned": list(new.pruned)},
        lines=(f"{changed} captions changed: {_title(settings)}",),
        dry_run=dataset.dry_run,
    )


def _merged(old: Concept, settings: Settings) -> Concept:
    pruned = {tag_key(tag): tag for tag in (*old.pruned, *settings.remove) if tag.strip()}
    return Concept(settings.trigger or old.trigger, tuple(pruned.values()))


def _unknown(
    captions: Iterable[Sequence[str]], remove: Sequence[str], pruned: Sequence[str]
) -> list[Issue]:
    """A remark for each tag that no caption has, with the nearest one; it may be a slip."""
    known = [tag for tag, _ in frequency(captions)]
    keys = {tag_key(tag) for tag in (*known, *pruned)}
    remarks = []
    for tag in remove:
        if tag_key(tag) not in keys:
            close = difflib.get_close_matches(tag, known, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            remarks.append(Issue("", "unknown tag", f"no caption has '{tag}'{hint}", fatal=False))
    return remarks


def _title(settings: Settings) -> str:
    parts = []
    if settings.remove:
        parts.append("remove " + ", ".join(settings.remove))
    if settings.trigger:
        parts.append(f"put '{settings.trigger}' first")
    return "prune: " + "; ".join(parts)
