"""The room in which tags go that the trigger word is to take up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from dataprep.captions import tag_key
from dataprep.errors import DataprepError
from dataprep.report import Report
from tui.dialogs.changes import ChangesDialog
from tui.rooms.prune_checks import Checks
from tui.rooms.prune_view import Chooser, PruneView
from tui.state import Project
from tui.widgets.filter_bar import FilterBar
from tui.widgets.lines import Lines
from tui.widgets.sample_view import SampleView
from tui.widgets.tag_input import TagInput
from tui.widgets.tag_table import ORDERS, TagTable
from tui.words import N_, _

if TYPE_CHECKING:
    from dataprep.pruneview import Overview, Preview


class PruneRoom(PruneView):
    """Every tag with a check box; what would become of a caption stands below, live."""

    VERB: ClassVar[str] = "prune"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "narrow", N_("Narrow"), key_display="/", id="prune.narrow"),
        Binding("e", "trigger", N_("Trigger"), id="prune.trigger"),
        Binding("p", "preset", N_("Preset"), id="prune.preset"),
        Binding("D", "dry_run", N_("Dry run"), id="prune.dry_run"),
        Binding("o", "order", N_("Another order"), show=False, id="prune.order"),
        Binding("w", "as_suggested", N_("Check what is suggested"), show=False,
                id="prune.suggested"),
        Binding("left_square_bracket", "sample(-1)", N_("Caption before"), show=False,
                key_display="[", id="prune.previous"),
        Binding("right_square_bracket", "sample(1)", N_("Next caption"), show=False,
                key_display="]", id="prune.next"),
    ]  # fmt: skip

    def on_mount(self) -> None:
        """Begin with what was chosen before."""
        self._checks = Checks(self.desk)
        self._overview: Overview | None = None
        self._preview: Preview | None = None
        self._problem = ""
        self._shown: Mapping[str, tuple[str, str]] = {}
        self._here = False
        self._stale = True
        self._wants_changes = False
        self._typed_trigger = False
        self._needle = ""
        self.query_one("#prune-name", TagInput).value = self._checks.name
        self._draw_head()

    # what comes from outside

    def show(self, project: Project) -> None:
        """Judge the tags anew where captions have changed."""
        trigger = self.query_one("#prune-trigger", TagInput)
        if not self._typed_trigger and trigger.value != (found := self._known_trigger(project)):
            trigger.value = found
        # strings that are the same object compare at once: a verdict costs nothing here
        shown = {row.name: (row.caption, row.decisions.verdict) for row in project.rows.values()}
        self._stale = self._stale or shown != self._shown
        self._shown = shown
        if self._stale and self._here and project.loaded:
            self._ask()
        else:
            self._draw_sum()

    def _known_trigger(self, project: Project) -> str:
        if project.trigger:
            return project.trigger
        try:
            return str(self.desk.recipe(self.VERB).get("trigger", ""))
        except DataprepError:
            return ""

    def entered(self, filter: str) -> None:
        """The recipe may have been changed meanwhile."""
        self._here = True
        if self.desk.project.loaded:
            self._ask()
        super().entered(filter)

    def job_ended(self, report: Report) -> None:
        """Show the changes that were asked for; what another stage did may count here."""
        if report.stage == self.VERB and report.dry_run and self._wants_changes:
            self._open_changes(report)
        if report.stage == self.VERB and not report.dry_run:
            self._typed_trigger = False
        self._stale = self._stale or not report.dry_run

    def first(self) -> Widget | None:
        """The tags."""
        return self.query_one(TagTable)

    def left(self) -> None:
        """Until one comes back nothing need be judged."""
        self._here = False

    # questions

    def _ask(self) -> None:
        # with it come pydantic and numpy
        from dataprep.pruneview import overview

        preset, name = self._checks.preset, self._checks.name
        self._stale = False
        self.desk.ask(
            "prune", lambda dataset: overview(dataset, preset, name), self._judged, self._failed
        )

    def _judged(self, overview: Overview) -> None:
        self._overview, self._problem = overview, ""
        self._list()
        self._ask_preview()

    def _ask_preview(self) -> None:
        from dataprep.pruneview import preview

        shown, trigger = self._overview, self._trigger
        if shown is None:
            return
        checked = frozenset(self.query_one(TagTable).checked)
        self.desk.ask(
            "prune preview",
            lambda dataset: preview(dataset, shown, checked, trigger),
            self._previewed,
            self._failed,
        )

    def _previewed(self, preview: Preview) -> None:
        self._preview, self._problem = preview, ""
        self._draw_sample()
        self._draw_sum()
        if self._here:
            self.show_command()

    def _failed(self, message: str, hint: str) -> None:
        self._preview = None
        self._problem = f"{message} ({hint})" if hint else message
        self._draw_sample()
        self._draw_sum()

    # what the widgets say

    @on(Lines.Marked, "#prune-tags")
    def _marked(self) -> None:
        if self._overview is not None:
            fixed = tag_key(self._trigger)
            rows = [row for row in self._overview.rows if row.key != fixed]
            self._checks.note(rows, self.query_one(TagTable).checked)
        self._ask_preview()

    @on(Lines.Chosen, "#prune-tags")
    def _chosen(self) -> None:
        self.query_one(TagTable).toggle()

    @on(Lines.Moved, "#prune-tags")
    def _moved(self) -> None:
        self.query_one(SampleView).point_at(self.tag)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        trigger, name = (self.query_one(f"#prune-{id}", TagInput) for id in ("trigger", "name"))
        if event.input is trigger.entry and self._overview is not None:
            self._typed_trigger = self._trigger != self._known_trigger(self.desk.project)
            self._list()
            self._ask_preview()
        elif event.input is name.entry and name.value.strip() != self._checks.name:
            self._checks.call(name.value.strip())
            self._ask()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(TagTable).focus()

    @on(FilterBar.Changed)
    def _narrowed(self, event: FilterBar.Changed) -> None:
        event.stop()
        self._needle = event.text
        if self._overview is not None:
            self._list()

    @on(FilterBar.Left)
    def _narrowing_over(self) -> None:
        self.query_one(TagTable).focus()

    # what the keys do

    def values(self) -> Mapping[str, Any]:
        """The checked tags and the trigger word."""
        if self._overview is None:
            return {}
        return self._overview.values(self.query_one(TagTable).checked, self._trigger)

    def run_stage(self) -> None:
        """Prune what is checked."""
        if self._ready():
            self.desk.run(self.VERB, self.values(), keep=True)

    def _ready(self) -> bool:
        if self._problem:
            self.desk.say(self._problem, "error")
        elif self._preview is None or not self._preview.after:
            self.desk.say(self.said())
        return not self._problem and bool(self._preview and self._preview.after)

    def action_dry_run(self) -> None:
        """Show every change before it is made."""
        if self._ready():
            self._wants_changes = self.desk.run(self.VERB, self.values(), dry_run=True)

    def _open_changes(self, report: Report) -> None:
        def answered(do: bool | None) -> None:
            if do:
                self.run_stage()

        self._wants_changes = False
        self.app.push_screen(ChangesDialog(self.said(), report.changes), answered)

    def action_narrow(self) -> None:
        """Type what the listed tags are to contain."""
        self.query_one(FilterBar).open()

    def action_trigger(self) -> None:
        """Type the trigger word."""
        self.query_one("#prune-trigger", TagInput).focus()

    @on(Chooser.Pressed)
    def action_preset(self) -> None:
        """Take the next preset; checks by hand stay."""
        self._checks.next_preset()
        self._draw_head()
        if self._checks.needs_name and not self._checks.name:
            self.query_one("#prune-name", TagInput).focus()
        self._ask()

    def action_order(self) -> None:
        """List the tags in another order."""
        self._checks.next_order()
        self.desk.say(_(ORDERS[self._checks.order]))
        if self._overview is not None:
            self._list()

    def action_as_suggested(self) -> None:
        """Forget the checks by hand."""
        self._checks.forget()
        if self._overview is not None:
            self._list()
            self._ask_preview()

    def action_sample(self, by: int) -> None:
        """Show another caption."""
        self.query_one(SampleView).step(by)
