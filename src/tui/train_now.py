"""Train now: from any room, after one confirmation, with the project as it is decided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App

from dataprep.jobs import Job
from dataprep.report import Report
from tui import prefs
from tui.desk import Desk
from tui.jobs import Make
from tui.rooms import ROOMS
from tui.words import _, n_

if TYPE_CHECKING:
    from dataprep.dataset import Dataset
    from dataprep.training_plan import Outlook
    from tui.run_watch import Seen

ROOM = "train"


@dataclass(frozen=True, slots=True)
class Intent:
    """What would be done."""

    exports: bool
    """Whether the training folder must be written first."""
    out: Path
    name: str
    """What the LoRA is called."""
    has_base: bool
    outlook: Outlook | None
    """None: there is nothing to train on."""


def ask(app: App[Any], desk: Desk) -> None:
    """Ask, and train; while a run goes on, go to it."""
    if desk.watch.alive:
        desk.go(ROOM)
        return
    desk.ask("train now", intent, lambda found: _confirm(app, desk, found))


def intent(dataset: Dataset) -> Intent:
    """What training now would do. Raises ``DataprepError``."""
    from dataprep import target, training_plan, training_values
    from dataprep.recipes import training_folder

    values = training_values.read(dataset.root, target.read(dataset.store))
    out = training_folder(dataset.root)
    exports = training_plan.needs_export(dataset)
    if exports:
        outlook = training_plan.of_export(dataset, values)
    else:
        outlook = training_plan.of_trainer(training_plan.ask_trainer(out), values)
    if outlook is not None:
        earlier = training_plan.earlier_runs([dataset.root, *prefs.recent()])
        outlook = training_plan.with_earlier(outlook, earlier, values)
    return Intent(
        exports=exports,
        out=out,
        name=_name(dataset),
        has_base=bool(values.get(training_values.BASE)),
        outlook=outlook,
    )


def _name(dataset: Dataset) -> str:
    """What the LoRA will be called: as train.toml or the recipe says, else like the concept."""
    from dataprep.exporting.preview import defaults
    from dataprep.exporting.train_file import values_of
    from dataprep.layout import TRAIN_FILE
    from dataprep.recipes import training_folder
    from dataprep.settings import read_recipe

    recipe = read_recipe(dataset.root)
    written = values_of(training_folder(dataset.root) / TRAIN_FILE)
    export = recipe.get("export", {})
    concept = {**export, **defaults(dataset, export)}.get("concept", "lora")
    said = {**recipe.get("train", {}), **written}.get("output_name")
    return str(said or concept)


def undone(desk: Desk) -> list[str]:
    """Rooms whose work the recipe names, and that is not done, or not any more."""
    standing = desk.project.standing
    return [
        name
        for name in ("crop", "background", "tag", "prune")
        if name in standing and standing[name].state != "done" and desk.recipe(name)
    ]


def begin(exports: bool) -> Make:
    """A job that writes the training folder where it must, and starts the run beside it."""

    def make(dataset: Dataset) -> Job[Report]:
        from dataprep.exporting.preview import preview
        from dataprep.recipes import training_folder
        from dataprep.stages import export, train

        if exports:
            yield from export.run(dataset, preview(dataset, {}).settings)
        settings = train.Settings(detach=True)
        return (yield from train.run(training_folder(dataset.root), settings))

    return make


def ending(seen: Seen) -> str:
    """What became of a run, in a sentence."""
    reading = seen.reading
    if reading.error:
        return reading.error
    steps = n_("{n} step", "{n} steps", int((reading.result or {}).get("steps", 0)))
    if reading.state == "stopped":
        return _("training stopped after {steps}; what was learned is saved").format(steps=steps)
    return _("training finished: {steps}; n: see which epoch to keep").format(steps=steps)


def _confirm(app: App[Any], desk: Desk, found: Intent) -> None:
    from tui.dialogs.confirm import ConfirmDialog

    if not found.has_base:
        desk.say(_("choose a base model first"), "warning")
        desk.go(ROOM)
        return
    if found.outlook is None:
        desk.say(_("there is no picture to train on"), "warning")
        return

    def answered(yes: bool | None) -> None:
        if yes:
            _start(desk, found.exports)

    # as the person called the project, not where it lies on this machine
    shown = replace(found, out=desk.training_folder)
    question, detail = words(shown, found.outlook)
    if rooms := undone(desk):
        titles = ", ".join(_(ROOMS[name].title) for name in rooms)
        detail = _("not done yet: {rooms}").format(rooms=titles) + "\n" + detail
    app.push_screen(ConfirmDialog(question, _("Train"), detail), answered)


def _start(desk: Desk, exports: bool) -> None:
    make = begin(exports)

    def watched(dataset: Dataset) -> Job[Report]:
        try:
            return (yield from make(dataset))
        finally:
            desk.watch.look()

    if desk.start(ROOM, watched):
        desk.go(ROOM)


def words(found: Intent, outlook: Outlook) -> tuple[str, str]:
    """The question, and what stands below it."""
    from tui.widgets.plan_view import memory_words, time_words

    question = _("Train {name} on {pictures}: {steps}?").format(
        name=found.name,
        pictures=n_("{n} picture", "{n} pictures", outlook.images),
        steps=n_("{n} step", "{n} steps", outlook.steps),
    )
    told = [_("into {folder}").format(folder=found.out / "model")]
    if found.exports:
        told.insert(0, _("the training folder is written first"))
    told.append(time_words(outlook))
    if outlook.memory_mb is not None:
        told.append(memory_words(outlook))
    return question, "\n".join(told)
