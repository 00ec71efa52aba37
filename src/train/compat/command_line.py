"""A pasted ``accelerate launch … train_network.py --…``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dataprep.errors import UsageError
from train.compat.foreign import Foreign, Source
from train.compat.options import FLAGS, LISTS, full_name
from train.compat.report import Left
from train.compat.values import shown
from train.compat.words import commands, split, until_end

NAME = "a command line of sd-scripts"
SCRIPT = re.compile(r"[\w./\\:${}-]*?\b(\w*train\w*|fine_tune)\.py\b|\$\{?trainer_file\}?")
TRAINERS = ("train_network", "sdxl_train_network")
OPTION = re.compile(r"^(?:--|–|—)([A-Za-z]\w*)(?:=(.*))?$", re.DOTALL)
ANY_OPTION = re.compile(r"(--|–|—)\w")
VARIABLE = re.compile(
    r"^@?\$\{?(\w+)\}?$|\$\{(\w+)(?:\[@\])?\}|\$(\w+)|%(\w+)%",
)


def recognises(text: str) -> bool:
    """Whether a command that trains stands in a text, or only its options."""
    return find(text) is not None or text.lstrip().startswith(("--", "–", "—"))


def find(text: str) -> str | None:
    """The command that starts a trainer, as one line."""
    found = [
        line for line in commands(text) if SCRIPT.search(line) and re.search(r"(--|–|—)\w", line)
    ]
    return found[0] if found else None


def read(source: Source, variables: Mapping[str, str] | None = None) -> Foreign:
    """The options of the command; ``variables`` are put in. Raises ``UsageError``."""
    command = find(source.text) or " ".join(commands(source.text))
    _check_script(source, command)
    return options_of(source, _behind_script(command), variables or {})


def options_of(source: Source, command: str, variables: Mapping[str, str]) -> Foreign:
    """The options in a text that holds nothing else. Raises ``UsageError`` for an open quote."""
    try:
        words = until_end(split(command))
    except ValueError as error:
        raise UsageError(f"{source.path}: {error}") from None
    return _options(words, variables)


def _check_script(source: Source, command: str) -> None:
    script = SCRIPT.search(command)
    name = script.group(1) if script else None
    if name and name not in TRAINERS:
        raise UsageError(
            f"{source.path}: {name}.py is not what trains a LoRA for Stable Diffusion",
            "commands of train_network.py and sdxl_train_network.py are read",
        )


def _behind_script(command: str) -> str:
    """What follows the script's name; before it stand accelerate's own options."""
    script = SCRIPT.search(command)
    return command[script.end() :].lstrip("\"'") if script else command


def _options(words: list[str], variables: Mapping[str, str]) -> Foreign:
    options: dict[str, Any] = {}
    stray: list[str] = []
    ignored: list[Left] = []
    current = ""
    for word in words:
        match = OPTION.match(word)
        if match is not None:
            current = full_name(match.group(1))
            options[current] = current in FLAGS or ([] if current in LISTS else "")
            if match.group(2) is None:
                continue
            word = match.group(2)
        value = _filled(word, variables)
        if value is None:
            ignored += [] if match is None else [Left(current, f"{word} has no value here")]
        elif current in LISTS:
            options[current].append(value)
        elif (current and options[current] == "") or match is not None:
            options[current] = value
        else:
            stray.append(value)
    return Foreign(NAME, options, ignored=tuple(ignored), unknown=tuple(map(shown, stray)))


def _filled(word: str, variables: Mapping[str, str]) -> str | None:
    """A word with its variables put in; None when it is one that is not known here."""
    missing = False

    def value(match: re.Match[str]) -> str:
        nonlocal missing
        name = next(group for group in match.groups() if group)
        missing = missing or name not in variables
        return variables.get(name, "")

    filled = VARIABLE.sub(value, word)
    return None if missing else filled
