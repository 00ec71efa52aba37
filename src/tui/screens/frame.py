"""The frame of the workshop: rail, room, and the lines at the foot; it leads from room to room."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widgets import Static

from tui.desk import Desk
from tui.rooms import ROOMS
from tui.rooms.room import Room
from tui.widgets.command_line import CommandLine
from tui.widgets.job_bar import JobBar
from tui.widgets.keys import Keys
from tui.widgets.rail import Item, Rail
from tui.widgets.report_log import ReportLog
from tui.words import _, n_

FIRST = "import"
FIRST_FRAME = 0.05
"""Seconds in which the frame is drawn, before a room is built and the project is read."""
ROOM_OF = {
    "dedupe": "clean",
    "check": "clean",
    "verdict": "clean",
    "retag": "tag",
    "caption": "tag",
    "trigger": "prune",
    "suggest": "prune",
    "buckets": "crop",
    "score": "pick",
}
"""In which room a stage belongs that is not called like its room."""


class Frame(Screen[None]):
    """Draws the workshop around its rooms; what is said and done in it is another's."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.room = ""
        """The name of the room on the screen."""
        self._looked = False
        """Whether the folder was looked at since it was opened."""

    def compose(self) -> ComposeResult:
        """Banner, rail and room, reports, command, job, keys."""
        yield Static(id="banner", markup=False)
        with Horizontal(id="body"):
            yield Rail([Item(door.name, door.title) for door in ROOMS.values()], id="rail")
            yield Vertical(id="room")
        yield ReportLog(id="log")
        yield CommandLine(id="command")
        yield JobBar(id="job")
        yield Keys(id="keys")

    def on_mount(self) -> None:
        """Draw the frame, then read the project and look for what is new."""
        self.query_one("#log").display = False
        self._show()
        # not after the next refresh: that would put the room into the first frame
        self.set_timer(FIRST_FRAME, self._begin)

    async def _begin(self) -> None:
        # what the threads load would keep the first frame waiting
        self.desk.listen(self)
        self.desk.reload()
        room = self.desk.memory.get("room", FIRST)
        await self.enter(room if room in ROOMS else FIRST)

    async def enter(self, name: str, filter: str = "") -> None:
        """Go to a room; it is built when it is entered first."""
        if self.room:
            self._room_of(self.room).left()
            self._room_of(self.room).display = False
        self.room = name
        self.desk.memory.put("room", name)
        self.desk.remember()
        found = self.query(f"#room-{name}").results(Room)
        room = next(iter(found), None)
        if room is None:
            room = ROOMS[name].load()(self.desk, id=f"room-{name}")
            await self.query_one("#room").mount(room)
            if not (room.is_attached and room.is_mounted and room.children):
                return  # the screens close while it is being built
            room.show(self.desk.project)
        room.display = True
        self.query_one(Rail).point_at(name)
        self._show()
        self.query_one(CommandLine).show("")
        room.entered(filter)
        self._focus(room)

    def _focus(self, room: Room) -> None:
        first = room.first()
        if first is None:
            first = next((widget for widget in self.focus_chain if room in widget.ancestors), None)
        (first or self.query_one(Rail)).focus()

    def _room_of(self, name: str) -> Room:
        return self.query_one(f"#room-{name}", Room)

    def _rooms(self) -> list[Room]:
        return list(self.query(Room))

    def _show(self) -> None:
        project = self.desk.project
        # a training run goes on beside all jobs
        running = self.desk.jobs.running or ("train" if self.desk.watch.alive else "")
        place = ROOM_OF.get(running, running)
        self.query_one(Rail).show(project.standing, self.following, place, self.room)
        said = n_("{n} picture", "{n} pictures", len(project.rows)) if project.loaded else "…"
        if project.trigger:
            said += "   " + _("trigger: {trigger}").format(trigger=project.trigger)
        if project.undoes:
            said += "   " + _("last edit: {edit}").format(edit=project.undoes)
        name = self.desk.root.resolve().name
        self.query_one("#banner", Static).update(
            Content.assemble((f" {name} ", "bold"), (f" {said}", "$text-muted"))
        )
        self.refresh_bindings()

    @property
    def following(self) -> str:
        """The room whose work comes next; empty when all is done."""
        if not self.desk.project.standing:
            return ""
        from dataprep.standing import next_of

        return next_of(self.desk.project.standing)

    def tell(self, text: str, severity: SeverityLevel = "information") -> None:
        """Show a sentence: one that is no warning on the line of the jobs, while that is free."""
        busy = self.desk.jobs.running or self.desk.watch.alive
        if severity == "information" and not busy:
            self.query_one(JobBar).say(text)
        else:
            self.app.notify(text, severity=severity, markup=False)
