"""What the stages that edit captions share: one edit over all that are meant, counted and named."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dataprep import concept
from dataprep.captions import frequency
from dataprep.concept import Concept
from dataprep.dataset import Dataset
from dataprep.edits import Fixed
from dataprep.edits.patterns import Pattern
from dataprep.images import BadImage
from dataprep.jobs import Job, Progress
from dataprep.journal import Change, tally
from dataprep.report import Issue, Report
from dataprep.settings import Selected, read_recipe
from dataprep.stages.scan import refresh

STEP = 64
"""A progress is told after this many captions."""

EditOf = Callable[[str, Sequence[str]], list[str]]
"""From a picture's name and its tags to the tags it is to have."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """The captions of one run, each file once, and what is to be kept of them."""

    dataset: Dataset
    captions: Mapping[str, list[str]]
    """Tags by picture; of a picture without a caption none."""
    concept: Concept
    fixed: Fixed
    issues: list[Issue] = field(default_factory=list)


def opened(dataset: Dataset, settings: Selected, keep: int | None = None) -> Job[Bulk]:
    """The captions meant. Rejected pictures are among them: they may be kept again.

    ``keep``: how many tags stay at the front; None: as many as the recipe's [train] says.
    """
    issues = yield from refresh(dataset, settings)
    usable = {picture.name for picture in dataset.usable()}
    names: dict[str, str] = {}
    for picture in dataset.pictures():
        names.setdefault(dataset.caption_file(picture.name), picture.name)
    captions: dict[str, list[str]] = {}
    for done, name in enumerate(names.values(), start=1):
        try:
            tags = dataset.tags(name)
        except BadImage:
            continue  # reported by the scan
        if tags or name in usable:
            captions[name] = tags
        if done % STEP == 0:
            yield Progress(done, len(names), "reading the captions")
    known = concept.read(dataset.store)
    kept = kept_tokens(dataset) if keep is None else keep
    return Bulk(dataset, captions, known, Fixed(known.trigger, kept), issues)


def kept_tokens(dataset: Dataset) -> int:
    """How many tags the recipe's [train] keeps in place; 0 where it does not say."""
    value = read_recipe(dataset.root).get("train", {}).get("keep_tokens", 0)
    return value if isinstance(value, int) and value > 0 else 0


def changed(bulk: Bulk, edit: EditOf, *, bare: bool = False) -> Job[list[Change]]:
    """The changes that an edit makes. A caption that it leaves alone keeps its very bytes.

    Pictures without a caption stay so, unless ``bare``. Where the trigger word is, it stays first.
    """
    changes: list[Change] = []
    for done, (name, tags) in enumerate(bulk.captions.items(), start=1):
        if (tags or bare) and (edited := edit(name, tags)) != tags:
            row = bulk.dataset.caption_change(name, bulk.fixed.lead(edited))
            changes += [] if row.is_noop else [row]
        if done % STEP == 0 or done == len(bulk.captions):
            yield Progress(done, len(bulk.captions), name)
    return changes


def finished(
    bulk: Bulk,
    verb: str,
    title: str,
    changes: Sequence[Change],
    *,
    lines: Sequence[str] = (),
    facts: Mapping[str, Any] | None = None,
) -> Report:
    """Carry the changes out as one edit, and report it."""
    made = bulk.dataset.edit(title, changes)
    counts = tally(made)
    written = {change.name for change in made}
    none = sum(not tags for name, tags in bulk.captions.items() if name not in written)
    lacking = [f"{none} without a caption stay so"] if none else []
    return Report(
        verb,
        done=counts.captions,
        unchanged=len(bulk.captions) - counts.captions,
        issues=tuple(bulk.issues),
        changes=made,
        facts={**counts.to_json(), **(facts or {})},
        lines=(*lines, *lacking, str(counts) if made else "nothing to do"),
        dry_run=bulk.dataset.dry_run,
    )


def note(kind: str, reason: str) -> Issue:
    """A remark on no picture in particular."""
    return Issue("", kind, reason, fatal=False)


def unknown(captions: Iterable[Sequence[str]], wanted: Iterable[Pattern]) -> list[Issue]:
    """A remark for each pattern that fits no tag, with the nearest one; it may be a slip."""
    known = [tag for tag, _ in frequency(captions)]
    remarks = []
    for own in wanted:
        if not any(map(own.matches, known)):
            close = [] if own.regex else difflib.get_close_matches(own.text, known, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            remarks.append(note("unknown tag", f"no caption has '{own.text}'{hint}"))
    return remarks


def in_captions(number: int) -> str:
    """So many captions, as the name of an edit ends."""
    return f"in {number} caption{'' if number == 1 else 's'}"
