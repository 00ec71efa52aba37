"""What a person sees of a job: a bar on a terminal, plain lines in a pipe, then the report."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from dataprep.jobs import Progress
from dataprep.journal import diff_lines
from dataprep.report import Report

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

PLAIN_SECONDS = 5.0
"""In a pipe a stage says how far it is at most this often."""


class Shower:
    """Shows progress on stderr; stdout belongs to results."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._bars: Bars | None = None
        self._task: TaskID | None = None
        self._stage = ""
        self._said = 0.0
        self._last = Progress(0)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._bars = _bars()
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, progress: Progress) -> None:
        """Show one progress; a job that has said nothing yet is not worth a line."""
        if progress == Progress(0):
            return
        stage = progress.stage or self._verb
        if self._bars is not None:
            self._on_bar(self._bars, stage, progress)
        else:
            self._in_lines(stage, progress)

    def _on_bar(self, bars: Bars, stage: str, progress: Progress) -> None:
        if self._task is None or stage != self._stage:
            self._task = bars.add_task("", verb=stage, note="", total=progress.total)
            self._stage = stage
        bars.update(self._task, completed=progress.done, total=progress.total, note=_note(progress))

    def _in_lines(self, stage: str, progress: Progress) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._said = stage, now
        finished = progress.done > 0 and progress.done == progress.total
        # a silent child's last progress comes again at every poll
        news = progress != self._last
        if news and (finished or now - self._said > PLAIN_SECONDS):
            self._said, self._last = now, progress
            of = "" if progress.total is None else f"/{progress.total}"
            print(f"{stage}: {progress.done}{of} {_note(progress)}".rstrip(), file=sys.stderr)


def _note(progress: Progress) -> str:
    facts = (
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in progress.facts.items()
    )
    return "  ".join((progress.note, *facts)).strip()


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars
    from rich.text import Text

    class Field(ProgressColumn):
        """A task's own text, never read as markup: file names hold brackets."""

        def __init__(self, name: str, style: str) -> None:
            super().__init__()
            self._name, self._style = name, style

        def render(self, task: Task) -> Text:
            return Text(
                str(task.fields[self._name]), self._style, no_wrap=True, overflow="ellipsis"
            )

    return Bars(
        Field("verb", "bold"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        Field("note", "dim"),
        console=Console(stderr=True),
    )


def show_report(report: Report) -> None:
    """Print a report for people: diff, results on stdout; issues on stderr."""
    if report.dry_run:
        for change in report.changes:
            print("\n".join(diff_lines(change)))
    for issue in report.issues:
        word = ("wrong" if report.stage == "check" else "skipped") if issue.fatal else "note"
        print(f"{word}: {issue.file}{': ' if issue.file else ''}{issue.reason}", file=sys.stderr)
    for line in report.lines:
        print(line)
    if report.dry_run:
        print("dry run: nothing was written")
    grid = report.facts.get("grid")
    if grid and sys.stdout.isatty():
        show_picture(Path(str(grid)))


def show_picture(path: Path) -> None:
    """Show a picture in the terminal, as sharp as it can: kitty, Sixel, or half cells."""
    from rich.console import Console
    from textual_image.renderable import Image

    console = Console()
    console.print(Image(str(path), width=min(console.width, 100)))
