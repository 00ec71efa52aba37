"""Files of sample prompts: kohya's text with a prompt a line, its JSON and its TOML."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from dataprep.errors import UsageError
from train.compat import encoding
from train.compat.foreign import exists
from train.compat.report import Left
from train.compat.translation import Translation
from train.compat.values import is_unset, shown

ENDINGS = (".txt", ".json", ".toml")
OPTIONS: Mapping[str, str] = {
    "negative_prompt": "n",
    "width": "w",
    "height": "h",
    "seed": "d",
    "sample_steps": "s",
    "scale": "l",
}
"""Keys of a prompt in JSON and TOML, and the letters that stand for them in a line."""


def read(sheet: Translation) -> list[str]:
    """The prompts that ``sample_prompts`` names or is; a file that is not there is reported."""
    given = sheet.get("sample_prompts", str)
    lines = [line for line in given.splitlines() if line.strip()]
    if len(lines) == 1 and lines[0].strip().endswith(ENDINGS):
        return _file(sheet, lines[0].strip())
    return _kept(sheet, lines)


def _file(sheet: Translation, name: str) -> list[str]:
    path = sheet.source.beside(name)
    if not exists(path) or not path.is_file():
        sheet.refuse("sample_prompts", f"there is no file {shown(name)}")
        return []
    content = encoding.read(path).text
    try:
        if name.endswith(".txt"):
            return _kept(sheet, content.splitlines())
        entries = _listed(json.loads(content) if name.endswith(".json") else _toml(content))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: no sample prompts ({error})") from None
    return _kept(sheet, [_line(entry) for entry in entries])


def _toml(content: str) -> Any:
    """[prompt] holds what is common, [[prompt.subset]] each prompt."""
    common = tomllib.loads(content).get("prompt", {})
    if not isinstance(common, dict):
        raise ValueError("prompt is no table")
    subsets = _listed(common.pop("subset", [{}]))
    return [{**common, **subset} for subset in subsets]


def _listed(entries: Any) -> list[dict[str, Any]]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("not a list of prompts")
    return entries


def _line(entry: Mapping[str, Any]) -> str:
    words = [str(entry.get("prompt", ""))]
    for key, value in entry.items():
        if key != "prompt" and not is_unset(value):
            words.append(f"--{OPTIONS.get(key, key)} {value}")
    return " ".join(words)


def _kept(sheet: Translation, lines: list[str]) -> list[str]:
    """Lines without comments, and without options that only sd-scripts has."""
    prompts = []
    for line in lines:
        if not line.strip() or line.strip().startswith("#"):
            continue
        prompt, *options = re.split(r"\s+--(?=[A-Za-z_]+\b)", line.strip())
        kept = [prompt]
        for option in options:
            name = option.split()[0]
            if name in OPTIONS.values():
                kept.append(option)
            else:
                left = Left(f"sample_prompts --{shown(name)}", "samples have no such option")
                sheet.refused += [left] if left not in sheet.refused else []
        prompts.append(" --".join(kept))
    return prompts
