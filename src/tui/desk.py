"""What the rooms work with: the project, its jobs, quick questions, edits by hand, the recipe.

A room calls the desk; the desk tells the workshop's screen by messages, and that tells all rooms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from textual.message import Message
from textual.message_pump import MessagePump
from textual.notifications import SeverityLevel

from dataprep.errors import DataprepError, UsageError
from dataprep.jobs import Job
from dataprep.journal import Change
from dataprep.report import Report
from tui import prefs, state
from tui.jobs import TRAINED, Jobs, stage_job
from tui.memory import Memory
from tui.pictures import Drawing
from tui.prefs import Prefs
from tui.reader import Reader
from tui.run_watch import RunWatch
from tui.state import Project
from tui.words import _

if TYPE_CHECKING:
    from dataprep.dataset import Dataset
    from tui.proposals import Proposals

T = TypeVar("T")
KEPT = {
    "dedupe",
    "background",
    "split",
    "crop",
    "tag",
    "retag",
    "caption",
    "prune",
    "export",
    "score",
}
"""Stages whose settings are a project's; the others are asked for what one does just now."""
PARTIAL = {"only", "where", "redo"}
"""Settings of one run: with them nothing is written into the recipe."""
Changes = Callable[["Dataset"], Iterable[Change]]
"""Makes the changes of an edit by hand, in the reader's thread."""


class ProjectRead(Message):
    """The project was read anew, or some of its pictures were."""

    def __init__(self, project: Project) -> None:
        super().__init__()
        self.project = project


class JobStarted(Message):
    """A job runs now."""

    def __init__(self, verb: str) -> None:
        super().__init__()
        self.verb = verb


class Said(Message):
    """A sentence for the person."""

    def __init__(self, text: str, severity: SeverityLevel = "information") -> None:
        super().__init__()
        self.text = text
        self.severity = severity


class CommandShown(Message):
    """The command line that does what the room is about to do."""

    def __init__(self, command: str) -> None:
        super().__init__()
        self.command = command


class RoomWanted(Message):
    """Go to a room; ``filter`` is for the one in which pictures are listed."""

    def __init__(self, room: str, filter: str = "") -> None:
        super().__init__()
        self.room = room
        self.filter = filter


class FormWanted(Message):
    """Ask for a stage's settings in a form, and run it."""

    def __init__(self, verb: str, values: Mapping[str, Any]) -> None:
        super().__init__()
        self.verb = verb
        self.values = values


class Desk:
    """One open project, for all rooms."""

    def __init__(self, root: Path, drawing: Drawing, liked: Prefs) -> None:
        self.root = root
        self.drawing = drawing
        self.prefs = liked
        self._lora_folder = liked.lora_folder
        self._training_folder = root / "lora"
        self.project = self._newest = Project(root)
        self.jobs = Jobs(root)
        self.reader = Reader(root)
        self.memory = Memory(root)
        self.watch = RunWatch(root)
        self._listener: MessagePump | None = None

    def listen(self, listener: MessagePump) -> None:
        """Tell this screen everything from now on."""
        self._listener = listener
        self.jobs.listen(listener)
        self.reader.listen(listener)
        self.watch.listen(listener)

    @cached_property
    def proposals(self) -> Proposals:
        """What is proposed while one types tags and filters."""
        from tui.proposals import Proposals

        return Proposals(self)

    # jobs

    def run(
        self,
        verb: str,
        values: Mapping[str, Any] | None = None,
        *,
        dry_run: bool = False,
        keep: bool = False,
    ) -> bool:
        """Run a stage with its recipe's settings and these; False while another job runs.

        ``values`` are as in ``dataprep.toml``. With ``keep`` those of a stage of ``KEPT`` are
        written there first, so that ``dataprep run`` and the next opening mean the same.
        """
        given = dict(values or {})
        kept = keep and not dry_run and verb in KEPT and not given.keys() & PARTIAL
        if kept and given and not self.jobs.running:
            try:
                self.keep(verb, given)
            except (DataprepError, OSError) as error:
                self.say(str(error), "error")
                return False
            # paths in the recipe start at the project, as the person sees it
            given = {}
        return self.start(verb, stage_job(verb, self.root, given, dry_run=dry_run), dry_run=dry_run)

    def start(
        self, verb: str, make: Callable[[Dataset], Job[Report]], *, dry_run: bool = False
    ) -> bool:
        """Run any job; False while another one runs."""
        if not self.jobs.start(verb, make, dry_run=dry_run):
            running = self.jobs.running
            self.say(_("{verb} is running; esc stops it").format(verb=running), "warning")
            return False
        self._post(JobStarted(verb))
        return True

    # questions and edits

    def ask(
        self,
        group: str,
        question: Callable[[Dataset], T],
        then: Callable[[T], None],
        otherwise: Callable[[str, str], None] | None = None,
    ) -> None:
        """Ask the project something that takes no longer than a second or two.

        ``then`` is called with the answer where the screens live; of several questions of a group
        only the newest is sure of an answer. ``otherwise`` gets a sentence and a hint; without it
        the sentence is shown.
        """
        self.reader.ask(group, question, then, otherwise or self._failed)

    def edit(self, name: str, changes: Changes, then: Callable[[], None] | None = None) -> None:
        """Carry out an edit by hand: undoable, on the disk when the rooms are told."""

        def carry_out(dataset: Dataset) -> Project:
            done = dataset.edit(name, changes(dataset), origin="hand")
            names = {change.name for change in done}
            # views make pictures; of anything else only these pictures know
            if any(change.key == "views" for change in done):
                return self._load(dataset)
            # not the project on the screens: edits in quick succession are carried out before it
            # is told of the first
            self._newest = state.changed(dataset, self._newest, names)
            return self._newest

        def told(project: Project) -> None:
            self._read(project)
            if then is not None:
                then()

        # a group of its own: an edit must never be dropped for a newer one
        self.reader.ask(f"edit {id(carry_out)}", carry_out, told, self._failed)

    def remember(self) -> None:
        """Write down what the screens remember; a terminal may be closed without a word."""
        self.reader.ask("memory", lambda _: self.memory.save(), lambda _: None, self._failed)

    def reload(self) -> None:
        """Read the whole project again."""
        self.reader.ask("project", self._load, self._read, self._failed)

    def _load(self, dataset: Dataset) -> Project:
        self._newest = state.load(dataset)
        return self._newest

    def _read(self, project: Project) -> None:
        self.project = project
        self._post(ProjectRead(project))

    def _failed(self, message: str, hint: str) -> None:
        self.say(f"{message} ({hint})" if hint else message, "error")

    # the recipe

    def recipe(self, verb: str) -> dict[str, Any]:
        """A stage's table in ``dataprep.toml``. Raises ``UsageError``."""
        from dataprep.settings import read_recipe

        return read_recipe(self.root).get(verb, {})

    def keep(self, verb: str, values: Mapping[str, Any]) -> None:
        """Write settings into a stage's table of ``dataprep.toml``. Raises ``DataprepError``."""
        from dataprep.recipes import remember

        remember(self.root, verb, values)

    @property
    def training_folder(self) -> Path:
        """Where ``export`` writes and ``train`` reads: the recipe's, else ``lora``.

        While the recipe cannot be read, as it was last; reading the project says what is wrong.
        """
        from dataprep.recipes import training_folder

        with suppress(UsageError):
            self._training_folder = training_folder(self.root)
        return self._training_folder

    @property
    def lora_folder(self) -> str:
        """Where LoRA files are copied to on this machine; empty when that was never said."""
        return self._lora_folder

    @lora_folder.setter
    def lora_folder(self, folder: str) -> None:
        self._lora_folder = folder
        try:
            prefs.remember(lora_folder=folder)
        except OSError as error:
            self.say(f"{prefs.path()}: {error.strerror}", "warning")

    def command(self, verb: str, values: Mapping[str, Any]) -> str:
        """The command line of a stage with these settings beside the recipe's."""
        from dataprep.recipes import command_line

        target = self.training_folder if verb in TRAINED else self.root
        return command_line(verb, str(target), values, self.recipe(verb))

    # words to the screen

    def say(self, text: str, severity: SeverityLevel = "information") -> None:
        """Show a sentence for a while."""
        self._post(Said(text, severity))

    def show_command(self, verb: str, values: Mapping[str, Any]) -> None:
        """Show the command line that does the same."""
        try:
            command = self.command(verb, values)
        except DataprepError as error:
            command = str(error)
        self._post(CommandShown(command))

    def form(self, verb: str, values: Mapping[str, Any] | None = None) -> None:
        """Ask for a stage's settings, beginning with these, and run it."""
        self._post(FormWanted(verb, values or {}))

    def go(self, room: str, filter: str = "") -> None:
        """Go to a room."""
        self._post(RoomWanted(room, filter))

    def close(self, timeout: float) -> bool:
        """End what runs and save what is remembered; whether all of it has ended."""
        self.jobs.cancel()
        self.watch.close(timeout)
        self.reader.close(timeout)
        self.memory.save()
        return self.jobs.join(timeout)

    def _post(self, message: Message) -> None:
        if self._listener is not None:
            self._listener.post_message(message)
