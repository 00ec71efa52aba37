"""Taggers one may choose: which lie on this machine, and which have seen the pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dataprep.dataset import Dataset
from dataprep.errors import DataprepError
from dataprep.scoring import items, known_keys
from dataprep.store import TaggerRow
from dataprep.taggers import all_known, known, manifest
from dataprep.taggers.folder import contract_of
from dataprep.vocabulary import Category
from dataprep.weights import DEMO, find_tagger
from dataprep.weights.catalogue import Row, by_hand, taggers

MOVABLE: tuple[Category, ...] = ("general", "character", "copyright", "artist", "meta")
"""Categories whose threshold is a setting."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tagger, what is needed to run it, and what it has said of the pictures so far."""

    name: str
    """As it is given to ``--model``."""
    place: str = ""
    """Where it lies, in a few words; empty: it is not on this machine."""
    megabytes: int = 0
    """Its size, or what there is to fetch; 0: not known."""
    tagger: TaggerRow | None = None
    """As it ran here last; None: it never has."""
    pictures: int = 0
    """Usable pictures of the project."""
    scored: int = 0
    """Of these, those that it has seen as they are rendered now."""
    stale: int = 0
    """Those that it has seen only as they are not rendered any more."""
    thresholds: Mapping[Category, float] = field(default_factory=dict)
    """Its own."""
    categories: tuple[Category, ...] = ("general",)
    """Those of ``MOVABLE`` that it knows."""
    how_to_place: tuple[str, ...] = ()
    """How to bring it here without network."""

    @property
    def is_here(self) -> bool:
        """Whether it can run without being fetched."""
        return bool(self.place)


def candidates(dataset: Dataset, given: Sequence[str] = ()) -> list[Candidate]:
    """Every tagger known by name, those that ran here, and those ``given``: most used first."""
    rows = {name_of(row.name): row for row in taggers()}
    ran = {tagger.name: tagger for tagger in dataset.store.taggers()}
    names = {name: name for name in ran}
    names |= {name: row.name for name, row in rows.items()}
    names |= {name_of(one): one for one in given}
    pictures = [item.key for item in items(dataset)]
    found = [
        (name, _candidate(dataset, one, rows.get(name), ran.get(name), pictures))
        for name, one in names.items()
    ]
    last = {name: place for place, name in enumerate(ran)}

    def used(pair: tuple[str, Candidate]) -> tuple[bool, int, bool, int]:
        name, one = pair
        known = list(rows).index(name) if name in rows else -1
        return not one.scored, -last.get(name, -1), not one.is_here, known

    return [one for _, one in sorted(found, key=used)]


def name_of(given: str) -> str:
    """What a tagger is called under which its scores are kept: of a folder, its name."""
    if given == DEMO:
        return find_tagger(DEMO).name
    for known_one in all_known().values():
        if known_one.repository and known_one.repository == given:
            return known_one.name
    return Path(given).name


def _candidate(
    dataset: Dataset,
    given: str,
    row: Row | None,
    tagger: TaggerRow | None,
    pictures: Sequence[tuple[str, str]],
) -> Candidate:
    there = known_keys(dataset.store, tagger.key) if tagger else set()
    seen = {sha for sha, _ in there}
    scored = sum(key in there for key in pictures)
    path = row.path if row else _path(given)
    thresholds = _thresholds(given, row, tagger, path)
    return Candidate(
        given,
        (row.place if row else str(path)) if path is not None else "",
        row.megabytes if row else 0,
        tagger,
        len(pictures),
        scored,
        sum(key[0] in seen and key not in there for key in pictures),
        thresholds,
        tuple(_categories(dataset, thresholds, tagger)),
        tuple(by_hand(row)) if row and path is None else (),
    )


def _path(given: str) -> Path | None:
    try:
        return find_tagger(given)
    except DataprepError:
        return None


def _thresholds(
    given: str, row: Row | None, tagger: TaggerRow | None, path: Path | None
) -> Mapping[Category, float]:
    if tagger is not None:
        return tagger.thresholds
    published = known(row.name if row else given)
    if published is not None:
        return published.thresholds or manifest(published.family).thresholds
    try:
        return contract_of(path).thresholds if path is not None else {}
    except DataprepError:
        return {}


def _categories(
    dataset: Dataset, thresholds: Mapping[Category, float], tagger: TaggerRow | None
) -> Iterator[Category]:
    said = set(thresholds)
    if tagger is not None:
        said = {entry.category for entry in dataset.store.vocabulary(tagger.key)}
    return (name for name in MOVABLE if name in said or name == "general")
