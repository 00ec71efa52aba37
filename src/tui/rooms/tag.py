"""The room in which a tagger is chosen, and which of its scores become tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from dataprep.errors import DataprepError
from dataprep.report import Report
from tui.rooms import tag_words as said
from tui.rooms.tag_choices import Choices
from tui.rooms.tag_looks import (
    Look,
    chosen_first,
    defaults_of,
    fetched,
    known_models,
    look_at,
    spread_of,
    what_if,
)
from tui.rooms.tag_state import TagState
from tui.rooms.tag_view import SIDES, TagView
from tui.state import Project
from tui.widgets.lines import Lines
from tui.widgets.model_list import ModelList
from tui.widgets.slider import Slider
from tui.widgets.spread import Spread
from tui.words import N_, _

if TYPE_CHECKING:
    from dataprep.candidates import Candidate
    from dataprep.whatif import Answer

MEMORY = "tag"
PATIENCE = 0.4
"""Seconds after which an answer that has not come is said to be under way."""
QUIET = (
    ("fetch", "f", "fetch", N_("Fetch the model")),
    ("whole", "w", "whole", N_("Write all captions, or only missing ones")),
    ("touch", "e", "switch('touch_edited')", N_("Write over captions by hand too")),
    ("mcut", "c", "switch('mcut')", N_("MCut: at each picture's largest gap")),
    ("rating", "R", "switch('rating')", N_("Write the rating")),
    ("underscores", "underscore", "switch('underscores')", N_("Underscores or spaces")),
    ("order", "o", "order", N_("Order of the tags")),
    ("compare", "equals_sign", "compare", N_("Compare with the model's own thresholds")),
)
"""Keys that do not stand in the footer."""


class TagRoom(TagView):
    """Thresholds are moved like sliders; what captions would be is counted at once."""

    VERB: ClassVar[str] = "tag"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "models", N_("Model"), id="tag.models"),
        Binding("v", "view", N_("View"), tooltip=N_("Show them in Review"), id="tag.view"),
        Binding("b", "describe", N_("Describe"), id="tag.describe"),
        *(Binding(key, does, text, show=False, id=f"tag.{id}") for id, key, does, text in QUIET),
    ]

    def on_mount(self) -> None:
        """Begin with what was chosen last time."""
        self.state = TagState(Choices(changed=dict(self.desk.memory.get(MEMORY, {}))))
        self._shifts = {}
        self._spread_tag = ""
        self._asked = 0
        """Counts what is asked and answered."""
        self._stale = True
        self._arriving = False
        """Whether nothing was done here yet since the room was entered."""
        self.query_one(Spread).display = False
        self._draw()

    # what is known

    def show(self, project: Project) -> None:
        """Ask anew, or when the room is entered next."""
        self._stale = True
        self.state.count_bare(project)
        if self.display and project.loaded:
            self._read()

    def entered(self, filter: str) -> None:
        """Ask, if anything has changed since."""
        self._arriving = True
        if self._stale and self.desk.project.loaded:
            self._read()
        self.show_command()

    def job_ended(self, report: Report) -> None:
        """What was chosen is in the recipe and in the captions now."""
        if report.stage in ("tag", "retag") and not report.dry_run:
            self.state.choices.settled()
            self._remember()

    def first(self) -> Widget | None:
        """The sliders once a tagger has scored, before that the models."""
        place = "#tag-general" if self.state.scored else "#tag-models"
        return self.query_one(place)

    def _read(self) -> None:
        self._stale = False
        choices = self.state.choices
        try:
            choices.begin(self.desk.recipe("tag"), self.desk.recipe("retag"))
        except DataprepError as error:
            self._trouble(error.message, error.hint)
            return
        self.desk.ask("tag models", known_models(choices.models), self._models_known)

    def _models_known(self, models: Sequence[Candidate]) -> None:
        self.state.models = {one.name: one for one in models}
        if not self.state.choices.models:
            self.state.choices.choose_models([chosen_first(models)])
        self._look()

    def _look(self) -> None:
        """Read the scores of the chosen taggers."""
        state = self.state
        lines = [said.model_line(one) for one in state.models.values()]
        self.query_one(ModelList).show_models(lines, state.choices.models)
        question = look_at(state.chosen, state.values())
        self.desk.ask("tag look", question, self._looked, self._trouble)

    def _looked(self, look: Look) -> None:
        self.state.look, self.state.answer = look, None
        self._weigh()
        self.show_command()
        if look.scored and self._arriving and self.query_one(ModelList).has_focus:
            self.query_one("#tag-general").focus()
        self._arriving = False

    def _weigh(self) -> None:
        """Ask what captions would be now."""
        state = self.state
        if state.look is not None:
            self._asked += 1
            asked = self._asked
            self.set_timer(PATIENCE, lambda: self._say_counting(asked))
            question = what_if(state.look, state.values(), state.against)
            self.desk.ask("tag answer", question, self._answered, self._trouble)
        self._ask_spread()
        if state.answer is None:
            self._draw()
        else:
            self._draw_sliders()
            self._draw_words()

    def _say_counting(self, asked: int) -> None:
        """What takes longer than a moment says so: several taggers, or adding to captions."""
        if asked == self._asked:
            text = Content.styled(_("counting …"), "$text-muted")
            self.query_one("#tag-summary", Static).update(text)

    def _answered(self, answer: Answer) -> None:
        self._asked += 1
        settled = self.state.answer is not None
        self.state.answer = answer
        self._draw()
        if not settled:
            self.show_command()

    def _trouble(self, message: str, hint: str) -> None:
        self._asked += 1
        self.state.answer = None
        self._draw()
        text = f"{message} ({hint})" if hint else message
        self.query_one("#tag-summary", Static).update(Content.styled(text, "$text-error"))

    # what the keys do

    def values(self) -> Mapping[str, Any]:
        """The settings of ``tag``."""
        return self.state.values()

    def show_command(self) -> None:
        """Show the command that does what ``x`` would."""
        if self.state.choices.models and self.display:
            self.desk.show_command(self.state.verb, self.state.values(self.state.verb))

    def run_stage(self) -> None:
        """Write captions; where a model is to be fetched for that, after one more word."""
        if self.state.verb == "tag" and self.state.missing:
            self._confirm_fetch(_("Fetch and tag"), self._run)
        else:
            self._run()

    def _run(self, *, dry_run: bool = False) -> None:
        state = self.state
        kept = state.choices.kept()
        if not self.desk.run(state.verb, state.values(state.verb), dry_run=dry_run) or dry_run:
            return
        try:
            self.desk.keep("tag", kept)
            if state.choices.again:
                known = defaults_of("retag")
                again = {name: value for name, value in kept.items() if name in known}
                self.desk.keep("retag", again)
        except (DataprepError, OSError) as error:
            self.desk.say(str(error), "error")

    def open_settings(self) -> None:
        """Ask for all settings of the stage that ``x`` runs."""
        # with it comes pydantic, for which the first frame must not wait
        from dataprep.stages import STAGES
        from tui.dialogs.form import Answer as Filled
        from tui.dialogs.form import FormScreen

        state, verb = self.state, self.state.verb

        def answered(filled: Filled | None) -> None:
            if filled is not None:
                state.choices.take(filled.values)
                self._changed()
                self._run(dry_run=filled.dry_run)

        model, _run = STAGES[verb].load()
        recipe = state.choices.again if verb == "retag" else state.choices.recipe
        form = FormScreen(STAGES[verb], model, recipe, state.values(verb), str(self.desk.root))
        self.app.push_screen(form, answered)

    def action_models(self) -> None:
        """Go to the list of models."""
        self._arriving = False
        self.query_one(ModelList).focus()

    def action_describe(self) -> None:
        """Ask how pictures are described in words."""
        self.desk.form("caption")

    def action_fetch(self) -> None:
        """Fetch the model and do nothing else."""
        if self.state.missing:
            self._confirm_fetch(_("Fetch"), self._fetch)
        else:
            self.desk.say(_("the model is on this machine already"))

    def _confirm_fetch(self, yes: str, then: Callable[[], None]) -> None:
        from tui.dialogs.confirm import ConfirmDialog

        def answered(meant: bool | None) -> None:
            if meant:
                then()

        self.app.push_screen(ConfirmDialog(said.to_fetch(self.state.missing), yes), answered)

    def _fetch(self) -> None:
        names = [one.name for one in self.state.missing]
        self.desk.start("models", lambda dataset: fetched(names))

    def action_whole(self) -> None:
        """Write all captions, or only those that are missing."""
        self.state.choices.whole = not self.state.whole
        self._changed()

    def action_switch(self, name: str) -> None:
        """Turn a setting on or off."""
        self.state.choices.switch(name)
        self._changed()

    def action_order(self) -> None:
        """Another order of the tags."""
        self.state.choices.next_order()
        self._changed()

    def action_compare(self) -> None:
        """Compare with the captions, or with what the model's own thresholds would give."""
        self.state.compared = not self.state.compared
        self._weigh()

    def action_view(self) -> None:
        """Show the pictures whose caption would get or lose the tag under the cursor."""
        sides = sorted(SIDES, key=lambda side: not self._list(side).has_focus)
        for side in sides:
            if tag := self._list(side).current:
                shift = self._shifts[side][tag]
                self.desk.go("review", self.state.filter_for(shift, appears=side == "appear"))
                return
        self.desk.say(_("no tag would appear or vanish"))

    @on(ModelList.Chosen, "#tag-models")
    def _model_chosen(self, event: ModelList.Chosen) -> None:
        self.state.choices.choose_models([event.key])
        self._model_changed()
        self.query_one("#tag-general").focus()

    @on(ModelList.Marked, "#tag-models")
    def _models_marked(self, event: ModelList.Marked) -> None:
        names = [name for name in self.state.models if name in event.lines.marks]
        if names and names != self.state.choices.models:
            self.state.choices.choose_models(names)
            self._model_changed()

    def _model_changed(self) -> None:
        self._remember()
        self._look()
        self.show_command()

    @on(Slider.Moved)
    def _moved(self, event: Slider.Moved) -> None:
        self.state.choices.put(event.slider.name or "", event.value)
        self._changed()

    @on(Slider.Switched)
    def _switched(self, event: Slider.Switched) -> None:
        self.state.choices.switch_category(event.slider.name or "")
        self._changed()

    @on(Lines.Chosen, "#tag-shifts Lines")
    def _tag_chosen(self, event: Lines.Chosen) -> None:
        """Show how the scores of this tag are spread, or no longer."""
        self._spread_tag = "" if self._spread_tag == event.key else event.key
        self._ask_spread()

    @on(Lines.Moved, "#tag-shifts Lines")
    def _tag_moved(self, event: Lines.Moved) -> None:
        if self._spread_tag and event.lines.has_focus and event.key:
            self._spread_tag = event.key
            self._ask_spread()

    def _changed(self) -> None:
        self._remember()
        self._weigh()
        self.show_command()

    def _remember(self) -> None:
        self.desk.memory.put(MEMORY, dict(self.state.choices.changed))

    def _ask_spread(self) -> None:
        spread, tag, state = self.query_one(Spread), self._spread_tag, self.state
        spread.display = bool(tag) and state.scored
        if tag and state.look and state.scored:
            at = state.threshold_of(tag)
            self.desk.ask(
                "tag spread",
                spread_of(state.look, tag),
                lambda counts: spread.show(tag, counts, at),
            )
