"""``dataprep retag``: captions anew from the remembered scores; no model runs."""

from __future__ import annotations

from pydantic import Field

from dataprep.dataset import Dataset
from dataprep.jobs import Job, Progress
from dataprep.remembered import find
from dataprep.report import Issue, Report
from dataprep.settings import Names
from dataprep.stages.scan import refresh
from dataprep.tagging import Tagged, Tagging, write
from dataprep.writing import remarks


class Settings(Tagging):
    """Which scores become tags now."""

    model: Names = Field(default=())
    """Taggers whose scores are read, by name; without it the one that ran last."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Choose again among the scores; captions by hand stay unless --touch-edited."""
    yield Progress(0, None, "reading the scores")
    issues = yield from refresh(dataset, settings)
    rows = dataset.store.taggers()
    taggers = [find(rows, name) for name in settings.model or ("",)]
    tagged = yield from write(dataset, taggers, settings, "retag")
    names = ", ".join(row.name for row in taggers)
    issues += [*tagged.issues, *_without_scores(tagged)]
    return Report(
        "retag",
        done=len(tagged.changes),
        unchanged=tagged.scored - len(tagged.changes),
        issues=tuple(issues),
        changes=tagged.changes,
        facts={
            "models": [row.name for row in taggers],
            "keys": [row.key for row in taggers],
            "written": len(tagged.changes),
            "tags_each": round(tagged.tags_each, 2),
            "kept": tagged.planned.kept,
            "protected": tagged.planned.protected,
        },
        lines=(_line(tagged, names, dataset.dry_run),),
        dry_run=dataset.dry_run,
    )


def _without_scores(tagged: Tagged) -> list[Issue]:
    missing = len(tagged.planned.pictures) - tagged.scored
    if not missing:
        return []
    reason = f"{missing} pictures have no scores as they are cut now; run `dataprep tag`"
    return [Issue("", "no scores", reason, fatal=False)]


def _line(tagged: Tagged, names: str, dry_run: bool) -> str:
    verb = "would change" if dry_run else "changed"
    parts = [f"{verb} {len(tagged.changes)} captions from the scores of {names}"]
    if tagged.changes:
        parts[0] += f": {tagged.tags_each:.1f} tags each"
    return "; ".join([*parts, *remarks(tagged.planned)])
