"""What an export would write, without writing: for a screen that shows it while one decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dataprep import concept, layout
from dataprep.buckets import Bucket
from dataprep.dataset import Dataset
from dataprep.exporting.manifest import Manifest
from dataprep.exporting.parts import concept_name
from dataprep.exporting.plan import Plan, make_plan
from dataprep.exporting.settings import Settings
from dataprep.exporting.writer import is_current
from dataprep.recipes import DEFAULT_OUT
from dataprep.settings import for_stage, read_recipe

NAMELESS = "concept"


@dataclass(frozen=True, slots=True)
class Folder:
    """One ``N_concept`` folder to be."""

    name: str
    images: int
    repeats: int
    regular: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be written."""

    settings: Settings
    folders: tuple[Folder, ...]
    buckets: Mapping[Bucket, int]
    """Pictures, without repeats, by the size they are trained at."""
    uses: Mapping[Bucket, int]
    """Uses an epoch makes of the pictures of each size, the regularization pictures among them."""
    fresh: int
    """Pictures that are not there yet as they should be."""
    current: int
    """Pictures that are."""
    left_out: int
    """Pictures that no concept takes."""
    bare: int
    """Pictures without a caption."""
    lines: tuple[str, ...]
    """The arithmetic of repeats and steps."""


def defaults(dataset: Dataset, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What is taken where the recipe does not say it: the folder, and the concept's name.

    That is the trigger word, else the project's folder.
    """
    found: dict[str, Any] = {}
    if "out" not in recipe:
        found["out"] = DEFAULT_OUT
    if not any(recipe.get(key) for key in ("concept", "parts", "by_folder")):
        found["concept"] = _usable(concept.read(dataset.store).trigger) or _usable(
            dataset.root.name
        )
        found["concept"] = found["concept"] or NAMELESS
    return found


def preview(dataset: Dataset, values: Mapping[str, Any]) -> Preview:
    """What an export with the recipe and these values would write. Raises ``UsageError``."""
    recipe = read_recipe(dataset.root).get("export", {})
    given = {**defaults(dataset, recipe), **values}
    if "out" in given:
        given["out"] = dataset.root / given["out"]
    settings = for_stage(Settings, "export", dataset.root, given)
    plan = make_plan(dataset, settings)
    fresh = _fresh(plan, settings)
    parts = {item.part for item in plan.items}
    images = Counter(item.part for item in plan.items)
    return Preview(
        settings,
        tuple(
            Folder(part.folder, images[part], part.repeats, part.regular)
            for part in sorted(parts, key=lambda part: part.folder)
        ),
        dict(sorted(plan.sizes.items())),
        plan.uses,
        fresh,
        len(plan.items) - fresh,
        len(plan.left_out),
        sum(not item.caption and not item.part.regular for item in plan.items),
        plan.lines,
    )


def _fresh(plan: Plan, settings: Settings) -> int:
    if not (settings.out / layout.TRAIN_FILE).is_file():
        return len(plan.items)
    manifest = Manifest(settings.out)
    try:
        return sum(not is_current(manifest, item, settings.form) for item in plan.items)
    finally:
        manifest.close()


def _usable(name: str) -> str:
    """A concept's name, or nothing where it cannot be one."""
    try:
        return concept_name(name) if name else ""
    except ValueError:
        return ""
