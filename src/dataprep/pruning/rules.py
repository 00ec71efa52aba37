"""The rules of a run, resolved once to the tags of the captions. Pure but for ``read_list``."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dataprep.captions import tag_key
from dataprep.edits.patterns import Pattern
from dataprep.errors import UsageError
from dataprep.pruning.census import Census
from dataprep.pruning.patterns import all_meant, entries_of, meant
from dataprep.pruning.presets import Ruling
from dataprep.pruning.settings import captions_of
from dataprep.report import Issue
from dataprep.vocabulary import Category

NAMED = "named"
"""The reason of a tag that was named letter by letter: it needs no list."""


def remark(reason: str, kind: str = "unknown tag") -> Issue:
    """A note on no caption in particular."""
    return Issue("", kind, reason, fatal=False)


@dataclass(slots=True)
class Ruled:
    """What the rules come to, by ``tag_key``."""

    counted: Census
    """Without the trigger words, which no rule is about."""
    gone: dict[str, str] = field(default_factory=dict)
    """What goes, with the reason of the first rule that says so."""
    joins: set[str] = field(default_factory=set)
    """What goes because it is the concept's: the trigger word stands for it from now on."""
    asks: dict[str, str] = field(default_factory=dict)
    """What goes only when it is confirmed."""
    remarks: list[Issue] = field(default_factory=list)

    def take(self, found: Mapping[str, str], joins: bool = True) -> None:
        """Add what a rule found."""
        self.gone = {**found, **self.gone}
        if joins:
            self.joins |= found.keys()

    def by_name(self, listed: Sequence[Pattern]) -> None:
        """Tags that are named, or match a pattern."""
        for key, text in all_meant(listed, self.counted.counts).items():
            self.take({key: NAMED if tag_key(text) == key else f"{NAMED}: {text}"})

    def by_category(self, wanted: Sequence[Category], known: Mapping[str, Category]) -> None:
        """Tags of a category."""
        for name in wanted:
            found = [key for key in self.counted.counts if known.get(key) == name]
            self.take({key: f"category {name}" for key in found})
            if not found:
                self.remarks.append(remark(f"no caption has a tag of the category {name}"))

    def by_frequency(self, more_than: str, fewer_than: str) -> None:
        """Tags in more, or in fewer captions than a number or share; empty: no such rule."""
        total, counts = self.counted.captions, self.counted.counts
        said = f"of {total} captions"
        if more_than:
            most = captions_of(more_than, total)
            often = {key: n for key, n in counts.items() if n > most}
            self.take({key: f"in {n} {said}, more than {more_than}" for key, n in often.items()})
        if fewer_than:
            least = captions_of(fewer_than, total)
            rare = {key: n for key, n in counts.items() if n < least}
            reasons = {key: f"in {n} {said}, fewer than {fewer_than}" for key, n in rare.items()}
            # what is rare is a slip or a detail, and nothing a trigger word should draw
            self.take(reasons, joins=False)

    def by_preset(self, rulings: Mapping[str, Ruling], confirmed: bool) -> None:
        """What a preset found."""
        sure = {key: one.reason for key, one in rulings.items() if one.sure or confirmed}
        self.take(sure)
        self.asks |= {key: one.reason for key, one in rulings.items() if key not in sure}


def without(counted: Census, names: Collection[str]) -> Census:
    """The same counts without some tags, by ``tag_key``."""
    counts = {key: n for key, n in counted.counts.items() if key not in names}
    return Census(counted.captions, counts, counted.alone, counted.spelling)


def read_list(path: Path | None) -> list[str]:
    """The entries of a file of tags; of no file, none.

    Raises ``UsageError`` for one that cannot be read.
    """
    if path is None:
        return []
    try:
        return entries_of(path.expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text at byte {error.start}") from None


def absent(listed: Sequence[Pattern], known: Collection[str]) -> list[Pattern]:
    """The entries that mean none of the tags."""
    return [one for one in listed if not meant(one, known)]


def unknown(one: Pattern, counted: Census, slip: bool) -> Issue:
    """The remark on an entry that means no tag, with the nearest one.

    ``slip``: no tagger knows the tag either.
    """
    if one.regex is not None:
        spaces = "; tags are compared with spaces, in lower case" if "_" in one.text else ""
        return remark(f"no caption has a tag like '{one.text}'{spaces}")
    close = difflib.get_close_matches(one.key, counted.counts, n=1)
    hint = f"; did you mean '{counted.spelling[close[0]]}'?" if close else ""
    return remark(f"no caption has '{one.text}'{', and no tagger knows it' * slip}{hint}")
