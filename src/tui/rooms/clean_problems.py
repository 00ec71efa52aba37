"""What is wrong with the pictures and captions, by kind, with what mends each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from dataprep.cleaning import verdict
from dataprep.report import Report
from tui.desk import Desk
from tui.rooms.clean_part import Part, kilobytes
from tui.state import Project, Row
from tui.widgets.lines import Cell, Column, Lines
from tui.widgets.side_by_side import Face, SideBySide
from tui.words import N_, _, n_

if TYPE_CHECKING:
    from dataprep.check.remedy import Problem, Remedy
    from dataprep.dataset import Dataset
    from dataprep.journal import Change

AT_ONCE = "verdict"
"""The stage that is run without asking: its settings say all, and it is undone by one key."""
IN_ITS_ROOM = "tag"
"""The stage for which one has to choose a model first."""


class Problems(Part):
    """Kinds of problems; below, why each matters, its files, and a look at one."""

    VERB: ClassVar[str] = "check"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "reject", N_("Reject"), id="clean.reject"),
        Binding("v", "view", N_("In Review"), id="clean.view_problem"),
        Binding("right,l", "files", N_("To the files"), show=False, id="clean.files"),
        Binding("left,h", "kinds", N_("To the kinds"), show=False, id="clean.kinds"),
    ]

    class LookForDuplicates(Message):
        """The problem is a matter for the other part."""

    def __init__(self, desk: Desk, id: str) -> None:
        super().__init__(desk, id)
        self._found: list[Problem] = []
        self._left: dict[str, Problem] = {}
        self._rows: Mapping[str, Row] = {}
        self._facts, self._checked_at = self.remembered()

    def compose(self) -> ComposeResult:
        """How much there is; the kinds; why and what mends it; files and one picture."""
        yield Static(id="clean-problems-said", markup=False)
        columns = [Column(width=1), Column(width=6, align="right"), Column(width=18), Column()]
        yield Lines(columns, id="clean-kinds")
        yield Static(id="clean-why", markup=False)
        with Horizontal(id="clean-bottom"):
            yield Lines([Column(), Column()], id="clean-files", marking=True)
            yield SideBySide(self.desk.drawing, id="clean-face", most=1)

    def first(self) -> Widget:
        """The kinds."""
        return self.query_one("#clean-kinds")

    @property
    def count(self) -> str:
        """Kinds that are left."""
        return str(len(self._left)) if self._checked_at else ""

    def show_project(self, project: Project) -> None:
        """A rejected picture is no problem any more."""
        from dataprep.check.remedy import read_problems

        self._rows = project.rows
        if self._facts and not self._found:
            self._found = read_problems(self._facts)
        self._draw()

    def look(self) -> None:
        """Check the project."""
        self.show_command()
        self.desk.run(self.VERB)

    def job_ended(self, report: Report) -> None:
        """List what was found."""
        if report.stage != self.VERB:
            return
        from dataprep.check.remedy import read_problems

        facts = {"findings": report.facts["findings"]}
        self._checked_at = self.mark(self._rows)
        self._facts, self._found = facts, read_problems(facts)
        self.remember(facts, self._checked_at)
        self._draw()

    def _draw(self) -> None:
        rejected = {row.name for row in self._rows.values() if row.decisions.verdict == "reject"}
        left = [problem.without(rejected) for problem in self._found]
        self._left = {problem.name: problem for problem in left if problem.files}
        self._kinds.show(list(self._left), self._cells)
        self._say_how_much()

    def parts_of(self, row: Row) -> tuple[str, ...]:
        """Pixels, cut and caption: all that a check judges."""
        return row.name, row.picture.sha, row.caption, repr(row.decisions.crop)

    def _say_how_much(self) -> None:
        if not self.display:
            return
        if not self._checked_at:
            said = _("x checks pictures and captions for what spoils a training")
            self.say("#clean-problems-said", (said, "$text-muted"))
            return
        fatal = sum(len(problem.files) for problem in self._left.values() if problem.fatal)
        said = n_("{n} kind of problem", "{n} kinds of problems", len(self._left))
        worst = n_("{n} file that stops a trainer", "{n} files that stop a trainer", fatal)
        changed = self._checked_at != self.mark(self._rows)
        stale = "   ↻ " + _("something has changed since: x checks again") if changed else ""
        self.say(
            "#clean-problems-said",
            (said if self._left else _("nothing to mend"), "bold"),
            (f" · {worst}" if fatal else "", "$text-error"),
            (stale, "$text-warning"),
        )

    def _cells(self, key: str) -> Sequence[Cell]:
        problem = self._left[key]
        sign = Text("!", "bold") if problem.fatal else Text("·")
        name = Text(problem.name, "bold")
        return sign, str(len(problem.files)), name, Text(_(problem.why), "dim")

    # one kind

    @property
    def _kinds(self) -> Lines:
        return self.query_one("#clean-kinds", Lines)

    @property
    def _files(self) -> Lines:
        return self.query_one("#clean-files", Lines)

    @property
    def _problem(self) -> Problem | None:
        return self._left.get(self._kinds.current)

    @on(Lines.Moved, "#clean-kinds")
    def _kind_moved(self, event: Lines.Moved) -> None:
        event.stop()
        problem = self._problem
        self._files.display = self.query_one("#clean-face").display = problem is not None
        if problem is None:
            self.say("#clean-why", "")
            self._files.show([], lambda key: (key,))
            return
        details = dict(problem.files)
        # what is said of the folder as a whole names no file
        files = [name for name in details if name]
        self._files.show(files, lambda name: (name, Text(details.get(name, ""), "dim")))
        keys, text = _mending(problem)
        self.say(
            "#clean-why",
            (f"{problem.name}: {_(problem.why)}\n", ""),
            (f"{keys} ", "bold $accent"),
            (text, "$text-muted"),
        )
        if self.display and self._kinds.has_focus:
            self.show_command()

    @on(Lines.Moved, "#clean-files")
    def _file_moved(self, event: Lines.Moved) -> None:
        event.stop()
        row = self._rows.get(event.key)
        self.query_one(SideBySide).show([] if row is None else [_face(row)])
        self.refresh_bindings()

    def show_command(self) -> None:
        """Show the command that mends the kind under the cursor, or else the one that checks."""
        problem = self._problem
        mended = problem.remedy if problem is not None else None
        if mended is None:
            super().show_command()
        else:
            self.desk.show_command(mended.verb, mended.values)

    @on(Lines.Chosen, "#clean-kinds")
    def _mend(self, event: Lines.Chosen) -> None:
        event.stop()
        problem = self._problem
        if problem is None:
            return
        mended = problem.remedy
        if mended is None:
            self.desk.say(_("by hand: {fix}").format(fix=_(problem.fix)), "warning")
            return
        self.show_command()
        self._carry_out(mended)

    def _carry_out(self, mended: Remedy) -> None:
        if mended.verb == AT_ONCE:
            self.desk.run(mended.verb, mended.values)
        elif mended.verb == "dedupe":
            self.post_message(self.LookForDuplicates())
        elif mended.verb == IN_ITS_ROOM:
            self.desk.go(mended.verb)
        else:
            self.desk.form(mended.verb, mended.values)

    # the files of a kind

    @on(Lines.Chosen, "#clean-files")
    def _file_chosen(self, event: Lines.Chosen) -> None:
        event.stop()
        self.action_view()

    def action_files(self) -> None:
        """Go to the files."""
        self._files.focus()

    def action_kinds(self) -> None:
        """Go back to the kinds."""
        self._kinds.focus()
        self.show_command()

    def action_reject(self) -> None:
        """Reject the marked pictures, or the one under the cursor; their files stay."""
        problem, names = self._problem, [name for name in self._files.meant if name in self._rows]
        if problem is None or not names:
            return
        values = {"verdict": "reject", "names": names, "why": problem.name}
        self.desk.show_command("verdict", values)

        def changes(dataset: Dataset) -> list[Change]:
            return [c for name in names for c in verdict(dataset, name, "reject", problem.name)]

        what = names[0] if len(names) == 1 else f"{len(names)} pictures"
        self.desk.edit(f"reject {what} ({problem.name})", changes)

    def action_view(self) -> None:
        """Go to Review with the pictures that have this problem."""
        problem = self._problem
        if problem is not None:
            self.desk.go("review", _filter(problem))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Reject and show only what is a picture."""
        if action in ("reject", "view"):
            problem = self._problem
            return problem is not None and any(name in self._rows for name, _ in problem.files)
        return True


def _filter(problem: Problem) -> str:
    return problem.name if problem.name == "unreadable" else f"issue:{problem.name}"


def _mending(problem: Problem) -> tuple[str, str]:
    """Which key mends a kind, and how; or what a person has to do."""
    mended = problem.remedy
    if mended is None:
        return _("by hand:"), _(problem.fix)
    if mended.verb == "dedupe":
        return "enter", _("looks for all duplicates, to decide side by side")
    if mended.verb == IN_ITS_ROOM:
        return "enter", _("goes to the room Tag")
    if mended.verb == AT_ONCE:
        return "enter", n_("rejects {n} of them", "rejects all {n}", len(problem.files))
    return "enter", _("asks, and runs {fix}").format(fix=problem.fix)


def _face(row: Row) -> Face:
    picture = row.picture
    facts: list[str] = []
    if picture.width:
        facts.append(f"{picture.width}×{picture.height} {picture.format}")
    facts.append(kilobytes(picture.size))
    return Face(row, row.name, "bold", Content.styled(" · ".join(facts), "$text-muted"))
