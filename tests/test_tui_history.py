"""The history, as a person uses it; changes in colours; reports that say alike things once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from rich.text import Text
from textual.pilot import Pilot
from textual.widgets import Static

from dataprep.dataset import Dataset
from dataprep.jobs import finish
from dataprep.journal import Change
from dataprep.report import Issue, Report
from dataprep.stages import scan
from tests.test_tui_folder import main_screen, paint_project, until, workshop
from tui.app import Workshop
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.history import HistoryDialog, when
from tui.widgets.diff_view import DiffView, caption_diff, compact
from tui.widgets.lines import Lines
from tui.widgets.report_log import ReportLog


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three edits that stand, one that was undone for good."""
    folder = paint_project(tmp_path / "zumi")
    with Dataset.open(folder) as dataset:
        finish(scan.refresh(dataset))
        give(dataset, "left")
        dataset.undo()
        for tag in ("one", "two", "three"):
            give(dataset, tag)
    return folder


def give(dataset: Dataset, tag: str) -> None:
    names = ("lake.png", "portrait.jpg")
    rows = [dataset.caption_change(name, [tag, *dataset.tags(name)]) for name in names]
    dataset.edit(f"add [{tag}]", [*rows, dataset.decision_change("lake.png", "verdict", '"keep"')])


def caption(root: Path) -> str:
    return (root / "lake.txt").read_text().strip()


def dialog_of(pilot: Pilot[None]) -> HistoryDialog:
    dialog = next(s for s in pilot.app.screen_stack if isinstance(s, HistoryDialog))
    return dialog


def edits_of(pilot: Pilot[None]) -> Lines:
    return dialog_of(pilot).query_one("#history-edits", Lines)


def title(pilot: Pilot[None]) -> str:
    return str(dialog_of(pilot).query_one("#history-title", Static).render())


def line(pilot: Pilot[None], key: str) -> str:
    cells = dialog_of(pilot)._cells(key)
    return " ".join(str(cell) for cell in cells)


async def open_history(pilot: Pilot[None], app: Workshop) -> None:
    await until(pilot, lambda: app.desk and app.desk.project.loaded and not app.desk.jobs.running)
    await until(pilot, lambda: main_screen(pilot).room)
    await pilot.press("H")
    await until(pilot, lambda: isinstance(pilot.app.screen, HistoryDialog))
    await until(pilot, lambda: edits_of(pilot).keys)


async def test_edits_are_listed_newest_first(root: Path) -> None:
    app = workshop(root)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_history(pilot, app)
        assert list(edits_of(pilot).keys) == ["4", "3", "2", "1"]
        assert title(pilot) == "History   3 edits stand"
        assert line(pilot, "4").startswith("▸ 4 ")
        assert line(pilot, "4").endswith("add [three] 2 captions")
        assert line(pilot, "2").endswith("add [one] 2 captions, 1 decision")
        assert line(pilot, "1").startswith("· 1 ")


async def test_one_edit_is_shown_in_colours(root: Path) -> None:
    app = workshop(root)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_history(pilot, app)
        await pilot.press("j", "enter")
        diff = dialog_of(pilot).query_one(DiffView)
        await until(pilot, lambda: diff.display)
        assert title(pilot).startswith("add [two]   stands")
        whole = dialog_of(pilot).query_one(".whole > Static", Static).render()
        assert str(whole) == "two, one, zumi, lake, boat"
        assert any("success" in str(span.style) for span in whole.spans)
        await pilot.press("escape")
        assert edits_of(pilot).has_focus
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, HistoryDialog))


async def test_undo_and_redo_from_the_list(root: Path) -> None:
    app = workshop(root)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_history(pilot, app)
        await pilot.press("u")
        await until(pilot, lambda: line(pilot, "4").startswith("○"))
        assert caption(root) == "two, one, zumi, lake, boat"
        assert title(pilot) == "History   2 edits stand   1 can be redone"
        await pilot.press("U")
        await until(pilot, lambda: line(pilot, "4").startswith("▸"))
        assert caption(root) == "three, two, one, zumi, lake, boat"


async def test_going_to_an_edit_is_confirmed_and_leads_back_again(root: Path) -> None:
    app = workshop(root)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_history(pilot, app)
        await pilot.press("j", "j", "b")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        question = str(pilot.app.screen.query_one("#confirm-question", Static).render())
        assert question == "Undo 2 edits that were made after this one?"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryDialog))
        assert caption(root) == "three, two, one, zumi, lake, boat"
        await pilot.press("b")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("enter")
        await until(pilot, lambda: line(pilot, "2").startswith("▸"))
        assert caption(root) == "one, zumi, lake, boat"
        assert title(pilot).endswith("2 can be redone")
        # and on again, by the mouse
        edits_of(pilot).move_to("4")
        await pilot.press("b")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        question = str(pilot.app.screen.query_one("#confirm-question", Static).render())
        assert question == "Redo 2 edits, up to this one?"
        await pilot.click("#confirm-yes")
        await until(pilot, lambda: line(pilot, "4").startswith("▸"))
        assert caption(root) == "three, two, one, zumi, lake, boat"
        # nothing leads to what was undone for good
        edits_of(pilot).move_to("1")
        await pilot.press("b")
        assert isinstance(pilot.app.screen, HistoryDialog)


async def test_an_empty_history_says_so(tmp_path: Path) -> None:
    app = workshop(paint_project(tmp_path / "new"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(
            pilot, lambda: app.desk and app.desk.project.loaded and not app.desk.jobs.running
        )
        await pilot.press("H")
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryDialog))
        await until(pilot, lambda: "no edits yet" in title(pilot))
        await pilot.press("b", "u", "enter")
        assert isinstance(pilot.app.screen, HistoryDialog)


def test_times_are_as_short_as_they_can_be() -> None:
    today = date(2026, 5, 4)
    assert when("2026-05-04T09:08:07+00:00", today) == "09:08:07"
    assert when("2026-05-03T09:08:07+00:00", today) == "05-03 09:08"
    assert when("2025-05-04T09:08:07+00:00", today) == "2025-05-04"


def test_a_change_in_one_line() -> None:
    change = Change("caption", "[x].png", "", "a, b, c", "z, c, a\n")
    text = compact(change)
    assert text.plain.strip() == "- b  + z  ~ c"
    assert {str(span.style) for span in text.spans} >= {"red strike", "green", "yellow"}
    crop = Change("decision", "a.png", "crop", None, '{"box":1}')
    assert compact(crop).plain == 'crop: - → {"box":1}'


def test_a_caption_in_colours_is_never_markup() -> None:
    content = caption_diff("[red]a[/red], b", "[red]a[/red]", "b")
    assert content.plain == "[red]a[/red], b"
    (span,) = content.spans
    assert (span.start, str(span.style)) == (14, "$text-error strike underline")
    assert caption_diff(None, None).plain == "an empty caption"


async def test_reports_say_alike_issues_once_and_show_dry_runs(root: Path) -> None:
    app = workshop(root)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: main_screen(pilot).room)
        log = main_screen(pilot).query_one(ReportLog)
        main_screen(pilot).action_log()
        await pilot.pause()
        log.clear()
        issues = [Issue(f"{number}.png", "k", "too [small]") for number in range(9)]
        changes = tuple(Change("caption", f"{n}.png", "", "a", "b") for n in range(201))
        log.report(Report("crop", issues=tuple(issues), changes=changes, dry_run=True))
        await until(pilot, lambda: log.lines)
        lines = [strip.text.strip() for strip in log.lines]
        assert lines[:2] == [
            "crop: 0 would change, 9 to look at",
            "! 9 pictures (0.png, 1.png, 2.png, …): too [small]",
        ]
        assert lines[2:5] == ["0.png:", "- a", "+ b"]
        assert lines[-1] == "… and 1 more"
        assert isinstance(compact(changes[0]), Text)
