"""The training folder: what would be written into it, and how often each picture is repeated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from dataprep.dataset import Dataset
from dataprep.report import Report
from tui.rooms.room import Room
from tui.state import Project
from tui.widgets.lines import Column, Lines
from tui.words import N_, _, n_

if TYPE_CHECKING:
    from dataprep.exporting.preview import Preview

FORMATS = ("png", "webp", "jpg")
KINDS = (N_("anime"), N_("person"), N_("object"))
MOST_REPEATS = 1000


class ExportRoom(Room):
    """Shows the folders that an export makes; ``x`` writes them."""

    VERB: ClassVar[str] = "export"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,right_square_bracket", "repeats(1)", N_("More repeats"), id="export.more"),
        Binding(
            "minus,left_square_bracket", "repeats(-1)", N_("Fewer"), show=False, id="export.fewer"
        ),
        Binding("equals_sign", "automatic", N_("Choose repeats"), show=False, id="export.auto"),
        Binding("f", "format", N_("Format"), id="export.format"),
        Binding("K", "kind", N_("Kind of concept"), show=False, id="export.kind"),
        Binding("y", "copy_path", N_("Copy the folder's path"), show=False, id="export.path"),
    ]

    def compose(self) -> ComposeResult:
        """Words, the folders beside the sizes, and the arithmetic."""
        yield Static(id="export-words", markup=False)
        with Horizontal(id="export-lists"):
            yield Lines(
                [
                    Column(N_("folder")),
                    Column(N_("pictures"), 9, "right"),
                    Column(N_("repeats"), 9, "right"),
                ],
                id="export-folders",
            )
            yield Lines(
                [Column(N_("size"), 11, "right"), Column(N_("pictures"), 9, "right")],
                id="export-sizes",
            )
        yield Static(id="export-plan", markup=False)

    def on_mount(self) -> None:
        """Nothing is known yet."""
        self._preview: Preview | None = None
        self._changed: dict[str, Any] = {}
        self._defaults: dict[str, Any] = {}

    def first(self) -> Widget:
        """The folders."""
        return self.query_one("#export-folders")

    def values(self) -> Mapping[str, Any]:
        """What the recipe does not say, and what was changed here."""
        return {**self._defaults, **self._changed}

    def show(self, project: Project) -> None:
        """Plan again."""
        changed = dict(self._changed)

        def plan(dataset: Dataset) -> tuple[Preview, dict[str, Any]]:
            from dataprep.exporting.preview import defaults, preview
            from dataprep.settings import read_recipe

            recipe = read_recipe(dataset.root).get("export", {})
            return preview(dataset, changed), defaults(dataset, recipe)

        self.desk.ask("export", plan, self._planned, self._refused)

    def entered(self, filter: str) -> None:
        """Plan again: other rooms may have changed what is written."""
        super().entered(filter)
        self.show(self.desk.project)

    def job_ended(self, report: Report) -> None:
        """Say what comes next."""
        if report.stage == "export" and not report.dry_run:
            self.desk.say(_("written; t trains, n goes on"))

    def _refused(self, message: str, hint: str) -> None:
        self.query_one("#export-words", Static).update(
            Content.assemble((message, "$text-error"), "\n", (hint, "$text-muted"))
        )

    def _planned(self, answer: tuple[Preview, dict[str, Any]]) -> None:
        found, self._defaults = answer
        self._preview = found
        folders = {folder.name: folder for folder in found.folders}
        self.query_one("#export-folders", Lines).show(
            list(folders),
            lambda key: (key, str(folders[key].images), str(folders[key].repeats)),
        )
        sizes = {f"{width}×{height}": count for (width, height), count in found.buckets.items()}
        self.query_one("#export-sizes", Lines).show(list(sizes), lambda key: (key, str(sizes[key])))
        self.query_one("#export-words", Static).update(self._words(found))
        self.query_one("#export-plan", Static).update(Content("\n".join(found.lines)))
        self.show_command()

    def _words(self, found: Preview) -> Content:
        settings = found.settings
        new = n_("{n} picture is to be written", "{n} pictures are to be written", found.fresh)
        there = n_("{n} is there as it should be", "{n} are there as they should be", found.current)
        told = [part for part, count in ((new, found.fresh), (there, found.current)) if count]
        if found.bare:
            told.append(
                n_(
                    "{n} has no caption and is trained under the folder's name",
                    "{n} have no caption and are trained under the folder's name",
                    found.bare,
                )
            )
        if found.left_out:
            told.append(n_("{n} belongs to no concept", "{n} belong to no concept", found.left_out))
        chosen = str(settings.repeats) if settings.repeats else _("chosen by kind and steps")
        return Content.assemble(
            (str(self.desk.training_folder), "bold"),
            "\n",
            "; ".join(told),
            "\n",
            _("repeats: {repeats}   kind: {kind}   format: {format}").format(
                repeats=chosen, kind=_(settings.kind), format=settings.format
            ),
        )

    def action_repeats(self, by: int) -> None:
        """Repeat the pictures of the concept more or less often."""
        if self._preview is None or not self._preview.folders:
            return
        number = self._preview.folders[0].repeats + by
        self._change("repeats", max(1, min(MOST_REPEATS, number)))

    def action_automatic(self) -> None:
        """Let the repeats follow from kind and steps."""
        self._change("repeats", 0)

    def action_format(self) -> None:
        """The next file format."""
        if self._preview is not None:
            self._change("format", _after(FORMATS, self._preview.settings.format))

    def action_kind(self) -> None:
        """The next kind of concept, by which the repeats are chosen."""
        if self._preview is not None:
            self._changed["repeats"] = 0
            self._change("kind", _after(KINDS, self._preview.settings.kind))

    def _change(self, name: str, value: Any) -> None:
        self._changed[name] = value
        self.show(self.desk.project)

    def action_copy_path(self) -> None:
        """Copy the training folder's path."""
        if self._preview is not None:
            path = str(self._preview.settings.out.resolve())
            self.app.copy_to_clipboard(path)
            self.desk.say(_("copied: {text}").format(text=path))


def _after(values: tuple[str, ...], value: str) -> str:
    return values[(values.index(value) + 1) % len(values)]
