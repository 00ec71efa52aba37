"""Every finding of a project: its pictures as they are decided, and their captions."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from dataprep import concept, masks, target
from dataprep.buckets import Target
from dataprep.check import captions, pixels
from dataprep.check.captions import Shelf
from dataprep.check.findings import Hit, Judged
from dataprep.check.kinds import KINDS
from dataprep.check.settings import Settings
from dataprep.dataset import NOTHING, Dataset
from dataprep.decisions import Decisions
from dataprep.jobs import Job, Progress
from dataprep.looks import looks
from dataprep.selection import unfiltered
from dataprep.settings import read_recipe
from dataprep.store import Picture
from dataprep.tokens import counter

DEFAULT_SIZE = 512
GRID = 64
TOKENS = 75


def judge(dataset: Dataset, settings: Settings) -> Job[Judged]:
    """Judge a project that was refreshed, but for its rejected pictures.

    ``settings.only`` spares what the one kind does not need.
    """
    decisions = dataset.decisions()
    pictures = [
        picture
        for picture in dataset.pictures()
        if decisions.get(picture.name, NOTHING).verdict != "reject"
    ]
    usable = [picture for picture in pictures if not picture.reason]
    yield Progress(0, len(usable), "reading the captions")
    tokens = counter(bases(dataset))
    budget = settings.budget or TOKENS
    texts, hits = _caption_hits(dataset, usable, settings)
    counts = yield from captions.count(texts, tokens)
    hits += captions.long_hits(counts, tokens, budget)
    hits += [Hit("unreadable", p.name, p.reason) for p in pictures if p.reason]
    if not settings.only or KINDS[settings.only].about == "pixels":
        hits += yield from _pixel_hits(dataset, usable, decisions, settings)
    longest = max(counts.values(), default=0)
    return Judged(tuple(hits), len(pictures), tokens, longest, budget)


def wanted_target(dataset: Dataset, settings: Settings) -> Target:
    """The sizes the pictures are judged for."""
    if settings.size:
        return Target((settings.size, settings.size), buckets=True)
    return target.read(dataset.store) or Target((DEFAULT_SIZE, DEFAULT_SIZE), buckets=True)


def bases(dataset: Dataset) -> list[str]:
    """The base models that the recipe names, for their tokenizers."""
    recipe = read_recipe(dataset.root)
    named = [
        recipe.get("export", {}).get("base"),
        recipe.get("train", {}).get("pretrained_model_name_or_path"),
    ]
    return [str(base) for base in named if base]


def _caption_hits(
    dataset: Dataset, usable: Sequence[Picture], settings: Settings
) -> tuple[dict[str, str], list[Hit]]:
    """The captions that can be read, and what is wrong with any."""
    shelf = Shelf(
        dataset.root,
        names=tuple(picture.name for picture in usable),
        present=_present(dataset),
        extension=dataset.caption_extension,
    )
    texts, hits = captions.read(shelf)
    hits += captions.place_hits(shelf)
    trigger = settings.trigger or concept.read(dataset.store).trigger
    hits += captions.tag_hits(texts, trigger, keep_tokens=1)
    return texts, hits


def _present(dataset: Dataset) -> tuple[str, ...]:
    """All the project's pictures: the caption of one that is not meant is no orphan."""
    with unfiltered(dataset):
        return tuple(picture.name for picture in dataset.pictures())


def _pixel_hits(
    dataset: Dataset,
    usable: Sequence[Picture],
    decisions: Mapping[str, Decisions],
    settings: Settings,
) -> Job[list[Hit]]:
    seen, issues = yield from looks(dataset, usable)
    hits = [Hit("unreadable", issue.file, issue.reason) for issue in issues]
    wanted = wanted_target(dataset, settings)
    sizes = wanted.sizes()
    for picture in usable:
        decided = decisions.get(picture.name, NOTHING)
        hits += pixels.size_hits(picture, decided.crop, wanted, sizes, settings.aspect)
        if picture.sha in seen:
            measures = seen[picture.sha].measures
            hits += pixels.light_hits(picture.name, measures, settings)
            hits += pixels.border_hits(picture, measures.borders, decided.crop)
        hits += _mask_hits(dataset, picture, decided)
    hits += pixels.copy_hits(usable)
    return _with_lower_size(hits, usable, dataset.root)


def _with_lower_size(hits: list[Hit], usable: Sequence[Picture], root: Path) -> list[Hit]:
    """Where most pictures are too small, another fix: a resolution that most of them have."""
    if 2 * sum(hit.kind == "too-small" for hit in hits) <= len(usable):
        return hits
    side = math.sqrt(median(picture.width * picture.height for picture in usable))
    size = max(GRID, int(side) // GRID * GRID)
    fix = f"dataprep crop {shlex.quote(str(root))} --size {size} --buckets"
    return [replace(hit, fix=fix) if hit.kind == "too-small" else hit for hit in hits]


def _mask_hits(dataset: Dataset, picture: Picture, decided: Decisions) -> Iterator[Hit]:
    """A mask that covers next to nothing or everything, as the model made it."""
    if decided.background is None:
        return
    share = masks.covered(dataset.mask_path(picture, decided.background.model))
    if share is not None and not masks.LEAST < share < masks.MOST:
        yield Hit("mask-doubt", picture.name, f"its subject covers {share:.1%} of the picture")
