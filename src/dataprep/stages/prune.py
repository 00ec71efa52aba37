"""``dataprep prune``: take out the tags that are the concept itself, put the trigger first.

What every caption says the LoRA learns to need; what no caption says, but every picture shows,
goes to the trigger word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from dataprep import concept
from dataprep.captions import SEPARATOR, tag_key
from dataprep.concept import Concept
from dataprep.dataset import Dataset
from dataprep.edits.patterns import Pattern
from dataprep.jobs import Job
from dataprep.pruning import presets
from dataprep.pruning.census import Census, census
from dataprep.pruning.cut import Cut
from dataprep.pruning.edit import (
    SHOWN,
    Done,
    captioned,
    captions_meant,
    carry_out,
    listing,
    merged,
    summary,
    table,
)
from dataprep.pruning.patterns import all_meant, entries
from dataprep.pruning.rules import NAMED, Ruled, absent, read_list, remark, unknown, without
from dataprep.pruning.settings import Frequency, Subject, Tags
from dataprep.pruning.sources import Sources
from dataprep.report import Issue, Report
from dataprep.stages.scan import refresh
from dataprep.stages.trigger import one_tag
from dataprep.vocabulary import Category

SAYING = (
    *("remove", "category", "below", "more_than", "fewer_than", "file", "redundant"),
    *("trigger", "aliases", "forget"),
)
"""Settings of which one has to be given, where no preset is."""


class Settings(Subject):
    """What goes, and what comes first."""

    remove: Tags = ()
    """Tags to take out of every caption, separated by commas: "hat, * eyes, re:^(red|blue) .*";
    * and ? stand for anything. Always whole tags: bra does not mean bracelet."""
    trigger: Annotated[str, AfterValidator(one_tag)] = ""
    """The trigger word, put first in every caption."""
    preset: Literal["none", "character", "style", "concept", "object"] = "none"
    """What is trained; what belongs to it goes, by our lists and what these captions mostly say.
    concept and object are the same, and need --concept."""
    yes: bool = False
    """Confirm also what a preset only supposes; without it that is listed and stays."""
    category: tuple[Category, ...] = ()
    """Tags of these categories, such as character or meta."""
    below: float = Field(default=0, ge=0, le=1)
    """In each caption the tags whose remembered score is below this (0 to 1); tags without a score
    stay."""
    more_than: Frequency = ""
    """Tags in more captions than this: a number such as 40, or a share such as 80%."""
    fewer_than: Frequency = ""
    """Tags in fewer captions than this: a number such as 2, or a share such as 1%."""
    file: Path | None = None
    """A file of tags to take out: one per line or separated by commas; # starts a comment."""
    redundant: bool = False
    """Tags that another tag beside them says: hair beside blonde hair."""
    aliases: bool = False
    """Bring other spellings to the tag's canonical name first; needs a list of Danbooru's tags."""
    forget: Tags = ()
    """Tags that no longer count as pruned: the score does not ask for them, tagging may write
    them again. Patterns as for remove."""

    @model_validator(mode="after")
    def _says_something(self) -> Settings:
        if not any(getattr(self, name) for name in SAYING) and self.preset == "none":
            raise ValueError("give --remove, --preset, another rule of what goes, or --trigger")
        if (self.preset in ("concept", "object")) != bool(self.concept):
            raise ValueError("--preset concept and --concept NAME go together")
        return self


@dataclass(frozen=True, slots=True)
class Plan:
    """What the settings come to for these captions, before any is changed."""

    cut: Cut
    ruled: Ruled
    after: Concept
    """The project's concept afterwards."""
    remarks: list[Issue]
    notes: list[str]


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Prune every usable picture's caption, as one edit. Running it again changes nothing."""
    issues = yield from refresh(dataset, settings)
    captions = captions_meant(dataset)
    plan = planned(dataset, settings, captions)
    done = yield from carry_out(dataset, captions, plan.cut, plan.after)
    issues += [*plan.remarks, *done.clashes]
    return _report(dataset, plan.cut, plan.ruled, done, plan.after, issues, plan.notes)


def planned(dataset: Dataset, settings: Settings, captions: Mapping[str, Sequence[str]]) -> Plan:
    """Resolve the settings to tags of these captions. Nothing is written."""
    old = concept.read(dataset.store)
    new = replace(old, trigger=settings.trigger or old.trigger)
    sources = Sources(dataset, settings.tagger, settings.tag_list)
    respelled = _respelled(captions.values(), sources, new.trigger) if settings.aliases else {}
    counted = census(
        ([respelled.get(tag, tag) for tag in tags] if respelled else tags)
        for tags in captioned(dataset, captions)
    )
    keep = set(all_meant(entries(settings.keep), counted.counts))
    listed = entries([*settings.remove, *read_list(settings.file)])
    fixed = {tag_key(name) for name in (new.trigger, old.trigger) if name} | {SEPARATOR}
    ruled = _rules(settings, listed, without(counted, fixed), sources)
    cut = Cut(
        gone=ruled.gone,
        keep=keep,
        trigger=new.trigger,
        old_trigger=old.trigger,
        low=sources.below(settings.below) if settings.below else None,
        low_reason=f"score below {settings.below:g}",
        respelled=respelled,
        redundant=settings.redundant,
    )
    joined = [counted.spelling[key] for key in counted.counts if key in ruled.joins - keep]
    noted, remarks = _not_there(listed, counted, old, fixed, sources)
    plain = [one.text for one in noted if one.key not in keep]
    forgotten, missed = _forgotten(old, settings)
    after = merged(new, [*plain, *joined], forgotten)
    ruled.asks = {k: why for k, why in ruled.asks.items() if k not in keep | ruled.gone.keys()}
    notes = _notes(settings, counted, sources, keep) if settings.preset == "character" else []
    return Plan(cut, ruled, after, [*remarks, *ruled.remarks, *missed], notes)


def _respelled(captions: Iterable[Sequence[str]], sources: Sources, trigger: str) -> dict[str, str]:
    """The canonical spelling of each tag as it stands, where that is another tag."""
    known = sources.need_tag_list("--aliases")
    distinct = dict.fromkeys(tag for tags in captions for tag in tags)
    found = {tag: known.respelled(tag) for tag in distinct if tag_key(tag) != tag_key(trigger)}
    return {tag: name for tag, name in found.items() if name != tag}


def _rules(
    settings: Settings, listed: Sequence[Pattern], counted: Census, sources: Sources
) -> Ruled:
    """Resolve every rule to tags of these captions."""
    ruled = Ruled(counted)
    ruled.by_name(listed)
    if settings.category:
        ruled.by_category(settings.category, sources.need_categories("--category"))
    ruled.by_frequency(settings.more_than, settings.fewer_than)
    if settings.preset != "none":
        found = presets.rulings(
            settings.preset, counted, sources.categories, settings.share, settings.concept
        )
        ruled.by_preset(found, settings.yes)
    return ruled


def _not_there(
    listed: Sequence[Pattern],
    counted: Census,
    old: Concept,
    fixed: set[str],
    sources: Sources,
) -> tuple[list[Pattern], list[Issue]]:
    """Which plain names are noted as pruned though no caption has them, and remarks on all.

    Names are noted before a tagger runs, so that it leaves them out. One that the taggers which
    ran here do not know is a slip: the score would ask for it in vain.
    """
    known = {*counted.counts, *(tag_key(tag) for tag in old.pruned)}
    there = [one for one in listed if one.regex is None and one.key not in fixed]
    lacking = [one for one in absent(listed, known) if one.key not in fixed]
    words = sources.categories if lacking else {}
    slips = {one.key for one in lacking if one.regex is None and words and one.key not in words}
    remarks = [
        remark(
            f"'{one.text}' is {'no tag' if one.key == SEPARATOR else 'the trigger word'} and stays",
            "trigger",
        )
        for one in listed
        if one.key in fixed
    ]
    remarks += [unknown(one, counted, one.key in slips) for one in lacking]
    return [one for one in there if one.key not in slips], remarks


def _forgotten(old: Concept, settings: Settings) -> tuple[set[str], list[Issue]]:
    """Which pruned tags are forgotten, and a remark for each entry that means none."""
    before = [tag_key(tag) for tag in old.pruned]
    forget = entries(settings.forget)
    missed = [remark(f"'{one.text}' was not pruned") for one in absent(forget, before)]
    return set(all_meant(forget, before)), missed


def _notes(settings: Settings, counted: Census, sources: Sources, keep: set[str]) -> list[str]:
    """What to say of the preset character besides what it took."""
    notes = presets.varied(counted, keep)
    if not sources.categories:
        notes.append("no tag has a category here: names of characters were not looked for")
    return notes


def _report(
    dataset: Dataset,
    cut: Cut,
    ruled: Ruled,
    done: Done,
    after: Concept,
    issues: Sequence[Issue],
    notes: Sequence[str],
) -> Report:
    taken = listing(ruled.counted, cut.taken)
    asks = listing(
        ruled.counted, {(key, why): ruled.counted.counts[key] for key, why in ruled.asks.items()}
    )
    lines = [f"{old} → {new}" for old, new in list(cut.respelled.items())[:SHOWN]]
    lines += table([row for row in taken if row["reason"] != NAMED])
    if asks:
        lines += ["these stay; with --yes they go too:", *table(asks)]
    return Report(
        "prune",
        done=done.captions,
        unchanged=done.meant - done.captions,
        issues=tuple(issues),
        changes=done.changes,
        facts={
            "trigger": after.trigger,
            "pruned": list(after.pruned),
            "taken": taken,
            "asks": asks,
            "respelled": dict(cut.respelled),
            "emptied": done.emptied,
        },
        lines=(*lines, *notes, *summary(done, dataset.dry_run)),
        dry_run=dataset.dry_run,
    )
