"""The rooms of the workshop, in the order of the work: one for each kind of it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from tui.words import N_

if TYPE_CHECKING:
    from tui.rooms.room import Room


@dataclass(frozen=True, slots=True)
class Door:
    """A room that is not built yet: only the one that is entered is imported."""

    name: str
    title: str
    summary: str
    module: str
    kind: str

    def load(self) -> type[Room]:
        """The room's class."""
        room: type[Room] = getattr(import_module(f"tui.rooms.{self.module}"), self.kind)
        return room


ROOMS: dict[str, Door] = {
    door.name: door
    for door in (
        Door("import", N_("Import"), N_("bring pictures in"), "bring", "ImportRoom"),
        Door("clean", N_("Clean"), N_("duplicates and faulty pictures"), "clean", "CleanRoom"),
        Door("crop", N_("Crop"), N_("cut and size of every picture"), "crop", "CropRoom"),
        Door(
            "background",
            N_("Background"),
            N_("cut the subject out"),
            "background",
            "BackgroundRoom",
        ),
        Door("tag", N_("Tag"), N_("tags by a model, chosen by their scores"), "tag", "TagRoom"),
        Door("prune", N_("Prune"), N_("tags that the trigger word takes up"), "prune", "PruneRoom"),
        Door("review", N_("Review"), N_("look at pictures and captions"), "review", "ReviewRoom"),
        Door("export", N_("Export"), N_("write the training folder"), "export", "ExportRoom"),
        Door("train", N_("Train"), N_("train the LoRA"), "train", "TrainRoom"),
        Door("pick", N_("Pick"), N_("which epoch to keep"), "pick", "PickRoom"),
    )
}
"""Every room by name."""
