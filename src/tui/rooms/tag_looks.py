"""What the Tag room asks of the project, answered in the reader's thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataprep.dataset import Dataset
from dataprep.jobs import Job
from dataprep.report import Report

if TYPE_CHECKING:
    from dataprep.candidates import Candidate
    from dataprep.tagging import Tagging
    from dataprep.whatif import Answer, WhatIf


@dataclass(frozen=True, slots=True)
class Look:
    """What is remembered of the chosen taggers."""

    index: WhatIf
    counts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Of each category: how its scores are spread."""
    cuts: Mapping[str, float | None] = field(default_factory=dict)
    """Of each category: where MCut's thresholds lie."""
    by_hand: int = 0
    scored: bool = True
    """Whether each of them has seen pictures as they are rendered now."""


def defaults_of(verb: str) -> dict[str, Any]:
    """The settings of a stage with what holds without a word."""
    from dataprep.stages import STAGES

    model, _ = STAGES[verb].load()
    fields = model.model_fields.items()
    return {name: info.get_default(call_default_factory=True) for name, info in fields}


def settings_of(values: Mapping[str, Any]) -> Tagging:
    """Values as the settings of ``tag``. Raises ``UsageError``."""
    from dataprep.settings import build
    from dataprep.stages import tag

    return build(tag.Settings, values, "dataprep tag")


def known_models(given: Sequence[str]) -> Callable[[Dataset], list[Candidate]]:
    """Which taggers may be chosen."""

    def question(dataset: Dataset) -> list[Candidate]:
        from dataprep.candidates import candidates

        return candidates(dataset, given)

    return question


def look_at(chosen: Sequence[Candidate], values: Mapping[str, Any]) -> Callable[[Dataset], Look]:
    """Read the scores; where a tagger has none, only the captions."""

    def question(dataset: Dataset) -> Look:
        from dataprep.whatif import Wish, look

        rows = [one.tagger for one in chosen if one.tagger is not None and one.scored]
        scored = bool(rows) and len(rows) == len(chosen)
        settings = settings_of(values)
        index = look(dataset, rows if scored else (), settings)
        index.answer(Wish.of(dataset, settings))  # the first is the slow one
        categories = [name for one in chosen for name in one.categories] if scored else []
        return Look(
            index,
            {name: index.histogram(name).tolist() for name in categories},
            {name: index.mcut(name) for name in categories},
            index.by_hand,
            scored,
        )

    return question


def what_if(
    look: Look, values: Mapping[str, Any], against: Mapping[str, Any] | None
) -> Callable[[Dataset], Answer]:
    """What captions would be with these settings."""

    def question(dataset: Dataset) -> Answer:
        from dataprep.whatif import Wish

        other = None if against is None else Wish.of(dataset, settings_of(against))
        return look.index.answer(Wish.of(dataset, settings_of(values)), other)

    return question


def spread_of(look: Look, tag: str) -> Callable[[Dataset], list[int]]:
    """How the scores of one tag are spread."""
    return lambda dataset: look.index.histogram_of(tag).tolist()


def chosen_first(models: Sequence[Candidate]) -> str:
    """The tagger that is taken where nothing is said."""
    from dataprep.weights import DEMO, is_offline

    ready = [one.name for one in models if one.scored or (one.is_here and one.name != DEMO)]
    named = [one.name for one in models if one.name != DEMO]
    if not ready and (is_offline() or not named):
        return DEMO
    return (ready or named)[0]


def fetched(names: Sequence[str]) -> Job[Report]:
    """Fetch models, one after another."""
    from dataprep.stages import models

    for name in names:
        report = yield from models.run(Path(name), models.Settings(fetch=True))
    return report
