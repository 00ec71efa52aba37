"""What the jobs have reported, newest last."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import RichLog

from dataprep.journal import diff_lines
from dataprep.report import Report

DIFFS = 200
"""A dry run shows this many changes at most."""


class ReportLog(RichLog):
    """Reports as text; never markup, they are full of file names."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id, wrap=True, min_width=20, max_lines=5000)

    def report(self, report: Report) -> None:
        """Write down how a stage ended."""
        self.write(Text(heading(report), "bold"))
        for line in report.lines:
            self.write(Text("  " + line))
        for issue in report.issues:
            where = f"{issue.file}: " if issue.file else ""
            sign = ("  ! ", "red") if issue.fatal else ("  · ", "yellow")
            self.write(Text.assemble(sign, where, issue.reason))
        if report.dry_run:
            self._diffs(report)

    def failure(self, verb: str, message: str, hint: str) -> None:
        """Write down why a stage could not go on."""
        self.write(Text.assemble((f"{verb}: ", "bold red"), message))
        if hint:
            self.write(Text("  " + hint, "dim"))

    def say(self, text: str) -> None:
        """Write one plain line."""
        self.write(Text(text))

    def _diffs(self, report: Report) -> None:
        for change in report.changes[:DIFFS]:
            for line in diff_lines(change):
                self.write(Text("  " + line))
        if len(report.changes) > DIFFS:
            self.write(Text(f"  … and {len(report.changes) - DIFFS} more", "dim"))


def heading(report: Report) -> str:
    """A report in one line."""
    parts = [f"{report.stage}: {report.done} {'would change' if report.dry_run else 'done'}"]
    if report.unchanged:
        parts.append(f"{report.unchanged} unchanged")
    if report.issues:
        parts.append(f"{len(report.issues)} to look at")
    return ", ".join(parts)
