"""Groups of pictures that show the same, side by side, with the one that stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from dataprep import cleaning
from dataprep.cleaning import Likes, State
from dataprep.report import Report
from tui.desk import Desk
from tui.rooms.clean_part import Part, kilobytes
from tui.state import Project, Row
from tui.widgets.lines import Cell, Column, Lines
from tui.widgets.side_by_side import Face, SideBySide
from tui.words import N_, _, n_

if TYPE_CHECKING:
    from dataprep.dataset import Dataset
    from dataprep.decisions import Verdict
    from dataprep.journal import Change

BECAUSE = {
    "hand": N_("kept by hand"),
    "larger": N_("the largest"),
    "sharper": N_("the sharpest"),
    "denser": N_("least compressed"),
    "same": N_("as good as any"),
}
"""Why a picture is the best of its group."""
LIKE = {
    "exact": N_("the same file"),
    "near": N_("{n} bits apart"),
    "mirrored": N_("mirrored, {n} bits apart"),
    "turned": N_("turned, {n} bits apart"),
}
"""How a copy is like the best one."""
SIGNS: Mapping[State, str] = {"open": "○", "settled": "●", "kept": "="}


class Duplicates(Part):
    """A group a line; below, its pictures."""

    VERB: ClassVar[str] = "dedupe"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "accept", N_("Accept"), id="clean.accept"),
        Binding("A", "accept_all", N_("Accept all"), id="clean.accept_all"),
        Binding("b", "best", N_("Keep this one"), id="clean.best"),
        Binding("d", "keep_all", N_("No duplicates: keep all"), show=False, id="clean.keep_all"),
        Binding("left,h", "point(-1)", N_("Picture to the left"), show=False, id="clean.left"),
        Binding("right,l", "point(1)", N_("Picture to the right"), show=False, id="clean.right"),
        Binding("v", "view", N_("Show in Review"), show=False, id="clean.view"),
    ]

    def __init__(self, desk: Desk, id: str) -> None:
        super().__init__(desk, id)
        self._groups: dict[str, Likes] = {}
        self._verdicts: dict[str, Verdict] = {}
        self._rows: Mapping[str, Row] = {}
        self._looked_at = ""
        facts, self._looked_at = self.remembered()
        if facts:
            self._groups = _by_key(cleaning.read_groups(facts))

    def compose(self) -> ComposeResult:
        """How far it is; the groups; the pictures of one."""
        yield Static(id="clean-said", markup=False)
        columns = [Column(width=1), Column(), Column(width=20), Column(width=9, align="right")]
        yield Lines(columns, id="clean-groups")
        yield SideBySide(self.desk.drawing, id="clean-faces")

    def first(self) -> Widget:
        """The list of groups."""
        return self.query_one(Lines)

    @property
    def count(self) -> str:
        """Groups that are still open."""
        return str(len(self._open())) if self._looked_at else ""

    def show_project(self, project: Project) -> None:
        """Verdicts say how far each group is; a group of which one has gone is dropped."""
        self._rows = project.rows
        self._verdicts = {row.name: row.decisions.verdict for row in project.rows.values()}
        self._draw()

    def look(self) -> None:
        """Look for duplicates, without deciding anything."""
        self.show_command()
        self.desk.run(self.VERB, dry_run=True)

    def job_ended(self, report: Report) -> None:
        """List what was found, by ``x`` or by a form."""
        if report.stage != self.VERB:
            return
        self._looked_at = self.mark(self._rows)
        self.remember(report.facts, self._looked_at)
        self._groups = _by_key(cleaning.read_groups(report.facts))
        self._draw()

    def _draw(self) -> None:
        shown = [group.keep for group in cleaning.present(self._groups.values(), self._rows)]
        lines = self.query_one(Lines)
        lines.show(shown, self._cells)
        self._say_how_far(shown)
        self.refresh_bindings()

    def _say_how_far(self, shown: Sequence[str]) -> None:
        if not self.display:
            return
        if not self._looked_at:
            self.say("#clean-said", (_("x looks for pictures that show the same"), "$text-muted"))
            return
        still = self._open()
        going = sum(len(self._alive(group)) - 1 for group in still)
        if not shown:
            said = _("no duplicates were found")
        elif not still:
            said = n_("{n} group, decided", "{n} groups, all decided", len(shown))
        else:
            said = n_("{n} group to decide", "{n} groups to decide", len(still))
            said += " · " + n_("{n} picture would go", "{n} pictures would go", going)
        changed = self._looked_at != self.mark(self._rows)
        stale = "   ↻ " + _("pictures have changed since: x looks again") if changed else ""
        self.say("#clean-said", (said, "bold"), (stale, "$text-warning"))

    def _open(self) -> list[Likes]:
        groups = cleaning.present(self._groups.values(), self._rows)
        return [group for group in groups if cleaning.state(group, self._verdicts)[0] == "open"]

    def _alive(self, group: Likes) -> list[str]:
        return [name for name in group.names if self._verdicts.get(name) != "reject"]

    def _cells(self, key: str) -> Sequence[Cell]:
        group = self._groups[key]
        state, keep = cleaning.state(group, self._verdicts)
        style = "bold" if state == "open" else "dim"
        likeness = _like(group.others[0].kind, group.others[0].distance)
        count = n_("{n} copy", "{n} copies", len(group.others))
        name = Text(_("all stay: {name}").format(name=keep) if state == "kept" else keep, style)
        return SIGNS[state], name, Text(likeness, "dim"), Text(count, "dim")

    # the pictures of a group

    @property
    def _group(self) -> Likes | None:
        return self._groups.get(self.query_one(Lines).current)

    @on(Lines.Moved, "#clean-groups")
    def _moved(self, event: Lines.Moved) -> None:
        event.stop()
        group = self._groups.get(event.key)
        faces = self.query_one(SideBySide)
        if group is None:
            faces.show([])
            return
        keep = cleaning.state(group, self._verdicts)[1]
        fresh = faces.pointed not in group.names
        faces.show([self._face(group, name) for name in group.names], keep if fresh else "")

    def _face(self, group: Likes, name: str) -> Face:
        state, keep = cleaning.state(group, self._verdicts)
        row = self._rows[name]
        picture = row.picture
        stays = name == keep or (state == "kept" and self._verdicts.get(name) != "reject")
        title = _title(state, stays)
        facts = [f"{picture.width}×{picture.height} {picture.format}", kilobytes(picture.size)]
        if name in group.sharpness:
            facts.append(_("sharp {n}").format(n=f"{group.sharpness[name]:.0f}"))
        return Face(
            row,
            title,
            "bold $text-success" if stays else "bold $text-error",
            Content("\n").join(
                [
                    Content.styled(name, "bold"),
                    Content(" ".join(facts[:1])),
                    Content(" · ".join(facts[1:])),
                    Content.styled(_why(group, name), "$text-muted"),
                ]
            ),
            crossed=not stays,
        )

    def action_point(self, by: int) -> None:
        """Point at another picture of the group."""
        self.query_one(SideBySide).point(by)

    # decisions

    def action_accept(self) -> None:
        """Keep the one that stays, reject the others, and go on."""
        group = self._group
        if group is not None:
            state, keep = cleaning.state(group, self._verdicts)
            if state != "settled":
                self._settle(group, keep or group.keep)
            self._go_on()

    @on(Lines.Chosen, "#clean-groups")
    def _chosen(self, event: Lines.Chosen) -> None:
        event.stop()
        self.action_accept()

    def action_best(self) -> None:
        """Keep the picture that is pointed at, and reject the others."""
        group, name = self._group, self.query_one(SideBySide).pointed
        if group is not None and name in group.names:
            self._settle(group, name)

    def _settle(self, group: Likes, keep: str) -> None:
        others = [name for name in group.names if name != keep]
        values = {"verdict": "reject", "names": others, "why": f"duplicate of {keep}"}
        self.desk.show_command("verdict", values)

        def changes(dataset: Dataset) -> list[Change]:
            return cleaning.settle(dataset, group, keep)

        self.desk.edit(f"keep {keep} of {len(group.names)}", changes)

    def action_keep_all(self) -> None:
        """Say that these are no duplicates: all of them stay, also when one looks again."""
        group = self._group
        if group is None:
            return
        self.desk.show_command("verdict", {"verdict": "keep", "names": list(group.names)})

        def changes(dataset: Dataset) -> list[Change]:
            return cleaning.keep_all(dataset, group)

        self.desk.edit(f"keep all {len(group.names)} like {group.keep}", changes)
        self._go_on()

    def action_accept_all(self) -> None:
        """Accept every open group, as one edit."""
        groups, verdicts = self._open(), dict(self._verdicts)
        if not groups:
            return
        self.show_command()

        def changes(dataset: Dataset) -> list[Change]:
            return [
                change
                for group in groups
                for change in cleaning.settle(dataset, group, cleaning.state(group, verdicts)[1])
            ]

        gone = sum(len(self._alive(group)) - 1 for group in groups)
        said = n_("{n} duplicate rejected; u takes it back", "{n} duplicates rejected; u takes "
                  "them back", gone)  # fmt: skip
        self.desk.edit("reject duplicates", changes, lambda: self.desk.say(said))

    def _go_on(self) -> None:
        """Go to the next group that is open."""
        lines = self.query_one(Lines)
        still = {group.keep for group in self._open()} - {lines.current}
        later = [key for key in lines.keys[lines.place + 1 :] if key in still]
        if later or still:
            lines.move_to((later or [key for key in lines.keys if key in still])[0])

    def action_view(self) -> None:
        """Go to Review with the pictures of the group."""
        group = self._group
        if group is not None:
            names = (name.replace("*", "?").replace('"', "?") for name in group.names)
            self.desk.go("review", " OR ".join(f'name:"{name}"' for name in names))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what there is a group for."""
        if action in ("accept", "best", "keep_all", "view", "point"):
            return bool(self._group)
        return action != "accept_all" or bool(self._open())


def _by_key(groups: list[Likes]) -> dict[str, Likes]:
    return {group.keep: group for group in groups}


def _title(state: State, stays: bool) -> str:
    if state == "open":
        return "✓ " + _("would stay") if stays else "✗ " + _("would go")
    return "✓ " + _("stays") if stays else "✗ " + _("rejected")


def _why(group: Likes, name: str) -> str:
    if name == group.keep:
        return _(BECAUSE.get(group.because, "same"))
    other = next(other for other in group.others if other.name == name)
    return _like(other.kind, other.distance)


def _like(kind: str, distance: int) -> str:
    if kind == "near" and not distance:
        return _("looks the same")
    return _(LIKE.get(kind, LIKE["near"])).format(n=distance)
