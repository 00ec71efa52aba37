"""``dataprep suggest``: which tags belong to what one trains, ranked, each with the reason.

Nothing is written unless that is asked for; then it is what prune would do with the same tags.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from dataprep import concept
from dataprep.dataset import Dataset
from dataprep.jobs import Job, Progress
from dataprep.pruning import presets
from dataprep.pruning.census import Census, census
from dataprep.pruning.cut import Cut
from dataprep.pruning.edit import (
    Done,
    captioned,
    captions_meant,
    carry_out,
    contradictions,
    merged,
    summary,
)
from dataprep.pruning.patterns import all_meant, entries
from dataprep.pruning.presets import Preset
from dataprep.pruning.settings import Subject
from dataprep.pruning.sources import Sources
from dataprep.pruning.suggest import Suggestion, rank
from dataprep.report import Issue, Report
from dataprep.stages.scan import refresh


class Settings(Subject):
    """For what, and what happens with it."""

    preset: Preset = "character"
    """What is trained. concept and object are the same, and need --concept."""
    top: int = Field(default=20, ge=0)
    """How many tags to list; 0 lists all."""
    at_least: float = Field(default=0.5, ge=0, le=1)
    """From this score on (0 to 1) a tag is suggested."""
    apply: bool = False
    """Prune what is suggested, as one edit, just as prune would."""

    @model_validator(mode="after")
    def _names_the_concept(self) -> Settings:
        if (self.preset in ("concept", "object")) != bool(self.concept):
            raise ValueError("--preset concept and --concept NAME go together")
        return self


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Rank the tags of all captions; with ``apply`` prune those from ``at_least`` on."""
    issues = yield from refresh(dataset, settings)
    known = concept.read(dataset.store)
    captions = captions_meant(dataset)
    yield Progress(0, None, "ranking the tags")
    counted = census(captioned(dataset, captions), [known.trigger])
    sources = Sources(dataset, settings.tagger, settings.tag_list)
    evidence = sources.evidence(p for p in dataset.usable() if captions.get(p.name))
    keep = all_meant(entries(settings.keep), counted.counts)
    ranked = [
        one
        for one in rank(settings.preset, counted, evidence, settings.concept)
        if one.key not in keep
    ]
    chosen = [one for one in ranked if one.score >= settings.at_least]
    done: Done | None = None
    if settings.apply:
        spelled = [counted.spelling[one.key] for one in chosen]
        cut = Cut(
            {one.key: one.reason for one in chosen},
            keep,
            trigger=known.trigger,
            old_trigger=known.trigger,
        )
        done = yield from carry_out(dataset, captions, cut, merged(known, spelled))
        issues += done.clashes
    else:
        issues += [one for name, tags in captions.items() for one in contradictions(name, tags)]
    remarks = _missing(counted, sources, not evidence.priors, not evidence.steadiness)
    return _report(dataset, settings, counted, ranked, chosen, done, issues, remarks)


def _missing(counted: Census, sources: Sources, no_prior: bool, no_scores: bool) -> list[str]:
    """What the ranking had to do without."""
    said = []
    if not counted.captions:
        return ["none of these pictures has a caption: run `dataprep tag` first"]
    if no_scores:
        said.append(
            "no tagger has run on these pictures, so only frequency and word lists count here: "
            "run `dataprep tag` for more"
        )
    elif no_prior:
        said.append(
            "how common a tag is elsewhere is not known: this tagger's list has no counts; a "
            "danbooru.csv has (--tag-list FILE)"
        )
    if not sources.categories:
        said.append("no tag has a category here: names of characters were not looked for")
    return said


def _report(
    dataset: Dataset,
    settings: Settings,
    counted: Census,
    ranked: list[Suggestion],
    chosen: list[Suggestion],
    done: Done | None,
    issues: list[Issue],
    remarks: list[str],
) -> Report:
    shown = ranked[: settings.top] if settings.top else ranked
    width = max((len(counted.spelling[one.key]) for one in shown), default=0)
    keys = {one.key for one in chosen}
    lines = [
        f"{'*' if one.key in keys else ' '} {one.score:.2f}  "
        f"{counted.spelling[one.key]:<{width}}  {one.reason}"
        for one in shown
    ]
    if settings.preset == "character":
        lines += presets.varied(counted, counted.counts.keys() - {one.key for one in ranked})
    lines += remarks
    lines.append(
        f"{len(chosen)} of {len(ranked)} tags (*) from {settings.at_least:g} on belong to "
        f"{repr(settings.concept) if settings.concept else 'the ' + settings.preset}"
        + ("" if done else "; --apply prunes them")
    )
    if done is not None:
        lines += summary(done, dataset.dry_run)
    return Report(
        "suggest",
        done=done.captions if done is not None else 0,
        unchanged=counted.captions - (done.captions if done is not None else 0),
        issues=tuple(issues),
        changes=done.changes if done is not None else (),
        facts={
            "preset": settings.preset,
            "captions": counted.captions,
            "suggestions": [_row(one, counted, keys) for one in shown],
            "remarks": remarks,
        },
        lines=tuple(lines),
        dry_run=dataset.dry_run,
    )


def _row(one: Suggestion, counted: Census, chosen: set[str]) -> dict[str, Any]:
    return {
        "tag": counted.spelling[one.key],
        "score": one.score,
        "captions": one.count,
        "reason": one.reason,
        "suggested": one.key in chosen,
    }
