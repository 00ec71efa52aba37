"""The room in which one looks at pictures and captions, and keeps, rejects and mends them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from dataprep.columns import wide
from dataprep.originals import Originals
from tui.pictures import LOOKS, Look
from tui.rooms.browsing import Browsing
from tui.rooms.looking import SIGNS, chips_of, elided, sign_of, tokens_of, verdict_of
from tui.widgets.filter_bar import FilterBar
from tui.widgets.lines import Cell, Column, Lines
from tui.widgets.preview import Preview, facts_of
from tui.widgets.strip import Thumbs
from tui.words import N_, _

if TYPE_CHECKING:
    from PIL import Image

    from dataprep.browse import Details
    from tui.desk import Desk

AHEAD = 2
"""So many pictures are decoded in advance."""
ROOMY = 36
"""Columns of the list from which on it shows sizes."""
SHORTEST = 12
"""Columns that a name gets at least."""


class ReviewRoom(Browsing):
    """A list or strip of all pictures, a filter over it, and one of them beside it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "strip", N_("List or small pictures"), show=False, id="review.strip"),
        Binding("z", "large", N_("Picture large or small"), show=False, id="review.large"),
        Binding("o", "look", N_("As trained, as it is, with mask"), show=False, id="review.look"),
        Binding("escape", "back", N_("Back to all"), show=False, id="review.all"),
    ]

    def __init__(self, desk: Desk, id: str) -> None:
        super().__init__(desk, id)
        self._look: Look = next(
            (look for look in LOOKS if look == self.known.get("look")), "trained"
        )
        self._strip = bool(self.known.get("strip", False))
        self._large = False
        self._details: Details | None = None
        self._originals = Originals(desk.root)

    def compose(self) -> ComposeResult:
        """Filter, status, then the list or strip beside the picture."""
        yield FilterBar(self.desk.proposals.filter, "review-filter", lambda: self._history)
        yield Static(id="review-status", markup=False)
        with Horizontal(id="review-body"):
            yield Lines(_columns(0), "review-list", marking=True)
            yield Thumbs(self._thumb, "review-strip")
            yield Preview(self.desk.drawing, "review-preview")

    def on_mount(self) -> None:
        """Begin with the look of before."""
        self.query_one(Preview).look = self._look
        self._arrange()

    @property
    def lines(self) -> Lines:
        """The list or the strip, whichever is used."""
        return self.query_one("#review-strip" if self._strip else "#review-list", Lines)

    def left(self) -> None:
        """Nothing is large when one comes back."""
        self._large = False
        self._arrange()

    def list_rows(self, names: Sequence[str], changed: Sequence[str]) -> None:
        """Put these in the list and the strip; only one of them is seen."""
        self.query_one(Thumbs).forget(changed)
        for lines in (self.query_one("#review-list", Lines), self.query_one(Thumbs)):
            lines.show(names, self._cells)

    def note(self) -> None:
        """Remember how one looks at this project."""
        self.known = self.known | {"strip": self._strip, "look": self._look}
        super().note()

    def _cells(self, name: str) -> Sequence[Cell]:
        row = self.rows[name]
        sign, style = SIGNS[sign_of(row)]
        text = Text(sign, style)
        if self._strip:
            return text, elided(PurePosixPath(name).name, self.query_one(Thumbs).columns - 2)
        width = self.query_one("#review-list", Lines).size.width
        if width < ROOMY:
            return text, elided(name, width - 5)
        size = Text(row.size, "dim")
        return text, elided(name, width - 15), size

    # what is shown of one

    @on(Lines.Moved)
    def _moved(self, event: Lines.Moved) -> None:
        if event.lines is self.lines:
            event.stop()
            self.show_status()
            self.show_row()
            self.note()

    def show_row(self) -> None:
        """Show the picture with the cursor, and decode its neighbours."""
        row, lines = self.row, self.lines
        near = lines.keys[lines.place + 1 : lines.place + 1 + AHEAD]
        before = lines.keys[max(0, lines.place - 1) : lines.place]
        rows = self.desk.project.rows
        ahead = [rows[name] for name in (*near, *before) if name in rows]
        self.query_one(Preview).show(row, ahead, self.nothing())
        self._tell()
        if row is not None:
            name = row.name
            self.desk.ask(
                "review details",
                self.shelf.asked(self.desk.project, lambda browser: browser.details(name)),
                self._detailed,
                lambda message, hint: None,
            )

    def _detailed(self, details: Details) -> None:
        row = self.row
        if row is not None and details.name == row.name:
            self._details = details
            self._tell()

    def _tell(self) -> None:
        """Facts and chips of the picture, with what is known of its caption by now."""
        row, preview = self.row, self.query_one(Preview)
        if row is None:
            preview.tell(Content(""), ())
            return
        details = self._details if self._details and self._details.name == row.name else None
        behind: list[tuple[str, str]] = []
        if said := verdict_of(row):
            behind.append((f"  {said}", "bold"))
        if details is not None and row.caption:
            over = details.count(row.caption)[0] > details.budget
            said = tokens_of(details, row.caption)
            behind.append((f"  {said}", "$text-error" if over else "$text-muted"))
        room = preview.size.width - 2 - sum(wide(text) for text, _style in behind)
        name = elided(row.name, max(SHORTEST, room))
        parts = [(name, "bold"), *behind, "\n", *facts_of(row, preview.look)]
        problem = row.problem or ("" if row.caption else _("no caption"))
        # it stands in the picture's place already
        if row.picture.reason and self.desk.drawing.shows and (self._large or not self._strip):
            problem = ""
        if problem:
            parts.append((f"\n{problem}", "$text-error"))
        preview.tell(Content.assemble(*parts), chips_of(row, self.desk.project.trigger, details))

    def _thumb(self, name: str) -> Image.Image | None:
        """A small picture, in the strip's thread."""
        from dataprep.images import BadImage
        from dataprep.thumbs import thumb

        row = self.rows.get(name)
        try:
            return thumb(self._originals, row.picture) if row else None
        except BadImage:
            return None

    # ways of looking

    def _arrange(self) -> None:
        """Show what is used now and hide the rest."""
        self.set_class(self._strip, "-strip")
        self.set_class(self._large, "-large")
        self.query_one("#review-list").display = not self._strip and not self._large
        self.query_one(Thumbs).display = self._strip and not self._large

    def action_strip(self) -> None:
        """Switch between list and small pictures; cursor and marks stay."""
        before = self.lines
        self._strip, self._large = not self._strip, False
        self._arrange()
        self.lines.move_to(before.current)
        self.lines.set_marks(set(before.marks))
        self.lines.refresh()
        self.lines.focus()
        self.note()

    def action_large(self) -> None:
        """Give the picture the whole room, or take it back."""
        self._large = not self._large and self.row is not None
        self._arrange()
        (self.query_one(Preview) if self._large else self.lines).focus()

    @on(Lines.Chosen)
    @on(Preview.Left)
    def _chosen(self, event: Lines.Chosen | Preview.Left) -> None:
        event.stop()
        self.action_large()

    @on(Preview.Stepped)
    def _stepped(self, event: Preview.Stepped) -> None:
        event.stop()
        self.action_step(event.by)

    def action_look(self) -> None:
        """As trained, as it is, with its decisions drawn over it."""
        self._look = self.query_one(Preview).next_look()
        self._tell()
        self.note()

    def action_back(self) -> None:
        """From large to small, then without marks, then without filter."""
        if self._large:
            self.action_large()
        else:
            super().action_back()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The large picture goes first."""
        return (action == "back" and self._large) or super().check_action(action, parameters)

    def on_resize(self, event: Resize) -> None:
        """Give the list the columns it has room for."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        lines = self.query_one("#review-list", Lines)
        lines.set_columns(_columns(lines.size.width))
        self._tell()

    def tokens(self, caption: str) -> str:
        """How long a caption is, in words."""
        return tokens_of(self._details, caption) if self._details else ""


def _columns(width: int) -> list[Column]:
    sizes = [Column(width=10, align="right")] if width >= ROOMY else []
    return [Column(width=1), Column(), *sizes]
