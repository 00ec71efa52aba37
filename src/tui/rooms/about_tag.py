"""What keys do with the tag under the cursor, and with the tags that were pruned before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from dataprep.errors import DataprepError
from tui.dialogs.pruned import PrunedDialog
from tui.rooms.room import Room
from tui.words import N_, _


class AboutTag(Room):
    """Base of the room that lists tags."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "look", N_("Pictures with this tag"), show=False, id="prune.look"),
        Binding("P", "pruned", N_("Tags pruned before"), show=False, id="prune.pruned"),
        Binding("R", "rename", N_("Rename this tag"), show=False, id="prune.rename"),
        Binding("M", "move", N_("Move this tag"), show=False, id="prune.move"),
        Binding("A", "add", N_("Add tags beside it"), show=False, id="prune.add"),
    ]

    @property
    def tag(self) -> str:
        """The tag under the cursor; "" when there is none."""
        raise NotImplementedError

    def action_look(self) -> None:
        """Look at the pictures with this tag."""
        from dataprep.tagquery.terms import quoted

        if self.tag:
            self.desk.go("review", f"tag:{quoted(self.tag)}")

    def action_pruned(self) -> None:
        """List the tags that were pruned before, to forget some."""
        if not self.desk.project.pruned:
            self.desk.say(_("no tag was pruned yet"))
            return

        def answered(forget: list[str] | None) -> None:
            if forget:
                self._forget(forget)

        dialog = PrunedDialog(self.desk.project.pruned, self.desk.project.trigger)
        self.app.push_screen(dialog, answered)

    def _forget(self, tags: Sequence[str]) -> None:
        """Forget pruned tags, and take them out of what the recipe removes."""
        from dataprep.pruneview import forgetting, removed_without

        try:
            left = removed_without(self.desk.recipe(self.VERB), tags)
            if left is not None and not self.desk.jobs.running:
                self.desk.keep(self.VERB, {"remove": left})
        except (DataprepError, OSError) as error:
            self.desk.say(str(error), "error")
            return
        self.desk.run(self.VERB, forgetting(tags))

    def action_rename(self) -> None:
        """Rename, split or merge the tag."""
        if self.tag:
            self.desk.form("replace", {"old": self.tag})

    def action_move(self) -> None:
        """Move the tag to the front or the end."""
        if self.tag:
            self.desk.form("move", {"tags": self.tag, "to": "front"})

    def action_add(self) -> None:
        """Add tags behind the tag."""
        if self.tag:
            self.desk.form("add", {"tags": (), "after": self.tag})
