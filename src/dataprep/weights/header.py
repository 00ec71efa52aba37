"""What a safetensors file says of itself, read without a tensor library.

Format: eight bytes with the length of a JSON text (little endian), the text, then the numbers
(huggingface/safetensors, README, "Format").
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataprep.errors import DataprepError

LARGEST_HEADER = 100_000_000
"""The format's own limit, bytes."""
TAKEN_FOR_MODELS = {
    b"<": "a web page",
    b"version https://git-lfs": "a pointer of Git LFS",
    b"PK\x03\x04": "a torch or zip archive",
}
"""How files begin that often lie under a model's name, and what they are."""
AGAIN = "download it again, or name another file"


@dataclass(frozen=True, slots=True)
class Header:
    """Names, shapes and metadata of a file of weights."""

    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str] = field(default_factory=dict)
    step: int | None = None
    """How many steps it was trained, where a .ckpt says so (``global_step``)."""


def read_header(path: Path) -> Header:
    """The header of a .safetensors file. Raises ``DataprepError`` for what is none, or cut."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(64)
        length = struct.unpack("<Q", start[:8])[0] if len(start) >= 8 else 0
        if not 2 <= length <= min(LARGEST_HEADER, size):
            raise DataprepError(f"{path}: {_taken_for(start)}", AGAIN)
        file.seek(8)
        text = file.read(length)
    try:
        entries = json.loads(text)
        header, end = _parsed(entries)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataprepError(f"{path}: {_taken_for(start)}", AGAIN) from None
    if 8 + length + end > size:
        raise DataprepError(
            f"{path}: cut short ({size} bytes of {8 + length + end})", "download it again"
        )
    return header


def _parsed(entries: dict[str, Any]) -> tuple[Header, int]:
    """The header, and where the last tensor ends (bytes behind the text)."""
    metadata = entries.pop("__metadata__", None) or {}
    shapes = {name: tuple(entry["shape"]) for name, entry in entries.items()}
    end = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
    return Header(shapes, {str(key): str(value) for key, value in metadata.items()}), int(end)


def _taken_for(start: bytes) -> str:
    begun = start.lstrip()
    known = (kind for mark, kind in TAKEN_FOR_MODELS.items() if begun.startswith(mark))
    kind = next(known, "")
    return f"{kind}, not a safetensors file" if kind else "not a safetensors file, or damaged"
