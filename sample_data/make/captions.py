"""Captions for training the demo base, and their tokens."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch
from transformers import CLIPTokenizer

from .data import NAMES, names_of
from .words import LENGTH, prompt_of
from .world import RATING, VOCABULARY

RATINGS = frozenset(tag.name for tag in VOCABULARY if tag.category == RATING)
FIRST = ("1girl", "solo")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
# No tag is meant at this position: the value that cross_entropy leaves out.
NO_TAG = -100


def visible_tags(row: np.ndarray) -> list[str]:
    """The tags a prompt is made of: all but the rating."""
    return [name for name in names_of(row) if name not in RATINGS]


def varied(tags: list[str], rng: random.Random) -> list[str]:
    """The tags as people caption: some left out, in any order, sometimes with an unknown name.

    The unknown name teaches the model that such a word can mean anyone, so that a new trigger
    word starts out neutral instead of untrained.
    """
    if rng.random() < 0.1:
        return []
    keep = rng.uniform(0.5, 1.0)
    kept = [tag for tag in tags if rng.random() < keep]
    if rng.random() < 0.5:
        rng.shuffle(kept)
        kept.sort(key=lambda tag: tag not in FIRST)
    if rng.random() < 0.15:
        kept.insert(0, "".join(rng.choices(LETTERS, k=rng.randint(3, 7))))
    return kept


def caption(tags: list[str]) -> str:
    """The tags as a line of prompt."""
    return ", ".join(prompt_of(tag) for tag in tags)


class Tokens:
    """Captions to the fixed-length token rows that the text encoder reads."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = CLIPTokenizer.from_pretrained(folder)
        self.known = {name: number for number, name in enumerate(NAMES)}
        self.memory: dict[str, list[int]] = {}

    def rows(self, captions: list[list[str]]) -> torch.Tensor:
        """The token rows, padded as diffusers pads prompts."""
        return torch.tensor([self._row(tags)[0] for tags in captions])

    def labelled(self, captions: list[list[str]]) -> tuple[torch.Tensor, torch.Tensor]:
        """The token rows, and which tag each tag's last word and comma belong to."""
        pairs = [self._row(tags) for tags in captions]
        return torch.tensor([row for row, _ in pairs]), torch.tensor([told for _, told in pairs])

    def _row(self, tags: list[str]) -> tuple[list[int], list[int]]:
        row, told = [self.tokenizer.bos_token_id], [NO_TAG]
        for place, tag in enumerate(tags):
            piece = self._piece(prompt_of(tag) + ("," if place + 1 < len(tags) else ""))
            row += piece
            number = self.known.get(tag, NO_TAG)
            told += [NO_TAG] * (len(piece) - 2) + [number] * min(2, len(piece))
        row, told = row[: LENGTH - 1], told[: LENGTH - 1]
        room = LENGTH - len(row)
        return row + [self.tokenizer.eos_token_id] * room, told + [NO_TAG] * room

    def _piece(self, text: str) -> list[int]:
        """Pieces do not depend on their neighbours, so each is tokenized once."""
        if text not in self.memory:
            self.memory[text] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return self.memory[text]
