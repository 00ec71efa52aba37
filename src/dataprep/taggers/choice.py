"""From a tagger's scores to the tags of a caption."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from dataprep.captions import spaced, tag_key
from dataprep.vocabulary import Entry

Floats = npt.NDArray[np.floating]
Ids = npt.NDArray[np.unsignedinteger]


class Choice:
    """Which scores become tags: built once for a model and its thresholds, used for every picture.

    Tags keep the model's own order, not that of their scores: two pictures that share tags then
    share their order, and a caption does not shuffle when a threshold moves. Ratings are left
    out, and so are the ``undesired`` tags, whichever way they are spelled.
    """

    def __init__(
        self,
        tags: Sequence[Entry],
        general: float,
        character: float,
        undesired: Iterable[str] = (),
    ) -> None:
        least = {"general": general, "character": character}
        unwanted = {tag_key(tag) for tag in undesired}
        self._names = [spaced(entry.tag) for entry in tags]
        self._least = np.array(
            [
                np.inf if tag_key(name) in unwanted else least.get(entry.category, np.inf)
                for name, entry in zip(self._names, tags, strict=True)
            ],
            np.float32,
        )

    def tags(self, ids: Ids, scores: Floats) -> list[str]:
        """The tags among ``scores`` (n,) of the vocabulary's entries ``ids`` (n,), in its order."""
        chosen = ids[scores.astype(np.float32) >= self._least[ids]]
        return [self._names[index] for index in np.sort(chosen)]


def select(
    scores: Floats,
    tags: Sequence[Entry],
    general: float,
    character: float,
    undesired: Iterable[str] = (),
) -> list[str]:
    """The tags of one picture whose scores are given for the whole vocabulary, shape (tags,)."""
    everything = np.arange(len(tags), dtype=np.uint32)
    return Choice(tags, general, character, undesired).tags(everything, scores)
