"""What a project holds, added up by folder, and where it came from. Pure."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dataprep.store import Picture, Source

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Holding:
    """The pictures of one folder, or of all."""

    folder: str
    """Inside the project; "." is the project itself."""
    pictures: int
    """That can be used."""
    unreadable: int
    formats: tuple[tuple[str, int], ...]
    """With their counts, the most frequent first."""
    smallest: Size
    """Width and height of the one with the fewest pixels; (0, 0) where there is none."""
    largest: Size
    bytes: int


@dataclass(frozen=True, slots=True)
class Origin:
    """A folder, archive or video from which pictures were imported."""

    source: str
    pictures: int
    """That are still there."""
    gone: int
    at: str
    """When the last of them came: local time, ISO 8601."""


def holdings(pictures: Iterable[Picture]) -> list[Holding]:
    """What each folder holds, in the order of their names; views count with their files."""
    found: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        if not picture.file:
            found[posixpath.dirname(picture.name) or "."].append(picture)
    return [_summed(folder, found[folder]) for folder in sorted(found)]


def whole(pictures: Iterable[Picture]) -> Holding:
    """What all folders hold together."""
    return _summed(".", [picture for picture in pictures if not picture.file])


def _summed(folder: str, pictures: list[Picture]) -> Holding:
    good = [picture for picture in pictures if not picture.reason]
    sizes = sorted(((p.width, p.height) for p in good), key=lambda size: (size[0] * size[1], size))
    formats = Counter(picture.format for picture in good)
    return Holding(
        folder,
        pictures=len(good),
        unreadable=len(pictures) - len(good),
        formats=tuple(sorted(formats.items(), key=lambda entry: (-entry[1], entry[0]))),
        smallest=sizes[0] if sizes else (0, 0),
        largest=sizes[-1] if sizes else (0, 0),
        bytes=sum(picture.size for picture in pictures),
    )


def origins(sources: Mapping[str, Source], names: Mapping[str, object]) -> list[Origin]:
    """Where imported pictures came from, what came last first; ``names`` are those still there."""
    found: dict[str, list[Source]] = defaultdict(list)
    for source in sources.values():
        found[_place(source)].append(source)
    summed = [
        Origin(
            place,
            pictures=sum(source.name in names for source in group),
            gone=sum(source.name not in names for source in group),
            at=max(source.at for source in group),
        )
        for place, group in found.items()
    ]
    return sorted(summed, key=lambda origin: (origin.at, origin.source), reverse=True)


def _place(source: Source) -> str:
    """The archive or video a picture was taken from, or the folder it was copied from."""
    if source.part:
        return source.source
    return posixpath.dirname(source.source.replace("\\", "/")) or source.source
