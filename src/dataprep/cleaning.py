"""Groups of like pictures as a person goes through them: which one stays, and what is decided.

A group's state is read from the verdicts alone, so that an undo, a restart and another program
all mean the same. Pure but for the changes, which ask the project what stands there now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from dataprep.decisions import Verdict, encode
from dataprep.journal import Change
from dataprep.similar import Other

if TYPE_CHECKING:
    from dataprep.dataset import Dataset

State = Literal["open", "settled", "kept"]
"""open: to be decided; settled: one stays and the others are rejected; kept: all of them stay."""
Because = Literal["hand", "larger", "sharper", "denser", "same"]
"""Why a picture is the best of its group: kept by hand, or by what it is ahead most."""


@dataclass(frozen=True, slots=True)
class Likes:
    """A group of pictures that show the same."""

    keep: str
    others: tuple[Other, ...]
    because: str = "same"
    sharpness: Mapping[str, float] = field(default_factory=dict)
    """By name, of those that were looked at."""

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, the proposed one first."""
        return (self.keep, *(other.name for other in self.others))


def read_groups(facts: Mapping[str, Any]) -> list[Likes]:
    """The groups out of the facts of a ``dedupe`` report, as they are or come back from JSON."""
    reasons, sharpness = facts.get("because", {}), facts.get("sharpness", {})
    groups = []
    for group in facts["groups"]:
        others = tuple(Other(o["name"], o["distance"], o["kind"]) for o in group["others"])
        names = (group["keep"], *(other.name for other in others))
        sharp = {name: sharpness[name] for name in names if name in sharpness}
        groups.append(Likes(group["keep"], others, reasons.get(group["keep"], "same"), sharp))
    return groups


def present(groups: Iterable[Likes], names: Mapping[str, object]) -> list[Likes]:
    """The groups of which no picture has gone since."""
    return [group for group in groups if all(name in names for name in group.names)]


def state(group: Likes, verdicts: Mapping[str, Verdict]) -> tuple[State, str]:
    """How far a group is, and which picture of it stays: while it is open, the proposed one."""
    alive = [name for name in group.names if verdicts.get(name) != "reject"]
    if len(alive) <= 1:
        return "settled", alive[0] if alive else ""
    if all(verdicts.get(name) == "keep" for name in alive):
        return "kept", alive[0]
    return "open", group.keep if group.keep in alive else alive[0]


def likeness(other: Other) -> str:
    """How a copy is like the best, as a reason: "exact", "like it: distance 3"."""
    if other.kind == "exact":
        return "exact"
    word = "like it" if other.kind == "near" else other.kind
    return f"{word}: distance {other.distance}"


def settle(dataset: Dataset, group: Likes, keep: str) -> list[Change]:
    """Keep one picture of a group and reject the others.

    One that was chosen against the proposal is kept by name, so that later runs keep to it.
    """
    copies = {other.name: other for other in group.others}
    changes = []
    for name in group.names:
        if name == keep:
            chosen = "keep" if name != group.keep else _unless_rejected(dataset, name)
            changes += verdict(dataset, name, chosen, "")
            continue
        # the distances are those to the proposed one
        how = f" ({likeness(copies[name])})" if keep == group.keep and name in copies else ""
        changes += verdict(dataset, name, "reject", f"duplicate of {keep}{how}")
    return changes


def keep_all(dataset: Dataset, group: Likes) -> list[Change]:
    """Keep every picture of a group: they are no duplicates, also for later runs."""
    return [change for name in group.names for change in verdict(dataset, name, "keep", "")]


def verdict(dataset: Dataset, name: str, value: Verdict, why: str) -> list[Change]:
    """The changes that give a picture a verdict and its reason; "undecided" takes both away."""
    decided = value != "undecided"
    return [
        dataset.decision_change(name, "verdict", encode(value) if decided else None),
        dataset.decision_change(name, "why", encode(why) if decided and why else None),
    ]


def _unless_rejected(dataset: Dataset, name: str) -> Verdict:
    """The verdict of one that stays: what it is, but for a rejection, which falls."""
    known = dataset.store.decision(name, "verdict")
    return "keep" if known == encode("keep") else "undecided"


def fingerprint(parts: Iterable[str]) -> str:
    """A short digest of what a result was found in; another one means: something has changed."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()
