"""All tags of the captions with check boxes: what goes, and what speaks for its going."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from rich.text import Text
from textual.events import Resize

from dataprep.columns import printable, wide
from tui.widgets.lines import Cell, Column, Lines, fitted
from tui.words import N_, _

if TYPE_CHECKING:
    from dataprep.pruneview import TagRow

WIDE = 80
"""From this width on there is room for category and score."""
Order = Literal["score", "count", "name", "category"]
ORDERS: Mapping[Order, str] = {
    "score": N_("likeliest first"),
    "count": N_("most frequent first"),
    "name": N_("by name"),
    "category": N_("by category"),
}
STAYS = "dim"


class TagTable(Lines):
    """The tags that fit a needle, in an order. What is checked outlives both."""

    MARK_CELLS: ClassVar[int] = 3

    def __init__(self, id: str) -> None:
        super().__init__((), id, marking=True)
        self.checked: set[str] = set()
        """Keys of the tags that go, whether they are listed just now or not."""
        self._rows: dict[str, TagRow] = {}
        self._fixed = ""

    @property
    def row(self) -> TagRow | None:
        """The tag under the cursor."""
        return self._rows.get(self.current)

    def list(
        self,
        rows: Sequence[TagRow],
        checked: Collection[str],
        fixed: str,
        order: Order,
        needle: str,
    ) -> None:
        """List these. ``fixed`` is the key of the trigger word, which cannot be checked."""
        self._rows = {row.key: row for row in ordered(rows, order)}
        self._fixed = fixed
        self.checked = set(checked) - {fixed}
        folded = needle.strip().casefold()
        keys = [row.key for row in self._rows.values() if folded in _text(row)]
        self.marks = set(self.checked)
        self._arrange()
        self.show(keys, self._cells_of)

    def toggle(self) -> None:
        """Check the tag under the cursor, or not."""
        if self.current:
            self.marks ^= {self.current}
            self._marks_changed()

    def _marks_changed(self) -> None:
        self.marks.discard(self._fixed)
        # what the needle hides stays as it is
        self.checked = (self.checked - set(self.keys)) | self.marks
        super()._marks_changed()

    def _arrange(self) -> None:
        rows = self._rows.values()
        tags = Column(N_("tag"), fitted([row.tag for row in rows], 8, self._tag_width))
        columns = [Column("", 1), tags, Column(N_("count"), self._count_width, "right")]
        columns.append(Column(N_("share"), 5, "right"))
        if self.size.width >= WIDE:
            columns.append(Column(N_("category"), fitted([row.category for row in rows], 8, 12)))
            columns.append(Column(N_("score"), 5, "right"))
        self.set_columns([*columns, Column(N_("reason"))])

    @property
    def _tag_width(self) -> int:
        return 30 if self.size.width >= WIDE else 20

    @property
    def _count_width(self) -> int:
        return max(5, wide(_("count")))

    def on_resize(self, event: Resize) -> None:
        """More room, more columns."""
        self._arrange()
        super().on_resize(event)

    def _cells_of(self, key: str) -> Sequence[Cell]:
        row = self._rows[key]
        goes, fixed = key in self.marks, key == self._fixed
        style = "" if goes or fixed else STAYS
        cells: list[Cell] = [
            Text("✓" if goes else " " if fixed else "·", "bold green" if goes else STAYS),
            Text(printable(row.tag), "strike" if goes else "bold" if fixed else ""),
            Text(str(row.captions)),
            Text(f"{row.share:.0%}", style),
        ]
        if self.size.width >= WIDE:
            cells += [Text(_(row.category), STAYS), Text(f"{row.score:.2f}", style)]
        return [*cells, Text(_("the trigger word") if fixed else row.reason, style)]


def ordered(rows: Sequence[TagRow], order: Order) -> Sequence[TagRow]:
    """Rows in an order; they come with the likeliest first."""
    if order == "count":
        return sorted(rows, key=lambda row: (-row.captions, row.key))
    if order == "name":
        return sorted(rows, key=lambda row: row.key)
    if order == "category":
        return sorted(rows, key=lambda row: (not row.category, row.category, -row.captions))
    return rows


def _text(row: TagRow) -> str:
    return f"{row.tag}\n{row.category}\n{row.reason}".casefold()
