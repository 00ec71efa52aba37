"""From what a person names to the files that are meant: folders, files, patterns, lists."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from dataprep.errors import UsageError
from dataprep.images import entries, is_picture
from dataprep.importing.items import ARCHIVES, CAPTIONS, VIDEOS, Item, captions_of, is_wanted
from dataprep.report import Issue

MAGIC = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder to import, and the folder from which its names count."""

    path: Path
    base: Path


def expand(words: Iterable[str], beside: Path | None = None) -> list[Place]:
    """The files and folders that are meant, each once. Raises ``UsageError`` for one not there.

    A word is a path, a pattern with ``*``, ``?`` and ``**``, or ``@list.txt``: a file with one of
    these a line, which start at the list's own folder (``beside``).
    """
    places: dict[Path, Place] = {}
    for word in words:
        for place in _expanded(word, beside):
            places.setdefault(place.path.resolve(), place)
    return list(places.values())


def _expanded(word: str, beside: Path | None) -> list[Place]:
    path = (beside or Path()) / Path(word).expanduser()
    # a name with brackets, or one that begins with @, is first of all a name
    if path.exists():
        return [Place(path, path if path.is_dir() else path.parent)]
    if word.startswith("@") and beside is None:
        return _listed(Path(word[1:]))
    if MAGIC & set(word):
        return _globbed(path)
    raise UsageError(f"{path}: no such file or folder", "name folders, pictures, archives, videos")


def _listed(path: Path) -> list[Place]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text at byte {error.start}") from None
    words = [line.strip() for line in lines]
    return expand((word for word in words if word and not word.startswith("#")), path.parent)


def _globbed(pattern: Path) -> list[Place]:
    base = _fixed_part(pattern)
    found = base.glob(str(pattern.relative_to(base)))
    places = [
        Place(path, base)
        for path in sorted(found)
        if not _is_hidden(path, base) and (is_wanted(path.name) or path.is_dir())
    ]
    if not places:
        raise UsageError(f"{pattern}: no picture, archive, video or folder matches this pattern")
    return places


def _is_hidden(path: Path, base: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(base).parts)


def _fixed_part(pattern: Path) -> Path:
    """The folder before the first part with a wildcard."""
    fixed = []
    for part in pattern.parts:
        if MAGIC & set(part):
            break
        fixed.append(part)
    return Path(*fixed)


def from_folder(
    place: Place, target: Path, named: Collection[Path] = ()
) -> tuple[list[Item], list[Issue]]:
    """The pictures in a folder and below, without the project itself; and what is left there.

    ``named`` are files that are imported themselves. Raises ``UsageError`` for a folder of the
    project.
    """
    folder, project = place.path.resolve(), target.resolve()
    if folder.is_relative_to(project):
        raise UsageError(
            f"{place.path}: lies in the project itself", "its pictures are there already"
        )
    own = f"{project.relative_to(folder).as_posix()}/" if project.is_relative_to(folder) else None
    found = {
        name: entry
        for name, entry in entries(place.path)
        if own is None or not name.startswith(own)
    }
    above = _above(place)
    items = [
        _item(above + name, found[name], captions_of(posixpath.splitext(name)[0], found), found)
        for name in sorted(filter(is_picture, found))
    ]
    others = (Path(found[name].path) for name in sorted(found) if not is_picture(name))
    left = [path for path in others if path.suffix.lower() in ARCHIVES | VIDEOS]
    return items, list(_left_there(place.path, [p for p in left if p.resolve() not in named]))


def _item(
    name: str,
    entry: os.DirEntry[str],
    captions: tuple[tuple[str, str], ...],
    found: Mapping[str, os.DirEntry[str]],
) -> Item:
    stat = entry.stat()
    paths = tuple((ending, found[caption].path) for ending, caption in captions)
    return Item(name, "file", Path(entry.path), "", stat.st_size, stat.st_mtime_ns, paths)


def _above(place: Place) -> str:
    """What stands before the names of a folder that a pattern found."""
    inside = os.path.relpath(place.path, place.base)
    return "" if inside == "." else f"{PurePath(inside).as_posix()}/"


def _left_there(folder: Path, paths: Iterable[Path]) -> Iterator[Issue]:
    """A remark on archives and videos in a folder: of these only what is named is opened."""
    for what, endings in (("archive", ARCHIVES), ("video", VIDEOS)):
        left = [path for path in paths if path.suffix.lower() in endings]
        if left:
            more = f" and {len(left) - 1} more" if len(left) > 1 else ""
            reason = f"{what}s in folders are left alone: name {left[0].name}{more} to import it"
            yield Issue(str(folder), "left", reason, fatal=False)


def single_file(place: Place) -> Item:
    """A file that was named itself, or found by a pattern."""
    path = place.path
    name = PurePath(os.path.relpath(path, place.base)).as_posix()
    stat = path.stat()
    if path.suffix.lower() in VIDEOS:
        return Item(name, "video", path, "", stat.st_size, stat.st_mtime_ns)
    stem = str(path.with_suffix(""))
    there = {stem + end for end in CAPTIONS if Path(stem + end).is_file()}
    return Item(name, "file", path, "", stat.st_size, stat.st_mtime_ns, captions_of(stem, there))
