"""What the screen shows of a project: frozen rows, read from the dataset in a thread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dataprep.dataset import Dataset
from dataprep.decisions import Decisions
from dataprep.images import BadImage
from dataprep.store import Picture

Count = tuple[int, int]
"""How many of how many pictures a stage has dealt with."""


@dataclass(frozen=True, slots=True)
class Row:
    """One picture as the screen knows it."""

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
    """All of a project that is on the screen."""

    rows: tuple[Row, ...] = ()
    counts: Mapping[str, Count] = field(default_factory=dict)
    """Stage → done and total, for the stages that leave a trace on every picture."""
    last_edit: str = ""
    """What an undo would take back."""


def load(root: Path) -> Project:
    """Read a project. Raises ``DataprepError``; call it in a thread."""
    with Dataset.open(root) as dataset:
        decided = dataset.decisions()
        rows = tuple(
            _row(dataset, picture, decided.get(picture.name, Decisions()))
            for picture in dataset.pictures()
        )
        done = [edit.name for edit in dataset.history() if edit.state == "done"]
    return Project(rows, _counts(rows), done[-1] if done else "")


def matching(rows: Iterable[Row], needle: str) -> list[Row]:
    """The rows whose name or caption contains ``needle``, in any case."""
    folded = needle.casefold()
    return [row for row in rows if folded in f"{row.name}\n{row.caption}".casefold()]


def _row(dataset: Dataset, picture: Picture, decisions: Decisions) -> Row:
    caption, problem = "", picture.reason
    try:
        caption = dataset.caption(picture.name) or ""
    except BadImage as error:
        problem = problem or error.message
    model = decisions.background.model if decisions.background else ""
    mask = dataset.mask_file(picture, model) if model else None
    return Row(picture, dataset.file(picture), caption, decisions, problem, mask)


def _counts(rows: Iterable[Row]) -> dict[str, Count]:
    good = [row for row in rows if not row.picture.reason]
    total = len(good)
    return {
        "crop": (sum(row.decisions.crop is not None for row in good), total),
        "background": (sum(row.decisions.background is not None for row in good), total),
        "tag": (sum(bool(row.caption) for row in good), total),
    }
