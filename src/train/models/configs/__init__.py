"""The shapes of each family's parts, for bases in one file.

The JSON files hold what the config.json files of a diffusers folder would say.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from train.families import Family
from train.models.where import part_config

SCHEDULER = "scheduler"


def config_of(family: Family, part: str, folder: Path | None = None) -> dict[str, Any]:
    """The config of ``unet``, ``vae``, ``text_encoder``, ``text_encoder_2`` or ``scheduler``.

    ``folder`` is a diffusers folder that says otherwise than what is usual for the family. Raises
    ``DataprepError`` when it lacks the part.
    """
    if folder is not None:
        file = "scheduler_config.json" if part == SCHEDULER else "config.json"
        return part_config(str(folder), part, file)
    return dict(_bundled(family)[part])


@cache
def _bundled(family: Family) -> dict[str, Any]:
    text = (files(__name__) / f"{family}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
