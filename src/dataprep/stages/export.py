"""``dataprep export``: every picture rendered once into the folder that is trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from dataprep import concept, files, layout
from dataprep.captions import frequency, join_tags
from dataprep.dataset import Dataset
from dataprep.decisions import Decisions
from dataprep.errors import DataprepError, UsageError
from dataprep.images import BadImage
from dataprep.jobs import Job, Progress
from dataprep.layout import Layout
from dataprep.pool import ordered, threads
from dataprep.report import Issue, Report
from dataprep.settings import Settings as Base
from dataprep.settings import read_recipe
from dataprep.stages.scan import refresh
from dataprep.store import Picture
from dataprep.weights import find_base

KEPT_TAGS = 12

Digests = Mapping[str, list[str]]


class NotOurs(DataprepError):
    """A person's own file stands where the export would write."""


def _folder_name(value: str) -> str:
    if not value.strip() or set(value) & set('/\\:*?"<>|'):
        raise ValueError('must be a folder name: not empty, none of / \\ : * ? " < > |')
    return value.strip()


class Settings(Base):
    """Where to, under which name, how often repeated."""

    out: Path = Field(json_schema_extra={"positional": True})
    """The training folder to write; relative to the current folder."""
    concept: Annotated[str, AfterValidator(_folder_name)]
    """Name of the concept, the second half of N_concept."""
    repeats: Annotated[int, Field(ge=1, le=1000)] = 10
    """How often each picture is seen in an epoch, the N of N_concept."""
    base: str = ""
    """The base model to train on: a diffusers folder of the SD1.5 shape, or "demo"."""
    tagger: str = ""
    """The tagger that `dataprep score` reads the samples with; the one used last if empty."""


@dataclass(frozen=True, slots=True)
class Item:
    """One picture on its way out."""

    picture: Picture
    decisions: Decisions
    path: Path
    caption: str

    @property
    def source(self) -> str:
        """What the exported picture is made of: equal text, equal pixels."""
        return f"{self.picture.sha} {self.decisions.render_key}"

    @property
    def caption_path(self) -> Path:
        """The exported caption file."""
        return self.path.with_suffix(".txt")

    @property
    def caption_bytes(self) -> bytes:
        """Its content; empty: there is none."""
        # the trainers stop at an empty caption file, and take the folder's name when there is none
        return f"{self.caption}\n".encode() if self.caption else b""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Render and caption every usable picture; what is there and unchanged is left alone."""
    issues = yield from refresh(dataset)
    target = Layout(settings.out, settings.concept, settings.repeats)
    if settings.out.resolve() == dataset.root:
        raise UsageError(f"{settings.out}: is the project itself", "give a folder of its own")
    base = find_base(settings.base) if settings.base else ""
    items = _items(dataset, target)
    if not items:
        raise UsageError(f"{dataset.root}: no picture to export", "see `dataprep scan`")
    if dataset.dry_run:
        return _dry(target, items, issues)
    target.make()
    # first of all: train.toml marks the folder as an export, no project's pictures lie in it
    _write_train_file(dataset, settings, base, target, items)
    written, removed, bad = yield from _write(dataset, target, items)
    issues += bad
    issues += [
        Issue(path.name, "layout", "another folder of this concept is trained as well", fatal=False)
        for path in target.siblings()
    ]
    return _report(target, items, written, removed, issues)


def _items(dataset: Dataset, target: Layout) -> list[Item]:
    pictures, decisions, tags = dataset.usable(), dataset.decisions(), dataset.all_tags()
    stems = layout.target_names(picture.name for picture in pictures)
    return [
        Item(
            picture,
            decisions.get(picture.name, Decisions()),
            target.images / f"{stems[picture.name]}.png",
            join_tags(tags.get(picture.name, [])),
        )
        for picture in pictures
    ]


def _write(
    dataset: Dataset, target: Layout, items: list[Item]
) -> Job[tuple[int, int, list[Issue]]]:
    """Bring the folder of pictures up to date: how many were written, removed, and what failed."""
    before = layout.read_captions(target.out)
    fresh = {item.caption_path.name: [layout.digest(item.caption_bytes)] for item in items}
    # both, while it is not said which of them a kill left
    both = {name: sorted({*before.get(name, ()), *fresh[name]}) for name in fresh}
    layout.write_captions(target.out, {**before, **both})
    written, issues = yield from _render_all(dataset, items, both)
    removed = _remove_stale(target, items, before)
    layout.write_captions(target.out, fresh)
    return written, removed, issues


def _render_all(dataset: Dataset, items: list[Item], ours: Digests) -> Job[tuple[int, list[Issue]]]:
    written, issues = 0, []

    def work(item: Item) -> bool | Issue:
        try:
            return _export(dataset, item, ours)
        except BadImage as error:
            return Issue(item.picture.name, "unreadable", error.message)
        except NotOurs as error:
            return Issue(item.picture.name, "kept", error.message)

    with closing(ordered(items, work, threads(), 2 * threads())) as outcomes:
        for done, (item, outcome) in enumerate(outcomes, start=1):
            if isinstance(outcome, Issue):
                issues.append(outcome)
            else:
                written += outcome
            yield Progress(done, len(items), item.picture.name)
    return written, issues


def _export(dataset: Dataset, item: Item, ours: Digests) -> bool:
    """Write one picture and its caption; False when both were there already.

    Raises ``NotOurs`` when a person's own work stands in their place.
    """
    source = layout.source_of(item.path)
    if source is None and item.path.exists():
        raise NotOurs(f"{item.path} was not written by an export, and is kept")
    if source != item.source:
        image = dataset.render(item.picture, item.decisions)
        layout.save_picture(image, item.path, item.source)
    return _write_caption(item, ours) or source != item.source


def _write_caption(item: Item, ours: Digests) -> bool:
    path = item.caption_path
    current = path.read_bytes() if path.is_file() else b""
    if current == item.caption_bytes:
        return False
    if current and layout.digest(current) not in ours[path.name]:
        raise NotOurs(f"{path} was edited, and is kept; edit the project's caption instead")
    if item.caption_bytes:
        files.write_bytes(path, item.caption_bytes)
    else:
        path.unlink()
    return True


def _remove_stale(target: Layout, items: list[Item], ours: Digests) -> int:
    """Take out pictures that an earlier export wrote and that are no longer wanted."""
    wanted = {item.path for item in items}
    stale = [
        path
        for path in target.images.glob("*.png")
        if path not in wanted and layout.source_of(path) is not None
    ]
    for path in stale:
        path.unlink()
        caption = path.with_suffix(".txt")
        known = ours.get(caption.name, [])
        if caption.is_file() and layout.digest(caption.read_bytes()) in known:
            caption.unlink()
    return len(stale)


def _write_train_file(
    dataset: Dataset, settings: Settings, base: str, target: Layout, items: list[Item]
) -> None:
    """train.toml: the folder's facts and the recipe's [train] table, and defaults beside them."""
    known = concept.read(dataset.store)
    recipe = read_recipe(dataset.root)
    rows = frequency(dataset.all_tags().values())
    tagger = settings.tagger or str(recipe.get("tag", {}).get("model", ""))
    facts: dict[str, Any] = {
        "train_data_dir": "img",
        "caption_extension": ".txt",
        **recipe.get("train", {}),
        "trigger_word": known.trigger,
        "pruned_tags": list(known.pruned),
        "kept_tags": layout.kept_tags(rows, len(items), known.trigger, KEPT_TAGS),
    }
    if base:
        facts["pretrained_model_name_or_path"] = base
    if tagger:
        facts["tagger"] = tagger
    defaults = {
        "resolution": _resolution(items),
        "keep_tokens": 1 if known.trigger else 0,
        "output_dir": "model",
        "output_name": settings.concept,
        "max_train_epochs": 10,
    }
    layout.write_train_file(target.train_file, facts, defaults)


def _resolution(items: list[Item]) -> int:
    """The side of the square of the same area as the largest picture, on the grid of 64."""
    crops = [item.decisions.crop for item in items if item.decisions.crop]
    area = max((crop.width * crop.height for crop in crops), default=512 * 512)
    return max(64, round(math.sqrt(area) / 64) * 64)


def _dry(target: Layout, items: list[Item], issues: list[Issue]) -> Report:
    fresh = [item for item in items if layout.source_of(item.path) != item.source]
    return Report(
        "export",
        unchanged=len(items) - len(fresh),
        issues=tuple(issues),
        facts={"would_write": [str(item.path) for item in fresh]},
        lines=(
            *(f"+ {item.path}  {item.caption}" for item in fresh),
            f"{len(fresh)} pictures would be written to {target.images}",
        ),
        dry_run=True,
    )


def _report(
    target: Layout, items: list[Item], written: int, removed: int, issues: list[Issue]
) -> Report:
    bare = [item.picture.name for item in items if not item.caption]
    remarks = [
        Issue(name, "no caption", "is trained under the folder's name", False) for name in bare
    ]
    return Report(
        "export",
        done=written,
        unchanged=len(items) - written,
        issues=(*issues, *remarks),
        facts={"images": str(target.images), "train": str(target.train_file), "removed": removed},
        lines=(
            f"{len(items)} pictures in {target.images} ({written} written, {removed} removed)",
            f"train with: dataprep train {target.out}",
        ),
    )
