"""The trainer's settings and what they come to; while it trains, how it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.worker import get_current_worker

from dataprep.dataset import Dataset
from dataprep.errors import DataprepError
from dataprep.report import Report
from tui import prefs, train_now
from tui.rooms.room import Room
from tui.run_watch import Seen
from tui.state import Project
from tui.widgets.plan_view import PlanView
from tui.widgets.run_view import RunView
from tui.widgets.train_form import TrainForm
from tui.words import N_, _

if TYPE_CHECKING:
    from dataprep.training_plan import Earlier, Outlook

REST = 0.3
"""Seconds the settings must rest before they are written and the trainer is asked."""
PRESET = "train.preset"
"""Under this name the preset that was taken up last is remembered."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the room learns in a thread."""

    values: Mapping[str, Any]
    exported: bool
    outlook: Outlook | None
    """By what an export would write; None where the trainer can be asked."""
    earlier: Sequence[Earlier]
    cut: tuple[int, int] | None
    """What the pictures were cut to; None: nothing was decided."""


class TrainRoom(Room):
    """Ten settings for a beginner, all for an expert; and the run, while there is one."""

    VERB: ClassVar[str] = "train"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "preset", N_("Preset"), id="train.preset"),
        Binding("f4", "expert", N_("All settings"), id="train.expert"),
        Binding("v", "view", N_("Run or settings"), id="train.view"),
    ]

    class Planned(Message):
        """The trainer has planned, or said why it cannot."""

        def __init__(self, plan: Mapping[str, Any] | None, reason: str = "") -> None:
            super().__init__()
            self.plan = plan
            self.reason = reason

    def compose(self) -> ComposeResult:
        """The plan above the settings; or the run."""
        expert = self.desk.memory.get("train.expert", self.desk.prefs.expert)
        with Vertical(id="train-before"):
            yield PlanView(id="train-plan")
            self._form = TrainForm(id="train-form", expert=expert)
            yield self._form
        yield RunView(self.desk.drawing, id="train-run")

    def on_mount(self) -> None:
        """Nothing is known yet, unless a run goes on."""
        self._unkept: dict[str, Any] = {}
        self._known: Known | None = None
        self._outlook: Outlook | None = None
        self._rest: Timer | None = None
        self._run_id = ""
        self._is_stale = False
        self._see_run(False)
        if self.desk.watch.seen is not None:
            self.training(self.desk.watch.seen)

    # what is known

    @property
    def _sees_run(self) -> bool:
        return bool(self.query_one("#train-run").display)

    def first(self) -> Widget:
        """The run where it is on the screen, else the settings."""
        return self.query_one("#train-run") if self._sees_run else self._form.lines

    def values(self) -> Mapping[str, Any]:
        """A run of this room's goes on without it."""
        return {"detach": True}

    def show(self, project: Project) -> None:
        """Read the settings again; not at every edit in another room."""
        self._is_stale = not self.display
        if self.display:
            self._flush()
            self.desk.ask("train", _known, self._read, self._refused)

    def entered(self, filter: str) -> None:
        """Catch up with what was edited meanwhile."""
        super().entered(filter)
        if self._is_stale:
            self.show(self.desk.project)

    def job_ended(self, report: Report) -> None:
        """A run may have been started."""
        self.desk.watch.look()

    def training(self, seen: Seen) -> None:
        """Draw the run; one that goes on and was not seen before takes the screen."""
        self.query_one("#train-run", RunView).show(seen)
        if seen.id != self._run_id:
            is_new, self._run_id = bool(self._run_id), seen.id
            if seen.alive or is_new or seen.reading.error:
                self._see_run(True)
        self.refresh_bindings()

    def _read(self, known: Known) -> None:
        self._known = known
        if not self._unkept:
            self._form.show(known.values)
        if known.exported:
            self._plan(self.desk.training_folder)
        else:
            self._outlook = known.outlook
            self._draw_plan()

    def _refused(self, message: str, hint: str) -> None:
        self.query_one(PlanView).show(None, f"{message}\n{hint}", is_error=True)

    # the plan

    @work(thread=True, exclusive=True, group="train-plan", exit_on_error=False)
    def _plan(self, out: Path) -> None:
        from dataprep.training_plan import planning

        worker, job = get_current_worker(), planning(out)
        try:
            while not worker.is_cancelled:
                next(job)
        except StopIteration as end:
            self.post_message(self.Planned(end.value))
        except DataprepError as error:
            self.post_message(self.Planned(None, str(error)))
        finally:
            job.close()

    @on(Planned)
    def _planned(self, event: Planned) -> None:
        from dataprep import training_plan
        from dataprep.training_values import BASE

        if event.plan is None:
            self._outlook = None
            missing = not self._form.values.get(BASE)
            # the trainer names the key of train.toml; a person has the line before the eyes
            reason = _("choose a base model") if missing else event.reason
            self.query_one(PlanView).show(None, reason, is_error=not missing)
            return
        self._outlook = training_plan.of_trainer(event.plan, self._form.values)
        self._draw_plan()

    def _draw_plan(self) -> None:
        """Steps by arithmetic, at once; the trainer's own plan comes when one has done."""
        from dataprep import training_plan

        error, values = self._form.error, self._form.shown
        outlook, known = self._outlook, self._known
        if known is None:
            return
        if outlook is not None:
            outlook = outlook if error else training_plan.with_values(outlook, values)
            outlook = training_plan.with_earlier(outlook, known.earlier, values)
        remark = error or self._remark(outlook, known, values)
        self.query_one(PlanView).show(outlook, remark, is_error=bool(error))

    def _remark(self, outlook: Outlook | None, known: Known, values: Mapping[str, Any]) -> str:
        from dataprep.training_values import BASE

        standing = self.desk.project.standing.get("export")
        if outlook is None:
            return _("there is no picture to train on yet")
        if not values.get(BASE):
            return _("choose a base model")
        if reason := self._base_error(str(values[BASE])):
            return reason
        if not known.exported:
            return _("the training folder is not written yet; x writes it and trains")
        if standing is not None and standing.state == "stale":
            return _("edited since the last export; x exports and trains")
        if outlook.problems:
            more = len(outlook.problems) - 1
            return outlook.problems[0] + (f"  +{more}" if more else "")
        return ""

    def _base_error(self, base: str) -> str:
        from dataprep.training_values import base_error

        return base_error(base, self.desk.training_folder)

    # the settings

    @on(TrainForm.Changed)
    def _changed(self, event: TrainForm.Changed) -> None:
        self._unkept[event.key] = event.value
        self._draw_plan()
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST, self._keep)

    @on(TrainForm.Typing)
    def _typing(self) -> None:
        self._draw_plan()

    @on(TrainForm.Refused)
    def _not_taken(self, event: TrainForm.Refused) -> None:
        self.desk.say(event.sentence, "warning")

    @on(TrainForm.BaseWanted)
    def _choose_base(self) -> None:
        from dataprep.training_values import BASE
        from tui.dialogs.base import BaseDialog

        def answered(chosen: str | None) -> None:
            if chosen and (reason := self._base_error(chosen)):
                self.desk.say(reason, "warning")
            elif chosen:
                self._form.take(BASE, chosen)

        self.app.push_screen(BaseDialog(str(self._form.values.get(BASE, ""))), answered)

    def _keep(self) -> None:
        if self._flush() and self._known is not None and self._known.exported:
            self._plan(self.desk.training_folder)

    def _flush(self) -> bool:
        """Write what was changed; whether all of it is on the disk."""
        from dataprep.training_values import change

        changes, self._unkept = self._unkept, {}
        if not changes:
            return True
        try:
            change(self.desk.root, changes)
        except (DataprepError, OSError) as error:
            self._unkept = {**changes, **self._unkept}
            self.desk.say(str(error), "error")
            return False
        return True

    def left(self) -> None:
        """Nothing that was typed is lost."""
        # here and now: the form's own word of it comes when the next room is there
        self._unkept |= self._form.typed
        self._form.finish()
        self._flush()

    def on_unmount(self) -> None:
        """The same when the screens close."""
        self._unkept |= self._form.typed
        self._flush()

    # what the keys do

    def run_stage(self) -> None:
        """Train, after one confirmation."""
        if self._flush():
            train_now.ask(self.app, self.desk)

    def open_settings(self) -> None:
        """Show all settings, or the ten."""
        self.action_expert()

    def action_expert(self) -> None:
        """Show all settings, or the ten; where the run is shown, go to the settings."""
        if self._sees_run:
            self.action_view()
            return
        self._form.toggle_expert()
        expert = self._form.expert
        self.desk.memory.put("train.expert", expert)
        self.desk.prefs = replace(self.desk.prefs, expert=expert)
        try:
            prefs.remember(expert=expert)
        except OSError as error:
            self.desk.say(str(error), "warning")

    def action_preset(self) -> None:
        """Choose where to begin, and see what that changes."""
        from dataprep.training_values import BASE
        from tui.dialogs.preset import Preset, PresetDialog, Standing

        if not self._form.values.get(BASE):
            self.desk.say(_("choose a base model first"), "warning")
            return
        last = self.desk.memory.get(PRESET, {})

        def answered(chosen: Preset | None) -> None:
            if chosen is not None and self._form.take_all(chosen.changes):
                self.desk.memory.put(PRESET, chosen.remembered)

        standing = Standing(
            self._form.values,
            self._form.fields,
            self.desk.training_folder,
            self._known.cut if self._known is not None else None,
            last,
        )
        self.app.push_screen(PresetDialog(standing), answered)

    def action_view(self) -> None:
        """Go from the settings to the run, or back."""
        self._see_run(not self._sees_run)

    def _see_run(self, run: bool) -> None:
        has_keys = self.has_focus_within
        self.query_one("#train-before").display = not run
        self.query_one("#train-run").display = run
        self.refresh_bindings()
        if has_keys:
            self.first().focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A run can be seen once there was one; a preset is for the settings."""
        if action == "preset":
            return not self._sees_run
        return action != "view" or bool(self._run_id)

    @on(RunView.Wished)
    def _wished(self, event: RunView.Wished) -> None:
        if event.wish != "stop":
            self.desk.watch.wish(event.wish)
            return
        from tui.dialogs.confirm import ConfirmDialog

        def answered(yes: bool | None) -> None:
            if yes:
                self.desk.watch.wish("stop")

        question = _("Stop training after this step, and save what was learned?")
        self.app.push_screen(ConfirmDialog(question, _("Stop")), answered)


def _known(dataset: Dataset) -> Known:
    """What the room shows. Runs in the reader's thread."""
    from dataprep import target, training_plan, training_values

    decided = target.read(dataset.store)
    values = training_values.read(dataset.root, decided)
    exported = training_values.is_exported(dataset.root)
    outlook = None if exported else training_plan.of_export(dataset, values)
    earlier = training_plan.earlier_runs([dataset.root, *prefs.recent()])
    cut = decided.resolution if decided is not None else None
    return Known(values, exported, outlook, earlier, cut)
