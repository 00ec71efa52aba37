"""Choices within a caption, ``{red|blue} hat``. Pure.

The syntax is sd-scripts': options between bars, and doubled braces for braces that are meant as
such. Beyond it choices may hold choices: ``{a {red|blue} hat|nothing}``.
"""

from __future__ import annotations

from collections.abc import Callable

Pick = Callable[[int, int], int]
"""(place of the choice in the caption, number of options) → which option, from 0."""


def expanded(text: str, pick: Pick) -> str:
    """The text with one option of each choice.

    ``{{`` is always a brace that is meant, ``}}`` is one unless two choices are open. A brace
    without its other half, and ``{}``, stay as they are.
    """
    # one row of options for the text itself and for each choice that is open
    rows: list[list[str]] = [[""]]
    places: list[int] = []
    opened = place = 0
    while place < len(text):
        letter, pair = text[place], text[place : place + 2]
        place += 1
        if pair == "{{" or (pair == "}}" and len(places) < 2):
            place += 1
            rows[-1][-1] += letter
        elif letter == "{":
            rows.append([""])
            places.append(opened)
            opened += 1
        elif letter == "|" and places:
            rows[-1].append("")
        elif letter == "}" and places:
            options, number = rows.pop(), places.pop()
            rows[-1][-1] += _chosen(options, number, pick)
        else:
            rows[-1][-1] += letter
    return "{".join("|".join(options) for options in rows)


def _chosen(options: list[str], number: int, pick: Pick) -> str:
    if options == [""]:
        return "{}"
    return options[pick(number, len(options))]
