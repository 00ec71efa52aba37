"""A pasted command into words: bash, PowerShell and cmd, with their line ends, quotes and paths."""

from __future__ import annotations

import re
from collections.abc import Iterator

CONTINUED = "\\`^"
"""What stands at the end of a line that goes on: bash, PowerShell, cmd."""
COMMENTS = ("#", "::", "REM ", "rem ")
ENDS = ("&&", "||", "|", ";", "&", ">", ">>", "2>&1", "2>")
"""Words that end a command."""
DRIVE = re.compile(r"^(?:-*[\w.]+=)?[\"']?(?:[A-Za-z]:|\\\\|\.{1,2})\\")
"""The beginning of a path of Windows, in which a backslash escapes nothing, a quote neither."""


def commands(text: str) -> Iterator[str]:
    """The lines of a text, those that go on joined; comments left out.

    A line that begins with an option goes on the one before, even where the mark was lost.
    """
    parts: list[str] = []
    goes_on = False
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith(COMMENTS):
            goes_on = goes_on and bool(stripped)
            continue
        if parts and not goes_on and not stripped.startswith(("-", "–", "—")):
            yield " ".join(parts)
            parts = []
        goes_on = _goes_on(stripped)
        parts.append(stripped[:-1].rstrip() if goes_on else stripped)
    if parts:
        yield " ".join(parts)


def _goes_on(line: str) -> bool:
    if not line.endswith(tuple(CONTINUED)):
        return False
    words = line.split()
    return len(words[-1]) == 1 or not (line[-1] == "\\" and DRIVE.match(words[-1]))


def split(command: str) -> list[str]:
    """The words of a command, quotes taken off. Raises ``ValueError`` for an open quote."""
    words: list[str] = []
    word, quote, started = "", "", False
    position = 0
    while position < len(command):
        char = command[position]
        following = command[position + 1 : position + 2]
        if quote:
            if char == quote:
                quote = ""
            elif char == "\\" and following == quote and not DRIVE.match(word + char):
                word, position = word + quote, position + 1
            else:
                word += char
        elif char in "\"'":
            quote, started = char, True
        elif char.isspace():
            if word or started:
                words.append(word)
            word, started = "", False
        elif char == "\\" and following and following in " \"'" and not DRIVE.match(word + char):
            word, position = word + following, position + 1
        else:
            word += char
        position += 1
    if quote:
        raise ValueError(f"a quote {quote} is not closed")
    return [*words, word] if word or started else words


def until_end(words: list[str]) -> list[str]:
    """The words up to what would be another command or a file for the output."""
    for number, word in enumerate(words):
        if word in ENDS:
            return words[:number]
    return words
