"""What the room Crop shows of the cuts: the buckets, the sum of it, and who is alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from textual.content import Content

from dataprep.buckets import Bucket, Target
from dataprep.decisions import Crop
from dataprep.focus import hand, tally
from dataprep.focus.cut import Cutter
from tui.dialogs.choice import Choice
from tui.widgets.lines import Cell, Column
from tui.words import N_, _, n_

if TYPE_CHECKING:
    from dataprep.stages.buckets import Plan

ALL = ""
"""The line of the table that stands for all buckets."""
NARROW = (
    Column(N_("bucket"), 9),
    Column(N_("pics"), 5, "right"),
    Column(N_("lost"), 5, "right"),
    Column(N_("up"), 4, "right"),
)
WIDE = (
    Column(N_("bucket"), 9),
    Column(N_("pictures"), 8, "right"),
    Column(N_("lost"), 5, "right"),
    Column(N_("enlarged"), 8, "right"),
    Column(N_("batches"), 7, "right"),
)
LISTED = (Column(N_("picture"), 0), Column("", 1), Column(N_("lost"), 5, "right"))
BY_HAND, DOUBTFUL = "✎", "!"


@dataclass
class Cuts:
    """How the pictures are cut, or would be as the dials stand."""

    target: Target
    decided: bool
    """Whether these are the sizes that were decided."""
    uses: dict[str, tally.Use]
    """Every usable picture by name."""
    batch_size: int = 1
    rows: dict[str, tally.Row] = field(default_factory=dict)
    """The buckets, the fullest first, by what they are called."""
    _cells: dict[str, Sequence[Cell]] = field(default_factory=dict)
    """The lines of the table; of ten thousand pictures they are not counted at each drawing."""
    lost: float = 0.0
    """The mean share of pixels that pictures lose, 0..1."""
    enlarged: int = 0
    """How many pictures are enlarged."""

    @classmethod
    def of(cls, plan: Plan, batch_size: int) -> Cuts:
        """Out of what the stage would do, counted."""
        uses = {use.picture.name: use for use in plan.uses}
        cuts = cls(plan.target, plan.decided, uses, batch_size)
        cuts.count()
        return cuts

    def put(self, name: str, crop: Crop) -> None:
        """Cut a picture so; ``count`` when all are put."""
        if name in self.uses:
            self.uses[name] = tally.Use(self.uses[name].picture, crop)

    def count(self) -> None:
        """Count what is in which bucket."""
        found = tally.rows_of(self.uses.values(), self.batch_size, 1)
        self.rows = {called(row.bucket): row for row in found}
        losses = {key: row.lost for key, row in self.rows.items()}
        enlarged = {key: row.enlarged for key, row in self.rows.items()}
        sums = [losses[key] * len(row.uses) for key, row in self.rows.items()]
        self.lost, self.enlarged = sum(sums) / max(len(self.uses), 1), sum(enlarged.values())
        self._cells = {
            key: _cells(key, len(row.uses), losses[key], enlarged[key], row.batches)
            for key, row in self.rows.items()
        }
        batches = sum(row.batches for row in found)
        self._cells[ALL] = _cells(_("all"), len(self.uses), self.lost, self.enlarged, batches)

    def names(self, key: str) -> list[str]:
        """The pictures of a line of the table."""
        row = self.rows.get(key)
        return [use.picture.name for use in row.uses] if row else list(self.uses)

    def bucket_cells(self, key: str) -> Sequence[Cell]:
        """A line of the table."""
        return self._cells.get(key, (key,))

    def picture_cells(self, name: str) -> Sequence[Cell]:
        """A line of the list."""
        use = self.uses.get(name)
        if use is None:
            return (name, "", "")
        sign = BY_HAND if use.crop.mode == hand.BY_HAND else DOUBTFUL if use.reasons else ""
        return (name, sign, f"{use.lost:.0%}")

    def sum(self, *, undecided: int, touched: bool) -> Content:
        """What all of it comes to, and whether it is decided but for so many pictures."""
        if not self.uses:
            return Content.styled(_("there are no pictures to cut yet"), "$text-muted")
        parts = [
            n_("{n} size", "{n} sizes", len(self.rows)),
            _("{share:.1%} cut away").format(share=self.lost),
        ]
        if self.batch_size > 1:
            batches = sum(row.batches for row in self.rows.values())
            said = n_("{n} batch of {{size}}", "{n} batches of {{size}}", batches)
            parts.append(said.format(size=self.batch_size))
        elif self.enlarged:
            parts.append(n_("{n} enlarged", "{n} enlarged", self.enlarged))
        state = (_("decided"), "$text-success")
        if not self.decided or touched:
            state = (_("x decides it so"), "$text-accent")
        elif undecided:
            said = n_("x decides {n} picture", "x decides {n} pictures", undecided)
            state = (said, "$text-accent")
        return Content.assemble(" · ".join(parts), " · ", state)

    def alike(
        self, name: str, marked: Collection[str], listed: Iterable[str]
    ) -> dict[str, list[str]]:
        """Other pictures to which a picture's box may be given, in groups; no empty ones."""
        size = size_of(self.uses[name])
        groups = {
            "marked": [other for other in self.uses if other in marked],
            "same": [other for other, use in self.uses.items() if size_of(use) == size],
            "listed": [other for other in listed if other in self.uses],
        }
        others = {key: [one for one in names if one != name] for key, names in groups.items()}
        return {key: names for key, names in others.items() if names}

    def choices(self, name: str, groups: dict[str, list[str]]) -> list[Choice]:
        """These groups as lines that say how many it would be."""
        size = called(size_of(self.uses[name]))
        many = {key: len(names) for key, names in groups.items()}
        same = n_(
            "{n} other picture of {{size}}", "{n} other pictures of {{size}}", many.get("same", 0)
        )
        texts = {
            "marked": n_(
                "{n} other marked picture", "{n} other marked pictures", many.get("marked", 0)
            ),
            "same": same.format(size=size),
            "listed": n_(
                "{n} other picture in this list",
                "{n} other pictures in this list",
                many.get("listed", 0),
            ),
        }
        part = _("the same part of each, at its own shape")
        notes = {"marked": part, "same": _("exactly this box"), "listed": part}
        return [Choice(key, texts[key], notes[key]) for key in groups]

    def given(self, name: str, others: Iterable[str]) -> dict[str, Crop]:
        """The crops of these pictures when they get the box of one."""
        use, cutter = self.uses[name], Cutter(self.target)
        crops = {}
        for other in others:
            crop = hand.like(use.picture, use.crop, self.uses[other].picture, cutter)
            crops[other] = Crop(crop.box, crop.width, crop.height, hand.BY_HAND)
        return crops


def _cells(called: str, pictures: int, lost: float, enlarged: int, batches: int) -> Sequence[Cell]:
    return called, str(pictures), f"{lost:.0%}", str(enlarged or "–"), str(batches)


def called(bucket: Bucket) -> str:
    """A size as it stands in a line."""
    return f"{bucket[0]}×{bucket[1]}"


def size_of(use: tally.Use) -> Bucket:
    """Width and height of the picture itself."""
    return use.picture.width, use.picture.height
