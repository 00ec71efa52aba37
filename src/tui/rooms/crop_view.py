"""What the Crop room looks like: its widgets, and how they show the cuts."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from dataprep.buckets import Bucket
from tui.rooms.crop_dials import dials_of
from tui.rooms.cuts import ALL, LISTED, NARROW, WIDE, Cuts
from tui.rooms.held import Held
from tui.rooms.room import Room
from tui.widgets.box_view import BoxView
from tui.widgets.dials import Dials
from tui.widgets.lines import Cell, Lines
from tui.words import _

FEW, MANY = 3, 12
"""So many lines the table has at least and, on a large screen, at most."""


class CropView(Room):
    """Draws the dials, the ``Cuts`` and the box; what is asked and done is the room's."""

    _held: Held
    _cuts: Cuts | None
    """None: they have not been reckoned yet."""
    _sizes: Sequence[Bucket]

    def compose(self) -> ComposeResult:
        """Dials and what they come to; buckets over pictures, the picture beside them."""
        yield Dials(id="crop-dials")
        yield Static(id="crop-said")
        with Horizontal(id="crop-body"):
            with Vertical(id="crop-lists"):
                yield Lines(NARROW, id="crop-buckets")
                yield Lines(LISTED, id="crop-pictures", marking=True)
            yield BoxView(self.desk.drawing, id="crop-box")

    @property
    def _table(self) -> Lines:
        return self.query_one("#crop-buckets", Lines)

    @property
    def _list(self) -> Lines:
        return self.query_one("#crop-pictures", Lines)

    @property
    def _box(self) -> BoxView:
        return self.query_one(BoxView)

    def on_resize(self, event: Resize) -> None:
        """As many columns and lines as there is room for."""
        self._table.set_columns(WIDE if self._is_wide else NARROW)
        self._shape()

    @property
    def _is_wide(self) -> bool:
        return self.size.width >= 84

    def _complain(self, message: str, hint: str) -> None:
        said = message if not hint else f"{message} ({hint})"
        self.query_one("#crop-said", Static).update(Content.styled(said, "$text-error"))

    def _fill(self) -> None:
        """Draw the table, the list and the sum."""
        if self._cuts is None:
            return
        keys = [] if self._keeps_whole else [ALL, *self._cuts.rows]
        self._table.show(keys, self._cuts.bucket_cells)
        self._shape()
        self._list_pictures()
        self.query_one("#crop-said", Static).update(self._sum())

    def _shape(self) -> None:
        """The table as high as its lines, while the list keeps the larger part."""
        wanted = len(self._table.keys) + self._table.header
        most = max(FEW, min(MANY, self.query_one("#crop-body").size.height * 2 // 5))
        self._table.styles.height = max(FEW, min(wanted, most))

    def _list_pictures(self) -> None:
        assert self._cuts is not None
        names = self._cuts.names(self._table.current)
        if self._box.has_focus and self._list.current in self._cuts.uses:
            # a picture whose shape is being changed must not slip out of the list
            names = [name for name in self._list.keys if name in self._cuts.uses]
        self._list.show(names, self._picture_cells)

    def _picture_cells(self, name: str) -> Sequence[Cell]:
        if self._cuts is None or self._keeps_whole:
            return (name, "", "")
        return self._cuts.picture_cells(name)

    @property
    def _keeps_whole(self) -> bool:
        return bool(self._held["mode"] == "none")

    def _sum(self) -> Content:
        """What all of it comes to, and whether it is decided."""
        assert self._cuts is not None
        if self._keeps_whole:
            return Content(_("x takes every cut back: whole pictures"))
        rows = self.desk.project.rows
        known = [rows[name] for name in self._cuts.uses if name in rows]
        undecided = sum(row.decisions.crop is None for row in known)
        return self._cuts.sum(undecided=undecided, touched=self._held.touched)

    def _show_dials(self) -> None:
        self.query_one(Dials).show(dials_of(self._held))

    def _show_box(self) -> None:
        name = self._list.current
        row = self.desk.project.rows.get(name)
        use = self._cuts.uses.get(name) if self._cuts else None
        crop = use.crop if use is not None and not self._keeps_whole else None
        enlarges = self._cuts is None or not self._cuts.target.no_upscale
        self._box.show(row, crop, self._sizes, enlarges=enlarges)
