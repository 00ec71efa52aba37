"""Which project to open: the recent ones, a folder, or the sample."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Paste
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Button, Static
from textual.worker import get_current_worker

from dataprep import glance
from dataprep.dataset import Dataset
from dataprep.errors import DataprepError
from dataprep.glance import Glance
from dataprep.paths import absolute, at_home, new_folder, typed
from tui import prefs
from tui.dialogs.folder import FolderDialog, Wanted
from tui.dialogs.help import HelpScreen
from tui.widgets.keys import Keys
from tui.widgets.lines import Cell, Column, Lines, fitted
from tui.words import N_, _, n_

DEMO = "zumi-demo"
MINUTE, HOUR, DAY = 60, 3600, 86400


class StartScreen(Screen[None]):
    """Recent projects as a list, and the two ways to another one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "folder", N_("Open a folder"), id="start.folder"),
        Binding("d", "demo", N_("Try the demo"), id="start.demo"),
        Binding("delete", "forget", N_("Forget"), key_display="del", id="start.forget"),
        Binding("minus", "forget", N_("Forget"), show=False, id="start.forget_too"),
        Binding("question_mark", "help", N_("Help"), key_display="?", id="start.help"),
    ]

    class Opened(Message):
        """A project was chosen, and it can be opened."""

        def __init__(self, root: Path) -> None:
            super().__init__()
            self.root = root

    class Seen(Message):
        """What a recent project holds."""

        def __init__(self, root: str, seen: Glance) -> None:
            super().__init__()
            self.root = root
            self.seen = seen

    class Failed(Message):
        """A folder cannot be opened, for this reason."""

        def __init__(self, sentence: str) -> None:
            super().__init__()
            self.sentence = sentence

    class LaidOut(Message):
        """So many pictures of the sample are in place."""

        def __init__(self, done: int, total: int) -> None:
            super().__init__()
            self.done = done
            self.total = total

        def can_replace(self, message: Message) -> bool:
            """Only the newest is worth drawing."""
            return isinstance(message, StartScreen.LaidOut)

    def __init__(self) -> None:
        super().__init__()
        self._recent: list[str] = []
        self._seen: dict[str, Glance] = {}
        self._busy = False

    def compose(self) -> ComposeResult:
        """Name, recent projects, buttons, keys."""
        with Vertical(id="start"):
            yield Static(
                Content.assemble(
                    ("dataprep", "bold $accent"),
                    ("   " + _("from a folder of pictures to a LoRA that learned"), "$text-muted"),
                ),
                id="start-title",
            )
            yield Static(id="start-recent", markup=False)
            yield Lines([], id="start-lines")
            yield Static(id="start-said", markup=False)
            with Horizontal(id="start-buttons"):
                yield Button(_("Open a folder …"), compact=True, id="start-folder")
                yield Button(_("Try the demo"), compact=True, id="start-demo")
        yield Keys(id="keys")

    def on_mount(self) -> None:
        """List the recent projects; what they hold follows."""
        self._list()
        self._look(list(self._recent))
        target = self.query_one(Lines) if self._recent else self.query_one("#start-folder")
        target.focus()

    def _list(self) -> None:
        self._recent = [str(path) for path in prefs.recent()]
        title, more = _("Recent projects"), "   " + _("enter opens")
        if not self._recent:
            title = _("No project was opened here yet.")
            more = "\n\n" + _(
                "A project is a folder with pictures: open yours, and it is one. Your pictures "
                "stay as they are; what you decide is kept beside them, in a folder .dataprep."
            )
        said = Content.assemble((title, "bold"), (more, "$text-muted"))
        self.query_one("#start-recent", Static).update(said)
        names = [Path(root).name for root in self._recent]
        lines = self.query_one(Lines)
        lines.display = bool(self._recent)
        lines.set_columns(
            [
                Column(width=fitted(names, 8, 24)),
                Column(),
                Column(width=14, align="right"),
                Column(width=14, align="right"),
            ]
        )
        lines.show(self._recent, self._cells)
        self.refresh_bindings()

    def _cells(self, root: str) -> Sequence[Cell]:
        path, seen = Path(root), self._seen.get(root)
        held, used = "", ""
        if seen is not None and seen.pictures is not None:
            held = n_("{n} picture", "{n} pictures", seen.pictures)
        if seen is not None and seen.used:
            used = ago(time.time() - seen.used)
        where = Text(at_home(path.parent), "dim", overflow="ellipsis")
        return Text(path.name, "bold"), where, held, Text(used, "dim")

    @work(thread=True, group="glances", exit_on_error=False)
    def _look(self, roots: list[str]) -> None:
        worker = get_current_worker()
        for root in roots:
            if worker.is_cancelled:
                return
            self.post_message(self.Seen(root, glance.glance(Path(root))))

    @on(Seen)
    def _was_seen(self, event: Seen) -> None:
        self._seen[event.root] = event.seen
        self.query_one(Lines).refresh()

    # opening

    @on(Lines.Chosen)
    def _recent_chosen(self, event: Lines.Chosen) -> None:
        if not self._busy:
            self.open(Path(event.key))

    @on(Button.Pressed, "#start-folder")
    def action_folder(self) -> None:
        """Ask for a folder and open it."""
        wanted = Wanted(_("Open a folder as a project"), _("Open this folder"))
        self.app.push_screen(FolderDialog(wanted, Path.cwd()), self._folder_chosen)

    def _folder_chosen(self, folder: Path | None) -> None:
        if folder is not None:
            self.open(folder)

    def on_paste(self, event: Paste) -> None:
        """A folder that is dropped on the screen is opened."""
        words = typed(event.text)
        if words and not self._busy:
            self.open(absolute(words[0]))

    @on(Button.Pressed, "#start-demo")
    def action_demo(self) -> None:
        """Ask for a new folder and lay the sample out in it."""
        wanted = Wanted(
            _("Lay 24 painted pictures out in a new folder, as a project to try things on"),
            _("Into this folder, if it is empty"),
            new=True,
        )
        start = new_folder(Path.cwd(), DEMO)
        self.app.push_screen(FolderDialog(wanted, start), self._demo_chosen)

    def _demo_chosen(self, folder: Path | None) -> None:
        if folder is not None:
            self._begin(_("laying the sample out …"))
            self._lay_out(folder)

    def open(self, folder: Path) -> None:
        """Open a folder; what is wrong with it is said here."""
        self._begin(_("opening {folder} …").format(folder=folder))
        self._try(folder)

    @work(thread=True, group="opening", exit_on_error=False)
    def _try(self, folder: Path) -> None:
        self._attempt(folder)

    @work(thread=True, group="opening", exit_on_error=False)
    def _lay_out(self, folder: Path) -> None:
        # here, for with it comes all that the demo runs
        from dataprep.stages.demo import lay_out

        worker = get_current_worker()
        try:
            for progress in lay_out(folder):
                if worker.is_cancelled:
                    return
                self.post_message(self.LaidOut(progress.done, progress.total or 0))
        except DataprepError as error:
            self.post_message(self.Failed(str(error)))
        except OSError as error:
            self.post_message(self.Failed(f"{folder}: {error.strerror}"))
        else:
            self._attempt(folder)

    def _attempt(self, folder: Path) -> None:
        """Open a folder once, in a thread: the screens cannot, where this cannot."""
        try:
            Dataset.open(folder).close()
        except DataprepError as error:
            self.post_message(self.Failed(str(error)))
        except OSError as error:
            self.post_message(self.Failed(f"{folder}: {error.strerror}"))
        except sqlite3.Error as error:
            self.post_message(self.Failed(f"{folder}: {error}"))
        else:
            self.post_message(self.Opened(folder))

    def _begin(self, sentence: str) -> None:
        self._busy = True
        self._say(sentence, "$text-muted")

    @on(LaidOut)
    def _laid_out(self, event: LaidOut) -> None:
        said = _("laying the sample out … {done}/{total}")
        self._say(said.format(done=event.done, total=event.total), "$text-muted")

    @on(Failed)
    def _failed(self, event: Failed) -> None:
        self._busy = False
        self._say(event.sentence, "$text-error")
        self.refresh_bindings()

    def _say(self, sentence: str, style: str) -> None:
        self.query_one("#start-said", Static).update(Content.styled(sentence, style))

    # the rest of the keys

    def action_forget(self) -> None:
        """Take the project under the cursor off the list; its folder is not touched."""
        root = self.query_one(Lines).current
        if root:
            prefs.forget(Path(root))
            self._list()
            said = _("{project} is off the list; its folder stays as it is")
            self._say(said.format(project=Path(root).name), "$text-muted")
            if not self._recent:
                self.query_one("#start-folder").focus()

    def action_help(self) -> None:
        """Show what the keys do here."""
        self.app.push_screen(HelpScreen(self.active_bindings.values(), "start"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to open and forget only what is listed; nothing twice."""
        if action == "forget" and not self._recent:
            return False
        return not (self._busy and action in ("folder", "demo", "forget"))


def ago(seconds: float) -> str:
    """A length of time that has passed, in the largest unit that fits."""
    if seconds < MINUTE:
        return _("just now")
    if seconds < HOUR:
        return n_("{n} minute ago", "{n} minutes ago", int(seconds // MINUTE))
    if seconds < DAY:
        return n_("{n} hour ago", "{n} hours ago", int(seconds // HOUR))
    return n_("{n} day ago", "{n} days ago", int(seconds // DAY))
