"""A list of pictures with a filter over it: what is listed, in which order, and where one is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from dataprep.report import Report
from tui.rooms.looking import Shelf
from tui.rooms.mending import Mending
from tui.state import Project, Row
from tui.widgets.chips import Chips
from tui.widgets.filter_bar import FilterBar, noted
from tui.widgets.lines import Lines
from tui.words import N_, _, n_

if TYPE_CHECKING:
    from dataprep.browse import Listing
    from tui.desk import Desk

MEMORY = "review"
ORDERS = {
    "name": N_("by name"),
    "size": N_("smallest first"),
    "tags": N_("fewest tags first"),
    "verdict": N_("undecided first"),
    "date": N_("newest first"),
}
"""The orders of ``dataprep.browse``, and how they are called here."""
WRONG = {
    "unreadable": N_("cannot be used"),
    "untagged": N_("no caption"),
    "long": N_("the caption is longer than what is read of it"),
}
"""Problems of ``dataprep.browse`` in words."""


class Browsing(Mending):
    """Lists, orders and narrows; how the pictures are drawn is for the room that does it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", N_("Filter"), key_display="/", id="review.filter"),
        Binding("S", "order", N_("Another order"), show=False, id="review.order"),
        Binding("right_square_bracket", "step(1)", N_("Next"), show=False, id="review.next"),
        Binding("left_square_bracket", "step(-1)", N_("Previous"), show=False, id="review.back"),
        Binding("p", "problem(1)", N_("Next problem"), show=False, id="review.problem"),
        Binding("P", "problem(-1)", N_("Problem before"), show=False, id="review.problem_before"),
    ]

    def __init__(self, desk: Desk, id: str) -> None:
        super().__init__(desk, id)
        self.known: dict[str, Any] = desk.memory.get(MEMORY, {})
        """How one looked at this project before."""
        self._filter = str(self.known.get("filter", ""))
        self._order = next((name for name in ORDERS if name == self.known.get("order")), "name")
        self._start = str(self.known.get("current", ""))
        history = self.known.get("history")
        self._history = [str(text) for text in history] if isinstance(history, list) else []
        self.shelf = Shelf()
        self._listing: Listing | None = None
        self.rows: dict[str, Row] = {}
        """The pictures as they were listed."""
        self._stale = True
        self._tried = self._looked = ""
        """The filter for whose findings a job was begun, and that for which one has ended."""

    @property
    def lines(self) -> Lines:
        """The list that is used now."""
        raise NotImplementedError

    def list_rows(self, names: Sequence[str], changed: Sequence[str]) -> None:
        """Put these in the lists; ``changed`` are other files than before."""
        raise NotImplementedError

    def show_row(self) -> None:
        """Show the picture with the cursor."""
        raise NotImplementedError

    def note(self) -> None:
        """Remember how one looks at this project."""
        # another dictionary, not the same one changed: the memory compares what it saved
        self.known = self.known | {
            "filter": self._filter,
            "order": self._order,
            "current": self.lines.current,
            "history": self._history,
        }
        self.desk.memory.put(MEMORY, self.known)

    def on_mount(self) -> None:
        """Begin with the filter of before."""
        if self._filter:
            self.query_one(FilterBar).preset(self._filter)

    @property
    def row(self) -> Row | None:
        """The picture with the cursor."""
        return self.desk.project.rows.get(self.lines.current)

    @property
    def meant(self) -> Sequence[str]:
        """Names of the marked pictures; without marks that with the cursor."""
        return [name for name in self.lines.meant if name in self.desk.project.rows]

    def show(self, project: Project) -> None:
        """List anew; only when the room is seen."""
        self._stale = True
        if self.display:
            self._list()

    def job_ended(self, report: Report) -> None:
        """What was found out may be another thing now."""
        self.shelf.forget()
        if report.stage == "tag":
            self.desk.proposals.forget()
        if report.stage == "check":
            # pictures that could not even be looked at would be looked at for ever
            self._looked = self._tried

    def entered(self, filter: str) -> None:
        """Show what another room wants to be seen."""
        super().entered(filter)
        if filter:
            self.query_one(FilterBar).preset(filter)
        if self._stale:
            self._list()

    def first(self) -> Widget:
        """The list takes the keys."""
        return self.lines

    def _list(self) -> None:
        project, text, order = self.desk.project, self._filter, self._order
        if not project.loaded:
            return
        self._stale, looked = False, bool(text) and self._looked == text
        self.desk.ask(
            "review list",
            self.shelf.asked(project, lambda browser: browser.listing(text, order, looked)),
            lambda listing: self._listed(project, listing),
            self._complain,
        )
        # so that the first filter is as quick as those behind it
        self.desk.ask(
            "review tags",
            self.shelf.asked(project, lambda browser: browser.tags()),
            lambda tags: None,
            lambda message, hint: None,
        )

    def show_command(self) -> None:
        """Show the command that lists the same."""
        # words that are no tags are a way of looking that commands do not have
        plain = self._listing is not None and not self._listing.letters
        self.desk.show_command("list", {"where": self._filter} if plain and self._filter else {})

    def _complain(self, message: str, hint: str) -> None:
        lines = message.splitlines()
        said = lines[0] + (f" — {hint}" if hint else "")
        self.query_one(FilterBar).complain(said)

    def _listed(self, project: Project, listing: Listing) -> None:
        self.query_one(FilterBar).complain("")
        if listing.unseen:
            self._look_first(listing.unseen)
            return
        if self._listing is None:
            # so that the first filter one types is as quick as those behind it
            self.desk.proposals.prepare()
        changed = [
            name
            for name, row in self.rows.items()
            if name not in project.rows or project.rows[name].picture != row.picture
        ]
        self.rows, self._listing = dict(project.rows), listing
        self.list_rows(listing.names, changed)
        if self._start in project.rows:
            self.lines.move_to(self._start)
        self._start = ""
        self.show_command()
        self.show_status()
        self.show_row()

    def _look_first(self, kind: str) -> None:
        """What nobody has looked for is looked for by a job; once, for the person may stop it."""
        if self._tried != self._filter and self.desk.run("check", {"only": kind}):
            self._tried = self._filter
        if self._tried == self._filter:
            running = self.desk.jobs.running == "check"
            said = _("the pictures are being looked at …")
            stopped = _("not all pictures have been looked at; change the filter to go on")
            self.query_one(FilterBar).complain(said if running else stopped)

    def show_status(self) -> None:
        """Say where one is, among how many, and by what they were chosen and ordered."""
        listing, total = self._listing, len(self.desk.project.rows)
        if listing is None:
            return
        count, lines = len(listing.names), self.lines
        parts = [f"{lines.place + 1 if count else 0}/{count}"]
        if count != total:
            parts.append(_("of {total}").format(total=total))
        if lines.marks:
            parts.append(n_("{n} marked", "{n} marked", len(lines.marks)))
        if self._order != "name":
            parts.append(_(ORDERS[self._order]))
        if listing.letters:
            words = ", ".join(listing.letters)
            parts.append(
                _("no tag, so looked for in names and captions: {words}").format(words=words)
            )
        bold = Content.styled("  ".join(parts[:1]), "bold")
        rest = Content("  ·  ".join(["", *parts[1:]]))
        self.query_one("#review-status", Static).update(Content.assemble(bold, rest))

    def nothing(self) -> str:
        """What is said where no picture is."""
        if not self.desk.project.loaded:
            return "…"
        if not self.desk.project.rows:
            return _("There are no pictures yet: 1 leads to the room that brings them in.")
        return _("The filter holds for no picture; esc drops it.")

    @on(Lines.Marked)
    def _marked(self) -> None:
        self.show_status()

    def action_step(self, by: int) -> None:
        """Go to a neighbour."""
        lines = self.lines
        place = lines.place + by
        if 0 <= place < len(lines.keys):
            lines.move_to(lines.keys[place])

    def go_on(self) -> None:
        """Take the marks away, or without any go on to the next picture."""
        if self.lines.marks:
            self.lines.set_marks(set())
        else:
            self.action_step(1)

    def action_order(self) -> None:
        """Order by the next thing."""
        names = list(ORDERS)
        self._order = names[(names.index(self._order) + 1) % len(names)]
        self.desk.say(_("order: {order}").format(order=_(ORDERS[self._order])))
        self._list()
        self.note()

    def action_problem(self, by: int) -> None:
        """Go to the next picture that needs a look, or the one before."""

        def told(problems: dict[str, str]) -> None:
            lines = self.lines
            places = [place for place, name in enumerate(lines.keys) if name in problems]
            later = [place for place in places if (place - lines.place) * by > 0]
            if not places:
                self.desk.say(_("nothing here needs a look"))
                return
            place = (later or places)[0 if by > 0 else -1]
            name = lines.keys[place]
            lines.move_to(name)
            self.desk.say(
                _("{place} of {count}: {problem}").format(
                    place=places.index(place) + 1,
                    count=len(places),
                    problem=_(WRONG[problems[name]]),
                )
            )

        asked = self.shelf.asked(self.desk.project, lambda browser: browser.problems())
        self.desk.ask("review problems", asked, told)

    def action_filter(self) -> None:
        """Type a filter."""
        self.desk.proposals.prepare()
        self.query_one(FilterBar).open()

    @on(FilterBar.Changed)
    def _narrow(self, event: FilterBar.Changed) -> None:
        event.stop()
        self._filter, self._tried, self._looked = event.text, "", ""
        self._list()
        self.note()

    @on(FilterBar.Kept)
    def _kept(self, event: FilterBar.Kept) -> None:
        event.stop()
        self._history = noted(self._history, event.text)
        self.note()

    @on(FilterBar.Left)
    def _filter_left(self, event: FilterBar.Left) -> None:
        event.stop()
        self.lines.focus()

    @on(Chips.Chosen)
    def _tag_chosen(self, event: Chips.Chosen) -> None:
        event.stop()
        from dataprep.tagquery.terms import Tag
        from dataprep.tagquery.terms import Text as Wanted

        self.query_one(FilterBar).preset(str(Tag(Wanted(event.tag))))

    def action_back(self) -> None:
        """Without marks, then without filter."""
        if self.lines.marks:
            self.lines.set_marks(set())
        else:
            self.query_one(FilterBar).drop()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc stops a job before it takes marks and filter away."""
        if action != "back":
            return True
        return not self.desk.jobs.running and bool(self.lines.marks or self._filter)
