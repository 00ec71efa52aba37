"""The workshop as a person uses it: keys, mouse, jobs."""

import threading
import time
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Static
from textual_image.widget import HalfcellImage

from dataprep.dataset import Dataset
from dataprep.errors import DataprepError
from dataprep.jobs import Job, Progress
from dataprep.report import Report
from tests.test_tui_folder import (
    BROKEN,
    NAMES,
    main_screen,
    paint_project,
    until,
    workshop,
)
from tui.app import Workshop
from tui.jobs import Jobs
from tui.screens.form import FormScreen
from tui.widgets.filter import FilterLine
from tui.widgets.job_bar import JobBar
from tui.widgets.preview import Preview
from tui.widgets.rail import Rail
from tui.widgets.report_log import ReportLog
from tui.widgets.table import PictureTable

SIZE = (120, 40)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return paint_project(tmp_path / "zumi")


def table(pilot: Pilot[None]) -> PictureTable:
    return main_screen(pilot).query_one(PictureTable)


def text_of(pilot: Pilot[None], selector: str) -> str:
    return str(main_screen(pilot).query_one(selector, Static).content)


def logged(pilot: Pilot[None]) -> str:
    return "\n".join(strip.text for strip in main_screen(pilot).query_one(ReportLog).lines)


def cell(pilot: Pilot[None], name: str, column: int) -> str:
    return table(pilot).get_row(name)[column].plain


async def opened(pilot: Pilot[None]) -> None:
    """Wait for the first scan, and for its rows."""
    await until(pilot, lambda: not jobs(pilot).running and table(pilot).row_count == 5)


async def idle(pilot: Pilot[None]) -> None:
    await until(pilot, lambda: not jobs(pilot).running and "…" not in text_of(pilot, "#job"))
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def jobs(pilot: Pilot[None]) -> Jobs:
    assert isinstance(pilot.app, Workshop)
    return pilot.app.jobs


async def go_to_stage(pilot: Pilot[None], verb: str) -> None:
    await pilot.press("s")
    rail = main_screen(pilot).query_one(Rail)
    while rail.highlighted_option is None or rail.highlighted_option.id != verb:
        await pilot.press("j")


async def open_form(pilot: Pilot[None], verb: str) -> FormScreen:
    await go_to_stage(pilot, verb)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
    assert isinstance(pilot.app.screen, FormScreen)
    return pilot.app.screen


async def fill(pilot: Pilot[None], place: int, text: str) -> None:
    field = list(pilot.app.screen.query(Input))[place]
    field.focus()
    field.value = text
    await pilot.pause()


async def test_lists_every_file_with_its_name_intact(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        assert [str(key.value) for key in table(pilot).rows] == sorted([*NAMES, BROKEN])
        assert cell(pilot, NAMES[0], 1) == "[brackets] [b] 1.png"
        assert cell(pilot, NAMES[0], 3) == "zumi, horns"
        assert cell(pilot, "lake.png", 2) == "128×80"
        assert [cell(pilot, name, 0) for name in (*NAMES, BROKEN)] == ["●", "●", "●", "○", "!"]
        assert "not an image" in cell(pilot, BROKEN, 3)
        await until(pilot, lambda: "1 unreadable" in logged(pilot))


async def test_the_preview_follows_the_cursor(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        preview = main_screen(pilot).query_one(Preview)
        picture = preview.query_one(HalfcellImage)
        await until(pilot, lambda: picture.image is not None)
        assert "[brackets] [b] 1.png" in text_of(pilot, "#facts")
        await pilot.press("j")
        await until(pilot, lambda: "not an image" in text_of(pilot, "#reason"))
        assert not picture.display
        await pilot.press("down")
        await until(pilot, lambda: bool(picture.display))
        assert "lake.png" in text_of(pilot, "#facts")
        assert text_of(pilot, "#caption") == "zumi, lake, boat"
        assert picture.size.width / (2 * picture.size.height) == pytest.approx(128 / 80, rel=0.1)


async def test_first_and_last_row(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        await pilot.press("G")
        assert table(pilot).cursor_row == 4
        await pilot.press("k", "g")
        assert table(pilot).cursor_row == 3
        await pilot.press("g")
        assert table(pilot).cursor_row == 0


async def test_a_stage_runs_from_its_form_and_is_undone(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        await open_form(pilot, "crop")
        await fill(pilot, 0, "64")
        command = str(pilot.app.screen.query_one("#command", Static).content)
        assert command == f"$ dataprep crop {root} --size 64"
        await pilot.press("enter")
        await until(pilot, lambda: "crop: 4 done" in text_of(pilot, "#job"))
        await until(pilot, lambda: cell(pilot, "lake.png", 2) == "64×64")
        with Dataset.open(root) as dataset:
            crops = [decided.crop for decided in dataset.decisions().values()]
        assert [(crop.width, crop.height) for crop in crops if crop] == [(64, 64)] * 4
        assert "4 at 64×64" in logged(pilot)
        await pilot.press("u")
        await until(pilot, lambda: cell(pilot, "lake.png", 2) == "128×80")
        assert "taken back: crop to 64 px" in logged(pilot)


async def test_the_preview_shows_the_cut_and_the_original(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        await open_form(pilot, "crop")
        await fill(pilot, 0, "64")
        await pilot.press("enter")
        picture = main_screen(pilot).query_one(HalfcellImage)
        await until(pilot, lambda: picture.image is not None and picture.image.size == (64, 64))
        await pilot.press("o")
        await until(pilot, lambda: picture.image.size == (76, 51))


async def test_a_dry_run_decides_nothing_and_says_what_it_would(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        await open_form(pilot, "crop")
        await pilot.click("#dry")
        await until(pilot, lambda: "crop: 4 would change" in logged(pilot))
        assert "lake.png crop: -" in logged(pilot)
        with Dataset.open(root) as dataset:
            assert dataset.decisions() == {}


async def test_a_form_says_what_is_wrong_where_it_is_wrong(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        form = await open_form(pilot, "crop")
        await fill(pilot, 0, "100")
        row = form.query("FieldRow").first()
        assert "must be a multiple of 64" in str(row.query_one(".help", Static).content)
        await pilot.press("enter")
        assert pilot.app.screen is form
        await fill(pilot, 0, "128")
        assert "Side of the square" in str(row.query_one(".help", Static).content)
        await pilot.press("escape")
        assert pilot.app.screen is main_screen(pilot)


async def test_a_form_is_silent_about_what_was_not_touched_until_it_is_sent(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        form = await open_form(pilot, "export")
        first = form.query("FieldRow").first()
        await fill(pilot, 1, "zumi")
        assert not first.has_class("-wrong")
        await pilot.press("enter")
        assert first.has_class("-wrong")
        assert form.focused is first.query_one(Input)


async def test_the_recipe_fills_the_form(root: Path) -> None:
    (root / "dataprep.toml").write_text("[crop]\nsize = 128\nbuckets = true\n")
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        form = await open_form(pilot, "crop")
        assert form.query(Input).first().value == "128"
        assert str(form.query_one("#command", Static).content) == f"$ dataprep crop {root}"


async def test_a_broken_recipe_is_a_sentence(root: Path) -> None:
    (root / "dataprep.toml").write_text("[crop\n")
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        await go_to_stage(pilot, "crop")
        await pilot.press("enter")
        await pilot.pause()
        assert pilot.app.screen is main_screen(pilot)
        assert any("dataprep.toml" in note.message for note in pilot.app._notifications)


async def test_escape_closes_a_running_job_at_once(root: Path) -> None:
    cleaned = threading.Event()

    def endless(dataset: Dataset) -> Job[Report]:
        try:
            for done in range(1_000_000):
                yield Progress(done, 1_000_000, "[b]picture.png")
                time.sleep(0.01)
        finally:
            cleaned.set()
        return Report("slow")

    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        await idle(pilot)
        main_screen(pilot).start("slow", endless)
        await until(pilot, lambda: "/1000000" in text_of(pilot, "#job"))
        assert "[b]picture.png" in text_of(pilot, "#job")
        main_screen(pilot).start("second", endless)
        assert jobs(pilot).running == "slow"
        await pilot.press("escape")
        await until(pilot, lambda: "slow: stopped" in text_of(pilot, "#job"))
        assert cleaned.is_set()
        assert jobs(pilot).running == ""
        await open_form(pilot, "tags")
        await pilot.press("enter")
        await until(pilot, lambda: "5 tags in 3 of 4 pictures" in logged(pilot))


async def test_what_a_failed_job_says(root: Path) -> None:
    def refuses(dataset: Dataset) -> Job[Report]:
        yield Progress(0)
        raise DataprepError("the model is missing", "fetch it first")

    def faulty(dataset: Dataset) -> Job[Report]:
        yield Progress(0)
        raise ZeroDivisionError("by zero")

    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        await idle(pilot)
        main_screen(pilot).start("tag", refuses)
        await until(pilot, lambda: "fetch it first" in logged(pilot))
        assert "tag: the model is missing" in text_of(pilot, "#job")
        main_screen(pilot).start("tag", faulty)
        await until(pilot, lambda: "ZeroDivisionError: by zero" in logged(pilot))


async def test_leaving_does_not_wait_for_a_job(root: Path) -> None:
    let_go = threading.Event()

    def stuck(dataset: Dataset) -> Job[Report]:
        yield Progress(0)
        let_go.wait(60)
        yield Progress(1)
        return Report("stuck")

    app = workshop(root)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot)
        await idle(pilot)
        main_screen(pilot).start("stuck", stuck)
        await pilot.pause(0.1)
        await pilot.press("q")
        await until(pilot, lambda: app._exit)
    assert app.jobs.running == "stuck"
    assert not app.jobs.join(0.01)
    let_go.set()
    assert app.jobs.join(10)


async def test_the_filter_looks_in_names_and_captions(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        await pilot.press("slash", *"LAKE")
        await until(pilot, lambda: table(pilot).row_count == 1)
        await pilot.press("enter")
        assert table(pilot).has_focus
        assert "1 of 5 pictures" in text_of(pilot, "#banner")
        await pilot.press("escape")
        await until(pilot, lambda: table(pilot).row_count == 5)
        await pilot.press("slash", *"scarf", "down")
        await until(pilot, lambda: [key.value for key in table(pilot).rows] == ["portrait.jpg"])
        await pilot.press("slash", "escape")
        await until(pilot, lambda: table(pilot).row_count == 5)
        assert not main_screen(pilot).query_one(FilterLine).display


async def test_rescan_finds_new_files_and_keeps_the_cursor(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        await idle(pilot)
        await pilot.press("G")
        (root / "a new one.png").write_bytes((root / "lake.png").read_bytes())
        await pilot.press("r")
        await until(pilot, lambda: table(pilot).row_count == 6)
        current = table(pilot).current
        assert current is not None
        assert current.name == "square.png"


async def test_help_and_mouse(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        await idle(pilot)
        await pilot.press("question_mark")
        await until(pilot, lambda: pilot.app.screen is not main_screen(pilot))
        await pilot.press("question_mark")
        await until(pilot, lambda: pilot.app.screen is main_screen(pilot))
        await pilot.click(PictureTable, offset=(5, 3))
        assert table(pilot).cursor_row == 2
        await pilot.click(Rail, offset=(4, 1))
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        await pilot.click("#leave")
        await until(pilot, lambda: pilot.app.screen is main_screen(pilot))


async def test_few_keys_in_the_footer_and_all_can_be_remapped(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        bindings = [active.binding for active in pilot.app.screen.active_bindings.values()]
        shown = [binding for binding in bindings if binding.show]
        assert 0 < len({binding.action for binding in shown}) <= 7
        assert all(binding.id for binding in shown)
        pilot.app.set_keymap({"main.help": "f1"})
        await pilot.press("f1")
        await until(pilot, lambda: pilot.app.screen is not main_screen(pilot))


async def test_a_folder_without_pictures(tmp_path: Path) -> None:
    async with workshop(tmp_path).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "scan: 0 done" in text_of(pilot, "#job"))
        await pilot.press("j", "G", "g", "g", "o", "s", "tab", "escape")
        assert pilot.app.screen.query_one(DataTable).row_count == 0
        await pilot.press("u")
        await until(pilot, lambda: "there is nothing to undo" in logged(pilot))
        assert not main_screen(pilot).query_one(JobBar).has_focus


async def test_an_error_about_the_whole_form(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        form = await open_form(pilot, "prune")
        await pilot.press("enter")
        said = str(form.query_one("#error", Static).content)
        assert said == "give --remove, --preset, another rule of what goes, or --trigger"
        await fill(pilot, 1, "zumi")
        assert str(form.query_one("#error", Static).content) == ""
