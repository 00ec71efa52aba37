"""What a person sees of a job: a bar on a terminal, plain lines in a pipe, then the report."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from dataprep.jobs import Progress
from dataprep.journal import Change, diff_lines, diff_rows, tally
from dataprep.report import Report, alike

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID
    from rich.text import Text

PLAIN_SECONDS = 5.0
"""In a pipe a stage says how far it is at most this often."""
SHOWN = 200
"""So many changes are printed one by one."""
COLOURS = {"-": "red strike", "+": "green", "~": "yellow"}
UNSAID = {"epoch", "lr_text_encoder", "images_per_s", "time_left_s", "memory_mb", "paused"}
"""Facts of a training step for which a line has no room; some stand in its note already."""
CONTROLS = dict.fromkeys([*range(32), *range(127, 160)], "\N{REPLACEMENT CHARACTER}")
"""A caption may hold what would steer the terminal."""


TOLD, FEW = 12, 4
"""Up to so many files with one and the same issue are named one by one; of more, the first few."""


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
            self._task = bars.add_task("", verb=stage, note="", count="", total=progress.total)
            self._stage = stage
        bars.update(
            self._task,
            completed=progress.done,
            total=progress.total,
            count=_count(progress),
            note=_note(progress),
        )

    def _in_lines(self, stage: str, progress: Progress) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._said = stage, now
        finished = progress.done > 0 and progress.done == progress.total
        # a silent child's last progress comes again at every poll
        news = progress != self._last
        if news and (finished or now - self._said > PLAIN_SECONDS):
            self._said, self._last = now, progress
            print(f"{stage}: {_count(progress)} {_note(progress)}".rstrip(), file=sys.stderr)


def _count(progress: Progress) -> str:
    """How many of how many; of a download, in megabytes."""
    unit, word = (1e6, " MB") if "MB_per_s" in progress.facts else (1, "")
    of = "" if progress.total is None else f"/{progress.total / unit:.0f}"
    return f"{progress.done / unit:.0f}{of}{word}"


def _note(progress: Progress) -> str:
    facts = (
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in progress.facts.items()
        if name not in UNSAID
    )
    return "  ".join((progress.note, *facts)).strip()


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
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
        Field("count", ""),
        TimeRemainingColumn(),
        Field("note", "dim"),
        console=Console(stderr=True),
    )


def show_report(report: Report) -> None:
    """Print a report for people: diff, results on stdout; issues on stderr."""
    if report.dry_run or report.stage == "history":
        show_changes(report.changes)
    for line in (*issue_lines(report), *report.remarks):
        print(line, file=sys.stderr)
    for line in report.lines:
        print(line)
    if report.dry_run:
        counts = str(tally(report.changes))
        if report.changes and counts not in report.lines:
            print(counts)
        print("dry run: nothing was written")
    grid = report.facts.get("grid")
    if grid and sys.stdout.isatty():
        show_picture(Path(str(grid)))


def issue_lines(report: Report) -> list[str]:
    """A line for each issue; the same of many files is said once, with some of their names."""
    lines = []
    for same in alike(report.issues):
        word = ("wrong" if report.stage == "check" else "skipped") if same.fatal else "note"
        names, reason = same.files, same.reason
        if len(names) > TOLD:
            some = ", ".join(names[:FEW])
            lines.append(f"{word}: {len(names)} pictures ({some}, …): {reason}; --json has all")
        else:
            lines += [f"{word}: {name}{': ' if name else ''}{reason}" for name in names]
    return lines


def show_changes(changes: Sequence[Change]) -> None:
    """Print what changes do, picture by picture; in colours on a terminal that wants them."""
    shown = changes[:SHOWN]
    if _in_colours():
        from rich.console import Console

        console = Console(highlight=False, soft_wrap=True)
        for change in shown:
            for text in coloured(change):
                console.print(text)
    else:
        for change in shown:
            print("\n".join(diff_lines(change)))
    if len(changes) > SHOWN:
        print(f"… and {len(changes) - SHOWN} more; --json has all")


def coloured(change: Change) -> list[Text]:
    """A change as lines in colours; the tags are text and never markup."""
    from rich.text import Text

    rows = []
    for sign, words in diff_rows(change):
        plain = words.translate(CONTROLS)
        rows.append(
            Text(plain, "bold") if sign == " " else _signed(Text(f"  {sign} "), sign, plain)
        )
    return rows


def _signed(line: Text, sign: str, words: str) -> Text:
    line.stylize(COLOURS[sign].removesuffix(" strike"))
    return line.append(words, COLOURS[sign])


def _in_colours() -> bool:
    """Whether stdout is a terminal, and its owner wants colours (https://no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain


def show_picture(path: Path) -> None:
    """Show a picture in the terminal, as sharp as it can: kitty, Sixel, or half cells."""
    from rich.console import Console
    from textual_image.renderable import Image

    console = Console()
    console.print(Image(str(path), width=min(console.width, 100)))
