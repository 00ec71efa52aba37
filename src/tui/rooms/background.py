"""The room in which the subject of every picture is cut out, and something put behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from dataprep.dataset import Dataset
from dataprep.decisions import Background
from dataprep.errors import DataprepError
from dataprep.report import Report
from tui.desk import Desk
from tui.dialogs.choice import Choice, ChoiceDialog
from tui.dialogs.entry import EntryDialog
from tui.rooms import backdrops
from tui.rooms.found_masks import (
    Coverage,
    Found,
    Shares,
    Todo,
    cut_out,
    kept,
    look,
    measure,
    to_decide,
    to_find,
)
from tui.rooms.held import Held
from tui.rooms.room import Room
from tui.state import Project, Row
from tui.widgets.compare import VIEWS, Compare, is_doubtful
from tui.widgets.dials import Dials
from tui.widgets.lines import Cell, Column, Lines
from tui.words import N_, _, n_

if TYPE_CHECKING:
    from dataprep.stages.background import Settings

MODEL = "isnet-anime"
"""What is proposed where the recipe names none: drawn pictures are what most train."""
LISTED = (Column(N_("picture"), 0), Column("", 1), Column("%", 4, "right"))
OWN, DOUBTFUL = "–", "!"


class BackgroundRoom(Room):
    """Masks and what stands behind the subject, tried on the picture before it is decided."""

    VERB: ClassVar[str] = "background"
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

    class Looked(Message):
        """Where a model would be fetched to; None: it is here."""

        def __init__(self, model: str, target: Path | None, problem: str = "") -> None:
            super().__init__()
            self.model = model
            self.target = target
            self.problem = problem

    class Listed(Message):
        """The models there are."""

        def __init__(self, choices: Sequence[Choice]) -> None:
            super().__init__()
            self.choices = choices

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

    def on_mount(self) -> None:
        """Look at pictures as one did last."""
        view = self.desk.memory.get("background.view", VIEWS[0])
        self._compare.view = next((known for known in VIEWS if known == view), VIEWS[0])

    @property
    def _list(self) -> Lines:
        return self.query_one("#background-pictures", Lines)

    @property
    def _compare(self) -> Compare:
        return self.query_one(Compare)

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

    # what is there

    def _look(self) -> None:
        """Ask which masks of the model there are."""
        self._held.read()
        self._show_dials()
        self._problem = self._held.problem
        model, contract = str(self._held["model"]), self._held["contract"]

        def question(dataset: Dataset) -> Found:
            return look(dataset, model, contract)

        self.desk.ask("masks", question, self._seen, self._complain)

    def _seen(self, found: Found) -> None:
        self._found = found
        names = [name for name in found.usable if name in self.desk.project.rows]
        self._list.show(names, self._cells)
        model = str(self._held["model"])
        if len(found.files) < len(names) and model not in self._targets:
            self._look_for(model)
        self._say()
        self._measure()

    def _complain(self, message: str, hint: str) -> None:
        self._problem = message if not hint else f"{message} ({hint})"
        self._say()

    @work(thread=True, exclusive=True, group="models", exit_on_error=False)
    def _look_for(self, model: str) -> None:
        """Whether a model is here; rembg, which knows, takes a second to load."""
        from dataprep.matting import missing_weights, read_matting

        try:
            self.post_message(self.Looked(model, missing_weights(read_matting(model))))
        except (DataprepError, ImportError) as error:
            self.post_message(self.Looked(model, None, str(error)))

    @on(Looked)
    def _looked(self, event: Looked) -> None:
        event.stop()
        self._targets[event.model] = event.target
        self._problem = self._problem or event.problem
        self._say()

    def _measure(self) -> None:
        """Measure masks a slice of time long, then let other questions have their turn."""
        if self._found is None:
            return
        rows = self.desk.project.rows
        listed = (rows[name] for name in self._list.keys if name in rows)
        self._measure_on(self._coverage.todo(listed, self._found))

    def _measure_on(self, todo: Todo) -> None:
        if not todo:
            self._say()
            return
        found = self._found

        def measured(shares: Shares) -> None:
            self._coverage.learn(shares)
            self._list.refresh()
            # what was found anew since is measured by a question of its own
            if found is self._found:
                self._measure_on(todo[len(shares) :])

        self.desk.ask("coverage", lambda _dataset: measure(todo), measured)

    # what would be decided

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

    def _show_dials(self) -> None:
        self.query_one(Dials).show(backdrops.dials(self._held))

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
