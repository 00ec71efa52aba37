"""Keeping and rejecting pictures, as changes for the journal."""

from __future__ import annotations

from collections.abc import Sequence

from dataprep.dataset import Dataset
from dataprep.decisions import Verdict, encode
from dataprep.journal import Change


def changes(dataset: Dataset, name: str, verdict: Verdict, why: str = "") -> list[Change]:
    """Verdict and reason of a picture; of one that is left open neither is kept."""
    decided = verdict != "undecided"
    return [
        dataset.decision_change(name, "verdict", encode(verdict) if decided else None),
        dataset.decision_change(name, "why", encode(why) if decided and why else None),
    ]


def title(verdict: Verdict, names: Sequence[str], what: str = "") -> str:
    """What such an edit is called; ``what``: by what else than their names they were chosen."""
    which = names[0] if len(names) == 1 else f"{len(names)} pictures"
    return f"{verdict} {which}" + (f" ({what})" if what else "")
