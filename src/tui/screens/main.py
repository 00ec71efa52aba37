"""The workshop's screen: the rail, the room one is in, and what the jobs say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType

from dataprep.errors import DataprepError
from dataprep.stages import STAGES
from tui import train_now
from tui.desk import (
    CommandShown,
    FormWanted,
    JobStarted,
    ProjectRead,
    RoomWanted,
    Said,
)
from tui.jobs import JobDone, JobEnded, JobFailed, JobProgress, Pace
from tui.reader import Answered
from tui.rooms import ROOMS
from tui.run_watch import RunSeen, WishFailed
from tui.screens.frame import Frame
from tui.widgets.command_line import CommandLine
from tui.widgets.job_bar import JobBar
from tui.widgets.rail import Rail
from tui.widgets.report_log import ReportLog, heading
from tui.words import N_, _

SCAN = "scan"


class MainScreen(Frame):
    """Hears the rooms and the jobs, and leads from room to room."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(place % 10), f"go('{name}')", door.title, show=False, id=f"go.{name}")
            for place, (name, door) in enumerate(ROOMS.items(), start=1)
        ),
        Binding("x", "run_room", N_("Run"), id="main.run"),
        Binding("s", "settings", N_("Settings"), id="main.settings"),
        Binding("n", "next", N_("Next"), id="main.next"),
        Binding("t", "train_now", N_("Train now"), id="main.train"),
        Binding("u", "undo", N_("Undo"), show=False, id="main.undo"),
        Binding("U,ctrl+r", "redo", N_("Redo"), show=False, id="main.redo"),
        Binding("H", "history", N_("History"), show=False, id="main.history"),
        Binding("r", "rescan", N_("Look at the folder again"), show=False, id="main.rescan"),
        Binding("L", "log", N_("Reports"), show=False, id="main.log"),
        Binding("Y", "copy_command", N_("Copy the command"), show=False, id="main.copy"),
        Binding(
            "ctrl+e", "edit_toml", N_("dataprep.toml in your editor"), show=False, id="main.recipe"
        ),
        Binding(
            "ctrl+t",
            "edit_toml(True)",
            N_("train.toml in your editor"),
            show=False,
            id="main.train_file",
        ),
        Binding("f2", "rail", N_("To the rail"), show=False, id="main.rail"),
        Binding("escape", "stop", N_("Stop"), key_display="esc", id="main.stop"),
        Binding("question_mark", "help", N_("Help"), key_display="?", id="main.help"),
    ]

    # what the desk says

    @on(Answered)
    def _answered(self, event: Answered) -> None:
        event.deliver()

    @on(ProjectRead)
    def _project_read(self) -> None:
        for room in self._rooms():
            room.show(self.desk.project)
        for dialog in self.app.screen_stack[1:]:
            dialog.post_message(ProjectRead(self.desk.project))
        self._show()
        if not self._looked:
            # only now: both at once would keep what is known waiting
            self._looked = True
            self.action_rescan()

    @on(Said)
    def _said(self, event: Said) -> None:
        self.tell(event.text, event.severity)

    @on(CommandShown)
    def _command_shown(self, event: CommandShown) -> None:
        self.query_one(CommandLine).show(event.command)

    @on(RoomWanted)
    async def _room_wanted(self, event: RoomWanted) -> None:
        await self.enter(event.room, event.filter)

    @on(FormWanted)
    def _form_wanted(self, event: FormWanted) -> None:
        self.open_form(event.verb, event.values)

    @on(Rail.Chosen)
    async def _room_chosen(self, event: Rail.Chosen) -> None:
        await self.enter(event.room)

    # what the jobs say

    @on(JobStarted)
    def _started(self, event: JobStarted) -> None:
        self.query_one(JobBar).begin(event.verb)
        self._show()

    @on(JobProgress)
    def _progress(self, event: JobProgress) -> None:
        if not self.desk.jobs.stopping:
            self.query_one(JobBar).progress(event.verb, event.progress, event.pace)

    @on(JobEnded)
    def _ended(self, event: JobEnded) -> None:
        log, text = self.query_one(ReportLog), _("{verb}: stopped").format(verb=event.verb)
        doubtful = isinstance(event, JobDone) and bool(event.report.exit_code)
        if isinstance(event, JobDone):
            log.report(event.report)
            text = heading(event.report)
            for room in self._rooms():
                room.job_ended(event.report)
        elif isinstance(event, JobFailed):
            log.failure(event.verb, event.message, event.hint)
            text = f"{event.verb}: {event.message}"
            said = f"{text}\n{event.hint}" if event.hint else text
            self.app.notify(said, severity="error", markup=False)
        else:
            log.say(text)
        self.query_one(JobBar).end(text, doubtful=doubtful)
        self._show()
        self.desk.reload()

    # what the training run says

    @on(RunSeen)
    def _run_seen(self, event: RunSeen) -> None:
        seen, progress = event.seen, event.seen.reading.progress
        for room in self._rooms():
            room.training(seen)
        bar = self.query_one(JobBar)
        if seen.alive and progress is not None:
            facts = progress.facts
            if progress.stage == "training":
                progress = replace(progress, stage="")
            bar.beside("train", progress, Pace(facts.get("it_per_s"), facts.get("time_left_s")))
        if event.ended:
            text = train_now.ending(seen)
            bar.hint(text)
            failed = seen.reading.state in ("failed", "lost")
            self.app.notify(text, severity="error" if failed else "information", markup=False)
            self.desk.reload()
        self._show()

    @on(WishFailed)
    def _wish_failed(self, event: WishFailed) -> None:
        self.app.notify(event.text, severity="warning", markup=False)

    # what the keys do

    async def action_go(self, room: str) -> None:
        """Go to a room."""
        await self.enter(room)

    async def action_next(self) -> None:
        """Go to the room whose work comes next; where all is done, to the one after this."""
        names = list(ROOMS)
        after = names[min(names.index(self.room) + 1, len(names) - 1)]
        await self.enter(self.following or after)

    def action_run_room(self) -> None:
        """Run the stage of the room."""
        self._room_of(self.room).run_stage()

    def action_settings(self) -> None:
        """Ask for all settings of the room's stage."""
        self._room_of(self.room).open_settings()

    def action_rail(self) -> None:
        """Go to the rail, and there to the room whose work comes next."""
        rail = self.query_one(Rail)
        rail.point_at(self.following or self.room)
        rail.focus()

    def action_edit_toml(self, of_training: bool = False) -> None:
        """Open the recipe, or the training folder's train.toml, in the person's editor."""
        from dataprep.layout import TRAIN_FILE
        from dataprep.settings import RECIPE
        from tui.editor import edit_file

        path = self.desk.root / RECIPE
        if of_training:
            path = self.desk.training_folder / TRAIN_FILE
            if not path.is_file():
                self.tell(_("no train.toml yet: export writes it"), "warning")
                return
        if failed := edit_file(self.app, path):
            self.tell(failed, "error")
        self.desk.reload()

    def action_help(self) -> None:
        """Show what the keys do here."""
        from tui.dialogs.help import HelpScreen

        self.app.push_screen(HelpScreen(self.active_bindings.values(), self.room))

    def action_train_now(self) -> None:
        """Train with the project as it is decided, after one confirmation."""
        train_now.ask(self.app, self.desk)

    def action_undo(self) -> None:
        """Take the last edit back."""
        self.desk.run("undo")

    def action_redo(self) -> None:
        """Carry out again what was undone last."""
        self.desk.run("redo")

    def action_history(self) -> None:
        """Show the edits made so far."""
        from tui.dialogs.history import HistoryDialog

        self.app.push_screen(HistoryDialog(self.desk))

    def action_rescan(self) -> None:
        """Look at the folder again."""
        self.desk.run(SCAN)

    def action_log(self) -> None:
        """Show or hide the reports."""
        log = self.query_one("#log")
        log.display = not log.display

    def action_copy_command(self) -> None:
        """Copy the command that does the same."""
        command = self.query_one(CommandLine).command
        if command:
            self.app.copy_to_clipboard(command)
            self.tell(_("copied: {text}").format(text=command))

    def action_stop(self) -> None:
        """Stop the running job."""
        if self.desk.jobs.running:
            self.desk.jobs.cancel()
            self.query_one(JobBar).stopping(self.desk.jobs.running)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to stop only what runs, and to run only what a room has."""
        if action in ("run_room", "settings"):
            return bool(self.room and ROOMS[self.room].load().VERB)
        return action != "stop" or bool(self.desk.jobs.running)

    def open_form(self, verb: str, values: Any) -> None:
        """Ask for a stage's settings and run it; one without settings runs at once."""
        # with them comes pydantic, for which the first frame must not wait
        from tui.dialogs.form import Answer, FormScreen

        try:
            model, _run = STAGES[verb].load()
            recipe = self.desk.recipe(verb)
        except (DataprepError, ImportError) as error:
            self.app.notify(f"{verb}: {error}", severity="error", markup=False)
            return
        if not model.model_fields:
            self.desk.run(verb)
            return

        def answered(answer: Answer | None) -> None:
            if answer is not None:
                self.desk.run(answer.verb, answer.values, dry_run=answer.dry_run, keep=True)

        form = FormScreen(STAGES[verb], model, recipe, values, str(self.desk.root))
        self.app.push_screen(form, answered)
