"""A cut carried out over a dataset's captions, as one edit, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dataprep import concept
from dataprep.captions import SEPARATOR, tag_key
from dataprep.concept import Concept
from dataprep.dataset import Dataset
from dataprep.jobs import Job, Progress
from dataprep.journal import PROJECT, Change
from dataprep.pruning.census import Census
from dataprep.pruning.cut import Cut
from dataprep.pruning.implications import clashes
from dataprep.report import Issue

STEP = 64
"""A progress is told after this many captions."""
SHOWN = 60
"""Tags, and remarks, that are listed for people."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an edit did."""

    changes: tuple[Change, ...]
    meant: int
    """Pictures the edit was about."""
    captions: int
    """Captions that changed."""
    emptied: int
    """Captions without any tag afterwards."""
    lacking: int
    """Pictures that have no caption."""
    title: str
    clashes: tuple[Issue, ...]


def carry_out(
    dataset: Dataset, captions: Mapping[str, Sequence[str]], cut: Cut, after: Concept
) -> Job[Done]:
    """Cut every caption and remember ``after``, as one edit.

    A picture without a caption stays so, for a tagger to write one.
    """
    before = concept.read(dataset.store)
    changes: list[Change] = []
    if after != before:
        changes.append(dataset.decision_change(PROJECT, concept.KEY, concept.encoded(after)))
    emptied = 0
    found: list[Issue] = []
    for done, (name, tags) in enumerate(captions.items(), start=1):
        left = cut.tags(name, tags) if tags else []
        if left != list(tags):
            changes.append(dataset.caption_change(name, left))
            emptied += all(tag == SEPARATOR for tag in left)
        found += contradictions(name, left)
        if done % STEP == 0 or done == len(captions):
            yield Progress(done, len(captions), name)
    named = title(changes, cut, before, after)
    made = dataset.edit(named, changes)
    changed = sum(change.kind == "caption" for change in made)
    lacking = sum(not tags for tags in captions.values())
    return Done(made, len(captions), changed, emptied, lacking, named, tuple(found))


def title(changes: Sequence[Change], cut: Cut, before: Concept, after: Concept) -> str:
    """The edit's name in the history: ``prune: 3 tags in 41 captions``."""
    captions = sum(change.kind == "caption" and not change.is_noop for change in changes)
    where = f"in {_counted(captions, 'caption')}"
    tags = len({key for key, _ in cut.taken})
    new, old = set(after.pruned) - set(before.pruned), set(before.pruned) - set(after.pruned)
    first = f"'{cut.trigger}' first" if cut.trigger and cut.trigger != cut.old_trigger else ""
    respelled = f"{_counted(len(cut.respelled), 'tag')} respelled" if cut.respelled else ""
    if tags:
        parts = [f"{_counted(tags, 'tag')} {where}", first, respelled]
    elif captions:
        what = ", ".join(part for part in (first, respelled) if part)
        # some captions had lost the trigger word that the project has
        parts = [f"{what or repr(cut.trigger) + ' first'} {where}"]
    else:
        noted = f"{_counted(len(new), 'tag')} noted as pruned" if new else ""
        forgotten = f"{_counted(len(old), 'tag')} forgotten" if old else ""
        parts = [noted, forgotten, first]
    return "prune: " + (", ".join(part for part in parts if part) or "nothing to do")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def summary(done: Done, dry_run: bool) -> list[str]:
    """What an edit did, for people."""
    lines = []
    if done.lacking:
        stay = "stays" if done.lacking == 1 else "stay"
        lines.append(
            f"{_counted(done.lacking, 'picture')} without a caption {stay} so, "
            "for `dataprep tag` to write one"
        )
    if done.emptied:
        lines.append(f"captions without any tag now: {done.emptied}")
    if not done.changes:
        return [*lines, "nothing to do: the captions are so already"]
    verb = "would change" if dry_run else "changed"
    return [*lines, f"{_counted(done.captions, 'caption')} {verb}: {done.title}"]


def captions_meant(dataset: Dataset) -> dict[str, list[str]]:
    """The tags of the usable pictures meant; of several that share a caption file, the first."""
    files: dict[str, str] = {}
    captions = dataset.all_tags()
    for name in captions:
        files.setdefault(dataset.caption_file(name), name)
    return {name: captions[name] for name in files.values()}


def captioned(dataset: Dataset, captions: Mapping[str, Sequence[str]]) -> Iterable[Sequence[str]]:
    """The captions that are there, empty ones among them: shares are of those."""
    for name, tags in captions.items():
        if tags or dataset.caption_text(name) is not None:
            yield tags


def contradictions(name: str, tags: Sequence[str]) -> list[Issue]:
    """Remarks on a caption that says two things of which one cannot be."""
    return [
        Issue(name, "contradiction", f"two {clash.name}: {', '.join(clash.tags)}", fatal=False)
        for clash in clashes(tags)
    ]


def merged(known: Concept, more: Iterable[str], forget: Iterable[str] = ()) -> Concept:
    """The concept with more tags pruned, each once, and without those to forget, by ``tag_key``."""
    gone = {*forget, tag_key(known.trigger)}
    pruned = {tag_key(tag): tag for tag in (*known.pruned, *more) if tag.strip()}
    return replace(known, pruned=tuple(tag for key, tag in pruned.items() if key not in gone))


def listing(counted: Census, found: Mapping[tuple[str, str], int]) -> list[dict[str, object]]:
    """Tags with reasons as rows: tag, captions, reason, the most frequent first."""
    rows = sorted(found.items(), key=lambda row: (-row[1], row[0]))
    return [
        {"tag": counted.spelling.get(key, key), "captions": count, "reason": reason}
        for (key, reason), count in rows
    ]


def table(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Rows of ``listing`` as lines for people."""
    shown = rows[:SHOWN]
    width = max((len(str(row["tag"])) for row in shown), default=0)
    lines = [f"{row['tag']!s:<{width}}  {row['captions']:>5}  {row['reason']}" for row in shown]
    if len(rows) > SHOWN:
        lines.append(f"… and {len(rows) - SHOWN} more (--json lists all)")
    return lines
