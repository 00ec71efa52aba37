"""How far the work on a project is, kind of work by kind of work: what the rail of the screens
and ``dataprep status`` say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from dataprep import concept
from dataprep.captions import split_tags, tag_key
from dataprep.decisions import Decisions
from dataprep.exporting.manifest import MANIFEST
from dataprep.files import modified
from dataprep.journal import Edit
from dataprep.looks import VERSION
from dataprep.recipes import training_folder
from dataprep.store import Picture

if TYPE_CHECKING:
    from dataprep.dataset import Dataset

State = Literal["todo", "part", "done", "stale"]
GRID = "grid.png"
NOTHING = Decisions()


@dataclass(frozen=True, slots=True)
class Standing:
    """One kind of work."""

    state: State = "todo"
    """stale: it was done, and what it was done from has changed since."""
    done: int = 0
    total: int = 0
    """Done of how many pictures; 0 of 0 where it is not about pictures."""
    problems: int = 0
    """Pictures that need a look."""
    optional: bool = False
    """Whether a project is complete without it."""

    def to_json(self) -> dict[str, object]:
        """Plain values for ``--json``."""
        return {
            "state": self.state,
            "done": self.done,
            "total": self.total,
            "problems": self.problems,
            "optional": self.optional,
        }


def standing(
    dataset: Dataset,
    pictures: Sequence[Picture],
    decisions: Mapping[str, Decisions],
    captions: Mapping[str, str],
) -> dict[str, Standing]:
    """Every kind of work by the name of its room, in the order of the work.

    ``captions`` and ``decisions`` are by picture; no picture is opened.
    """
    verdicts = {p.name: decisions.get(p.name, NOTHING).verdict for p in pictures}
    alive = [p for p in pictures if verdicts[p.name] != "reject"]
    good = [p for p in alive if not p.reason]
    bare = sum(not captions.get(p.name) for p in good)
    unreadable = len(alive) - len(good)
    looked = dataset.store.looked(VERSION)
    decided = sum(verdict != "undecided" for verdict in verdicts.values())
    return {
        "import": Standing("done" if pictures else "todo", problems=unreadable),
        "clean": _counted(sum(p.sha in looked for p in good), len(good), unreadable),
        "crop": _counted(
            sum(decisions.get(p.name, NOTHING).crop is not None for p in good), len(good)
        ),
        "background": _counted(
            sum(decisions.get(p.name, NOTHING).background is not None for p in good),
            len(good),
            optional=True,
        ),
        "tag": _tagged(dataset, good, decisions, bare),
        "prune": _pruned(dataset, [captions[p.name] for p in good if captions.get(p.name)]),
        "review": _counted(decided, len(pictures), bare + unreadable, optional=True),
        **_made(dataset),
    }


def next_of(standings: Mapping[str, Standing]) -> str:
    """The first kind of work that is still to be done; empty when all is."""
    return next(
        (name for name, one in standings.items() if one.state != "done" and not one.optional), ""
    )


def _counted(done: int, total: int, problems: int = 0, *, optional: bool = False) -> Standing:
    state: State = "todo" if not done else "done" if done == total else "part"
    return Standing(state, done, total, problems, optional)


def _tagged(
    dataset: Dataset, good: Sequence[Picture], decisions: Mapping[str, Decisions], bare: int
) -> Standing:
    """Stale where the tagger that ran last saw pictures as they are not rendered any more."""
    found = _counted(len(good) - bare, len(good))
    taggers = dataset.store.taggers()
    if not taggers or found.state != "done":
        return found
    scored = dataset.store.scored(taggers[-1].key)
    seen = {sha for sha, _ in scored}
    stale = any(
        p.sha in seen and (p.sha, decisions.get(p.name, NOTHING).render_key) not in scored
        for p in good
    )
    return Standing("stale", found.done, found.total) if stale else found


def _pruned(dataset: Dataset, captions: Sequence[str]) -> Standing:
    """Done where the trigger word is first in every caption and no pruned tag is left."""
    known = concept.read(dataset.store)
    if not known.trigger and not known.pruned:
        return Standing("todo", 0, len(captions))
    trigger, gone = tag_key(known.trigger), {tag_key(tag) for tag in known.pruned}
    right = 0
    for caption in captions:
        keys = [tag_key(tag) for tag in split_tags(caption)]
        right += keys[:1] == [trigger] * bool(trigger) and gone.isdisjoint(keys)
    return Standing("done" if right == len(captions) else "stale", right, len(captions))


def _made(dataset: Dataset) -> dict[str, Standing]:
    """What the training folder holds; each is stale when what it is made from is newer."""
    out = training_folder(dataset.root)
    exported = modified(out / MANIFEST)
    loras = [modified(path) for path in (out / "model").glob("*.safetensors")]
    trained, picked = max(loras, default=0.0), modified(out / GRID)
    return {
        "export": Standing(exported_state(dataset)),
        "train": Standing(_after(trained, exported), len(loras), len(loras)),
        "pick": Standing(_after(picked, trained)),
    }


def exported_state(dataset: Dataset) -> State:
    """Whether the training folder is written, and holds what is decided now."""
    exported = modified(training_folder(dataset.root) / MANIFEST)
    # an edit is noted to the second
    written = int(exported + 1) if exported else 0
    return _after(written, _edited(dataset.history(), written))


def _edited(edits: Sequence[Edit], written: float) -> float:
    """When what an export holds was edited last, or undone (seconds since 1970)."""
    last = 0.0
    for edit in edits:
        at = _seconds(edit.at)
        # what was made and undone since has changed nothing
        if edit.state == "done" or at <= written:
            last = max(last, _seconds(edit.turned) if edit.turned else at)
    return last


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def _after(made: float, source: float) -> State:
    if not made:
        return "todo"
    return "done" if made >= source else "stale"
