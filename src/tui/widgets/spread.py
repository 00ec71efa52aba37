"""How the scores of one tag are spread over the set."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from tui.widgets.histogram import bars
from tui.widgets.slider import LEAST, MOST, SAID, TITLE
from tui.words import _, n_


class Spread(Widget):
    """A line of words above bars that stand under those of the sliders."""

    DEFAULT_CSS = """
    Spread { height: 3; }
    """

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._tag = ""
        self._counts: Sequence[int] = ()
        self._from: float | None = None

    def show(self, tag: str, counts: Sequence[int], threshold: float | None) -> None:
        """Show the scores of a tag; those from ``threshold`` on are taken."""
        self._tag, self._counts, self._from = tag, counts, threshold
        self.refresh()

    def render(self) -> Content:
        """The words, then two lines of bars."""
        columns = max(4, self.size.width - TITLE - SAID)
        said = Content.assemble((self._tag, "bold"), ("  " + self._words(), "$text-muted"))
        lines = [said]
        at = columns if self._from is None else int(columns * _share(self._from) + 1e-6)
        for line in bars(self._counts, columns, 2):
            drawn = Content.assemble((line[:at], "$foreground 35%"), (line[at:], "$primary"))
            lines.append(Content.assemble(" " * TITLE, drawn))
        return Content("\n").join(lines)

    def _words(self) -> str:
        number = sum(self._counts)
        if not number:
            return _("no picture has a score of 0.05 or more")
        if self._from is None:
            return n_("{n} picture has a score", "{n} pictures have a score", number)
        bins = len(self._counts)
        reach = sum(self._counts[round(_share(self._from) * bins) :])
        text = _("{reach} of {n} scores reach {value:.2f}")
        return text.format(reach=reach, n=number, value=self._from)


def _share(value: float) -> float:
    return (value - LEAST) / (MOST - LEAST)
