"""The one screen of an open project: stages, pictures, preview, what the jobs say."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widgets import Footer, Static
from textual.worker import get_current_worker

from dataprep.errors import DataprepError
from dataprep.stages import STAGES
from tui import state
from tui.jobs import JobDone, JobEnded, JobFailed, JobProgress, Jobs, Make, stage_job
from tui.pictures import Drawing
from tui.screens.help import HelpScreen
from tui.state import Project
from tui.widgets.filter import FilterLine
from tui.widgets.job_bar import JobBar
from tui.widgets.preview import Preview
from tui.widgets.rail import Rail
from tui.widgets.report_log import ReportLog, heading
from tui.widgets.table import PictureTable

if TYPE_CHECKING:
    from tui.screens.form import Answer

SCAN = "scan"


class MainScreen(Screen[None]):
    """Hears the widgets and the jobs, and lets a stage run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", id="main.filter"),
        Binding("s", "stages", "Stages", id="main.stages"),
        Binding("u", "undo", "Undo", id="main.undo"),
        Binding("r", "rescan", "Rescan", id="main.rescan"),
        Binding("o", "original", "Original or as trained on", show=False, id="main.original"),
        Binding("escape", "stop", "Stop", key_display="esc", id="main.stop"),
        Binding("question_mark", "help", "Help", key_display="?", id="main.help"),
    ]

    class Loaded(Message):
        """The project was read."""

        def __init__(self, project: Project) -> None:
            super().__init__()
            self.project = project

    def __init__(self, root: Path, jobs: Jobs, drawing: Drawing) -> None:
        super().__init__()
        self._root = root
        self._jobs = jobs
        self._drawing = drawing
        self._project = Project()
        self._needle = ""

    def compose(self) -> ComposeResult:
        """Banner, three columns, reports, job, keys."""
        yield Static(id="banner", markup=False)
        with Horizontal(id="body"):
            yield Rail([stage for stage in STAGES.values() if stage.opens], id="rail")
            with Vertical(id="list"):
                yield FilterLine(id="filter")
                yield PictureTable(id="pictures")
            yield Preview(self._drawing, id="preview")
        yield ReportLog(id="log")
        yield JobBar(id="job")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Show what is known, then look for what is new."""
        self._jobs.listen(self)
        self._show()
        self.query_one(PictureTable).focus()
        self._reload()
        self.call_after_refresh(self.action_rescan)

    @work(thread=True, exclusive=True, group="project", exit_on_error=False)
    def _reload(self) -> None:
        worker = get_current_worker()
        answer: Message
        try:
            answer = self.Loaded(state.load(self._root))
        except DataprepError as error:
            answer = JobFailed("open", error.message, error.hint)
        except (OSError, sqlite3.Error) as error:
            answer = JobFailed("open", f"{self._root}: {error}")
        if not worker.is_cancelled:
            self.post_message(answer)

    @on(Loaded)
    def _loaded(self, event: Loaded) -> None:
        self._project = event.project
        self._show()

    def _show(self) -> None:
        rows = state.matching(self._project.rows, self._needle)
        self.query_one(PictureTable).show(rows)
        self._show_stages()
        name = self._root.resolve().name
        said = f"{len(self._project.rows)} pictures"
        if self._needle:
            said = f"{len(rows)} of {said} contain “{self._needle}”"
        if self._project.last_edit:
            said += f"   last edit: {self._project.last_edit}"
        self.query_one("#banner", Static).update(
            Content.assemble((f" {name} ", "bold"), (f" {said}", "$text-muted"))
        )

    def _show_stages(self) -> None:
        self.query_one(Rail).show(self._project.counts, self._jobs.running)
        self.refresh_bindings()

    # what the widgets say

    @on(PictureTable.Shown)
    def _picture_shown(self, event: PictureTable.Shown) -> None:
        self.query_one(Preview).show(event.row)

    @on(FilterLine.Narrowed)
    def _narrowed(self, event: FilterLine.Narrowed) -> None:
        self._needle = event.needle
        self._show()

    @on(FilterLine.Left)
    def _filter_left(self) -> None:
        self.query_one(PictureTable).focus()

    @on(Rail.LookedAt)
    def _stage_looked_at(self, event: Rail.LookedAt) -> None:
        self.query_one(JobBar).hint(f"{event.stage.verb}: {event.stage.summary}")

    @on(Rail.Chosen)
    def _stage_chosen(self, event: Rail.Chosen) -> None:
        self.open_stage(event.verb)

    # what the jobs say

    @on(JobProgress)
    def _progress(self, event: JobProgress) -> None:
        if not self._jobs.stopping:
            self.query_one(JobBar).progress(event.verb, event.progress, event.pace)

    @on(JobEnded)
    def _ended(self, event: JobEnded) -> None:
        log, text = self.query_one(ReportLog), f"{event.verb}: stopped"
        if isinstance(event, JobDone):
            log.report(event.report)
            text = heading(event.report)
            if event.verb != SCAN:
                self._toast(text, "warning" if event.report.exit_code else "information")
        elif isinstance(event, JobFailed):
            log.failure(event.verb, event.message, event.hint)
            text = f"{event.verb}: {event.message}"
            self._toast(text, "error")
        else:
            log.say(text)
        self.query_one(JobBar).end(text)
        self._show_stages()
        self._reload()

    # what the keys do

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterLine).open()

    def action_stages(self) -> None:
        """Go to the stages."""
        self.query_one(Rail).focus()

    def action_original(self) -> None:
        """Show the file as it is, or as it will be trained on."""
        self.query_one(Preview).toggle_original()

    def action_help(self) -> None:
        """Show what the keys do."""
        self.app.push_screen(HelpScreen([*self.BINDINGS, *PictureTable.BINDINGS]))

    def action_undo(self) -> None:
        """Take the last edit back."""
        self._start_plain("undo")

    def action_rescan(self) -> None:
        """Look at the folder again."""
        self._start_plain(SCAN)

    def action_stop(self) -> None:
        """Stop the running job; without one, show all pictures again."""
        if self._jobs.running:
            self._jobs.cancel()
            self.query_one(JobBar).stopping(self._jobs.running)
        elif self._needle:
            self.query_one(FilterLine).drop()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to stop only what runs."""
        return action != "stop" or bool(self._jobs.running or self._needle)

    def open_stage(self, verb: str) -> None:
        """Ask for a stage's settings and run it; one without settings runs at once."""
        # with them comes pydantic, for which the first frame must not wait
        from dataprep.settings import read_recipe
        from tui.screens.form import FormScreen

        try:
            model, _ = STAGES[verb].load()
            recipe = read_recipe(self._root).get(verb, {})
        except (DataprepError, ImportError) as error:
            self._toast(f"{verb}: {error}", "error")
            return
        if not model.model_fields:
            self._start_plain(verb)
            return
        form = FormScreen(STAGES[verb], model, recipe, str(self._root))
        self.app.push_screen(form, self._form_answered)

    def _form_answered(self, answer: Answer | None) -> None:
        if answer is not None:
            _, run = STAGES[answer.verb].load()
            settings = answer.settings
            self.start(answer.verb, lambda dataset: run(dataset, settings), answer.dry_run)

    def _start_plain(self, verb: str) -> None:
        self.start(verb, stage_job(verb, self._root))

    def start(self, verb: str, make: Make, dry_run: bool = False) -> None:
        """Run a job, if none runs."""
        if self._jobs.start(verb, make, dry_run=dry_run):
            self.query_one(JobBar).begin(verb)
            self._show_stages()
        else:
            self._toast(f"{self._jobs.running} is running; esc stops it", "warning")

    def _toast(self, text: str, severity: SeverityLevel) -> None:
        self.app.notify(text, severity=severity, markup=False)
