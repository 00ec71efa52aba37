"""How a person names tags: as they are, with ``*`` and ``?``, or as ``re:`` and an expression."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dataprep.captions import KAOMOJI, SEPARATOR, spaced, split_tags, tag_key, unescaped
from dataprep.errors import UsageError

EXPRESSION = "re:"
WILD = {"*": "(.*)", "?": "(.)"}
LITERAL = {"\\*": "*", "\\?": "?"}


@dataclass(frozen=True, slots=True)
class Pattern:
    """One tag, or all that look like it. Tags are compared whole, in any spelling."""

    text: str
    """As the person wrote it."""
    key: str
    """Of the one tag that is meant; without ``regex`` that is all."""
    regex: re.Pattern[str] | None = None

    def matches(self, tag: str) -> bool:
        """Whether a tag is meant."""
        return tag_key(tag) == self.key or self._found(tag) is not None

    def expand(self, tag: str, template: str) -> str:
        """What takes the place of a tag that is meant; ``\\1`` is what the first ``*`` or group
        of the pattern found.
        """
        found = self._found(tag)
        return template if found is None else found.expand(template)

    def _found(self, tag: str) -> re.Match[str] | None:
        if self.regex is None or tag == SEPARATOR:
            return None
        return self.regex.fullmatch(tag) or self.regex.fullmatch(_plain(tag))


def pattern(text: str) -> Pattern:
    """A pattern out of its text. Raises ``UsageError`` for an expression that is none.

    A backslash before ``*`` or ``?`` takes its meaning away.
    """
    if text.startswith(EXPRESSION):
        return Pattern(text, "", _compiled(text.removeprefix(EXPRESSION), text))
    literal = text.replace("\\*", "*").replace("\\?", "?")
    wild = re.search(r"(?<!\\)[*?]", text)
    # a face with a star in it is first of all a face
    if not wild or text.casefold() in KAOMOJI:
        return Pattern(text, tag_key(literal))
    pieces = re.split(r"(\\[*?]|[*?])", _plain(text))
    source = "".join(WILD.get(piece) or re.escape(LITERAL.get(piece, piece)) for piece in pieces)
    return Pattern(text, tag_key(literal), _compiled(source, text))


def patterns(text: str) -> tuple[Pattern, ...]:
    """The patterns of a list with commas; an expression, which may hold commas, stands alone."""
    if text.startswith(EXPRESSION):
        return (pattern(text),)
    return tuple(pattern(tag) for tag in split_tags(text) if tag != SEPARATOR)


def check_template(olds: tuple[Pattern, ...], template: str) -> None:
    """Raise ``UsageError`` when what is to be written names a group that is not there."""
    for old in olds:
        if old.regex is not None:
            try:
                old.regex.sub(template, "")
            except (re.error, IndexError) as error:
                hint = rf"'{old.text}' has {old.regex.groups} groups; \1 is the first"
                raise UsageError(f"'{template}': {error}", hint) from None


def _compiled(source: str, text: str) -> re.Pattern[str]:
    try:
        return re.compile(source, re.IGNORECASE)
    except re.error as error:
        where = "" if error.pos is None else f" at column {error.pos + 1 + len(EXPRESSION)}"
        raise UsageError(f"'{text}': {error.msg}{where}", "see docs/captions.md") from None


def _plain(tag: str) -> str:
    """A tag without underscores and backslashes, its letters as they are."""
    return " ".join(spaced(unescaped(tag)).split())
