"""The XY grid: a column per LoRA, a row per prompt and seed, with scores above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from dataprep import files

PAPER, INK, FAINT, BEST = "#fbfaf7", "#2b2b33", "#8a8a94", "#1f8a5b"
GAP, HEAD, FOOT = 6, 44, 22


def save_grid(
    path: Path,
    columns: Sequence[tuple[str, str]],
    rows: Sequence[tuple[str, int]],
    cells: Mapping[tuple[str, str, int], Path],
    best: str = "",
) -> None:
    """Write the grid as PNG.

    ``columns`` are (LoRA name, score text), ``rows`` (prompt, seed), ``cells`` picture paths by
    (LoRA, prompt, seed); the column called ``best`` is marked. A row's prompt is written above
    its first seed.
    """
    with Image.open(next(iter(cells.values()))) as first:
        width, height = first.size
    tops, total = _row_tops(rows, height)
    canvas = Image.new("RGB", (GAP + len(columns) * (width + GAP), total), PAPER)
    draw = ImageDraw.Draw(canvas)
    for place, (name, score) in enumerate(columns):
        _head(draw, GAP + place * (width + GAP), width, name, score, name == best)
    prompts = [prompt for prompt, _ in rows]
    for (prompt, seed), top in zip(rows, tops, strict=True):
        if rows[prompts.index(prompt)] == (prompt, seed):
            _line(draw, (GAP, top - FOOT + 3), prompt, FAINT, 13, canvas.width - 2 * GAP)
        for place, (name, _) in enumerate(columns):
            with Image.open(cells[name, prompt, seed]) as picture:
                canvas.paste(picture, (GAP + place * (width + GAP), top))
    files.save(path, lambda temp: canvas.save(temp, "PNG"))


def _row_tops(rows: Sequence[tuple[str, int]], height: int) -> tuple[list[int], int]:
    """Where each row begins, and the height of the whole, in pixels."""
    tops, top, last = [], HEAD, None
    for prompt, _ in rows:
        if prompt != last:
            top, last = top + FOOT, prompt
        tops.append(top)
        top += height + GAP
    return tops, top


def _head(
    draw: ImageDraw.ImageDraw, left: int, width: int, name: str, score: str, best: bool
) -> None:
    colour = BEST if best else INK
    _line(draw, (left, 6), name, colour, 15, width)
    _line(draw, (left, 26), score, colour, 13, width)


def _line(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    colour: str,
    size: int,
    width: int,
) -> None:
    """One line of text, cut with an ellipsis where it does not fit."""
    font = ImageFont.load_default(size)
    while text and draw.textlength(text, font) > width:
        text = text[:-2].rstrip() + "…" if len(text) > 2 else ""
    draw.text(place, text, fill=colour, font=font)
