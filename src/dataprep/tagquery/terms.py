"""The terms of a filter: each asks one thing of a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from dataprep.captions import tag_key
from dataprep.tagquery import patterns
from dataprep.tagquery.errors import Unsure
from dataprep.tagquery.nodes import Between, Subject

FLAGS = {
    "edited": "the caption is by hand, or by another program",
    "tagged": "it has a caption",
    "captioned": "the same as tagged",
    "untagged": "it has no caption, or an empty one",
    "cropped": "dataprep crop decided its cut",
    "masked": "dataprep background decided its background",
    "view": "it is a part of another picture",
    "unreadable": "it cannot be used",
}
"""Words that stand alone."""
NUMBERS = {
    "size": "shorter side (pixels)",
    "width": "width (pixels)",
    "height": "height (pixels)",
    "pixels": "width × height",
    "megapixels": "the same in millions",
    "aspect": "width / height",
    "tokens": "CLIP tokens of the caption",
    "tags": "tags in the caption",
}
"""Words that are compared with a number; sizes are those of the upright picture."""
Operator = Literal["<", "<=", "=", "!=", ">=", ">", ".."]


def quoted(text: str) -> str:
    """A text in quotes."""
    return '"' + text.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Text:
    """What is looked for: a text, perhaps with wildcards, or a regular expression."""

    text: str
    regex: bool = False

    def __str__(self) -> str:
        return ("re:" if self.regex else "") + quoted(self.text)


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of the caption."""

    what: Text

    def holds(self, subject: Subject) -> bool:
        """Compared whole, whatever the case; a regular expression is looked for inside."""
        if self.what.regex:
            search = patterns.regex(self.what.text).search
            # as it is spelled, and with blanks for underscores
            return any(map(search, subject.tags)) or any(map(search, subject.keys))
        key = tag_key(self.what.text)
        if patterns.is_wild(key):
            return any(map(patterns.wild(key).fullmatch, subject.keys))
        return key in subject.keys

    def __str__(self) -> str:
        return f"tag:{self.what}"


@dataclass(frozen=True, slots=True)
class Name:
    """The picture's name: the file's own, or with its folders."""

    what: Text

    def holds(self, subject: Subject) -> bool:
        """Whatever the case."""
        if self.what.regex:
            return patterns.regex(self.what.text).search(subject.name) is not None
        return is_called(subject.name, self.what.text)

    def __str__(self) -> str:
        return f"name:{self.what}"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder the picture lies in, or one above it; "." is the project itself."""

    what: Text

    def holds(self, subject: Subject) -> bool:
        """Whatever the case; "." means no folder below the project."""
        folder = subject.name.rpartition("/")[0].casefold()
        if self.what.regex:
            return patterns.regex(self.what.text).search(folder) is not None
        wanted = self.what.text.replace("\\", "/").casefold().rstrip("/") or "."
        if wanted == ".":
            return not folder
        steps = folder.split("/")
        above = ("/".join(steps[:end]) for end in range(1, len(steps) + 1))
        return any(map(patterns.wild_name(wanted).fullmatch, above))

    def __str__(self) -> str:
        return f"folder:{self.what}"


@dataclass(frozen=True, slots=True)
class Caption:
    """Words of the caption."""

    what: Text

    def holds(self, subject: Subject) -> bool:
        """Words that stand by themselves; a regular expression is looked for in the text."""
        find = patterns.regex if self.what.regex else patterns.whole_words
        return find(self.what.text).search(subject.text) is not None

    def __str__(self) -> str:
        return f"caption:{self.what}"


@dataclass(frozen=True, slots=True)
class Format:
    """What the file is, whatever its name says."""

    format: str

    def holds(self, subject: Subject) -> bool:
        """Whatever the case; jpg is jpeg."""
        return subject.format.casefold() == self.format

    def __str__(self) -> str:
        return f"format:{self.format}"


@dataclass(frozen=True, slots=True)
class Bucket:
    """The size that crop decided."""

    width: int
    height: int

    def holds(self, subject: Subject) -> bool:
        """A picture that was not cropped has none."""
        return subject.bucket == (self.width, self.height)

    def __str__(self) -> str:
        return f"bucket:{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person said of the picture."""

    verdict: str

    def holds(self, subject: Subject) -> bool:
        """Without one it is undecided."""
        return subject.verdict == self.verdict

    def __str__(self) -> str:
        return f"verdict:{self.verdict}"


@dataclass(frozen=True, slots=True)
class Category:
    """Some tag of the caption is of this category, as the taggers that ran know it."""

    category: str
    column: int = field(default=0, compare=False)

    def holds(self, subject: Subject) -> bool:
        """A tag that no tagger knows has none."""
        return self.category in subject.categories

    def __str__(self) -> str:
        return f"category:{self.category}"


@dataclass(frozen=True, slots=True)
class Found:
    """A finding of ``dataprep check``."""

    kind: str
    column: int = field(default=0, compare=False)

    def holds(self, subject: Subject) -> bool:
        """By the limits of the recipe's table [check]."""
        return subject.found(self.kind)

    def __str__(self) -> str:
        return f"issue:{quoted(self.kind)}"


@dataclass(frozen=True, slots=True)
class Flag:
    """One of ``FLAGS``."""

    flag: str

    def holds(self, subject: Subject) -> bool:
        """As the table says."""
        return subject.has(self.flag)

    def __str__(self) -> str:
        return self.flag


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison with a number, or with two: from one to the other, both included."""

    operator: Operator
    number: float
    upper: float = 0.0

    def says(self, known: Between) -> bool | None:
        """Whether it holds; None where that depends on what is not known."""
        least, most = known
        if self.operator == "..":
            inside = self.number <= least and most <= self.upper
            outside = most < self.number or least > self.upper
            return True if inside else False if outside else None
        if self.operator in ("=", "!="):
            may_be = least <= self.number <= most
            if may_be and least != most:
                return None
            return may_be == (self.operator == "=")
        answers = {self._ordered(least), self._ordered(most)}
        return answers.pop() if len(answers) == 1 else None

    def _ordered(self, value: float) -> bool:
        if self.operator in ("<", "<="):
            return value < self.number or (value == self.number and self.operator == "<=")
        return value > self.number or (value == self.number and self.operator == ">=")

    def __str__(self) -> str:
        if self.operator == "..":
            return f"={plain(self.number)}..{plain(self.upper)}"
        return f"{self.operator}{plain(self.number)}"


def plain(number: float) -> str:
    """A number as a filter spells it."""
    return f"{number:.5f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Number:
    """One of ``NUMBERS``, compared."""

    name: str
    test: Comparison

    def holds(self, subject: Subject) -> bool:
        """No comparison holds of what is not known. Raises ``Unsure``."""
        known = subject.number(self.name)
        if known is None:
            return False
        answer = self.test.says(known)
        if answer is None:
            least, most = map(plain, known)
            raise Unsure(
                f"{self}: it cannot be said of {subject.name}, "
                f"whose {self.name} are at least {least} and at most {most}"
            )
        return answer

    def __str__(self) -> str:
        return f"{self.name}{self.test}"


@dataclass(frozen=True, slots=True)
class Score:
    """A tagger's score of a tag, compared."""

    tagger: str
    """Its name; empty: the one that ran last."""
    tag: str
    test: Comparison
    column: int = field(default=0, compare=False)
    """Where what stands behind "score:" begins."""
    tag_column: int = field(default=0, compare=False)

    def holds(self, subject: Subject) -> bool:
        """No comparison holds of a picture that was not scored as it is rendered now."""
        score = subject.score(self.tagger, tag_key(self.tag))
        return score is not None and self.test.says((score, score)) is True

    def __str__(self) -> str:
        tagger = f"{quoted(self.tagger)}:" if self.tagger else ""
        return f"score:{tagger}{quoted(self.tag)}{self.test}"


def is_called(name: str, pattern: str) -> bool:
    """Whether a picture's name is this one, or matches it with ``*`` and ``?``, in any case.

    A pattern without a slash is also compared with the file's own name.
    """
    # a name with wildcards in it is first of all a name
    if name == pattern:
        return True
    folded = name.casefold()
    match = patterns.wild_name(pattern.replace("\\", "/").casefold()).fullmatch
    return bool(match(folded) or match(folded.rpartition("/")[2]))
