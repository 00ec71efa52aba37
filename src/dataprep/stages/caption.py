"""``dataprep caption``: let a model describe every picture, then write that into the captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataprep.captioners.describing import Describing, Task
from dataprep.captioners.memory import Memory, Prompter, settled
from dataprep.captioners.parts import Answer
from dataprep.captioners.settings import Settings
from dataprep.captioners.source import Source, find, work
from dataprep.dataset import Dataset
from dataprep.jobs import Job
from dataprep.journal import Change
from dataprep.report import Issue, Report
from dataprep.stages.scan import refresh
from dataprep.writing import Plan, Writer, plan, remarks

__all__ = ["Settings", "run"]

MOST_PROMPT = 200
"""Letters of a prompt that are shown."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run is about: the pictures that get a caption, and what is known of them."""

    tasks: tuple[Task, ...]
    settled: dict[str, Answer]
    """Texts that stand in their captions already, by picture."""
    todo: tuple[Task, ...]
    """Those to ask about, each content once."""
    without_tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """What became of them."""

    changes: tuple[Change, ...]
    answers: tuple[Answer, ...]
    """Of the pictures that were to be written and have one."""
    cut: tuple[Issue, ...]
    plan: Plan


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Ask about the pictures that will be written, then write the captions as one edit."""
    source = yield from find(dataset, settings)
    issues = yield from refresh(dataset, settings)
    wanted = _wanted(dataset, source)
    describing = yield from work(dataset, source, wanted.todo)
    written = _write(dataset, source, wanted)
    found = (*issues, *describing.issues, *written.cut)
    failed = len({issue.file for issue in describing.issues if issue.file})
    return Report(
        "caption",
        done=len(written.changes),
        unchanged=len(dataset.usable()) - len(written.changes) - failed,
        issues=found,
        changes=written.changes,
        facts=_facts(source, wanted, describing, written),
        lines=_lines(dataset, source, wanted, describing, written, found),
        dry_run=dataset.dry_run,
    )


def _wanted(dataset: Dataset, source: Source) -> Wanted:
    settings = source.settings
    pictures = plan(dataset, dataset.usable(), settings).pictures
    memory = Memory(dataset, source.key)
    prompter = Prompter(dataset, source.template, memory)
    tasks = prompter.tasks(pictures)
    there: dict[str, Answer] = {}
    todo = tasks
    if not settings.redo:
        there = settled(dataset, memory, tasks) if "tags" in source.template.places else {}
        todo = [t for t in tasks if t.picture.name not in there and memory.answer(t) is None]
    once = {task.key: task for task in todo}
    without = tuple(name for name in prompter.without_tags if name not in there)
    return Wanted(tuple(tasks), there, tuple(once.values()), without)


def _write(dataset: Dataset, source: Source, wanted: Wanted) -> Written:
    """Write what is known now; which pictures may be written is asked again."""
    memory = Memory(dataset, source.key)
    tasks = {task.picture.name: task for task in wanted.tasks}
    planned = plan(dataset, dataset.usable(), source.settings)
    writer = Writer(dataset, source.settings)
    proposed: list[Change] = []
    answers: list[Answer] = []
    cut: list[Issue] = []
    limit = f"its caption was cut at the limit of {source.generation.max_new_tokens} tokens"
    for picture in planned.pictures:
        task = tasks.get(picture.name)
        if task is None:
            continue  # it came while the others were asked about
        answer = wanted.settled.get(picture.name) or memory.answer(task)
        if answer is None:
            continue  # among the issues
        change = writer.change(picture.name, answer.text)
        answers.append(answer)
        proposed.append(change)
        if answer.cut and not change.is_noop:
            cut.append(Issue(picture.name, "cut", limit, fatal=False))
    changes = dataset.edit(f"caption with {source.name}", proposed, source.settings.origin)
    return Written(changes, tuple(answers), tuple(cut), planned)


def _words_each(answers: Sequence[Answer]) -> float:
    return sum(len(answer.text.split()) for answer in answers) / max(1, len(answers))


def _facts(
    source: Source, wanted: Wanted, describing: Describing, written: Written
) -> dict[str, object]:
    return {
        "model": source.name,
        "family": source.family.name,
        "endpoint": source.server.url if source.server else "",
        "key": source.key,
        "device": describing.device,
        "remarks": list(describing.remarks),
        "asked": len(wanted.todo),
        "cached": len(wanted.tasks) - len(wanted.todo),
        "written": len(written.changes),
        "kept": written.plan.kept,
        "protected": written.plan.protected,
        "cut": len(written.cut),
        "without_tags": len(wanted.without_tags),
        "words_each": round(_words_each(written.answers), 1),
        "img_per_s": round(describing.per_second, 2),
    }


def _lines(
    dataset: Dataset,
    source: Source,
    wanted: Wanted,
    describing: Describing,
    written: Written,
    issues: Sequence[Issue],
) -> tuple[str, ...]:
    verb = "would caption" if dataset.dry_run else "captioned"
    where = describing.device or "texts remembered"
    first = f"{verb} {len(written.changes)} pictures with {source.name} ({where})"
    if written.changes:
        first += f": {_words_each(written.answers):.1f} words each"
    parts = [first, *remarks(written.plan)]
    if skipped := len({issue.file for issue in issues if issue.fatal and issue.file}):
        parts.append(f"{skipped} skipped")
    lines = ["; ".join(parts), *describing.remarks]
    if written.cut:
        limit = source.generation.max_new_tokens
        lines.append(
            f"{len(written.cut)} were cut at {limit} tokens; --max-new-tokens lets them on"
        )
    if wanted.without_tags:
        lines.append(_said_without_tags(source, len(wanted.without_tags)))
    return tuple(lines)


def _said_without_tags(source: Source, count: int) -> str:
    """How the prompt reads where it has a place for tags and there are none."""
    prompt = source.template.render(trigger="{trigger}", name="{name}")
    shown = prompt if len(prompt) <= MOST_PROMPT else prompt[:MOST_PROMPT] + " …"
    return (
        f'{count} pictures have no tags, so their prompt reads "{shown}"; to keep tags and '
        "captions, tag first and then write with --caption-extension .caption, --append or "
        "--overwrite"
    )
