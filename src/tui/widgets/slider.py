"""A threshold that is moved by keys and mouse, beside the scores it divides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import MouseDown, MouseMove, MouseUp
from textual.message import Message
from textual.widget import Widget

from tui.widgets.histogram import bars
from tui.words import N_, _

LEAST, MOST = 0.05, 1.0
USUAL = 0.35
"""Where a threshold begins that neither the person nor the model has said."""
TITLE = 11
SAID = 13
"""Columns at the right."""
KNOB, OWN, GAP = "●", "▴", "◆"


KEYS = (
    ("lower", "left,h", "move(-0.01)", N_("Lower")),
    ("higher", "right,l", "move(0.01)", N_("Higher")),
    ("far_lower", "shift+left,comma", "move(-0.05)", N_("Lower by 0.05")),
    ("far_higher", "shift+right,full_stop", "move(0.05)", N_("Higher by 0.05")),
    ("least", "home", "put(0.05)", N_("The lowest")),
    ("most", "end", "put(1.0)", N_("The highest")),
    ("clear", "delete,backspace,d", "clear", N_("The model's own")),
    ("switch", "minus", "switch", N_("Write the category, or not")),
    ("previous", "up,k", "app.focus_previous", N_("Up")),
    ("next", "down,j", "app.focus_next", N_("Down")),
)


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a slider shows."""

    value: float | None = None
    """The person's; None: the model's own."""
    own: float | None = None
    """The model's own; None: it has none, and nothing is taken."""
    off: bool = False
    """Whether the category is not written at all."""
    counts: Sequence[int] = ()
    """How the scores are spread from 0.05 to 1; empty: that is not known."""
    mcut: float | None = None
    """Where MCut's thresholds lie; None: that is not known."""
    by_mcut: bool = False
    """Whether MCut decides, and a threshold is only the least."""
    tags: float | None = None
    """Tags in a caption; None: that is not known."""

    @property
    def effective(self) -> float | None:
        """The score from which tags are taken; None: no single one says it, or none is taken."""
        if self.off:
            return None
        if self.value is None and self.by_mcut:
            return self.mcut
        return self.own if self.value is None else self.value


class Slider(Widget, can_focus=True):
    """One threshold. One line high it shows the scores; three lines high also the track."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, does, text, show=False, id=f"slider.{name}") for name, key, does, text in KEYS
    ]
    DEFAULT_CSS = """
    Slider { height: 1; }
    Slider:focus { height: 3; background: $boost; }
    """

    class Moved(Message):
        """The person wants this threshold; None: the model's own."""

        def __init__(self, slider: Slider, value: float | None) -> None:
            super().__init__()
            self.slider = slider
            self.value = value

        @property
        def control(self) -> Slider:
            """The slider."""
            return self.slider

    class Switched(Message):
        """The person wants the category to be written, or not."""

        def __init__(self, slider: Slider) -> None:
            super().__init__()
            self.slider = slider

    def __init__(self, name: str, title: str, id: str) -> None:
        super().__init__(id=id, name=name)
        self._title = title
        self._dragged = False
        self.threshold = Threshold()
        """What is shown."""

    def show(self, threshold: Threshold) -> None:
        """Show this."""
        if threshold != self.threshold:
            self.threshold = threshold
            self.refresh()

    @property
    def _columns(self) -> int:
        """Of the track."""
        return max(4, self.size.width - TITLE - SAID)

    def _column(self, value: float) -> int:
        share = (value - LEAST) / (MOST - LEAST)
        return max(0, min(self._columns - 1, int(share * self._columns)))

    def render(self) -> Content:
        """The scores, the part that is taken in colour; then the track with its marks."""
        high = self.size.height > 1
        scored = bool(self.threshold.counts)
        lines = bars(self.threshold.counts, self._columns, 2 if high else 1)
        if not high:
            drawn = self._divided(lines[0]) if scored else self._track()
            return self._line(self._named(), drawn, self._said())
        tags = self.threshold.tags
        each = _("{n:.1f} tags").format(n=tags) if tags is not None else ""
        return Content("\n").join(
            [
                self._line(self._named(), self._divided(lines[0]), self._own()),
                self._line(
                    Content.styled(each, "$text-muted"), self._divided(lines[1]), self._gap()
                ),
                self._line(Content(""), self._track(), self._said()),
            ]
        )

    def _line(self, left: Content, middle: Content, right: Content) -> Content:
        left = left.truncate(TITLE - 1, ellipsis=True)
        return Content.assemble(
            left, " " * (TITLE - left.cell_length), middle, "  ", right.truncate(SAID - 2)
        )

    def _named(self) -> Content:
        return Content.styled(_(self._title), "bold" if self.has_focus else "")

    def _divided(self, line: str) -> Content:
        at = self.threshold.effective
        place = len(line) if at is None else self._column(at)
        return Content.assemble((line[:place], "$foreground 35%"), (line[place:], "$primary"))

    def _track(self) -> Content:
        line = ["─"] * self._columns
        at, threshold = self.threshold.effective, self.threshold
        for value, sign in ((threshold.mcut, GAP), (threshold.own, OWN)):
            if value is not None:
                line[self._column(value)] = sign
        text = "".join(line)
        if at is None:
            return Content.styled(text, "$foreground 35%")
        place = self._column(at)
        return Content.assemble(
            (text[:place], "$foreground 35%"),
            (KNOB, "bold $accent"),
            (text[place + 1 :], "$primary"),
        )

    def _said(self) -> Content:
        """The threshold and whose it is."""
        one = self.threshold
        if one.off:
            return Content.styled(_("not written"), "$text-warning")
        if one.value is not None:
            return Content.styled(
                ("≥ " if one.by_mcut else "") + f"{one.value:.2f}", "bold $accent"
            )
        if one.by_mcut:
            return Content.styled(_("MCut"), "$text-muted")
        if one.own is None:
            return Content.styled(_("not written"), "$text-muted")
        return Content.assemble(f"{one.own:.2f} ", (_("own"), "$text-muted"))

    def _own(self) -> Content:
        own = self.threshold.own
        text = _("{value:.2f} own").format(value=own) if own is not None else ""
        return Content.styled(f"{OWN} {text}" if text else "", "$text-muted")

    def _gap(self) -> Content:
        cut = self.threshold.mcut
        return Content.styled(f"{GAP} {cut:.2f} MCut" if cut is not None else "", "$text-muted")

    def action_move(self, by: float) -> None:
        """Move the threshold, from where it is or the model has it."""
        at = self.threshold.value
        if at is None:
            at = USUAL if self.threshold.own is None else self.threshold.own
        self._want(at + by)

    def action_put(self, value: float) -> None:
        """Move the threshold to a place."""
        self._want(value)

    def action_clear(self) -> None:
        """Give the threshold back to the model."""
        self.post_message(self.Moved(self, None))

    def action_switch(self) -> None:
        """Write the category or not."""
        self.post_message(self.Switched(self))

    def _want(self, value: float) -> None:
        kept = round(max(LEAST, min(MOST, value)), 2)
        if kept != self.threshold.value:
            self.post_message(self.Moved(self, kept))

    def _put_at(self, x: int) -> None:
        """To where the mouse is: the lowest threshold that falls into its column."""
        share = (x - TITLE) / max(1, self._columns - 1)
        self._want(LEAST + share * (MOST - LEAST))

    def on_mouse_down(self, event: MouseDown) -> None:
        """Take the knob."""
        if TITLE <= event.x < TITLE + self._columns:
            self._dragged = True
            self.capture_mouse()
            self._put_at(event.x)

    def on_mouse_move(self, event: MouseMove) -> None:
        """Pull the knob."""
        if self._dragged:
            self._put_at(event.x)

    def on_mouse_up(self, event: MouseUp) -> None:
        """Let the knob go."""
        self._dragged = False
        self.release_mouse()
