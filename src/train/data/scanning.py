"""Reading the folders of a run: each picture with its caption, bucket, mask and rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from dataprep.buckets import Bucket, Target
from dataprep.errors import UsageError
from dataprep.images import BadImage, upright_size
from dataprep.report import Issue
from train.config import LATENT_PIXELS, TrainConfig
from train.data.folders import Folder, folders, pictures, setting
from train.data.item import Augment, Dataset, Item
from train.data.masks import Masks, masks_of
from train.data.merging import Placed, merged
from train.text.rules import CaptionRules


@dataclass(frozen=True, slots=True)
class _Holds:
    """What holds for every picture of a folder."""

    folder: Folder
    target: Target
    sizes: tuple[Bucket, ...]
    rules: CaptionRules
    augment: Augment
    ending: str
    """Of the caption files."""
    masks: Masks


def scan(config: TrainConfig) -> Dataset:
    """Read all folders. Raises ``UsageError`` when there is nothing to train on.

    What is wrong with single files becomes an issue; a fatal one leaves its picture out.
    """
    issues: list[Issue] = []
    found: list[tuple[Item, Target]] = []
    for folder in folders(config, issues):
        holds = _what_holds(config, folder, issues)
        paths = pictures(folder.path)
        if not paths:
            issues.append(Issue(folder.name, "empty", "no pictures in this folder", fatal=False))
        items = (_item(path, holds, issues) for path in paths)
        found += [(item, holds.target) for item in items if item is not None]
    if not any(not item.is_reg for item, _ in found):
        reasons = "; ".join(f"{issue.file}: {issue.reason}" for issue in issues[:3])
        raise UsageError(f"{_first_folder(config)}: no picture that can be used", reasons)
    return Dataset(_merged(config, found), tuple(issues))


def target_of(config: TrainConfig, resolution: tuple[int, int] | None = None) -> Target:
    """The sizes that a configuration asks for; ``dataprep crop`` chooses through the same.

    For a subset of another ``resolution`` (pixels) the limits of the sides grow and shrink with
    it. ``compat = "kohya"`` chooses as sd-scripts does.
    """
    low, high = config.min_bucket_reso, config.max_bucket_reso
    if resolution is not None and resolution != config.resolution:
        scale = math.sqrt(math.prod(resolution) / math.prod(config.resolution))
        low, high = min(round(low * scale), *resolution), max(round(high * scale), *resolution)
    return Target(
        resolution or config.resolution,
        config.enable_bucket,
        low,
        high,
        config.bucket_reso_steps,
        config.bucket_no_upscale,
        "kohya" if config.is_kohya else "log",
    )


def _what_holds(config: TrainConfig, folder: Folder, issues: list[Issue]) -> _Holds:
    target = target_of(config, setting(config, folder, "resolution"))
    _check(target, folder)
    rules = {rule.name: setting(config, folder, rule.name) for rule in fields(CaptionRules)}
    return _Holds(
        folder,
        target,
        target.sizes(),
        CaptionRules(**rules),
        Augment(
            flip=setting(config, folder, "flip_aug"),
            color=setting(config, folder, "color_aug"),
            random_crop=setting(config, folder, "random_crop"),
        ),
        setting(config, folder, "caption_extension"),
        masks_of(config, folder, issues),
    )


def _check(target: Target, folder: Folder) -> None:
    """Refuse a subset's resolution as the configuration's own would be."""
    width, height = target.resolution
    wrong = ""
    if target.buckets and target.step > min(width, height):
        wrong = f"bucket_reso_steps ({target.step}) must be at most the resolution"
    elif not target.buckets and (width % LATENT_PIXELS or height % LATENT_PIXELS):
        wrong = f"without buckets, resolution must be a multiple of {LATENT_PIXELS}"
    if wrong:
        raise UsageError(f"[[subsets]] {folder.path}: resolution {width}×{height}: {wrong}")


def _item(path: Path, holds: _Holds, issues: list[Issue]) -> Item | None:
    folder = holds.folder
    name = f"{folder.name}/{path.name}"
    caption = _caption(path, holds, name, issues)
    size = _size(path, name, issues)
    if caption is None or size is None:
        return None
    return Item(
        name,
        path,
        caption,
        folder.repeats,
        holds.target.choose(*size, holds.sizes),
        size,
        folder.is_reg,
        holds.rules,
        holds.augment,
        holds.masks.find(path, name, issues),
        holds.masks.alpha,
    )


def _caption(picture: Path, holds: _Holds, name: str, issues: list[Issue]) -> str | None:
    """The caption file's first line, all of it with wildcards; without one the folder's words."""
    path = picture.with_suffix(holds.ending)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        words = holds.folder.words
        told = f"'{words}' is used" if words else "it is trained on without words"
        # the same words for all of a folder: then they are said once
        reason = f"no {path.suffix} file with a caption: {told}"
        issues.append(Issue(name, "no-caption", reason, fatal=False))
        return words
    except UnicodeDecodeError as error:
        reason = f"caption {path.name} is not UTF-8 text (byte {error.start})"
        issues.append(Issue(name, "bad-caption", reason))
        return None
    if holds.rules.enable_wildcard:
        return text.strip()
    first, *more = text.splitlines() or [""]
    if any(line.strip() for line in more):
        reason = f"only the first line of {path.name} is used"
        issues.append(Issue(name, "long-caption", reason, fatal=False))
    return first.strip()


def _size(path: Path, name: str, issues: list[Issue]) -> tuple[int, int] | None:
    try:
        return upright_size(path)
    except BadImage as error:
        issues.append(Issue(name, "bad-image", error.message))
        return None


def _merged(config: TrainConfig, found: Sequence[tuple[Item, Target]]) -> tuple[Item, ...]:
    """The items, in fewer buckets where ``bucket_merge_crop`` allows it."""
    items = tuple(item for item, _ in found)
    if not (config.bucket_merge_crop and config.enable_bucket):
        return items
    placed = [Placed(item.size, item.bucket, item.repeats, target) for item, target in found]
    chosen = merged(placed, config.train_batch_size, config.bucket_merge_crop)
    return tuple(replace(item, bucket=bucket) for item, bucket in zip(items, chosen, strict=True))


def _first_folder(config: TrainConfig) -> Path:
    return config.train_data_dir or config.subsets[0].image_dir
