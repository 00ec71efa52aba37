"""What the Background room looks like: its widgets, and what a run would decide in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from dataprep.decisions import Background
from dataprep.errors import DataprepError
from tui.desk import Desk
from tui.rooms import backdrops
from tui.rooms.found_masks import Coverage, Found, to_decide, to_find
from tui.rooms.held import Held
from tui.rooms.room import Room
from tui.state import Row
from tui.widgets.compare import Compare, is_doubtful
from tui.widgets.dials import Dials
from tui.widgets.lines import Cell, Column, Lines
from tui.words import N_, _

if TYPE_CHECKING:
    from dataprep.stages.background import Settings

MODEL = "isnet-anime"
"""What is proposed where the recipe names none: drawn pictures are what most train."""
LISTED = (Column(N_("picture"), 0), Column("", 1), Column("%", 4, "right"))
OWN, DOUBTFUL = "–", "!"


class BackgroundView(Room):
    """Draws the masks that were found, as the dials stand; what is asked and done is the room's."""

    VERB: ClassVar[str] = "background"

    def __init__(self, desk: Desk, id: str) -> None:
        super().__init__(desk, id)
        self._held = Held(desk, self.VERB, {"model": MODEL})
        self._found: Found | None = None
        self._coverage = Coverage()
        self._targets: dict[str, Path | None] = {}
        """Where models would be fetched to; None: here already."""
        self._problem = ""

    def compose(self) -> ComposeResult:
        """Dials and what a run would do; the pictures, and one of them."""
        yield Dials(id="background-dials")
        yield Static(id="background-said")
        with Horizontal(id="background-body"):
            with Vertical(id="background-lists"):
                yield Lines(LISTED, id="background-pictures", marking=True)
            yield Compare(self.desk.drawing, id="background-compare")

    @property
    def _list(self) -> Lines:
        return self.query_one("#background-pictures", Lines)

    @property
    def _compare(self) -> Compare:
        return self.query_one(Compare)

    def _show_dials(self) -> None:
        self.query_one(Dials).show(backdrops.dials(self._held))

    def _settings(self) -> Settings | None:
        """The settings as the dials stand; None where they cannot be meant."""
        from dataprep.settings import build
        from dataprep.stages import background

        try:
            settings = build(background.Settings, self._held.everything(), "dataprep background")
        except DataprepError as error:
            self._problem = str(error)
            return None
        return settings

    def _planned(self, row: Row) -> Background | None:
        """What a run would decide for a picture; None: that it keeps its own background."""
        from dataprep.stages import background

        settings = self._settings()
        if self._found is None or settings is None or row.name in self._found.own:
            return None
        return background.planned(row.picture, settings, self._found.key)

    def _cells(self, name: str) -> Sequence[Cell]:
        row = self.desk.project.rows.get(name)
        if row is None or self._found is None:
            return (name, "", "")
        if name in self._found.own:
            return (name, OWN, Text(_("own"), "dim"))
        share = self._coverage.share(row, self._found)
        if share is None:
            return (name, "", "")
        sign = Text(DOUBTFUL, "bold") if is_doubtful(share) else ""
        decided = row.decisions.background is not None
        return (name, sign, Text(f"{share:.0%}", "" if decided else "dim"))

    def _show_picture(self) -> None:
        """The picture as a run would make it."""
        name = self._list.current
        row = self.desk.project.rows.get(name)
        if row is None:
            self._compare.show(None, Content(""))
            return
        planned = self._planned(row)
        mask = self._found.files.get(name) if self._found and planned else None
        drawn = replace(
            row,
            decisions=replace(row.decisions, background=planned if mask else None),
            mask=mask,
        )
        self._compare.show(drawn, self._about(row, planned, mask))

    def _about(self, row: Row, planned: Background | None, mask: Path | None) -> Content:
        """What is decided of a picture, or would be by a run."""
        if planned is None:
            return Content.styled(_("keeps its background; d cuts it out"), "$text-muted")
        if mask is None:
            return Content.styled(_("no mask yet; x finds the subject"), "$text-muted")
        if row.decisions.background == planned:
            return Content.styled(_("decided"), "$text-success")
        return Content.styled(_("a preview; x decides it"), "$text-accent")

    def _say(self) -> None:
        """What a run would do; or what is wrong."""
        said = self.query_one("#background-said", Static)
        if self._problem:
            said.update(Content.styled(self._problem, "$text-error"))
            return
        if self._found is None:
            said.update("")
            return
        said.update(self._outlook())

    def _outlook(self) -> Content:
        assert self._found is not None
        found, rows = self._found, self.desk.project.rows
        mine = [rows[n] for n in found.usable if n in rows and n not in found.own]
        model = str(self._held["model"])
        missing = sum(row.name not in found.files for row in mine)
        if not found.usable:
            return Content.styled(_("there are no pictures yet"), "$text-muted")
        if missing:
            return to_find(missing, model if self._targets.get(model) is not None else "")
        settings = self._settings()
        if settings is None:
            return Content.styled(self._problem, "$text-error")
        from dataprep.stages.background import planned

        other = sum(
            row.decisions.background != planned(row.picture, settings, found.key) for row in mine
        )
        doubtful = sum(self._coverage.is_doubtful(row, found) for row in mine)
        return to_decide(other, doubtful, len(found.own))

    def _is_doubtful(self, name: str) -> bool:
        row = self.desk.project.rows.get(name)
        return (
            row is not None
            and self._found is not None
            and self._coverage.is_doubtful(row, self._found)
        )
