"""The line that shows how the running job is doing."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from dataprep.jobs import Progress
from tui.jobs import Pace
from tui.words import _

BAR_WIDTHS = (12, 24)
WIDE = 100


class JobBar(Static):
    """Progress, rate, time left and note of the running job; a hint while none runs."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id, markup=False)
        self._busy = False

    def hint(self, text: str) -> None:
        """Say this while nothing runs."""
        if not self._busy:
            self.update(Content.styled(text, "$text-muted"))

    def say(self, text: str) -> None:
        """Say what a key has done; the next job takes its place."""
        if not self._busy:
            self.update(Content.styled("  ".join(text.splitlines()), "$text-accent"))

    def begin(self, verb: str) -> None:
        """A job has started and has not said anything yet."""
        self._busy = True
        self.update(Content.assemble((verb, "bold"), " …"))

    def progress(self, verb: str, progress: Progress, pace: Pace) -> None:
        """Show how far the job is."""
        self._busy = True
        title = f"{verb} {progress.stage}" if progress.stage else verb
        parts: list[str | Content | tuple[str, str]] = [(title, "bold"), " "]
        if progress.total:
            width = BAR_WIDTHS[self.size.width >= WIDE]
            full = min(width, width * progress.done // progress.total)
            parts += [("━" * full, "$primary"), ("─" * (width - full), "$text-muted"), " "]
            parts.append(f"{progress.done}/{progress.total}")
        elif progress.done:
            parts.append(str(progress.done))
        parts += [("  ".join(["", *_pace(pace)]), "$text-muted"), f"  {progress.note}"]
        self.update(Content.assemble(*parts))

    def beside(self, verb: str, progress: Progress, pace: Pace) -> None:
        """Show what goes on beside all jobs, while there is none."""
        if not self._busy:
            self.progress(verb, progress, pace)
            self._busy = False

    def stopping(self, verb: str) -> None:
        """The job was asked to stop and finishes what it is in the middle of."""
        self.update(Content.assemble((verb, "bold"), (" " + _("stopping …"), "$text-warning")))

    def end(self, text: str, *, doubtful: bool = False) -> None:
        """The job is over; where not all could be done, the report is pointed at."""
        self._busy = False
        more = ("   " + _("L: the report"), "$text-warning") if doubtful else ""
        self.update(Content.assemble((text, "$text-muted"), more))


def _pace(pace: Pace) -> list[str]:
    words = []
    if pace.rate is not None:
        words.append(f"{pace.rate:.1f}/s" if pace.rate >= 1 else f"{1 / pace.rate:.1f} s each")
    if pace.left is not None:
        words.append(_("{time} left").format(time=clock(pace.left)))
    return words


def clock(seconds: float) -> str:
    """A length of time as m:ss, or h:mm:ss from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
