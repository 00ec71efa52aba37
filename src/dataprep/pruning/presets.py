"""What one trains, and which tags therefore belong to it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

from dataprep.pruning.census import Census
from dataprep.pruning.implications import value
from dataprep.pruning.names import names
from dataprep.pruning.words import group
from dataprep.vocabulary import Category

Preset = Literal["character", "style", "concept", "object"]
SHARE = 0.8
"""From this share of the captions on, what everybody could wear is taken for the character's."""
NAMES: frozenset[Category] = frozenset({"character", "copyright"})
ABOUT: frozenset[Category] = frozenset(
    {"artist", "meta", "rating", "quality", "lore", "model", "year"}
)
"""Categories that say nothing of what is seen."""


class Ruling(NamedTuple):
    """That a tag goes, and why."""

    reason: str
    sure: bool = True
    """False: it goes only when that is confirmed."""


def rulings(
    preset: Preset,
    census: Census,
    categories: Mapping[str, Category],
    share: float = SHARE,
    concept: str = "",
) -> dict[str, Ruling]:
    """Which tags of the captions go, by ``tag_key``, in the census's order."""
    if preset == "character":
        judged = {k: _character(k, census, categories.get(k), share) for k in census.counts}
    elif preset == "style":
        judged = {key: _style(key, categories.get(key)) for key in census.counts}
    else:
        near = names(concept, census.counts)
        exact = {key: Ruling(why) for key, why in near.exact.items()}
        judged = {**exact, **{key: Ruling(why, False) for key, why in near.near.items()}}
    return {key: judged[key] for key in census.counts if judged.get(key)}  # type: ignore[misc]


def _character(key: str, census: Census, category: Category | None, share: float) -> Ruling | None:
    often = census.share(key)
    if category in NAMES:
        return _name(key, census, category, often >= share)
    if category in ABOUT:
        return None
    found = group(key)
    if found is not None and found.kind in ("stays", "style"):
        return None
    if found is not None and found.kind == "trait":
        return Ruling(f"a trait: {found.name}")
    if often < share:
        return None
    what = found.name if found is not None else "in no list of ours"
    return Ruling(f"in {often:.0%} of the captions, {what}".replace("%", " %"))


def _name(key: str, census: Census, category: Category | None, mostly: bool) -> Ruling:
    """A name on pictures of one person is this character's; else it may be a companion's."""
    own = mostly or not census.knows_alone or 2 * census.alone[key] >= census.counts[key]
    if own:
        return Ruling(f"a name: {category}")
    return Ruling(f"a name ({category}), but mostly beside others", False)


def _style(key: str, category: Category | None) -> Ruling | None:
    if category == "artist":
        return Ruling("a name: artist")
    found = group(key)
    if found is None or found.kind != "style":
        return None
    return Ruling(found.name)


def varied(census: Census, keep: Collection[str] = ()) -> list[str]:
    """Traits of which a character has one, but these captions say several, none of them mostly.

    A sentence each: a person may want to keep them. Nothing is said of what is kept.
    """
    values: dict[str, dict[int, list[str]]] = {}
    for key in census.counts:
        if key not in keep and (one := value(key)) is not None:
            values.setdefault(one[0], {}).setdefault(one[1], []).append(key)
    said = []
    for name, found in values.items():
        totals = [sum(census.counts[key] for key in keys) for keys in found.values()]
        if len(totals) > 1 and 2 * max(totals) <= sum(totals):
            keys = sorted((key for same in found.values() for key in same), key=census.share)
            shown = ", ".join(f"{key} {census.counts[key]}" for key in reversed(keys))
            said.append(f"{name} vary ({shown}): name in --keep what changes with the picture")
    return said
