"""One caption before and after, out of those that one steps through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from dataprep.captions import join_tags
from dataprep.columns import printable
from tui.widgets.diff_view import caption_diff

Captions = Mapping[str, Sequence[str]]


class SampleView(Vertical):
    """Steps through the captions that change; where none does, through all."""

    DEFAULT_CSS = """
    SampleView {
        height: auto;
        & > .name { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > .caption { height: auto; max-height: 4; scrollbar-size-vertical: 1; }
        & > .caption > Static { height: auto; }
    }
    .-high SampleView > .caption { max-height: 9; }
    """

    def __init__(self, id: str, keys: str) -> None:
        """``keys`` are those that step, as they are shown."""
        super().__init__(id=id)
        self._keys = keys
        self._before: Captions = {}
        self._after: Captions = {}
        self._names: Sequence[str] = ()
        self._tag = ""
        self._place = 0
        self._head = Static(classes="name", markup=False)
        self._text = Static(markup=False)

    def compose(self) -> ComposeResult:
        """Name and place, then the caption."""
        yield self._head
        with VerticalScroll(classes="caption", can_focus=False):
            yield self._text

    def show(self, before: Captions, after: Captions) -> None:
        """Show these; ``after`` holds only captions that change."""
        self._before, self._after = before, after
        self._names = list(after or before)
        self._draw()

    def point_at(self, tag: str) -> None:
        """Underline a tag."""
        if tag != self._tag:
            self._tag = tag
            self._draw()

    def step(self, by: int) -> None:
        """Show another caption."""
        self._place += by
        self._draw()

    def _draw(self) -> None:
        if not self._names:
            self._head.update(Content())
            self._text.update(Content())
            return
        self._place %= len(self._names)
        name = self._names[self._place]
        before = self._before[name]
        place = f"{self._place + 1}/{len(self._names)}"
        self._head.update(
            Content.assemble(
                (printable(name), "bold"), (f"   {place}   {self._keys}", "$text-muted")
            )
        )
        after = self._after.get(name, before)
        self._text.update(caption_diff(join_tags(before), join_tags(after), self._tag))
