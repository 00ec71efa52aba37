"""What a filter is made of, and what it asks a picture."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from dataprep.tagquery.errors import FilterError

Between = tuple[float, float]
"""At least and at most; twice the same where a number is known."""


class Subject(Protocol):
    """A picture as filters see it. Nothing is found out before it is asked for."""

    @property
    def name(self) -> str:
        """Its path inside the project, with forward slashes."""

    @property
    def format(self) -> str:
        """As Pillow calls it: PNG, JPEG …; empty where it cannot be read."""

    @property
    def text(self) -> str:
        """Its caption; empty without one, or when it cannot be read."""

    @property
    def tags(self) -> Sequence[str]:
        """The caption's tags as they are spelled."""

    @property
    def keys(self) -> Collection[str]:
        """The same by ``captions.tag_key``."""

    @property
    def verdict(self) -> str:
        """Keep, reject or undecided."""

    @property
    def bucket(self) -> tuple[int, int] | None:
        """Width and height it was cropped to (pixels)."""

    @property
    def categories(self) -> Collection[str]:
        """The categories of its caption's tags."""

    def number(self, name: str) -> Between | None:
        """What one of ``terms.NUMBERS`` is; None: not known, so that no comparison holds."""

    def score(self, tagger: str, key: str) -> float | None:
        """A tag's score, 0..1, by a tagger, or the one that ran last; None: not scored."""

    def has(self, flag: str) -> bool:
        """Whether one of ``terms.FLAGS`` holds."""

    def found(self, kind: str) -> bool:
        """Whether ``dataprep check`` finds this of it."""


class Node(Protocol):
    """A part of a filter. Its ``str`` is a filter that means the same."""

    def holds(self, subject: Subject) -> bool:
        """Whether it is so of a picture. Raises ``Unsure``."""


@dataclass(frozen=True, slots=True)
class Every:
    """All of them hold."""

    parts: tuple[Node, ...]

    def holds(self, subject: Subject) -> bool:
        """Asked in the order in which they are written, no more than is needed."""
        return all(part.holds(subject) for part in self.parts)

    def __str__(self) -> str:
        return " AND ".join(_grouped(part, Every, Some) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of them holds."""

    parts: tuple[Node, ...]

    def holds(self, subject: Subject) -> bool:
        """Asked in the order in which they are written, no more than is needed."""
        return any(part.holds(subject) for part in self.parts)

    def __str__(self) -> str:
        return " OR ".join(_grouped(part, Some) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Never:
    """It does not hold."""

    part: Node

    def holds(self, subject: Subject) -> bool:
        """The opposite: also of a picture of which the thing is not known."""
        return not self.part.holds(subject)

    def __str__(self) -> str:
        return f"NOT {_grouped(self.part, Every, Some, Never)}"


def _grouped(node: Node, *kinds: type[Every] | type[Some] | type[Never]) -> str:
    return f"({node})" if isinstance(node, kinds) else str(node)


@dataclass(frozen=True, slots=True)
class Query:
    """A filter, ready to be asked."""

    text: str
    """As it was given."""
    node: Node

    def holds(self, subject: Subject) -> bool:
        """Whether the filter holds for a picture. Raises ``Unsure``."""
        return self.node.holds(subject)

    def __str__(self) -> str:
        return str(self.node)

    def terms(self) -> Iterator[Node]:
        """What is asked, from left to right, without the words that join it."""
        nodes: list[Node] = [self.node]
        while nodes:
            match nodes.pop(0):
                case Every(parts) | Some(parts):
                    nodes = [*parts, *nodes]
                case Never(part):
                    nodes.insert(0, part)
                case term:
                    yield term

    def error(self, column: int, what: str, hint: str = "") -> FilterError:
        """What is wrong with a term that only the project can know."""
        return FilterError(self.text, column, what, hint)
