"""A captioner as it lies on the disk: of which family it is, and what stands for its weights.

Nothing here imports torch or transformers.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataprep.captioners.families import Family, family_of
from dataprep.errors import DataprepError

CONFIG = "config.json"
SAMPLE = 256
"""Bytes that are read out of the middle of each tensor."""
LONGEST_HEADER = 100_000_000
"""Bytes; the format's own limit."""
SMALL_FILES = ("*.json", "*.jinja", "*.txt", "*.model")
"""What, beside the weights, has a say in a caption: configuration, tokenizer, chat template."""


@dataclass(frozen=True, slots=True)
class CaptionModel:
    """What is known of a captioner without loading it."""

    name: str
    path: Path
    family: Family
    config: dict[str, Any]
    digest: str
    """Stands for all that changes its words: weights, configuration, tokenizer."""


def read_folder(folder: Path) -> CaptionModel:
    """The captioner in a folder. Raises ``DataprepError`` when it is none that can be used."""
    config = _config(folder)
    family = family_of(config)
    _check_class(folder, config, family)
    _check_own_code(folder, config, family)
    weights = _weights(folder)
    return CaptionModel(_name(folder), folder, family, config, _digest(folder, weights))


def _config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataprepError(
            f"{folder}: has no {CONFIG}", "a captioner is a folder as transformers saves it"
        ) from None
    except OSError as error:
        raise DataprepError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise DataprepError(f"{path}: is not JSON ({error})") from None
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise DataprepError(f"{path}: names no model_type", "is this a model of transformers?")
    return config


def _check_class(folder: Path, config: dict[str, Any], family: Family) -> None:
    classes = config.get("architectures") or []
    if family.architecture and classes and family.architecture not in classes:
        raise DataprepError(
            f"{folder}: is a {', '.join(classes)}, which writes no captions",
            f"take the checkpoint whose config.json says {family.architecture}",
        )


def _check_own_code(folder: Path, config: dict[str, Any], family: Family) -> None:
    """Checkpoints that only a program of their own reads: it is never run."""
    text = config.get("text_config")
    kind = text.get("model_type") if isinstance(text, dict) else None
    if family.name != "florence2" or not ("auto_map" in config or kind == "florence2_language"):
        return
    raise DataprepError(
        f"{folder}: is in Florence-2's old form, which needs a program out of its repository",
        "such programs are never run; take florence-community/Florence-2-large, or another "
        "checkpoint that was converted for transformers",
    )


def _weights(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.safetensors"))
    if found:
        return found
    pickles = sorted([*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth")])
    if pickles:
        raise DataprepError(
            f"{folder}: has its weights only as {pickles[0].name}, a pickle that could run code",
            "take a revision with .safetensors files, or convert it: "
            "https://huggingface.co/spaces/safetensors/convert",
        )
    raise DataprepError(f"{folder}: has no .safetensors file", "was it fetched whole?")


def _name(folder: Path) -> str:
    """A model is called as its folder, or as its repository where it lies in the hub's cache."""
    if folder.parent.name == "snapshots":
        return folder.parent.parent.name.rsplit("--", 1)[-1]
    return folder.name


def _digest(folder: Path, weights: list[Path]) -> str:
    """A hash of the small files, the weights' headers, and a few bytes of each tensor.

    Hashing weights whole takes a minute where they have 17 GB; no finetune leaves the middle of
    every tensor as it was.
    """
    digest = hashlib.sha256()
    small = {path for pattern in SMALL_FILES for path in folder.glob(pattern)}
    for path in sorted(small):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    for path in weights:
        digest.update(path.name.encode() + b"\0")
        _sample(path, digest)
    return digest.hexdigest()[:16]


def _sample(path: Path, digest: Any) -> None:
    """Header and samples of one file of weights.

    Format: https://huggingface.co/docs/safetensors (8 bytes of length, JSON, tensors).
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > LONGEST_HEADER:
                raise ValueError("its header is too long")
            header = stream.read(length)
            digest.update(header)
            for name, tensor in json.loads(header).items():
                if name != "__metadata__":
                    begin, end = (8 + length + offset for offset in tensor["data_offsets"])
                    if end > size:
                        raise ValueError("it ends too soon")
                    stream.seek((begin + end) // 2)
                    digest.update(stream.read(min(SAMPLE, end - (begin + end) // 2)))
    except OSError as error:
        raise DataprepError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError, struct.error):
        raise DataprepError(
            f"{path}: is not a whole .safetensors file", "fetch it again; it may be cut short"
        ) from None
