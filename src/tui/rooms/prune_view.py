"""What the Prune room looks like: its widgets, and how they show what would go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

from dataprep.captions import tag_key
from dataprep.tagwords import Word
from tui.rooms.about_tag import AboutTag
from tui.rooms.prune_checks import PRESETS, Checks
from tui.widgets.filter_bar import FilterBar
from tui.widgets.sample_view import SampleView
from tui.widgets.tag_input import TagInput
from tui.widgets.tag_table import TagTable
from tui.words import _, n_

if TYPE_CHECKING:
    from dataprep.pruneview import Overview, Preview


class Chooser(Static):
    """Says what is chosen; a click takes the next."""

    class Pressed(Message):
        """It was clicked."""

    def on_click(self, event: Click) -> None:
        """Ask for the next."""
        event.stop()
        self.post_message(self.Pressed())


class PruneView(AboutTag):
    """Draws what is judged and what would become of it; what is asked and done is the room's."""

    _checks: Checks
    _overview: Overview | None
    """None: the tags have not been judged yet."""
    _preview: Preview | None
    """None: it is not known what would become of the captions."""
    _problem: str
    """Why it cannot be known; empty when it can."""
    _needle: str
    """What the listed tags are to contain."""

    def compose(self) -> ComposeResult:
        """What is trained and its word; the tags; a caption before and after; the sum."""
        with Horizontal(id="prune-head"):
            yield Chooser(id="prune-preset", markup=False)
            yield TagInput(
                lambda needle: (), "prune-name", several=False, placeholder=_("its name")
            )
            yield Static(Content(_("trigger")), id="prune-trigger-label", markup=False)
            yield TagInput(
                self._words, "prune-trigger", several=False, placeholder=_("the trigger word")
            )
        bar = FilterBar(lambda text, cursor: (), "prune-filter")
        bar.entry.placeholder = _("part of a tag, a category or a reason")
        yield bar
        yield TagTable("prune-tags")
        with Vertical(id="prune-below"):
            yield SampleView("prune-sample", "[ ]")
            yield Static(id="prune-sum", markup=False)

    @property
    def tag(self) -> str:
        """The tag under the cursor."""
        row = self.query_one(TagTable).row
        return row.tag if row else ""

    @property
    def _trigger(self) -> str:
        return " ".join(self.query_one("#prune-trigger", TagInput).value.split())

    def _words(self, needle: str) -> list[Word]:
        """Tags of the captions that begin with what is typed."""
        rows = self._overview.rows if self._overview is not None else ()
        found = [row for row in rows if row.key.startswith(tag_key(needle))]
        return [Word(row.tag, row.captions, category=row.category) for row in found[:8]]

    def _list(self) -> None:
        assert self._overview is not None
        rows = self._overview.rows
        checked, fixed = self._checks.checked(rows), tag_key(self._trigger)
        table = self.query_one(TagTable)
        table.list(rows, checked, fixed, self._checks.order, self._needle)

    def _draw_head(self) -> None:
        preset = _(PRESETS[self._checks.preset])
        title = _("What is trained: {preset}").format(preset=preset)
        self.query_one("#prune-preset", Static).update(Content.styled(title, "$primary"))
        self.query_one("#prune-name").display = self._checks.needs_name

    def _draw_sample(self) -> None:
        before = self._overview.captions if self._overview is not None else {}
        after = self._preview.after if self._preview is not None else {}
        self.query_one(SampleView).show(before, after)

    def said(self) -> str:
        """What x would do, in a sentence."""
        preview = self._preview
        if preview is None or not preview.after:
            return _("nothing to do: check tags, or type another trigger word")
        parts = [n_("{n} caption changes", "{n} captions change", len(preview.after))]
        if preview.tags:
            parts.insert(0, n_("{n} tag goes", "{n} tags go", preview.tags))
        if preview.emptied:
            parts.append(
                n_(
                    "{n} keeps nothing but the trigger word",
                    "{n} keep nothing but the trigger word",
                    preview.emptied,
                )
            )
        return ", ".join(parts)

    def _draw_sum(self) -> None:
        if self._problem:
            said = Content.styled(self._problem, "$text-error")
        elif self._overview is not None and not self._overview.rows:
            said = Content.styled(
                _("no caption has a tag yet: tag the pictures first"), "$text-muted"
            )
        elif self._overview is None:
            said = Content("…")
        else:
            said = Content.styled(self.said(), "bold")
        before = len(self.desk.project.pruned)
        if before and not self._problem:
            pruned = n_("{n} pruned before (P)", "{n} pruned before (P)", before)
            said = Content.assemble(said, (f"   {pruned}", "$text-muted"))
        self.query_one("#prune-sum", Static).update(said)
