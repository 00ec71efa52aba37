"""Changes in colours: one line for each, and the caption of the one under the cursor in full."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from dataprep.columns import printable
from dataprep.journal import PROJECT, Change, diff_rows, inline
from tui.widgets.lines import Cell, Column, Lines, fitted
from tui.words import N_, _

SIGNED = {"-": "red strike", "+": "green", "~": "yellow", " ": ""}
"""How a tag that goes, comes, moves or stays is drawn in a line of a list."""
STYLES = {"-": "$text-error strike", "+": "$text-success bold", "~": "$text-warning", " ": ""}
"""The same in a text."""
NARROWEST, WIDEST = 8, 30
"""Columns for the pictures' names."""


class DiffView(Vertical):
    """What changes do, picture by picture."""

    DEFAULT_CSS = """
    DiffView {
        & > .whole { height: auto; max-height: 40%; border-top: solid $panel; }
        & > .whole > Static { height: auto; }
    }
    """

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._changes: Sequence[Change] = ()
        self._lines = Lines(_columns(()), f"{id}-lines")
        self._whole = Static(markup=False)

    def compose(self) -> ComposeResult:
        """The list above the whole caption."""
        yield self._lines
        with VerticalScroll(classes="whole", can_focus=False):
            yield self._whole

    def show(self, changes: Sequence[Change]) -> None:
        """Show these."""
        self._changes = changes
        self._lines.set_columns(_columns(changes))
        self._lines.show([str(place) for place in range(len(changes))], self._cells)

    def focus(self, scroll_visible: bool = True) -> DiffView:
        """Give the keys to the list."""
        self._lines.focus(scroll_visible)
        return self

    def _cells(self, key: str) -> tuple[Cell, Cell]:
        change = self._changes[int(key)]
        return Text(_name(change)), compact(change)

    @on(Lines.Moved)
    def _moved(self, event: Lines.Moved) -> None:
        event.stop()
        change = self._changes[int(event.key)] if event.key else None
        self._whole.update(whole(change) if change is not None else Content())

    def on_resize(self, event: Resize) -> None:
        """The caption takes no more than its part of the height."""
        self._lines.set_columns(_columns(self._changes))


def _columns(changes: Sequence[Change]) -> list[Column]:
    # the first ones tell how wide names are: ten thousand need not be measured
    width = fitted([_name(change) for change in changes[:500]], NARROWEST, WIDEST)
    return [Column(N_("picture"), width), Column(N_("what changes"))]


def _name(change: Change) -> str:
    return printable(change.name) if change.name != PROJECT else _("(project)")


def compact(change: Change) -> Text:
    """What a change does to a caption or decision, in one line."""
    rows = diff_rows(change)
    text = Text()
    if change.kind == "decision":
        said = "; ".join(words for _sign, words in rows)
        return Text(said.removeprefix(f"{change.name} "))
    for sign, words in rows[1:]:
        text.append(f"{sign} ", SIGNED[sign].removesuffix(" strike"))
        text.append(printable(words), SIGNED[sign])
        text.append("  ")
    return text


def whole(change: Change) -> Content:
    """A caption before and after as one text; a decision as it reads."""
    if change.kind == "decision":
        return Content("\n".join(words for _sign, words in diff_rows(change)))
    return caption_diff(change.before, change.after)


def caption_diff(before: str | None, after: str | None, key: str = "") -> Content:
    """One caption: what goes struck out, what comes and moves in colours.

    ``key`` is a tag that is underlined, in whichever state.
    """
    parts: list[Content] = []
    for sign, tag in inline(before, after):
        style = f"{STYLES[sign]} underline" if key and tag == key else STYLES[sign]
        parts.append(Content.styled(printable(tag), style))
    if not parts:
        return Content.styled(_("an empty caption"), "$text-muted")
    return Content(", ").join(parts)
