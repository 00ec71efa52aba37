"""How often tags appear in captions, at which place, beside which others. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from dataprep.captions import SEPARATOR, tag_key
from dataprep.layout import IMAGES, parse_folder
from dataprep.vocabulary import CATEGORIES

Sort = Literal["count", "name", "place", "category", "lift"]
TRIGGER = "trigger"
"""What stands for the category of the trigger word."""
ORDER = {name: place for place, name in enumerate((TRIGGER, *CATEGORIES))}


@dataclass(frozen=True, slots=True)
class Count:
    """One tag."""

    tag: str
    """As it is spelled first."""
    key: str
    pictures: int
    share: float
    """Of the pictures with a caption, 0..1."""
    place: float
    """The median of its places in the captions that have it, from 1."""
    beside: int = 0
    """Pictures that have the other tag too."""
    beside_share: float = 0.0
    """Those among all that have the other tag, 0..1."""
    lift: float = 0.0
    """That share over its share of all: 1 where the two have nothing to do with each other."""
    folders: Mapping[str, int] = field(default_factory=dict)
    """Pictures by concept folder."""


@dataclass(frozen=True, slots=True)
class Counts:
    """All tags of some captions."""

    captioned: int
    rows: tuple[Count, ...]
    beside: int = 0
    """Pictures with the other tag."""
    folders: Mapping[str, int] = field(default_factory=dict)
    """Pictures with a caption by concept folder."""


def counted(captions: Mapping[str, Sequence[str]], beside: str = "") -> Counts:
    """Count the tags of captions by picture; with ``beside`` those that stand beside that tag."""
    other = tag_key(beside)
    places: dict[str, list[int]] = defaultdict(list)
    spelling: dict[str, str] = {}
    shared: Counter[str] = Counter()
    folders: dict[str, Counter[str]] = defaultdict(Counter)
    sizes: Counter[str] = Counter()
    for name, caption in captions.items():
        row = {tag_key(tag): tag for tag in caption if tag != SEPARATOR}
        if row:
            folder = folder_of(name)
            sizes[folder] += 1
            folders[folder].update(row.keys())
        if other in row:
            shared.update(row.keys())
        for place, (key, tag) in enumerate(row.items(), start=1):
            places[key].append(place)
            spelling.setdefault(key, tag)
    captioned = sizes.total()
    rows = tuple(
        Count(
            spelling[key],
            key,
            len(at),
            len(at) / captioned,
            median(at),
            shared[key],
            *_together(shared[key], shared[other], len(at) / captioned),
            folders={folder: counts[key] for folder, counts in sorted(folders.items())},
        )
        for key, at in places.items()
        if not other or (shared[key] and key != other)
    )
    return Counts(captioned, rows, shared[other], dict(sorted(sizes.items())))


def _together(shared: int, beside: int, share: float) -> tuple[float, float]:
    """The share among pictures with the other tag, and the lift."""
    inside = shared / beside if beside else 0.0
    return inside, inside / share


def folder_of(name: str) -> str:
    """The concept folder a picture lies in; empty for one at the top.

    ``N_concept``, wherever it is (``img/10_city/a.png``), else the folder at the top.
    """
    steps = name.split("/")[:-1]
    place = next((place for place, step in enumerate(steps) if parse_folder(step)), 0)
    path = "/".join(steps[: place + 1])
    return path.removeprefix(f"{IMAGES}/")


def ordered(
    rows: Sequence[Count], by: Sort, categories: Mapping[str, str], beside: bool
) -> list[Count]:
    """Rows in an order; what is equal by the number, and then by name. ``beside``: by that one."""

    def number(row: Count) -> int:
        return -(row.beside if beside else row.pictures)

    first: dict[Sort, Callable[[Count], float]] = {
        "count": number,
        "name": lambda row: 0,
        "place": lambda row: row.place,
        "category": lambda row: ORDER.get(categories.get(row.key, ""), len(ORDER)),
        "lift": lambda row: -row.lift,
    }
    key = first[by]
    if by == "name":
        return sorted(rows, key=lambda row: (row.key, row.tag))
    return sorted(rows, key=lambda row: (key(row), number(row), row.tag))
