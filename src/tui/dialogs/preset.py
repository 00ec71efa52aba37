"""Where to begin: a goal and a GPU, and what that would change in the trainer's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static
from textual.worker import get_current_worker

from dataprep import training_presets
from dataprep.errors import DataprepError
from dataprep.fields import Field
from tui.fields import called
from tui.widgets.lines import Cell, Column, Lines
from tui.widgets.setting_lines import SettingLines
from tui.widgets.setting_words import equal, shown
from tui.words import N_, _

GOAL, MEMORY = "#goal", "#memory"
"""Keys of the two lines that are chosen; no setting begins so."""
GOALS = {"character": N_("a character"), "style": N_("a style"), "object": N_("an object")}
TITLES = {GOAL: N_("to learn"), MEMORY: N_("memory of the GPU")}
MOST = 15
"""So many lines are shown at once in the smallest terminal."""


@dataclass(frozen=True, slots=True)
class Preset:
    """What was chosen, and what it changes."""

    goal: str
    memory: int
    """GB; 0: not said."""
    changes: Mapping[str, Any]
    """By key; None takes one out."""
    taken: Mapping[str, Any]
    """All that stands as a preset says, now that these are made."""

    @property
    def remembered(self) -> dict[str, Any]:
        """The same for the next time."""
        return {"goal": self.goal, "memory": self.memory, "taken": dict(self.taken)}


@dataclass(frozen=True, slots=True)
class Standing:
    """The settings as they are."""

    values: Mapping[str, Any]
    fields: Mapping[str, Field]
    out: Path
    """The training folder."""
    cut: tuple[int, int] | None
    """What the pictures were cut to; None: nothing was decided."""
    last: Mapping[str, Any]
    """What was taken up last: goal, memory and "taken", its settings."""


class PresetDialog(ModalScreen[Preset | None]):
    """Answers with what to change; None when the person thought better of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", N_("Back"), id="preset.leave"),
    ]

    class Told(Message):
        """The trainer has said what a preset is, or why it cannot."""

        def __init__(
            self, chosen: tuple[str, int], preset: Mapping[str, Any] | None, reason: str = ""
        ) -> None:
            super().__init__()
            self.chosen = chosen
            self.preset = preset
            self.reason = reason

    def __init__(self, standing: Standing) -> None:
        super().__init__()
        self._standing = standing
        goal, memory = standing.last.get("goal"), standing.last.get("memory")
        self._goal = goal if goal in GOALS else next(iter(GOALS))
        self._memory = memory if memory in training_presets.MEMORY_GB else 0
        self._told: dict[tuple[str, int], PresetDialog.Told] = {}

    def compose(self) -> ComposeResult:
        """The two choices, what they change, the keys."""
        with Vertical(id="preset", classes="dialog"):
            yield Static(Content.styled(_("Begin with a preset"), "bold"), id="preset-title")
            yield SettingLines([Column(width=24), Column()], id="preset-lines")
            yield Static(id="preset-note", markup=False)
            keys = _("← → choose, enter takes it up, esc goes back")
            yield Static(Content.styled(keys, "$text-muted"), id="preset-keys")

    def on_mount(self) -> None:
        """Begin with what was chosen last."""
        self._ask()
        self.query_one(SettingLines).focus()

    @property
    def _answer(self) -> PresetDialog.Told | None:
        """What is known of what is chosen."""
        return self._told.get((self._goal, self._memory))

    @property
    def _taken(self) -> Mapping[str, Any]:
        """What an earlier preset set."""
        taken = self._standing.last.get("taken")
        return taken if isinstance(taken, dict) else {}

    @property
    def changes(self) -> dict[str, Any]:
        """What would be set, without what is so already; None takes one out."""
        told, standing = self._answer, self._standing
        if told is None or told.preset is None:
            return {}
        found = training_presets.changes(
            standing.values, told.preset, self._taken, is_cut=standing.cut is not None
        )
        return {key: value for key, value in found.items() if not self._is_so(key, value)}

    def _is_so(self, key: str, value: Any) -> bool:
        return key not in self._standing.fields or equal(self._now(key), self._meant(key, value))

    def _now(self, key: str) -> Any:
        return self._meant(key, self._standing.values.get(key))

    def _meant(self, key: str, value: Any) -> Any:
        return self._standing.fields[key].default if value is None else value

    # asking

    def _ask(self) -> None:
        if self._answer is None:
            self._plan((self._goal, self._memory))
        self._show()

    @work(thread=True, exclusive=True, group="preset", exit_on_error=False)
    def _plan(self, chosen: tuple[str, int]) -> None:
        worker, (goal, memory) = get_current_worker(), chosen
        job = training_presets.asking(
            self._standing.values, self._standing.out, goal, memory or None
        )
        try:
            while not worker.is_cancelled:
                next(job)
        except StopIteration as end:
            self.post_message(self.Told(chosen, end.value))
        except (DataprepError, OSError) as error:
            self.post_message(self.Told(chosen, None, str(error)))
        finally:
            job.close()

    @on(Told)
    def _has_told(self, event: Told) -> None:
        event.stop()
        self._told[event.chosen] = event
        self._show()

    # drawing

    def _show(self) -> None:
        lines = self.query_one(SettingLines)
        keys = [GOAL, MEMORY, *self.changes]
        lines.show(keys, self._cells)
        lines.styles.height = min(MOST, len(keys))
        note = self.query_one("#preset-note", Static)
        note.update(Content(self._note()))
        note.display = bool(self._note())

    def _cells(self, key: str) -> tuple[Cell, ...]:
        if key == GOAL:
            return _(TITLES[key]), Text(f"‹ {_(GOALS[self._goal])} ›", "bold")
        if key == MEMORY:
            size = f"{self._memory} GB" if self._memory else _("not said")
            return _(TITLES[key]), Text(f"‹ {size} ›", "bold")
        field = self._standing.fields[key]
        now, then = self._now(key), self._meant(key, self.changes[key])
        return called(key), Text(f"{shown(field, now)} → {shown(field, then)}")

    def _note(self) -> str:
        told = self._answer
        if told is None:
            return _("looking at the base model …")
        if told.preset is None:
            return told.reason
        cut, wanted = self._standing.cut, told.preset.get("resolution")
        if cut is not None and wanted is not None and tuple(wanted) != cut:
            wanted = shown(self._standing.fields["resolution"], wanted)
            return _("{size} would suit it; the size is decided in Crop").format(size=wanted)
        return "" if self.changes else _("the settings are so already")

    # what the keys do

    @on(SettingLines.Stepped)
    def _stepped(self, event: SettingLines.Stepped) -> None:
        event.stop()
        if event.key == MEMORY:
            self._memory = _next((0, *training_presets.MEMORY_GB), self._memory, event.by)
        elif event.key == GOAL:
            self._goal = _next(tuple(GOALS), self._goal, event.by)
        self._ask()

    @on(Lines.Chosen)
    def _chosen(self, event: Lines.Chosen) -> None:
        event.stop()
        if self._answer is not None and self._answer.preset is not None:
            found = self.changes
            self.dismiss(Preset(self._goal, self._memory, found, self._taken_with(found)))

    def _taken_with(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """What presets have set and nobody has changed since; the rest is the person's own."""
        values = self._standing.values
        still = {key: value for key, value in self._taken.items() if values.get(key) == value}
        return {key: value for key, value in {**still, **changes}.items() if value is not None}

    def action_leave(self) -> None:
        """Close and change nothing."""
        self.dismiss(None)


def _next(choices: tuple[Any, ...], now: Any, by: int) -> Any:
    return choices[(choices.index(now) + by) % len(choices)]
