"""The pictures of a run: what lies in the ``N_concept`` folders, and in which order it is used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dataprep import buckets
from dataprep.buckets import Bucket, Target
from dataprep.errors import UsageError
from dataprep.images import EXTENSIONS, BadImage, upright_size
from dataprep.layout import parse_folder
from dataprep.report import Issue
from train.config import TrainConfig
from train.data.item import Augment as Augment
from train.data.item import Dataset as Dataset
from train.data.item import Item as Item
from train.data.item import Use as Use
from train.seeds import shuffled, uniform


def scan(config: TrainConfig) -> Dataset:
    """Read the folders of ``train_data_dir``. Raises ``UsageError`` when nothing can be used."""
    root = config.train_data_dir
    assert root is not None
    items: list[Item] = []
    issues: list[Issue] = []
    target = target_of(config)
    sizes = target.sizes()
    for folder in _concept_folders(root, issues):
        repeats, concept = parse_folder(folder.name) or (0, "")
        pictures = _pictures(folder)
        if not pictures:
            issues.append(Issue(folder.name, "empty", "no pictures in this folder", fatal=False))
        for path in pictures:
            name = path.relative_to(root).as_posix()
            caption = _caption(path, config.caption_extension, concept, name, issues)
            bucket = _bucket(path, target, sizes, name, issues)
            if caption is not None and bucket is not None:
                items.append(Item(name, path, caption, repeats, bucket))
    if not items:
        reasons = "; ".join(f"{issue.file}: {issue.reason}" for issue in issues[:3])
        raise UsageError(f"{root}: no picture that can be used", reasons)
    return Dataset(tuple(items), tuple(issues))


def target_of(config: TrainConfig) -> Target:
    """The sizes that a configuration asks for; ``dataprep crop`` chooses through the same."""
    return Target(
        config.resolution,
        config.enable_bucket,
        config.min_bucket_reso,
        config.max_bucket_reso,
        config.bucket_reso_steps,
        config.bucket_no_upscale,
    )


def epoch(config: TrainConfig, items: Sequence[Item], number: int) -> list[list[Use]]:
    """The batches of one epoch, each of one bucket, in the order of use.

    The repeats of a picture are spread over the epoch, so it rarely meets itself in a batch.
    """
    uses = [Use(item, repeat) for item in items for repeat in range(item.repeats)]

    def place(use: Use) -> float:
        jitter = uniform(config.seed, "order", number, use.item.name, use.repeat)
        return (use.repeat + jitter) / use.item.repeats

    ordered = sorted(uses, key=lambda use: (place(use), use.item.name))
    batches = buckets.plan_batches(
        ((use.item.bucket, use) for use in ordered), config.train_batch_size
    )
    return shuffled(batches, config.seed, "batches", number)


def _concept_folders(root: Path, issues: list[Issue]) -> list[Path]:
    """The folders named ``N_concept`` in ``root``; why another one is left out is an issue."""
    if not root.is_dir():
        raise UsageError(f"train_data_dir {root}: no such folder")
    folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    concepts = [folder for folder in folders if parse_folder(folder.name)]
    if not concepts and _pictures(root):
        raise UsageError(*_pictures_at_top(root))
    if not concepts:
        there = ", ".join(folder.name for folder in folders[:5]) or "nothing"
        raise UsageError(
            f"train_data_dir {root}: no folder named like 10_name (there is: {there})",
            "the number says how often each picture is used per epoch",
        )
    for folder in folders:
        if folder not in concepts:
            reason = "left out: the name does not begin with repeats, as in 10_name"
            issues.append(Issue(folder.name, "no-repeats", reason, fatal=False))
    return concepts


def _pictures_at_top(root: Path) -> tuple[str, str]:
    if parse_folder(root.name):
        return (
            f"train_data_dir {root}: this is a concept folder itself",
            f"give its parent: {root.parent}",
        )
    return (
        f"train_data_dir {root}: the pictures lie here, not in a folder named like 10_name",
        "dataprep export arranges them",
    )


def _pictures(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in EXTENSIONS and not path.name.startswith(".") and path.is_file()
    )


def _caption(
    picture: Path, ending: str, concept: str, name: str, issues: list[Issue]
) -> str | None:
    """The first line of the caption file; the concept's name without one, as kohya does."""
    path = picture.with_suffix(ending)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        reason = f"no caption file {path.name}: '{concept}' is used"
        issues.append(Issue(name, "no-caption", reason, fatal=False))
        return concept
    except UnicodeDecodeError as error:
        reason = f"caption {path.name} is not UTF-8 text (byte {error.start})"
        issues.append(Issue(name, "bad-caption", reason))
        return None
    if any(line.strip() for line in lines[1:]):
        reason = f"only the first line of {path.name} is used"
        issues.append(Issue(name, "long-caption", reason, fatal=False))
    return lines[0].strip() if lines else ""


def _bucket(
    path: Path, target: Target, sizes: Sequence[Bucket], name: str, issues: list[Issue]
) -> Bucket | None:
    try:
        width, height = upright_size(path)
    except BadImage as error:
        issues.append(Issue(name, "bad-image", error.message))
        return None
    return target.choose(width, height, sizes)
