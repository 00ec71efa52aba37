"""A list of Danbooru's tags that a person places: categories, how common, other spellings.

The format is that of a1111-sd-webui-tagcomplete's ``danbooru.csv``: UTF-8, no header, rows of
``name,category,post_count,"alias,alias"``; categories 0 general, 1 artist, 3 copyright,
4 character, 5 meta. Its ``e621.csv`` has 5 species, 7 meta, 8 lore.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dataprep.captions import escaped, spaced, tag_key
from dataprep.errors import UsageError
from dataprep.vocabulary import Category
from dataprep.weights import model_folders

FILE = "danbooru.csv"
DANBOORU: dict[int, Category] = {
    0: "general", 1: "artist", 3: "copyright", 4: "character", 5: "meta"
}  # fmt: skip
E621: dict[int, Category] = {**DANBOORU, 5: "species", 7: "meta", 8: "lore"}
FORMAT = 'a row is name,category,post_count,"alias,alias"'


@dataclass(frozen=True, slots=True)
class TagList:
    """What the list says, by ``captions.tag_key``."""

    path: Path
    categories: Mapping[str, Category]
    pictures: Mapping[str, int]
    """How many pictures of the site carry a tag."""
    canonical: Mapping[str, str]
    """The tag for each other spelling; one that several tags claim, or that is a tag, is none."""

    def respelled(self, tag: str) -> str:
        """The canonical name of a tag, spelled in the manner of the tag; itself where it is one."""
        name = self.canonical.get(tag_key(tag))
        if name is None:
            return tag
        plain = name if "_" in tag and " " not in tag else spaced(name)
        return escaped(plain) if "\\(" in tag else plain


def find(given: Path | None) -> Path | None:
    """The list that is given, else the one where models lie; None: there is none.

    Raises ``UsageError`` for one that is given and not there.
    """
    if given is not None:
        path = given.expanduser()
        if not path.is_file():
            raise UsageError(f"{path}: no such file", f"give a list of tags; {FORMAT}")
        return path
    return next((path for path in model_folders(FILE) if path.is_file()), None)


def missing(wanted_for: str) -> UsageError:
    """The sentence where a list is needed and none is there."""
    looked = ", ".join(str(path) for path in model_folders(FILE))
    return UsageError(
        f"{wanted_for} needs a list of Danbooru's tags, and none is here (looked for {looked})",
        f"put a {FILE} there, such as that of a1111-sd-webui-tagcomplete, or name it with "
        "--tag-list FILE",
    )


def read(path: Path) -> TagList:
    """Read a list. Raises ``UsageError`` naming file and line for what is none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return _tag_list(path, _rows(path, csv.reader(stream)))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text at byte {error.start}", FORMAT) from None
    except csv.Error as error:
        raise UsageError(f"{path}: no CSV ({error})", FORMAT) from None


Row = tuple[str, int, int, str]


def _rows(path: Path, lines: Iterable[list[str]]) -> list[Row]:
    rows: list[Row] = []
    for number, cells in enumerate(lines, start=1):
        if not cells or (number == 1 and not _number(cells[1:2])):
            continue  # a blank line, or a header
        if not _number(cells[1:2]) or not _number(cells[2:3]):
            raise UsageError(f"{path}, line {number}: category or count is no number", FORMAT)
        rows.append((cells[0], int(cells[1]), int(cells[2]), cells[3] if cells[3:] else ""))
    if not rows:
        raise UsageError(f"{path}: no rows", FORMAT)
    return rows


def _number(cell: list[str]) -> bool:
    return bool(cell) and cell[0].strip().removeprefix("-").isdecimal()


def _tag_list(path: Path, rows: list[Row]) -> TagList:
    furry = any(number in (7, 8) for _, number, _, _ in rows)
    names = E621 if furry else DANBOORU
    categories: dict[str, Category] = {}
    pictures: dict[str, int] = {}
    claims: dict[str, set[str]] = {}
    for name, number, count, aliases in rows:
        key = tag_key(name)
        pictures.setdefault(key, count)
        if number in names:
            categories.setdefault(key, names[number])
        for alias in aliases.split(","):
            if alias.strip():
                claims.setdefault(tag_key(alias), set()).add(name)
    canonical = {
        alias: next(iter(claimed))
        for alias, claimed in claims.items()
        if len(claimed) == 1 and alias not in pictures
    }
    return TagList(path, categories, pictures, canonical)
