"""Pruning as one looks at it: every tag with what speaks for its going, and what a cut would do.

What is shown here is what ``prune`` does: both resolve the same settings by the same functions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from dataprep import concept, remembered
from dataprep.captions import SEPARATOR, tag_key
from dataprep.dataset import Dataset
from dataprep.jobs import finish
from dataprep.pruning.census import Census, census
from dataprep.pruning.choice import Choice, choice
from dataprep.pruning.edit import captioned, captions_meant
from dataprep.pruning.patterns import all_meant, entries
from dataprep.pruning.presets import Preset
from dataprep.pruning.sources import Sources
from dataprep.pruning.suggest import Suggestion, rank
from dataprep.settings import RECIPE, check_names, for_stage, read_recipe
from dataprep.stages import prune
from dataprep.stages.scan import refresh
from dataprep.stages.suggest import Settings as Suggesting


@dataclass(frozen=True, slots=True)
class TagRow:
    """One tag of the captions."""

    key: str
    tag: str
    """As it is spelled first."""
    captions: int
    share: float
    """Of the captions, 0..1."""
    category: str
    """Empty: no tagger here knows it."""
    score: float
    """How likely it belongs to what one trains, 0..1."""
    reason: str
    suggested: bool
    """Whether it goes when nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The captions of a project, and what is known of their tags."""

    captions: Mapping[str, list[str]] = field(default_factory=dict)
    rows: tuple[TagRow, ...] = ()
    spelling: Mapping[str, str] = field(default_factory=dict)
    """The tags by ``tag_key``."""
    ruled: frozenset[str] = frozenset()
    """Tags that the recipe's other settings take."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """The table [prune] of ``dataprep.toml``."""
    trigger: str = ""
    captioned: int = 0

    def values(self, checked: Collection[str], trigger: str) -> dict[str, Any]:
        """Settings of ``prune`` with which the checked tags go, beside those of the recipe."""
        before = Choice(_texts(self.recipe, "remove"), _texts(self.recipe, "keep"))
        found = choice(*before, self.spelling, self.ruled, checked)
        values: dict[str, Any] = {"remove": found.remove}
        if trigger:
            values["trigger"] = trigger
        if found.keep != before.keep:
            values["keep"] = found.keep
        return values


@dataclass(frozen=True, slots=True)
class Preview:
    """What a cut would do."""

    after: Mapping[str, list[str]] = field(default_factory=dict)
    """The tags afterwards of the pictures whose caption changes."""
    tags: int = 0
    """Different tags that go."""
    emptied: int = 0
    """Captions that would say nothing but the trigger word."""


def overview(dataset: Dataset, preset: Preset, named: str = "") -> Overview:
    """Read the captions and judge their tags. Raises ``UsageError`` for a recipe that is wrong.

    ``named`` is the name of the concept or object, where the preset asks for one.
    """
    recipe = read_recipe(dataset.root).get("prune", {})
    settings = _settings(dataset, {})
    if settings is not None and settings.where:
        finish(refresh(dataset, settings))
    captions = captions_meant(dataset)
    known = concept.read(dataset.store)
    counted = census(captioned(dataset, captions), [known.trigger])
    ruled: Mapping[str, str] = {}
    if settings is not None:
        bare = settings.model_copy(update={"remove": ()})
        ruled = prune.planned(dataset, bare, captions).cut.gone
    listed = prune.planned(dataset, settings, captions).cut.gone if settings is not None else {}
    kept = all_meant(entries(_texts(recipe, "keep")), counted.counts)
    rows = _rows(dataset, counted, captions, preset, named, {**ruled, **listed}, kept)
    return Overview(
        captions,
        tuple(rows),
        {row.key: row.tag for row in rows},
        frozenset(ruled),
        recipe,
        known.trigger,
        counted.captions,
    )


def preview(dataset: Dataset, shown: Overview, checked: Collection[str], trigger: str) -> Preview:
    """What ``prune`` would do with these tags and this trigger word.

    Raises ``UsageError`` for a trigger word that cannot be one.
    """
    settings = _settings(dataset, shown.values(checked, trigger))
    if settings is None:
        return Preview()
    cut = prune.planned(dataset, settings, shown.captions).cut
    after: dict[str, list[str]] = {}
    emptied = 0
    bare = {tag_key(name) for name in (cut.trigger, SEPARATOR) if name}
    for name, tags in shown.captions.items():
        left = cut.tags(name, tags) if tags else []
        if left != tags:
            after[name] = left
            emptied += bare.issuperset(map(tag_key, left))
    return Preview(after, len({key for key, _ in cut.taken}), emptied)


def forgetting(tags: Collection[str]) -> dict[str, Any]:
    """Settings of ``prune`` that forget these and take nothing out, whatever the recipe says."""
    quiet = {
        name: prune.Settings.model_fields[name].get_default()
        for name in (*prune.SAYING, "preset", "concept")
    }
    return {**quiet, "forget": tuple(tags)}


def removed_without(recipe: Mapping[str, Any], tags: Collection[str]) -> list[str] | None:
    """The recipe's ``remove`` without these tags; None where it names none of them."""
    before = _texts(recipe, "remove")
    keys = {tag_key(tag) for tag in tags}
    after = [text for text in before if tag_key(text) not in keys]
    return after if after != before else None


def _rows(
    dataset: Dataset,
    counted: Census,
    captions: Mapping[str, list[str]],
    preset: Preset,
    named: str,
    taken: Mapping[str, str],
    kept: Collection[str],
) -> list[TagRow]:
    sources = Sources(dataset, "", None)
    categories = remembered.categories(dataset)
    ranked = rank(
        preset,
        counted,
        sources.evidence(p for p in dataset.usable() if captions.get(p.name)),
        named,
    )
    # of a concept without a name nothing can be said
    knows = bool(named) or preset not in ("concept", "object")
    own = Suggesting.model_fields["at_least"].default
    least = read_recipe(dataset.root).get("suggest", {}).get("at_least", own)
    return [
        TagRow(
            one.key,
            counted.spelling[one.key],
            one.count,
            counted.share(one.key),
            categories.get(one.key, ""),
            one.score,
            _reason(one, taken),
            one.key in taken or (knows and one.score >= least and one.key not in kept),
        )
        for one in ranked
    ]


def _reason(one: Suggestion, taken: Mapping[str, str]) -> str:
    """Why it goes, the most telling first; how many captions have it is said beside it."""
    if one.key in taken:
        return f"recipe: {taken[one.key]}"
    _count, *parts = one.reason.split("; ")
    return "; ".join(reversed(parts))


def _settings(dataset: Dataset, values: Mapping[str, Any]) -> prune.Settings | None:
    """The recipe's settings and these; None where they say nothing."""
    table = {**read_recipe(dataset.root).get("prune", {}), **values}
    check_names(prune.Settings, table, f"{RECIPE} [prune]")
    if not any(table.get(name) for name in prune.SAYING) and table.get("preset", "none") == "none":
        return None
    return for_stage(prune.Settings, "prune", dataset.root, values)


def _texts(recipe: Mapping[str, Any], name: str) -> list[str]:
    """A setting that is a list of tags, or one text with commas between them."""
    value = recipe.get(name, ())
    parts = value.split(",") if isinstance(value, str) else value
    return [text for part in parts if (text := str(part).strip())]
