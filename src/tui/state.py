"""What the screens show of a project: frozen rows, read from the dataset in a thread."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dataprep.captions import split_tags
from dataprep.decisions import Decisions

if TYPE_CHECKING:
    from dataprep.dataset import Dataset
    from dataprep.standing import Standing
    from dataprep.store import Picture


@dataclass(frozen=True, slots=True)
class Row:
    """One picture as the screens know it."""

    picture: Picture
    path: Path
    caption: str = ""
    decisions: Decisions = field(default_factory=Decisions)
    problem: str = ""
    """Why the picture or its caption cannot be used; empty when both can."""
    mask: Path | None = None
    """Where the foreground mask of its background decision is cached."""

    @property
    def name(self) -> str:
        """The picture's path inside the project."""
        return self.picture.name

    @property
    def tags(self) -> list[str]:
        """The caption's tags."""
        return split_tags(self.caption)

    @property
    def size(self) -> str:
        """Width × height in pixels: as trained on when that is decided, else of the file."""
        crop = self.decisions.crop
        if self.picture.reason:
            return ""
        if crop is not None:
            return f"{crop.width}×{crop.height}"
        return f"{self.picture.width}×{self.picture.height}"


@dataclass(frozen=True, slots=True)
class Project:
    """All of a project that is on the screens."""

    root: Path
    rows: Mapping[str, Row] = field(default_factory=dict)
    """The pictures by name, in the order of their names."""
    standing: Mapping[str, Standing] = field(default_factory=dict)
    """How far each room's work is, by the room's name."""
    trigger: str = ""
    pruned: tuple[str, ...] = ()
    undoes: str = ""
    """The name of the edit that an undo would take back; empty: there is none."""
    redoes: str = ""
    """The same for a redo."""
    loaded: bool = False
    """Whether the folder has been read at all."""


def load(dataset: Dataset) -> Project:
    """Read a project. Raises ``DataprepError``; call it in a thread."""
    decided = dataset.decisions()
    rows = {
        picture.name: _row(dataset, picture, decided.get(picture.name, Decisions()))
        for picture in dataset.pictures()
    }
    return about(dataset, Project(dataset.root, rows, loaded=True))


def changed(dataset: Dataset, project: Project, names: Collection[str]) -> Project:
    """A project in which only these pictures' captions or decisions have changed."""
    decided = dataset.decisions()
    fresh = {
        name: _row(dataset, project.rows[name].picture, decided.get(name, Decisions()))
        for name in names
        if name in project.rows
    }
    return about(dataset, replace(project, rows={**project.rows, **fresh}))


def about(dataset: Dataset, project: Project) -> Project:
    """The project with what is known of it as a whole."""
    # with them come pydantic and numpy, for which the first frame must not wait
    from dataprep import concept
    from dataprep.standing import standing

    known = concept.read(dataset.store)
    captions = {name: row.caption for name, row in project.rows.items()}
    decisions = {name: row.decisions for name, row in project.rows.items()}
    pictures = [row.picture for row in project.rows.values()]
    undoes, redoes = dataset.undoes(), dataset.redoes()
    return replace(
        project,
        standing=standing(dataset, pictures, decisions, captions),
        trigger=known.trigger,
        pruned=known.pruned,
        undoes=undoes.name if undoes else "",
        redoes=redoes.name if redoes else "",
    )


def _row(dataset: Dataset, picture: Picture, decisions: Decisions) -> Row:
    from dataprep.images import BadImage

    caption, problem = "", picture.reason
    try:
        caption = dataset.caption(picture.name) or ""
    except BadImage as error:
        problem = problem or error.message
    model = decisions.background.model if decisions.background else ""
    mask = dataset.mask_file(picture, model) if model else None
    return Row(picture, dataset.file(picture), caption, decisions, problem, mask)
