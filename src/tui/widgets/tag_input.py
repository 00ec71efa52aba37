"""A line in which tags are typed, with completion of the one at the cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dataprep.captions import entries
from dataprep.tagquery.completion import Completion
from dataprep.tagwords import Word, note, segment
from tui.widgets.completing import Completing

Words = Callable[[str], Sequence[Word]]
"""Tags that may be meant by what is typed of one."""


class TagInput(Completing):
    """Tags with commas between them, or where not ``several`` one; ``tags`` has them."""

    def __init__(
        self,
        complete: Words,
        id: str,
        value: str = "",
        several: bool = True,
        placeholder: str = "",
    ) -> None:
        super().__init__(self._offer, id, value, placeholder)
        self._words = complete
        self._several = several

    @property
    def tags(self) -> list[str]:
        """What stands between the commas."""
        return entries(self.value)

    def _offer(self, text: str, cursor: int) -> list[Completion]:
        start, end = segment(text, cursor) if self._several else (0, len(text))
        needle = text[start:cursor].strip()
        if not needle:
            return []
        more = ", " if self._several and end == len(text) else ""
        # what stands there whole already is no proposal
        whole = text[start:end].strip()
        return [
            Completion(word.tag + more, start, end, shown(word), note(word))
            for word in self._words(needle)
            if word.tag != whole
        ]


def shown(word: Word) -> str:
    """A tag as it is offered: with the spelling that led to it."""
    return f"{word.alias} → {word.tag}" if word.alias else word.tag
