"""Prompts with places for what is known of a picture: ``Tags: {tags}``. Pure text."""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter

from dataprep.errors import UsageError

PLACES = ("tags", "trigger", "name")
"""The tags of its caption; the project's trigger word; its file's name without the extension."""


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt; ``{{`` and ``}}`` stand for braces."""

    text: str
    places: frozenset[str]
    """Those that occur in it."""

    def render(self, tags: str = "", trigger: str = "", name: str = "") -> str:
        """The prompt of one picture. A place of which nothing is known is left empty."""
        values = {"tags": tags, "trigger": trigger, "name": name}
        return self.text.format_map(values).strip()


def parse(text: str, where: str = "prompt") -> Template:
    """A template out of its text. Raises ``UsageError`` naming what is wrong, and the places."""
    known = ", ".join(f"{{{place}}}" for place in PLACES)
    hint = f"known: {known}; for a brace itself write {{{{ or }}}}"
    try:
        parts = [part for part in Formatter().parse(text) if part[1] is not None]
    except ValueError:
        raise UsageError(f"{where}: a brace stands alone", hint) from None
    for _, place, form, conversion in parts:
        if place not in PLACES:
            raise UsageError(f"{where}: unknown placeholder {{{place}}}", hint)
        if form or conversion:
            raise UsageError(f"{where}: {{{place}}} takes no format", hint)
    return Template(text, frozenset(str(part[1]) for part in parts))
