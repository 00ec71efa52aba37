"""The room in which the subject of every picture is cut out, and something put behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from dataprep.errors import DataprepError
from dataprep.report import Report
from tui.dialogs.choice import Choice, ChoiceDialog
from tui.dialogs.entry import EntryDialog
from tui.rooms import backdrops
from tui.rooms.background_asking import BackgroundAsking
from tui.rooms.background_view import MODEL
from tui.rooms.found_masks import cut_out, kept
from tui.state import Project
from tui.widgets.compare import VIEWS, Compare
from tui.widgets.dials import Dials
from tui.widgets.lines import Lines
from tui.words import N_, _, n_


class BackgroundRoom(BackgroundAsking):
    """Masks and what stands behind the subject, tried on the picture before it is decided."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "view(1)", N_("Before, mask"), id="background.view"),
        Binding("c", "behind(1)", N_("Behind it"), id="background.behind"),
        Binding("d", "keep", N_("Keep its own"), id="background.keep"),
        Binding("C", "colour", N_("Any colour, or several"), show=False, id="background.colour"),
        Binding("M", "model", N_("Model"), show=False, id="background.model"),
        Binding(
            "plus,equals_sign", "step('grow', 1)", N_("Grow"), show=False, id="background.grow"
        ),
        Binding("minus", "step('grow', -1)", N_("Shrink"), show=False, id="background.shrink"),
        Binding(
            "greater_than_sign,full_stop",
            "step('feather', 1)",
            N_("Softer edge"),
            show=False,
            id="background.softer",
        ),
        Binding(
            "less_than_sign,comma",
            "step('feather', -1)",
            N_("Harder edge"),
            show=False,
            id="background.harder",
        ),
        Binding("i", "turn('invert')", N_("Invert the mask"), show=False, id="background.invert"),
        Binding(
            "o",
            "turn('largest')",
            N_("Only the largest piece"),
            show=False,
            id="background.largest",
        ),
        Binding("p", "doubtful(1)", N_("Next doubtful mask"), show=False, id="background.doubtful"),
        Binding(
            "P", "doubtful(-1)", N_("The one before"), show=False, id="background.doubtful_back"
        ),
    ]

    class Listed(Message):
        """The models there are."""

        def __init__(self, choices: Sequence[Choice]) -> None:
            super().__init__()
            self.choices = choices

    def on_mount(self) -> None:
        """Look at pictures as one did last."""
        view = self.desk.memory.get("background.view", VIEWS[0])
        self._compare.view = next((known for known in VIEWS if known == view), VIEWS[0])

    def first(self) -> Widget | None:
        """The pictures."""
        return self._list

    def entered(self, filter: str) -> None:
        """Read the recipe: another room or program may have written it."""
        self._look()
        super().entered(filter)

    def show(self, project: Project) -> None:
        """Look for masks anew; a hidden room does when it is entered."""
        if self.display:
            self._look()

    def job_ended(self, report: Report) -> None:
        """A run has taken the dials over into the recipe, and measured the masks."""
        if report.stage == self.VERB:
            self._coverage.forget()
            self._compare.forget()
            self._targets.clear()
            self._held.read()
            if self.display:
                self.show_command()

    def values(self) -> Mapping[str, Any]:
        """What the dials say."""
        return self._held.values()

    # lists and pictures

    @on(Lines.Moved, "#background-pictures")
    def _moved(self, event: Lines.Moved) -> None:
        event.stop()
        self._show_picture()

    @on(Lines.Chosen, "#background-pictures")
    def _chosen(self, event: Lines.Chosen) -> None:
        event.stop()
        self.action_view(1)

    @on(Compare.Clicked)
    def _clicked(self, event: Compare.Clicked) -> None:
        event.stop()
        self.action_view(1)

    def action_view(self, by: int) -> None:
        """Look at the picture in the next way."""
        place = VIEWS.index(self._compare.view)
        self._compare.look(VIEWS[(place + by) % len(VIEWS)])
        self.desk.memory.put("background.view", self._compare.view)

    def action_doubtful(self, by: int) -> None:
        """Go to the next picture whose mask covers next to nothing or nearly all."""
        names = self._list.keys
        for away in range(1, len(names) + 1):
            name = names[(self._list.place + by * away) % len(names)]
            if self._is_doubtful(name):
                self._list.move_to(name)
                return
        self.desk.say(_("no mask is doubtful"))

    def action_keep(self) -> None:
        """Let these pictures keep their background; where they do, cut them out."""
        names = self._list.meant
        found, settings = self._found, self._settings()
        if not names or found is None or settings is None:
            return
        what = n_("{n} picture", "{n} pictures", len(names)) if len(names) > 1 else names[0]
        if all(name in found.own for name in names):
            rows = [self.desk.project.rows[name] for name in names]
            self.desk.edit(
                _("cut out {what}").format(what=what),
                lambda dataset: cut_out(dataset, rows, found, settings),
            )
        else:
            self.desk.edit(
                _("keep the background of {what}").format(what=what),
                lambda dataset: kept(dataset, names),
            )

    # dials

    @on(Dials.Turned)
    def _dial_clicked(self, event: Dials.Turned) -> None:
        event.stop()
        if event.name == "model":
            self.action_model()
        elif event.name == "behind":
            self.action_behind(event.by)
        elif event.name in ("grow", "feather"):
            self.action_step(event.name, event.by)
        else:
            self.action_turn(event.name)

    def action_behind(self, by: int) -> None:
        """Put the next thing behind the subject."""
        held = self._held
        self._turned(**backdrops.following(str(held["composite"]), held["palette"], by))

    def action_step(self, name: str, by: int) -> None:
        """Grow or soften a mask by a step more or less."""
        self._turned(**backdrops.stepped(name, int(self._held[name]), by))

    def action_turn(self, name: str) -> None:
        """Turn a dial that is on or off."""
        self._turned(**{name: not self._held[name]})

    def action_colour(self) -> None:
        """Ask for a colour, or several."""
        palette = self._held["palette"]
        now = ", ".join(palette) if palette else str(self._held["composite"])
        words = _("a colour such as #d8ecd0 or pink; several, with commas between, are dealt out")

        def typed(text: str | None) -> None:
            if text is not None:
                self._turned(**backdrops.typed(text))

        title = _("What stands behind the subject")
        self.app.push_screen(EntryDialog(title, now, words, backdrops.complaint), typed)

    @work(thread=True, exclusive=True, group="model list", exit_on_error=False)
    def action_model(self) -> None:
        """Ask for a model, once it is known which are here."""
        from dataprep.weights.catalogue import rows

        try:
            known = [row for row in rows() if row.kind == "matting"]
        except (DataprepError, ImportError) as error:
            self.desk.say(str(error), "error")
            return
        choices = [
            Choice(
                row.name,
                row.name,
                _("here") if row.path is not None else _("would be fetched"),
            )
            for row in sorted(known, key=lambda row: (row.path is None, row.name != MODEL))
        ]
        self.post_message(self.Listed(choices))

    @on(Listed)
    def _ask_model(self, event: Listed) -> None:
        event.stop()

        def chosen(model: str | None) -> None:
            if model is not None:
                self._turned(model=model)
                self._look()

        title = _("The model that finds the subject")
        self.app.push_screen(ChoiceDialog(title, event.choices, str(self._held["model"])), chosen)

    def _turned(self, **values: Any) -> None:
        self._held.turn(**values)
        self._problem = ""
        self._show_dials()
        self.show_command()
        self._show_picture()
        self._say()
