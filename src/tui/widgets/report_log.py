"""What the jobs have reported, newest last."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import RichLog

from dataprep.columns import printable
from dataprep.journal import diff_rows
from dataprep.report import Alike, Report, alike
from tui.widgets.diff_view import SIGNED
from tui.words import _, n_

DIFFS = 200
"""A dry run shows this many changes at most."""
TOLD, FEW = 6, 3
"""Up to so many files with one and the same issue are named one by one; of more, the first few."""


class ReportLog(RichLog):
    """Reports as text; never markup, they are full of file names."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id, wrap=True, min_width=20, max_lines=5000)

    def report(self, report: Report) -> None:
        """Write down how a stage ended."""
        self.write(Text(heading(report), "bold"))
        for line in report.lines:
            self.write(Text("  " + line))
        for same in alike(report.issues):
            for text in _issue(same):
                self.write(text)
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
            for sign, words in diff_rows(change):
                if sign == " ":
                    self.write(Text("  " + printable(words)))
                else:
                    mark = Text(f"    {sign} ", SIGNED[sign].removesuffix(" strike"))
                    self.write(mark.append(printable(words), SIGNED[sign]))
        if len(report.changes) > DIFFS:
            more = len(report.changes) - DIFFS
            self.write(Text("  " + n_("… and {n} more", "… and {n} more", more), "dim"))


def _issue(same: Alike) -> list[Text]:
    """Lines for one sort of issue: file by file, or of many files only some by name."""
    sign = ("  ! ", "red") if same.fatal else ("  · ", "yellow")
    if len(same.files) <= TOLD:
        return [
            Text.assemble(sign, f"{printable(file)}: " if file else "", same.reason)
            for file in same.files
        ]
    some = ", ".join(map(printable, same.files[:FEW]))
    many = n_("{n} picture", "{n} pictures", len(same.files))
    return [Text.assemble(sign, f"{many} ({some}, …): {same.reason}")]


def heading(report: Report) -> str:
    """A report in one line."""
    done = report.done
    if "pid" in report.facts:
        # something was begun, and nothing is done yet
        return f"{report.stage}: {report.lines[0]}"
    if report.dry_run:
        said = n_("{n} would change", "{n} would change", done)
    else:
        said = n_("{n} done", "{n} done", done)
    parts = [f"{report.stage}: {said}"]
    if report.unchanged:
        parts.append(_("{n} unchanged").format(n=report.unchanged))
    if report.issues:
        parts.append(_("{n} to look at").format(n=len(report.issues)))
    return ", ".join(parts)
