"""The masks of a project as the room Background knows them: which there are, what they cover."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.content import Content

from dataprep import masks
from dataprep.dataset import Dataset
from dataprep.decisions import Background
from dataprep.journal import Change
from tui.state import Row
from tui.widgets.compare import is_doubtful
from tui.words import _, n_

if TYPE_CHECKING:
    from dataprep.stages.background import Settings

SLICE = 0.15
"""Seconds for which masks are measured before other questions have their turn."""
Todo = list[tuple[str, Path, Background]]
Shares = dict[tuple[str, Background], float]


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of a model's masks."""

    key: str
    """Names the masks of the model."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """By picture."""
    own: frozenset[str] = frozenset()
    """Pictures that were told by hand to keep their own background."""
    usable: tuple[str, ...] = ()


def look(dataset: Dataset, model: str, contract: Any) -> Found:
    """Which masks of a model there are. Raises ``DataprepError`` for an unknown model."""
    from dataprep.matting import read_matting
    from dataprep.stages import background

    pictures, rows = dataset.usable(), dataset.store.decisions()
    key = read_matting(model, contract).key
    files = {picture.name: dataset.mask_file(picture, key) for picture in pictures}
    own = frozenset(name for name, row in rows.items() if background.OWN in row)
    there = {name: path for name, path in files.items() if path is not None}
    return Found(key, there, own, tuple(files))


def measure(todo: Todo) -> Shares:
    """How much some masks cover, for a slice of time; at least one."""
    end, shares = time.monotonic() + SLICE, {}
    for name, mask, background in todo:
        # a mask that cannot be read covers nothing
        shares[name, background] = masks.coverage(mask, background) or 0.0
        if time.monotonic() > end:
            break
    return shares


def kept(dataset: Dataset, names: Iterable[str]) -> list[Change]:
    """The changes by which pictures keep their own background."""
    from dataprep.stages import background

    return [change for name in names for change in background.kept(dataset, name)]


def cut_out(
    dataset: Dataset, rows: Sequence[Row], found: Found, settings: Settings
) -> list[Change]:
    """The changes by which pictures lose it again; one without a mask at the next run."""
    from dataprep.stages import background

    made: list[Change] = []
    for row in rows:
        if row.name in found.files:
            chosen = background.planned(row.picture, settings, found.key)
            made += background.cut_out(dataset, row.name, chosen)
        else:
            made.append(dataset.decision_change(row.name, background.OWN, None))
    return made


def to_find(missing: int, model: str) -> Content:
    """What a run would do while masks are missing; ``model`` is one that it would fetch."""
    if not model:
        words = n_(
            "x finds the subject of {n} picture", "x finds the subject of {n} pictures", missing
        )
        return Content.styled(words, "$text-accent")
    words = n_(
        "x fetches {{model}}, then finds {n} subject; M: other models",
        "x fetches {{model}}, then finds {n} subjects; M: other models",
        missing,
    )
    return Content.styled(words.format(model=model), "$text-warning")


def to_decide(other: int, doubtful: int, own: int) -> Content:
    """What a run would do where all masks are here."""
    parts = [Content.styled(_("decided"), "$text-success")]
    if other:
        words = n_(
            "masks are here; x decides {n} picture",
            "masks are here; x decides {n} pictures",
            other,
        )
        parts = [Content.styled(words, "$text-accent")]
    if doubtful:
        words = n_("{n} doubtful (p)", "{n} doubtful (p)", doubtful)
        parts.append(Content.styled(words, "$text-warning"))
    if own:
        words = n_("{n} keeps its own", "{n} keep their own", own)
        parts.append(Content.styled(words, "$text-muted"))
    return Content(" · ").join(parts)


class Coverage:
    """What the masks of the listed pictures cover: as decided, else the bare mask."""

    def __init__(self) -> None:
        self._shares: Shares = {}

    def forget(self) -> None:
        """Measure anew: masks were made."""
        self._shares.clear()

    def learn(self, shares: Shares) -> None:
        """Take over what was measured."""
        self._shares |= shares

    def todo(self, rows: Iterable[Row], found: Found) -> Todo:
        """What is still to be measured."""
        asked = [(row.name, _mask(row, found), _background(row, found)) for row in rows]
        return [
            (name, mask, background)
            for name, mask, background in asked
            if mask is not None
            and background is not None
            and (name, background) not in self._shares
        ]

    def share(self, row: Row, found: Found) -> float | None:
        """How much of a picture its mask covers, 0..1; None: not known, or it has none."""
        background = _background(row, found)
        return None if background is None else self._shares.get((row.name, background))

    def is_doubtful(self, row: Row, found: Found) -> bool:
        """Whether its mask has most likely missed the subject."""
        share = self.share(row, found)
        return share is not None and is_doubtful(share)


def _mask(row: Row, found: Found) -> Path | None:
    return found.files.get(row.name) if row.decisions.background is None else row.mask


def _background(row: Row, found: Found) -> Background | None:
    if row.name in found.own:
        return None
    return row.decisions.background or Background(found.key, "")
