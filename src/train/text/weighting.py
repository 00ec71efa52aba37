"""Weights in captions, as A1111 reads them in prompts. Pure.

``(tag)`` is 1.1 times as strong and ``[tag]`` as much weaker, ``(tag:1.3)`` 1.3 times; brackets
within brackets multiply. A backslash makes a bracket a letter.
"""

from __future__ import annotations

import re

STEP = 1.1
"""What a pair of round brackets multiplies by, and a pair of square ones divides by."""
MARKS = re.compile(
    r"\\(?P<letter>[()\[\]\\]?)|(?P<mark>[(\[\])])|:(?P<weight>[+-]?(?:\d+\.?\d*|\.\d+))\)"
)
CLOSING = {")": ("(", STEP), "]": ("[", 1 / STEP)}


def weighted(text: str) -> list[tuple[str, float]]:
    """The pieces of a text with the weight of each, in order; neighbours differ in weight.

    A bracket that is never closed reaches to the end; one that was never opened is a letter, as is
    a weight without brackets. A backslash before anything else is left out.
    """
    pieces: list[tuple[str, float]] = []
    opened: list[tuple[str, int]] = []
    end = 0
    for found in MARKS.finditer(text):
        pieces.append((text[end : found.start()], 1.0))
        end = found.end()
        mark, (closes, factor) = found["mark"], _closing(found)
        begin = _begin_of(closes, opened)
        if mark in ("(", "["):
            opened.append((mark, len(pieces)))
        elif begin is not None:
            pieces[begin:] = [(piece, weight * factor) for piece, weight in pieces[begin:]]
        else:
            pieces.append((_literal(found), 1.0))
    pieces.append((text[end:], 1.0))
    for mark, begin in opened:
        factor = STEP if mark == "(" else 1 / STEP
        pieces[begin:] = [(piece, weight * factor) for piece, weight in pieces[begin:]]
    return _merged(pieces)


def _closing(found: re.Match[str]) -> tuple[str, float]:
    """The bracket that a mark closes, with its factor; an empty one when it closes none."""
    if found["weight"] is not None:
        return "(", float(found["weight"])
    return CLOSING.get(found["mark"] or "", ("", 1.0))


def _begin_of(bracket: str, opened: list[tuple[str, int]]) -> int | None:
    """Where the last bracket of this kind was opened, which is then closed."""
    for place in range(len(opened) - 1, -1, -1):
        if opened[place][0] == bracket:
            return opened.pop(place)[1]
    return None


def _literal(found: re.Match[str]) -> str:
    """What a mark that marks nothing stands for: an escaped bracket without its backslash."""
    return found[0] if found["letter"] is None else found["letter"]


def _merged(pieces: list[tuple[str, float]]) -> list[tuple[str, float]]:
    merged: list[tuple[str, float]] = []
    for piece, weight in pieces:
        if not piece:
            continue
        if merged and merged[-1][1] == weight:
            merged[-1] = merged[-1][0] + piece, weight
        else:
            merged.append((piece, weight))
    return merged
