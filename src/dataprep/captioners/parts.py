"""What goes into a captioner and what comes out of it. Pure values."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

MOST_PIXELS = 1 << 20
"""Width times height that a chat model or a server is shown at most: costs grow with it."""
THOUGHT = "</think>"
"""What ends the part of an answer in which a model thinks aloud."""
CUT = "\ncut"
"""What marks a remembered text that ended because it ran into the limit: its second line."""


@dataclass(frozen=True, slots=True)
class Generation:
    """How words are chosen."""

    max_new_tokens: int
    beams: int = 1
    nucleus: bool = False
    """Words are drawn by chance; else the likeliest is taken."""
    top_p: float = 0.9
    temperature: float = 1.0
    seed: int = 0
    min_length: int = 0
    """Tokens a caption has at least; 0: as many as the model likes."""
    repetition_penalty: float = 0.0
    """0: the model's own."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One picture with the prompt that goes with it."""

    image: Image.Image
    """RGB."""
    prompt: str
    seed: int
    """Of this picture alone, so that neither order nor batch changes its text."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a captioner said of one picture."""

    text: str
    """One line."""
    cut: bool = False
    """Whether it ended because it ran into the limit."""
    problem: str = ""
    """Why there is no text; empty when there is one."""


def answered(text: str, cut: bool) -> Answer:
    """An answer out of a model's raw words: one line, without what it thought aloud before."""
    line = tidy(text)
    if not line:
        reason = "the limit came before the first word" if cut else "the model said nothing"
        return Answer("", cut, f"no caption: {reason}")
    return Answer(line, cut)


def tidy(text: str) -> str:
    """One line, blanks single. The part before ``</think>`` goes, an unfinished one altogether."""
    _, closed, rest = text.rpartition(THOUGHT)
    if not closed and text.lstrip().startswith("<think>"):
        return ""
    return " ".join(rest.split())


def remembered(answer: Answer) -> str:
    """An answer as the store keeps it."""
    return answer.text + (CUT if answer.cut else "")


def recalled(text: str) -> Answer:
    """An answer out of the store."""
    return Answer(text.removesuffix(CUT), text.endswith(CUT))


def seed_of(seed: int, *parts: str) -> int:
    """The seed of one picture: 63 bits out of the run's seed and what the picture is."""
    text = "\0".join((str(seed), *parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def shrunk(image: Image.Image, max_pixels: int) -> Image.Image:
    """A picture of at most so many pixels, of the same shape; smaller ones as they are."""
    width, height = image.size
    scale = (max_pixels / (width * height)) ** 0.5
    if scale >= 1:
        return image
    size = max(1, int(width * scale)), max(1, int(height * scale))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


Stop = Callable[[], bool]
"""Asked between words: whether to give up."""
