"""Ranks tags by how likely they belong to what one trains, with the reason in a line. Pure.

A score is the logistic function of a sum of log-odds: what our lists and the category make of the
tag, how much of the captions has it, how much more often that is than in the pictures the tagger
learned from, and how steady its scores are over the pictures. What is not known adds nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from dataprep.pruning.census import Census
from dataprep.pruning.names import names
from dataprep.pruning.presets import ABOUT, NAMES, Preset
from dataprep.pruning.words import Kind, group
from dataprep.vocabulary import Category

LIFT_WEIGHT = 0.25
MOST_SHARE = 3.0
"""Log-odds that the share of the captions can add or take."""
MOST_LIFT = 6.0
STAYS, SURE = 0.005, 0.99
BELIEFS: dict[Preset, dict[Kind | None, float]] = {
    "character": {"trait": 0.8, "clothing": 0.5, None: 0.3, "stays": STAYS, "style": STAYS},
    "style": {"style": 0.9, None: 0.01, "trait": STAYS, "clothing": STAYS, "stays": STAYS},
    "concept": {None: 0.03, "clothing": 0.01, "trait": STAYS, "stays": STAYS, "style": STAYS},
}
"""How likely a tag of a kind belongs to what one trains, before its numbers are seen."""
NEAR = 0.6


@dataclass(frozen=True, slots=True)
class Steadiness:
    """A tag's scores over the pictures that were scored; below the floor they count as 0."""

    mean: float
    spread: float
    """Standard deviation, 0..0.5."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known beyond the captions, by ``tag_key``."""

    categories: Mapping[str, Category]
    priors: Mapping[str, float]
    """The share of the pictures a tagger learned from that have the tag, 0..1."""
    steadiness: Mapping[str, Steadiness]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A tag, how likely it belongs to what one trains (0..1), and why."""

    key: str
    score: float
    count: int
    reason: str


def rank(preset: Preset, census: Census, evidence: Evidence, concept: str = "") -> list[Suggestion]:
    """All tags of the captions, the likeliest first, then the more frequent, then by name."""
    called = _called(preset, census, concept)
    found = [_suggestion(key, preset, census, evidence, called) for key in census.counts]
    return sorted(found, key=lambda one: (-one.score, -one.count, one.key))


def _called(preset: Preset, census: Census, concept: str) -> dict[str, tuple[float, str]]:
    if preset not in ("concept", "object"):
        return {}
    near = names(concept, census.counts)
    exact = {key: (SURE, why) for key, why in near.exact.items()}
    return {key: (NEAR, why) for key, why in near.near.items()} | exact


def _suggestion(
    key: str,
    preset: Preset,
    census: Census,
    evidence: Evidence,
    called: Mapping[str, tuple[float, str]],
) -> Suggestion:
    belief, why = called.get(key) or _belief(key, preset, evidence.categories.get(key))
    count = census.counts[key]
    odds = log_odds(smoothed(count, census.captions))
    total = log_odds(belief) + _limited(odds, MOST_SHARE)
    parts = [f"in {count} of {census.captions} captions"]
    if (prior := evidence.priors.get(key)) is not None:
        total += LIFT_WEIGHT * _limited(odds - log_odds(prior), MOST_LIFT)
        parts.append(_times(census.share(key) / prior))
    if (steady := evidence.steadiness.get(key)) is not None:
        total += 0.5 - 2 * steady.spread
        parts.append(f"scores {steady.mean:.2f} ± {steady.spread:.2f}")
    parts.append(why)
    return Suggestion(key, round(1 / (1 + math.exp(-total)), 3), count, "; ".join(parts))


def _belief(key: str, preset: Preset, category: Category | None) -> tuple[float, str]:
    """How likely by category and list, and which of them says so."""
    if preset == "character" and category in NAMES:
        return SURE, f"a name: {category}"
    if preset == "style" and category == "artist":
        return SURE, "a name: artist"
    if category in ABOUT | NAMES:
        return STAYS, f"stays: {category}"
    found = group(key)
    table = BELIEFS["concept" if preset == "object" else preset]
    belief = table[found.kind if found is not None else None]
    if found is None:
        return belief, "in no list"
    return belief, f"stays: {found.name}" if found.kind == "stays" else found.name


def smoothed(count: int, total: int) -> float:
    """A share that is never 0 or 1: half a picture more on either side."""
    return (count + 0.5) / (total + 1)


def log_odds(share: float) -> float:
    """The logarithm of share : rest, for 0 < share < 1."""
    return math.log(share / (1 - share))


def _limited(number: float, most: float) -> float:
    return max(-most, min(most, number))


def _times(ratio: float) -> str:
    if ratio >= 0.95:
        return f"{ratio:.3g}× as often as where the tagger learned"
    return f"rarer than where the tagger learned ({ratio:.2g}×)"
