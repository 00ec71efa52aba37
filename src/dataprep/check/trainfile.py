"""What a training folder's own settings file says: our train.toml, or one of kohya's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataprep.buckets import Target
from dataprep.layout import TRAIN_FILE
from dataprep.settings import RECIPE, read_toml

KNOWN = frozenset(
    {"train_data_dir", "pretrained_model_name_or_path", "resolution", "caption_extension"}
    | {"image_dir", "subsets"}
)
"""By one of these keys a TOML file is known to be a trainer's."""
LEAST_SIDE = 64
KOHYA = Target((512, 512), buckets=True)
"""What kohya's trainers and their screens do when nothing is said."""


@dataclass(frozen=True, slots=True)
class TrainFile:
    """The settings that decide what a trainer sees; kohya's names and defaults."""

    path: Path | None = None
    data: Path | None = None
    """``train_data_dir``; None: not said."""
    reg: Path | None = None
    subsets: tuple[Path, ...] = ()
    """Folders that are named one by one, and so need no prefix."""
    target: Target = KOHYA
    caption_extension: str = ".txt"
    keep_tokens: int = 0
    max_token_length: int = 75
    trigger: str = ""
    base: str = ""


def find_train_file(folder: Path) -> Path | None:
    """The trainer's settings of a folder: its train.toml, else another TOML of a trainer.

    A folder inside (``img``, or a concept) is described by the train.toml above it.
    """
    above = [place / TRAIN_FILE for place in (folder, *list(folder.parents)[:2])]
    beside = [path for path in sorted(folder.glob("*.toml")) if path.name != RECIPE]
    return next((path for path in above if path.is_file()), None) or next(
        (path for path in beside if KNOWN & {key for key, _ in _pairs(read_toml(path))}), None
    )


def read_train_file(path: Path) -> TrainFile:
    """Read what matters of it. Raises ``UsageError`` or ``ValueError`` for what cannot be read."""
    pairs = list(_pairs(read_toml(path)))
    values: dict[str, Any] = dict(reversed(pairs))

    def folder(key: str) -> Path | None:
        return path.parent / str(values[key]) if values.get(key) else None

    return TrainFile(
        path,
        data=folder("train_data_dir"),
        reg=folder("reg_data_dir"),
        subsets=tuple(path.parent / str(value) for key, value in pairs if key == "image_dir"),
        target=_target(values),
        caption_extension=_ending(str(values.get("caption_extension", ".txt"))),
        keep_tokens=_whole(values, "keep_tokens", 0),
        max_token_length=max(75, _whole(values, "max_token_length", 75)),
        trigger=str(values.get("trigger_word", "")),
        base=str(values.get("pretrained_model_name_or_path", "")),
    )


def _target(values: Mapping[str, Any]) -> Target:
    return Target(
        _sides(values.get("resolution", 512)),
        buckets=bool(values.get("enable_bucket", True)),
        min_size=_whole(values, "min_bucket_reso", 256),
        max_size=_whole(values, "max_bucket_reso", 1024),
        step=max(1, _whole(values, "bucket_reso_steps", 64)),
        no_upscale=bool(values.get("bucket_no_upscale", False)),
    )


def _sides(value: Any) -> tuple[int, int]:
    """kohya takes 512, "512", "512,768" and [512, 768]."""
    parts = value.split(",") if isinstance(value, str) else value
    sides = [int(part) for part in parts] if isinstance(parts, list) else [int(parts)]
    if min(sides) < LEAST_SIDE:
        raise ValueError(f"resolution: must be at least {LEAST_SIDE} (got {value!r})")
    return sides[0], sides[-1]


def _ending(value: str) -> str:
    if Path(f"name{value}").suffix != value:
        raise ValueError(f"caption_extension: must be an ending such as .txt (got {value!r})")
    return value


def _whole(values: Mapping[str, Any], key: str, default: int) -> int:
    number = int(values.get(key, default))
    if number < 0:
        raise ValueError(f"{key}: must not be below 0 (got {number})")
    return number


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value, out of tables in tables and lists of them."""
    if isinstance(value, list):
        for part in value:
            yield from _pairs(part)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from _pairs(inner)
