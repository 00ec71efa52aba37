"""What the Tag room knows: the taggers, what was chosen, what captions would be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.rooms.tag_choices import Choices
from tui.rooms.tag_looks import Look, defaults_of
from tui.state import Project
from tui.widgets.slider import USUAL, Threshold
from tui.words import N_

if TYPE_CHECKING:
    from dataprep.candidates import Candidate
    from dataprep.vocabulary import Category
    from dataprep.whatif import Answer, Shift

CATEGORIES: dict[Category, str] = {
    "general": N_("general"),
    "character": N_("character"),
    "copyright": N_("copyright"),
    "artist": N_("artist"),
    "meta": N_("meta"),
}
"""Those whose threshold can be moved."""
UNASKED = ("artist", "meta")
"""Written only where a threshold is given."""


@dataclass(slots=True)
class TagState:
    """Read by the room when it draws."""

    choices: Choices = field(default_factory=Choices)
    models: dict[str, Candidate] = field(default_factory=dict)
    """By name; empty: they have not been asked for yet."""
    look: Look | None = None
    """None: it is being read."""
    answer: Answer | None = None
    """None: it is being counted."""
    compared: bool = False
    """Whether compared is with the model's own thresholds, and not with the captions."""
    bare: int = 0
    """Pictures without a caption."""

    def count_bare(self, project: Project) -> None:
        """Look which pictures have no caption."""
        self.bare = sum(
            not row.caption and not row.problem and row.decisions.verdict != "reject"
            for row in project.rows.values()
        )

    @property
    def chosen(self) -> list[Candidate]:
        """The taggers that are chosen."""
        return [self.models[name] for name in self.choices.models if name in self.models]

    @property
    def missing(self) -> list[Candidate]:
        """Those of them that are not on this machine."""
        return [one for one in self.chosen if not one.is_here]

    @property
    def whole(self) -> bool:
        """Whether captions that are there are written too."""
        # without the model there is but retag, which writes all
        return self.choices.writes_all(self.bare) or (self.scored and bool(self.missing))

    @property
    def scored(self) -> bool:
        """Whether the chosen taggers have seen pictures, so that thresholds can be weighed."""
        return self.look is not None and self.look.scored

    @property
    def lacking(self) -> int:
        """Captions to be written for which a model must run."""
        return self.answer.lacking if self.answer else 0

    @property
    def verb(self) -> str:
        """The stage to run: the model is left alone where all is scored."""
        return "retag" if self.scored and not self.lacking and self.whole else "tag"

    def values(self, verb: str = "tag") -> dict[str, Any]:
        """The settings of a stage; what would be written is counted with those of ``tag``."""
        again = verb == "retag"
        return self.choices.values(defaults_of(verb), again=again, whole=self.whole)

    @property
    def against(self) -> dict[str, Any] | None:
        """The settings that captions are compared with; None: with the captions there are."""
        if not self.compared:
            return None
        return {name: value for name, value in self.values().items() if name not in CATEGORIES}

    def threshold(self, category: Category) -> Threshold:
        """What the slider of a category shows."""
        choices, look, answer = self.choices, self.look, self.answer
        return Threshold(
            choices.get(category, None),
            self._own(category),
            category in choices.get("off", ()),
            look.counts.get(category, ()) if look else (),
            look.cuts.get(category) if look else None,
            bool(choices.get("mcut", False)),
            answer.each.get(category, 0.0) if answer else None,
        )

    def _own(self, category: Category) -> float | None:
        """The model's own threshold; None where it writes nothing of the category unasked."""
        if category in UNASKED or not self.chosen:
            return None
        return self.chosen[0].thresholds.get(category, USUAL)

    def threshold_of(self, tag: str) -> float | None:
        """From which score a tag is taken; None: no single one says it."""
        category = self.look.index.category_of(tag) if self.look else None
        if category is None or self.choices.get("mcut", False):
            return None
        return self.threshold(category).effective

    def filter_for(self, shift: Shift, *, appears: bool) -> str:
        """A filter for the pictures whose caption would get a tag, or lose it."""
        from dataprep.whatif.filters import affected

        # the one that ran last stands first, and is meant without a name
        last = list(self.models.values())[:1] == self.chosen
        named = "" if last else Path(self.choices.models[0]).name
        at = self.threshold_of(shift.tag)
        return affected(shift.tag, appears=appears, threshold=at, tagger=named)


def shifts_of(answer: Answer | None, side: str) -> Sequence[Shift]:
    """The tags that appear, or those that vanish."""
    if answer is None:
        return ()
    return answer.appear if side == "appear" else answer.vanish
