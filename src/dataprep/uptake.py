"""Did the trigger word take up what was pruned? Counted with a tagger on samples.

A sample is drawn for the trigger alone, with fixed seeds, with and without the LoRA. The share
of pruned tags a tagger finds in it is the uptake: low for the base model, high for a LoRA that
learned its concept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dataprep.captions import tag_key


@dataclass(frozen=True, slots=True)
class Sample:
    """One drawn picture and the tags found in it."""

    lora: str
    prompt: str
    seed: int
    path: str
    tags: tuple[str, ...]


def recall(found: Iterable[Iterable[str]], wanted: Sequence[str]) -> float:
    """The share of ``wanted`` tags that appear, averaged over samples; 0..1, 0 for no sample."""
    keys = {tag_key(tag) for tag in wanted}
    shares = [len(keys & {tag_key(tag) for tag in tags}) / len(keys) for tags in found if keys]
    return sum(shares) / len(shares) if shares else 0.0


def of(samples: Iterable[Sample], lora: str, prompt: str, wanted: Sequence[str]) -> float:
    """Recall of ``wanted`` over the samples of one LoRA and one prompt."""
    return recall((s.tags for s in samples if (s.lora, s.prompt) == (lora, prompt)), wanted)


def sentence(trigger: str, base: float, lora: float) -> str:
    """The result as one line."""
    return (
        f'trigger "{trigger}": {base:.0%} → {lora:.0%} of pruned tags appear '
        "when only the trigger is prompted"
    ).replace("%", " %")
