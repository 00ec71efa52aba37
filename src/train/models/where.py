"""Finding a base model's files, and what their errors are in a person's words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataprep.errors import DataprepError
from dataprep.inference import first_line
from dataprep.weights import hub_snapshot, is_offline

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
KEY = "pretrained_model_name_or_path"
HALF = "fp16"
"""How diffusers calls the half-precision twin of a weights file."""
ENDINGS = (".safetensors", ".bin", ".safetensors.index.json", ".bin.index.json")


def is_file(name: str, key: str = KEY) -> bool:
    """Whether a model is one file. Raises ``DataprepError`` for a name that is nothing.

    ``key`` is the setting that names it.
    """
    path = Path(name)
    if not path.exists() and not HUB_NAME.fullmatch(name):
        raise DataprepError(
            f"{name}: no such model",
            f"{key} is a diffusers folder, a .safetensors or .ckpt file, or a name on the Hub",
        )
    if not path.exists() and path.suffix in (".safetensors", ".ckpt"):
        raise DataprepError(f"{name}: no such file", f"{key} names it")
    return path.is_file()


def part_config(name: str, part: str, file: str = "config.json") -> dict[str, Any]:
    """The config of one part of a diffusers folder or of a model on the Hub."""
    if Path(name).is_dir():
        return read_json(Path(name) / part / file)
    from huggingface_hub import hf_hub_download

    with explained(name):
        offline = is_offline()
        return read_json(Path(hf_hub_download(name, f"{part}/{file}", local_files_only=offline)))


def read_json(path: Path) -> dict[str, Any]:
    """An object out of a JSON file. Raises ``DataprepError``."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataprepError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise DataprepError(f"{path}: not JSON ({first_line(error)})") from None
    if not isinstance(found, dict):
        raise DataprepError(f"{path}: not a config")
    return found


def variant(name: str, part: str, stem: str) -> str | None:
    """``fp16`` where a part's weights lie here in half precision only; else None."""
    folder = Path(name) if Path(name).is_dir() else hub_snapshot(name)
    if folder is None or any((folder / part / f"{stem}{end}").exists() for end in ENDINGS):
        return None
    halves = (folder / part / f"{stem}.{HALF}{end}" for end in ENDINGS[:2])
    return HALF if any(path.exists() for path in halves) else None


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn what the libraries raise for missing or broken files into one sentence."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        where = "a file of the model is missing or broken"
        if not Path(name).exists():
            where = "no such folder here, and it could not be had from the Hub"
        raise DataprepError(f"{name}: {where}", first_line(error)) from None
