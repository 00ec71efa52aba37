"""The room in which is decided what part of every picture is trained on, and at what size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widget import Widget

from dataprep.buckets import Bucket
from dataprep.dataset import Dataset
from dataprep.decisions import Crop
from dataprep.errors import DataprepError
from dataprep.focus import hand
from dataprep.report import Report
from tui.desk import Desk
from tui.dialogs.choice import ChoiceDialog
from tui.rooms.crop_dials import resized, turned
from tui.rooms.crop_view import CropView
from tui.rooms.cuts import Cuts
from tui.rooms.held import Held
from tui.state import Project
from tui.widgets.box_view import BoxView
from tui.widgets.dials import Dials
from tui.widgets.lines import Lines
from tui.words import N_, _, n_

REST = 0.4
"""Seconds the keys must rest before a moved box is written."""


class CropRoom(CropView):
    """Buckets and what they cost, live; the box of each picture, moved by keys."""

    VERB: ClassVar[str] = "crop"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "left_square_bracket", "size(-1)", N_("Smaller size"), show=False, id="crop.size_down"
        ),
        Binding(
            "right_square_bracket", "size(1)", N_("Larger size"), show=False, id="crop.size_up"
        ),
        Binding("B", "turn('buckets')", N_("Buckets on or off"), show=False, id="crop.buckets"),
        Binding("m", "turn('mode')", N_("Where the cut lies"), show=False, id="crop.mode"),
        Binding("e", "turn('upscale')", N_("Enlarge or not"), show=False, id="crop.upscale"),
        Binding("A", "alike", N_("To all alike"), id="crop.alike"),
        Binding("p", "doubtful(1)", N_("Next to cut anew"), show=False, id="crop.doubtful"),
        Binding("P", "doubtful(-1)", N_("The one before"), show=False, id="crop.doubtful_back"),
        Binding("u", "take_back", N_("Undo"), show=False, id="crop.take_back"),
        Binding("escape", "leave_box", N_("Back to the list"), show=False, id="crop.leave_box"),
        Binding("backspace", "anew", N_("Place the box anew"), show=False, id="crop.anew"),
    ]

    def __init__(self, desk: Desk, id: str) -> None:
        super().__init__(desk, id)
        self._held = Held(desk, self.VERB)
        self._cuts: Cuts | None = None
        self._moved: dict[str, Crop] = {}
        """Boxes that were moved and are not written yet."""
        self._writing: dict[str, Crop] = {}
        """Those that are being written."""
        self._rest: Timer | None = None
        self._sizes: Sequence[Bucket] = ()

    def first(self) -> Widget | None:
        """The pictures."""
        return self._list

    def entered(self, filter: str) -> None:
        """Read the recipe: another room or program may have written it."""
        self._reckon()
        super().entered(filter)

    def left(self) -> None:
        """Write what was moved."""
        self._write()

    def on_unmount(self) -> None:
        """The same when the project is closed."""
        self._write()

    def show(self, project: Project) -> None:
        """Reckon anew with what has changed; a hidden room does when it is entered."""
        if self.display:
            self._reckon()

    def job_ended(self, report: Report) -> None:
        """A run has taken the dials over into the recipe."""
        if report.stage == self.VERB:
            self._held.read()
            if self.display:
                self.show_command()

    def values(self) -> Mapping[str, Any]:
        """What the dials say."""
        return self._held.values()

    def run_stage(self) -> None:
        """Write what was moved, then decide every other picture."""
        self._write()
        super().run_stage()

    # reckoning

    def _reckon(self) -> None:
        """Ask how the pictures would be cut as the dials stand."""
        self._held.read()
        self._show_dials()
        table = self._held.everything()
        if table.get("mode") == "box":
            table |= {"mode": "centre", "box": ""}
        batch_size = _batch_size(self.desk)

        def question(dataset: Dataset) -> Cuts:
            from dataprep.settings import build
            from dataprep.stages import buckets, crop

            settings = build(crop.Settings, table, "dataprep crop")
            return Cuts.of(buckets.plan(dataset, settings.target()), batch_size)

        self.desk.ask("buckets", question, self._reckoned, self._complain)

    def _reckoned(self, cuts: Cuts) -> None:
        self._cuts, self._sizes = cuts, cuts.target.sizes()
        unread = {**self._writing, **self._moved}
        for name, crop in unread.items():
            cuts.put(name, crop)
        if unread:
            cuts.count()
        self._fill()

    # dials

    @on(Dials.Turned)
    def _dial_clicked(self, event: Dials.Turned) -> None:
        event.stop()
        if event.name == "size":
            self.action_size(event.by)
        else:
            self.action_turn(event.name, event.by)

    def action_size(self, by: int) -> None:
        """The next larger or smaller of the usual sizes."""
        if values := resized(self._held, by):
            self._turned(**values)

    def action_turn(self, name: str, by: int = 1) -> None:
        """Turn another dial on by one; those that hang on it follow."""
        self._turned(**turned(self._held, name, by))

    def _turned(self, **values: Any) -> None:
        self._held.turn(**values)
        self.show_command()
        self._reckon()

    # lists

    @on(Lines.Moved, "#crop-buckets")
    def _bucket_moved(self, event: Lines.Moved) -> None:
        event.stop()
        if self._cuts is not None:
            self._list_pictures()

    @on(Lines.Chosen, "#crop-buckets")
    def _bucket_chosen(self, event: Lines.Chosen) -> None:
        event.stop()
        self._list.focus()

    @on(Lines.Moved, "#crop-pictures")
    def _picture_moved(self, event: Lines.Moved) -> None:
        event.stop()
        if self._moved.keys() - {event.key}:
            self._write()
        self._show_box()

    @on(Lines.Chosen, "#crop-pictures")
    def _picture_chosen(self, event: Lines.Chosen) -> None:
        event.stop()
        self._box.focus()

    def action_doubtful(self, by: int) -> None:
        """Go to the next picture that is worth another cut."""
        names = self._list.keys
        uses = self._cuts.uses if self._cuts else {}
        for away in range(1, len(names) + 1):
            name = names[(self._list.place + by * away) % len(names)]
            if name in uses and uses[name].reasons:
                self._list.move_to(name)
                self.desk.say(f"{name}: {'; '.join(uses[name].reasons)}")
                return
        self.desk.say(_("no picture here needs another cut"))

    # the box

    @on(BoxView.Changed)
    def _box_changed(self, event: BoxView.Changed) -> None:
        """Count it at once, write it when the keys rest."""
        event.stop()
        if self._cuts is None or event.name not in self._cuts.uses:
            return
        self._move({event.name: event.crop})
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST, self._write)

    @on(BoxView.Left)
    def _box_left(self, event: BoxView.Left) -> None:
        event.stop()
        self.action_leave_box()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc stops a job before it leads anywhere; what is not written is no edit to undo."""
        if action == "leave_box":
            return self._box.has_focus and not self.desk.jobs.running
        if action == "take_back":
            return bool(self._moved)
        return super().check_action(action, parameters)

    def action_leave_box(self) -> None:
        """Go back to the list; what was moved is written."""
        self._write()
        self._list.focus()
        # it kept pictures whose shape has changed; once the focus has gone it need not
        self.call_after_refresh(self._fill)

    def _write(self) -> None:
        """Write the moved boxes as one edit."""
        if self._rest is not None:
            self._rest.stop()
        if not self._moved or self._cuts is None:
            return
        moved, self._moved = self._moved, {}
        self._writing |= moved
        if len(moved) == 1:
            name = _("crop {name} by hand").format(name=next(iter(moved)))
        else:
            name = n_("crop {n} picture by hand", "crop {n} pictures by hand", len(moved))
        target = self._cuts.target

        def written() -> None:
            for picture, crop in moved.items():
                if self._writing.get(picture) == crop:
                    del self._writing[picture]

        self.desk.edit(name, lambda dataset: hand.changes(dataset, moved, target), written)

    def action_take_back(self) -> None:
        """Forget what was moved just now: nothing of it is written yet."""
        if self._rest is not None:
            self._rest.stop()
        self._moved = {}
        self._reckon()

    def action_anew(self) -> None:
        """Let the stage place the box of these pictures, by hand or not, as the dials say."""
        names = tuple(self._list.meant)
        if names:
            self._write()
            self.desk.run(self.VERB, {**self.values(), "only": names, "redo": True})

    def action_alike(self) -> None:
        """Offer to give this box to other pictures."""
        cuts, name = self._cuts, self._list.current
        if cuts is None or name not in cuts.uses or self._keeps_whole:
            return
        self._write()
        groups = cuts.alike(name, self._list.marks, self._list.keys)
        if not groups:
            self.desk.say(_("there is no other picture"))
            return

        def chosen(key: str | None) -> None:
            if key is not None and self._cuts is not None:
                self._move(self._cuts.given(name, groups[key]))
                self._write()

        title = _("Give the box of {name} to").format(name=name)
        self.app.push_screen(ChoiceDialog(title, cuts.choices(name, groups)), chosen)

    def _move(self, crops: Mapping[str, Crop]) -> None:
        """Count these as cut so; they are still to be written."""
        assert self._cuts is not None
        self._moved |= crops
        for name, crop in crops.items():
            self._cuts.put(name, crop)
        self._list.refresh()


def _batch_size(desk: Desk) -> int:
    """What the recipe trains with; 1 where it says nothing that can be meant."""
    try:
        given = desk.recipe("train").get("train_batch_size", 1)
    except DataprepError:
        return 1
    return given if isinstance(given, int) and given > 0 else 1
