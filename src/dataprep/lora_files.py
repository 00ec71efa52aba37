"""LoRA files by their headers: which of a folder's files belong to the last run."""

from __future__ import annotations

import json
import re
from pathlib import Path

STARTED = "ss_training_started_at"
HEADER_LIMIT = 100_000_000
"""No header is longer (bytes); safetensors sets the same limit."""


def metadata(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file, read from its header alone; empty when it has none.

    Format: 8 bytes little-endian length, then JSON with ``__metadata__``.
    """
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = stream.read(length) if length <= HEADER_LIMIT else b""
    try:
        return dict(json.loads(header).get("__metadata__", {}))
    except (ValueError, AttributeError):
        return {}


def of_last_run(folder: Path, name: str) -> dict[str, Path]:
    """What the newest training run of this name saved: "epoch 2", "step 12", … and "last".

    Files of an older, longer run with the same name lie there as well; their start differs.
    """
    kinds = {"": "last", "-": "epoch", "-step": "step"}
    pattern = re.compile(rf"{re.escape(name)}(?:(-|-step)(\d+))?")
    found: list[tuple[int, str, Path]] = []
    for path in folder.glob("*.safetensors"):
        if match := pattern.fullmatch(path.stem):
            kind, number = kinds[match[1] or ""], int(match[2] or 0)
            place = {"epoch": 0, "step": 1, "last": 2}[kind]
            label = "last" if kind == "last" else f"{kind} {number}"
            found.append((place * 10**9 + number, label, path))
    if not found:
        return {}
    newest = max(metadata(path).get(STARTED, "") for _, _, path in found)
    return {
        label: path for _, label, path in sorted(found) if metadata(path).get(STARTED, "") == newest
    }
