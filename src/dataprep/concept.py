"""What the project knows of its concept: the trigger word and the tags it stands for."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from dataprep.decisions import encode
from dataprep.journal import PROJECT
from dataprep.store import Store

KEY = "concept"


@dataclass(frozen=True, slots=True)
class Concept:
    """The trigger word, and the tags that were pruned so that it takes them up."""

    trigger: str = ""
    pruned: tuple[str, ...] = ()


def read(store: Store) -> Concept:
    """The project's concept; empty when nothing was pruned yet."""
    text = store.decision(PROJECT, KEY)
    if text is None:
        return Concept()
    value = json.loads(text)
    return Concept(value["trigger"], tuple(value["pruned"]))


def encoded(concept: Concept) -> str:
    """A concept as stored text."""
    return encode(asdict(concept))
